"""What a change told by how much comes to: "two more" as the order's new total, "flatten me" as the order that does it.

Neither is done before it was shown and confirmed (pure).
"""

from dataclasses import replace
from decimal import Decimal

from bot.listings import Listing
from engine.orders import OrderType, Side
from engine.queries import Holding
from nlp.reading import Intent, Reading

FACTORS = {"double": Decimal(2), "half": Decimal("0.5")}


def amendment(order: Reading, change: Reading) -> Reading:
    """The amendment of `order` that `change` comes to, uncertain so that it is asked about."""
    amended = replace(change, intent=Intent.AMEND_ORDER, order_id=order.order_id, quantity=None, price=None)
    assert order.quantity is not None
    if change.topic in FACTORS:
        return _checked(replace(amended, quantity=order.quantity * FACTORS[change.topic]))
    if change.quantity is not None:
        return _checked(replace(amended, quantity=order.quantity + change.quantity))
    if order.price is None:
        return replace(change, intent=Intent.UNKNOWN)
    assert change.price is not None
    return _checked(replace(amended, price=order.price + change.price))


def _checked(amended: Reading) -> Reading:
    """Nothing comes to zero or less: that would be a cancel, which nobody asked for."""
    if min(value for value in (amended.quantity, amended.price) if value is not None) <= 0:
        return replace(amended, intent=Intent.UNKNOWN, reasons=("zero",))
    return amended


def flattening(held: Holding, listing: Listing, change: Reading) -> Reading:
    """The market order that closes a position, uncertain so that it is asked about."""
    return replace(
        change,
        intent=Intent.CONFIRM_ORDER,
        side=Side.SELL if held.lots > 0 else Side.BUY,
        quantity=abs(held.lots) * listing.lot_size,
        asset=listing.asset,
        contract=listing.contract,
        order_type=OrderType.MARKET,
        order_id=None,
    )
