"""Asking and settling in a few words, for tests that run on a real database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, text
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from engine import intake
from engine.batch import Engine
from engine.intake import OrderRequest, Receipt, Source
from engine.orders import Side
from engine.record import Settled
from engine.verify import verify
from tests.engine.conftest import NOW, TRADERS

SHARDS = (0, 1)


@dataclass
class Floor:
    """A market with its traders: they ask through intake, an engine settles."""

    database: Database
    now: datetime = NOW
    keys: int = 0
    receipts: list[Receipt] = field(default_factory=list)

    def place(
        self, trader: str, side: Side, quantity: int, price: str | None, symbol: str = "Dec25-Wheat", **more: object
    ) -> Receipt:
        request = OrderRequest(
            side=side,
            quantity=Decimal(quantity),
            symbol=symbol,
            price=None if price is None else Decimal(price),
            **more,  # type: ignore[arg-type]
        )
        with Session(self.database) as session, session.begin():
            return self._taken(
                intake.place(
                    session,
                    trader_id=trader_id(trader),
                    request=request,
                    source=Source.API,
                    request_key=self.key(),
                    now=self.now,
                )
            )

    def cancel(self, trader: str, order_id: int | None) -> Receipt:
        assert order_id is not None
        with Session(self.database) as session, session.begin():
            return self._taken(
                intake.cancel(
                    session,
                    trader_id=trader_id(trader),
                    order_id=order_id,
                    source=Source.API,
                    request_key=self.key(),
                    now=self.now,
                )
            )

    def amend(
        self, trader: str, order_id: int | None, quantity: int | None = None, price: str | None = None
    ) -> Receipt:
        assert order_id is not None
        with Session(self.database) as session, session.begin():
            return self._taken(
                intake.amend(
                    session,
                    trader_id=trader_id(trader),
                    order_id=order_id,
                    price=None if price is None else Decimal(price),
                    quantity=None if quantity is None else Decimal(quantity),
                    source=Source.API,
                    request_key=self.key(),
                    now=self.now,
                )
            )

    def key(self) -> str:
        self.keys += 1
        return str(self.keys)

    def pass_time(self, **time: float) -> None:
        self.now += timedelta(**time)

    def _taken(self, receipt: Receipt) -> Receipt:
        self.receipts.append(receipt)
        return receipt


def trader_id(trader: str) -> int:
    return TRADERS.index(trader) + 1


def settle_all(engine: Engine, now: datetime) -> list[Settled]:
    settled = []
    for shard_id in SHARDS:
        more_waiting = True
        while more_waiting:
            batch, more_waiting, *_ = engine.settle(shard_id, now)
            settled += batch
    return settled


def kinds(settled: Sequence[Settled]) -> list[str]:
    return [type(event).__name__ for one in settled for event in one.events]


def differences(database: Database) -> list[str]:
    """What the replay of the record finds wrong, in one snapshot."""
    with database.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        return verify(connection)


def broken_invariants(connection: Connection) -> list[str]:
    """What no market may show, asked of the tables alone, without the engine's own code."""
    return [name for name, query in INVARIANTS.items() if connection.execute(text(query)).first() is not None]


INVARIANTS = {
    "a book is crossed": """
        SELECT instrument_id FROM orders WHERE closed_at IS NULL GROUP BY instrument_id
        HAVING max(price_ticks) FILTER (WHERE side = 'buy') >= min(price_ticks) FILTER (WHERE side = 'sell')""",
    "an order's fills are not its trades": """
        SELECT orders.id FROM orders LEFT JOIN (
            SELECT order_id, sum(quantity_lots) AS lots, sum(price_ticks * quantity_lots) AS notional FROM (
                SELECT maker_order_id AS order_id, quantity_lots, price_ticks FROM trades
                UNION ALL SELECT taker_order_id, quantity_lots, price_ticks FROM trades) AS sides
            GROUP BY order_id) AS traded ON traded.order_id = orders.id
        WHERE orders.filled_lots <> coalesce(traded.lots, 0)
           OR orders.notional_ticks <> coalesce(traded.notional, 0)""",
    "an order trades more or less than it may": """
        SELECT id FROM orders
        WHERE CASE WHEN closed_at IS NULL THEN filled_lots + leaves_lots <> quantity_lots OR leaves_lots = 0
                                               OR state NOT IN ('new', 'partially_filled')
                   ELSE leaves_lots <> 0 OR state IN ('new', 'partially_filled')
                        OR (state = 'filled') <> (filled_lots = quantity_lots) END""",
    "a trade's sides do not agree": """
        SELECT trades.number FROM trades
        JOIN orders AS maker ON maker.id = maker_order_id JOIN orders AS taker ON taker.id = taker_order_id
        WHERE maker.instrument_id <> trades.instrument_id OR taker.instrument_id <> trades.instrument_id
           OR maker.trader_id <> maker_trader_id OR taker.trader_id <> taker_trader_id
           OR maker.side = taker.side OR taker.side <> taker_side OR maker_trader_id = taker_trader_id
           OR (taker.price_ticks IS NOT NULL
               AND CASE taker.side WHEN 'buy' THEN trades.price_ticks > taker.price_ticks
                                   ELSE trades.price_ticks < taker.price_ticks END
               AND NOT EXISTS (SELECT FROM events WHERE kind = 'order_amended' AND order_id = taker.id))""",
    "a commission is not a thousandth, half-up to the cent": """
        SELECT number FROM trades JOIN instruments ON instruments.id = instrument_id
        WHERE maker_commission_cents <> floor(price_ticks * tick_size * quantity_lots * lot_size / 10 + 0.5)
           OR taker_commission_cents <> maker_commission_cents""",
    "positions are not the sum of the trades": """
        SELECT FROM positions FULL JOIN (
            SELECT trader_id, instrument_id, sum(lots) AS lots, sum(cents) AS cents, sum(cash) AS cash FROM (
                SELECT taker_trader_id AS trader_id, instrument_id, taker_commission_cents AS cents,
                       CASE taker_side WHEN 'buy' THEN quantity_lots ELSE -quantity_lots END AS lots,
                       CASE taker_side WHEN 'buy' THEN -1 ELSE 1 END * price_ticks * quantity_lots AS cash
                FROM trades
                UNION ALL
                SELECT maker_trader_id, instrument_id, maker_commission_cents,
                       CASE taker_side WHEN 'buy' THEN -quantity_lots ELSE quantity_lots END,
                       CASE taker_side WHEN 'buy' THEN 1 ELSE -1 END * price_ticks * quantity_lots
                FROM trades) AS sides
            GROUP BY trader_id, instrument_id) AS traded USING (trader_id, instrument_id)
        WHERE positions.lots IS DISTINCT FROM traded.lots
           OR positions.commission_cents IS DISTINCT FROM traded.cents
           OR positions.realised_ticks - positions.open_cost_ticks IS DISTINCT FROM traded.cash""",
    "a command is neither settled nor waiting, or both": """
        SELECT commands.id FROM commands
        WHERE EXISTS (SELECT FROM events WHERE events.command_id = commands.id)
            = EXISTS (SELECT FROM waiting_commands WHERE waiting_commands.command_id = commands.id)""",
    "the events are not numbered without gaps": """
        SELECT shards.id FROM shards LEFT JOIN events ON events.shard_id = shards.id
        GROUP BY shards.id
        HAVING count(events.number) <> last_event OR coalesce(max(events.number), 0) <> last_event""",
}
