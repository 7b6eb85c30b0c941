"""How soon the API's questions are answered with a million orders stored: `python -m tests.bench.bench_queries`.

One of a thousand traders has a tenth of the orders, and asks. Beside each question stand the indexes that PostgreSQL
says it uses, and every large table that it reads whole. With `--keep FOLDER` the loaded database stays there, and is
measured again by the next run, without the noise of a load that has just ended.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from bot.database import connect
from bot.migrate import upgrade
from bot.servers import local_postgres
from engine import candles, catalogue, events, history, queries
from engine.candles import Interval
from engine.history import OPEN_STATES, OrderFilter, TradePlace
from engine.orders import OrderState, Reason, Side
from engine.tables import orders
from tests.web.conftest import settings_for

REPEATS = 400
TARGET_MILLISECONDS = 10
OWN = 2  # The trader who asks.
INSTRUMENT = 1
DAYS = 30
LARGE = ("orders", "commands", "trades", "events")

# Of a hundred orders two are open, one is rejected, two expired, thirty-five filled and sixty canceled.
FILL = """
    SET session_replication_role = replica;  -- The keys are right: checking three million takes minutes.
    INSERT INTO traders (display_name, kind, created_at) SELECT n, 'account', now() FROM generate_series(1, 1000) AS n;
    CREATE TEMP TABLE made AS
    SELECT n,
           CASE WHEN n % 10 = 3 THEN {own} ELSE 3 + n * 7919 % 990 END AS trader_id,
           1 + n / 10 * 31 % 24 AS instrument_id,
           CASE WHEN n / 7 % 2 = 0 THEN 'buy' ELSE 'sell' END AS side,
           n / 10 * 37 % 100 AS kind,
           now() - interval '{days} days' * (1000000 - n) / 1000000 AS created_at
    FROM generate_series(1::bigint, 1000000) AS n;
    INSERT INTO orders (id, shard_id, trader_id, instrument_id, side, order_type, price_ticks, quantity_lots,
                        filled_lots, leaves_lots, notional_ticks, time_in_force, post_only, self_trade_prevention,
                        state, priority, created_at, updated_at, closed_at)
    SELECT 10000000 + n, 0, trader_id, instrument_id, side, 'limit',
           CASE side WHEN 'buy' THEN 10000 - n % 500 ELSE 10001 + n % 500 END, 10,
           CASE WHEN kind BETWEEN 5 AND 39 THEN 10 ELSE 0 END, CASE WHEN kind < 2 THEN 10 ELSE 0 END, 0, 'GTC', false,
           'cancel_taker',
           CASE WHEN kind < 2 THEN 'new' WHEN kind = 2 THEN 'rejected' WHEN kind < 5 THEN 'expired'
                WHEN kind < 40 THEN 'filled' ELSE 'canceled' END,
           n, created_at, created_at, CASE WHEN kind < 2 THEN NULL ELSE created_at END
    FROM made;
    INSERT INTO commands (id, shard_id, trader_id, source, request_key, part, kind, order_id, instrument_id, body,
                          created_at)
    SELECT 10000000 + n, 0, trader_id, 'api', 'client:' || n, 0, 'place', 10000000 + n, instrument_id, '{{}}',
           created_at
    FROM made;
    INSERT INTO trades (shard_id, number, instrument_id, price_ticks, quantity_lots, taker_side, maker_order_id,
                        maker_trader_id, maker_commission_cents, taker_order_id, taker_trader_id,
                        taker_commission_cents, occurred_at)
    SELECT 0, n, instrument_id, 10000 + n % 7, 10, side, 10000000 + n, trader_id, 1, 1, 3 + n * 31 % 990, 1, created_at
    FROM made WHERE kind BETWEEN 5 AND 39;
    INSERT INTO events (shard_id, number, occurred_at, command_id, kind, instrument_id, order_id, trader_id, body)
    SELECT 0, n, created_at, 10000000 + n, 'order_canceled', instrument_id, 10000000 + n, trader_id, :event
    FROM made;
    INSERT INTO positions (trader_id, instrument_id, lots, open_cost_ticks, realised_ticks, commission_cents)
    SELECT trader_id, instrument_id, 10, 100000, 0, 0 FROM made GROUP BY trader_id, instrument_id;
    SET session_replication_role = DEFAULT;"""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--keep", type=Path, metavar="FOLDER")
    folder = arguments.parse_args().keep
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        run(folder)
        return
    with tempfile.TemporaryDirectory() as directory:
        run(Path(directory))


def run(folder: Path) -> None:
    folder.chmod(0o755)  # The database server may run as a user of its own, which has to reach its folder.
    with local_postgres(folder) as url:
        upgrade(url)
        database = connect(settings_for(url, "redis://127.0.0.1", "http://127.0.0.1"))
        with Session(database) as session:
            is_loaded = session.execute(sa.select(sa.exists().select_from(orders))).scalar_one()
        if not is_loaded:
            fill(database)
        measure(database)
        database.dispose()


def fill(database: Database) -> None:
    now = datetime.now(UTC)
    event = events.OrderCanceled(1, OWN, INSTRUMENT, Side.BUY, Reason.CANCELED_BY_TRADER, 10)
    with Session(database) as session, session.begin():
        catalogue.load(session, as_of=now.date(), shard_count=1, now=now)
        session.execute(sa.text("DELETE FROM waiting_commands"))
    with database.begin() as connection:
        statement = sa.text(FILL.format(own=OWN, days=DAYS))
        connection.execute(statement, {"event": events.to_json(event)})
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))


def measure(database: Database) -> None:
    slow, slowest = 0, 0.0
    for what, ask in questions(datetime.now(UTC)):
        with Session(database) as session:
            with statements_sent(database) as sent:
                ask(session)
            took = [milliseconds(ask, session) for _ in range(REPEATS)]
            plans = [plan_of(session, statement, parameters) for statement, parameters in sent]
        percentiles = statistics.quantiles(took, n=100)
        slow += percentiles[98] >= TARGET_MILLISECONDS
        slowest = max(slowest, percentiles[98])
        print(f"{what}: p50 {percentiles[49]:.2f} ms, p99 {percentiles[98]:.2f} ms", flush=True)
        for plan in plans:
            print(f"    {plan}")
    print(f"{slow} took {TARGET_MILLISECONDS} ms or more at p99, the slowest {slowest:.2f} ms (target: none)")


@contextmanager
def statements_sent(database: Database) -> Iterator[list[tuple[str, Any]]]:
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        sent.append((statement, parameters))

    sa.event.listen(database, "before_cursor_execute", note)
    yield sent
    sa.event.remove(database, "before_cursor_execute", note)


def milliseconds(ask: Callable[[Session], object], session: Session) -> float:
    begun = time.perf_counter()
    ask(session)
    return (time.perf_counter() - begun) * 1000


def questions(now: datetime) -> Iterator[tuple[str, Callable[[Session], object]]]:
    def page(before: int | None = None, **wanted: Any) -> Callable[[Session], object]:
        return lambda session: history.orders_page(session, OWN, OrderFilter(**wanted), before=before, limit=51)

    middle = TradePlace(now - timedelta(days=DAYS / 2), 0, 500_000)
    closed = tuple(set(OrderState) - OPEN_STATES)
    one = [INSTRUMENT]
    listed = list(range(1, 401))
    yield "the newest orders", page()
    yield "older orders", page(before=10_500_000)
    yield "open orders", page(states=tuple(OPEN_STATES))
    yield "closed orders", page(states=closed)
    yield "filled orders", page(states=(OrderState.FILLED,))
    yield "rejected orders", page(states=(OrderState.REJECTED,))
    yield "orders of one market", page(instrument_ids=one)
    yield "filled sells of one market", page(instrument_ids=one, states=(OrderState.FILLED,), side=Side.SELL)
    yield "orders changed in the last day", page(updated_since=now - timedelta(days=1))
    yield "orders changed in the last minute", page(updated_since=now - timedelta(minutes=1))
    yield "an order by its client_order_id", page(request_key="client:500003")
    yield "an order by its number", lambda session: history.order(session, OWN, 10_500_003)
    yield "positions", lambda session: queries.holdings(session, OWN)
    yield "account summary", lambda session: queries.account(session, OWN)
    yield "own trades", lambda session: history.fills_page(session, OWN, None, before=None, limit=51)
    yield "own older trades", lambda session: history.fills_page(session, OWN, None, before=middle, limit=51)
    yield "own trades of one market", lambda session: history.fills_page(session, OWN, one, before=None, limit=51)
    yield "own events from the first", lambda session: history.events_after(session, OWN, {}, limit=50)
    yield "own events from the middle", lambda session: history.events_after(session, OWN, {0: 500_000}, limit=50)
    yield "the market's trades", lambda session: history.trades_page(session, None, before=None, limit=51)
    yield "the market's older trades", lambda session: history.trades_page(session, None, before=middle, limit=51)
    yield "one market's trades", lambda session: history.trades_page(session, one, before=None, limit=51)
    yield "quote of one market", lambda session: queries.quotes(session, one, now)
    yield "quotes of all markets", lambda session: queries.quotes(session, listed, now)
    yield "order book", lambda session: queries.depth(session, INSTRUMENT, 10)
    for interval in Interval:
        yield (
            f"a hundred candles of {interval}",
            lambda session, interval=interval: candles.candles(session, INSTRUMENT, interval, until=now, limit=100),
        )


def plan_of(session: Session, statement: str, parameters: Any) -> str:
    """The indexes used, and the large tables that are read whole."""
    explained = session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    found = explained if isinstance(explained, list) else json.loads(explained)
    nodes = list(nodes_of(found[0]["Plan"]))
    indexes = sorted({node["Index Name"] for node in nodes if "Index Name" in node})
    whole = sorted({node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}.intersection(LARGE))
    return ", ".join(indexes) + (f"; reads all {', '.join(whole)}" if whole else "")


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes_of(inner)


if __name__ == "__main__":
    main()
