"""How fast a durable worker drains a backlog: `python -m tests.bench.bench_batch`.

For batches of 1, 100 and 500 commands it settles a seeded stream with synchronous_commit on and, taking turns of 20
batches, sends the very rows that the engine wrote to a second, equal database: the raw rate that this machine's
PostgreSQL allows. Before that it measures what a resting order adds to the resident memory. DATABASE_URL names a
server to use instead of one of its own.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg2.extensions
from sqlalchemy import URL, create_engine, insert, make_url, pool, text
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from bot.migrate import upgrade
from bot.servers import local_postgres
from bot.settings import sqlalchemy_url
from engine import catalogue
from engine.batch import SELECT_WAITING, Engine, collect_garbage_seldom
from engine.orders import Amend, Cancel, Command, OrderType, Place, Side, TimeInForce, command_to_json
from engine.standby import SESSION_SETTINGS
from engine.tables import traders

NOW = datetime(2025, 11, 3, 12, tzinfo=UTC)
SHARD = 0
TRADERS = 200
INSTRUMENTS = 4
COMMANDS = {1: 2_000, 100: 60_000, 500: 120_000}
TARGETS = {100: "25,000/s with p99 under 15 ms, or engine/raw 0.80", 500: "40,000/s, or engine/raw 0.80"}
# The engine reads on beside later batches of its own: taking turns at each, it would do so in the time of the raw rows.
BATCHES_IN_TURN = 20
RESTING_ORDERS = 100_000
FIRST_ORDER = 1_000_000


class RecordingCursor(psycopg2.extensions.cursor):
    """Keeps the text of what was sent, to send it again."""

    sent: list[bytes] = []  # noqa: RUF012

    def execute(self, query: Any, parameters: Any = None) -> None:
        super().execute(query, parameters)
        self.sent.append(self.query)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.bench_batch", description=__doc__)
    arguments.add_argument("--seed", type=int, default=1)
    seed = arguments.parse_args().seed
    collect_garbage_seldom()  # As the worker does.
    with server() as url:
        # First, while nothing has left room behind that the orders could grow into unseen.
        measure_memory(url)
        for batch_max, count in COMMANDS.items():
            compare(url, batch_max, stream(seed, count))


@contextmanager
def server() -> Iterator[URL]:
    if given := os.environ.get("DATABASE_URL"):
        yield make_url(sqlalchemy_url(given))
        return
    with tempfile.TemporaryDirectory() as directory, local_postgres(Path(directory)) as own:
        yield make_url(own)


@contextmanager
def market(url: URL, name: str, **options: Any) -> Iterator[Database]:
    """A fresh database with the catalogue listed and the traders in it."""
    administrator = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=pool.NullPool)
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    own = url.set(database=name)
    upgrade(own.render_as_string(hide_password=False))
    database = create_engine(own, **options)
    with Session(database) as session, session.begin():
        catalogue.load(session, as_of=NOW.date(), shard_count=1, now=NOW)
        session.execute(
            insert(traders), [{"display_name": str(n), "kind": "account", "created_at": NOW} for n in range(TRADERS)]
        )
    engine = Engine(database)
    while engine.settle(SHARD, NOW).more_waiting:
        pass
    engine.close()
    try:
        yield database
    finally:
        database.dispose()
        with administrator.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        administrator.dispose()


def stream(seed: int, count: int) -> list[Command]:
    """60 % new orders around a random walk, 30 % cancellations, 5 % crossing, 5 % amendments."""
    chance = random.Random(seed)
    commands: list[Command] = []
    placed: list[tuple[int, int]] = []
    middle = dict.fromkeys(range(1, INSTRUMENTS + 1), 15_000)
    for command_id in range(FIRST_ORDER, FIRST_ORDER + count):
        drawn = chance.random()
        trader_id, instrument_id = chance.randint(1, TRADERS), chance.randint(1, INSTRUMENTS)
        if drawn < 0.65 or not placed:
            middle[instrument_id] += chance.choice((-1, 0, 1))
            side = chance.choice((Side.BUY, Side.SELL))
            away = -chance.randint(1, 20) if drawn >= 0.6 else chance.randint(1, 50)
            price_ticks = middle[instrument_id] + (-away if side is Side.BUY else away)
            commands.append(place(command_id, trader_id, instrument_id, side, chance.randint(1, 100), price_ticks))
            placed.append((command_id, trader_id))
        else:
            order_id, owner_id = placed[chance.randrange(max(0, len(placed) - 2_000), len(placed))]
            if drawn < 0.95:
                commands.append(Cancel(command_id, order_id, owner_id))
            else:
                commands.append(Amend(command_id, order_id, owner_id, quantity_lots=chance.randint(1, 100)))
    return commands


def place(
    command_id: int, trader_id: int, instrument_id: int, side: Side, quantity_lots: int, price_ticks: int
) -> Place:
    return Place(
        command_id,
        command_id,
        trader_id,
        instrument_id,
        side,
        OrderType.LIMIT,
        quantity_lots,
        price_ticks,
        TimeInForce.DAY,
        NOW + timedelta(hours=24),
    )


def enqueue(database: Database, commands: list[Command]) -> None:
    """A backlog, as intake would have left it."""
    rows = [
        (
            command.command_id,
            command.trader_id,
            command.__struct_config__.tag,
            command.order_id,
            command_to_json(command),
        )
        for command in commands
    ]
    columns = ["{" + ",".join(map(str, column)) + "}" for column in list(zip(*rows, strict=True))[:4]]
    with database.connect() as connection:
        connection.exec_driver_sql(
            """
            WITH new AS (
                INSERT INTO commands (id, shard_id, trader_id, source, request_key, part, kind, order_id, body,
                                      created_at)
                SELECT line.id, %s, line.trader_id, 'api', line.id::text, 0, line.kind, line.order_id, line.body, %s
                FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[], string_to_array(%s, chr(31)))
                     AS line(id, trader_id, kind, order_id, body)
                RETURNING shard_id, id, created_at)
            INSERT INTO waiting_commands SELECT * FROM new""",
            (SHARD, NOW, *columns, "\x1f".join(row[4] for row in rows)),
        )
        connection.commit()
        connection.exec_driver_sql("ANALYZE")
        connection.commit()


def compare(url: URL, batch_max: int, commands: list[Command]) -> None:
    """The engine on one database, the raw rows on another, in turns."""
    with (
        market(url, "bench_engine", connect_args={"cursor_factory": RecordingCursor}) as database,
        market(url, "bench_raw") as raw_database,
    ):
        enqueue(database, commands)
        enqueue(raw_database, commands)
        engine = Engine(database, batch_max=batch_max)
        engine.wait_until_active(SHARD)
        raw = raw_database.raw_connection()
        raw.driver_connection.autocommit = True
        cursor = raw.cursor()
        cursor.execute(SESSION_SETTINGS)
        engine_seconds, raw_seconds, more_waiting, settled = [], [], True, 0
        read_ahead = SELECT_WAITING.split("%s")[0].encode()
        started = time.perf_counter()
        while more_waiting:
            rows: list[bytes] = []
            while more_waiting and len(rows) < BATCHES_IN_TURN:
                RecordingCursor.sent.clear()
                began = time.perf_counter()
                # Time passes, as a worker now and then looks for what came late.
                batch, more_waiting, *_ = engine.settle(SHARD, NOW + timedelta(seconds=began - started))
                engine_seconds.append(time.perf_counter() - began)
                settled += len(batch)
                # Reading ahead is none of the raw rows.
                rows += [sql.split(read_ahead)[0] for sql in RecordingCursor.sent if sql.startswith(b"BEGIN")]
            for sql in rows:
                began = time.perf_counter()
                cursor.execute(sql)
                raw_seconds.append(time.perf_counter() - began)
        engine.close()
        raw.close()
        assert settled == len(commands)
    # The first batch also restores the books and reads what waits.
    engine_seconds, raw_seconds = engine_seconds[1:], raw_seconds[1:]
    engine_rate = (settled - batch_max) / sum(engine_seconds)
    raw_rate = (settled - batch_max) / sum(raw_seconds)
    percentile_99 = statistics.quantiles(engine_seconds, n=100)[-1] * 1000
    print(
        f"batches of {batch_max:>3}: {engine_rate:>7,.0f} commands/s, p99 of a batch {percentile_99:5.1f} ms; "
        f"raw rows {raw_rate:>7,.0f}/s; engine/raw {engine_rate / raw_rate:.2f} "
        f"(target: {TARGETS.get(batch_max, 'none')})"
    )


def measure_memory(url: URL) -> None:
    chance = random.Random(1)
    with market(url, "bench_memory") as database:
        enqueue(
            database,
            [
                place(FIRST_ORDER + n, chance.randint(1, TRADERS), 1, Side.BUY, 10, chance.randint(10_000, 14_999))
                for n in range(RESTING_ORDERS)
            ],
        )
        engine = Engine(database)
        engine.settle(SHARD, NOW)
        before, more_waiting = psutil.Process().memory_info().rss, True
        while more_waiting:
            more_waiting = engine.settle(SHARD, NOW).more_waiting
        grown = psutil.Process().memory_info().rss - before
        engine.close()
    each = grown / RESTING_ORDERS
    print(f"resident memory: {each:,.0f} bytes per resting order of {RESTING_ORDERS:,} (target: under 1,000)")


if __name__ == "__main__":
    main()
