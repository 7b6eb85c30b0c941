"""Messages that were understood wrongly, with what would have been right: labelled rows to test the parser with."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.refusals import RequestRefused
from bot.retries import find_message
from bot.tables import bad_readings, conversations, inbox, staff

# What a label may say: the intents and slots of a Reading, which a test compares with the parser's own.
INTENTS = (
    "place_order", "incomplete_order", "confirm_order", "cancel_order", "cancel_last", "cancel_all", "amend_order",
    "status", "last_order", "market", "book", "chart", "alert", "orders", "trades", "my_trades", "account",
    "positions", "help", "greeting", "thanks", "yes", "no", "language", "unknown",
)  # fmt: skip
SLOTS = (
    "side", "quantity", "asset", "contract", "price", "order_type", "time_in_force", "expires_in", "order_id",
    "direction", "language",
)  # fmt: skip


class InvalidLabel(RequestRefused):
    """Not an intent that messages have. Facts: intent."""

    code = "invalid_label"


def mark(session: Session, inbox_id: int, staff_id: int, expect: Mapping[str, str], now: datetime) -> None:
    """Keep what a message should have been understood as; a later label replaces the one before.

    `expect` holds `intent` and slots as a Reading's JSON writes them. Raises InvalidLabel, MessageNotFound.
    """
    find_message(session, inbox_id)
    if expect.get("intent") not in INTENTS:
        raise InvalidLabel(intent=expect.get("intent", ""))
    label = {name: value for name, value in expect.items() if name in ("intent", *SLOTS) and value}
    session.execute(
        insert(bad_readings)
        .values(inbox_id=inbox_id, staff_id=staff_id, expect=label, marked_at=now)
        .on_conflict_do_update(
            index_elements=[bad_readings.c.inbox_id], set_={"staff_id": staff_id, "expect": label, "marked_at": now}
        )
    )


def of_message(session: Session, inbox_id: int) -> sa.RowMapping | None:
    """The label that a message has, if it is marked."""
    query = sa.select(bad_readings).where(bad_readings.c.inbox_id == inbox_id)
    return session.execute(query).mappings().one_or_none()


def marked(session: Session) -> list[sa.RowMapping]:
    """Every label with its message and who gave it, the newest first."""
    return list(session.execute(_query().order_by(bad_readings.c.marked_at.desc())).mappings())


def rows(session: Session) -> Iterator[dict[str, object]]:
    """One labelled command a row: `{"id", "lang", "channel", "text", "as_of", "expect", "tags"}`, and no number."""
    for row in session.execute(_query().order_by(bad_readings.c.inbox_id)).mappings():
        transcript, reading = row["transcript"], row["reading"]
        expires_in = row["expect"].get("expires_in", "")
        yield {
            "id": f"desk-{row['inbox_id']}",
            "lang": row["language"] if reading is None else reading["lang"],
            "channel": "text" if transcript is None else "voice",
            "text": row["body"] if transcript is None else transcript.get("text", ""),
            "as_of": row["received_at"].date().isoformat(),
            "expect": row["expect"] | ({"expires_in": int(expires_in)} if expires_in.isdecimal() else {}),
            "tags": ["desk"],
        }


def _query() -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(
            bad_readings,
            staff.c.username,
            inbox.c.body,
            inbox.c.transcript,
            inbox.c.reading,
            inbox.c.received_at,
            conversations.c.language,
        )
        .join(staff, staff.c.id == bad_readings.c.staff_id)
        .join(inbox, inbox.c.id == bad_readings.c.inbox_id)
        .join(conversations, conversations.c.id == inbox.c.conversation_id)
    )
