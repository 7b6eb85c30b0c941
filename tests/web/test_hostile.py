"""What a stranger may try: each attempt gets the right answer, tells nothing and changes nothing."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from sqlalchemy import Engine

from bot.tables import accounts, login_sessions
from engine.tables import commands, traders
from tests.web.api import PASSWORD, ApiCaller, Market, code
from tests.web.servers import WebServer
from web.bodies import BODY_SECONDS_MAX

ORDER = {"symbol": "Dec25-Wheat", "side": "buy", "quantity": "1", "price": "150"}
TELLTALES = ("Traceback", "psycopg", "sqlalchemy", "SELECT", 'File "', "argon2")


def row_counts(database: Engine) -> list[int]:
    with database.connect() as connection:
        return [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (commands, traders, accounts, login_sessions)
        ]


@pytest.fixture
def ana(api: Flask, market: Market) -> ApiCaller:
    return ApiCaller(api, "ana")


@pytest.mark.parametrize(
    "addition",
    [
        {"trader_id": 1},
        {"id": 1},
        {"state": "filled"},
        {"filled_quantity": "1"},
        {"commission": "0"},
        {"__proto__": {}},
        {"self_trade_prevention": "allow"},
    ],
)
def test_fields_that_are_not_the_callers_to_give_are_refused(
    ana: ApiCaller, database: Engine, addition: dict[str, object]
):
    before = row_counts(database)
    answer = ana.place(**addition)
    assert (answer.status_code, code(answer)) == (422, "invalid_request")
    assert row_counts(database) == before


def test_nobody_registers_as_staff(api: Flask, database: Engine):
    body = {"username": "eve", "password": PASSWORD, "kind": "staff"}
    answer = api.test_client().post("/api/auth/register", json=body)
    assert answer.status_code == 422
    assert row_counts(database)[2] == 0


@pytest.mark.parametrize(
    "text", ["' OR 1=1 --", "'; DROP TABLE orders; --", "\\'; SELECT pg_sleep(9) --", "%27 OR 1=1", "1 UNION SELECT 1"]
)
def test_sql_in_any_place_is_only_text(ana: ApiCaller, database: Engine, text: str):
    before = row_counts(database)
    answers = [
        ana.place(symbol=text),
        ana.place(client_order_id=text),
        ana.place(quantity=text),
        ana.get("/api/orders", symbol=text),
        ana.get("/api/orders", cursor=text),
        ana.get("/api/orders", updated_since=text),
        ana.get("/api/trades", cursor=text),
        ana.get("/api/events", after=text),
        ana.get(f"/api/orderbook/{text}"),
        ana.get(f"/api/orders/{text}"),
        ana.client.post("/api/auth/login", json={"username": text, "password": text}),
    ]
    assert {answer.status_code for answer in answers} <= {401, 404, 405, 422}
    assert all(telltale not in answer.text for answer in answers for telltale in TELLTALES)
    assert row_counts(database) == before


@pytest.mark.parametrize("header", ["Idempotency-Key", "Prefer", "X-Forwarded-For", "User-Agent", "Origin"])
def test_a_header_does_not_become_another(ana: ApiCaller, header: str):
    answer = ana.client.get(
        "/api/auth/profile", headers=ana.headers | {header: "x%0d%0aSet-Cookie: a=b\x7f" + "é" * 2000}
    )
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("key", ["", "é", "a b", "x" * 129, "a\tb"])
def test_an_idempotency_key_is_short_and_plain(ana: ApiCaller, database: Engine, key: str):
    before = row_counts(database)
    answer = ana.place({"Idempotency-Key": key.encode().decode("latin-1")})
    assert (answer.status_code, code(answer)) == (422, "invalid_idempotency_key")
    assert row_counts(database) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"symbol":"Dec25-Wheat","side":"buy","quantity":"1","quantity":"900","price":"150"}', 400),
        ('{"symbol":"Dec25-Wheat","side":"buy","quantity":NaN,"price":"150"}', 400),
        ('{"symbol":"Dec25-Wheat","side":"buy","quantity":1e999999999,"price":"150"}', 422),
        ('{"symbol":"Dec25-Wheat","side":"buy","quantity":1e-999999,"price":"150"}', 422),
        ('{"symbol":"Dec25-Wheat","side":"buy","quantity":' + "9" * 5000 + ',"price":"150"}', 400),
        ('{"symbol":"Dec25-Wheat","side":"buy","quantity":"１","price":"150"}', 422),
        ('{"symbol":"Dec25-Wheat","side":"buy","quantity":"1_0","price":"150"}', 422),
        ('{"symbol":"Dec25-Wheat","side":"buy","quantity":true,"price":"150"}', 422),
        ('{"symbol":"Dec25-Wheat","side":"buy","quantity":"-1","price":"150"}', 422),
        ('{"symbol":"\\ud800","side":"buy","quantity":"1","price":"150"}', 422),
        ('{"symbol":"Dec25-Wheat\\u0000","side":"buy","quantity":"1","price":"150"}', 422),
        ('{"symbol":"Dec25-Whеat","side":"buy","quantity":"1","price":"150"}', 422),
        ("[" * 60000, 400),
        ('{"a":' * 9 + "1" + "}" * 9, 400),
        ("[]", 422),
        ("null", 422),
        ("", 400),
        ("{", 400),
        ('"\\', 400),
        ("\xff", 400),
    ],
)
def test_a_body_that_is_not_one_clear_order_is_refused(ana: ApiCaller, database: Engine, body: str, status: int):
    before = row_counts(database)
    encoded = body.encode("latin-1") if body == "\xff" else body.encode()
    answer = ana.send("POST", "/api/orders", data=encoded, content_type="application/json")
    assert answer.status_code == status, answer.text
    assert all(telltale not in answer.text for telltale in TELLTALES)
    assert row_counts(database) == before


@pytest.mark.parametrize("username", ["\x00", "ana\x00", "é", "a b", "x" * 65])
def test_a_name_that_nobody_can_have_is_no_login(api: Flask, username: str):
    answer = api.test_client().post("/api/auth/login", json={"username": username, "password": "x"})
    assert (answer.status_code, code(answer)) == (422, "invalid_request")


def test_a_form_is_not_an_order(ana: ApiCaller, database: Engine):
    before = row_counts(database)
    answer = ana.send("POST", "/api/orders", data=ORDER)
    assert (answer.status_code, code(answer)) == (415, "unsupported_media_type")
    assert row_counts(database) == before


def test_without_a_login_nothing_of_an_account_is_told(api: Flask, market: Market):
    client = api.test_client()
    paths = ["/api/orders", "/api/orders/1001", "/api/account/summary", "/api/account/positions", "/api/account/trades"]
    answers = [client.get(path) for path in (*paths, "/api/events", "/api/auth/profile", "/api/auth/sessions")]
    answers += [client.post("/api/orders", json=ORDER), client.delete("/api/orders"), client.post("/api/auth/logout")]
    assert {(answer.status_code, code(answer)) for answer in answers} == {(401, "not_signed_in")}


def test_a_mistake_of_ours_is_told_as_no_more_than_that(api: Flask, market: Market, database: Engine):
    with database.begin() as connection:
        connection.execute(sa.text("ALTER TABLE instruments RENAME COLUMN tick_size TO gone"))
    answer = api.test_client().get("/api/market")
    assert (answer.status_code, code(answer)) == (500, "internal_server_error")
    assert all(telltale not in answer.text for telltale in TELLTALES)


def test_only_our_pages_may_call_from_a_browser(api: Flask, market: Market):
    client = api.test_client()
    own = client.get("/api/market?asset=wheat", headers={"Origin": "http://127.0.0.1:8000"})
    assert own.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:8000"
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8000.evil.example"):
        answer = client.get("/api/market?asset=wheat", headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") != origin
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
        assert name in own.headers


def test_ten_thousand_logins_open_nothing_and_end_shut_out(app: Flask, database: Engine):
    ApiCaller(app, "ana")
    client = app.test_client()
    statuses = [
        client.post("/api/auth/login", json={"username": "ana", "password": str(count)}).status_code
        for count in range(10_000)
    ]
    # One of the five was spent on registering.
    assert statuses.count(401) == 4
    assert statuses.count(429) == 9_996
    blocked = client.get("/api/market")
    assert (blocked.status_code, code(blocked)) == (429, "address_blocked")


@pytest.fixture
def server(
    database_url: str, redis_url: str, redis_client: Redis, market: Market, tmp_path: Path
) -> Iterator[WebServer]:
    """Two workers with the seed's limits."""
    server = WebServer(database_url, redis_url, tmp_path / "web.log", workers=2)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def register(server: WebServer, username: str) -> dict[str, str]:
    body = {"username": username, "password": PASSWORD}
    answer = requests.post(f"{server.address}/api/auth/register", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_over_two_processes_exactly_as_many_as_allowed_are_let_in(
    server: WebServer, redis_client: Redis, database: Engine
):
    headers = register(server, "ana")
    redis_client.flushdb()

    def place(_: int) -> requests.Response:
        return requests.post(f"{server.address}/api/orders", json=ORDER, headers=headers, timeout=30)

    def read(_: int) -> requests.Response:
        return requests.get(f"{server.address}/api/market?asset=wheat", timeout=30)

    def log_in(_: int) -> requests.Response:
        body = {"username": "ana", "password": "wrong"}
        return requests.post(f"{server.address}/api/auth/login", json=body, timeout=30)

    def send(_: int) -> requests.Response:
        return requests.post(f"{server.address}/webhook/whatsapp", data={"Body": "x"}, timeout=30)

    with ThreadPoolExecutor(8) as callers:
        for ask, allowed, let_in in ((log_in, 5, 401), (place, 10, 202), (read, 100, 200), (send, 30, 403)):
            answers = list(callers.map(ask, range(allowed + 8)))
            assert sorted(answer.status_code for answer in answers) == [let_in] * allowed + [429] * 8
            remaining = [
                answer.headers["RateLimit"].partition(";r=")[2] for answer in answers if answer.status_code != 429
            ]
            assert sorted(int(left.partition(";")[0]) for left in remaining) == list(range(allowed))
            assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 429)
            for key in redis_client.keys("*block*") + redis_client.keys("offences*"):
                redis_client.delete(key)
    with database.connect() as connection:
        placed = sa.select(sa.func.count()).where(commands.c.kind == "place")
        assert connection.execute(placed).scalar_one() == 10


def test_a_body_of_a_hundred_megabytes_is_refused_and_not_read(server: WebServer):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 104857600\r\n\r\n" + b"x" * 1000
        )
        assert connection.recv(65536).split(b"\r\n")[0] == b"HTTP/1.1 413 REQUEST ENTITY TOO LARGE"
    in_pieces = requests.post(
        f"{server.address}/api/auth/login",
        data=(b"x" * 65536 for _ in range(3)),
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    assert in_pieces.status_code == 413


def test_who_sends_slowly_is_cut_off_and_delays_nobody(server: WebServer):
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(
                b"POST /api/auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
        begun = time.monotonic()
        assert requests.get(f"{server.address}/health", timeout=30).json() == {"status": "ok"}
        assert time.monotonic() - begun < BODY_SECONDS_MAX
        assert slow[0].recv(65536).split(b"\r\n")[0] == b"HTTP/1.1 408 REQUEST TIMEOUT"
    finally:
        for connection in slow:
            connection.close()


def test_a_request_that_tries_to_smuggle_another_is_refused(server: WebServer):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /api/orders HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        answered = connection.recv(65536)
    assert answered.split(b" ")[1] == b"400"
    assert answered.count(b"HTTP/1.1 ") == 1


def test_the_log_holds_no_password_token_or_trace(server: WebServer):
    headers = register(server, "ana")
    requests.get(f"{server.address}/api/orders", headers=headers, timeout=30)
    body = json.dumps({"username": "ana", "password": "a secret of hers"})
    requests.post(
        f"{server.address}/api/auth/login", data=body, headers={"Content-Type": "application/json"}, timeout=30
    )
    logged = server.log.read_text()
    for secret in (PASSWORD, "a secret of hers", headers["Authorization"].partition(" ")[2], "Traceback"):
        assert secret not in logged
