"""Prices that traders want to hear of: kept, listed, deleted, and told once when a trade reaches them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.notifications import Notice
from bot.tables import alerts, conversations
from engine import queries
from engine.errors import TradingError

ALERTS_PER_CONVERSATION_MAX = 50

waiting = sa.and_(alerts.c.fired_at.is_(None), alerts.c.deleted_at.is_(None))


class TooManyAlerts(TradingError):
    """The trader has as many alerts as one may. Facts: allowed_max."""

    code = "too_many_alerts"


class AlertNotFound(TradingError):
    """No such alert of this trader. Facts: alert_id."""

    code = "alert_not_found"


def direction_towards(session: Session, symbol: str, price: Decimal) -> str:
    """Which way the market has to go from where it is to that price."""
    last = queries.last_price(session, symbol)
    return "below" if last is not None and price < last else "above"


def add(
    session: Session, conversation_id: int, instrument_id: int, direction: str, price_ticks: int, now: datetime
) -> int:
    """The new alert's number; raises TooManyAlerts."""
    count = session.execute(
        sa.select(sa.func.count()).where(alerts.c.conversation_id == conversation_id, waiting)
    ).scalar_one()
    if count >= ALERTS_PER_CONVERSATION_MAX:
        raise TooManyAlerts(allowed_max=ALERTS_PER_CONVERSATION_MAX)
    return session.execute(
        sa.insert(alerts)
        .values(
            conversation_id=conversation_id,
            instrument_id=instrument_id,
            direction=direction,
            price_ticks=price_ticks,
            created_at=now,
        )
        .returning(alerts.c.id)
    ).scalar_one()


def open_ones(session: Session, conversation_id: int) -> Sequence[sa.RowMapping]:
    """The conversation's alerts that have not fired, oldest first."""
    return (
        session.execute(
            sa.select(alerts).where(alerts.c.conversation_id == conversation_id, waiting).order_by(alerts.c.id)
        )
        .mappings()
        .all()
    )


def delete(session: Session, conversation_id: int, alert_id: int | None, now: datetime) -> int:
    """Delete one of the conversation's alerts, or all of them; returns how many."""
    chosen = sa.and_(alerts.c.conversation_id == conversation_id, waiting)
    if alert_id is not None:
        chosen = sa.and_(chosen, alerts.c.id == alert_id)
    return session.execute(sa.update(alerts).where(chosen).values(deleted_at=now)).rowcount


def fire(
    connection: sa.Connection, instrument_id: int, low_ticks: int, high_ticks: int, now: datetime
) -> Sequence[sa.RowMapping]:
    """The alerts reached by trades between these two prices, with number and language; each once and never again.

    Those of traders who have muted alerts stay as they are, to be told once they are wanted again.
    """
    reached = sa.or_(
        sa.and_(alerts.c.direction == "above", alerts.c.price_ticks <= high_ticks),
        sa.and_(alerts.c.direction == "below", alerts.c.price_ticks >= low_ticks),
    )
    return (
        connection.execute(
            sa.update(alerts)
            .where(
                alerts.c.instrument_id == instrument_id,
                alerts.c.conversation_id == conversations.c.id,
                waiting,
                reached,
                sa.or_(conversations.c.muted.is_(None), sa.all_(conversations.c.muted) != Notice.ALERTS),
            )
            .values(fired_at=now)
            .returning(alerts, conversations.c.language, conversations.c.number)
        )
        .mappings()
        .all()
    )
