"""TradingError: what a trader or API caller can put right, as a code and facts, never a sentence."""

from typing import ClassVar


class TradingError(Exception):
    """A request that cannot become a command as it stands.

    `code` is stable: it is what the API answers with and the key of the sentence that the chat says. `facts` are what
    that sentence needs.
    """

    code: ClassVar[str] = "trading_error"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code, facts)
        self.facts = facts


class UnknownMarket(TradingError):
    """No such instrument. Facts: symbol, nearest (symbols spelled alike, best first)."""

    code = "unknown_market"


class InvalidPrice(TradingError):
    """Not a positive, finite price, or one where the order type takes none. Facts: price."""

    code = "invalid_price"


class InvalidQuantity(TradingError):
    """Not a positive, finite quantity. Facts: quantity."""

    code = "invalid_quantity"


class OffTick(TradingError):
    """Between two allowed prices. Facts: price, tick_size, below (None under the first tick), above."""

    code = "off_tick"


class OffLot(TradingError):
    """Between two allowed quantities. Facts: quantity, lot_size, below (None under the first lot), above."""

    code = "off_lot"


class TooLarge(TradingError):
    """Beyond what a price or quantity may be at all. Facts: value, allowed_max."""

    code = "too_large"


class InvalidTimeInForce(TradingError):
    """A lifetime that this order cannot have. Facts: time_in_force, order_type, expires_at."""

    code = "invalid_time_in_force"


class OrderNotFound(TradingError):
    """No such order of this trader: whether another has it is not revealed. Facts: order_id."""

    code = "order_not_found"


class OrderClosed(TradingError):
    """The order is filled, canceled, rejected or expired. Facts: order_id, state."""

    code = "order_closed"
