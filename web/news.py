"""The process's one ear on the news of the market: one subscription in Redis for everyone here who wants to hear them.

News only hurry: whoever hears them also looks into the record now and then, as it must while Redis is away. One thread
a process (a greenlet, as the server runs it) listens, and only while somebody hears.
"""

import threading
import time
from collections.abc import Callable

import msgspec
import structlog
from redis import Redis
from redis.exceptions import RedisError

from bot import feed
from bot.feed import News

log = structlog.get_logger(__name__)

SILENCE_SECONDS_MAX = 1  # Between looks at whether anybody still hears.
LISTENING_SECONDS = 1  # How long nobody needs to have heard for the listening to end.
RETRY_SECONDS = 1
REDIS_SECONDS_MAX = 1
REDIS_CHECKED_EVERY_SECONDS = 10

Hear = Callable[[News], None]


class NewsListener:
    """The process's own, as `current_app.extensions["news"]`. Who hears takes no time over it, and raises nothing."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._lock = threading.Lock()
        self._hearers: set[Hear] = set()
        self._thread: threading.Thread | None = None
        self._last_heard = 0.0

    def add(self, hear: Hear) -> None:
        """Have it called with all news from about now on."""
        with self._lock:
            self._hearers.add(hear)
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="news", daemon=True)
                self._thread.start()

    def remove(self, hear: Hear) -> None:
        with self._lock:
            self._hearers.remove(hear)
            self._last_heard = time.monotonic()

    def _listen(self) -> None:
        while not self._is_over():
            try:
                self._hear_until_over()
            except RedisError as problem:
                log.warning("feed_interrupted", problem=type(problem).__name__)
                time.sleep(RETRY_SECONDS)

    def _hear_until_over(self) -> None:
        """Raises RedisError."""
        # A client of its own, which nobody closes while it is read from, and which finds out by itself when the other
        # end is gone.
        redis = Redis.from_url(
            self._redis_url,
            socket_timeout=REDIS_SECONDS_MAX,
            socket_connect_timeout=REDIS_SECONDS_MAX,
            health_check_interval=REDIS_CHECKED_EVERY_SECONDS,
        )
        with redis, redis.pubsub(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe(feed.CHANNEL)
            while self._is_wanted():
                message = subscription.get_message(timeout=SILENCE_SECONDS_MAX)
                if message is not None:
                    self._pass_on(message["data"])

    def _pass_on(self, message: bytes) -> None:
        try:
            news = feed.read(message)
        except msgspec.MsgspecError as problem:  # They come from another release, while one replaces the other.
            log.warning("news_not_read", problem=type(problem).__name__)
            return
        with self._lock:
            hearers = list(self._hearers)
        for hear in hearers:
            hear(news)

    def _is_wanted(self) -> bool:
        return bool(self._hearers) or time.monotonic() - self._last_heard < LISTENING_SECONDS

    def _is_over(self) -> bool:
        """Whether the thread ends; then whoever comes next begins another."""
        with self._lock:
            if self._is_wanted():
                return False
            self._thread = None
            return True
