"""The application on a database of the test's own, and messages signed as Twilio signs them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from twilio.request_validator import RequestValidator
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from bot.delivery import Delivery
from bot.settings import Settings
from bot.tables import link_codes
from bot.whatsapp import Sender
from tests.bot.conftest import AS_OF, StoppedClockStack, Traders
from tests.web.api import ApiCaller, Market
from web.app import create_app
from web.phone import phone_pages
from web.phone_messages import PhoneMessages, new_sid
from web.twilio_double import TwilioDouble, twilio_api

PUBLIC_URL = "https://broker.example"
UNLIMITED = 1_000_000
TOKEN, PREVIOUS_TOKEN = "0" * 32, "1" * 32


def settings_for(database_url: str, redis_url: str, public_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        secret_key="k" * 32,
        public_url=public_url,
        twilio_account_sid="AC" + "a" * 32,
        twilio_auth_tokens=(TOKEN, PREVIOUS_TOKEN),
        twilio_api_url=public_url,
        twilio_whatsapp_number="whatsapp:+14155238886",
        whatsapp_verify_token="verify me",
        database_pool_size=10,
    )


def close(app: Flask) -> None:
    for sessions in (app.extensions["sessions"], app.extensions["reads"]):
        sessions.kw["bind"].dispose()
    app.extensions["redis"].close()


@pytest.fixture
def app(database_url: str, redis_url: str, redis_client: Redis) -> Iterator[Flask]:
    app = create_app(settings_for(database_url, redis_url, PUBLIC_URL))
    yield app
    close(app)


@pytest.fixture
def api(database_url: str, redis_url: str, redis_client: Redis) -> Iterator[Flask]:
    """The application with limits that no test of anything else meets."""
    settings = replace(
        settings_for(database_url, redis_url, PUBLIC_URL),
        logins_per_quarter_hour=UNLIMITED,
        orders_per_minute=UNLIMITED,
        requests_per_minute=UNLIMITED,
    )
    app = create_app(settings)
    yield app
    close(app)


@pytest.fixture
def market(database: Engine) -> Iterator[Market]:
    market = Market(database)
    yield market
    market.engine.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def double(database_url: str, redis_url: str, redis_client: Redis, tmp_path) -> Iterator[TwilioDouble]:
    """The double of Twilio and the application, answering over HTTP; Twilio's API and our own share the address."""
    app = Flask("unbound")
    server = make_server("127.0.0.1", 0, lambda environ, start: app(environ, start), threaded=True)
    settings = settings_for(database_url, redis_url, f"http://127.0.0.1:{server.port}")
    app = create_app(settings)
    messages = PhoneMessages(tmp_path)
    double = TwilioDouble(settings, messages)
    app.register_blueprint(phone_pages(double))
    app.register_blueprint(twilio_api(double))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield double
    server.shutdown()
    thread.join()
    server.server_close()
    messages.engine.dispose()
    close(app)


def message_form(**fields: str) -> dict[str, str]:
    return {"MessageSid": new_sid("SM"), "From": "whatsapp:+15550100", "Body": "buy 5 wheat"} | fields


def post_signed(client: FlaskClient, path: str, form: dict[str, str], token: str = TOKEN) -> TestResponse:
    signature = RequestValidator(token).compute_signature(PUBLIC_URL + path, form)
    return client.post(path, data=form, headers={"X-Twilio-Signature": signature})


@pytest.fixture
def chat(database: Engine) -> Traders:
    return Traders(StoppedClockStack(database, AS_OF.date()))


@pytest.fixture
def stack_app(
    chat: Traders, database_url: str, redis_url: str, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """The API on the database that the chat is in, at the chat's time but for tokens, which tell it from a clock."""
    settings = replace(
        settings_for(database_url, redis_url, PUBLIC_URL),
        logins_per_quarter_hour=UNLIMITED,
        orders_per_minute=UNLIMITED,
        requests_per_minute=UNLIMITED,
    )
    for module in ("orders", "account"):
        monkeypatch.setattr(f"web.{module}.utc_now", chat.stack.now)
    app = create_app(settings)
    yield app
    close(app)


@pytest.fixture
def ana(stack_app: Flask) -> ApiCaller:
    return ApiCaller(stack_app, "ana")


@pytest.fixture
def code_for(chat: Traders, database: Engine) -> Callable[[ApiCaller], str]:
    def show(caller: ApiCaller) -> str:
        shown = caller.send("POST", "/api/auth/link")
        assert shown.status_code == 201
        with database.begin() as connection:
            connection.execute(sa.update(link_codes).values(expires_at=chat.stack.now() + timedelta(minutes=10)))
        return shown.json["code"]

    return show


@pytest.fixture
def deliver(chat: Traders, double: TwilioDouble, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Hand the chat's replies to the double, at the chat's time."""
    monkeypatch.setattr("web.webhook.utc_now", chat.stack.now)
    monkeypatch.setattr("web.media.utc_now", chat.stack.now)
    delivery = Delivery(double.settings, chat.stack.sessions, Sender(double.settings), chat.stack.now)

    def run() -> None:
        assert not delivery.deliver()

    return run
