"""How long reading a message takes: the labelled messages, messages of 300 characters, and what only wastes time.

Time is the process's own, so that other processes' turns on the processor are not counted. The messages of 300
characters are the labelled ones end to end, each read once, after others: traders' words come again, messages do not.
`python -m tests.bench.bench_parser` prints the percentiles, in milliseconds.
"""

import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from nlp.catalogue import Catalogue
from nlp.parser import Parser
from tests.nlp import labelled

_AS_OF = date(2025, 11, 3)
_CATALOGUE = Path(__file__).parents[2] / "engine" / "demo_catalogue.toml"
_LENGTH_MAX = 300
_WARMING = 50
_HOSTILE = {
    "10,000 characters": "buy 100 dec25 wheat at 150 " * 400,
    "a megabyte of emoji": "🚀" * 250_000,
    "1,000 unknown words": "qzxv " * 200,
    "1,000 digits": "1 " * 500,
}


def main() -> None:
    """Print a line for each kind of message."""
    started = time.perf_counter()
    parser = Parser(Catalogue.from_toml(_CATALOGUE))
    print(f"built in {time.perf_counter() - started:.2f} s")
    said = _said()
    joined = " ".join(said)
    long = [joined[start : start + _LENGTH_MAX] for start in range(0, len(joined) - _LENGTH_MAX, _LENGTH_MAX)]
    for text in long[:_WARMING]:
        _milliseconds(parser, text)
    _report(f"{_LENGTH_MAX} characters (target: p50 under 2 ms, p99 under 10 ms)", parser, long[_WARMING:])
    _report("labelled messages", parser, said)
    for name, text in _HOSTILE.items():
        _report(name, parser, [text])


def _said() -> list[str]:
    """Every labelled message, and all that is said in the labelled conversations."""
    messages = [row["text"] for file in labelled.FILES for row in labelled.rows(file)]
    dialogues = [row for file in labelled.DIALOGUES for row in labelled.rows(file)]
    return list(dict.fromkeys([*messages, *(turn["user"] for row in dialogues for turn in row["turns"])]))


def _report(name: str, parser: Parser, texts: Sequence[str]) -> None:
    taken = sorted(_milliseconds(parser, text) for text in texts)
    median, late = taken[len(taken) // 2], taken[min(len(taken) - 1, len(taken) * 99 // 100)]
    print(f"{name}: p50 {median:.2f} ms, p99 {late:.2f} ms, max {taken[-1]:.2f} ms over {len(taken)}")


def _milliseconds(parser: Parser, text: str) -> float:
    started = time.process_time()
    parser.read(text, as_of=_AS_OF)
    return (time.process_time() - started) * 1000


if __name__ == "__main__":
    main()
