"""How soon thousands of sockets are told what was committed, on this machine, clients included.

`python -m tests.bench.bench_sockets [sockets ...]`, by default 1000 and then 5000: all follow one market while
50 orders a second come in through the door that chat and API share, and half of them trade. Every real process runs,
with two web workers. Some clients more stop reading as soon as they have asked; the others' figures are those beside
them.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import psutil
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.clock import utc_now
from bot.migrate import upgrade
from bot.servers import local_servers
from engine import catalogue
from engine.tables import instruments, trades
from tests.load.sockets import Clients, Subscription
from tests.web.live import SETTINGS, engine_worker, is_settled, wait_until
from tests.web.servers import WebServer

SYMBOL = "Dec25-Wheat"
SCENARIOS = (1000, 5000)
WEB_WORKERS = 2
ORDERS_PER_SECOND = 50
SECONDS = 20
STOPPED_READERS = 10
LISTEN_SECONDS = 3  # After the last order.
TARGETS = {1000: "p50 under 20 ms, p99 under 50 ms", 5000: "p99 under 250 ms"}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.bench_sockets", description=__doc__)
    arguments.add_argument("sockets", nargs="*", type=int, default=list(SCENARIOS))
    arguments.add_argument("--seconds", type=int, default=SECONDS)
    arguments.add_argument("--workers", type=int, default=WEB_WORKERS)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        # The database server may run as a user of its own, which has to reach its directory.
        directory.chmod(0o755)
        with local_servers(directory) as servers:
            upgrade(servers.database_url)
            database = sa.create_engine(servers.database_url)
            with Session(database) as session, session.begin():
                catalogue.load(session, as_of=date(2025, 11, 3), shard_count=1, now=utc_now(), banded=False)
            with engine_worker(servers.database_url, servers.redis_url, directory / "engine.log"):
                wait_until(lambda: is_settled(database))
                for count in given.sockets:
                    log = directory / f"web-{count}.log"
                    server = WebServer(servers.database_url, servers.redis_url, log, given.workers, **SETTINGS)
                    try:
                        server.wait_until_ready()
                        measure(database, servers.redis_url, server, count, given.seconds)
                    finally:
                        server.stop()
            database.dispose()


def measure(database: sa.Engine, redis_url: str, server: WebServer, count: int, seconds: int) -> None:
    workers = psutil.Process(server.process.pid).children()
    before = memory(workers)
    clients, channel = Clients(server.port), f"market:{SYMBOL}"
    begun = time.monotonic()
    clients.open([Subscription([channel])] * count)
    opened_seconds = time.monotonic() - begun
    grown = memory(workers) - before
    clients.open_stopped(STOPPED_READERS, channel)
    first = last_trade(database)
    url = database.url.render_as_string(hide_password=False)
    trader = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.orders", url, redis_url, SYMBOL, str(ORDERS_PER_SECOND), str(seconds)]
    )
    while trader.poll() is None:
        clients.poll(0.05)
    assert trader.returncode == 0
    end = time.monotonic() + LISTEN_SECONDS
    while time.monotonic() < end:
        clients.poll(0.05)
    with database.connect() as connection:
        traded = connection.execute(
            sa.select(sa.func.count())
            .select_from(trades)
            .join(instruments, instruments.c.id == trades.c.instrument_id)
            .where(instruments.c.symbol == SYMBOL, trades.c.number > first)
        ).scalar_one()
    states = [1000 * value for value in statistics.quantiles(clients.latencies, n=100)]
    told = [1000 * value for value in statistics.quantiles(clients.trade_latencies, n=100)]
    lost = sum(traded - client.trades for client in clients.clients)
    closed = sum(not client.is_open for client in clients.clients)
    print(
        f"{count} sockets, {ORDERS_PER_SECOND} orders/s for {seconds} s, {len(workers)} web workers "
        f"(target: {TARGETS.get(count, 'none')})\n"
        f"  from commit to client      p50 {states[49]:6.1f} ms, p99 {states[98]:6.1f} ms: "
        f"{len(clients.latencies):,} updates\n"
        f"  from decision to client    p50 {told[49]:6.1f} ms, p99 {told[98]:6.1f} ms: {traded} trades to each\n"
        f"  lost {lost}, out of order {clients.out_of_order}, closed {closed}; "
        f"{grown / count / 1024:.1f} KiB of memory a socket; all opened in {opened_seconds:.1f} s\n"
        f"  of {STOPPED_READERS} more that read nothing, {clients.closed_as_slow()} were closed with 4408",
        flush=True,
    )
    clients.close()


def memory(processes: list[psutil.Process]) -> int:
    """What is theirs alone, in bytes."""
    return sum(process.memory_full_info().uss for process in processes)


def last_trade(database: sa.Engine) -> int:
    with database.connect() as connection:
        return connection.execute(sa.select(sa.func.coalesce(sa.func.max(trades.c.number), 0))).scalar_one()


if __name__ == "__main__":
    main()
