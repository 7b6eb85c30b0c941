"""Who waits for the market to take what they asked, told by the live feed as soon as a batch that concerns them is in.

The news only hurries: whoever waits also looks by itself now and then, as it must while Redis is away. One thread a
process (a greenlet, as the server runs it) listens, and only while somebody waits.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from redis import Redis
from redis.exceptions import RedisError

from bot import feed

log = structlog.get_logger(__name__)

LOOK_SECONDS_MIN, LOOK_SECONDS_MAX = 0.05, 0.5
LISTENING_SECONDS = 1  # How long nobody needs to have waited for the listening to end.


class Settlements:
    """The process's own, as `current_app.extensions["settlements"]`."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._lock = threading.Lock()
        self._waiting: dict[int, set[threading.Event]] = defaultdict(set)
        self._listener: threading.Thread | None = None
        self._last_wait = 0.0

    def wait(self, trader_id: int, is_settled: Callable[[], bool], seconds: float) -> bool:
        """Whether it is settled within so many seconds; looks whenever news concern the trader."""
        end, pause = time.monotonic() + seconds, LOOK_SECONDS_MIN
        with self._watching(trader_id) as news:
            while True:
                news.clear()
                if is_settled():
                    return True
                left = end - time.monotonic()
                if left <= 0:
                    return False
                if not news.wait(min(pause, left)):
                    pause = min(pause * 2, LOOK_SECONDS_MAX)

    @contextmanager
    def _watching(self, trader_id: int) -> Iterator[threading.Event]:
        news = threading.Event()
        with self._lock:
            self._waiting[trader_id].add(news)
            if self._listener is None:
                self._listener = threading.Thread(target=self._listen, name="settlements", daemon=True)
                self._listener.start()
        try:
            yield news
        finally:
            with self._lock:
                self._waiting[trader_id].discard(news)
                if not self._waiting[trader_id]:
                    del self._waiting[trader_id]
                self._last_wait = time.monotonic()

    def _listen(self) -> None:
        try:
            # A client of its own, which nobody closes while it is read from.
            with Redis.from_url(self._redis_url) as redis, redis.pubsub(ignore_subscribe_messages=True) as subscription:
                subscription.subscribe(feed.CHANNEL)
                while not self._is_over():
                    message = subscription.get_message(timeout=LISTENING_SECONDS)
                    if message is not None:
                        self._tell(feed.read(message["data"]).trader_ids)
        except RedisError as problem:
            log.warning("feed_unavailable", problem=type(problem).__name__)
        finally:  # Whoever waits next listens again.
            with self._lock:
                if self._listener is threading.current_thread():
                    self._listener = None

    def _is_over(self) -> bool:
        with self._lock:
            if self._waiting or time.monotonic() - self._last_wait < LISTENING_SECONDS:
                return False
            self._listener = None
            return True

    def _tell(self, trader_ids: list[int]) -> None:
        with self._lock:
            for trader_id in trader_ids:
                for news in self._waiting.get(trader_id, ()):
                    news.set()
