"""Between rows and the pure types: instruments, orders, positions, a shard's whole market, and what was settled."""

import msgspec
from sqlalchemy import Connection, RowMapping, select, true

from engine.events import from_json
from engine.matching import Market
from engine.orders import (
    Instrument,
    InstrumentStatus,
    Order,
    OrderState,
    Reason,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TraderLimits,
    command_from_json,
)
from engine.positions import Position
from engine.record import Settled
from engine.tables import commands, events, instruments, orders, positions, shards, trader_limits, trades


def instrument_from_row(row: RowMapping) -> Instrument:
    return Instrument(
        instrument_id=row["id"],
        symbol=row["symbol"],
        asset=row["asset"],
        contract=row["contract"],
        tick_size=row["tick_size"],
        lot_size=row["lot_size"],
        max_quantity_lots=row["max_quantity_lots"],
        max_notional=row["max_notional"],
        reference_ticks=row["reference_ticks"],
        band_percent=row["band_percent"],
        status=InstrumentStatus(row["status"]),
        last_trading_at=row["last_trading_at"],
    )


def order_from_row(row: RowMapping) -> Order:
    return Order(
        order_id=row["id"],
        trader_id=row["trader_id"],
        instrument_id=row["instrument_id"],
        side=Side(row["side"]),
        price_ticks=row["price_ticks"],
        quantity_lots=row["quantity_lots"],
        leaves_lots=row["leaves_lots"],
        time_in_force=TimeInForce(row["time_in_force"]),
        expires_at=row["expires_at"],
        post_only=row["post_only"],
        self_trade_prevention=SelfTradePrevention(row["self_trade_prevention"]),
        filled_lots=row["filled_lots"],
        notional_ticks=row["notional_ticks"],
        state=OrderState(row["state"]),
        reason=None if row["reason"] is None else Reason(row["reason"]),
    )


def position_from_row(row: RowMapping) -> Position:
    return Position(
        trader_id=row["trader_id"],
        instrument_id=row["instrument_id"],
        lots=row["lots"],
        open_cost_ticks=int(row["open_cost_ticks"]),
        realised_ticks=int(row["realised_ticks"]),
        commission_cents=int(row["commission_cents"]),
    )


def limits_from_row(row: RowMapping) -> TraderLimits:
    return TraderLimits(
        frozen=row["frozen"],
        order_quantity_lots_max=row["order_quantity_lots_max"],
        open_orders_max=row["open_orders_max"],
        position_lots_max=row["position_lots_max"],
    )


def restore_market(connection: Connection, shard_id: int) -> tuple[Market, int]:
    """The shard's market as its last batch left it, and the number of its last event.

    The number is read first: if another worker's batch comes between the reads, the next write of ours fails on it.
    """
    last_event = connection.execute(select(shards.c.last_event).where(shards.c.id == shard_id)).scalar_one()
    market = Market()
    last_trade = (
        select(trades.c.price_ticks)
        .where(trades.c.instrument_id == instruments.c.id)
        .order_by(trades.c.number.desc())
        .limit(1)
        .lateral("last_trade")
    )
    listed = (
        select(instruments, last_trade.c.price_ticks.label("last_price_ticks"))
        .select_from(instruments.outerjoin(last_trade, true()))
        .where(instruments.c.shard_id == shard_id)
        .order_by(instruments.c.id)
    )
    for row in connection.execute(listed).mappings():
        market.list_instrument(instrument_from_row(row), row["last_price_ticks"])
    for row in connection.execute(select(trader_limits).where(trader_limits.c.shard_id == shard_id)).mappings():
        market.set_limits(row["trader_id"], limits_from_row(row))
    held = (
        select(positions)
        .join(instruments, instruments.c.id == positions.c.instrument_id)
        .where(instruments.c.shard_id == shard_id)
    )
    for row in connection.execute(held).mappings():
        market.restore_position(position_from_row(row))
    resting = (
        select(orders).where(orders.c.shard_id == shard_id, orders.c.closed_at.is_(None)).order_by(orders.c.priority)
    )
    for row in connection.execute(resting).mappings():
        market.restore_order(order_from_row(row))
    return market, last_event


def settled_again(connection: Connection, shard_id: int, first_number: int, last_number: int) -> Settled:
    """What one command, or time alone, brought about, from the record."""
    asked = (
        select(
            events.c.body,
            events.c.command_id,
            commands.c.source,
            commands.c.request_key,
            commands.c.body.label("command"),
        )
        .outerjoin(commands, commands.c.id == events.c.command_id)
        .where(events.c.shard_id == shard_id, events.c.number.between(first_number, last_number))
        .order_by(events.c.number)
    )
    rows = connection.execute(asked).all()
    assert len(rows) == last_number - first_number + 1, "the record has no gaps"
    first = rows[0]
    try:
        command = None if first.command is None else command_from_json(first.command)
    except msgspec.DecodeError:
        command = None  # It was refused because it is no command.
    happened = [from_json(row.body) for row in rows]
    return Settled(first.command_id, command, first.source, first.request_key, first_number, happened)
