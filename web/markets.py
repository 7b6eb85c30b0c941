"""Public market data: prices, trades, books and candles, made a few times a second for all callers together."""

from collections.abc import Callable
from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import Response, current_app
from sqlalchemy.orm import Session
from werkzeug.routing import BaseConverter

from bot.clock import utc_now
from engine import history, queries
from engine.candles import candles as read_candles
from engine.history import TradePlace
from web import cache, schemas
from web.board import Board
from web.catalogue import Catalogue, book, candle, open_instruments
from web.errors import InvalidCursor

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

markets = APIBlueprint("markets", __name__, url_prefix="/api", tag="Market data")


@markets.get("/market")
@markets.input(schemas.MarketQuery, location="query")
@markets.output(schemas.Markets)
@markets.doc(operation_id="get_market")
def get_market(query_data: schemas.MarketQuery) -> Response:
    """Last price, best bid and offer, range and volume of every contract, or of one asset's."""
    asset = None if query_data.asset is None else query_data.asset.lower()

    board: Board = current_app.extensions["board"]
    return cached(f"market:{asset}", lambda session: board.markets(session, asset, utc_now()))


@markets.get("/assets")
@markets.output(schemas.Assets)
@markets.doc(operation_id="list_assets")
def list_assets() -> Response:
    """What is traded, by its names."""

    def make(session: Session) -> str:
        return schemas.Assets(
            assets=[
                schemas.ListedAsset(
                    asset=found.code, names=schemas.AssetNames.model_validate(found.names), aliases=found.aliases
                )
                for found in queries.named_assets(session)
            ]
        ).model_dump_json()

    return cached("assets", make)


@markets.get("/trades")
@markets.input(schemas.TradeQuery, location="query")
@markets.output(schemas.Trades)
@markets.doc(operation_id="list_trades")
def list_trades(query_data: schemas.TradeQuery) -> Response:
    """The market's trades, the newest first."""
    before = trade_place(query_data.cursor)
    symbol = None if query_data.symbol is None else query_data.symbol.lower()

    def make(session: Session) -> str:
        catalogue: Catalogue = current_app.extensions["catalogue"]
        instrument_ids = None if symbol is None else [catalogue.named(session, symbol).instrument_id]
        found = history.trades_page(session, instrument_ids, before=before, limit=query_data.limit + 1)
        page = found[: query_data.limit]
        return schemas.Trades.model_construct(
            trades=[catalogue.trade(session, trade) for trade in page],
            next_cursor=trade_cursor(page[-1].place) if len(found) > len(page) else None,
        ).model_dump_json()

    return cached(f"trades:{symbol}:{query_data.cursor}:{query_data.limit}", make)


@markets.get("/orderbook/<name:name>")
@markets.input(schemas.BookQuery, location="query")
@markets.output(schemas.Books)
@markets.doc(operation_id="get_order_book")
def get_book(name: str, query_data: schemas.BookQuery) -> Response:
    """The best levels of a symbol's book (`Dec25-Wheat`), or of all books of an asset (`wheat`)."""

    def make(session: Session) -> str:
        if "-" in name:
            catalogue: Catalogue = current_app.extensions["catalogue"]
            named = [catalogue.named(session, name)]
        else:
            asset = name.lower()
            named = open_instruments(queries.listed_instruments(session, asset), asset)
        depths = queries.depths(session, [instrument.instrument_id for instrument in named], query_data.levels)
        return schemas.Books.model_construct(
            books=[book(instrument, depths[instrument.instrument_id]) for instrument in named], as_of=utc_now()
        ).model_dump_json()

    return cached(f"book:{name.lower()}:{query_data.levels}", make)


@markets.get("/candles/<name:symbol>")
@markets.input(schemas.CandleQuery, location="query")
@markets.output(schemas.Candles)
@markets.doc(operation_id="get_candles")
def get_candles(symbol: str, query_data: schemas.CandleQuery) -> Response:
    """What an instrument traded at in each interval, the oldest first; one without a trade is left out."""

    def make(session: Session) -> str:
        catalogue: Catalogue = current_app.extensions["catalogue"]
        instrument = catalogue.named(session, symbol)
        found = read_candles(
            session,
            instrument.instrument_id,
            query_data.interval,
            until=query_data.until or utc_now(),
            limit=query_data.limit,
        )
        return schemas.Candles.model_construct(
            symbol=instrument.symbol,
            interval=query_data.interval,
            candles=[candle(instrument, one) for one in found],
        ).model_dump_json()

    return cached(f"candles:{symbol.lower()}:{query_data.interval}:{query_data.until}:{query_data.limit}", make)


class NameConverter(BaseConverter):
    """A symbol or an asset in an address."""

    regex = r"[A-Za-z0-9_-]{1,40}"


def cached(key: str, make: Callable[[Session], str]) -> Response:
    def made() -> bytes:
        with current_app.extensions["reads"]() as session:
            return make(session).encode()

    return Response(cache.through(current_app.extensions["redis"], key, made), mimetype="application/json")


def trade_cursor(place: TradePlace) -> str:
    microseconds = (place.occurred_at - EPOCH) // (EPOCH.resolution)
    return f"{microseconds}.{place.shard_id}.{place.number}"


def trade_place(cursor: str | None) -> TradePlace | None:
    """Raises InvalidCursor for one that we never gave."""
    if cursor is None:
        return None
    try:
        microseconds, shard_id, number = map(int, cursor.split("."))
        return TradePlace(EPOCH + microseconds * EPOCH.resolution, shard_id, number)
    except (ValueError, OverflowError) as error:
        raise InvalidCursor(cursor=cursor) from error
