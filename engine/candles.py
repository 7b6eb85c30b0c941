"""Candles: what an instrument traded at in each minute, five minutes, hour or day, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine.tables import trades

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Interval(StrEnum):
    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    HOUR = "1h"
    DAY = "1d"


DURATIONS = {
    Interval.MINUTE: timedelta(minutes=1),
    Interval.FIVE_MINUTES: timedelta(minutes=5),
    Interval.HOUR: timedelta(hours=1),
    Interval.DAY: timedelta(days=1),
}


COUNT_MAX = 90  # How many candles a picture has room for.
LONGEST = (COUNT_MAX - 1) * DURATIONS[Interval.DAY]


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices in ticks and volume in lots from `opens_at` on; an interval without a trade has no candle."""

    opens_at: datetime
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    trade_count: int


def first_trade_at(session: Session, instrument_id: int) -> datetime | None:
    """When an instrument was first traded."""
    return session.execute(
        sa.select(trades.c.occurred_at)
        .where(trades.c.instrument_id == instrument_id)
        .order_by(trades.c.number)
        .limit(1)
    ).scalar()


def fitting(age: timedelta) -> Interval:
    """The shortest interval of which no more than COUNT_MAX show all that was traded for so long."""
    return next((one for one in Interval if age <= (COUNT_MAX - 1) * DURATIONS[one]), Interval.DAY)


def _candles() -> sa.Select[Any]:
    """Made once, as every look at a market's candles passes here."""
    opens_at = sa.func.date_bin(sa.bindparam("duration"), trades.c.occurred_at, EPOCH).label("opens_at")
    bins = (
        sa.select(
            opens_at,
            sa.func.min(trades.c.number).label("first"),
            sa.func.max(trades.c.number).label("last"),
            sa.func.max(trades.c.price_ticks).label("high"),
            sa.func.min(trades.c.price_ticks).label("low"),
            sa.func.sum(trades.c.quantity_lots).label("volume"),
            sa.func.count().label("trade_count"),
        )
        .where(
            trades.c.instrument_id == sa.bindparam("instrument"),
            trades.c.occurred_at >= sa.bindparam("since"),
            trades.c.occurred_at < sa.bindparam("until"),
        )
        .group_by(opens_at)
        .subquery()
    )

    def price_at(number: sa.ColumnElement[int]) -> sa.ScalarSelect[int]:
        at_number = sa.and_(trades.c.instrument_id == sa.bindparam("instrument"), trades.c.number == number)
        return sa.select(trades.c.price_ticks).where(at_number).scalar_subquery()

    # First and last are looked up by their numbers: to sort all prices for them would take longer than all the rest.
    return sa.select(bins, price_at(bins.c.first).label("open"), price_at(bins.c.last).label("close")).order_by(
        bins.c.opens_at
    )


_CANDLES = _candles()


def candles(session: Session, instrument_id: int, interval: Interval, *, until: datetime, limit: int) -> list[Candle]:
    """The last `limit` intervals before `until`, the oldest first."""
    duration = DURATIONS[interval]
    since = until - (until - EPOCH) % duration - (limit - 1) * duration
    asked = {"duration": duration, "instrument": instrument_id, "since": since, "until": until}
    return [
        Candle(row.opens_at, row.open, row.high, row.low, row.close, int(row.volume), row.trade_count)
        for row in session.execute(_CANDLES, asked)
    ]
