"""How soon a command becomes an event through Redis, RQ and a real engine worker, at a steady 50 orders a second.

`python -m tests.bench.bench_command_to_event`: from the commit of the command to the moment its event can be read.
"""

import statistics
import tempfile
import threading
import time
from pathlib import Path

import sqlalchemy as sa
from redis import Redis
from sqlalchemy import Engine

from bot import queues
from bot.migrate import upgrade
from bot.servers import local_servers
from engine.tables import events
from tests.faults.standby import list_and_enrol, place_order, start_worker, wait_until_settled

ORDERS_PER_SECOND = 50
SECONDS = 20
WARM_UP_ORDERS = 50
POLL_SECONDS = 0.0005


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        # The database server may run as a user of its own, which has to reach its directory.
        Path(scratch).chmod(0o755)
        with local_servers(Path(scratch)) as servers:
            upgrade(servers.database_url)
            database = sa.create_engine(servers.database_url)
            measure(database, servers.database_url, servers.redis_url)
            database.dispose()


def measure(database: Engine, database_url: str, redis_url: str) -> None:
    trader_ids = list_and_enrol(database)
    committed: dict[int, float] = {}
    seen: dict[int, float] = {}
    done = threading.Event()
    with start_worker(database_url, redis_url), Redis.from_url(redis_url) as redis:
        queues.wake(redis, queues.SETTLE, 0)
        wait_until_settled(database)
        watcher = threading.Thread(target=watch, args=(database, seen, done))
        watcher.start()
        for count in range(WARM_UP_ORDERS + ORDERS_PER_SECOND * SECONDS):
            begun = time.monotonic()
            receipt = place_order(database, trader_ids, count)
            committed[receipt.command_id] = time.monotonic()
            queues.wake(redis, queues.SETTLE, receipt.shard_id)
            time.sleep(max(0.0, 1 / ORDERS_PER_SECOND - (time.monotonic() - begun)))
        wait_until_settled(database, redis)
        time.sleep(10 * POLL_SECONDS)
        done.set()
        watcher.join()
    measured = list(committed)[WARM_UP_ORDERS:]
    milliseconds = [(seen[command_id] - committed[command_id]) * 1000 for command_id in measured]
    percentiles = statistics.quantiles(milliseconds, n=100)
    print(
        f"command to event at {ORDERS_PER_SECOND} orders a second: p50 {percentiles[49]:.1f} ms, "
        f"p99 {percentiles[98]:.1f} ms (target: p50 under 15 ms, p99 under 100 ms)"
    )


def watch(database: Engine, seen: dict[int, float], done: threading.Event) -> None:
    """Note when each command's first event can be read."""
    last = 0
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not done.is_set():
            rows = connection.execute(
                sa.select(events.c.number, events.c.command_id).where(events.c.number > last).order_by(events.c.number)
            ).all()
            now = time.monotonic()
            for row in rows:
                last = row.number
                if row.command_id is not None:
                    seen.setdefault(row.command_id, now)
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
