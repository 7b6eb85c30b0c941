"""Public market data: prices, trades, books and candles, made a few times a second for all callers together."""

from collections.abc import Callable
from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import Response, current_app
from sqlalchemy.orm import Session
from werkzeug.routing import BaseConverter

from bot.clock import utc_now
from engine import history, intake, queries, store
from engine.candles import candles as read_candles
from engine.history import TradePlace
from engine.orders import Instrument
from web import cache, schemas
from web.catalogue import Catalogue, book, candle, market, open_instruments
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

    def make(session: Session) -> schemas.Output:
        now = utc_now()
        listed = open_instruments(queries.listed_instruments(session), asset)
        quotes = queries.quotes(session, [instrument.instrument_id for instrument in listed], now)
        return schemas.Markets.model_construct(
            markets=[market(instrument, quote) for instrument, quote in zip(listed, quotes, strict=True)], as_of=now
        )

    return cached(f"market:{asset}", make)


@markets.get("/assets")
@markets.output(schemas.Assets)
@markets.doc(operation_id="list_assets")
def list_assets() -> Response:
    """What is traded, by its names."""

    def make(session: Session) -> schemas.Output:
        return schemas.Assets(
            assets=[
                schemas.ListedAsset(
                    asset=found.code, names=schemas.AssetNames.model_validate(found.names), aliases=found.aliases
                )
                for found in queries.named_assets(session)
            ]
        )

    return cached("assets", make)


@markets.get("/trades")
@markets.input(schemas.TradeQuery, location="query")
@markets.output(schemas.Trades)
@markets.doc(operation_id="list_trades")
def list_trades(query_data: schemas.TradeQuery) -> Response:
    """The market's trades, the newest first."""
    before = trade_place(query_data.cursor)
    symbol = None if query_data.symbol is None else query_data.symbol.lower()

    def make(session: Session) -> schemas.Output:
        instrument_ids = None if symbol is None else [intake.find_instrument(session, symbol=symbol)["id"]]
        found = history.trades_page(session, instrument_ids, before=before, limit=query_data.limit + 1)
        page = found[: query_data.limit]
        catalogue: Catalogue = current_app.extensions["catalogue"]
        return schemas.Trades.model_construct(
            trades=[catalogue.trade(session, trade) for trade in page],
            next_cursor=trade_cursor(page[-1].place) if len(found) > len(page) else None,
        )

    return cached(f"trades:{symbol}:{query_data.cursor}:{query_data.limit}", make)


@markets.get("/orderbook/<name:name>")
@markets.input(schemas.BookQuery, location="query")
@markets.output(schemas.Books)
@markets.doc(operation_id="get_order_book")
def get_book(name: str, query_data: schemas.BookQuery) -> Response:
    """The best levels of a symbol's book (`Dec25-Wheat`), or of all books of an asset (`wheat`)."""

    def make(session: Session) -> schemas.Output:
        if "-" in name:
            named = [store.instrument_from_row(intake.find_instrument(session, symbol=name))]
        else:
            named = open_instruments(queries.listed_instruments(session), name.lower())
        depths = queries.depths(session, [instrument.instrument_id for instrument in named], query_data.levels)
        return schemas.Books.model_construct(
            books=[book(instrument, depths[instrument.instrument_id]) for instrument in named], as_of=utc_now()
        )

    return cached(f"book:{name.lower()}:{query_data.levels}", make)


@markets.get("/candles/<name:symbol>")
@markets.input(schemas.CandleQuery, location="query")
@markets.output(schemas.Candles)
@markets.doc(operation_id="get_candles")
def get_candles(symbol: str, query_data: schemas.CandleQuery) -> Response:
    """What an instrument traded at in each interval, the oldest first; one without a trade is left out."""

    def make(session: Session) -> schemas.Output:
        instrument: Instrument = store.instrument_from_row(intake.find_instrument(session, symbol=symbol))
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
        )

    return cached(f"candles:{symbol.lower()}:{query_data.interval}:{query_data.until}:{query_data.limit}", make)


class NameConverter(BaseConverter):
    """A symbol or an asset in an address."""

    regex = r"[A-Za-z0-9_-]{1,40}"


def cached(key: str, make: Callable[[Session], schemas.Output]) -> Response:
    def made() -> bytes:
        with current_app.extensions["reads"]() as session:
            return make(session).model_dump_json().encode()

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
