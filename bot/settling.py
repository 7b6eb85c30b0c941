"""A shard's engine inside a worker process: the books it keeps, and what its batches make us say."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from redis import Redis
from sqlalchemy import Connection
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from bot import feed, metrics, owed_reactions
from bot.listings import Listings
from engine.batch import Engine
from engine.events import OrderAccepted, OrderRejected, Trade
from engine.intake import Source
from engine.record import Settled
from engine.tables import commands

log = structlog.get_logger(__name__)

OWED_EVERY = timedelta(seconds=1)


class Settling:
    """Settles shards through one engine, with every reply that follows kept in the same transaction.

    With a Redis, each batch is published to the live feed once it is committed.
    """

    def __init__(self, database: Database, redis: Redis | None = None) -> None:
        self.database = database
        self.redis = redis
        self.engine = Engine(database, levels_shown=0 if redis is None else feed.LEVELS_SHOWN)
        self.listings: Listings | None = None
        self.owed_tried_at: dict[int, datetime] = {}

    def settle(self, shard_id: int, clock: Callable[[], datetime]) -> bool:
        """Settle all that waits on the shard; returns whether replies wait to be delivered."""
        told, more_waiting = False, True
        while more_waiting:
            replied, more_waiting = self._settle_batch(shard_id, clock)
            told |= replied
        return self._react_again(shard_id, clock()) or told

    def _settle_batch(self, shard_id: int, clock: Callable[[], datetime]) -> tuple[bool, bool]:
        told, now = False, clock()

        def react(connection: Connection, settled: list[Settled]) -> None:
            nonlocal told
            told |= owed_reactions.react(connection, shard_id, settled, self._listings, now)

        begun = time.perf_counter()
        settlement = self.engine.settle(shard_id, now, react=react)
        if settlement.settled:
            metrics.batch_seconds.observe(time.perf_counter() - begun)
            count(settlement.settled)
            settled = settlement.settled
            log.info("batch_settled", shard=shard_id, commands=len(settled), messages=messages_of(settled))
            self._time(settlement.settled, clock())
        if self.redis is not None:
            feed.publish(self.redis, shard_id, settlement, clock())
        return told, settlement.more_waiting

    def _time(self, settled: Sequence[Settled], committed_at: datetime) -> None:
        """Note how long the batch's oldest command took from its acceptance: none of the others took longer."""
        oldest = min((one.command_id for one in settled if one.command_id is not None), default=None)
        if oldest is not None:
            with self.database.connect() as connection:
                asked_at = connection.execute(
                    sa.select(commands.c.created_at).where(commands.c.id == oldest)
                ).scalar_one()
            metrics.execution_seconds.observe(max(0.0, (committed_at - asked_at).total_seconds()))

    def _react_again(self, shard_id: int, now: datetime) -> bool:
        """Make up for reactions that failed, looking for them now and then; returns whether there is any reply."""
        tried_at = self.owed_tried_at.get(shard_id)
        if tried_at is not None and now - tried_at < OWED_EVERY:
            return False
        self.owed_tried_at[shard_id] = now
        with self.database.begin() as connection:
            return owed_reactions.react_again(connection, shard_id, self._listings, now)

    def _listings(self, settled: Sequence[Settled], now: datetime) -> Listings:
        """The catalogue, read again where the batch speaks of an instrument that was listed since."""
        mentioned = {getattr(event, "instrument_id", None) for one in settled for event in one.events} - {None}
        if self.listings is None or not mentioned <= self.listings.by_id.keys():
            with Session(self.database) as session:
                self.listings = Listings.load(session, now)
        return self.listings


def messages_of(settled: Sequence[Settled]) -> list[int]:
    """The chat messages whose commands a batch settled."""
    asked_by = (one.request_key for one in settled if one.source == Source.CHAT and one.request_key)
    return [int(number) for number in (key.split(":")[1] for key in asked_by) if number.isdecimal()]


def count(settled: Sequence[Settled]) -> None:
    """Add a committed batch to what operators watch."""
    metrics.batch_commands.observe(sum(1 for one in settled if one.command is not None))
    kinds = Counter(type(event) for one in settled for event in one.events)
    metrics.orders_settled.labels("accepted").inc(kinds[OrderAccepted])
    metrics.orders_settled.labels("rejected").inc(kinds[OrderRejected])
    metrics.trades_executed.inc(kinds[Trade])
