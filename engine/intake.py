"""The one door into the market: a request from chat, API or staff becomes a waiting command, once.

What can be judged without the books (the instrument exists, the price is on its tick, the order is the caller's and
open) is refused here with a TradingError and nothing is written; what depends on the market's state is the engine's to
decide.
The functions write in the caller's transaction and wake nobody: that is done after the commit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rapidfuzz import fuzz, process
from sqlalchemy import RowMapping, bindparam, func, insert, select, true
from sqlalchemy.orm import Session

from engine import store
from engine.errors import (
    InvalidPrice,
    InvalidTimeInForce,
    OrderClosed,
    OrderNotFound,
    TradingError,
    UnknownMarket,
)
from engine.money import lots_from_quantity, ticks_from_price
from engine.orders import (
    Amend,
    Cancel,
    CancelAll,
    ExpireInstrument,
    HaltInstrument,
    Instrument,
    InstrumentStatus,
    OrderType,
    Place,
    Reason,
    ResumeInstrument,
    SelfTradePrevention,
    SetInstrument,
    SetTraderLimits,
    Side,
    TimeInForce,
    TraderLimits,
)
from engine.submission import Part, Receipt, Source, next_command_id, receipts_of, submit, submit_one
from engine.tables import assets, command_ids, commands, instruments, order_numbers, orders, shards, waiting_commands

DAY_ORDER_LIFETIME = timedelta(hours=24)
NEAREST_SYMBOLS_MAX = 3

# Made once: every look at a market passes here.
LISTED_BY_SYMBOL = select(instruments).where(func.lower(instruments.c.symbol) == bindparam("symbol"))
LISTED_BY_NAME = select(instruments).where(
    instruments.c.asset == bindparam("asset"), instruments.c.contract == bindparam("contract")
)

# An instrument's row with new numbers, as often as orders are asked for in it. Made once: every order passes here.
NUMBERED = select(
    instruments, command_ids.next_value().label("command_id"), order_numbers.next_value().label("order_id")
).join(func.generate_series(1, bindparam("count")).table_valued("number"), true())
NUMBERED_BY_SYMBOL = NUMBERED.where(func.lower(instruments.c.symbol) == bindparam("symbol"))
NUMBERED_BY_NAME = NUMBERED.where(
    instruments.c.asset == bindparam("asset"), instruments.c.contract == bindparam("contract")
)


@dataclass(frozen=True, kw_only=True)
class OrderRequest:
    """An order as a trader words it: decimals, and a market by its symbol or by its asset and contract.

    Without a time in force a limit order is good for 24 hours and a market order immediate or cancel.
    """

    side: Side
    quantity: Decimal
    symbol: str | None = None
    asset: str | None = None
    contract: str | None = None
    price: Decimal | None = None
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce | None = None
    expires_at: datetime | None = None
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER


def place(
    session: Session, *, trader_id: int, request: OrderRequest, source: Source, request_key: str, now: datetime
) -> Receipt:
    """Raises UnknownMarket, InvalidQuantity, InvalidPrice, InvalidTimeInForce, OffTick, OffLot, TooLarge."""
    return place_several(
        session, trader_id=trader_id, requests=[request], source=source, request_key=request_key, now=now
    )[0]


def place_several(
    session: Session,
    *,
    trader_id: int,
    requests: Sequence[OrderRequest],
    source: Source,
    request_key: str,
    now: datetime,
) -> list[Receipt]:
    """Orders that are asked for together, all of them or none; raises what `place` raises."""
    try:
        parts = _placing(session, trader_id, requests, now)
    except TradingError:
        # The market may have changed since the same request was taken.
        if repeated := receipts_of(session, trader_id, source, request_key):
            return repeated
        raise
    return submit(session, parts, trader_id, source, request_key, now)


def _placing(session: Session, trader_id: int, requests: Sequence[OrderRequest], now: datetime) -> list[Part]:
    """Raises what `place` raises."""
    markets = [(request.symbol, request.asset, request.contract) for request in requests]
    numbered = {market: iter(_numbered(session, *market, count)) for market, count in Counter(markets).items()}
    parts = []
    for request, market in zip(requests, markets, strict=True):
        row = next(numbered[market])
        instrument = store.instrument_from_row(row)
        price_ticks, quantity_lots, time_in_force, expires_at = _terms(request, instrument, now)
        command = Place(
            command_id=row["command_id"],
            order_id=row["order_id"],
            trader_id=trader_id,
            instrument_id=instrument.instrument_id,
            side=request.side,
            order_type=request.order_type,
            quantity_lots=quantity_lots,
            price_ticks=price_ticks,
            time_in_force=time_in_force,
            expires_at=expires_at,
            post_only=request.post_only,
            self_trade_prevention=request.self_trade_prevention,
        )
        parts.append(Part(row["shard_id"], instrument, command))
    return parts


def check(session: Session, request: OrderRequest, now: datetime) -> None:
    """Raises what `place` would raise for this request, and writes nothing."""
    listed = find_instrument(session, symbol=request.symbol, asset=request.asset, contract=request.contract)
    _terms(request, store.instrument_from_row(listed), now)


def amend(
    session: Session,
    *,
    trader_id: int,
    order_id: int,
    price: Decimal | None = None,
    quantity: Decimal | None = None,
    source: Source,
    request_key: str,
    now: datetime,
) -> Receipt:
    """A new price, a new total quantity, or both. Raises OrderNotFound, OrderClosed, and what `place` does."""
    if repeated := receipts_of(session, trader_id, source, request_key):
        return repeated[0]
    listed = _instrument_of_order(session, trader_id, order_id)
    instrument = store.instrument_from_row(listed)
    command = Amend(
        command_id=next_command_id(session),
        order_id=order_id,
        trader_id=trader_id,
        price_ticks=None if price is None else ticks_from_price(price, instrument.tick_size),
        quantity_lots=None if quantity is None else lots_from_quantity(quantity, instrument.lot_size),
    )
    return submit_one(session, listed, command, trader_id, source, request_key, now)


def check_open(session: Session, *, trader_id: int, order_id: int) -> None:
    """Whether the order can still be changed or canceled; raises OrderNotFound, OrderClosed."""
    _instrument_of_order(session, trader_id, order_id)


def cancel(
    session: Session,
    *,
    trader_id: int,
    order_id: int,
    source: Source,
    request_key: str,
    now: datetime,
    reason: Reason = Reason.CANCELED_BY_TRADER,
) -> Receipt:
    """Raises OrderNotFound, OrderClosed."""
    if repeated := receipts_of(session, trader_id, source, request_key):
        return repeated[0]
    listed = _instrument_of_order(session, trader_id, order_id)
    command = Cancel(command_id=next_command_id(session), order_id=order_id, trader_id=trader_id, reason=reason)
    return submit_one(session, listed, command, trader_id, source, request_key, now)


def cancel_all(
    session: Session,
    *,
    trader_id: int,
    asset: str | None = None,
    contract: str | None = None,
    side: Side | None = None,
    source: Source,
    request_key: str,
    now: datetime,
    reason: Reason = Reason.CANCELED_BY_TRADER,
) -> list[Receipt]:
    """One command on each shard that may hold such an order; each answers with its own CancelAllDone.

    A contract needs its asset. Raises UnknownMarket.
    """
    assert contract is None or asset is not None, "a contract alone names no market"
    if repeated := receipts_of(session, trader_id, source, request_key):
        return repeated
    instrument = None
    if asset is None:
        shard_ids = session.scalars(select(shards.c.id).order_by(shards.c.id)).all()
    elif contract is None:
        shard_ids = session.scalars(select(assets.c.shard_id).where(assets.c.code == asset)).all()
        if not shard_ids:
            raise _unknown_market(session, asset)
    else:
        listed = find_instrument(session, asset=asset, contract=contract)
        shard_ids, instrument = [listed["shard_id"]], store.instrument_from_row(listed)
    parts = [
        Part(
            shard_id,
            instrument,
            CancelAll(
                command_id=next_command_id(session),
                trader_id=trader_id,
                asset=asset,
                instrument_id=None if instrument is None else instrument.instrument_id,
                side=side,
                reason=reason,
            ),
        )
        for shard_id in shard_ids
    ]
    return submit(session, parts, trader_id, source, request_key, now)


def halt(session: Session, *, symbol: str, request_key: str, now: datetime) -> Receipt:
    """Stop trading in an instrument: what rests stays and can be canceled. Raises UnknownMarket."""
    return _submit_for_market(session, HaltInstrument, symbol, request_key, now)


def resume(session: Session, *, symbol: str, request_key: str, now: datetime) -> Receipt:
    """Raises UnknownMarket."""
    return _submit_for_market(session, ResumeInstrument, symbol, request_key, now)


def expire(session: Session, *, symbol: str, request_key: str, now: datetime) -> Receipt:
    """End trading in an instrument for good. Raises UnknownMarket."""
    return _submit_for_market(session, ExpireInstrument, symbol, request_key, now)


def list_instruments(
    session: Session, rows: Sequence[Mapping[str, Any]], *, source: Source, now: datetime
) -> list[Receipt]:
    """Open new instruments: shown to everyone from the commit on, and told to the market before any order in them.

    The rows hold the columns of `instruments` but for its id, symbol and status.
    """
    opened = [{**row, "symbol": symbol(row["asset"], row["contract"]), "status": InstrumentStatus.OPEN} for row in rows]
    listed = session.execute(insert(instruments).values(opened).returning(*instruments.c)).mappings().all()
    command_numbers = session.scalars(
        select(command_ids.next_value()).select_from(func.generate_series(1, len(listed)))
    )
    parts = [
        Part(row["shard_id"], instrument, SetInstrument(command_id, instrument))
        for row, command_id in zip(listed, command_numbers.all(), strict=True)
        for instrument in [store.instrument_from_row(row)]
    ]
    return submit(session, parts, None, source, f"list from {listed[0]['id']} on", now)


def symbol(asset: str, contract: str) -> str:
    """Dec25-Wheat."""
    return f"{contract}-{asset.capitalize()}"


def set_instrument(
    session: Session, *, instrument: Instrument, source: Source, request_key: str, now: datetime
) -> Receipt:
    """New rules for a listed instrument, from the moment the engine takes the command. Raises UnknownMarket."""
    if repeated := receipts_of(session, None, source, request_key):
        return repeated[0]
    listed = find_instrument(session, symbol=instrument.symbol)
    command = SetInstrument(command_id=next_command_id(session), instrument=instrument)
    return submit_one(session, listed, command, None, source, request_key, now)


def set_trader_limits(
    session: Session, *, trader_id: int, limits: TraderLimits, source: Source, request_key: str, now: datetime
) -> list[Receipt]:
    """What a trader may do from now on, told to every shard."""
    if repeated := receipts_of(session, trader_id, source, request_key):
        return repeated
    parts = [
        Part(shard_id, None, SetTraderLimits(command_id=next_command_id(session), trader_id=trader_id, limits=limits))
        for shard_id in session.scalars(select(shards.c.id).order_by(shards.c.id)).all()
    ]
    return submit(session, parts, trader_id, source, request_key, now)


def find_instrument(
    session: Session, *, symbol: str | None = None, asset: str | None = None, contract: str | None = None
) -> RowMapping:
    """The listed instrument's row, by its symbol in any case or by its asset and contract. Raises UnknownMarket."""
    if symbol is not None:
        found = session.execute(LISTED_BY_SYMBOL, {"symbol": symbol.lower()})
    else:
        found = session.execute(LISTED_BY_NAME, {"asset": asset, "contract": contract})
    listed = found.mappings().one_or_none()
    if listed is None:
        raise _unknown_market(session, _as_said(symbol, asset, contract))
    return listed


def _numbered(
    session: Session, symbol: str | None, asset: str | None, contract: str | None, count: int
) -> Sequence[RowMapping]:
    """So many times the listed instrument's row, each with a new `command_id` and `order_id`. Raises UnknownMarket."""
    if symbol is not None:
        found = session.execute(NUMBERED_BY_SYMBOL, {"symbol": symbol.lower(), "count": count})
    else:
        found = session.execute(NUMBERED_BY_NAME, {"asset": asset, "contract": contract, "count": count})
    rows = found.mappings().all()
    if not rows:
        raise _unknown_market(session, _as_said(symbol, asset, contract))
    return rows


def _as_said(symbol: str | None, asset: str | None, contract: str | None) -> str:
    return symbol if symbol is not None else f"{contract}-{asset}"


def _unknown_market(session: Session, symbol: str) -> UnknownMarket:
    symbols = session.scalars(select(instruments.c.symbol).where(instruments.c.status != "expired")).all()
    nearest = process.extract(symbol, symbols, scorer=fuzz.WRatio, processor=str.casefold, limit=NEAREST_SYMBOLS_MAX)
    return UnknownMarket(symbol=symbol, nearest=[name for name, _score, _index in nearest])


def _terms(
    request: OrderRequest, instrument: Instrument, now: datetime
) -> tuple[int | None, int, TimeInForce, datetime | None]:
    """Price in ticks, quantity in lots, time in force and its end."""
    price_ticks = _price_ticks(request, instrument)
    quantity_lots = lots_from_quantity(request.quantity, instrument.lot_size)
    return price_ticks, quantity_lots, *_lifetime(request, now)


def _price_ticks(request: OrderRequest, instrument: Instrument) -> int | None:
    if (request.price is None) != (request.order_type is OrderType.MARKET):
        raise InvalidPrice(price=request.price)
    return None if request.price is None else ticks_from_price(request.price, instrument.tick_size)


def _lifetime(request: OrderRequest, now: datetime) -> tuple[TimeInForce, datetime | None]:
    """The order's time in force and its end; raises InvalidTimeInForce where the two or the order type contradict."""
    at_market = request.order_type is OrderType.MARKET
    time_in_force = request.time_in_force or (TimeInForce.IOC if at_market else TimeInForce.DAY)
    rests = time_in_force not in (TimeInForce.IOC, TimeInForce.FOK)
    if (
        (rests and at_market)
        or (request.post_only and not rests)
        or (request.expires_at is not None) != (time_in_force is TimeInForce.GTT)
        or (request.expires_at is not None and request.expires_at <= now)
    ):
        raise InvalidTimeInForce(
            time_in_force=time_in_force, order_type=request.order_type, expires_at=request.expires_at
        )
    if time_in_force is TimeInForce.DAY:
        return time_in_force, now + DAY_ORDER_LIFETIME
    return time_in_force, None if request.expires_at is None else request.expires_at.astimezone(UTC)


def _instrument_of_order(session: Session, trader_id: int, order_id: int) -> RowMapping:
    """The row of the instrument that the trader's order is in, the order being open or still waiting."""
    settled = session.execute(
        select(orders.c.instrument_id, orders.c.state, orders.c.closed_at).where(
            orders.c.id == order_id, orders.c.trader_id == trader_id
        )
    ).one_or_none()
    if settled is not None and settled.closed_at is not None:
        raise OrderClosed(order_id=order_id, state=settled.state)
    instrument_id = settled.instrument_id if settled is not None else _waiting_in(session, trader_id, order_id)
    return session.execute(select(instruments).where(instruments.c.id == instrument_id)).mappings().one()


def _waiting_in(session: Session, trader_id: int, order_id: int) -> int:
    instrument_id: int | None = session.scalar(
        select(commands.c.instrument_id)
        .join(waiting_commands, waiting_commands.c.command_id == commands.c.id)
        .where(commands.c.order_id == order_id, commands.c.trader_id == trader_id, commands.c.kind == "place")
    )
    if instrument_id is None:
        raise OrderNotFound(order_id=order_id)
    return instrument_id


def _submit_for_market(
    session: Session,
    kind: type[HaltInstrument] | type[ResumeInstrument] | type[ExpireInstrument],
    symbol: str,
    request_key: str,
    now: datetime,
) -> Receipt:
    if repeated := receipts_of(session, None, Source.STAFF, request_key):
        return repeated[0]
    listed = find_instrument(session, symbol=symbol)
    command = kind(command_id=next_command_id(session), instrument_id=listed["id"])
    return submit_one(session, listed, command, None, Source.STAFF, request_key, now)
