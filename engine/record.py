"""What a batch writes: its events and everything they changed, as SQL text that goes out in one round trip.

Every column travels as one text literal and is taken apart by `unnest`: Python lists as psycopg2 adapts them cost three
times as much. Side by side in the select list, and not in FROM, which would keep each column aside before it is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import NoneType

import msgspec

from engine.events import (
    Event,
    InstrumentExpired,
    InstrumentHalted,
    InstrumentResumed,
    InstrumentSet,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    Trade,
    TraderLimitsSet,
    kind,
    to_json_lines,
)
from engine.orders import Command, InstrumentStatus, Order, OrderState, Place
from engine.positions import Position

Statement = tuple[str, tuple[object, ...]]


class Settled(msgspec.Struct, frozen=True, gc=False):
    """One command and the events it brought about, numbered from `first_number` on; no command is time's own doing."""

    command_id: int | None
    command: Command | None
    source: str | None
    request_key: str | None
    first_number: int
    events: Sequence[Event]


# A null fails on the column, and with it the whole batch: a worker with old books writes nothing.
FENCE = """
    UPDATE shards SET last_event = CASE WHEN last_event = %s THEN %s END, heartbeat_at = %s WHERE id = %s"""

DELETE_WAITING = """
    DELETE FROM waiting_commands WHERE shard_id = %s AND command_id = ANY(%s::bigint[])"""

INSERT_EVENTS = """
    INSERT INTO events (shard_id, occurred_at, number, command_id, kind, instrument_id, order_id, trader_id,
                        counter_trader_id, body)
    SELECT %s, %s, generate_series(%s, %s), unnest(%s::bigint[]), unnest(%s::text[]), unnest(%s::int[]),
           unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(string_to_array(%s, chr(10)))"""

INSERT_ORDERS = """
    INSERT INTO orders (shard_id, created_at, updated_at, id, trader_id, instrument_id, side, order_type, price_ticks,
                        quantity_lots, filled_lots, leaves_lots, notional_ticks, time_in_force, expires_at, post_only,
                        self_trade_prevention, state, reason, priority, closed_at)
    SELECT %s, %s, %s, unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::int[]), unnest(%s::text[]),
           unnest(%s::text[]), unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::bigint[]),
           unnest(%s::bigint[]), unnest(%s::text[]), unnest(%s::timestamptz[]), unnest(%s::boolean[]),
           unnest(%s::text[]), unnest(%s::text[]), unnest(%s::text[]), unnest(%s::bigint[]),
           unnest(%s::timestamptz[])"""

UPDATE_ORDERS = """
    UPDATE orders
    SET price_ticks = line.price_ticks, quantity_lots = line.quantity_lots, filled_lots = line.filled_lots,
        leaves_lots = line.leaves_lots, notional_ticks = line.notional_ticks, state = line.state, reason = line.reason,
        priority = coalesce(line.priority, orders.priority), closed_at = line.closed_at, updated_at = %s
    FROM (SELECT unnest(%s::bigint[]) AS id, unnest(%s::bigint[]) AS price_ticks, unnest(%s::bigint[]) AS quantity_lots,
                 unnest(%s::bigint[]) AS filled_lots, unnest(%s::bigint[]) AS leaves_lots,
                 unnest(%s::bigint[]) AS notional_ticks, unnest(%s::text[]) AS state, unnest(%s::text[]) AS reason,
                 unnest(%s::bigint[]) AS priority, unnest(%s::timestamptz[]) AS closed_at) AS line
    WHERE orders.id = line.id"""

INSERT_TRADES = """
    INSERT INTO trades (shard_id, occurred_at, number, instrument_id, price_ticks, quantity_lots, taker_side,
                        maker_order_id, maker_trader_id, maker_commission_cents, taker_order_id, taker_trader_id,
                        taker_commission_cents)
    SELECT %s, %s, unnest(%s::bigint[]), unnest(%s::int[]), unnest(%s::bigint[]), unnest(%s::bigint[]),
           unnest(%s::text[]), unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::bigint[]),
           unnest(%s::bigint[]), unnest(%s::bigint[])"""

UPSERT_POSITIONS = """
    INSERT INTO positions (trader_id, instrument_id, lots, open_cost_ticks, realised_ticks, commission_cents)
    SELECT unnest(%s::bigint[]), unnest(%s::int[]), unnest(%s::bigint[]), unnest(%s::numeric[]),
           unnest(%s::numeric[]), unnest(%s::numeric[])
    ON CONFLICT (trader_id, instrument_id) DO UPDATE
    SET lots = excluded.lots, open_cost_ticks = excluded.open_cost_ticks, realised_ticks = excluded.realised_ticks,
        commission_cents = excluded.commission_cents"""

UPDATE_INSTRUMENT_STATUS = """
    UPDATE instruments SET status = %s WHERE id = %s"""

# The status is left alone: it changes only with a halt, a resumption or an expiry.
UPDATE_INSTRUMENT_RULES = """
    UPDATE instruments
    SET max_quantity_lots = %s, max_notional = %s, band_percent = %s, reference_ticks = %s, last_trading_at = %s
    WHERE id = %s"""

UPSERT_TRADER_LIMITS = """
    INSERT INTO trader_limits (shard_id, trader_id, frozen, order_quantity_lots_max, open_orders_max,
                               position_lots_max)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (shard_id, trader_id) DO UPDATE
    SET frozen = excluded.frozen, order_quantity_lots_max = excluded.order_quantity_lots_max,
        open_orders_max = excluded.open_orders_max, position_lots_max = excluded.position_lots_max"""

WHOLE_NUMBERS = {int, bool, NoneType}

INSERT_MALFUNCTION = """
    INSERT INTO malfunctions (command_id, shard_id, occurred_at, trace) VALUES (%s, %s, %s, %s)"""


def statements(
    shard_id: int,
    settled: Sequence[Settled],
    orders: Mapping[int, Order],
    positions: Iterable[Position],
    traces: Mapping[int, str],
    now: datetime,
) -> list[Statement]:
    """The whole of a batch, the fence first. `orders` and `positions` are those that changed, as they are now.

    `traces` are those of the commands refused as malfunctions.
    """
    events = [event for one in settled for event in one.events]
    last_event = settled[0].first_number - 1
    assert events, "a batch without events has nothing to write"
    written: list[Statement] = [(FENCE, (last_event, last_event + len(events), now, shard_id))]
    if command_ids := [one.command_id for one in settled if one.command_id is not None]:
        written.append((DELETE_WAITING, (shard_id, array(command_ids))))
    written.append(_events(shard_id, last_event, settled, events, now))
    trades: list[tuple[int, Trade]] = []
    rejected: list[tuple[int, OrderRejected]] = []
    priorities: dict[int, int] = {}
    accepted: dict[int, Place] = {}
    rules: list[Statement] = []
    for number, event in enumerate(events, last_event + 1):
        if isinstance(event, OrderAccepted):
            order_id = event.order.order_id
            accepted[order_id] = event.order
            priorities[order_id] = number
        elif isinstance(event, Trade):
            trades.append((number, event))
        elif isinstance(event, OrderAmended):
            if event.requeued:
                priorities[event.order_id] = number
        elif isinstance(event, OrderRejected):
            rejected.append((number, event))
        elif not isinstance(event, OrderCanceled | OrderExpired):
            rules += _rules(shard_id, event)
    if accepted:
        written.append(_accepted_orders(shard_id, accepted, orders, priorities, now))
    if rejected:
        written.append(_rejected_orders(shard_id, rejected, now))
    if changed := [order for order_id, order in orders.items() if order_id not in accepted]:
        written.append(_changed_orders(changed, priorities, now))
    if trades:
        written.append(_trades(shard_id, trades, now))
    if held := list(positions):
        written.append(_positions(held))
    written += rules
    written += [(INSERT_MALFUNCTION, (command_id, shard_id, now, trace)) for command_id, trace in traces.items()]
    return written


def array(values: Iterable[object]) -> str:
    """PostgreSQL's text form of an array of numbers, names or times, none of which needs quoting; None is NULL."""
    listed = list(values)
    types = set(map(type, listed))
    if types <= WHOLE_NUMBERS:
        # Python's own form of such a list differs by its brackets and the name of null, and is made in one go.
        return "{" + repr(listed)[1:-1].replace("None", "NULL") + "}"
    if all(issubclass(each, str) for each in types):
        return "{" + ",".join(listed) + "}"  # type: ignore[arg-type]
    return "{" + ",".join(["NULL" if value is None else str(value) for value in listed]) + "}"


def concerns(event: Event) -> tuple[str, int | None, int | None, int | None, int | None]:
    """What an event is found under: kind, instrument, order, trader, and for a trade the maker beside the taker."""
    if isinstance(event, Trade):
        trader_id, maker_id = event.taker_trader_id, event.maker_trader_id
        return "trade", event.instrument_id, event.taker_order_id, trader_id, maker_id
    if isinstance(event, OrderAccepted):
        order = event.order
        return "order_accepted", order.instrument_id, order.order_id, order.trader_id, None
    return (
        kind(event),
        # Not every kind of event concerns an instrument, an order or a trader.
        getattr(event, "instrument_id", None),
        getattr(event, "order_id", None),
        getattr(event, "trader_id", None),
        None,
    )


def _events(
    shard_id: int, last_event: int, settled: Sequence[Settled], events: Sequence[Event], now: datetime
) -> Statement:
    rows = [(one.command_id, *concerns(event)) for one in settled for event in one.events]
    numbers = last_event + 1, last_event + len(events)
    return INSERT_EVENTS, (shard_id, now, *numbers, *map(array, zip(*rows, strict=True)), to_json_lines(events))


def _accepted_orders(
    shard_id: int,
    accepted: Mapping[int, Place],
    orders: Mapping[int, Order],
    priorities: Mapping[int, int],
    now: datetime,
) -> Statement:
    closed_at = str(now)  # Once, and not for each.
    rows = [
        (
            order_id,
            order.trader_id,
            order.instrument_id,
            order.side,
            accepted[order_id].order_type,
            order.price_ticks,
            order.quantity_lots,
            order.filled_lots,
            order.leaves_lots,
            order.notional_ticks,
            order.time_in_force,
            order.expires_at,
            order.post_only,
            order.self_trade_prevention,
            order.state,
            order.reason,
            priorities[order_id],
            None if order.leaves_lots else closed_at,
        )
        for order_id, order in ((order_id, orders[order_id]) for order_id in accepted)
    ]
    return INSERT_ORDERS, (shard_id, now, now, *map(array, zip(*rows, strict=True)))


def _rejected_orders(shard_id: int, rejected: Sequence[tuple[int, OrderRejected]], now: datetime) -> Statement:
    rows = [
        (
            event.order.order_id,
            event.order.trader_id,
            event.order.instrument_id,
            event.order.side,
            event.order.order_type,
            event.order.price_ticks,
            event.order.quantity_lots,
            0,
            0,
            0,
            event.order.time_in_force,
            event.order.expires_at,
            event.order.post_only,
            event.order.self_trade_prevention,
            OrderState.REJECTED,
            event.reason,
            number,
            now,
        )
        for number, event in rejected
    ]
    # An order may be refused for the very reason that its number is taken.
    return INSERT_ORDERS + " ON CONFLICT (id) DO NOTHING", (shard_id, now, now, *map(array, zip(*rows, strict=True)))


def _changed_orders(changed: Sequence[Order], priorities: Mapping[int, int], now: datetime) -> Statement:
    closed_at = str(now)
    rows = [
        (
            order.order_id,
            order.price_ticks,
            order.quantity_lots,
            order.filled_lots,
            order.leaves_lots,
            order.notional_ticks,
            order.state,
            order.reason,
            priorities.get(order.order_id),
            None if order.leaves_lots else closed_at,
        )
        for order in changed
    ]
    return UPDATE_ORDERS, (now, *map(array, zip(*rows, strict=True)))


def _trades(shard_id: int, trades: Sequence[tuple[int, Trade]], now: datetime) -> Statement:
    rows = [
        (
            number,
            trade.instrument_id,
            trade.price_ticks,
            trade.quantity_lots,
            trade.taker_side,
            trade.maker_order_id,
            trade.maker_trader_id,
            trade.maker_commission_cents,
            trade.taker_order_id,
            trade.taker_trader_id,
            trade.taker_commission_cents,
        )
        for number, trade in trades
    ]
    return INSERT_TRADES, (shard_id, now, *map(array, zip(*rows, strict=True)))


def _positions(held: Sequence[Position]) -> Statement:
    rows = [
        (
            position.trader_id,
            position.instrument_id,
            position.lots,
            position.open_cost_ticks,
            position.realised_ticks,
            position.commission_cents,
        )
        for position in held
    ]
    return UPSERT_POSITIONS, tuple(map(array, zip(*rows, strict=True)))


def _rules(shard_id: int, event: Event) -> list[Statement]:
    """What staff or the calendar changed; nothing for the other events."""
    match event:
        case InstrumentHalted(instrument_id):
            return [(UPDATE_INSTRUMENT_STATUS, (InstrumentStatus.HALTED, instrument_id))]
        case InstrumentResumed(instrument_id):
            return [(UPDATE_INSTRUMENT_STATUS, (InstrumentStatus.OPEN, instrument_id))]
        case InstrumentExpired(instrument_id):
            return [(UPDATE_INSTRUMENT_STATUS, (InstrumentStatus.EXPIRED, instrument_id))]
        case InstrumentSet(instrument):
            rules = (
                instrument.max_quantity_lots,
                instrument.max_notional,
                instrument.band_percent,
                instrument.reference_ticks,
                instrument.last_trading_at,
            )
            return [(UPDATE_INSTRUMENT_RULES, (*rules, instrument.instrument_id))]
        case TraderLimitsSet(trader_id, limits):
            values = (
                limits.frozen,
                limits.order_quantity_lots_max,
                limits.open_orders_max,
                limits.position_lots_max,
            )
            return [(UPSERT_TRADER_LIMITS, (shard_id, trader_id, *values))]
    return []
