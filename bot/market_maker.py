"""The demo's market maker: a trader like any other, whose quotes stand on both sides of every open instrument."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import catalogue, intake
from engine.intake import OrderRequest, Source
from engine.orders import Place, Side, TimeInForce, command_from_json
from engine.tables import commands, instruments, orders, traders, waiting_commands

QUOTING_LOCK = 84  # The advisory lock under which one process at a time looks for gaps and fills them.
HUNDRED_PERCENT = Decimal(100)


@dataclass(frozen=True, kw_only=True)
class Quoting:
    """How to quote: the best prices stand `spread_percent` away from the reference, each level a step further."""

    spread_percent: Decimal
    level_step_percent: Decimal
    levels: int
    level_quantity: Decimal


@dataclass(frozen=True)
class Quote:
    """One resting order that should be there."""

    instrument_id: int
    side: Side
    price_ticks: int


def quote(session: Session, now: datetime) -> set[int]:
    """Ask for every quote that is not there, in the caller's transaction; returns the shards to wake after its commit.

    Quotes that rest or wait are left as they are, so that calling this again asks for nothing twice.
    """
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(QUOTING_LOCK)))
    trader_id = trader(session, now)
    there = resting(session, trader_id) | waiting(session, trader_id)
    quoting = read_quoting()
    shard_ids = set()
    listed = session.execute(
        sa.select(instruments)
        .where(instruments.c.status == "open", instruments.c.reference_ticks.is_not(None))
        .order_by(instruments.c.id)
    ).mappings()
    for instrument in listed.all():
        around = quotes_around(instrument["id"], instrument["reference_ticks"], quoting)
        requests = [
            OrderRequest(
                side=wanted.side,
                quantity=quoting.level_quantity,
                symbol=instrument["symbol"],
                price=wanted.price_ticks * instrument["tick_size"],
                time_in_force=TimeInForce.GTC,
                post_only=True,
            )
            for wanted in around
            if wanted not in there
        ]
        if requests:
            intake.place_several(
                session,
                trader_id=trader_id,
                requests=requests,
                source=Source.MARKET_MAKER,
                request_key=f"{instrument['symbol']} {now.isoformat()}",
                now=now,
            )
            shard_ids.add(instrument["shard_id"])
    return shard_ids


def quotes_around(instrument_id: int, reference_ticks: int, quoting: Quoting) -> list[Quote]:
    """Both sides around a reference, best first, rounded away from it to whole ticks; none at or below zero."""
    quotes = []
    for level in range(quoting.levels):
        distance = (quoting.spread_percent + level * quoting.level_step_percent) / HUNDRED_PERCENT
        bid = int((reference_ticks * (1 - distance)).to_integral_value(ROUND_FLOOR))
        offer = int((reference_ticks * (1 + distance)).to_integral_value(ROUND_CEILING))
        if bid > 0:
            quotes.append(Quote(instrument_id, Side.BUY, bid))
        quotes.append(Quote(instrument_id, Side.SELL, offer))
    return quotes


def read_quoting() -> Quoting:
    """What the demo catalogue says of quoting."""
    section = catalogue.read()["market_maker"]
    return Quoting(
        spread_percent=Decimal(section["spread_percent"]),
        level_step_percent=Decimal(section["level_step_percent"]),
        levels=section["levels"],
        level_quantity=Decimal(section["level_quantity"]),
    )


def trader(session: Session, now: datetime) -> int:
    """The market maker's id; it is entered at the first call, under the caller's lock."""
    known = session.execute(sa.select(traders.c.id).where(traders.c.kind == "market_maker")).scalar()
    if known is not None:
        return known
    entered = sa.insert(traders).values(display_name="Market maker", kind="market_maker", created_at=now)
    return session.execute(entered.returning(traders.c.id)).scalar_one()


def resting(session: Session, trader_id: int) -> set[Quote]:
    rows = session.execute(
        sa.select(orders.c.instrument_id, orders.c.side, orders.c.price_ticks).where(
            orders.c.trader_id == trader_id, orders.c.closed_at.is_(None)
        )
    )
    return {Quote(row.instrument_id, Side(row.side), row.price_ticks) for row in rows}


def waiting(session: Session, trader_id: int) -> set[Quote]:
    bodies = session.scalars(
        sa.select(commands.c.body)
        .join(waiting_commands, waiting_commands.c.command_id == commands.c.id)
        .where(commands.c.trader_id == trader_id, commands.c.kind == "place")
    )
    placed = [command for command in map(command_from_json, bodies) if isinstance(command, Place)]
    return {
        Quote(command.instrument_id, command.side, command.price_ticks)
        for command in placed
        if command.price_ticks is not None
    }
