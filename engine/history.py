"""What has been, in pages: a trader's orders and fills and the market's trades, newest first; events, oldest first.

A page's place is given by the row before it, so that what arrives meanwhile neither repeats a row nor skips one.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import events as market_events
from engine.errors import OrderNotFound
from engine.events import Event
from engine.orders import OrderState, Place, Side, command_from_json
from engine.queries import Fill, OrderView, TradeView, fill_view, order_view, trade_view
from engine.tables import commands, events, orders, shards, trades, waiting_commands

OPEN_STATES = frozenset({OrderState.NEW, OrderState.PARTIALLY_FILLED})
CLOSED_STATES = frozenset(OrderState) - OPEN_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders are wanted; what is left out does not narrow."""

    instrument_ids: Collection[int] | None = None
    side: Side | None = None
    states: Collection[OrderState] = field(default=tuple(OrderState))
    updated_since: datetime | None = None
    request_key: str | None = None


class RequestedOrder(NamedTuple):
    """An order, and the source and key of the request that placed it."""

    order: OrderView
    source: str
    request_key: str


class TradePlace(NamedTuple):
    """Where a trade stands in the market's time."""

    occurred_at: datetime
    shard_id: int
    number: int


class PlacedTrade(NamedTuple):
    place: TradePlace
    trade: TradeView


class PlacedFill(NamedTuple):
    place: TradePlace
    fill: Fill


class NumberedEvent(NamedTuple):
    """An event of the record; numbers count per shard."""

    occurred_at: datetime
    shard_id: int
    number: int
    event: Event


def _with_request(found: sa.FromClause) -> sa.Select[Any]:
    """These orders, with the source and key of the request that placed each."""
    placed = sa.and_(
        commands.c.trader_id == found.c.trader_id, commands.c.order_id == found.c.id, commands.c.kind == "place"
    )
    return sa.select(found, commands.c.source, commands.c.request_key).join(commands, placed)


def _settled(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Those of the trader's orders, the highest number first."""
    found = sa.select(orders).where(orders.c.trader_id == _TRADER, which).subquery()
    return _with_request(found).order_by(found.c.id.desc())


# Statements are made once: to make one anew takes longer than most of them run.
_TRADER = sa.bindparam("trader", type_=sa.BigInteger)
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
_INSTRUMENTS = sa.bindparam("instruments", type_=sa.Integer, expanding=True)
# As an array, so that the planner never walks through all that the trader ever asked for to find the few that wait.
_WAITING = sa.select(commands.c.body, commands.c.source, commands.c.request_key, commands.c.created_at).where(
    commands.c.id == sa.any_(sa.func.array(sa.select(waiting_commands.c.command_id).scalar_subquery())),
    commands.c.trader_id == _TRADER,
    commands.c.kind == "place",
)
_WAITING_ORDER = _WAITING.where(commands.c.order_id == sa.bindparam("order"))
_WAITING_BEFORE = _WAITING.where(commands.c.order_id < sa.bindparam("before"))
_SETTLED_ORDER = _with_request(orders).where(orders.c.trader_id == _TRADER, orders.c.id == sa.bindparam("order"))
_OPEN = _settled(orders.c.closed_at.is_(None))
_NUMBERED = _settled(orders.c.id.in_(sa.bindparam("numbers", expanding=True)))


def order(session: Session, trader_id: int, order_id: int) -> RequestedOrder:
    """One order of this trader's, settled or still waiting; raises OrderNotFound."""
    asked = {"trader": trader_id, "order": order_id}
    # What waits is read first: what is settled in between is then found among the orders.
    if waiting := _waiting(session, _WAITING_ORDER, asked):
        return waiting[0]
    settled = session.execute(_SETTLED_ORDER, asked).mappings().one_or_none()
    if settled is None:
        raise OrderNotFound(order_id=order_id)
    return _requested(settled)


def orders_page(
    session: Session, trader_id: int, wanted: OrderFilter, *, before: int | None, limit: int
) -> list[RequestedOrder]:
    """The trader's orders with a number below `before`, the highest number first."""
    asked = {
        "trader": trader_id,
        "before": before,
        "limit": limit,
        "instruments": wanted.instrument_ids,
        "side": wanted.side,
        "since": wanted.updated_since,
        "key": wanted.request_key,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    waits = _waiting(session, _WAITING if before is None else _WAITING_BEFORE, given)
    waiting = [found for found in waits if _is_wanted(found, wanted)]
    page = _page(frozenset(given), frozenset(wanted.states))
    settled = [_requested(row) for row in session.execute(page, given).mappings()]
    by_number = {found.order.order_id: found for found in (*waiting, *settled)}
    return [by_number[number] for number in sorted(by_number, reverse=True)[:limit]]


def settled_orders(
    session: Session, trader_id: int, numbers: Collection[int] | None = None
) -> dict[int, RequestedOrder]:
    """By number, those of the trader's orders that the market has taken: with these numbers, or all that are open."""
    which, asked = (_OPEN, {}) if numbers is None else (_NUMBERED, {"numbers": list(numbers)})
    rows = session.execute(which, {"trader": trader_id, **asked})
    return {row["id"]: _requested(row) for row in rows.mappings()}


@cache
def _page(given: frozenset[str], states: frozenset[OrderState]) -> sa.Select[Any]:
    """The newest of those that are open and of those that are closed: a walk along an index for each.

    Made once for each set of names that are `given`, and for each of the few sets of states that are asked for. Only
    numbers are walked through, because the index of what is closed holds all that narrows them.
    """
    narrowed = sa.select(orders.c.id).where(orders.c.trader_id == _TRADER)
    if "before" in given:
        narrowed = narrowed.where(orders.c.id < sa.bindparam("before"))
    if "instruments" in given:
        narrowed = narrowed.where(orders.c.instrument_id.in_(_INSTRUMENTS))
    if "side" in given:
        narrowed = narrowed.where(orders.c.side == sa.bindparam("side"))
    if "key" in given:
        asked = sa.select(commands.c.order_id).where(
            commands.c.source == "api", commands.c.trader_id == _TRADER, commands.c.request_key == sa.bindparam("key")
        )
        narrowed = narrowed.where(orders.c.id.in_(asked))
    parts = []
    if wanted_open := OPEN_STATES & states:
        opened = narrowed.where(orders.c.closed_at.is_(None))
        if wanted_open != OPEN_STATES:
            opened = opened.where(orders.c.state.in_(wanted_open))
        if "since" in given:
            opened = opened.where(orders.c.updated_at >= sa.bindparam("since"))
        parts.append(opened)
    if wanted_closed := CLOSED_STATES & states:
        closed = narrowed.where(orders.c.closed_at.is_not(None))
        if wanted_closed != CLOSED_STATES:
            closed = closed.where(orders.c.state.in_(wanted_closed))
        if "since" in given:  # The last change of what is closed was its end.
            closed = closed.where(orders.c.closed_at >= sa.bindparam("since"))
        parts.append(closed)
    cut = [sa.select(part.order_by(orders.c.id.desc()).limit(_LIMIT).subquery()) for part in parts]
    both = sa.union_all(*cut).subquery()
    newest = sa.select(both.c.id).order_by(both.c.id.desc()).limit(_LIMIT).subquery()
    # The page is cut before it is joined, or the planner may join all that the trader ever asked for.
    return _with_request(sa.select(orders).join(newest, newest.c.id == orders.c.id).subquery())


def _requested(row: sa.RowMapping) -> RequestedOrder:
    return RequestedOrder(order_view(row), row["source"], row["request_key"])


def _waiting(session: Session, query: sa.Select[Any], asked: Mapping[str, Any]) -> list[RequestedOrder]:
    """The trader's orders that the market has not taken yet."""
    return [
        RequestedOrder(_waiting_view(row.body, row.created_at), row.source, row.request_key)
        for row in session.execute(query, asked)
    ]


def _waiting_view(body: str, asked_at: datetime) -> OrderView:
    command = command_from_json(body)
    assert isinstance(command, Place)
    return waiting_view(command, asked_at)


def waiting_view(command: Place, asked_at: datetime) -> OrderView:
    """An order before the market has taken it."""
    return OrderView(
        order_id=command.order_id,
        instrument_id=command.instrument_id,
        side=command.side,
        order_type=command.order_type,
        price_ticks=command.price_ticks,
        quantity_lots=command.quantity_lots,
        filled_lots=0,
        leaves_lots=command.quantity_lots,
        notional_ticks=0,
        time_in_force=command.time_in_force,
        expires_at=command.expires_at,
        post_only=command.post_only,
        state=OrderState.NEW,
        reason=None,
        created_at=asked_at,
        updated_at=asked_at,
    )


def _is_wanted(found: RequestedOrder, wanted: OrderFilter) -> bool:
    order = found.order
    return (
        order.state in wanted.states
        and (wanted.instrument_ids is None or order.instrument_id in wanted.instrument_ids)
        and wanted.side in (None, order.side)
        and (wanted.updated_since is None or order.updated_at >= wanted.updated_since)
        and (wanted.request_key is None or (found.source, found.request_key) == ("api", wanted.request_key))
    )


def trades_page(
    session: Session, instrument_ids: Collection[int] | None, *, before: TradePlace | None, limit: int
) -> list[PlacedTrade]:
    """The market's trades in these instruments, or in all, before that place, the newest first."""
    given = _given(instrument_ids, before, limit)
    rows = session.execute(_trades_page(frozenset(given)), given).mappings()
    return [PlacedTrade(_place(row), trade_view(row)) for row in rows]


def fills_page(
    session: Session, trader_id: int, instrument_ids: Collection[int] | None, *, before: TradePlace | None, limit: int
) -> list[PlacedFill]:
    """The trader's own side of their trades before that place, the newest first."""
    given = _given(instrument_ids, before, limit)
    rows = session.execute(_fills_page(frozenset(given)), given | {"trader": trader_id}).mappings()
    return [PlacedFill(_place(row), fill_view(row, trader_id)) for row in rows]


def _given(instrument_ids: Collection[int] | None, before: TradePlace | None, limit: int) -> dict[str, Any]:
    """What a page of trades is asked by."""
    given: dict[str, Any] = {"limit": limit}
    if instrument_ids is not None:
        given["instruments"] = instrument_ids
    return given if before is None else given | before._asdict()


@cache
def _trades_page(given: frozenset[str]) -> sa.Select[Any]:
    return _newest(sa.select(trades).where(*_narrowed(given)), trades)


@cache
def _fills_page(given: frozenset[str]) -> sa.Select[Any]:
    # Two short walks along two indexes; an OR would read and sort all that the trader ever traded.
    sides = [
        _newest(sa.select(trades).where(column == _TRADER, *_narrowed(given)), trades).subquery()
        for column in (trades.c.maker_trader_id, trades.c.taker_trader_id)
    ]
    both = sa.union_all(*(sa.select(side) for side in sides)).subquery()
    return _newest(sa.select(both), both)


def _newest(query: sa.Select[Any], table: sa.FromClause) -> sa.Select[Any]:
    return query.order_by(table.c.occurred_at.desc(), table.c.shard_id.desc(), table.c.number.desc()).limit(_LIMIT)


def _narrowed(given: frozenset[str]) -> Iterator[sa.ColumnElement[bool]]:
    if "instruments" in given:
        yield trades.c.instrument_id.in_(_INSTRUMENTS)
    if given.issuperset(TradePlace._fields):
        columns = [trades.c[name] for name in TradePlace._fields]
        place = [sa.bindparam(column.name, type_=column.type) for column in columns]
        yield sa.tuple_(*columns) < sa.tuple_(*place)


def _place(row: sa.RowMapping) -> TradePlace:
    return TradePlace(row["occurred_at"], row["shard_id"], row["number"])


def _own_events() -> sa.Select[Any]:
    """What concerns the trader beyond a number on one shard; made once, as it is asked for after every batch."""
    own = [
        sa.select(events)
        .where(
            column == _TRADER,
            events.c.shard_id == sa.bindparam("shard"),
            events.c.number > sa.bindparam("after"),
        )
        .order_by(events.c.number)
        .limit(_LIMIT)
        .subquery()
        for column in (events.c.trader_id, events.c.counter_trader_id)
    ]
    both = sa.union_all(*(sa.select(found) for found in own)).subquery()
    return sa.select(both).order_by(both.c.number).limit(_LIMIT)


_SHARDS = sa.select(shards.c.id).order_by(shards.c.id)
_OWN_EVENTS = _own_events()


def events_after(session: Session, trader_id: int, after: Mapping[int, int], *, limit: int) -> list[NumberedEvent]:
    """What concerns this trader, the oldest first, beyond the number given for each shard (none is from the start)."""
    streams: list[Sequence[NumberedEvent]] = []
    for shard_id in session.scalars(_SHARDS).all():
        asked = {"trader": trader_id, "shard": shard_id, "after": after.get(shard_id, 0), "limit": limit}
        streams.append(
            [
                NumberedEvent(row.occurred_at, shard_id, row.number, market_events.from_json(row.body))
                for row in session.execute(_OWN_EVENTS, asked)
            ]
        )
    return list(islice(merge(*streams, key=lambda found: found[:3]), limit))


_WAITS = sa.select(
    sa.exists().where(
        waiting_commands.c.shard_id == sa.bindparam("shard"), waiting_commands.c.command_id == sa.bindparam("command")
    )
)
_OUTCOME = (
    sa.select(events.c.number, events.c.body)
    .where(
        events.c.trader_id == _TRADER,
        events.c.shard_id == sa.bindparam("shard"),
        events.c.command_id == sa.bindparam("command"),
    )
    .order_by(events.c.number)
)


def is_settled(session: Session, shard_id: int, command_id: int) -> bool:
    """Whether the market has taken the command."""
    return not session.execute(_WAITS, {"shard": shard_id, "command": command_id}).scalar_one()


def outcome(session: Session, trader_id: int, shard_id: int, command_id: int) -> list[Event]:
    """What a settled command of this trader's led to, in order."""
    asked = {"trader": trader_id, "shard": shard_id, "command": command_id}
    return [market_events.from_json(row.body) for row in session.execute(_OUTCOME, asked)]
