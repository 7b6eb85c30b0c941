"""Settle one shard's waiting commands: read, decide, write, in one transaction and one round trip a batch.

An `Engine` keeps the books of the shards it serves in memory, between batches, and drops them on any failure: the next
call restores them from what is stored. Only the holder of a shard's lock settles it; should two ever believe they do,
the fence in the first statement of a batch lets only the one with current books write.
"""

import gc
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg2
from psycopg2 import errors
from sqlalchemy import Connection
from sqlalchemy import Engine as Database

from engine import standby
from engine.record import Settled, array
from engine.shard import Batch, BookView, Malfunction, Shard

COMMANDS_PER_BATCH_MAX = 500
# Small batches do not read each time.
COMMANDS_READ_MIN = 1000
# So many at once that one is in memory to be decided while the next ones are read.
BATCHES_READ = 3
HEARTBEAT = timedelta(seconds=1)
STANDBY_POLL_SECONDS = 0.25
HANGING_SECONDS_MAX = 10  # As long as PostgreSQL lets a transaction idle.
GARBAGE_OBJECTS_MIN = 100_000

# How often, during a backlog, to look for what was committed later than what came after it.
LOOK_BACK_EVERY = timedelta(seconds=1)

# The limit stands within, or the planner may walk through all commands ever given to find the few that wait. What is
# in memory already is passed over.
SELECT_WAITING = """
    SELECT commands.id, commands.trader_id, commands.source, commands.request_key, commands.body
    FROM (SELECT command_id FROM waiting_commands
          WHERE shard_id = %s AND command_id > %s AND NOT command_id = ANY(%s::bigint[])
          ORDER BY command_id LIMIT %s) AS waiting
    JOIN commands ON commands.id = waiting.command_id
    ORDER BY commands.id"""

BEAT = """
    UPDATE shards SET heartbeat_at = %s WHERE id = %s"""

React = Callable[[Connection, list[Settled]], None]


class NotActive(Exception):
    """Another worker holds the shard; wait for it with `Engine.wait_until_active`."""


class StaleBooks(Exception):
    """Another worker has settled since these books were read; nothing was written."""


class Settlement(NamedTuple):
    """What one batch did at `now`, and the books it changed, by instrument. While `more_waiting`, call again.

    `books` is None where they are not shown, or not yet: a later batch then shows all that have changed since.
    """

    settled: list[Settled]
    more_waiting: bool
    books: dict[int, BookView] | None
    now: datetime


class Engine:
    """The active worker of its shards, or one that stands by. One thread only.

    `levels_shown` is how deep each batch shows the books that it changed; by default it shows none.
    """

    def __init__(self, database: Database, *, batch_max: int = COMMANDS_PER_BATCH_MAX, levels_shown: int = 0) -> None:
        self._database = database
        self._batch_max = batch_max
        self._levels_shown = levels_shown
        self._shards: dict[int, Shard] = {}
        # While this thread waits for the database to write a batch, another decides the next one and then reads on: a
        # third would take its time from the database's.
        self._meanwhile = ThreadPoolExecutor(max_workers=1, thread_name_prefix="meanwhile")

    def settle(self, shard_id: int, now: datetime, *, react: React | None = None) -> Settlement:
        """One batch of what waits, and what time itself has ended by `now`.

        `react` is called with what was settled, within the transaction and before its commit; not if nothing happened.
        Raises NotActive, StaleBooks, and what the database or `react` raises; then nothing was written or, if the
        connection was lost at the commit, everything.
        """
        shard = self._active(shard_id)
        with ExitStack() as unless_settled:
            unless_settled.callback(self._drop_books, shard)
            settlement = self._settle(shard, now, react)
            unless_settled.pop_all()
        return settlement

    def wait_until_active(self, shard_id: int) -> None:
        """Stand by until the shard's active worker is gone, or hangs while commands wait and is shut out.

        Polls, so that a signal can end the wait.
        """
        backlog: standby.Backlog | None = None
        since = time.monotonic()
        while True:
            try:
                self._active(shard_id)
            except NotActive:
                time.sleep(STANDBY_POLL_SECONDS)
            else:
                return
            with self._database.begin() as connection:
                found = standby.backlog(connection, shard_id)
                if found is None or found != backlog:
                    backlog, since = found, time.monotonic()
                elif found.holder is not None and time.monotonic() - since > HANGING_SECONDS_MAX:
                    standby.shut_out(connection, found.holder)

    def close(self) -> None:
        """Give up every shard."""
        while self._shards:
            _, shard = self._shards.popitem()
            _close(shard.connection, shard.driver, shard.reader)
        self._meanwhile.shutdown()

    def _active(self, shard_id: int) -> Shard:
        if shard_id not in self._shards:
            connection, driver = _connect(self._database)
            with ExitStack() as unless_held:
                unless_held.callback(_close, connection, driver)
                if not standby.hold(connection, shard_id):
                    raise NotActive(shard_id)
                _, reader = _connect(self._database)
                unless_held.pop_all()
            self._shards[shard_id] = Shard(shard_id, connection, driver, reader, self._batch_max, self._levels_shown)
        return self._shards[shard_id]

    def _settle(self, shard: Shard, now: datetime, react: React | None) -> Settlement:
        while True:
            batch, shard.ahead = shard.ahead, None
            if batch is None:
                if not shard.has_more():
                    shard.read = _execute(shard, _look_through(shard, now))
                batch = shard.decide(now)
            if not batch.settled:
                _beat(shard, now)
                return Settlement([], False, {}, now)
            try:
                self._write(shard, batch, react)
            except (psycopg2.DataError, psycopg2.IntegrityError) as error:
                if isinstance(error, errors.NotNullViolation) and error.diag.table_name == "shards":
                    raise StaleBooks(shard.shard_id) from error
                if not batch.rows:
                    raise
                # One of them cannot be stored: find it by settling each alone.
                _execute(shard, b"ROLLBACK")
                shard.forget()
                if len(batch.rows) > 1:
                    shard.one_by_one = len(batch.rows)
                else:
                    trace = traceback.format_exc()
                    shard.malfunctions[batch.rows[0].command_id] = Malfunction(trace, unwritable=True)
                continue
            for row in batch.rows:
                shard.malfunctions.pop(row.command_id, None)
            shard.one_by_one = max(0, shard.one_by_one - len(batch.rows))
            return Settlement(batch.settled, shard.has_more(), batch.books, batch.now)

    def _write(self, shard: Shard, batch: Batch, react: React | None) -> None:
        """Store the batch, deciding the next one meanwhile and reading what the batches after it need."""
        reads = shard.needs_reading()
        looks_through = reads and _is_to_look_through(shard, batch.now)
        end = b"COMMIT; " + _look_through(shard, batch.now) if looks_through else b"COMMIT"
        read_on = _read_on(shard) if reads and not looks_through else None
        if react is None:
            cursor = self._execute_and_decide(shard, batch.now, b"BEGIN; " + batch.sql + b"; " + end, read_on)
        else:
            self._execute_and_decide(shard, batch.now, b"BEGIN; " + batch.sql, read_on)
            react(shard.connection, batch.settled)
            cursor = _execute(shard, end)
        shard.heartbeat_at = batch.now
        if looks_through and cursor.rowcount:
            shard.read = cursor

    def _execute_and_decide(self, shard: Shard, now: datetime, sql: bytes, read_on: bytes | None) -> Any:
        """The cursor on what `sql` gave."""
        deciding = self._meanwhile.submit(shard.decide_ahead, now)
        reading = None if read_on is None else self._meanwhile.submit(_execute_on, shard.reader, read_on)
        try:
            cursor = _execute(shard, sql)
        finally:
            # Nobody else may touch the books meanwhile.
            wait([deciding])
        deciding.result()
        if reading is not None:
            shard.reading = reading
        return cursor

    def _drop_books(self, shard: Shard) -> None:
        """Forget what may be wrong now: the books and, unless they are in order, the connections with the lock."""
        shard.forget()
        if not shard.connection.invalidated and not shard.reader.closed:
            try:
                _execute(shard, b"ROLLBACK")
            except psycopg2.Error:
                pass  # It is beyond use, and given up below.
            else:
                return
        del self._shards[shard.shard_id]
        _close(shard.connection, shard.driver, shard.reader)


def collect_garbage_seldom() -> None:
    """For a process that holds books: hundreds of thousands of objects that form no cycles and end by themselves.

    Looking through them as often as Python does by itself takes a sixth of a batch's time.
    """
    gc.set_threshold(GARBAGE_OBJECTS_MIN, 20, 20)


def _is_to_look_through(shard: Shard, now: datetime) -> bool:
    return not shard.has_more() or shard.looked_back_at is None or now - shard.looked_back_at >= LOOK_BACK_EVERY


def _look_through(shard: Shard, now: datetime) -> bytes:
    """Read all that waits, but for what is in memory; right only where no batch is being written."""
    shard.looked_back_at = now
    return _select_waiting(shard, 0, array(row.command_id for row in shard.waiting))


def _read_on(shard: Shard) -> bytes:
    """Read only what follows the last that was read, past the many rows that were settled a moment ago."""
    return _select_waiting(shard, shard.read_up_to, "{}")


def _select_waiting(shard: Shard, after: int, held: str) -> bytes:
    parameters = shard.shard_id, after, held, max(COMMANDS_READ_MIN, BATCHES_READ * shard.batch_max)
    sql: bytes = shard.driver.cursor().mogrify(SELECT_WAITING, parameters)
    return sql


def _connect(database: Database) -> tuple[Connection, Any]:
    """A connection of our own and its driver's: the lock is the connection's, and the pool must not hand it on."""
    connection = database.connect().execution_options(isolation_level="AUTOCOMMIT")
    driver = connection.connection.driver_connection
    connection.detach()
    _execute_on(driver, standby.SESSION_SETTINGS)
    return connection, driver


def _close(connection: Connection, *drivers: Any) -> None:
    """End them: SQLAlchemy only forgets a detached connection that it has given up on, and the lock would live on."""
    connection.close()
    for driver in drivers:
        driver.close()


def _beat(shard: Shard, now: datetime) -> None:
    """Tell that the shard has an active worker, though it has nothing to do."""
    if shard.heartbeat_at is None or now - shard.heartbeat_at >= HEARTBEAT:
        _execute(shard, BEAT, now, shard.shard_id)
        shard.heartbeat_at = now


def _execute(shard: Shard, sql: bytes | str, *parameters: object) -> Any:
    """Send SQL text as it is, past SQLAlchemy, in one round trip; returns the cursor on its last result."""
    return _execute_on(shard.driver, sql, *parameters)


def _execute_on(driver: Any, sql: bytes | str, *parameters: object) -> Any:
    cursor = driver.cursor()
    cursor.execute(sql, parameters or None)
    return cursor
