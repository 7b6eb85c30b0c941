"""The live feed's messages: these models check what comes, write what goes, and make the AsyncAPI document."""

import zlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from engine.orders import InstrumentStatus, Reason
from web.schemas import Amount, Fill, Input, Moment, Order, Output, Trade

CHANNEL_LENGTH_MAX = 64
CHANNELS_PER_MESSAGE_MAX = 200

MessageId = Annotated[int, Field(strict=True, ge=0, lt=2**53)] | Annotated[str, StringConstraints(max_length=64)]
MarketPosition = Annotated[int, Field(strict=True, ge=0, lt=2**53)]
# With several engines, the position on each: "0-234.1-90".
OrdersPosition = (
    MarketPosition
    | Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}-[0-9]{1,18}(\.[0-9]{1,9}-[0-9]{1,18}){0,255}$")]
)
Channel = Annotated[str, StringConstraints(min_length=1, max_length=CHANNEL_LENGTH_MAX)]
Channels = Annotated[list[Channel], Field(min_length=1, max_length=CHANNELS_PER_MESSAGE_MAX)]


class Code(StrEnum):
    """What is told without closing the socket."""

    INVALID_JSON = "invalid_json"
    INVALID_MESSAGE = "invalid_message"
    UNKNOWN_OP = "unknown_op"
    UNAVAILABLE = "unavailable"


class RefusalCode(StrEnum):
    """Why a channel is not given."""

    UNKNOWN_CHANNEL = "unknown_channel"
    TICKET_NEEDED = "ticket_needed"
    TOO_MANY_CHANNELS = "too_many_channels"
    INVALID_AFTER = "invalid_after"


# What a client sends.


class Subscribe(Input):
    """`after` is where the caller was: the last `seq` of each channel, or one number for all of them."""

    op: Literal["subscribe"]
    channels: Channels
    after: MarketPosition | dict[Channel, OrdersPosition] | None = None
    id: MessageId | None = None


class Unsubscribe(Input):
    op: Literal["unsubscribe"]
    channels: Channels
    id: MessageId | None = None


class Ping(Input):
    op: Literal["ping"]
    id: MessageId | None = None


# What it gets.


class Message(Output):
    """What is sent; the fields of `OPTIONAL` are there only where they say something."""

    OPTIONAL: ClassVar = ("id", "resumed", "refused")

    def text(self) -> str:
        return self.model_dump_json(exclude={name for name in self.OPTIONAL if getattr(self, name, None) is None})


class RefusedChannel(Output):
    channel: str
    code: RefusalCode


class Subscribed(Message):
    event: Literal["subscribed"] = "subscribed"
    id: MessageId | None = None
    accepted: list[str]
    refused: list[RefusedChannel]


class Unsubscribed(Message):
    event: Literal["unsubscribed"] = "unsubscribed"
    id: MessageId | None = None
    channels: list[str]


class Time(Output):
    time: Moment


class Pong(Message):
    event: Literal["pong"] = "pong"
    id: MessageId | None = None
    data: Time


class Heartbeat(Message):
    event: Literal["heartbeat"] = "heartbeat"
    data: Time


class Error(Message):
    event: Literal["error"] = "error"
    code: Code
    id: MessageId | None = None


class MarketState(Output):
    """One contract as it stands: `[price, quantity]` of the ten best levels of each side, the best first."""

    symbol: str
    status: InstrumentStatus
    bids: list[tuple[Amount, Amount]]
    asks: list[tuple[Amount, Amount]]
    last: Amount | None
    high: Amount | None
    low: Amount | None
    volume: Amount
    checksum: Annotated[int, Field(ge=0, lt=2**32)]
    as_of: Moment


class MarketSnapshot(Message):
    event: Literal["snapshot"] = "snapshot"
    channel: str
    seq: MarketPosition
    resumed: bool | None = None
    data: MarketState


class MarketUpdate(Message):
    event: Literal["market:update"] = "market:update"
    channel: str
    seq: MarketPosition
    prev: MarketPosition
    data: MarketState


class MarketTrade(Message):
    event: Literal["trade:executed"] = "trade:executed"
    channel: str
    seq: MarketPosition
    prev: MarketPosition
    data: Trade


class OpenOrders(Output):
    orders: list[Order]


class OrdersSnapshot(Message):
    event: Literal["snapshot"] = "snapshot"
    channel: Literal["orders"] = "orders"
    seq: OrdersPosition
    resumed: bool | None = None
    data: OpenOrders


class OwnTrade(Message):
    event: Literal["trade:executed"] = "trade:executed"
    channel: Literal["orders"] = "orders"
    seq: OrdersPosition
    prev: OrdersPosition
    data: Fill


class RefusedChange(Output):
    """The change of an order that the market refused."""

    request: Literal["amend", "cancel"]
    reason: Reason


OrderEventName = Literal[
    "order:created", "order:matched", "order:amended", "order:cancelled", "order:expired", "order:rejected"
]


class OrderEvent(Message):
    event: OrderEventName
    channel: Literal["orders"] = "orders"
    seq: OrdersPosition
    prev: OrdersPosition
    refused: RefusedChange | None = None
    data: Order


RECEIVED = (Subscribe, Unsubscribe, Ping)
SENT = (
    Subscribed,
    Unsubscribed,
    Pong,
    Heartbeat,
    Error,
    MarketSnapshot,
    MarketUpdate,
    MarketTrade,
    OrdersSnapshot,
    OwnTrade,
    OrderEvent,
)


def checksum(bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> int:
    """CRC-32 of the levels as they are sent, asks first, without decimal points and leading zeros.

    Source: Kraken's book checksum, https://docs.kraken.com/api/docs/guides/spot-ws-book-v1/.
    """
    text = "".join(amount.replace(".", "").lstrip("0") for side in (asks, bids) for level in side for amount in level)
    return zlib.crc32(text.encode())
