"""What those who follow the record read: how far it goes, and a market's trades after a number.

Everything that is read within one `one_moment` is of the same moment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from engine.orders import Side
from engine.tables import events, shards, trades


class NumberedTrade(NamedTuple):
    """A trade under its event's number on its shard."""

    number: int
    instrument_id: int
    price_ticks: int
    quantity_lots: int
    taker_side: Side
    occurred_at: datetime


@contextmanager
def one_moment(reads: sessionmaker[Session]) -> Iterator[Session]:
    """A session that sees the database as it is at its first question, whatever is committed meanwhile."""
    with reads() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


# Made once, as every process asks twice a second.
_LAST_EVENTS = sa.select(shards.c.id, shards.c.last_event).order_by(shards.c.id)


def last_events(session: Session) -> dict[int, int]:
    """By shard, the number of its last event."""
    return {row.id: row.last_event for row in session.execute(_LAST_EVENTS)}


def last_events_of(session: Session, trader_id: int) -> dict[int, int]:
    """By shard, the number of the last event that concerns this trader; 0 where there is none."""
    found = {}
    for shard_id in session.scalars(sa.select(shards.c.id)).all():
        numbers = [
            session.scalar(
                sa.select(sa.func.max(events.c.number)).where(column == trader_id, events.c.shard_id == shard_id)
            )
            for column in (events.c.trader_id, events.c.counter_trader_id)
        ]
        found[shard_id] = max(number or 0 for number in numbers)
    return found


def trades_after(session: Session, instrument_id: int, number: int, *, limit: int) -> list[NumberedTrade]:
    """The first `limit` trades of an instrument with higher numbers, the oldest first."""
    found = session.execute(
        sa.select(trades)
        .where(trades.c.instrument_id == instrument_id, trades.c.number > number)
        .order_by(trades.c.number)
        .limit(limit)
    )
    return [_numbered(row) for row in found.mappings()]


def trades_of_shard_after(session: Session, shard_id: int, number: int, *, limit: int) -> list[NumberedTrade]:
    """The first `limit` trades on a shard with higher numbers, the oldest first."""
    found = session.execute(
        sa.select(trades)
        .where(trades.c.shard_id == shard_id, trades.c.number > number)
        .order_by(trades.c.number)
        .limit(limit)
    )
    return [_numbered(row) for row in found.mappings()]


def latest_trades(session: Session, instrument_id: int, *, limit: int) -> list[NumberedTrade]:
    """The last `limit` trades of an instrument, the oldest first."""
    found = session.execute(
        sa.select(trades).where(trades.c.instrument_id == instrument_id).order_by(trades.c.number.desc()).limit(limit)
    )
    return [_numbered(row) for row in found.mappings()][::-1]


def _numbered(row: sa.RowMapping) -> NumberedTrade:
    return NumberedTrade(
        row["number"],
        row["instrument_id"],
        row["price_ticks"],
        row["quantity_lots"],
        Side(row["taker_side"]),
        row["occurred_at"],
    )
