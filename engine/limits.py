"""What an order may ask at all: its instrument's limits and its trader's, with the facts of each refusal."""

from collections.abc import Iterable

from engine.events import Facts
from engine.listing import Listing
from engine.money import PRICE_TICKS_MAX
from engine.orders import InstrumentStatus, Order, Reason, Side, TraderLimits
from engine.positions import Position

# A class attribute of an Enum costs several times a global, and every order passes here.
OPEN = InstrumentStatus.OPEN

Refusal = tuple[Reason, Facts]


def instrument_refusal(listing: Listing, quantity_lots: int, price_ticks: int | None) -> Refusal | None:
    """`quantity_lots` is the order's total; `price_ticks` is None for a market order."""
    if listing.status is not OPEN:
        return closed_refusal(listing)
    if quantity_lots <= 0:
        return Reason.INVALID_QUANTITY, {"quantity_lots": quantity_lots}
    if quantity_lots > listing.instrument.max_quantity_lots:
        return Reason.ABOVE_MAX_QUANTITY, {"max_quantity_lots": listing.instrument.max_quantity_lots}
    if price_ticks is not None and not listing.low_ticks <= price_ticks <= listing.high_ticks:
        if not 0 < price_ticks <= PRICE_TICKS_MAX:
            return Reason.INVALID_PRICE, {"price_ticks": price_ticks}
        return Reason.OUTSIDE_BAND, {"low_ticks": listing.low_ticks, "high_ticks": listing.high_ticks}
    if listing.max_notional_ticks is not None:
        measured_at = listing.notional_price_ticks(price_ticks)
        assert measured_at is not None  # An Instrument with a maximum notional has a reference price.
        if measured_at * quantity_lots > listing.max_notional_ticks:
            return Reason.ABOVE_MAX_NOTIONAL, {
                "max_notional": str(listing.instrument.max_notional),
                "max_quantity_lots": listing.max_notional_ticks // measured_at,
            }
    return None


def closed_refusal(listing: Listing) -> Refusal | None:
    if listing.status is OPEN:
        return None
    expired = listing.status is InstrumentStatus.EXPIRED
    return (Reason.INSTRUMENT_EXPIRED if expired else Reason.INSTRUMENT_HALTED), {}


def trader_refusal(
    limits: TraderLimits,
    position: Position | None,
    open_orders: Iterable[Order],
    side: Side,
    quantity_lots: int,
    leaves_lots: int,
) -> Refusal | None:
    """`open_orders` are all of the trader's other open orders of this instrument, on both sides.

    The position limit counts the worst case: all open orders of the side filled, and none of the other.
    """
    if limits.frozen:
        return Reason.TRADER_FROZEN, {}
    if limits.order_quantity_lots_max is not None and quantity_lots > limits.order_quantity_lots_max:
        return Reason.ORDER_SIZE_LIMIT, {"order_quantity_lots_max": limits.order_quantity_lots_max}
    if limits.position_lots_max is not None:
        held = position.lots if position is not None else 0
        committed = (held if side is Side.BUY else -held) + sum(o.leaves_lots for o in open_orders if o.side is side)
        if committed + leaves_lots > limits.position_lots_max:
            return Reason.POSITION_LIMIT, {
                "position_lots": held,
                "position_lots_max": limits.position_lots_max,
                "allowed_lots": max(0, limits.position_lots_max - committed),
            }
    return None
