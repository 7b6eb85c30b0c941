"""Settle one shard's waiting commands: read, decide, write, in one transaction and one round trip a batch.

An `Engine` keeps the books of the shards it serves in memory, between batches, and drops them on any failure: the next
call restores them from what is stored. Only the holder of a shard's lock settles it; should two ever believe they do,
the fence in the first statement of a batch lets only the one with current books write.
"""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import psycopg2
from psycopg2 import errors
from sqlalchemy import Connection
from sqlalchemy import Engine as Database

from engine import record, standby
from engine.events import CommandRejected, Event
from engine.matching import Market, rejection
from engine.orders import Command, Reason, command_from_json
from engine.record import Settled
from engine.store import restore_market

COMMANDS_PER_BATCH_MAX = 500
HEARTBEAT = timedelta(seconds=1)
STANDBY_POLL_SECONDS = 0.25

# The limit stands within, or the planner may walk through all commands ever given to find the few that wait.
SELECT_WAITING = """
    SELECT commands.id, commands.trader_id, commands.source, commands.request_key, commands.body
    FROM (SELECT command_id FROM waiting_commands WHERE shard_id = %s ORDER BY command_id LIMIT %s) AS waiting
    JOIN commands ON commands.id = waiting.command_id
    ORDER BY commands.id"""

React = Callable[[Connection, list[Settled]], None]


class NotActive(Exception):
    """Another worker holds the shard; wait for it with `Engine.wait_until_active`."""


class StaleBooks(Exception):
    """Another worker has settled since these books were read; nothing was written."""


class Settlement(NamedTuple):
    """What one batch did. While `more_waiting`, call again."""

    settled: list[Settled]
    more_waiting: bool


class Waiting(NamedTuple):
    """A waiting command's row."""

    command_id: int
    trader_id: int | None
    source: str
    request_key: str
    body: str


@dataclass(frozen=True, slots=True)
class Malfunction:
    """Why a command is refused as one we cannot carry out: deciding it failed or, `unwritable`, storing its result."""

    trace: str
    unwritable: bool


@dataclass(slots=True)
class Shard:
    """A shard as its active worker holds it. `waiting` was read ahead, in the round trip of the last batch.

    `driver` is the connection beneath `connection`, which by itself would connect anew when lost, without the lock.
    """

    shard_id: int
    connection: Connection
    driver: Any
    batch_max: int
    market: Market | None = None
    last_event: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    heartbeat_at: datetime | None = None
    malfunctions: dict[int, Malfunction] = field(default_factory=dict)
    one_by_one: int = 0  # How many commands to settle alone, after a batch that could not be written.


class Engine:
    """The active worker of its shards, or one that stands by. One thread only."""

    def __init__(self, database: Database, *, batch_max: int = COMMANDS_PER_BATCH_MAX) -> None:
        self._database = database
        self._batch_max = batch_max
        self._shards: dict[int, Shard] = {}

    def settle(self, shard_id: int, now: datetime, *, react: React | None = None) -> Settlement:
        """One batch of what waits, and what time itself has ended by `now`.

        `react` is called with what was settled, within the transaction and before its commit; not if nothing happened.
        Raises NotActive, StaleBooks, and what the database or `react` raises; then nothing was written or, if the
        connection was lost at the commit, everything.
        """
        shard = self._active(shard_id)
        try:
            return self._settle(shard, now, react)
        except BaseException:
            self._drop_books(shard)
            raise

    def wait_until_active(self, shard_id: int) -> None:
        """Stand by until the shard's active worker is gone. Polls, so that a signal can end the wait."""
        while True:
            try:
                self._active(shard_id)
            except NotActive:
                time.sleep(STANDBY_POLL_SECONDS)
            else:
                return

    def close(self) -> None:
        """Give up every shard."""
        while self._shards:
            _, shard = self._shards.popitem()
            _close(shard.connection, shard.driver)

    def _active(self, shard_id: int) -> Shard:
        if shard_id not in self._shards:
            connection = self._database.connect().execution_options(isolation_level="AUTOCOMMIT")
            driver = connection.connection.driver_connection
            # The lock is the connection's: the pool must not hand it on.
            connection.detach()
            try:
                held = standby.hold(connection, shard_id)
                if not held:
                    raise NotActive(shard_id)
            except BaseException:
                _close(connection, driver)
                raise
            self._shards[shard_id] = Shard(shard_id, connection, driver, self._batch_max)
        return self._shards[shard_id]

    def _settle(self, shard: Shard, now: datetime, react: React | None) -> Settlement:
        if not shard.waiting:
            shard.waiting = _fetch_waiting(_execute(shard, SELECT_WAITING, (shard.shard_id, shard.batch_max)))
        while True:
            rows = shard.waiting[: 1 if shard.one_by_one else None]
            settled = _decide(shard, rows, now)
            if not settled:
                _beat(shard, now)
                return Settlement([], False)
            try:
                ahead = _write(shard, rows, settled, now, react)
            except (psycopg2.DataError, psycopg2.IntegrityError) as error:
                if isinstance(error, errors.NotNullViolation) and error.diag.table_name == "shards":
                    raise StaleBooks(shard.shard_id) from error
                if not rows:
                    raise
                # One of them cannot be stored: find it by settling each alone.
                _execute(shard, "ROLLBACK", ())
                shard.market = None
                if len(rows) > 1:
                    shard.one_by_one = len(rows)
                else:
                    shard.malfunctions[rows[0].command_id] = Malfunction(traceback.format_exc(), unwritable=True)
                continue
            for row in rows:
                shard.malfunctions.pop(row.command_id, None)
            shard.one_by_one = max(0, shard.one_by_one - len(rows))
            shard.waiting = ahead
            return Settlement(settled, bool(ahead))

    def _drop_books(self, shard: Shard) -> None:
        """Forget what may be wrong now: the books and, unless it is in order, the connection with its lock."""
        shard.market = None
        shard.waiting = []
        if not shard.connection.invalidated:
            try:
                _execute(shard, "ROLLBACK", ())
            except psycopg2.Error:
                pass  # It is beyond use, and given up below.
            else:
                return
        del self._shards[shard.shard_id]
        _close(shard.connection, shard.driver)


def _decide(shard: Shard, rows: Sequence[Waiting], now: datetime) -> list[Settled]:
    """Play the commands on the books; one that fails twice, the second time on restored books, is refused alone."""
    suspect: int | None = None
    while True:
        if shard.market is None:
            shard.market, shard.last_event = restore_market(shard.connection, shard.shard_id)
        settled: list[Settled] = []
        number = shard.last_event + 1
        if due := shard.market.expire(now):
            settled.append(Settled(None, None, None, None, number, due))
            number += len(due)
        for row in rows:
            try:
                command, events = _play(shard, row, now)
            # Whatever goes wrong with one command must not stop the others, nor be lost: it is stored with its trace.
            except Exception:  # noqa: BLE001
                shard.market = None
                if row.command_id == suspect:
                    shard.malfunctions[row.command_id] = Malfunction(traceback.format_exc(), unwritable=False)
                suspect = row.command_id
                break
            assert events, "every command has an outcome"
            settled.append(Settled(row.command_id, command, row.source, row.request_key, number, events))
            number += len(events)
        else:
            return settled


def _play(shard: Shard, row: Waiting, now: datetime) -> tuple[Command | None, list[Event]]:
    malfunction = shard.malfunctions.get(row.command_id)
    if malfunction is None:
        assert shard.market is not None
        command = command_from_json(row.body)
        return command, shard.market.apply(command, now)
    if not malfunction.unwritable:
        try:
            command = command_from_json(row.body)
            return command, [rejection(command, Reason.MALFUNCTION)]
        except msgspec.DecodeError:
            pass  # Not even a command: refused without its details, as one whose details cannot be stored.
    return None, [CommandRejected(Reason.MALFUNCTION, trader_id=row.trader_id)]


def _write(
    shard: Shard, rows: Sequence[Waiting], settled: list[Settled], now: datetime, react: React | None
) -> list[Waiting]:
    """Store the batch and read ahead; returns what waits now."""
    market = shard.market
    assert market is not None
    traces = {
        row.command_id: shard.malfunctions[row.command_id].trace for row in rows if row.command_id in shard.malfunctions
    }
    written = record.statements(
        shard.shard_id, shard.last_event, settled, market.changed_orders, market.changed_positions.values(), traces, now
    )
    text = ";".join(statement for statement, _parameters in written)
    parameters = [parameter for _statement, parameters in written for parameter in parameters]
    ahead = (shard.shard_id, shard.batch_max)
    if react is None:
        cursor = _execute(shard, f"BEGIN; {text}; COMMIT; {SELECT_WAITING}", (*parameters, *ahead))
    else:
        _execute(shard, f"BEGIN; {text}", parameters)
        react(shard.connection, settled)
        cursor = _execute(shard, f"COMMIT; {SELECT_WAITING}", ahead)
    shard.last_event += sum(len(one.events) for one in settled)
    shard.heartbeat_at = now
    market.changed_orders.clear()
    market.changed_positions.clear()
    return _fetch_waiting(cursor)


def _close(connection: Connection, driver: Any) -> None:
    """End both: SQLAlchemy only forgets a detached connection that it has given up on, and the lock would live on."""
    connection.close()
    driver.close()


def _beat(shard: Shard, now: datetime) -> None:
    """Tell that the shard has an active worker, though it has nothing to do."""
    if shard.heartbeat_at is None or now - shard.heartbeat_at >= HEARTBEAT:
        _execute(shard, "UPDATE shards SET heartbeat_at = %s WHERE id = %s", (now, shard.shard_id))
        shard.heartbeat_at = now


def _execute(shard: Shard, text: str, parameters: Sequence[object]) -> Any:
    """Send SQL text as it is, past SQLAlchemy, in one round trip; returns the cursor on its last result."""
    cursor = shard.driver.cursor()
    cursor.execute(text, parameters)
    return cursor


def _fetch_waiting(cursor: Any) -> list[Waiting]:
    return [Waiting(*row) for row in cursor.fetchall()]
