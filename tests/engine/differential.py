"""The engine beside other engines on random streams: `python -m tests.engine.differential --count 10000`.

Each seed makes one stream with every rule for the list-scan book, one for obook and one for Liquibook on the rules that
they share with us. The first difference is printed with its stream, and the exit status tells whether there was any.
"""

import argparse
import json
import sys
from typing import Any

import msgspec

from engine.replay import Stream as ReplayStream
from engine.replay import replay
from tests.engine import plain_book
from tests.engine.outside_engines import LIQUIBOOK_RULES, OBOOK_RULES, play_liquibook, play_obook
from tests.engine.streams import EVERY_RULE, Stream, random_stream

OTHERS = {
    "list-scan book": (EVERY_RULE, plain_book.replay),
    "obook": (OBOOK_RULES, play_obook),
    "liquibook": (LIQUIBOOK_RULES, play_liquibook),
}


def play_ours(stream: Stream) -> dict[str, Any]:
    """Through the JSON of the command line, both ways."""
    outcome = replay(msgspec.json.decode(json.dumps(stream), type=ReplayStream))
    played: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(outcome))
    return played


def difference(name: str, seed: int) -> dict[str, Any] | None:
    """None if ours and the engine called `name` agree on the stream of `seed`, else what each said."""
    rules, play = OTHERS[name]
    stream = random_stream(seed, rules)
    theirs = play(stream)
    ours = {key: value for key, value in play_ours(stream).items() if key in theirs}
    return None if ours == theirs else {"stream": stream, "ours": ours, name: theirs}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.engine.differential")
    parser.add_argument("--count", type=int, default=10_000, help="streams for each of the other engines")
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in OTHERS:
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.count):
            found = difference(name, seed)
            if found is not None:
                print(f"{name}, seed {seed}:", json.dumps(found))
                return 1
        print(f"{name}: {arguments.count} streams agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
