"""Who waits for the market to take what they asked, told by the news as soon as a batch that concerns them is in.

The news only hurries: whoever waits also looks by itself now and then, as it must while Redis is away.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.feed import News
from web.news import NewsListener

LOOK_SECONDS_MIN, LOOK_SECONDS_MAX = 0.05, 0.5


class Settlements:
    """The process's own, as `current_app.extensions["settlements"]`."""

    def __init__(self, listener: NewsListener) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._waiting: dict[int, set[threading.Event]] = defaultdict(set)

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
            if not self._waiting:
                self._listener.add(self._tell)
            self._waiting[trader_id].add(news)
        try:
            yield news
        finally:
            with self._lock:
                self._waiting[trader_id].discard(news)
                if not self._waiting[trader_id]:
                    del self._waiting[trader_id]
                if not self._waiting:
                    self._listener.remove(self._tell)

    def _tell(self, news: News) -> None:
        with self._lock:
            for trader_id in news.trader_ids:
                for waiting in self._waiting.get(trader_id, ()):
                    waiting.set()
