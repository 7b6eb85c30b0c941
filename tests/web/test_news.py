"""The one subscription of a process: it begins with who hears, ends with them, and outlives lost connections."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from redis import Redis

from bot import feed
from bot.feed import News
from tests.web.live import wait_until
from web import news
from web.news import NewsListener

NOW = datetime(2025, 12, 1, 15, tzinfo=UTC)
PAUSE_SECONDS = 0.01


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LISTENING_SECONDS", "SILENCE_SECONDS_MAX", "RETRY_SECONDS"):
        monkeypatch.setattr(news, name, PAUSE_SECONDS)


@pytest.fixture
def tell(redis_client: Redis) -> Callable[[int], int]:
    """Publish news of that last event; how many connections it went to."""

    def publish(last: int) -> int:
        message = feed.News(
            shard_id=0,
            before=last - 1,
            last=last,
            occurred_at=NOW,
            committed_at=NOW,
            trades=[],
            books=[],
            trader_ids=[],
        )
        return redis_client.publish(feed.CHANNEL, msgspec.json.encode(message))

    return publish


class Hearer:
    def __init__(self) -> None:
        self.heard: list[int] = []
        self.has_heard = threading.Event()

    def hear(self, told: News) -> None:
        self.heard.append(told.last)
        self.has_heard.set()


def subscribers(redis: Redis) -> int:
    count: int = redis.pubsub_numsub(feed.CHANNEL)[0][1]
    return count


def test_everyone_hears_through_one_subscription(redis_url: str, redis_client: Redis, tell: Callable[[int], int]):
    listener, hearers = NewsListener(redis_url), [Hearer(), Hearer(), Hearer()]
    for hearer in hearers:
        listener.add(hearer.hear)
    wait_until(lambda: subscribers(redis_client) > 0)
    assert tell(1) == 1
    assert tell(2) == 1
    wait_until(lambda: all(hearer.heard == [1, 2] for hearer in hearers))
    listener.remove(hearers[0].hear)
    assert tell(3) == 1
    wait_until(lambda: hearers[2].heard == [1, 2, 3])
    assert hearers[0].heard == [1, 2]
    for hearer in hearers[1:]:
        listener.remove(hearer.hear)
    wait_until(lambda: subscribers(redis_client) == 0)


def test_it_begins_again_with_the_next_who_hears(redis_url: str, redis_client: Redis, tell: Callable[[int], int]):
    listener = NewsListener(redis_url)
    for last in (1, 2):
        hearer = Hearer()
        listener.add(hearer.hear)
        wait_until(lambda: subscribers(redis_client) == 1)
        tell(last)
        wait_until(hearer.has_heard.is_set)
        listener.remove(hearer.hear)
        wait_until(lambda: subscribers(redis_client) == 0)
        assert hearer.heard == [last]


def test_it_outlives_a_lost_connection_and_news_that_it_cannot_read(
    redis_url: str, redis_client: Redis, tell: Callable[[int], int]
):
    listener, hearer = NewsListener(redis_url), Hearer()
    listener.add(hearer.hear)
    wait_until(lambda: subscribers(redis_client) == 1)
    redis_client.publish(feed.CHANNEL, '{"shard_id": "of another release"}')
    tell(1)
    wait_until(lambda: hearer.heard == [1])
    redis_client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    wait_until(lambda: tell(2) == 1 and hearer.heard[-1] == 2)
    listener.remove(hearer.hear)
    wait_until(lambda: subscribers(redis_client) == 0)
