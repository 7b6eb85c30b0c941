"""A thousand users and more at once, on this machine, clients included: `make load`.

Without arguments every stage is run, one after the other, and docs/LOAD.md is written. `--users 1000` runs one stage
and keeps its result beside those of earlier runs; `--report` writes the document from what is kept.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.load import report, stage
from tests.load.stage import Result

PROJECT = Path(__file__).parent.parent.parent


class Stage(NamedTuple):
    users: int
    shards: int
    seconds: int


STAGES = (Stage(100, 1, 60), Stage(1000, 1, 240), Stage(5000, 1, 60), Stage(1000, 4, 60), Stage(5000, 4, 60))


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    arguments.add_argument("--users", type=int)
    arguments.add_argument("--shards", type=int, default=1)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--report", action="store_true")
    arguments.add_argument("--results", type=Path, default=PROJECT / "var" / "load")
    given = arguments.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    stages = STAGES if given.users is None else (Stage(given.users, given.shards, given.seconds),)
    if not given.report:
        for one in stages:
            result = stage.run(*one)
            file_of(given.results, one).write_bytes(msgspec.json.format(msgspec.json.encode(result)))
            print(report.told(result), flush=True)
    if given.users is None:
        kept = [msgspec.json.decode(file_of(given.results, one).read_bytes(), type=Result) for one in STAGES]
        report.write(kept, PROJECT / "docs")


def file_of(results: Path, one: Stage) -> Path:
    return results / f"{one.users}-users-{one.shards}-shards.json"


if __name__ == "__main__":
    main()
