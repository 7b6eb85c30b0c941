"""A trader's statement: what was traded and closed in a period, what was held at its end, and the sums, exact.

Positions and profits are made again from the trades, so that they are those of the period's end whenever it is asked
for. Nothing is rounded: a sum is always the sum of what is listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine.money import CENT
from engine.orders import Side
from engine.positions import Position
from engine.queries import Fill, OrderView, fill_view, order_view
from engine.tables import assets, instruments, orders, trades


@dataclass(frozen=True, slots=True)
class StatedInstrument:
    """What an instrument is called, by language, and what a tick and a lot of it are."""

    symbol: str
    contract: str
    tick_size: Decimal
    lot_size: Decimal
    names: Mapping[str, str]

    @property
    def tick_value(self) -> Decimal:
        """What one tick of one lot is in money."""
        return self.tick_size * self.lot_size


@dataclass(frozen=True, slots=True)
class StatedPosition:
    """What was held of an instrument at the end, and the profit realised in the period, in money before commission."""

    instrument_id: int
    lots: int
    average_price: Decimal | None
    realised: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """From `since` up to but without `until`; fills and closed orders the oldest first, notionals in money."""

    since: datetime
    until: datetime
    fills: Sequence[Fill]
    notionals: Sequence[Decimal]
    closed_orders: Sequence[OrderView]
    positions: Sequence[StatedPosition]
    instruments: Mapping[int, StatedInstrument]

    @property
    def commission(self) -> Decimal:
        return sum((fill.commission_cents for fill in self.fills), 0) * CENT

    @property
    def realised(self) -> Decimal:
        """The profit of what was closed in the period, before commission."""
        return sum((position.realised for position in self.positions), Decimal(0))

    def notional(self, side: Side) -> Decimal:
        """What was bought or sold for."""
        pairs = zip(self.fills, self.notionals, strict=True)
        return sum((notional for fill, notional in pairs if fill.side == side), Decimal(0))


def statement(session: Session, trader_id: int, since: datetime, until: datetime) -> Statement:
    """All of one trader's trades are read, because what was held goes back to the first of them."""
    listed = _instruments(session)
    rows = session.execute(
        sa.select(trades)
        .where(
            sa.or_(trades.c.maker_trader_id == trader_id, trades.c.taker_trader_id == trader_id),
            trades.c.occurred_at < until,
        )
        .order_by(trades.c.occurred_at, trades.c.shard_id, trades.c.number)
    ).mappings()
    positions: dict[int, Position] = {}
    realised_before: dict[int, int] = {}
    fills: list[Fill] = []
    for row in rows:
        fill = fill_view(row, trader_id)
        held = positions.setdefault(fill.instrument_id, Position(trader_id, fill.instrument_id))
        if fill.occurred_at >= since:
            realised_before.setdefault(fill.instrument_id, held.realised_ticks)
            fills.append(fill)
        lots = fill.quantity_lots if fill.side == Side.BUY else -fill.quantity_lots
        held.fill(lots, fill.price_ticks, fill.commission_cents)
    stated = []
    for instrument_id, held in sorted(positions.items()):
        if held.lots == 0 and instrument_id not in realised_before:
            continue
        instrument = listed[instrument_id]
        ticks = held.realised_ticks - realised_before.get(instrument_id, held.realised_ticks)
        stated.append(
            StatedPosition(
                instrument_id, held.lots, held.average_price(instrument.tick_size), ticks * instrument.tick_value
            )
        )
    return Statement(
        since=since,
        until=until,
        fills=fills,
        notionals=[fill.price_ticks * fill.quantity_lots * listed[fill.instrument_id].tick_value for fill in fills],
        closed_orders=_closed_orders(session, trader_id, since, until),
        positions=stated,
        instruments=listed,
    )


def _instruments(session: Session) -> dict[int, StatedInstrument]:
    """Every instrument that was ever listed: a statement may be of long ago."""
    rows = session.execute(
        sa.select(
            instruments.c.id, instruments.c.symbol, instruments.c.contract, instruments.c.tick_size,
            instruments.c.lot_size, assets.c.names,
        ).join(assets, assets.c.code == instruments.c.asset)
    )  # fmt: skip
    return {row.id: StatedInstrument(row.symbol, row.contract, row.tick_size, row.lot_size, row.names) for row in rows}


def _closed_orders(session: Session, trader_id: int, since: datetime, until: datetime) -> list[OrderView]:
    rows = session.execute(
        sa.select(orders)
        .where(orders.c.trader_id == trader_id, orders.c.closed_at >= since, orders.c.closed_at < until)
        .order_by(orders.c.closed_at, orders.c.id)
    )
    return [order_view(row) for row in rows.mappings()]
