"""The labelled messages of tests/data/*.jsonl, and what agreeing with a label means."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from nlp.parser import Parser
from nlp.reading import Reading

DEFAULT_AS_OF = "2025-11-03"
FILES = ("commands.jsonl", "more_commands.jsonl")
DIALOGUES = ("dialogues.jsonl", "more_dialogues.jsonl")
_FRAGILE = frozenset({"past", "ambiguous_asset", "typo"})
_DATA = Path(__file__).parents[1] / "data"
_SLOTS = (
    "side", "quantity", "asset", "contract", "price", "time_in_force", "expires_in", "order_id", "direction",
    "language",
)  # fmt: skip


def rows(file: str = "commands.jsonl") -> list[dict[str, Any]]:
    """Every row of a file; more_commands.jsonl holds what people say who never saw the first."""
    return [json.loads(line) for line in (_DATA / file).read_text(encoding="utf-8").splitlines() if line.strip()]


def traps() -> list[dict[str, Any]]:
    """The messages that must not be executed without asking.

    Of the later file those are left out of which a slip or a lost accent makes another message: "compré" without its
    accent, or a word that stands between two assets already.
    """
    later = [row for row in rows(FILES[1]) if not _FRAGILE & set(row.get("tags", ()))]
    return [row for row in rows() + later if row.get("must_not_execute")]


def read(parser: Parser, row: dict[str, Any], text: str | None = None) -> Reading:
    """What the parser makes of a row, or of `text` in its place."""
    return parser.read(
        row["text"] if text is None else text,
        as_of=date.fromisoformat(row.get("as_of", DEFAULT_AS_OF)),
        last_language=row["lang"],
        channel=row["channel"],
    )


def agrees(row: dict[str, Any], reading: Reading) -> bool:
    """Whether intent, slots and what is missing are those labelled; a soft row only asks that nothing is executed."""
    expected = row["expect"]
    if {"intent_soft", "slots_soft"} & set(row.get("tags", ())) and row.get("must_not_execute"):
        return not reading.acts
    if expected["intent"] != reading.intent or set(expected.get("missing", reading.missing)) != set(reading.missing):
        return False
    return all(_same(expected.get(slot), getattr(reading, slot)) for slot in _SLOTS)


def _same(expected: str | None, got: object) -> bool:
    if expected is None or got is None:
        return expected in (None, "DAY", "GTT") and got is None
    if isinstance(got, (Decimal, int)):
        return Decimal(expected) == got
    return expected == got
