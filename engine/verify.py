"""Prove what is stored: play every recorded command again, from nothing, and compare all that trading has changed.

Behind `python -m engine.replay --verify`. Everything is read in one snapshot, so that it may run beside trading.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, create_engine, make_url, select

from engine.events import Event, OrderAccepted, OrderAmended, OrderRejected, Trade, from_json, to_json
from engine.listing import Listing
from engine.matching import Market
from engine.orders import Instrument, InstrumentStatus, Order, OrderState, Place, Reason, command_from_json
from engine.record import concerns
from engine.store import order_from_row, restore_market
from engine.tables import commands, events, malfunctions, orders, shards, trades, waiting_commands

ROWS_AT_ONCE = 5_000
TRADE_COLUMNS = (
    "instrument_id",
    "price_ticks",
    "quantity_lots",
    "taker_side",
    "maker_order_id",
    "maker_trader_id",
    "maker_commission_cents",
    "taker_order_id",
    "taker_trader_id",
    "taker_commission_cents",
)


class Difference(Exception):
    """Where the record and its replay part: after this nothing can be compared."""


@dataclass
class Replayed:
    """A shard as its commands alone make it."""

    market: Market = field(default_factory=Market)
    last_event: int = 0
    settled: set[int] = field(default_factory=set)
    orders: dict[int, Order] = field(default_factory=dict)
    asked: dict[int, Place] = field(default_factory=dict)
    priorities: dict[int, int] = field(default_factory=dict)


def verify_database(database_url: str) -> list[str]:
    """Every difference found, in words; empty if the record proves what is stored."""
    # Hosting providers write postgres://, which SQLAlchemy does not know.
    url = make_url(database_url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg2")
    database = create_engine(url, isolation_level="REPEATABLE READ")
    try:
        with database.connect() as connection:
            return verify(connection)
    finally:
        database.dispose()


def verify(connection: Connection) -> list[str]:
    """As `verify_database`, on a connection whose transaction is one snapshot."""
    found: list[str] = []
    for shard_id, last_event in connection.execute(
        select(shards.c.id, shards.c.last_event).order_by(shards.c.id)
    ).all():
        try:
            replayed = _replay(connection, shard_id)
        except Difference as difference:
            found.append(f"shard {shard_id}: {difference}")
            continue
        differences = [
            *_numbers(replayed, last_event),
            *_commands(connection, shard_id, replayed),
            *_orders(connection, shard_id, replayed),
            *_balance(replayed.market),
        ]
        # No market can be restored from orders that are wrong.
        differences += [] if differences else _market(connection, shard_id, replayed.market)
        found += [f"shard {shard_id}: {difference}" for difference in differences]
    return found


def _replay(connection: Connection, shard_id: int) -> Replayed:
    """Play the shard's commands in the order of their events; raises Difference at the first event that differs."""
    replayed = Replayed()
    malfunctioned = set(
        connection.scalars(select(malfunctions.c.command_id).where(malfunctions.c.shard_id == shard_id))
    )
    recorded = (
        select(events, commands.c.body.label("command"))
        .outerjoin(commands, commands.c.id == events.c.command_id)
        .where(events.c.shard_id == shard_id)
        .order_by(events.c.number)
    )
    stored_trades = _stream(connection, select(trades).where(trades.c.shard_id == shard_id).order_by(trades.c.number))
    rows = _stream(connection, recorded)
    for (command_id, now), group in groupby(rows, key=lambda row: (row.command_id, row.occurred_at)):
        recorded_events = list(group)
        first = recorded_events[0]
        if command_id is None:
            expected = replayed.market.expire(now)
        elif command_id in replayed.settled:
            raise Difference(f"command {command_id} was settled twice, the second time by event {first.number}")
        elif first.command is None:
            raise Difference(f"event {first.number} is of command {command_id}, which was never given")
        elif command_id in malfunctioned:
            expected = [_malfunction(first)]
        else:
            expected = replayed.market.apply(command_from_json(first.command), now)
        if command_id is not None:
            replayed.settled.add(command_id)
        _compare_events(replayed, recorded_events, expected, stored_trades)
        replayed.orders.update(replayed.market.changed_orders)
        replayed.market.changed_orders.clear()
        replayed.market.changed_positions.clear()
    if (trade := next(stored_trades, None)) is not None:
        raise Difference(f"trade {trade.number} has no event")
    return replayed


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    return iter(connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}))


def _malfunction(first: Row[Any]) -> Event:
    """The refusal of a command that could not be carried out is taken as it stands: it did nothing else."""
    event = from_json(first.body)
    if getattr(event, "reason", None) is not Reason.MALFUNCTION:
        raise Difference(f"command {first.command_id} malfunctioned, but event {first.number} is {first.body}")
    return event


def _compare_events(
    replayed: Replayed, recorded: Sequence[Row[Any]], expected: Sequence[Event], stored_trades: Iterator[Row[Any]]
) -> None:
    for row, event in zip_longest(recorded, expected):
        if row is None:
            raise Difference(f"command {recorded[0].command_id} also gives {to_json(event)}, which is not recorded")
        replayed.last_event += 1
        if row.number != replayed.last_event:
            raise Difference(f"event {replayed.last_event} is missing: {row.number} comes in its place")
        if event is None:
            raise Difference(f"event {row.number} is recorded as {row.body}, but the replay gives nothing there")
        if row.body != to_json(event):
            raise Difference(f"event {row.number} is recorded as {row.body}, but the replay gives {to_json(event)}")
        if (row.kind, row.instrument_id, row.order_id, row.trader_id, row.counter_trader_id) != concerns(event):
            raise Difference(f"event {row.number} does not stand under what it concerns: {to_json(event)}")
        if isinstance(event, Trade):
            _compare_trade(row, event, next(stored_trades, None))
        elif isinstance(event, OrderAccepted):
            replayed.asked[event.order_id] = event.order
            replayed.priorities[event.order_id] = row.number
        elif isinstance(event, OrderRejected) and event.order_id not in replayed.orders:
            replayed.asked[event.order_id] = event.order
            replayed.priorities[event.order_id] = row.number
            replayed.orders[event.order_id] = _rejected(event)
        elif isinstance(event, OrderAmended) and event.requeued:
            replayed.priorities[event.order_id] = row.number


def _compare_trade(row: Row[Any], event: Trade, stored: Row[Any] | None) -> None:
    if stored is None or stored.number != row.number:
        raise Difference(f"event {row.number} is a trade, but is not among the trades")
    different = [name for name in TRADE_COLUMNS if getattr(stored, name) != getattr(event, name)]
    if stored.occurred_at != row.occurred_at:
        different.append("occurred_at")
    if different:
        raise Difference(f"trade {row.number} differs from its event in {', '.join(different)}")


def _rejected(event: OrderRejected) -> Order:
    asked = event.order
    return Order(
        asked.order_id,
        asked.trader_id,
        asked.instrument_id,
        asked.side,
        asked.price_ticks,
        asked.quantity_lots,
        0,
        asked.time_in_force,
        asked.expires_at,
        asked.post_only,
        asked.self_trade_prevention,
        state=OrderState.REJECTED,
        reason=event.reason,
    )


def _numbers(replayed: Replayed, last_event: int) -> Iterator[str]:
    if replayed.last_event != last_event:
        yield f"the last event is {replayed.last_event}, but the shard says {last_event}"


def _commands(connection: Connection, shard_id: int, replayed: Replayed) -> Iterator[str]:
    """Every command that was taken is settled or waits, and never both."""
    waiting = set(
        connection.scalars(select(waiting_commands.c.command_id).where(waiting_commands.c.shard_id == shard_id))
    )
    for (command_id,) in _stream(connection, select(commands.c.id).where(commands.c.shard_id == shard_id)):
        if command_id not in replayed.settled and command_id not in waiting:
            yield f"command {command_id} was taken, but is neither settled nor waiting"
        if command_id in replayed.settled and command_id in waiting:
            yield f"command {command_id} is settled, but still waits"
        waiting.discard(command_id)
    yield from (f"command {command_id} waits, but was never given" for command_id in sorted(waiting))


def _orders(connection: Connection, shard_id: int, replayed: Replayed) -> Iterator[str]:
    """Every order, open or not, as it was left."""
    missing = set(replayed.orders)
    for stored in _stream(connection, select(orders).where(orders.c.shard_id == shard_id)):
        expected = replayed.orders.get(stored.id)
        missing.discard(stored.id)
        if expected is None:
            yield f"order {stored.id} is stored, but no command made it"
            continue
        if order_from_row(stored._mapping) != expected:
            yield f"order {stored.id} is stored as {order_from_row(stored._mapping)}, but the replay gives {expected}"
        if stored.priority != replayed.priorities[stored.id]:
            yield f"order {stored.id} is stored with another place in the queue"
        if stored.order_type != replayed.asked[stored.id].order_type:
            yield f"order {stored.id} is stored with another type"
        if (stored.closed_at is None) != (expected.leaves_lots > 0):
            yield f"order {stored.id} is stored as {'open' if stored.closed_at is None else 'closed'}, but is not"
    yield from (f"order {order_id} is not stored" for order_id in sorted(missing))


def _market(connection: Connection, shard_id: int, replayed: Market) -> Iterator[str]:
    """Books, positions, rules and limits, as a worker that starts now would restore them."""
    stored, _last_event = restore_market(connection, shard_id)
    for instrument_id, book in stored.books.items():
        expected = replayed.books.get(instrument_id)
        if expected is None:
            # Its listing still waits.
            if book.resting():
                yield f"instrument {instrument_id} has orders, but no command listed it"
            continue
        listing, replayed_listing = book.listing, expected.listing
        if book.resting() != expected.resting():
            yield f"the book of {listing.instrument.symbol} differs"
        if _rules(listing) != _rules(replayed_listing):
            yield f"the rules of {listing.instrument.symbol} are {_rules(listing)}, not {_rules(replayed_listing)}"
    yield from (f"instrument {found} is not stored" for found in replayed.books.keys() - stored.books.keys())
    for key in sorted(stored.positions.keys() | replayed.positions.keys()):
        held, expected_position = stored.positions.get(key), replayed.positions.get(key)
        if held != expected_position:
            yield f"a position is stored as {held}, but the replay gives {expected_position}"
    for trader_id in sorted(stored.limits.keys() | replayed.limits.keys()):
        if stored.limits.get(trader_id) != replayed.limits.get(trader_id):
            yield f"the limits of trader {trader_id} differ"


def _rules(listing: Listing) -> tuple[Instrument, InstrumentStatus, int | None]:
    instrument = msgspec.structs.replace(listing.instrument, status=listing.status)
    return instrument, listing.status, listing.last_price_ticks


def _balance(market: Market) -> Iterator[str]:
    """What one trader has of an instrument another one lacks, and the profits of all come to nothing."""
    sums: dict[int, tuple[int, int]] = {}
    for position in market.positions.values():
        lots, profit = sums.get(position.instrument_id, (0, 0))
        sums[position.instrument_id] = (
            lots + position.lots,
            profit + position.realised_ticks - position.open_cost_ticks,
        )
    for instrument_id, (lots, profit) in sums.items():
        if lots or profit:
            yield f"the positions in instrument {instrument_id} do not balance: {lots} lots, {profit} ticks"
