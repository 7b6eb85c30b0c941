"""Seeded days of trading on a real database, with crashes at every point of a batch, restarts and repeated requests."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, pool, select
from sqlalchemy.orm import Session

from engine import intake
from engine.batch import Engine
from engine.errors import OrderClosed, OrderNotFound
from engine.intake import OrderRequest, Receipt, Source
from engine.orders import OrderType, SelfTradePrevention, Side, TimeInForce, TraderLimits
from engine.tables import commands
from tests.engine.conftest import NOW, TRADERS
from tests.engine.trading import SHARDS, broken_invariants, differences

ROUNDS = 25
SYMBOLS = ("Dec25-Wheat", "Jan26-Wheat", "Dec25-Corn", "Dec25-Gold")
MIDDLE = {"Wheat": 150, "Corn": 430, "Gold": 2000}


class Crash(BaseException):
    """The worker's process ends here."""


@dataclass
class CrashPoint:
    """Before or after which of the statements to come the worker dies; none if `countdown` is None."""

    countdown: int | None = None
    after: bool = False


def crashing_cursor(point: CrashPoint) -> type[psycopg2.extensions.cursor]:
    class CrashingCursor(psycopg2.extensions.cursor):
        def execute(self, query: Any, parameters: Any = None) -> None:
            due = point.countdown == 0
            if point.countdown is not None:
                point.countdown -= 1
            if due and not point.after:
                raise Crash
            super().execute(query, parameters)
            if due:
                raise Crash

    return CrashingCursor


@dataclass
class Day:
    """One seed's trading: what was asked, under which key, and what was acknowledged."""

    chance: random.Random
    database: Database
    now: Any = NOW

    def __post_init__(self) -> None:
        self.asked: list[tuple[int, OrderRequest, str, Receipt]] = []
        self.order_ids: list[tuple[int, int]] = []
        self.acknowledged: list[int] = []
        self.keys = 0

    def ask(self) -> None:
        """One request of a random kind; a refusal at the door is an answer too."""
        drawn = self.chance.random()
        try:
            if drawn < 0.62 or not self.order_ids:
                self.place()
            elif drawn < 0.7:
                self.repeat()
            elif drawn < 0.8:
                self.change(intake.cancel)
            elif drawn < 0.92:
                quantity = self.chance.choice((None, Decimal(self.chance.randint(1, 60))))
                price = None if quantity is not None and self.chance.random() < 0.5 else self.price("Dec25-Wheat")
                self.change(intake.amend, quantity=quantity, price=price)
            elif drawn < 0.95:
                self.cancel_all()
            elif drawn < 0.98:
                self.rule()
            else:
                self.limit()
        except (OrderClosed, OrderNotFound):
            pass

    def place(self) -> None:
        symbol = self.chance.choice(SYMBOLS)
        at_market = self.chance.random() < 0.1
        time_in_force = self.chance.choice((None, TimeInForce.GTC, TimeInForce.GTT, TimeInForce.IOC, TimeInForce.FOK))
        if at_market and time_in_force is not TimeInForce.FOK:
            time_in_force = TimeInForce.IOC
        ends = time_in_force is TimeInForce.GTT
        request = OrderRequest(
            side=self.chance.choice(tuple(Side)),
            quantity=Decimal(self.chance.randint(1, 50)),
            symbol=symbol,
            price=None if at_market else self.price(symbol),
            order_type=OrderType.MARKET if at_market else OrderType.LIMIT,
            time_in_force=time_in_force,
            expires_at=self.now + timedelta(seconds=self.chance.randint(1, 60)) if ends else None,
            post_only=time_in_force in (None, TimeInForce.GTC) and self.chance.random() < 0.1,
            self_trade_prevention=self.chance.choice(tuple(SelfTradePrevention)),
        )
        trader_id, key = self.trader(), self.key()
        with Session(self.database) as session, session.begin():
            receipt = intake.place(
                session, trader_id=trader_id, request=request, source=Source.API, request_key=key, now=self.now
            )
        assert receipt.order_id is not None
        self.asked.append((trader_id, request, key, receipt))
        self.order_ids.append((trader_id, receipt.order_id))
        self.acknowledged.append(receipt.command_id)

    def repeat(self) -> None:
        """The same request comes again, settled or not: it must be the same order."""
        trader_id, request, key, receipt = self.chance.choice(self.asked)
        with Session(self.database) as session, session.begin():
            again = intake.place(
                session,
                trader_id=trader_id,
                request=replace(request, quantity=request.quantity + 1),
                source=Source.API,
                request_key=key,
                now=self.now,
            )
        assert (again.command_id, again.order_id) == (receipt.command_id, receipt.order_id)

    def change(self, change: Any, **what: Any) -> None:
        trader_id, order_id = self.chance.choice(self.order_ids[-60:])
        if self.chance.random() < 0.05:
            trader_id = self.trader()
        with Session(self.database) as session, session.begin():
            receipt = change(
                session,
                trader_id=trader_id,
                order_id=order_id,
                source=Source.API,
                request_key=self.key(),
                now=self.now,
                **what,
            )
        self.acknowledged.append(receipt.command_id)

    def cancel_all(self) -> None:
        asset, side = self.chance.choice((None, "wheat")), self.chance.choice((None, Side.BUY))
        with Session(self.database) as session, session.begin():
            receipts = intake.cancel_all(
                session,
                trader_id=self.trader(),
                asset=asset,
                side=side,
                source=Source.CHAT,
                request_key=self.key(),
                now=self.now,
            )
        self.acknowledged += [receipt.command_id for receipt in receipts]

    def rule(self) -> None:
        act = self.chance.choice((intake.halt, intake.resume, intake.resume))
        with Session(self.database) as session, session.begin():
            receipt = act(session, symbol=self.chance.choice(SYMBOLS), request_key=self.key(), now=self.now)
        self.acknowledged.append(receipt.command_id)

    def limit(self) -> None:
        limits = TraderLimits(
            frozen=self.chance.random() < 0.2,
            order_quantity_lots_max=self.chance.choice((None, 40)),
            open_orders_max=self.chance.choice((None, 10)),
            position_lots_max=self.chance.choice((None, 100)),
        )
        with Session(self.database) as session, session.begin():
            receipts = intake.set_trader_limits(
                session,
                trader_id=self.trader(),
                limits=limits,
                source=Source.STAFF,
                request_key=self.key(),
                now=self.now,
            )
        self.acknowledged += [receipt.command_id for receipt in receipts]

    def trader(self) -> int:
        return self.chance.randint(1, len(TRADERS))

    def key(self) -> str:
        self.keys += 1
        return f"request {self.keys}"

    def price(self, symbol: str) -> Decimal:
        return MIDDLE[symbol.split("-")[1]] + Decimal(self.chance.randint(-30, 30)) / 10


@contextmanager
def worker(url: str, point: CrashPoint, batch_max: int) -> Iterator[Engine]:
    """A worker process of its own; when it dies, its connections die with it."""
    database = create_engine(url, poolclass=pool.NullPool, connect_args={"cursor_factory": crashing_cursor(point)})
    engine = Engine(database, batch_max=batch_max)
    try:
        yield engine
    finally:
        point.countdown = None
        engine.close()
        database.dispose()


@pytest.mark.parametrize("seed", range(6))
def test_no_crash_loses_doubles_or_changes_an_order(seed: int, market: Database, market_url: str) -> None:
    chance = random.Random(seed)
    day = Day(chance, market)
    crashes = 0
    for _ in range(ROUNDS):
        for _ in range(chance.randint(1, 12)):
            day.ask()
        day.now += timedelta(seconds=chance.randint(0, 20))
        point = CrashPoint()
        with worker(market_url, point, batch_max=chance.choice((1, 3, 500))) as engine:
            if chance.random() < 0.6:
                point.countdown, point.after = chance.randint(0, 8), chance.random() < 0.5
            try:
                for shard_id in chance.sample(SHARDS, len(SHARDS)):
                    engine.wait_until_active(shard_id)
                    while engine.settle(shard_id, day.now, react=chance.choice((None, look))).more_waiting:
                        check(market)
            except (Crash, psycopg2.Error):
                crashes += 1
        check(market)
    with worker(market_url, CrashPoint(), batch_max=500) as engine:
        for shard_id in SHARDS:
            engine.wait_until_active(shard_id)
            while engine.settle(shard_id, day.now).more_waiting:
                pass
    check(market)
    assert crashes > 3
    assert differences(market) == []
    with market.connect() as connection:
        stored = set(connection.scalars(select(commands.c.id)))
    assert set(day.acknowledged) <= stored
    assert len(set(day.acknowledged)) == len(day.acknowledged)


def look(connection: Any, settled: Any) -> None:
    """Reads within the transaction, so that there is one more point to crash at."""
    connection.execute(select(commands.c.id).limit(1)).all()


def check(database: Database) -> None:
    with database.connect() as connection:
        assert broken_invariants(connection) == []
