"""Read-only views of the market for chat and API: quotes, depth, orders, trades, positions, account.

Prices are ticks and quantities lots, as stored, but for positions and account, whose money is decimal. Volume is of the
last 24 hours. A position is marked at the instrument's last price, else its listed reference price.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from engine import store
from engine.errors import OrderNotFound
from engine.money import CENT
from engine.orders import Instrument, OrderState, Reason, Side, TimeInForce, TraderLimits
from engine.positions import Position
from engine.tables import asset_aliases, assets, commands, events, instruments, orders, positions, shards, trades
from engine.tables import trader_limits as limits_table

VOLUME_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NamedAsset:
    """An asset with its name in each language, and the words that traders use for it."""

    code: str
    names: dict[str, str]
    aliases: list[str]


@dataclass(frozen=True, slots=True)
class Quote:
    """An instrument's last trade, best bid and offer, and the first price, range and volume of the last 24 hours."""

    instrument_id: int
    last_ticks: int | None
    bid_ticks: int | None
    offer_ticks: int | None
    volume_lots: int
    open_ticks: int | None
    low_ticks: int | None
    high_ticks: int | None


@dataclass(frozen=True, slots=True)
class Level:
    """All that rests at one price."""

    price_ticks: int
    quantity_lots: int


@dataclass(frozen=True, slots=True)
class Depth:
    """The best levels of both sides, the best first."""

    bids: list[Level]
    offers: list[Level]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """An order as stored."""

    order_id: int
    instrument_id: int
    side: Side
    order_type: str
    price_ticks: int | None
    quantity_lots: int
    filled_lots: int
    leaves_lots: int
    notional_ticks: int
    time_in_force: TimeInForce
    expires_at: datetime | None
    post_only: bool
    state: OrderState
    reason: Reason | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TradeView:
    """A trade as the whole market sees it."""

    instrument_id: int
    price_ticks: int
    quantity_lots: int
    taker_side: Side
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Fill:
    """One side of a trade, as its trader sees it."""

    order_id: int
    instrument_id: int
    side: Side
    price_ticks: int
    quantity_lots: int
    commission_cents: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """A position with its profits in money; `lots` is negative when short."""

    instrument_id: int
    lots: int
    average_price: Decimal
    realised: Decimal
    unrealised: Decimal
    commission: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """All of a trader's positions together; profits are before commission."""

    realised: Decimal
    unrealised: Decimal
    commission: Decimal
    open_orders: int
    open_positions: int


def _last_ticks(instrument_id: sa.ColumnElement[int]) -> sa.ScalarSelect[int]:
    return (
        sa.select(trades.c.price_ticks)
        .where(trades.c.instrument_id == instrument_id)
        .order_by(trades.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )


def _best_ticks(
    instrument_id: sa.ColumnElement[int], side: Side, best: Callable[[sa.ColumnElement[int]], sa.ColumnElement[int]]
) -> sa.ScalarSelect[int]:
    return (
        sa.select(best(orders.c.price_ticks))
        .where(orders.c.closed_at.is_(None), orders.c.instrument_id == instrument_id, orders.c.side == side)
        .scalar_subquery()
    )


# Statements are made once: to make one anew takes longer than most of them run.
_LISTED = sa.select(instruments).order_by(instruments.c.asset, instruments.c.contract_month)
_LISTED_OF_ASSET = _LISTED.where(instruments.c.asset == sa.bindparam("asset"))


def listed_instruments(session: Session, asset: str | None = None) -> list[Instrument]:
    """Every instrument that was ever listed, by asset and month; of one asset or of all."""
    rows = session.execute(_LISTED) if asset is None else session.execute(_LISTED_OF_ASSET, {"asset": asset})
    return [store.instrument_from_row(row) for row in rows.mappings()]


def named_assets(session: Session) -> list[NamedAsset]:
    """Every listed asset, by code."""
    words = sa.func.array_agg(aggregate_order_by(asset_aliases.c.alias, asset_aliases.c.alias)).label("words")
    rows = session.execute(
        sa.select(assets.c.code, assets.c.names, words)
        .outerjoin(asset_aliases, asset_aliases.c.asset == assets.c.code)
        .group_by(assets.c.code)
        .order_by(assets.c.code)
    )
    return [NamedAsset(row.code, row.names, [word for word in row.words if word]) for row in rows]


def last_price(session: Session, symbol: str) -> Decimal | None:
    """The price of the instrument's last trade, if there was one."""
    row = session.execute(
        sa.select(_last_ticks(instruments.c.id).label("ticks"), instruments.c.tick_size).where(
            instruments.c.symbol == symbol
        )
    ).one_or_none()
    return None if row is None or row.ticks is None else row.ticks * row.tick_size


_WANTED = sa.any_(sa.bindparam("wanted", type_=sa.ARRAY(sa.Integer)))
_DAY = (
    sa.select(
        trades.c.instrument_id,
        sa.func.min(trades.c.number).label("first"),
        sa.func.min(trades.c.price_ticks).label("low"),
        sa.func.max(trades.c.price_ticks).label("high"),
        sa.func.sum(trades.c.quantity_lots).label("lots"),
    )
    .where(trades.c.instrument_id == _WANTED, trades.c.occurred_at > sa.bindparam("since"))
    .group_by(trades.c.instrument_id)
    .subquery()
)
# The first trade is looked up by its number: to sort a day's prices for it would take longer than all the rest.
_FIRST = trades.alias("first_trades")
_IS_FIRST = sa.and_(_FIRST.c.instrument_id == _DAY.c.instrument_id, _FIRST.c.number == _DAY.c.first)
_QUOTES = (
    sa.select(
        instruments.c.id,
        _last_ticks(instruments.c.id).label("last"),
        _best_ticks(instruments.c.id, Side.BUY, sa.func.max).label("bid"),
        _best_ticks(instruments.c.id, Side.SELL, sa.func.min).label("offer"),
        _DAY.c.lots,
        _FIRST.c.price_ticks.label("opening"),
        _DAY.c.low,
        _DAY.c.high,
    )
    .select_from(instruments)
    .outerjoin(_DAY, _DAY.c.instrument_id == instruments.c.id)
    .outerjoin(_FIRST, _IS_FIRST)
    .where(instruments.c.id == _WANTED)
)
_LISTED_QUOTES = _QUOTES.add_columns(*(column for column in instruments.c if column is not instruments.c.id))


def quotes(session: Session, instrument_ids: Sequence[int], now: datetime) -> list[Quote]:
    """In the order asked for."""
    rows = session.execute(_QUOTES, {"wanted": list(instrument_ids), "since": now - VOLUME_WINDOW}).mappings()
    found = {row["id"]: _quote(row) for row in rows}
    return [found.get(wanted) or Quote(wanted, None, None, None, 0, None, None, None) for wanted in instrument_ids]


def listed_quotes(session: Session, instrument_ids: Collection[int], now: datetime) -> list[tuple[Instrument, Quote]]:
    """Instruments and their quotes of one moment."""
    rows = session.execute(_LISTED_QUOTES, {"wanted": list(instrument_ids), "since": now - VOLUME_WINDOW}).mappings()
    return [(store.instrument_from_row(row), _quote(row)) for row in rows]


def _quote(row: sa.RowMapping) -> Quote:
    prices = (row["last"], row["bid"], row["offer"])
    return Quote(row["id"], *prices, int(row["lots"] or 0), row["opening"], row["low"], row["high"])


class Changes(NamedTuple):
    """The instruments that may have changed, and by shard the last event up to which that is known."""

    instrument_ids: set[int]
    last_events: dict[int, int]


@cache
def _changes(shard_ids: Collection[int]) -> sa.CompoundSelect[Any]:
    # A part for each shard, so that the planner sees how little of the record follows the last event that was seen.
    of_events = [
        sa.select(events.c.instrument_id).where(
            events.c.shard_id == shard_id,
            events.c.number > sa.bindparam(f"after_{shard_id}"),
            events.c.instrument_id.is_not(None),
        )
        for shard_id in shard_ids
    ]
    of_time = sa.select(trades.c.instrument_id).where(
        trades.c.occurred_at > sa.bindparam("left_since"), trades.c.occurred_at <= sa.bindparam("left_until")
    )
    unknown = sa.select(instruments.c.id).where(
        instruments.c.id != sa.all_(sa.bindparam("known", type_=sa.ARRAY(sa.Integer)))
    )
    changed = sa.union(*of_events, of_time, unknown).subquery()
    # In one statement, which sees one moment: no event falls between what changed and the last that is known of.
    return sa.union_all(
        sa.select(changed.c.instrument_id.label("id"), sa.null().label("last_event")),
        sa.select(shards.c.id, shards.c.last_event),
    )


def changes(
    session: Session, known: Collection[int], last_events: Mapping[int, int], *, since: datetime, until: datetime
) -> Changes:
    """Those whose rules, status or quote may be others at `until` than they were at `since`, and those not yet known.

    `last_events` are, by shard, the last events that were seen.
    """
    asked = {f"after_{shard_id}": number for shard_id, number in last_events.items()}
    # Clocks go back, too.
    first, last = sorted((since, until))
    left = {"left_since": first - VOLUME_WINDOW, "left_until": last - VOLUME_WINDOW}
    found = Changes(set(), {})
    for number, last_event in session.execute(_changes(tuple(last_events)), {"known": list(known), **asked, **left}):
        if last_event is None:
            found.instrument_ids.add(number)
        else:
            found.last_events[number] = last_event
    return found


def most_active(session: Session, now: datetime) -> list[int]:
    """The instruments that traded in the last 24 hours, the one with the most volume first."""
    volume = sa.func.sum(trades.c.quantity_lots)
    return list(
        session.execute(
            sa.select(trades.c.instrument_id)
            .where(trades.c.occurred_at > now - VOLUME_WINDOW)
            .group_by(trades.c.instrument_id)
            .order_by(volume.desc(), trades.c.instrument_id)
        ).scalars()
    )


# For both sides the better price ranks first.
_EAGERNESS = sa.case((orders.c.side == Side.BUY, orders.c.price_ticks), else_=-orders.c.price_ticks)
_BY_PRICE = (
    sa.select(
        orders.c.instrument_id,
        orders.c.side,
        orders.c.price_ticks,
        sa.func.sum(orders.c.leaves_lots).label("lots"),
        sa.func.row_number()
        .over(partition_by=(orders.c.instrument_id, orders.c.side), order_by=_EAGERNESS.desc())
        .label("rank"),
    )
    .where(orders.c.closed_at.is_(None), orders.c.instrument_id.in_(sa.bindparam("wanted", expanding=True)))
    .group_by(orders.c.instrument_id, orders.c.side, orders.c.price_ticks)
    .subquery()
)
_DEPTHS = sa.select(_BY_PRICE).where(_BY_PRICE.c.rank <= sa.bindparam("levels")).order_by(_BY_PRICE.c.rank)


def depth(session: Session, instrument_id: int, levels: int) -> Depth:
    """The book's best `levels` of each side."""
    return depths(session, [instrument_id], levels)[instrument_id]


def depths(session: Session, instrument_ids: Sequence[int], levels: int) -> dict[int, Depth]:
    """The best `levels` of each side of several books, by instrument."""
    found = {instrument_id: Depth([], []) for instrument_id in instrument_ids}
    for row in session.execute(_DEPTHS, {"wanted": list(instrument_ids), "levels": levels}):
        side = found[row.instrument_id].bids if row.side == Side.BUY else found[row.instrument_id].offers
        side.append(Level(row.price_ticks, int(row.lots)))
    return found


def order_view(row: sa.RowMapping) -> OrderView:
    return OrderView(
        order_id=row["id"],
        instrument_id=row["instrument_id"],
        side=Side(row["side"]),
        order_type=row["order_type"],
        price_ticks=row["price_ticks"],
        quantity_lots=row["quantity_lots"],
        filled_lots=row["filled_lots"],
        leaves_lots=row["leaves_lots"],
        notional_ticks=row["notional_ticks"],
        time_in_force=TimeInForce(row["time_in_force"]),
        expires_at=row["expires_at"],
        post_only=row["post_only"],
        state=OrderState(row["state"]),
        reason=None if row["reason"] is None else Reason(row["reason"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def open_orders(session: Session, trader_id: int) -> list[OrderView]:
    """The trader's open orders, the newest first."""
    rows = session.execute(
        sa.select(orders)
        .where(orders.c.trader_id == trader_id, orders.c.closed_at.is_(None))
        .order_by(orders.c.id.desc())
    )
    return [order_view(row) for row in rows.mappings()]


def traders_resting_at(session: Session | sa.Connection, shard_id: int, instrument_id: int, number: int) -> list[int]:
    """Who had an open order in the instrument at the event of this number, whatever happened after it."""
    later = (
        sa.select(events.c.kind, events.c.order_id)
        .where(events.c.shard_id == shard_id, events.c.number > number, events.c.instrument_id == instrument_id)
        .cte("later")
    )
    traded = sa.and_(trades.c.instrument_id == instrument_id, trades.c.number > number)
    candidates = sa.union(
        sa.select(orders.c.id).where(orders.c.instrument_id == instrument_id, orders.c.closed_at.is_(None)),
        sa.select(later.c.order_id).where(later.c.kind.in_(("order_canceled", "order_expired"))),
        sa.select(trades.c.maker_order_id).where(traded),
        sa.select(trades.c.taker_order_id).where(traded),
    ).subquery()
    came_later = sa.select(later.c.order_id).where(later.c.kind == "order_accepted")
    return list(
        session.execute(
            sa.select(orders.c.trader_id)
            .where(orders.c.id.in_(sa.select(candidates)), orders.c.id.not_in(came_later))
            .distinct()
            .order_by(orders.c.trader_id)
        ).scalars()
    )


def order(session: Session, trader_id: int, order_id: int) -> OrderView:
    """One order of this trader's; raises OrderNotFound."""
    row = (
        session.execute(sa.select(orders).where(orders.c.id == order_id, orders.c.trader_id == trader_id))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise OrderNotFound(order_id=order_id)
    return order_view(row)


def newest_order_id(session: Session, trader_id: int) -> int | None:
    """The trader's order with the highest number, settled or still waiting."""
    return session.execute(
        sa.select(sa.func.max(commands.c.order_id)).where(commands.c.trader_id == trader_id, commands.c.kind == "place")
    ).scalar()


def recent_trades(session: Session, instrument_ids: Sequence[int] | None, *, limit: int) -> list[TradeView]:
    """The latest trades of these instruments, or of all, the newest first."""
    chosen = sa.true() if instrument_ids is None else trades.c.instrument_id.in_(instrument_ids)
    rows = session.execute(
        sa.select(trades).where(chosen).order_by(trades.c.occurred_at.desc(), trades.c.number.desc()).limit(limit)
    )
    return [trade_view(row) for row in rows.mappings()]


def trade_view(row: sa.RowMapping) -> TradeView:
    return TradeView(
        row["instrument_id"], row["price_ticks"], row["quantity_lots"], Side(row["taker_side"]), row["occurred_at"]
    )


def fills(session: Session, trader_id: int, *, limit: int) -> list[Fill]:
    """The trader's own side of their latest trades, the newest first."""
    rows = session.execute(
        sa.select(trades)
        .where(sa.or_(trades.c.maker_trader_id == trader_id, trades.c.taker_trader_id == trader_id))
        .order_by(trades.c.occurred_at.desc(), trades.c.number.desc())
        .limit(limit)
    )
    return [fill_view(row, trader_id) for row in rows.mappings()]


def fills_between(session: Session, trader_id: int, since: datetime, until: datetime) -> list[Fill]:
    """The trader's own side of their trades from `since` up to but without `until`, the oldest first."""
    rows = session.execute(
        sa.select(trades)
        .where(
            sa.or_(trades.c.maker_trader_id == trader_id, trades.c.taker_trader_id == trader_id),
            trades.c.occurred_at >= since,
            trades.c.occurred_at < until,
        )
        .order_by(trades.c.occurred_at, trades.c.shard_id, trades.c.number)
    )
    return [fill_view(row, trader_id) for row in rows.mappings()]


def fill_view(row: sa.RowMapping, trader_id: int) -> Fill:
    role = "taker" if row["taker_trader_id"] == trader_id else "maker"
    taker_side = Side(row["taker_side"])
    other_side = Side.SELL if taker_side is Side.BUY else Side.BUY
    return Fill(
        row[f"{role}_order_id"],
        row["instrument_id"],
        taker_side if role == "taker" else other_side,
        row["price_ticks"],
        row["quantity_lots"],
        row[f"{role}_commission_cents"],
        row["occurred_at"],
    )


_HOLDINGS = (
    sa.select(
        positions,
        instruments.c.tick_size,
        instruments.c.lot_size,
        sa.func.coalesce(_last_ticks(instruments.c.id), instruments.c.reference_ticks, 0).label("mark_ticks"),
    )
    .join(instruments, instruments.c.id == positions.c.instrument_id)
    .where(positions.c.trader_id == sa.bindparam("trader"))
    .order_by(instruments.c.asset, instruments.c.contract_month)
)
_OPEN_COUNT = sa.select(sa.func.count()).where(
    orders.c.trader_id == sa.bindparam("trader"), orders.c.closed_at.is_(None)
)


def holdings(session: Session, trader_id: int) -> list[Holding]:
    """Every position that the trader has or has had, by symbol."""
    return [_holding(row) for row in session.execute(_HOLDINGS, {"trader": trader_id}).mappings()]


def _holding(row: sa.RowMapping) -> Holding:
    position: Position = store.position_from_row(row)
    tick_value = row["tick_size"] * row["lot_size"]
    return Holding(
        position.instrument_id,
        position.lots,
        position.average_price(row["tick_size"]) or Decimal(0),
        position.realised_ticks * tick_value,
        position.unrealised_ticks(row["mark_ticks"]) * tick_value,
        position.commission_cents * CENT,
    )


def account(session: Session, trader_id: int) -> Account:
    """The sums over the trader's positions, and what is open."""
    held = holdings(session, trader_id)
    open_count = session.execute(_OPEN_COUNT, {"trader": trader_id}).scalar_one()
    return Account(
        sum((holding.realised for holding in held), Decimal(0)),
        sum((holding.unrealised for holding in held), Decimal(0)),
        sum((holding.commission for holding in held), Decimal(0)),
        open_count,
        sum(1 for holding in held if holding.lots),
    )


def trader_limits(session: Session, trader_id: int) -> TraderLimits:
    """What the trader may do; the same on every shard."""
    row = (
        session.execute(sa.select(limits_table).where(limits_table.c.trader_id == trader_id).limit(1))
        .mappings()
        .one_or_none()
    )
    return TraderLimits() if row is None else store.limits_from_row(row)
