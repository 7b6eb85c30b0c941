"""Reactions that failed: the market goes on without them, and they are kept with their trace and tried again.

A batch's reactions are made together; should that fail, each command's are made alone, so that only those that fail
are owed.
"""

import traceback
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import reactions
from bot.listings import Listings
from bot.tables import owed_reactions
from engine import store
from engine.defects import DEFECTS
from engine.record import Settled

log = structlog.get_logger(__name__)

# A lost connection is among these, but then what is owed cannot be kept either, and the whole batch is undone.
FAILURES: tuple[type[Exception], ...] = (*DEFECTS, SQLAlchemyError)

AGAIN_AFTER = timedelta(seconds=10)
AGAIN_AFTER_MAX = timedelta(hours=1)

ListingsFor = Callable[[Sequence[Settled], datetime], Listings]


def react(
    connection: sa.Connection, shard_id: int, settled: Sequence[Settled], listings_for: ListingsFor, now: datetime
) -> bool:
    """`reactions.react`, keeping what fails; returns whether there is any reply."""
    try:
        with connection.begin_nested():
            return reactions.react(connection, shard_id, settled, listings_for(settled, now), now)
    except FAILURES:
        told = [_react_alone(connection, shard_id, one, listings_for, now) for one in settled]
        return any(told)


def react_again(connection: sa.Connection, shard_id: int, listings_for: ListingsFor, now: datetime) -> bool:
    """Try what is owed and due once more, the oldest first; returns whether there is any reply."""
    due = sa.and_(owed_reactions.c.shard_id == shard_id, owed_reactions.c.due_at <= now)
    owed = connection.execute(
        sa.select(owed_reactions).where(due).order_by(owed_reactions.c.first_number).with_for_update(skip_locked=True)
    )
    told = False
    for row in owed.mappings().all():
        this = sa.and_(owed_reactions.c.shard_id == shard_id, owed_reactions.c.first_number == row["first_number"])
        one = store.settled_again(connection, shard_id, row["first_number"], row["last_number"])
        try:
            with connection.begin_nested():
                told |= reactions.react(connection, shard_id, [one], listings_for([one], now), now)
        except FAILURES:
            connection.execute(
                sa.update(owed_reactions)
                .where(this)
                .values(
                    attempts=row["attempts"] + 1,
                    due_at=now + min(AGAIN_AFTER * 2 ** min(row["attempts"], 10), AGAIN_AFTER_MAX),
                    trace=traceback.format_exc(),
                )
            )
        else:
            connection.execute(sa.delete(owed_reactions).where(this))
    return told


def _react_alone(
    connection: sa.Connection, shard_id: int, one: Settled, listings_for: ListingsFor, now: datetime
) -> bool:
    try:
        with connection.begin_nested():
            return reactions.react(connection, shard_id, [one], listings_for([one], now), now)
    except FAILURES as problem:
        log.error("reaction_failed", shard=shard_id, number=one.first_number, problem=type(problem).__name__)
        connection.execute(
            sa.insert(owed_reactions).values(
                shard_id=shard_id,
                first_number=one.first_number,
                last_number=one.first_number + len(one.events) - 1,
                occurred_at=now,
                attempts=1,
                due_at=now + AGAIN_AFTER,
                trace=traceback.format_exc(),
            )
        )
        return False
