"""The live feed's way through Redis: after each commit the engine publishes what happened, and web processes listen.

Redis only hurries the news: nothing depends on its arrival. News name the event before their first, so that whoever
missed some sees the gap and reads the record instead.
"""

from datetime import datetime

import msgspec
import structlog
from redis import Redis
from redis.exceptions import RedisError

from engine.batch import Settlement
from engine.events import Trade
from engine.orders import InstrumentStatus, Side

log = structlog.get_logger(__name__)

CHANNEL = "feed"
LEVELS_SHOWN = 10

LevelNews = tuple[int, int]  # Price in ticks, quantity in lots.


class TradeNews(msgspec.Struct, frozen=True, array_like=True):
    """A trade under its event's number in the record."""

    number: int
    instrument_id: int
    price_ticks: int
    quantity_lots: int
    taker_side: Side


class BookNews(msgspec.Struct, frozen=True, array_like=True):
    """The best levels of a book after the batch, the best first."""

    instrument_id: int
    status: InstrumentStatus
    bids: list[LevelNews]
    offers: list[LevelNews]


class News(msgspec.Struct, frozen=True):
    """One committed batch of a shard: its events follow number `before` and end with number `last`.

    `trader_ids` are all whom it concerns. `books` is None where more waits: they come with a later batch.
    """

    shard_id: int
    before: int
    last: int
    occurred_at: datetime
    committed_at: datetime
    trades: list[TradeNews]
    books: list[BookNews] | None
    trader_ids: list[int]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(News)


def publish(redis: Redis, shard_id: int, settlement: Settlement, committed_at: datetime) -> None:
    """Tell whoever listens what a batch did; without Redis they find it in the record a little later."""
    if not settlement.settled:
        return
    try:
        redis.publish(CHANNEL, _encoder.encode(news_of(shard_id, settlement, committed_at)))
    except RedisError as problem:
        log.warning("feed_unavailable", problem=type(problem).__name__)


def news_of(shard_id: int, settlement: Settlement, committed_at: datetime) -> News:
    settled = settlement.settled
    trades = []
    trader_ids = set()
    for one in settled:
        for number, event in enumerate(one.events, one.first_number):
            if isinstance(event, Trade):
                trader_ids |= {event.maker_trader_id, event.taker_trader_id}
                trades.append(
                    TradeNews(number, event.instrument_id, event.price_ticks, event.quantity_lots, event.taker_side)
                )
            else:
                trader_ids.add(getattr(event, "trader_id", None))
    return News(
        shard_id=shard_id,
        before=settled[0].first_number - 1,
        last=settled[-1].first_number + len(settled[-1].events) - 1,
        occurred_at=settlement.now,
        committed_at=committed_at,
        trades=trades,
        books=None
        if settlement.books is None
        else [
            BookNews(instrument_id, book.status, book.bids, book.offers)
            for instrument_id, book in settlement.books.items()
        ],
        trader_ids=sorted(trader_ids - {None}),
    )


def read(message: bytes) -> News:
    return _decoder.decode(message)
