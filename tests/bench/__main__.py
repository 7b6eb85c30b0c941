"""All benchmarks, and the document of what they print: `make bench`.

`python -m tests.bench [name ...]` runs those that are named, or all, and writes docs/BENCHMARKS.md from the last output
of each, which is kept between runs. `--report` runs none.
"""

import argparse
import re
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from tests.bench import machine

PROJECT = Path(__file__).parent.parent.parent
DOCUMENT = PROJECT / "docs" / "BENCHMARKS.md"
PREFIX = "bench_"
NAMES = tuple(sorted(path.stem.removeprefix(PREFIX) for path in Path(__file__).parent.glob(f"{PREFIX}*.py")))
SUMMARY = re.compile(r'^"""(.+?)(?:: `python -m [^`]+`)?[.\n]')
TARGET = "target"
LOGGED = "{"  # A line of the log of a process that is measured.


class Measured(msgspec.Struct, frozen=True):
    """What a benchmark printed, and when."""

    on: date
    seconds: float
    output: str


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument("names", nargs="*", metavar="name", help=", ".join(NAMES))
    arguments.add_argument("--report", action="store_true")
    arguments.add_argument("--results", type=Path, default=PROJECT / "var" / "bench")
    given = arguments.parse_args()
    if unknown := set(given.names).difference(NAMES):
        arguments.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    given.results.mkdir(parents=True, exist_ok=True)
    if not given.report:
        for name in given.names or NAMES:
            kept(given.results, name).write_bytes(msgspec.json.encode(measure(name)))
    results = {
        name: msgspec.json.decode(kept(given.results, name).read_bytes(), type=Measured)
        for name in NAMES
        if kept(given.results, name).exists()
    }
    DOCUMENT.write_text(document(results))


def kept(results: Path, name: str) -> Path:
    return results / f"{name}.json"


def measure(name: str) -> Measured:
    """Run one, showing what it prints as it prints it."""
    print(f"== {name}", flush=True)
    begun, lines = time.monotonic(), []
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.bench.{PREFIX}{name}"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith(LOGGED):
                print(line, end="", flush=True)
                lines.append(line)
    if process.returncode:
        sys.exit(f"{name} ended with {process.returncode}.")
    return Measured(datetime.now(UTC).date(), time.monotonic() - begun, "".join(lines))


def document(results: dict[str, Measured]) -> str:
    parts = [
        "# Benchmarks",
        machine.paragraph(
            "`make bench` runs every benchmark on the project's real code and real servers and writes this page; "
            "nothing in it is typed. Clients, servers and workers share the machine. Figures of users at once are in "
            "[LOAD.md](LOAD.md)."
        ),
        machine.paragraph(f"Machine: {machine.described()}."),
        machine.paragraph(f"Versions: {machine.versions()}."),
        machine.paragraph(f"Outside engines: {', '.join(machine.installed(machine.ENGINES))}."),
        "## Against their targets",
        "\n".join(
            f"- [{name}](#{name}): {line.strip()}"
            for name, result in results.items()
            for line in result.output.splitlines()
            if TARGET in line
        ),
    ]
    if missing := [name for name in NAMES if name not in results]:
        parts.append(machine.paragraph(f"Not run on this machine yet: {', '.join(missing)}."))
    for name, result in results.items():
        command = f"`python -m tests.bench {name}`, {result.on}, {result.seconds:.0f} s."
        parts += [f"## {name}", f"{summary(name)}. {command}", f"```\n{result.output.rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def summary(name: str) -> str:
    """The first sentence of the benchmark's own description."""
    found = SUMMARY.search((Path(__file__).parent / f"{PREFIX}{name}.py").read_text())
    assert found is not None, name
    return found[1]


if __name__ == "__main__":
    main()
