"""What our staff do to one trader's trading: cancel, limit, freeze; through the engine's door, and the trader is told.

Cancellations are told by the market's own notices; a freeze has no event of an order, and is told here.
"""

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import outbox
from bot.languages import translations
from bot.outbox import Reply
from bot.refusals import RequestRefused
from bot.tables import conversations
from engine import intake, queries
from engine.errors import OrderNotFound
from engine.orders import Reason, TraderLimits
from engine.submission import Receipt, Source
from engine.tables import orders, traders


class TraderNotFound(RequestRefused):
    """No such trader. Facts: trader_id."""

    code = "trader_not_found"


def find(session: Session, trader_id: int) -> sa.RowMapping:
    """The trader's row. Raises TraderNotFound."""
    found = session.execute(sa.select(traders).where(traders.c.id == trader_id)).mappings().one_or_none()
    if found is None:
        raise TraderNotFound(trader_id=trader_id)
    return found


def cancel(session: Session, order_id: int, request_key: str, now: datetime) -> Receipt:
    """Raises OrderNotFound, OrderClosed."""
    trader_id = session.execute(sa.select(orders.c.trader_id).where(orders.c.id == order_id)).scalar()
    if trader_id is None:
        raise OrderNotFound(order_id=order_id)
    return intake.cancel(
        session,
        trader_id=trader_id,
        order_id=order_id,
        source=Source.STAFF,
        request_key=request_key,
        now=now,
        reason=Reason.CANCELED_BY_STAFF,
    )


def cancel_all(session: Session, trader_id: int, request_key: str, now: datetime) -> list[Receipt]:
    """Raises TraderNotFound."""
    find(session, trader_id)
    return intake.cancel_all(
        session,
        trader_id=trader_id,
        source=Source.STAFF,
        request_key=request_key,
        now=now,
        reason=Reason.CANCELED_BY_STAFF,
    )


def limit(session: Session, trader_id: int, limits: TraderLimits, request_key: str, now: datetime) -> list[Receipt]:
    """New limits; whether the trader is frozen stays as it is. Raises TraderNotFound."""
    find(session, trader_id)
    is_frozen = queries.trader_limits(session, trader_id).frozen
    return _set(session, trader_id, msgspec.structs.replace(limits, frozen=is_frozen), request_key, now)


def freeze(session: Session, trader_id: int, *, frozen: bool, request_key: str, now: datetime) -> list[Receipt]:
    """Let the trader only cancel from now on, or trade again. Raises TraderNotFound."""
    find(session, trader_id)
    limits = msgspec.structs.replace(queries.trader_limits(session, trader_id), frozen=frozen)
    receipts = _set(session, trader_id, limits, request_key, now)
    for chat in session.execute(sa.select(conversations).where(conversations.c.trader_id == trader_id)).mappings():
        _ = translations(chat["language"]).gettext
        body = _("Our staff have frozen your trading: you can cancel orders, but place none.")
        if not frozen:
            body = _("Our staff have lifted the freeze: you can trade again.")
        outbox.add(
            session, [Reply(conversation_id=chat["id"], cause=f"freeze:{chat['id']}:{request_key}", body=body)], now
        )
    return receipts


def _set(session: Session, trader_id: int, limits: TraderLimits, request_key: str, now: datetime) -> list[Receipt]:
    return intake.set_trader_limits(
        session, trader_id=trader_id, limits=limits, source=Source.STAFF, request_key=request_key, now=now
    )
