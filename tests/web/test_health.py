"""What a host asks before it sends anyone here."""

from flask.testing import FlaskClient

from tests.web.conftest import PUBLIC_URL, close, settings_for
from web.app import create_app

NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"


def test_everything_there_is_ready(client: FlaskClient):
    assert client.get("/health").get_json() == {"status": "ok"}
    answer = client.get("/ready")
    assert (answer.status_code, answer.get_json()) == (200, {"database": "ok", "redis": "ok"})


def test_without_redis_messages_are_still_taken(database_url: str):
    app = create_app(settings_for(database_url, "redis://127.0.0.1:1", PUBLIC_URL))
    answer = app.test_client().get("/ready")
    assert (answer.status_code, answer.get_json()) == (200, {"database": "ok", "redis": "unavailable"})
    close(app)


def test_without_the_database_the_process_lives_but_is_not_ready(redis_url: str):
    app = create_app(settings_for(NOWHERE, redis_url, PUBLIC_URL))
    assert app.test_client().get("/health").status_code == 200
    answer = app.test_client().get("/ready")
    assert (answer.status_code, answer.get_json()) == (503, {"database": "unavailable", "redis": "ok"})
    close(app)
