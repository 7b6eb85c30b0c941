"""Money inside the market: prices as whole ticks, quantities as whole lots, commission in whole cents.

A price is for one unit of quantity, so a trade's notional is price times quantity, both as decimals. Here decimals
become whole numbers and back; a float never does.
"""

from decimal import ROUND_FLOOR, Decimal

from engine.errors import InvalidPrice, InvalidQuantity, OffLot, OffTick, TooLarge, TradingError

# Both bounds together keep an order's notional within a signed 64-bit column.
PRICE_TICKS_MAX = 10**9
QUANTITY_LOTS_MAX = 10**9

COMMISSION_RATE = Decimal("0.001")
CENT = Decimal("0.01")


def ticks_from_price(price: Decimal, tick_size: Decimal) -> int:
    """Raises InvalidPrice, TooLarge, or OffTick with the allowed prices on either side."""
    return _whole(price, tick_size, PRICE_TICKS_MAX, InvalidPrice, OffTick, "price", "tick_size")


def lots_from_quantity(quantity: Decimal, lot_size: Decimal) -> int:
    """Raises InvalidQuantity, TooLarge, or OffLot with the allowed quantities on either side."""
    return _whole(quantity, lot_size, QUANTITY_LOTS_MAX, InvalidQuantity, OffLot, "quantity", "lot_size")


def price_from_ticks(price_ticks: int, tick_size: Decimal) -> Decimal:
    return price_ticks * tick_size


def quantity_from_lots(quantity_lots: int, lot_size: Decimal) -> Decimal:
    return quantity_lots * lot_size


def notional(price_ticks: int, quantity_lots: int, tick_size: Decimal, lot_size: Decimal) -> Decimal:
    return price_ticks * tick_size * (quantity_lots * lot_size)


class Commission:
    """The commission of one side of a fill: 0.1 % of its notional, rounded half-up to the cent, in integers only.

    With tick_size x lot_size = n/d exactly, the commission in cents is N x n / (10 d) for a notional of N tick-lots.
    """

    __slots__ = ("_divisor", "_half", "_numerator")

    def __init__(self, tick_size: Decimal, lot_size: Decimal) -> None:
        numerator, denominator = (tick_size * lot_size * COMMISSION_RATE / CENT).as_integer_ratio()
        self._numerator = 2 * numerator
        self._half = denominator
        self._divisor = 2 * denominator

    def cents(self, notional_ticks: int) -> int:
        """`notional_ticks` is price in ticks times quantity in lots of one fill: each fill is rounded by itself."""
        return (notional_ticks * self._numerator + self._half) // self._divisor


def _whole(
    value: Decimal,
    step: Decimal,
    steps_max: int,
    invalid: type[TradingError],
    off_grid: type[TradingError],
    name: str,
    step_name: str,
) -> int:
    if not value.is_finite() or value <= 0:
        raise invalid(**{name: value})
    # Compared before it is divided: a quotient beyond the context's 28 digits could not be represented.
    if value > steps_max * step:
        raise TooLarge(value=value, allowed_max=steps_max * step)
    steps = int((value / step).to_integral_value(ROUND_FLOOR))
    if steps * step != value:
        below = steps * step if steps > 0 else None
        raise off_grid(**{name: value, step_name: step, "below": below, "above": (steps + 1) * step})
    return steps
