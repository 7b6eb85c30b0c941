"""Seeds of faults, one after another: `python -m tests.faults` prints a line for each and what came of all.

With --seed only that one; --show prints its plan and starts nothing.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

from tests.faults.plan import Plan
from tests.faults.seeded_run import carry_out

LOGS = Path("var/faults")
SEEDS = 10
SECONDS = 150  # In which traders act and faults strike; starting, mending and checking come on top.


def main() -> int:
    # A shell's background job comes with its interrupts ignored; whoever ends this wants all of it to end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", help="this seed alone; may be given several times")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long traders act and faults strike")
    parser.add_argument("--logs", type=Path, default=LOGS, help="where each seed leaves its plan and its logs")
    parser.add_argument("--show", action="store_true", help="print the plan and start nothing")
    arguments = parser.parse_args()
    plans = [Plan.of(seed, arguments.seconds) for seed in arguments.seed or range(1, SEEDS + 1)]
    if arguments.show:
        print("\n".join(map(str, plans)))
        return 0
    begun, failed = time.monotonic(), []
    for plan in plans:
        print(f"seed {plan.seed} begins", file=sys.stderr, flush=True)
        result = carry_out(plan, arguments.logs / f"seed-{plan.seed}")
        print(result, flush=True)
        for problem in result.problems:
            print(f"  {problem}", flush=True)
        if result.problems:
            failed.append(plan.seed)
    minutes = (time.monotonic() - begun) / 60
    verdict = f"problems with seeds {failed}" if failed else "nothing lost, doubled or wrong"
    print(f"{len(plans)} seeds in {minutes:.0f} minutes: {verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
