"""What a change comes to: "two more" as the order's new total, "make it 151" as its price, "flatten me" as an order.

None of them is done before it was shown and confirmed (pure).
"""

from dataclasses import replace
from decimal import Decimal

from bot.listings import Listing
from engine.orders import OrderType, Side
from engine.queries import Holding
from nlp.reading import Intent, Reading

CLOSING_TOPICS = ("flatten", "flatten_half")
FACTORS = {"double": Decimal(2), "half": Decimal("0.5")}
# "Make it 151": a price as near as this to the order's, a quantity as near as so many times or parts of it.
PRICE_NEARNESS = Decimal("0.2")
QUANTITY_TIMES_MAX = 10


def amendment(order: Reading, change: Reading) -> Reading:
    """The amendment of `order` that `change` comes to, uncertain so that it is asked about."""
    amended = replace(change, intent=Intent.AMEND_ORDER, order_id=order.order_id, quantity=None, price=None)
    assert order.quantity is not None
    if change.topic == "set":
        return _set(order, change, amended)
    if change.topic in FACTORS:
        return _checked(replace(amended, quantity=order.quantity * FACTORS[change.topic]))
    if change.quantity is not None:
        return _checked(replace(amended, quantity=order.quantity + change.quantity))
    if order.price is None:
        return replace(change, intent=Intent.UNKNOWN)
    assert change.price is not None
    return _checked(replace(amended, price=order.price + change.price))


def _set(order: Reading, change: Reading, amended: Reading) -> Reading:
    """The new price or quantity; a figure that may be either is asked about, unless it is plausible as only one."""
    if change.quantity is None or change.price is None:
        return replace(amended, quantity=change.quantity, price=change.price)
    assert order.quantity is not None
    value = change.price
    is_price = order.price is not None and abs(value - order.price) <= PRICE_NEARNESS * order.price
    times = max(value, order.quantity) / min(value, order.quantity)
    is_quantity = order.price is None or (value == int(value) and times <= QUANTITY_TIMES_MAX)
    if is_price == is_quantity:
        return replace(change, intent=Intent.UNKNOWN, order_id=order.order_id, reasons=("price_or_quantity",))
    return replace(amended, **{"price" if is_price else "quantity": value})


def _checked(amended: Reading) -> Reading:
    """Nothing comes to zero or less: that would be a cancel, which nobody asked for."""
    if min(value for value in (amended.quantity, amended.price) if value is not None) <= 0:
        return replace(amended, intent=Intent.UNKNOWN, reasons=("zero",))
    return amended


def closes(change: Reading, held: Holding, listing: Listing) -> bool:
    """Whether this position is one of those that are meant: of the product, month and side that are named."""
    of_product = change.asset in (None, listing.asset) and change.contract in (None, listing.contract)
    return of_product and change.side in (None, _closing_side(held))


def _closing_side(held: Holding) -> Side:
    return Side.SELL if held.lots > 0 else Side.BUY


def closing(held: Holding, listing: Listing, change: Reading) -> Reading:
    """The market order that closes a position or, in whole lots, half of it; uncertain so that it is asked about."""
    lots = abs(held.lots) // 2 if change.topic == "flatten_half" else abs(held.lots)
    if lots == 0:
        return replace(change, intent=Intent.UNKNOWN, side=None, order_id=None)
    return replace(
        change,
        intent=Intent.CONFIRM_ORDER,
        side=_closing_side(held),
        quantity=lots * listing.lot_size,
        asset=listing.asset,
        contract=listing.contract,
        order_type=OrderType.MARKET,
        order_id=None,
    )
