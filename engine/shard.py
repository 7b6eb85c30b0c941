"""One shard as its active worker holds it: connection, books, what was read ahead, and the deciding of a batch."""

import traceback
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from engine import record
from engine.defects import DEFECTS
from engine.events import (
    CommandRejected,
    Event,
    InstrumentExpired,
    InstrumentHalted,
    InstrumentResumed,
    InstrumentSet,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    Trade,
)
from engine.matching import Market, rejection
from engine.orders import Command, InstrumentStatus, Reason, Side, command_from_json
from engine.record import Settled, Statement
from engine.store import restore_market

# While a backlog is settled, its books are shown no more often than this.
BOOKS_SHOWN_EVERY = timedelta(milliseconds=100)

CHANGES_OF_BOOKS = (
    OrderAccepted
    | Trade
    | OrderAmended
    | OrderCanceled
    | OrderExpired
    | InstrumentHalted
    | InstrumentResumed
    | InstrumentExpired
    | InstrumentSet
)


class Waiting(NamedTuple):
    """A waiting command's row."""

    command_id: int
    trader_id: int | None
    source: str
    request_key: str
    body: str


class BookView(NamedTuple):
    """A book after a batch: (price in ticks, quantity in lots) of the best levels, the best first."""

    bids: list[tuple[int, int]]
    offers: list[tuple[int, int]]
    status: InstrumentStatus


class Batch(NamedTuple):
    """What was decided at `now` and is to be written: taken from the books at once, because they move on."""

    rows: Sequence[Waiting]
    settled: list[Settled]
    sql: bytes
    books: dict[int, BookView] | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Malfunction:
    """Why a command is refused as one we cannot carry out: deciding it failed or, `unwritable`, storing its result."""

    trace: str
    unwritable: bool


@dataclass(slots=True)
class Shard:
    """The books may be a batch ahead of what is stored: `ahead` is then that batch, decided but not yet written.

    `driver` is the connection beneath `connection`, which by itself would connect anew when lost, without the lock.
    """

    shard_id: int
    connection: Connection
    driver: Any
    reader: Any  # Another connection's driver, on which more is read while batches are being written.
    batch_max: int
    levels_shown: int  # How deep the changed books are shown after a batch; 0 for not at all.
    market: Market | None = None
    last_event: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    read: Any = None  # The cursor on what was read with the last batch, if anything, until `waiting` takes it in.
    reading: Future[Any] | None = None  # The same of what is being read on the reader.
    read_up_to: int = 0  # The highest command that was read.
    looked_back_at: datetime | None = None  # When all that waits was last looked through.
    ahead: Batch | None = None
    heartbeat_at: datetime | None = None
    malfunctions: dict[int, Malfunction] = field(default_factory=dict)
    one_by_one: int = 0  # How many commands to settle alone, after a batch that could not be written.
    changed_books: set[int] = field(default_factory=set)  # Since they were last shown.
    books_shown_at: datetime | None = None

    def decide(self, now: datetime) -> Batch:
        """The next batch; a command that fails twice, the second time on restored books, is refused alone.

        It is empty if nothing waits and nothing is due. Nothing may be on its way to the database meanwhile.
        """
        self._take_in()
        rows = self.waiting[: 1 if self.one_by_one else self.batch_max]
        suspect: int | None = None
        while True:
            if self.market is None:
                self.market, self.last_event = restore_market(self.connection, self.shard_id)
            settled = self._expire(self.market, now)
            for row in rows:
                try:
                    settled.append(self._play(self.market, row, now))
                # What goes wrong with one command must not stop the others, nor be lost: its trace is stored.
                except DEFECTS:
                    self.market = None
                    if row.command_id == suspect:
                        self.malfunctions[row.command_id] = Malfunction(traceback.format_exc(), unwritable=False)
                    suspect = row.command_id
                    break
            else:
                return self._taken(self.market, rows, settled, now)

    def decide_ahead(self, now: datetime) -> None:
        """Decide the next batch while the last is being written; if that fails, `decide` finds out why afterwards.

        It runs beside the thread that waits for the database, and asks nothing of the connection but how to quote.
        """
        self._take_in()
        if self.market is None or self.one_by_one or not self.waiting:
            return
        rows = self.waiting[: self.batch_max]
        try:
            settled = self._expire(self.market, now)
            settled += [self._play(self.market, row, now) for row in rows]
            self.ahead = self._taken(self.market, rows, settled, now)
        except DEFECTS:
            self.market = None

    def has_more(self) -> bool:
        return bool(self.ahead or self.waiting or self.read)

    def needs_reading(self) -> bool:
        """Whether there may be too little in memory for the batch after the next, and none of it on its way."""
        if not self.waiting:
            # If nothing was on its way either, all that waits is looked through before this says that nothing does.
            self._take_in()
        return self.read is None and self.reading is None and len(self.waiting) <= 2 * self.batch_max

    def forget(self) -> None:
        """Drop the books and all that was decided and read ahead; what is stored is the truth."""
        self.market = self.ahead = self.read = self.reading = self.looked_back_at = None
        self.waiting, self.read_up_to = [], 0

    def _take_in(self) -> None:
        """Add what was read to what waits; what is still being read is awaited only once the next batch needs it."""
        if self.reading is not None and len(self.waiting) <= self.batch_max:
            self.read, self.reading = self.reading.result(), None
        if self.read is None:
            return
        self.waiting += map(Waiting._make, self.read.fetchall())
        self.read = None
        ids = [row.command_id for row in self.waiting]
        self.read_up_to = max([self.read_up_to, *ids])
        assert len(set(ids)) == len(ids), "a command waits once"

    def _expire(self, market: Market, now: datetime) -> list[Settled]:
        due = market.expire(now)
        self.last_event += len(due)
        return [Settled(None, None, None, None, self.last_event - len(due) + 1, due)] if due else []

    def _play(self, market: Market, row: Waiting, now: datetime) -> Settled:
        command, events = self._outcome(market, row, now)
        assert events, "every command has an outcome"
        first_number = self.last_event + 1
        self.last_event += len(events)
        return Settled(row.command_id, command, row.source, row.request_key, first_number, events)

    def _outcome(self, market: Market, row: Waiting, now: datetime) -> tuple[Command | None, list[Event]]:
        malfunction = self.malfunctions.get(row.command_id)
        if malfunction is None:
            command = command_from_json(row.body)
            return command, market.apply(command, now)
        if not malfunction.unwritable:
            try:
                command = command_from_json(row.body)
                return command, [rejection(command, Reason.MALFUNCTION)]
            except msgspec.DecodeError:
                pass  # Not even a command: refused without its details, as one whose details cannot be stored.
        return None, [CommandRejected(Reason.MALFUNCTION, trader_id=row.trader_id)]

    def _taken(self, market: Market, rows: Sequence[Waiting], settled: list[Settled], now: datetime) -> Batch:
        """What the books hold to be written, taken off them and off what waits."""
        traces = {
            row.command_id: self.malfunctions[row.command_id].trace
            for row in rows
            if row.command_id in self.malfunctions
        }
        changed_orders, changed_positions = market.changed_orders, market.changed_positions
        sql = b""
        if settled:
            statements = record.statements(
                self.shard_id, settled, changed_orders, changed_positions.values(), traces, now
            )
            sql = self._sql(statements)
        changed_orders.clear()
        changed_positions.clear()
        batch = Batch(rows, settled, sql, self._shown_books(market, settled, len(self.waiting) > len(rows), now), now)
        self.waiting = self.waiting[len(rows) :]
        return batch

    def _sql(self, statements: Sequence[Statement]) -> bytes:
        text = "; ".join(statement for statement, _ in statements)
        sql: bytes = self.driver.cursor().mogrify(text, [value for _, values in statements for value in values])
        return sql

    def _shown_books(
        self, market: Market, settled: list[Settled], more_waits: bool, now: datetime
    ) -> dict[int, BookView] | None:
        """The books that have changed, as they are now, unless more waits and they were shown a moment ago."""
        if not self.levels_shown:
            return None
        self.changed_books |= {
            event.instrument_id for one in settled for event in one.events if isinstance(event, CHANGES_OF_BOOKS)
        }
        if more_waits and self.books_shown_at is not None and now - self.books_shown_at < BOOKS_SHOWN_EVERY:
            return None
        changed, self.changed_books, self.books_shown_at = self.changed_books, set(), now
        books = ((instrument_id, market.books[instrument_id]) for instrument_id in sorted(changed))
        return {
            instrument_id: BookView(
                book.depth(Side.BUY, self.levels_shown), book.depth(Side.SELL, self.levels_shown), book.listing.status
            )
            for instrument_id, book in books
        }
