"""A short run of everything with everything going wrong; `make faults` runs long ones of many seeds."""

from pathlib import Path

from tests.faults.plan import Plan
from tests.faults.seeded_run import carry_out

SEED = 20251206
SECONDS = 40


def test_whatever_goes_wrong_nothing_is_lost_doubled_or_wrong(tmp_path: Path):
    result = carry_out(Plan.of(SEED, SECONDS), tmp_path)
    told = "\n".join([str(result), *result.problems])
    assert not result.problems, f"{told}\nTo repeat it: python -m tests.faults --seed {SEED} --seconds {SECONDS}"
