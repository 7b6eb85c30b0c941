"""The standby takes over: nothing is lost or doubled, and the record replays to what is stored."""

from redis import Redis
from sqlalchemy import Engine

from tests.faults.standby import ORDERS, kill_the_active_worker


def test_the_standby_goes_on_where_the_killed_worker_stopped(
    database: Engine, database_url: str, redis_url: str, redis_client: Redis
):
    takeover = kill_the_active_worker(database, database_url, redis_url)
    assert takeover.commands == takeover.orders == ORDERS
    assert takeover.verified.returncode == 0, takeover.verified.stdout + takeover.verified.stderr
