"""Whether this process lives, and whether what it needs is there."""

import sqlalchemy as sa
from flask import Blueprint, current_app
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

health = Blueprint("health", __name__)


@health.get("/health")
def alive() -> dict[str, str]:
    """This process answers; what it leans on does not matter here, or a restart would be no cure."""
    return {"status": "ok"}


@health.get("/ready")
def ready() -> tuple[dict[str, str], int]:
    """Whether messages can be taken: the database is needed, while Redis being away only delays the answers."""
    database, redis = database_state(), redis_state()
    return {"database": database, "redis": redis}, 200 if database == "ok" else 503


def database_state() -> str:
    try:
        with current_app.extensions["database"].connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except OperationalError:
        return "unavailable"
    return "ok"


def redis_state() -> str:
    try:
        current_app.extensions["redis"].ping()
    except RedisError:
        return "unavailable"
    return "ok"
