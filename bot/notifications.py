"""What a trader wants to be told of without having just asked: the kinds that are muted, and the daily summary's hour.

An answer to what the trader asked is never muted, nor what our staff announce.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import places
from bot.tables import conversations
from engine.events import InstrumentHalted, InstrumentResumed, OrderCanceled, OrderExpired, Trade

OrderNews = Trade | OrderCanceled | OrderExpired
MarketNews = InstrumentHalted | InstrumentResumed
DAY = timedelta(days=1)


class Notice(StrEnum):
    """A kind of notification that can be muted."""

    FILLS = "fills"  # The fill that completes an order, with those told beside it.
    PARTIAL_FILLS = "partial_fills"  # A fill after which the order still has something left to trade.
    EXPIRIES = "expiries"
    CANCELLATIONS = "cancellations"
    ALERTS = "alerts"
    HALTS = "halts"


class News(NamedTuple):
    """One order's news: what is `told` of it, and what is `kept` back because it is muted; `ends` tells of its end."""

    told: tuple[OrderNews, ...]
    kept: tuple[OrderNews, ...]
    ends: bool


def divide(order_id: int, events: Sequence[OrderNews], muted: Collection[str]) -> News:
    """The news of one order by what its trader has muted (pure).

    Whoever hears of an order's end hears of its last partial fills with it, unless complete fills are muted too.
    """
    trades = [event for event in events if isinstance(event, Trade)]
    completes = bool(trades) and _left_lots(order_id, trades[-1]) == 0
    of_trades = Notice.FILLS if completes else Notice.PARTIAL_FILLS
    told = [event for event in events if _kind(event, of_trades) not in muted]
    ends = any(not isinstance(event, Trade) for event in told) or (completes and bool(told))
    if ends and Notice.FILLS not in muted:
        told = [event for event in events if isinstance(event, Trade) or event in told]
    kept = [event for event in events if event not in told]
    return News(tuple(told), tuple(kept), ends and Notice.FILLS not in muted)


def _kind(event: OrderNews, of_trades: Notice) -> Notice:
    if isinstance(event, Trade):
        return of_trades
    return Notice.EXPIRIES if isinstance(event, OrderExpired) else Notice.CANCELLATIONS


def _left_lots(order_id: int, trade: Trade) -> int:
    return trade.taker_leaves_lots if trade.taker_order_id == order_id else trade.maker_leaves_lots


def muted_by(conversation: sa.RowMapping) -> frozenset[Notice]:
    """The kinds that a conversation's row has muted."""
    return frozenset(map(Notice, conversation["muted"] or ()))


def set_muted(session: Session, conversation_id: int, muted: Collection[Notice]) -> None:
    kinds = [kind for kind in Notice if kind in muted]
    session.execute(sa.update(conversations).where(conversations.c.id == conversation_id).values(muted=kinds))


def set_summary(session: Session, conversation: sa.RowMapping, at: time, now: datetime) -> datetime:
    """Have a summary made every day at this time by the number's own clock; returns when the first one is due.

    There is one a day: where today's was made already, the first is tomorrow's.
    """
    zone = places.zone_of(conversation["number"])
    due_at = next_at(at, zone, now)
    until: datetime | None = conversation["summarised_until"]
    if until is not None and until.astimezone(zone).date() == due_at.astimezone(zone).date():
        due_at = next_at(at, zone, due_at)
    values: dict[str, object] = {"summary_at": at, "summary_due_at": due_at}
    if conversation["summary_at"] is None and until is not None and until < due_at - DAY:
        values["summarised_until"] = None  # While there was none, nothing waited for this one.
    session.execute(sa.update(conversations).where(conversations.c.id == conversation["id"]).values(values))
    return due_at


def drop_summary(session: Session, conversation_id: int) -> None:
    session.execute(
        sa.update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(summary_at=None, summary_due_at=None)
    )


def next_at(at: time, zone: ZoneInfo, after: datetime) -> datetime:
    """The first moment after this one when the zone's clock shows that time."""
    day = after.astimezone(zone).date()
    moments = (datetime.combine(day + ahead * DAY, at, zone).astimezone(after.tzinfo) for ahead in range(3))
    return next(moment for moment in moments if moment > after)
