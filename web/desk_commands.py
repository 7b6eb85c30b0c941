"""Commands that the desk gives the market: woken once committed, and waited for, so that a person sees the end."""

import time
from collections.abc import Sequence

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Session

from bot import queues
from engine import events as market_events
from engine.events import Event
from engine.history import is_settled
from engine.submission import Receipt
from engine.tables import events, shards

SETTLED_WITHIN_SECONDS = 3
LOOK_EVERY_SECONDS = 0.05


def last_events(session: Session) -> dict[int, int]:
    """Each shard's last event, read before a command is given: what comes of it lies behind."""
    return {row.id: row.last_event for row in session.execute(sa.select(shards.c.id, shards.c.last_event))}


def outcome(receipts: Sequence[Receipt], before: dict[int, int]) -> list[Event] | None:
    """What the market made of it, in order; None where it has not answered in time. After the commit."""
    redis, reads = current_app.extensions["redis"], current_app.extensions["reads"]
    for shard_id in {receipt.shard_id for receipt in receipts}:
        queues.wake(redis, queues.SETTLE, shard_id)
    queues.wake(redis, queues.DELIVER)
    end = time.monotonic() + SETTLED_WITHIN_SECONDS
    while True:
        with reads() as session:
            if all(is_settled(session, receipt.shard_id, receipt.command_id) for receipt in receipts):
                return [event for receipt in receipts for event in _events(session, receipt, before)]
        if time.monotonic() > end:
            return None
        time.sleep(LOOK_EVERY_SECONDS)


def _events(session: Session, receipt: Receipt, before: dict[int, int]) -> list[Event]:
    rows = session.execute(
        sa.select(events.c.body)
        .where(
            events.c.shard_id == receipt.shard_id,
            events.c.number > before[receipt.shard_id],
            events.c.command_id == receipt.command_id,
        )
        .order_by(events.c.number)
    )
    return [market_events.from_json(row.body) for row in rows]
