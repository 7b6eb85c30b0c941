"""What has been, in pages: a trader's orders and fills and the market's trades, newest first; events, oldest first.

A page's place is given by the row before it, so that what arrives meanwhile neither repeats a row nor skips one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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


def order(session: Session, trader_id: int, order_id: int) -> RequestedOrder:
    """One order of this trader's, settled or still waiting; raises OrderNotFound."""
    # What waits is read first: what is settled in between is then found among the orders.
    if waiting := _waiting(session, trader_id, commands.c.order_id == order_id):
        return waiting[0]
    mine = _with_request(orders).where(orders.c.trader_id == trader_id, orders.c.id == order_id)
    settled = session.execute(mine).mappings().one_or_none()
    if settled is None:
        raise OrderNotFound(order_id=order_id)
    return _requested(settled)


def orders_page(
    session: Session, trader_id: int, wanted: OrderFilter, *, before: int | None, limit: int
) -> list[RequestedOrder]:
    """The trader's orders with a number below `before`, the highest number first."""
    waiting = [
        found
        for found in _waiting(session, trader_id, sa.true() if before is None else commands.c.order_id < before)
        if _is_wanted(found, wanted)
    ]
    # The page is cut before it is joined, or the planner may join all that the trader ever asked for.
    page = _settled_page(trader_id, wanted, before, limit)
    settled = [_requested(row) for row in session.execute(_with_request(page)).mappings()]
    by_number = {found.order.order_id: found for found in (*waiting, *settled)}
    return [by_number[number] for number in sorted(by_number, reverse=True)[:limit]]


def settled_orders(
    session: Session, trader_id: int, numbers: Collection[int] | None = None
) -> dict[int, RequestedOrder]:
    """By number, those of the trader's orders that the market has taken: with these numbers, or all that are open."""
    which = orders.c.closed_at.is_(None) if numbers is None else orders.c.id.in_(numbers)
    found = sa.select(orders).where(orders.c.trader_id == trader_id, which).subquery()
    rows = session.execute(_with_request(found).order_by(found.c.id.desc())).mappings()
    return {row["id"]: _requested(row) for row in rows}


def _settled_page(trader_id: int, wanted: OrderFilter, before: int | None, limit: int) -> sa.Subquery:
    """The newest of those that are open and of those that are closed: a walk along an index for each.

    Only numbers are walked through, because the index of what is closed holds all that narrows them.
    """
    narrowed = sa.select(orders.c.id).where(orders.c.trader_id == trader_id)
    if before is not None:
        narrowed = narrowed.where(orders.c.id < before)
    if wanted.instrument_ids is not None:
        narrowed = narrowed.where(orders.c.instrument_id.in_(wanted.instrument_ids))
    if wanted.side is not None:
        narrowed = narrowed.where(orders.c.side == wanted.side)
    if wanted.request_key is not None:
        asked = sa.select(commands.c.order_id).where(
            commands.c.source == "api", commands.c.trader_id == trader_id, commands.c.request_key == wanted.request_key
        )
        narrowed = narrowed.where(orders.c.id.in_(asked))
    parts = []
    if wanted_open := OPEN_STATES.intersection(wanted.states):
        opened = narrowed.where(orders.c.closed_at.is_(None))
        if wanted_open != OPEN_STATES:
            opened = opened.where(orders.c.state.in_(wanted_open))
        if wanted.updated_since is not None:
            opened = opened.where(orders.c.updated_at >= wanted.updated_since)
        parts.append(opened)
    if wanted_closed := CLOSED_STATES.intersection(wanted.states):
        closed = narrowed.where(orders.c.closed_at.is_not(None))
        if wanted_closed != CLOSED_STATES:
            closed = closed.where(orders.c.state.in_(wanted_closed))
        if wanted.updated_since is not None:  # The last change of what is closed was its end.
            closed = closed.where(orders.c.closed_at >= wanted.updated_since)
        parts.append(closed)
    cut = [sa.select(part.order_by(orders.c.id.desc()).limit(limit).subquery()) for part in parts]
    both = sa.union_all(*cut).subquery()
    newest = sa.select(both.c.id).order_by(both.c.id.desc()).limit(limit).subquery()
    return sa.select(orders).join(newest, newest.c.id == orders.c.id).subquery()


def _with_request(found: sa.FromClause) -> sa.Select[Any]:
    """These orders, with the source and key of the request that placed each."""
    placed = sa.and_(
        commands.c.trader_id == found.c.trader_id, commands.c.order_id == found.c.id, commands.c.kind == "place"
    )
    return sa.select(found, commands.c.source, commands.c.request_key).join(commands, placed)


def _requested(row: sa.RowMapping) -> RequestedOrder:
    return RequestedOrder(order_view(row), row["source"], row["request_key"])


def _waiting(session: Session, trader_id: int, which: sa.ColumnElement[bool]) -> list[RequestedOrder]:
    """The trader's orders that the market has not taken yet."""
    # As an array, so that the planner never walks through all that the trader ever asked for to find the few that wait.
    waiting = sa.func.array(sa.select(waiting_commands.c.command_id).scalar_subquery())
    rows = session.execute(
        sa.select(commands.c.body, commands.c.source, commands.c.request_key, commands.c.created_at).where(
            commands.c.id == sa.any_(waiting), commands.c.trader_id == trader_id, commands.c.kind == "place", which
        )
    )
    return [RequestedOrder(_waiting_view(row.body, row.created_at), row.source, row.request_key) for row in rows]


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
    chosen = sa.true() if instrument_ids is None else trades.c.instrument_id.in_(instrument_ids)
    query = sa.select(trades).where(chosen, _before(before))
    return [
        PlacedTrade(_place(row), trade_view(row)) for row in session.execute(_newest(query, trades, limit)).mappings()
    ]


def fills_page(
    session: Session, trader_id: int, instrument_ids: Collection[int] | None, *, before: TradePlace | None, limit: int
) -> list[PlacedFill]:
    """The trader's own side of their trades before that place, the newest first."""
    chosen = sa.true() if instrument_ids is None else trades.c.instrument_id.in_(instrument_ids)
    # Two short walks along two indexes; an OR would read and sort all that the trader ever traded.
    sides = [
        _newest(sa.select(trades).where(column == trader_id, chosen, _before(before)), trades, limit).subquery()
        for column in (trades.c.maker_trader_id, trades.c.taker_trader_id)
    ]
    both = sa.union_all(*(sa.select(side) for side in sides)).subquery()
    rows = session.execute(_newest(sa.select(both), both, limit)).mappings()
    return [PlacedFill(_place(row), fill_view(row, trader_id)) for row in rows]


def _newest(query: sa.Select[Any], table: sa.FromClause, limit: int) -> sa.Select[Any]:
    return query.order_by(table.c.occurred_at.desc(), table.c.shard_id.desc(), table.c.number.desc()).limit(limit)


def _before(place: TradePlace | None) -> sa.ColumnElement[bool]:
    if place is None:
        return sa.true()
    return sa.tuple_(trades.c.occurred_at, trades.c.shard_id, trades.c.number) < sa.tuple_(
        sa.literal(place.occurred_at, trades.c.occurred_at.type), sa.literal(place.shard_id), sa.literal(place.number)
    )


def _place(row: sa.RowMapping) -> TradePlace:
    return TradePlace(row["occurred_at"], row["shard_id"], row["number"])


def _own_events() -> sa.Select[Any]:
    """What concerns the trader beyond a number on one shard; made once, as it is asked for after every batch."""
    limit = sa.bindparam("limit", type_=sa.Integer)
    own = [
        sa.select(events)
        .where(
            column == sa.bindparam("trader"),
            events.c.shard_id == sa.bindparam("shard"),
            events.c.number > sa.bindparam("after"),
        )
        .order_by(events.c.number)
        .limit(limit)
        .subquery()
        for column in (events.c.trader_id, events.c.counter_trader_id)
    ]
    both = sa.union_all(*(sa.select(found) for found in own)).subquery()
    return sa.select(both).order_by(both.c.number).limit(limit)


_OWN_EVENTS = _own_events()


def events_after(session: Session, trader_id: int, after: Mapping[int, int], *, limit: int) -> list[NumberedEvent]:
    """What concerns this trader, the oldest first, beyond the number given for each shard (none is from the start)."""
    streams: list[Sequence[NumberedEvent]] = []
    for shard_id in session.scalars(sa.select(shards.c.id).order_by(shards.c.id)).all():
        asked = {"trader": trader_id, "shard": shard_id, "after": after.get(shard_id, 0), "limit": limit}
        streams.append(
            [
                NumberedEvent(row.occurred_at, shard_id, row.number, market_events.from_json(row.body))
                for row in session.execute(_OWN_EVENTS, asked)
            ]
        )
    return list(islice(merge(*streams, key=lambda found: found[:3]), limit))


def is_settled(session: Session, shard_id: int, command_id: int) -> bool:
    """Whether the market has taken the command."""
    waits = sa.exists().where(waiting_commands.c.shard_id == shard_id, waiting_commands.c.command_id == command_id)
    return not session.execute(sa.select(waits)).scalar_one()


def outcome(session: Session, trader_id: int, shard_id: int, command_id: int) -> list[Event]:
    """What a settled command of this trader's led to, in order."""
    first = (
        sa.select(events.c.number, events.c.body)
        .where(events.c.trader_id == trader_id, events.c.shard_id == shard_id, events.c.command_id == command_id)
        .order_by(events.c.number)
    )
    return [market_events.from_json(row.body) for row in session.execute(first)]
