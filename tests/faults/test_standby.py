"""The standby takes over: nothing is lost or doubled, and the record replays to what is stored."""

from contextlib import ExitStack

import psutil
from redis import Redis
from sqlalchemy import Engine

from bot import queues
from engine.verify import verify_database
from tests.faults.servers import frozen
from tests.faults.standby import (
    ORDERS,
    kill_the_active_worker,
    list_and_enrol,
    place_steadily,
    start_worker,
    wait_until_settled,
)

STOP_SECONDS_MAX = 30


def test_the_standby_goes_on_where_the_killed_worker_stopped(
    database: Engine, database_url: str, redis_url: str, redis_client: Redis
):
    takeover = kill_the_active_worker(database, database_url, redis_url)
    assert takeover.commands == takeover.orders == ORDERS
    assert takeover.verified.returncode == 0, takeover.verified.stdout + takeover.verified.stderr


def test_a_worker_settles_at_once_what_one_that_died_had_been_woken_for(
    database: Engine, database_url: str, redis_url: str, redis_client: Redis
):
    list_and_enrol(database)
    redis_client.set(queues.SETTLE.pending_key(0), 1)
    with start_worker(database_url, redis_url):
        wait_until_settled(database)


def test_the_standby_shuts_out_a_worker_that_hangs_and_that_one_makes_way(
    database: Engine, database_url: str, redis_url: str, redis_client: Redis
):
    trader_ids = list_and_enrol(database)
    with ExitStack() as started:
        active = started.enter_context(start_worker(database_url, redis_url))
        queues.wake(redis_client, queues.SETTLE, 0)
        wait_until_settled(database)
        started.enter_context(start_worker(database_url, redis_url))
        with frozen([psutil.Process(active.pid)]):
            place_steadily(database, redis_client, trader_ids, 0, 20)
            wait_until_settled(database, redis_client)
        place_steadily(database, redis_client, trader_ids, 20, 40)
        wait_until_settled(database, redis_client)
        # It would take every other job from the one that can do it.
        while active.poll() is None:
            queues.wake(redis_client, queues.SETTLE, 0)
            active.wait(STOP_SECONDS_MAX)
        assert active.returncode == 0
    assert verify_database(database_url) == []
