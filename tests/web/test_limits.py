"""How much may be asked, told at the edge, and who is shut out for a while."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from sqlalchemy import Engine

from bot.tables import security_events
from tests.web.api import PASSWORD, ApiCaller, Market, code
from tests.web.conftest import PUBLIC_URL, close, message_form, post_signed, settings_for
from web.app import create_app
from web.limits import OFFENCES_MAX, address_key


def policy(answer) -> tuple[str, str]:
    return answer.headers["RateLimit-Policy"], answer.headers["RateLimit"].partition(";t=")[0]


def forget_limits(redis_client: Redis) -> None:
    redis_client.flushdb()


def test_the_fifth_login_is_let_in_and_the_sixth_is_not_even_with_the_right_password(app: Flask, redis_client: Redis):
    ApiCaller(app, "ana")
    forget_limits(redis_client)
    client = app.test_client()
    answers = [
        client.post("/api/auth/login", json={"username": "ana", "password": PASSWORD if count >= 4 else "wrong"})
        for count in range(6)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 200, 429]
    assert policy(answers[0]) == ('"auth";q=5;w=900', '"auth";r=4')
    assert policy(answers[4]) == ('"auth";q=5;w=900', '"auth";r=0')
    assert code(answers[5]) == "rate_limited"
    assert 1 <= int(answers[5].headers["Retry-After"]) <= 900


def test_a_name_is_counted_whatever_address_tries_it(database_url: str, redis_url: str, redis_client: Redis):
    app = create_app(replace(settings_for(database_url, redis_url, PUBLIC_URL), trusted_proxy_hops=1))
    client = app.test_client()

    def log_in(address: str, username: str) -> int:
        return client.post(
            "/api/auth/login",
            json={"username": username, "password": "wrong"},
            headers={"X-Forwarded-For": address},
        ).status_code

    assert [log_in(f"203.0.113.{count}", "ana") for count in range(6)] == [401] * 5 + [429]
    assert log_in("203.0.113.99", "ANA") == 429
    assert log_in("203.0.113.99", "ben") == 401
    close(app)


def test_the_tenth_order_of_a_minute_is_taken_and_the_eleventh_is_not(app: Flask, market: Market, redis_client: Redis):
    ana = ApiCaller(app)
    forget_limits(redis_client)
    answers = [ana.place() for _ in range(11)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429]
    assert policy(answers[9]) == ('"orders";q=10;w=60', '"orders";r=0')
    # Reading is counted by itself.
    assert ana.get("/api/orders").status_code == 200
    assert len(ana.get("/api/orders").json["orders"]) == 10


def test_the_hundredth_request_of_a_minute_is_answered_and_the_next_is_not(app: Flask, market: Market):
    client = app.test_client()
    answers = [client.get("/api/market", query_string={"asset": "wheat"}) for _ in range(101)]
    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert policy(answers[0]) == ('"api";q=100;w=60', '"api";r=99')
    assert policy(answers[99]) == ('"api";q=100;w=60', '"api";r=0')


def test_an_account_is_counted_whatever_address_it_comes_from(
    database_url: str, redis_url: str, redis_client: Redis, market: Market
):
    app = create_app(replace(settings_for(database_url, redis_url, PUBLIC_URL), trusted_proxy_hops=1))
    ana = ApiCaller(app)
    answers = [ana.place({"X-Forwarded-For": f"198.51.100.{count}"}).status_code for count in range(11)]
    assert answers == [202] * 10 + [429]
    close(app)


def test_an_address_is_believed_only_from_as_many_proxies_as_are_ours(app: Flask, market: Market):
    client = app.test_client()
    answers = [
        client.get("/api/market?asset=wheat", headers={"X-Forwarded-For": f"203.0.113.{count}"}) for count in range(101)
    ]
    assert answers[-1].status_code == 429


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("not an address", "unknown"),
    ],
)
def test_an_address_of_ipv6_is_counted_with_its_network(app: Flask, address: str, counted_as: str):
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert address_key() == counted_as


def test_offences_shut_an_address_out_longer_each_time(app: Flask, database: Engine, redis_client: Redis):
    client = app.test_client()
    lasted = []
    for _ in range(3):
        for _ in range(OFFENCES_MAX):
            assert client.get("/wp-login.php").status_code == 404
        shut_out = client.get("/api/market")
        assert (shut_out.status_code, code(shut_out)) == (429, "address_blocked")
        lasted.append(int(shut_out.headers["Retry-After"]))
        redis_client.delete("block:127.0.0.1")
    assert [round(seconds / 60) for seconds in lasted] == [1, 2, 4]
    with database.connect() as connection:
        facts = connection.execute(sa.select(security_events.c.facts).order_by(security_events.c.id)).scalars().all()
    assert facts == [{"cause": "probing", "block_seconds": seconds} for seconds in (60, 120, 240)]


def test_twilios_signed_messages_are_neither_counted_nor_shut_out(app: Flask, redis_client: Redis):
    client = app.test_client()
    redis_client.set("block:127.0.0.1", 1, ex=60)
    answers = [
        post_signed(client, "/webhook/whatsapp", message_form(From=f"whatsapp:+1555{count:07}")) for count in range(40)
    ]
    assert {answer.status_code for answer in answers} == {200}


def test_webhooks_without_a_signature_are_counted_by_address(app: Flask, redis_client: Redis):
    client = app.test_client()
    answers = []
    for _ in range(31):
        answers.append(client.post("/webhook/whatsapp", data=message_form()))
        # Offences are another count, which would shut the address out first.
        redis_client.delete("offences:127.0.0.1")
    assert [answer.status_code for answer in answers] == [403] * 30 + [429]
    assert policy(answers[29]) == ('"webhooks";q=30;w=60', '"webhooks";r=0')


@pytest.fixture
def app_without_redis(database_url: str) -> Iterator[Flask]:
    app = create_app(settings_for(database_url, "redis://127.0.0.1:1", PUBLIC_URL))
    yield app
    close(app)


def test_without_redis_reads_and_orders_go_on_and_logins_wait(app: Flask, app_without_redis: Flask, market: Market):
    ana = ApiCaller(app)
    ana.client = app_without_redis.test_client()
    assert ana.client.get("/api/market?asset=wheat").status_code == 200
    assert ana.get("/api/orders").status_code == 200
    assert ana.place().status_code == 202
    answer = ana.client.post("/api/auth/login", json={"username": ana.username, "password": PASSWORD})
    assert (answer.status_code, code(answer)) == (503, "limits_unavailable")
