"""What is traded (Instrument), what traders and staff ask (commands), and what rests on a book (Order).

Commands are immutable facts of the record and turn into JSON and back without loss; an Order is the engine's own and
changes. Prices are whole ticks, quantities whole lots, times UTC.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from engine.money import QUANTITY_LOTS_MAX


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """DAY and GTT end at `expires_at` (DAY: 24 hours after it was asked), GTC never; IOC and FOK never rest."""

    DAY = "DAY"
    GTC = "GTC"
    GTT = "GTT"
    IOC = "IOC"
    FOK = "FOK"


class SelfTradePrevention(StrEnum):
    """What happens when an order would meet one of its own trader's; the incoming order's mode decides."""

    CANCEL_TAKER = "cancel_taker"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_BOTH = "cancel_both"


class OrderState(StrEnum):
    """FIX 5.0 OrdStatus (tag 39) names."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class InstrumentStatus(StrEnum):
    OPEN = "open"
    HALTED = "halted"
    EXPIRED = "expired"


class Reason(StrEnum):
    """Why an order ended or a command was refused: the one list that storage, API and chat share."""

    # An order ended.
    IOC_REMAINDER = "ioc_remainder"
    FOK_UNFILLED = "fok_unfilled"
    SELF_TRADE = "self_trade"
    POST_ONLY_WOULD_CROSS = "post_only_would_cross"
    CANCELED_BY_TRADER = "canceled_by_trader"
    CANCELED_BY_STAFF = "canceled_by_staff"
    CANCELED_BY_PANIC = "canceled_by_panic"
    AMENDED_BELOW_FILLED = "amended_below_filled"
    ORDER_EXPIRED = "order_expired"
    INSTRUMENT_EXPIRED = "instrument_expired"
    # A command was refused.
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    INSTRUMENT_HALTED = "instrument_halted"
    INSTRUMENT_IN_USE = "instrument_in_use"
    INVALID_QUANTITY = "invalid_quantity"
    INVALID_PRICE = "invalid_price"
    OUTSIDE_BAND = "outside_band"
    ABOVE_MAX_QUANTITY = "above_max_quantity"
    ABOVE_MAX_NOTIONAL = "above_max_notional"
    ORDER_SIZE_LIMIT = "order_size_limit"
    OPEN_ORDERS_LIMIT = "open_orders_limit"
    POSITION_LIMIT = "position_limit"
    TRADER_FROZEN = "trader_frozen"
    ORDER_NOT_FOUND = "order_not_found"
    ORDER_CLOSED = "order_closed"
    NOTHING_TO_CHANGE = "nothing_to_change"
    MALFUNCTION = "malfunction"


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One contract of one asset, as listed.

    `max_notional` is in money. `band_percent` is how far from the reference price (the last trade's, else the listed
    one) an order's price may lie; None is no band. Both need a listed reference price to be measured from. Trading ends
    at `last_trading_at`, if set.
    """

    instrument_id: int
    symbol: str
    asset: str
    contract: str
    tick_size: Decimal
    lot_size: Decimal
    max_quantity_lots: int = QUANTITY_LOTS_MAX
    max_notional: Decimal | None = None
    reference_ticks: int | None = None
    band_percent: Decimal | None = None
    status: InstrumentStatus = InstrumentStatus.OPEN
    last_trading_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.tick_size <= 0 or self.lot_size <= 0 or not 0 < self.max_quantity_lots <= QUANTITY_LOTS_MAX:
            raise ValueError(f"{self.symbol}: sizes must be positive and within bounds")
        if self.reference_ticks is None and (self.band_percent is not None or self.max_notional is not None):
            raise ValueError(f"{self.symbol}: a band or a maximum notional needs a reference price")


class TraderLimits(msgspec.Struct, frozen=True, gc=False):
    """What one trader may do; None is no limit. A frozen trader may only cancel."""

    frozen: bool = False
    order_quantity_lots_max: int | None = None
    open_orders_max: int | None = None
    position_lots_max: int | None = None


class Place(msgspec.Struct, frozen=True, gc=False, tag="place"):
    """A new order. `price_ticks` is None for a market order, which must be IOC or FOK."""

    command_id: int
    order_id: int
    trader_id: int
    instrument_id: int
    side: Side
    order_type: OrderType
    quantity_lots: int
    price_ticks: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: datetime | None = None
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER


class Amend(msgspec.Struct, frozen=True, gc=False, tag="amend"):
    """A new price, a new total quantity, or both; None leaves it as it is."""

    command_id: int
    order_id: int
    trader_id: int
    price_ticks: int | None = None
    quantity_lots: int | None = None


class Cancel(msgspec.Struct, frozen=True, gc=False, tag="cancel"):
    command_id: int
    order_id: int
    trader_id: int
    reason: Reason = Reason.CANCELED_BY_TRADER


class CancelAll(msgspec.Struct, frozen=True, gc=False, tag="cancel_all"):
    """Every open order of the trader, narrowed to an asset, an instrument or a side where given."""

    command_id: int
    trader_id: int
    asset: str | None = None
    instrument_id: int | None = None
    side: Side | None = None
    reason: Reason = Reason.CANCELED_BY_TRADER


class HaltInstrument(msgspec.Struct, frozen=True, gc=False, tag="halt_instrument"):
    command_id: int
    instrument_id: int


class ResumeInstrument(msgspec.Struct, frozen=True, gc=False, tag="resume_instrument"):
    command_id: int
    instrument_id: int


class ExpireInstrument(msgspec.Struct, frozen=True, gc=False, tag="expire_instrument"):
    """Ends trading before `last_trading_at`; what rests expires. It cannot be undone."""

    command_id: int
    instrument_id: int


class SetInstrument(msgspec.Struct, frozen=True, tag="set_instrument"):
    """Lists an instrument, or changes the rules of a listed one; its status changes only by halt, resume and expire."""

    command_id: int
    instrument: Instrument


class SetTraderLimits(msgspec.Struct, frozen=True, tag="set_trader_limits"):
    command_id: int
    trader_id: int
    limits: TraderLimits


Command = (
    Place
    | Amend
    | Cancel
    | CancelAll
    | HaltInstrument
    | ResumeInstrument
    | ExpireInstrument
    | SetInstrument
    | SetTraderLimits
)


class Order(msgspec.Struct, gc=False):
    """An accepted order as the engine sees it.

    `price_ticks` is None for a market order. `leaves_lots` is what may still trade: zero once it is closed.
    `notional_ticks` sums price times quantity over its fills. At one price, orders trade in the order of the event that
    last put them at the back of the queue: their OrderAccepted, or the last OrderAmended that says `requeued`.
    """

    order_id: int
    trader_id: int
    instrument_id: int
    side: Side
    price_ticks: int | None
    quantity_lots: int
    leaves_lots: int
    time_in_force: TimeInForce
    expires_at: datetime | None
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    filled_lots: int = 0
    notional_ticks: int = 0
    state: OrderState = OrderState.NEW
    reason: Reason | None = None


_encoder = msgspec.json.Encoder()
_command_decoder = msgspec.json.Decoder(Command)


def command_to_json(command: Command) -> str:
    return _encoder.encode(command).decode()


def command_from_json(text: str | bytes) -> Command:
    """Raises msgspec.ValidationError or msgspec.DecodeError on anything but a command."""
    command: Command = _command_decoder.decode(text)
    return command
