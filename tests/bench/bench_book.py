"""The book's speed beside three matching engines from the package index, interleaved in one run.

    pip install --ignore-requires-python -r tests/bench/requirements.txt
    python -m tests.bench.bench_book

Every engine plays the same seeded stream on a fresh book and returns its trades and events to Python. Each round plays
all engines in turn, so that a slow minute of the machine falls on all; the medians and their ratios are what counts.
Time is the process's own, so that other processes' turns on the processor are not counted.
"""

import argparse
import gc
from collections.abc import Sequence
from statistics import median
from time import process_time

from tests.bench import engines
from tests.bench.flow import Operation, operations

# Its time grows with the square of the stream: it plays only the beginning.
ORDER_MATCHING_OPERATIONS_MAX = 2_000

OURS = "maibroker book"
TARGETS = {"liquibook": 1.5, "matching-engine": 2}
CONTENDERS: dict[str, engines.Contender] = {
    OURS: engines.book,
    "maibroker market": engines.market,
    "liquibook": engines.liquibook,
    "matching-engine": engines.matching_engine,
    "order-matching": engines.order_matching,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_book")
    parser.add_argument("--operations", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    stream = operations(arguments.operations)
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    trades: dict[str, int] = {}
    for _ in range(arguments.rounds):
        for name, contender in CONTENDERS.items():
            played = stream[:ORDER_MATCHING_OPERATIONS_MAX] if name == "order-matching" else stream
            seconds, trades[name] = time_one(contender, played)
            rates[name].append(len(played) / seconds)
    ours = median(rates[OURS])
    print(f"{'engine':17}{'operations/s':>14}{'slowest':>12}{'fastest':>12}{'trades':>9}{'ours is':>10}")
    for name, measured in rates.items():
        print(
            f"{name:17}{median(measured):>14,.0f}{min(measured):>12,.0f}{max(measured):>12,.0f}"
            f"{trades[name]:>9,}{ours / median(measured):>9.2f}x"
        )
    for name, target in TARGETS.items():
        print(f"ours is {ours / median(rates[name]):.2f} times {name} (target: {target} times)")


def time_one(contender: engines.Contender, stream: Sequence[Operation]) -> tuple[float, int]:
    """Processor seconds to play the stream, and how many trades there were."""
    play = contender(stream)
    gc.collect()
    started = process_time()
    events = play()
    seconds = process_time() - started
    return seconds, sum(map(engines.is_trade, events))


if __name__ == "__main__":
    main()
