"""What a host asks before it sends anyone here, and what raises an alarm."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy import Engine

from bot import backlog
from bot.clock import utc_now
from engine import catalogue
from engine.tables import shards
from tests.web.conftest import PUBLIC_URL, close, settings_for
from web.app import create_app

NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
READY = {"database": "ok", "engine": "ok", "queues": "ok", "redis": "ok"}


@pytest.fixture
def beating(database: Engine) -> Engine:
    """A market of two shards, whose engines were alive a moment ago."""
    now = utc_now()
    with sa.orm.Session(database) as session, session.begin():
        catalogue.load(session, as_of=now.date(), shard_count=2, now=now)
        session.execute(sa.text("TRUNCATE waiting_commands"))
        session.execute(sa.update(shards).values(heartbeat_at=now))
    return database


def test_everything_there_is_ready(beating: Engine, client: FlaskClient):
    assert client.get("/health").get_json() == {"status": "ok"}
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_json()) == (200, READY)


def test_a_silent_engine_is_named(beating: Engine, client: FlaskClient):
    long_ago = utc_now() - timedelta(seconds=backlog.HEARTBEAT_SECONDS_MAX + 1)
    with beating.begin() as connection:
        connection.execute(sa.update(shards).where(shards.c.id == 1).values(heartbeat_at=long_ago))
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_json()) == (503, READY | {"engine": "silent: 1"})


def test_a_message_that_waits_too_long_is_told(beating: Engine, client: FlaskClient):
    received = utc_now() - timedelta(seconds=backlog.SECONDS_MAX["messages"] + 1)
    with beating.begin() as connection:
        connection.execute(
            sa.text(
                "WITH trader AS (INSERT INTO traders (display_name, kind, created_at) VALUES ('x', 'guest', now()) "
                "RETURNING id), conversation AS (INSERT INTO conversations (number, trader_id, language, created_at) "
                "SELECT '+15550100', id, 'en', now() FROM trader RETURNING id) "
                "INSERT INTO inbox (message_sid, conversation_id, body, received_at) "
                "SELECT 'SM1', id, 'buy', :received FROM conversation"
            ),
            {"received": received},
        )
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_json()) == (503, READY | {"queues": "late: messages"})


def test_without_redis_the_alarm_is_raised(beating: Engine, database_url: str):
    app = create_app(settings_for(database_url, "redis://127.0.0.1:1", PUBLIC_URL))
    assert app.test_client().get("/health").status_code == 200
    answer = app.test_client().get("/ready")
    assert (answer.status_code, answer.get_json()) == (503, READY | {"redis": "unavailable"})
    close(app)


def test_without_the_database_the_process_lives_but_is_not_ready(redis_url: str):
    app = create_app(settings_for(NOWHERE, redis_url, PUBLIC_URL))
    assert app.test_client().get("/health").status_code == 200
    answer = app.test_client().get("/ready")
    unknown = {"database": "unavailable", "engine": "unknown", "queues": "unknown"}
    assert (answer.status_code, answer.get_json()) == (503, READY | unknown)
    close(app)
