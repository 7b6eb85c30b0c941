"""PostgreSQL's advisory locks are one namespace for the whole project."""

import re
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent


def test_no_two_kinds_of_advisory_lock_share_a_class():
    classes = [
        number
        for folder in ("bot", "engine", "web")
        for path in (PROJECT / folder).rglob("*.py")
        for number in re.findall(r"^[A-Z_]+_LOCK = (\d+)", path.read_text(), re.MULTILINE)
    ]
    assert len(classes) >= 4
    assert len(set(classes)) == len(classes)
