"""When a run has come to rest: nothing waits to be understood, settled or told."""

import time
from collections.abc import Callable

import sqlalchemy as sa

from bot import tables
from engine.tables import waiting_commands
from web.twilio_double import LATE_SECONDS_MAX


def wait_until_told(database: sa.Engine, *, but_for_kept: bool, seconds_max: float) -> None:
    """Until nothing waits, `but_for_kept` what Twilio refused as outside the 24 hours until the next contact."""
    unhandled = sa.select(sa.func.count()).select_from(tables.inbox).where(tables.inbox.c.handled_at.is_(None))
    outbox = tables.outbox.c
    kept = sa.select(outbox.conversation_id).where(outbox.state == "waiting", outbox.error_code == "63016")
    moving = sa.select(sa.func.count()).select_from(tables.outbox).where(outbox.state.in_(("waiting", "sending")))
    if but_for_kept:
        moving = moving.where(outbox.conversation_id.not_in(kept))
    undecided = (
        sa.select(sa.func.count())
        .select_from(tables.outbox)
        .where(outbox.state.in_(("queued", "sent")), outbox.checked_at.is_(None))
    )
    unsettled = sa.select(sa.func.count()).select_from(waiting_commands)
    end = time.monotonic() + seconds_max
    quiet_since = time.monotonic()
    # A callback or a second delivery that a fault holds back comes within this time.
    while time.monotonic() - quiet_since <= LATE_SECONDS_MAX:
        # One view of all: a message that moved between two queries would be in none.
        with database.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            counts = [connection.scalar(query) for query in (unhandled, unsettled, moving, undecided)]
        if any(counts):
            quiet_since = time.monotonic()
        assert time.monotonic() < end, f"unhandled, unsettled, unsent and undecided messages: {counts}"
        time.sleep(0.3)


def wait_until(what: str, condition: Callable[[], bool], seconds_max: float) -> None:
    end = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < end, f"after {seconds_max} seconds it is still not so that {what}"
        time.sleep(0.2)
