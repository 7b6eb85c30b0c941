"""Answers that are the same for everyone, kept in Redis for a moment; hits and requests are counted there.

A stale answer is made anew by the first who finds it so, while the others are given the stale one. Without Redis every
answer is made anew.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

FRESH_MILLISECONDS = 250
KEPT_MILLISECONDS = 3000  # Past this an answer is too old for anyone.
REQUESTS_KEY, MISSES_KEY = "cache_requests", "cache_misses"
MADE_AT_LENGTH = 13  # Milliseconds since 1970, before the answer.


class HitRate(NamedTuple):
    requests: int
    misses: int


def through(redis: Redis, key: str, make: Callable[[], bytes]) -> bytes:
    """The answer under this key, made if there is none or, by one caller at a time, if it is no longer fresh."""
    now = time.time_ns() // 1_000_000
    try:
        with redis.pipeline(transaction=False) as pipeline:
            kept, _ = pipeline.get(f"cache:{key}").incr(REQUESTS_KEY).execute()
        if kept is not None:
            is_fresh = now - int(kept[:MADE_AT_LENGTH]) < FRESH_MILLISECONDS
            if is_fresh or not redis.set(f"making:{key}", 1, nx=True, px=KEPT_MILLISECONDS):
                return kept[MADE_AT_LENGTH:]
    except RedisError as problem:
        log.warning("cache_unavailable", problem=type(problem).__name__)
        return make()
    made = make()
    try:
        with redis.pipeline(transaction=False) as pipeline:
            pipeline.set(f"cache:{key}", b"%d%b" % (now, made), px=KEPT_MILLISECONDS)
            pipeline.delete(f"making:{key}").incr(MISSES_KEY).execute()
    except RedisError as problem:
        log.warning("cache_unavailable", problem=type(problem).__name__)
    return made


def hit_rate(redis: Redis) -> HitRate:
    """How often answers were asked for and made since Redis was emptied; raises RedisError."""
    requests, misses = redis.mget(REQUESTS_KEY, MISSES_KEY)
    return HitRate(int(requests or 0), int(misses or 0))
