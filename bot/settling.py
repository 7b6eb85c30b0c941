"""A shard's engine inside a worker process: the books it keeps, and what its batches make us say."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from redis import Redis
from sqlalchemy import Connection
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from bot import feed, metrics, reactions
from bot.listings import Listings
from engine.batch import Engine
from engine.events import OrderAccepted, OrderRejected, Trade
from engine.record import Settled


class Settling:
    """Settles shards through one engine, with every reply that follows kept in the same transaction.

    With a Redis, each batch is published to the live feed once it is committed.
    """

    def __init__(self, database: Database, redis: Redis | None = None) -> None:
        self.database = database
        self.redis = redis
        self.engine = Engine(database, levels_shown=0 if redis is None else feed.LEVELS_SHOWN)
        self.listings: Listings | None = None

    def settle(self, shard_id: int, clock: Callable[[], datetime]) -> bool:
        """Settle all that waits on the shard; returns whether replies wait to be delivered."""
        told, more_waiting = False, True
        while more_waiting:
            replied, more_waiting = self._settle_batch(shard_id, clock)
            told |= replied
        return told

    def _settle_batch(self, shard_id: int, clock: Callable[[], datetime]) -> tuple[bool, bool]:
        told, now = False, clock()

        def react(connection: Connection, settled: list[Settled]) -> None:
            nonlocal told
            told |= reactions.react(connection, shard_id, settled, self._listings(settled, now), now)

        begun = time.perf_counter()
        settlement = self.engine.settle(shard_id, now, react=react)
        if settlement.settled:
            metrics.batch_seconds.observe(time.perf_counter() - begun)
            count(settlement.settled)
        if self.redis is not None:
            feed.publish(self.redis, shard_id, settlement, clock())
        return told, settlement.more_waiting

    def _listings(self, settled: list[Settled], now: datetime) -> Listings:
        """The catalogue, read again where the batch speaks of an instrument that was listed since."""
        mentioned = {getattr(event, "instrument_id", None) for one in settled for event in one.events} - {None}
        if self.listings is None or not mentioned <= self.listings.by_id.keys():
            with Session(self.database) as session:
                self.listings = Listings.load(session, now)
        return self.listings


def count(settled: Sequence[Settled]) -> None:
    """Add a committed batch to what operators watch."""
    metrics.batch_commands.observe(sum(1 for one in settled if one.command is not None))
    kinds = Counter(type(event) for one in settled for event in one.events)
    metrics.orders_settled.labels("accepted").inc(kinds[OrderAccepted])
    metrics.orders_settled.labels("rejected").inc(kinds[OrderRejected])
    metrics.trades_executed.inc(kinds[Trade])
