"""What the API takes and answers: these models check requests, shape answers and make the OpenAPI document.

Amounts are decimals in strings, times are RFC 3339 in UTC. An unknown field is refused.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from flask import Response
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from engine.candles import Interval
from engine.orders import InstrumentStatus, OrderState, OrderType, Reason, SelfTradePrevention, Side, TimeInForce

PAGE_MAX = 200
PAGE_DEFAULT = 50
DIGITS_MAX, DECIMALS_MAX = 15, 10
AMOUNT = re.compile(rf"[0-9]{{1,{DIGITS_MAX}}}(\.[0-9]{{1,{DECIMALS_MAX}}})?")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
DISPLAY_NAME_LENGTH_MAX = 60


def _amount(value: object) -> Decimal:
    """A string of plain digits, or a JSON number, which was read as a decimal."""
    if isinstance(value, str) and AMOUNT.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError(
        f"must be a decimal number of at most {DIGITS_MAX} digits and {DECIMALS_MAX} decimals, such as 150.25"
    )


def _moment(value: object) -> object:
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return value
    raise ValueError("must be a time as in RFC 3339, such as 2025-12-01T15:00:00Z")


def _display_name(value: object) -> object:
    """Composed alike, and without characters that are not seen or that turn the direction of others."""
    if not isinstance(value, str):
        return value
    name = unicodedata.normalize("NFKC", value).strip()
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for character in name):
        raise ValueError("must be letters, digits, spaces and signs that can be seen")
    return name


AMOUNT_SCHEMA = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["150.25"]}
AmountIn = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{AMOUNT.pattern}$"},
                {"type": "number", "exclusiveMinimum": 0},
            ],
            "examples": ["150.25"],
        }
    ),
]
Amount = Annotated[
    Decimal, PlainSerializer(lambda value: format(value, "f"), return_type=str), WithJsonSchema(AMOUNT_SCHEMA)
]
MomentIn = Annotated[AwareDatetime, BeforeValidator(_moment)]
Moment = Annotated[
    datetime,
    PlainSerializer(lambda value: value.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]
Asset = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_ -]{1,40}$")]
Contract = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}[0-9]{2}$")]
ClientOrderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
Username = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{2,31}$")]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
DisplayName = Annotated[
    str, BeforeValidator(_display_name), StringConstraints(min_length=1, max_length=DISPLAY_NAME_LENGTH_MAX)
]
Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.:_-]{1,200}$")]
PageSize = Annotated[int, Field(ge=1, le=PAGE_MAX)]


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Output(BaseModel):
    model_config = ConfigDict(frozen=True)

    def response(self, status: int = 200) -> Response:
        return Response(self.model_dump_json(), status, mimetype="application/json")


class Problem(Output):
    """What went wrong, as RFC 9457 has it; `code` is stable, and `facts` say what would have been right."""

    type: str
    status: int
    code: str
    title: str
    facts: dict[str, object] | None = None


# Accounts


RefreshTokenIn = Annotated[
    Literal["answer", "cookie"],
    Field(
        description="Where the refresh token goes: a page asks for a cookie, which no script can read, and then "
        "refreshes without naming the token."
    ),
]


class Registration(Input):
    username: Username
    password: Password
    display_name: DisplayName | None = None
    language: Literal["en", "es", "pt"] = "en"
    refresh_token_in: RefreshTokenIn = "answer"


class Credentials(Input):
    username: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
    password: Password
    refresh_token_in: RefreshTokenIn = "answer"


class RefreshRequest(Input):
    """Without a token, the one in the cookie is meant."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class PasswordChange(Input):
    current_password: Password
    new_password: Password


class Tokens(Output):
    """`access_token` goes into the header `Authorization: Bearer ...`; `refresh_token` gets the next pair, once.

    It is null where it went into the cookie.
    """

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    refresh_token: str | None


class Profile(Output):
    username: str
    display_name: str
    language: str
    number: str | None
    chat_frozen: bool
    created_at: Moment


class LoginSession(Output):
    id: int
    user_agent: str
    ip_address: str
    created_at: Moment
    last_used_at: Moment
    is_current: bool


class LoginSessions(Output):
    sessions: list[LoginSession]


class LinkCode(Output):
    """Send `code` to `number` by WhatsApp before `expires_at`."""

    code: str
    number: str
    expires_at: Moment


class Ticket(Output):
    """Opens a socket, once and within `expires_in` seconds: `/ws?ticket=...`."""

    ticket: str
    expires_in: int


# Orders


class NewOrder(Input):
    """A market is named by its `symbol`, or by its `asset` and `contract`."""

    symbol: Symbol | None = None
    asset: Asset | None = None
    contract: Contract | None = None
    side: Side
    quantity: AmountIn
    type: OrderType = OrderType.LIMIT
    price: AmountIn | None = None
    time_in_force: TimeInForce | None = None
    expires_at: MomentIn | None = None
    post_only: StrictBool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER
    client_order_id: ClientOrderId | None = None

    @model_validator(mode="after")
    def _names_one_market(self) -> "NewOrder":
        by_symbol = self.symbol is not None
        by_name = self.asset is not None and self.contract is not None
        either = self.asset is not None or self.contract is not None
        if by_symbol == by_name or (by_symbol and either):
            raise ValueError("name the market by symbol, or by asset and contract")
        return self


class OrderChange(Input):
    """A new price, a new total quantity, or both."""

    price: AmountIn | None = None
    quantity: AmountIn | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "OrderChange":
        if self.price is None and self.quantity is None:
            raise ValueError("give a price, a quantity, or both")
        return self


class OrderStatus(StrEnum):
    """An order's state, or one of the two that sum them up."""

    OPEN = "open"
    CLOSED = "closed"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class OrderQuery(Input):
    status: OrderStatus | None = None
    symbol: Symbol | None = None
    side: Side | None = None
    updated_since: MomentIn | None = None
    client_order_id: ClientOrderId | None = None
    limit: PageSize = PAGE_DEFAULT
    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")] | None = None


class CancelQuery(Input):
    """Narrows what is canceled; without any, everything open is."""

    symbol: Symbol | None = None
    asset: Asset | None = None
    side: Side | None = None


class Order(Output):
    id: int
    client_order_id: str | None
    symbol: str
    asset: str
    contract: str
    side: Side
    type: OrderType
    quantity: Amount
    price: Amount | None
    time_in_force: TimeInForce
    expires_at: Moment | None
    post_only: bool
    state: OrderState
    reason: Reason | None
    filled_quantity: Amount
    leaves_quantity: Amount
    average_price: Amount | None
    created_at: Moment
    updated_at: Moment


class Orders(Output):
    orders: list[Order]
    next_cursor: str | None


class Canceled(Output):
    """`settled`: the market has taken the request, and `canceled` counts what it ended; otherwise that is to come."""

    settled: bool
    canceled: int | None


# Market data


class MarketQuery(Input):
    asset: Asset | None = None


class Market(Output):
    """Prices and volume of the last 24 hours; `last` is the last trade's, however old.

    An order's price must lie from `low_limit` to `high_limit`, which follow the last trade; null is no limit.
    """

    symbol: str
    asset: str
    contract: str
    status: InstrumentStatus
    tick_size: Amount
    lot_size: Amount
    last: Amount | None
    bid: Amount | None
    offer: Amount | None
    open: Amount | None
    high: Amount | None
    low: Amount | None
    volume: Amount
    low_limit: Amount | None
    high_limit: Amount | None


class Markets(Output):
    markets: list[Market]
    as_of: Moment

    @classmethod
    def of(cls, markets: Sequence[str], as_of: datetime) -> str:
        """The JSON of markets that are JSON already."""
        nothing = cls.model_construct(markets=[], as_of=as_of).model_dump_json()
        return nothing.replace("[]", f"[{','.join(markets)}]", 1)


class AssetNames(Output):
    en: str
    es: str
    pt: str


class ListedAsset(Output):
    """What it is called in each language, and the other words that name it."""

    asset: str
    names: AssetNames
    aliases: list[str]


class Assets(Output):
    assets: list[ListedAsset]


class BookQuery(Input):
    levels: Annotated[int, Field(ge=1, le=50)] = 10


class Level(Output):
    price: Amount
    quantity: Amount


class Book(Output):
    symbol: str
    bids: list[Level]
    offers: list[Level]


class Books(Output):
    """One book where a symbol was asked for, and all open contracts' where an asset was."""

    books: list[Book]
    as_of: Moment


class TradeQuery(Input):
    symbol: Symbol | None = None
    limit: PageSize = PAGE_DEFAULT
    cursor: Cursor | None = None


class StatementQuery(Input):
    """Of a day, `2025-11-03`, or a month, `2025-11`."""

    period: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$")] | None = None
    format: Literal["pdf", "csv"] = "pdf"
    lang: Literal["en", "es", "pt"] = "en"


class Trade(Output):
    id: str
    symbol: str
    price: Amount
    quantity: Amount
    taker_side: Side
    occurred_at: Moment


class Trades(Output):
    trades: list[Trade]
    next_cursor: str | None


class CandleQuery(Input):
    interval: Interval = Interval.MINUTE
    until: MomentIn | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class Candle(Output):
    opens_at: Moment
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount
    trades: int


class Candles(Output):
    symbol: str
    interval: Interval
    candles: list[Candle]


# Alerts


class NewAlert(Input):
    """Without a direction, the one in which the market has to go to reach the price."""

    symbol: Symbol
    price: AmountIn
    direction: Literal["above", "below"] | None = None


class Alert(Output):
    """Told once by WhatsApp, when a trade reaches `price` or passes it in that direction."""

    id: int
    symbol: str
    price: Amount
    direction: Literal["above", "below"]
    created_at: Moment


class Alerts(Output):
    alerts: list[Alert]


# The caller's account


class Summary(Output):
    realised_profit: Amount
    unrealised_profit: Amount
    commission: Amount
    open_orders: int
    open_positions: int


class Position(Output):
    """`quantity` is negative when short."""

    symbol: str
    quantity: Amount
    average_price: Amount | None
    realised_profit: Amount
    unrealised_profit: Amount
    commission: Amount


class Positions(Output):
    positions: list[Position]


class Fill(Output):
    id: str
    order_id: int
    symbol: str
    side: Side
    price: Amount
    quantity: Amount
    commission: Amount
    occurred_at: Moment


class Fills(Output):
    trades: list[Fill]
    next_cursor: str | None


class UnreadNotice(Output):
    """`text` as it was sent, with WhatsApp's marks: *bold*."""

    order_id: int
    text: str
    created_at: Moment


class UnreadNotices(Output):
    """The oldest first; `left_out` counts those before them that are too many to show."""

    notices: list[UnreadNotice]
    left_out: int


class EventQuery(Input):
    after: (
        Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}-[0-9]{1,18}(\.[0-9]{1,9}-[0-9]{1,18}){0,255}$")] | None
    ) = None
    limit: PageSize = PAGE_DEFAULT


class AccountEvent(Output):
    """What happened to the caller's orders; which fields there are depends on `event`."""

    id: str
    event: str
    occurred_at: Moment
    order_id: int | None = None
    symbol: str | None = None
    side: Side | None = None
    price: Amount | None = None
    quantity: Amount | None = None
    leaves_quantity: Amount | None = None
    commission: Amount | None = None
    reason: Reason | None = None
    count: int | None = None


class AccountEvents(Output):
    """`next_after` goes into the next request's `after`."""

    events: list[AccountEvent]
    next_after: str | None
