"""Who the users of a load are, and what each does how often: stated once for the clients and for the report.

Of ten users five watch a market on the web, three trade there and two trade by chat. Everyone acts at random moments,
so often on average; all of a kind together are then one stream of random moments, which is how they are played.
"""

from decimal import Decimal
from typing import NamedTuple

import msgspec

WATCHERS, WEB_TRADERS, CHAT_TRADERS = 5, 3, 2  # Of ten.
WATCHER_READS_EVERY_SECONDS = 60
PAGES_OPENED = 0.05  # Of the watchers' looks: the whole market, and not only one.
TRADER_ORDERS_EVERY_SECONDS = 60
TRADER_READS_EVERY_SECONDS = 30
CHAT_WRITES_EVERY_SECONDS = 60
# Of a web trader's orders, changes and cancellations; what is not there to be changed or canceled is placed.
PLACED, CANCELED = 0.7, 0.2
# Of a chat trader's messages; the others are questions.
CHAT_ORDERS = 0.6
ASSETS = (
    "Wheat",
    "Gold",
    "Oil",
    "Corn",
    "Soybeans",
    "Silver",
    "Coffee",
    "Sugar",
    "Rice",
    "Cocoa",
    "Cotton",
    "Brent",
)
# The first market has twice the followers and orders of the second, thrice those of the third, and so on.
POPULARITY = tuple(1 / rank for rank in range(1, len(ASSETS) + 1))
CONTRACT = "Dec25"
PRICE_TICKS_MAX = 2  # How far from the middle orders are, so that about half of them meet another.
QUANTITY_MAX = 9


class Market(msgspec.Struct, frozen=True):
    """One that is followed and traded; `words` are its asset's in English, Spanish and Portuguese."""

    symbol: str
    middle: Decimal
    tick_size: Decimal
    words: tuple[str, str, str]


class Trader(msgspec.Struct, frozen=True):
    """A web trader, signed in."""

    token: str
    market: int


class Load(msgspec.Struct, frozen=True):
    """What the clients of one load are told."""

    port: int
    twilio_token: str
    markets: list[Market]
    watchers: list[int]  # The market that each follows.
    traders: list[Trader]
    chat_traders: int
    seed: int


class Sizes(NamedTuple):
    """How many of each kind."""

    watchers: int
    traders: int
    chat_traders: int


def sizes(users: int) -> Sizes:
    watchers, traders = users * WATCHERS // 10, users * WEB_TRADERS // 10
    return Sizes(watchers, traders, users - watchers - traders)


class Percentiles(msgspec.Struct, frozen=True):
    """In milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


class Watched(msgspec.Struct, frozen=True):
    """What the sockets saw: updates since their commit, and own orders since they were asked for."""

    sockets: int
    updates: Percentiles
    orders: Percentiles
    out_of_order: int
    closed: int


class Acted(msgspec.Struct, frozen=True):
    """What the people who act saw: times of answers, how many of each kind were wrong, and what was accepted."""

    times: dict[str, Percentiles]
    wrong: dict[str, int]
    unsettled: int
    order_numbers: list[int]
    # When each message was posted, in seconds since 1970, by its SID.
    posted: dict[str, float]
