"""requirements.txt alone brings all that a run imports; what only tests need could hide that something is missing."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"
INSTALLED_BEFORE = {"torch", "pip", "setuptools"}

# Imports what a local run and each process of the Procfile do, where only the distributions that are named are there.
IMPORT = """
import importlib, re, sys
from importlib.metadata import packages_distributions

brought = set(sys.argv[1:])
there = {
    name for name, owners in packages_distributions().items()
    if brought & {re.sub("[-_.]+", "-", owner).lower() for owner in owners}
}
missing = set(packages_distributions()) - there

class NotBrought:
    def find_spec(name, path=None, target=None):
        if name in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotBrought)
for name in (
    "web.local", "web.serving", "bot.worker", "bot.understanding", "bot.settling", "bot.delivery", "bot.pictures",
    "bot.statement_pdf", "bot.voice", "nlp.speech", "bot.sweep", "bot.migrate", "bot.chat", "bot.staff",
):
    importlib.import_module(name)
assert "pytest" in missing
"""
SETTINGS = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1",
    "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "t",
    "TWILIO_WHATSAPP_NUMBER": "whatsapp:+14155238886",
    "WHATSAPP_VERIFY_TOKEN": "v",
}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def brought_by(names: set[str]) -> set[str]:
    """Those distributions and all that they say they need on this machine."""
    seen: set[tuple[str, str]] = set()
    waiting = {(canonical(name), "") for name in names}
    while waiting:
        name, extra = waiting.pop()
        seen.add((name, extra))
        try:
            needed = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        for one in map(Requirement, needed):
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                waiting |= {(canonical(one.name), wanted) for wanted in ("", *one.extras)} - seen
    return {name for name, _ in seen}


def test_whatever_a_run_imports_comes_with_its_requirements():
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    brought = brought_by(INSTALLED_BEFORE | {Requirement(line.partition("#")[0]).name for line in lines})
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT, *brought],
        cwd=REQUIREMENTS.parent,
        env=SETTINGS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
