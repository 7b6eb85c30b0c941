"""Whether this process lives, and whether everything that trading needs is at work."""

import sqlalchemy as sa
from flask import Blueprint, current_app
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot import backlog
from bot.clock import utc_now

health = Blueprint("health", __name__)


@health.get("/health")
def alive() -> dict[str, str]:
    """This process answers; what it leans on does not matter here, or a restart would be no cure."""
    return {"status": "ok"}


@health.get("/ready")
def ready() -> tuple[dict[str, str], int]:
    """Whether orders are taken, settled and answered now: PostgreSQL, Redis, an engine per shard, and short queues.

    For alarms. A balancer asks `/health`: while the engine or Redis is away, messages are to be taken all the same.
    """
    states = database_states() | {"redis": redis_state()}
    return states, 200 if set(states.values()) == {"ok"} else 503


def database_states() -> dict[str, str]:
    """The database, and what it knows of the workers."""
    now = utc_now()
    try:
        with Session(current_app.extensions["database"]) as session:
            silent = backlog.silent_shards(session, now)
            late = backlog.late(backlog.waiting(session, current_app.extensions["settings"], now), now)
    except (OperationalError, sa.exc.TimeoutError):
        return {"database": "unavailable", "engine": "unknown", "queues": "unknown"}
    engine = f"silent: {', '.join(map(str, silent))}" if silent else "ok"
    return {"database": "ok", "engine": engine, "queues": f"late: {', '.join(late)}" if late else "ok"}


def redis_state() -> str:
    try:
        current_app.extensions["redis"].ping()
    except RedisError:
        return "unavailable"
    return "ok"
