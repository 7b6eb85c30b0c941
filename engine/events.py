"""What can happen in the market, as facts; their JSON is the record that a replay is compared with.

The batch that writes them adds a number (counted per shard), the time and the command; an event holds everything else.
"""

from collections.abc import Sequence
from typing import get_args

import msgspec

from engine.orders import Instrument, Place, Reason, Side, TraderLimits

# Whole ticks and lots are numbers; money is the decimal as text.
Facts = dict[str, int | str]


class OrderAccepted(msgspec.Struct, frozen=True, gc=False, tag="order_accepted"):
    """The order came in, as asked. It stands before its own trades and, if none of it may rest, before its end."""

    order: Place

    @property
    def order_id(self) -> int:
        return self.order.order_id

    @property
    def trader_id(self) -> int:
        return self.order.trader_id

    @property
    def instrument_id(self) -> int:
        return self.order.instrument_id


class OrderRejected(msgspec.Struct, frozen=True, tag="order_rejected"):
    """The order never came in. `facts` say what would have been allowed, e.g. low_ticks and high_ticks of the band."""

    order: Place
    reason: Reason
    facts: Facts = {}

    @property
    def order_id(self) -> int:
        return self.order.order_id

    @property
    def trader_id(self) -> int:
        return self.order.trader_id

    @property
    def instrument_id(self) -> int:
        return self.order.instrument_id


class Trade(msgspec.Struct, frozen=True, gc=False, tag="trade"):
    """One fill between a resting order (maker) and an incoming one (taker), at the maker's price.

    `maker_leaves_lots` and `taker_leaves_lots` are what each order may still trade after this fill.
    """

    instrument_id: int
    maker_order_id: int
    taker_order_id: int
    maker_trader_id: int
    taker_trader_id: int
    taker_side: Side
    price_ticks: int
    quantity_lots: int
    maker_leaves_lots: int
    taker_leaves_lots: int
    maker_commission_cents: int
    taker_commission_cents: int


class OrderAmended(msgspec.Struct, frozen=True, gc=False, tag="order_amended"):
    """New price and total quantity. If `requeued`, it left its place and came in again: its trades may follow."""

    order_id: int
    trader_id: int
    instrument_id: int
    side: Side
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    requeued: bool


class AmendRejected(msgspec.Struct, frozen=True, tag="amend_rejected"):
    order_id: int
    trader_id: int
    reason: Reason
    facts: Facts = {}


class OrderCanceled(msgspec.Struct, frozen=True, gc=False, tag="order_canceled"):
    """The order ended with `leaves_lots` unfilled, which can no longer trade."""

    order_id: int
    trader_id: int
    instrument_id: int
    side: Side
    reason: Reason
    leaves_lots: int


class CancelRejected(msgspec.Struct, frozen=True, gc=False, tag="cancel_rejected"):
    order_id: int
    trader_id: int
    reason: Reason


class CancelAllDone(msgspec.Struct, frozen=True, gc=False, tag="cancel_all_done"):
    """All that the trader asked to cancel is canceled, `count` orders, each with an event before this one."""

    trader_id: int
    count: int


class OrderExpired(msgspec.Struct, frozen=True, gc=False, tag="order_expired"):
    """The order's time, or its instrument's, is over, with `leaves_lots` unfilled."""

    order_id: int
    trader_id: int
    instrument_id: int
    side: Side
    reason: Reason
    leaves_lots: int


class InstrumentHalted(msgspec.Struct, frozen=True, gc=False, tag="instrument_halted"):
    instrument_id: int


class InstrumentResumed(msgspec.Struct, frozen=True, gc=False, tag="instrument_resumed"):
    instrument_id: int


class InstrumentExpired(msgspec.Struct, frozen=True, gc=False, tag="instrument_expired"):
    instrument_id: int


class InstrumentSet(msgspec.Struct, frozen=True, tag="instrument_set"):
    instrument: Instrument

    @property
    def instrument_id(self) -> int:
        return self.instrument.instrument_id


class TraderLimitsSet(msgspec.Struct, frozen=True, tag="trader_limits_set"):
    trader_id: int
    limits: TraderLimits


class CommandRejected(msgspec.Struct, frozen=True, tag="command_rejected"):
    """A cancel-all or a command of staff was refused."""

    reason: Reason
    trader_id: int | None = None
    instrument_id: int | None = None


Event = (
    OrderAccepted
    | OrderRejected
    | Trade
    | OrderAmended
    | AmendRejected
    | OrderCanceled
    | CancelRejected
    | CancelAllDone
    | OrderExpired
    | InstrumentHalted
    | InstrumentResumed
    | InstrumentExpired
    | InstrumentSet
    | TraderLimitsSet
    | CommandRejected
)

_KINDS = {of: str(of.__struct_config__.tag) for of in get_args(Event)}
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def to_json(event: Event) -> str:
    return _encoder.encode(event).decode()


def to_json_lines(events: Sequence[Event]) -> str:
    """A line for each event: JSON escapes control characters, so that none can stand within an event."""
    return _encoder.encode_lines(events).decode().removesuffix("\n")


def from_json(text: str | bytes) -> Event:
    """Raises msgspec.ValidationError or msgspec.DecodeError on anything but an event."""
    event: Event = _decoder.decode(text)
    return event


def kind(event: Event) -> str:
    """The event's name in the record: `trade`, `order_canceled`, ..."""
    return _KINDS[type(event)]
