"""The listed instruments in this process, and what their ticks and lots are as prices and quantities for the API."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from engine import candles, intake, queries, store
from engine.errors import UnknownMarket
from engine.events import (
    AmendRejected,
    CancelAllDone,
    CancelRejected,
    CommandRejected,
    Event,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    Trade,
)
from engine.events import kind as event_kind
from engine.history import NumberedEvent, PlacedFill, PlacedTrade, RequestedOrder
from engine.intake import Source
from engine.listing import Listing
from engine.money import CENT
from engine.orders import Instrument, OrderType, Side
from web import schemas

CLIENT_ORDER_KEY = "client:"  # What a request key begins with that is the caller's own order id.
AVERAGE_PRICE_PLACES = Decimal("0.0001")  # Of a tick.


class Catalogue:
    """Ids, symbols, ticks and lots, which never change; read once, and again where one is met that was listed since."""

    def __init__(self) -> None:
        self._by_id: dict[int, Instrument] = {}
        self._by_symbol: dict[str, Instrument] = {}

    def named(self, session: Session, symbol: str) -> Instrument:
        """By its symbol, in any case; raises UnknownMarket."""
        key = symbol.lower()
        if key not in self._by_symbol:
            self._by_symbol[key] = store.instrument_from_row(intake.find_instrument(session, symbol=symbol))
        return self._by_symbol[key]

    def instrument(self, session: Session, instrument_id: int) -> Instrument:
        if instrument_id not in self._by_id:
            self._by_id = {found.instrument_id: found for found in queries.listed_instruments(session)}
        return self._by_id[instrument_id]

    def order(self, session: Session, found: RequestedOrder) -> schemas.Order:
        order = found.order
        instrument = self.instrument(session, order.instrument_id)
        is_named = found.source == Source.API and found.request_key.startswith(CLIENT_ORDER_KEY)
        return schemas.Order.model_construct(
            id=order.order_id,
            client_order_id=found.request_key.removeprefix(CLIENT_ORDER_KEY) if is_named else None,
            symbol=instrument.symbol,
            asset=instrument.asset,
            contract=instrument.contract,
            side=order.side,
            type=OrderType(order.order_type),
            quantity=order.quantity_lots * instrument.lot_size,
            price=price(order.price_ticks, instrument),
            time_in_force=order.time_in_force,
            expires_at=order.expires_at,
            post_only=order.post_only,
            state=order.state,
            reason=order.reason,
            filled_quantity=order.filled_lots * instrument.lot_size,
            leaves_quantity=order.leaves_lots * instrument.lot_size,
            average_price=average_price(order.notional_ticks, order.filled_lots, instrument),
            created_at=order.created_at,
            updated_at=order.updated_at,
        )

    def trade(self, session: Session, found: PlacedTrade) -> schemas.Trade:
        trade = found.trade
        instrument = self.instrument(session, trade.instrument_id)
        return schemas.Trade.model_construct(
            id=f"{found.place.shard_id}-{found.place.number}",
            symbol=instrument.symbol,
            price=price(trade.price_ticks, instrument),
            quantity=trade.quantity_lots * instrument.lot_size,
            taker_side=trade.taker_side,
            occurred_at=trade.occurred_at,
        )

    def fill(self, session: Session, found: PlacedFill) -> schemas.Fill:
        fill = found.fill
        instrument = self.instrument(session, fill.instrument_id)
        return schemas.Fill.model_construct(
            id=f"{found.place.shard_id}-{found.place.number}",
            order_id=fill.order_id,
            symbol=instrument.symbol,
            side=fill.side,
            price=price(fill.price_ticks, instrument),
            quantity=fill.quantity_lots * instrument.lot_size,
            commission=fill.commission_cents * CENT,
            occurred_at=fill.occurred_at,
        )

    def position(self, session: Session, held: queries.Holding) -> schemas.Position:
        instrument = self.instrument(session, held.instrument_id)
        return schemas.Position.model_construct(
            symbol=instrument.symbol,
            quantity=held.lots * instrument.lot_size,
            average_price=held.average_price.quantize(instrument.tick_size * AVERAGE_PRICE_PLACES)
            if held.lots
            else None,
            realised_profit=held.realised,
            unrealised_profit=held.unrealised,
            commission=held.commission,
        )

    def event(self, session: Session, found: NumberedEvent, trader_id: int) -> schemas.AccountEvent:
        """The caller's own side of what happened: of another trader nothing is told."""
        instrument_id = getattr(found.event, "instrument_id", None)
        instrument = None if instrument_id is None else self.instrument(session, instrument_id)
        return schemas.AccountEvent.model_construct(
            id=f"{found.shard_id}-{found.number}",
            event=event_kind(found.event),
            occurred_at=found.occurred_at,
            symbol=None if instrument is None else instrument.symbol,
            **_event_fields(found.event, instrument, trader_id),
        )


def market(instrument: Instrument, quote: queries.Quote) -> schemas.Market:
    listing = Listing(instrument, quote.last_ticks)
    return schemas.Market.model_construct(
        symbol=instrument.symbol,
        asset=instrument.asset,
        contract=instrument.contract,
        status=instrument.status,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        last=price(quote.last_ticks, instrument),
        bid=price(quote.bid_ticks, instrument),
        offer=price(quote.offer_ticks, instrument),
        open=price(quote.open_ticks, instrument),
        high=price(quote.high_ticks, instrument),
        low=price(quote.low_ticks, instrument),
        volume=quote.volume_lots * instrument.lot_size,
        low_limit=price(listing.low_ticks, instrument) if listing.is_banded else None,
        high_limit=price(listing.high_ticks, instrument) if listing.is_banded else None,
    )


def book(instrument: Instrument, depth: queries.Depth) -> schemas.Book:
    def levels(side: Sequence[queries.Level]) -> list[schemas.Level]:
        return [
            schemas.Level.model_construct(
                price=price(level.price_ticks, instrument), quantity=level.quantity_lots * instrument.lot_size
            )
            for level in side
        ]

    return schemas.Book.model_construct(symbol=instrument.symbol, bids=levels(depth.bids), offers=levels(depth.offers))


def candle(instrument: Instrument, found: candles.Candle) -> schemas.Candle:
    return schemas.Candle.model_construct(
        opens_at=found.opens_at,
        open=price(found.open_ticks, instrument),
        high=price(found.high_ticks, instrument),
        low=price(found.low_ticks, instrument),
        close=price(found.close_ticks, instrument),
        volume=found.volume_lots * instrument.lot_size,
        trades=found.trade_count,
    )


def price(ticks: int | None, instrument: Instrument) -> Decimal | None:
    return None if ticks is None else ticks * instrument.tick_size


def average_price(notional_ticks: int, filled_lots: int, instrument: Instrument) -> Decimal | None:
    if not filled_lots:
        return None
    exact = Decimal(notional_ticks) / filled_lots * instrument.tick_size
    return exact.quantize(instrument.tick_size * AVERAGE_PRICE_PLACES)


def open_instruments(listed: Sequence[Instrument], asset: str | None) -> list[Instrument]:
    """Those that have not expired, of one asset or of all; raises UnknownMarket for an asset that is not listed."""
    found = [
        instrument for instrument in listed if instrument.status != "expired" and asset in (None, instrument.asset)
    ]
    if not found and asset is not None:
        raise UnknownMarket(symbol=asset, nearest=[])
    return found


def _event_fields(event: Event, instrument: Instrument | None, trader_id: int) -> dict[str, Any]:
    match event:
        case Trade():
            assert instrument is not None
            is_taker = event.taker_trader_id == trader_id
            maker_side = Side.SELL if event.taker_side is Side.BUY else Side.BUY
            return {
                "order_id": event.taker_order_id if is_taker else event.maker_order_id,
                "side": event.taker_side if is_taker else maker_side,
                "price": price(event.price_ticks, instrument),
                "quantity": event.quantity_lots * instrument.lot_size,
                "leaves_quantity": (event.taker_leaves_lots if is_taker else event.maker_leaves_lots)
                * instrument.lot_size,
                "commission": (event.taker_commission_cents if is_taker else event.maker_commission_cents) * CENT,
            }
        case OrderAccepted(order) | OrderRejected(order):
            assert instrument is not None
            return {
                "order_id": order.order_id,
                "side": order.side,
                "price": price(order.price_ticks, instrument),
                "quantity": order.quantity_lots * instrument.lot_size,
                "reason": getattr(event, "reason", None),
            }
        case OrderAmended():
            assert instrument is not None
            return {
                "order_id": event.order_id,
                "side": event.side,
                "price": price(event.price_ticks, instrument),
                "quantity": event.quantity_lots * instrument.lot_size,
                "leaves_quantity": event.leaves_lots * instrument.lot_size,
            }
        case OrderCanceled() | OrderExpired():
            assert instrument is not None
            return {
                "order_id": event.order_id,
                "side": event.side,
                "leaves_quantity": event.leaves_lots * instrument.lot_size,
                "reason": event.reason,
            }
        case AmendRejected() | CancelRejected():
            return {"order_id": event.order_id, "reason": event.reason}
        case CancelAllDone():
            return {"count": event.count}
        case CommandRejected():
            return {"reason": event.reason}
    return {}
