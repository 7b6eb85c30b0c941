"""Which order a trader means by "the last one", and what it was, as a reading to show or to repeat."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.listings import Listings
from engine import queries
from engine.errors import OrderNotFound, TradingError
from engine.orders import Place, command_from_json
from engine.tables import commands, orders
from nlp.reading import Intent, Reading

ORDER_NUMBER_DIGITS_MAX = 18


class NoOrders(TradingError):
    """The trader speaks of a last order and has none."""

    code = "no_orders"


def order_id(session: Session, trader_id: int, named: str | None) -> int:
    """The number of the order that is named, or of the newest; raises NoOrders, OrderNotFound."""
    if named is not None and named != "last":
        if len(named) > ORDER_NUMBER_DIGITS_MAX:
            raise OrderNotFound(order_id=named[:ORDER_NUMBER_DIGITS_MAX] + "…")
        return int(named)
    newest = queries.newest_order_id(session, trader_id)
    if newest is None:
        raise NoOrders
    return newest


def reading_of(session: Session, trader_id: int, order_id: int, listings: Listings, language: str) -> Reading:
    """The order as its trader would word it now; raises OrderNotFound."""
    body = session.execute(
        sa.select(commands.c.body).where(
            commands.c.order_id == order_id, commands.c.trader_id == trader_id, commands.c.kind == "place"
        )
    ).scalar()
    if body is None:
        raise OrderNotFound(order_id=order_id)
    asked = command_from_json(body)
    assert isinstance(asked, Place)
    listing = listings.by_id[asked.instrument_id]
    now = session.execute(
        sa.select(orders.c.price_ticks, orders.c.quantity_lots).where(orders.c.id == order_id)
    ).one_or_none()
    price_ticks = asked.price_ticks if now is None else now.price_ticks
    quantity_lots = asked.quantity_lots if now is None else now.quantity_lots
    return Reading(
        intent=Intent.PLACE_ORDER,
        lang=language,
        side=asked.side,
        quantity=quantity_lots * listing.lot_size,
        asset=listing.asset,
        contract=listing.contract,
        price=None if price_ticks is None else price_ticks * listing.tick_size,
        order_type=asked.order_type,
        time_in_force=asked.time_in_force if asked.time_in_force in ("IOC", "FOK", "GTC") else None,
        order_id=str(order_id),
    )
