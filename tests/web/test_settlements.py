"""Who asks to wait for the market is answered by the news of it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from redis import Redis

from bot import feed
from bot.clock import utc_now
from tests.web.api import ApiCaller, Market
from web import settlements

WAIT = {"Prefer": "wait=30"}
PAUSE_SECONDS = 0.01


def test_who_waits_is_answered_when_the_news_come(
    api: Flask, market: Market, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
):
    # Nobody looks by himself before the waiting is over and the answer another.
    monkeypatch.setattr(settlements, "LOOK_SECONDS_MIN", 3600)
    ana = ApiCaller(api)
    done = None
    with ThreadPoolExecutor() as callers:
        answer = callers.submit(ana.place, WAIT)
        while not answer.done():
            settlement = market.engine.settle(0, utc_now())
            done = settlement if settlement.settled else done
            if done is not None:  # Again and again, as the first may come before anyone listens.
                feed.publish(redis_client, 0, done, utc_now())
            time.sleep(PAUSE_SECONDS)
    assert (answer.result().status_code, answer.result().json["state"]) == (201, "new")
