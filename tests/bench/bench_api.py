"""How the API answers under load, with every real process and two web workers: `python -m tests.bench.bench_api`.

Orders are asked for at a steady rate and then as fast as they are taken, market data as fast as it is answered, and an
account's own data with a million orders stored.
"""

import http.client
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from tests.flows.conftest import LocalRun

WORKERS = 2
STEADY_RATE, SECONDS = 100, 10
CALLERS = 16
LOADING_SECONDS = 25
UNLIMITED = "1000000000"
LIMITS = ("LOGINS_PER_QUARTER_HOUR", "ORDERS_PER_MINUTE", "REQUESTS_PER_MINUTE")
QUERIES = 200
PASSWORD = "seven purple tractors"

# Half of them are the measured account's own.
FILL_ORDERS = """
    INSERT INTO orders (id, shard_id, trader_id, instrument_id, side, order_type, price_ticks, quantity_lots,
                        filled_lots, leaves_lots, notional_ticks, time_in_force, post_only, self_trade_prevention,
                        state, priority, created_at, updated_at, closed_at)
    SELECT 10000000 + n, 0, CASE n % 2 WHEN 0 THEN :trader_id ELSE 1 END, 1, 'buy', 'limit', 100, 1,
           0, 0, 0, 'GTC', false, 'cancel_taker', 'canceled', n, now(), now(), now()
    FROM generate_series(1, 1000000) AS n"""
FILL_COMMANDS = """
    INSERT INTO commands (id, shard_id, trader_id, source, request_key, part, kind, order_id, instrument_id, body,
                          created_at)
    SELECT 10000000 + n, 0, CASE n % 2 WHEN 0 THEN :trader_id ELSE 1 END, 'api', 'filled:' || n, 0, 'place',
           10000000 + n, 1, '{}', now()
    FROM generate_series(1, 1000000) AS n"""
OPEN_ORDERS = """
    EXPLAIN SELECT * FROM orders WHERE trader_id = :trader_id AND closed_at IS NULL ORDER BY id DESC LIMIT 51"""
PAGE_OF_ORDERS = """
    EXPLAIN SELECT * FROM orders WHERE trader_id = :trader_id AND id < 10500000 ORDER BY id DESC LIMIT 51"""


class Caller:
    """One kept connection."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def send(self, method: str, path: str, body: object = None) -> tuple[int, bytes, float]:
        """Status, body and milliseconds."""
        begun = time.perf_counter()
        self.connection.request(method, path, None if body is None else json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        content = answer.read()
        return answer.status, content, (time.perf_counter() - begun) * 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        # The database server may run as a user of its own, which has to reach its directory.
        Path(scratch).chmod(0o755)
        directory = Path(scratch) / "var"
        directory.mkdir()
        run = LocalRun(directory, WEB_CONCURRENCY=str(WORKERS), **dict.fromkeys(LIMITS, UNLIMITED))
        try:
            run.wait_until_ready()
            # The workers are still loading what they read and hear with.
            time.sleep(LOADING_SECONDS)
            measure(run.port, directory)
        finally:
            run.stop()


def measure(port: int, directory: Path) -> None:
    account = {"username": "bench", "password": PASSWORD}
    status, content, _ = Caller(port).send("POST", "/api/auth/register", account)
    assert status == 201, content
    token = json.loads(content)["access_token"]
    prices = count()

    def place(caller: Caller) -> float:
        order = {"symbol": "Dec25-Wheat", "side": "buy", "quantity": "1", "price": str(100 + next(prices) % 40)}
        status, content, milliseconds = caller.send("POST", "/api/orders", order)
        assert status == 202, content
        return milliseconds

    def read(caller: Caller) -> float:
        status, content, milliseconds = caller.send("GET", "/api/orderbook/Dec25-Wheat")
        assert status == 200, content
        return milliseconds

    callers = [Caller(port, token) for _ in range(CALLERS)]
    show(
        f"{SECONDS} s of orders at {STEADY_RATE}/s (target: p50 < 10 ms, p99 < 50 ms)",
        under_load(callers, place, STEADY_RATE),
    )
    show(f"{SECONDS} s of orders as fast as they are taken (target: 400/s)", under_load(callers, place))
    show(f"{SECONDS} s of cached reads as fast as they are answered (target: 1,500/s)", under_load(callers, read))
    fill(directory)
    reader = Caller(port, token)
    for status in ("open", "closed"):
        path = f"/api/orders?status={status}&limit=50"
        took = [reader.send("GET", path)[2] for _ in range(QUERIES)]
        show(f"{status} orders with a million stored (target: p99 < 10 ms)", took)


def under_load(callers: list[Caller], ask: Callable[[Caller], float], rate: float | None = None) -> list[float]:
    """Milliseconds of every answer in so many seconds, each caller asking one after the other."""
    took: list[float] = []
    begun = time.monotonic()

    def work(number: int, caller: Caller) -> None:
        turn = begun + (number / rate if rate else 0)
        while time.monotonic() - begun < SECONDS:
            if rate:
                time.sleep(max(0, turn - time.monotonic()))
                turn += len(callers) / rate
            took.append(ask(caller))

    threads = [threading.Thread(target=work, args=numbered) for numbered in enumerate(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def show(what: str, milliseconds: list[float]) -> None:
    percentiles = statistics.quantiles(milliseconds, n=100)
    print(
        f"{what}: {len(milliseconds)} answers, p50 {percentiles[49]:.1f} ms, p99 {percentiles[98]:.1f} ms", flush=True
    )


def fill(directory: Path) -> None:
    """Store a million orders beside those of the run, and show how an account's own are found among them."""
    query = {"host": str(directory / "postgres")}
    database = sa.create_engine(sa.URL.create("postgresql+psycopg2", "postgres", database="postgres", query=query))
    with database.begin() as connection:
        own = {"trader_id": connection.execute(sa.text("SELECT max(trader_id) FROM accounts")).scalar_one()}
        for statement in (FILL_ORDERS, FILL_COMMANDS):
            connection.execute(sa.text(statement), own)
    with database.connect() as connection:
        for statement in ("ANALYZE orders", "ANALYZE commands"):
            connection.execute(sa.text(statement))
        for statement in (OPEN_ORDERS, PAGE_OF_ORDERS):
            plan = connection.execute(sa.text(statement), own).scalars().all()
            print("\n".join(f"    {line}" for line in plan))
    database.dispose()


if __name__ == "__main__":
    main()
