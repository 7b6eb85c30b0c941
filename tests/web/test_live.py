"""The live feed over real sockets, through real workers: what is told, what is refused, and what closes a socket."""

import json
import os
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
from redis import Redis
from sqlalchemy import URL, Engine
from websockets.exceptions import ConnectionClosed

from bot.settings import Settings
from tests.web.live import PATIENCE_SECONDS, Client, Stack, live_stack, wait_until

MARKET = "market:Dec25-Wheat"
MEGABYTE = 1024 * 1024
RECEIVE_BUFFER_BYTES = 64 * 1024
SOCKETS_PER_ACCOUNT = Settings.sockets_per_account


@pytest.fixture(scope="module")
def stack(
    administrator: Engine,
    postgres_url: URL,
    template_database: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("live")
    with live_stack(administrator, postgres_url, template_database, redis_url, directory) as stack:
        yield stack


def events(heard: list[dict[str, Any]]) -> list[str]:
    return [message["event"] for message in heard]


def test_a_market_is_told_with_its_state_and_every_trade(stack: Stack):
    ana, ben = stack.account(), stack.account()
    client = stack.client()
    ack, snapshot = client.subscribe("market:Dec25-Gold")
    assert ack == {"event": "subscribed", "accepted": ["market:Dec25-Gold"], "refused": []}
    assert (snapshot["data"]["bids"], snapshot["data"]["last"], snapshot["data"]["checksum"]) == ([], None, 0)
    ana.place(symbol="Dec25-Gold", quantity="10", price="2000")
    ana.place(symbol="Dec25-Gold", quantity="5", price="1999.5")
    ben.place(symbol="Dec25-Gold", side="sell", quantity="4", price="2000")
    heard = client.hear_until(lambda message: message["data"].get("volume") == "4")
    [trade] = [message for message in heard if message["event"] == "trade:executed"]
    [stored] = requests.get(f"{stack.server.address}/api/trades?symbol=Dec25-Gold", timeout=10).json()["trades"]
    assert trade["data"] == stored
    state = heard[-1]["data"]
    assert state["bids"] == [["2000.00", "6"], ["1999.50", "5"]]
    assert (state["asks"], state["last"], state["high"], state["low"]) == ([], "2000.00", "2000.00", "2000.00")
    [market] = [
        market
        for market in requests.get(f"{stack.server.address}/api/market?asset=gold", timeout=10).json()["markets"]
        if market["symbol"] == "Dec25-Gold"
    ]
    assert {name: market[name] for name in ("status", "last", "high", "low", "volume")} == {
        name: state[name] for name in ("status", "last", "high", "low", "volume")
    }
    text = "".join(amount.replace(".", "").lstrip("0") for level in state["bids"] for amount in level)
    assert state["checksum"] == zlib.crc32(text.encode())


def test_a_trader_is_told_of_every_step_of_their_own_orders_and_of_no_others(stack: Stack):
    ana, ben = stack.account(), stack.account()
    ana.place(price="140")
    client = stack.client(ana.ticket())
    _, snapshot = client.subscribe("orders")
    assert [order["price"] for order in snapshot["data"]["orders"]] == ["140.00"]
    order = ana.place(price="150", client_order_id="mine")
    ben.place(price="120")
    ben.place(side="sell", quantity="4", price="150")
    ana.ask("PATCH", f"/api/orders/{order['id']}", json={"quantity": "8"}, headers={"Prefer": "wait=10"})
    ana.ask("DELETE", f"/api/orders/{order['id']}", headers={"Prefer": "wait=10"})
    ana.place(quantity="999999999", price="150")
    heard = client.hear_until(lambda message: message["event"] == "order:rejected")
    assert events(heard) == [
        "order:created",
        "trade:executed",
        "order:matched",
        "order:amended",
        "order:cancelled",
        "order:rejected",
    ]
    created, fill, matched, amended, cancelled, rejected = (message["data"] for message in heard)
    assert (created["id"], created["client_order_id"]) == (order["id"], "mine")
    [stored] = ana.ask("GET", "/api/account/trades").json()["trades"]
    assert fill == stored
    assert fill["side"] == "buy"
    assert fill["commission"] == "0.60"
    assert (matched["filled_quantity"], amended["quantity"]) == ("4", "8")
    assert cancelled == ana.ask("GET", f"/api/orders/{order['id']}").json()
    assert (cancelled["state"], rejected["state"]) == ("canceled", "rejected")


def test_a_change_that_the_market_refuses_is_told_with_the_order_as_it_stands(stack: Stack):
    ana = stack.account()
    client = stack.client(ana.ticket())
    client.subscribe("orders")
    order = ana.place(price="130")
    assert client.hear()["event"] == "order:created"
    change = {"quantity": "999999999"}
    assert ana.ask("PATCH", f"/api/orders/{order['id']}", json=change, headers={"Prefer": "wait=10"}).status_code == 409
    told = client.hear()
    assert (told["event"], told["refused"]["request"], told["data"]["state"]) == ("order:rejected", "amend", "new")
    assert told["data"]["quantity"] == "10"


def test_who_comes_back_is_told_what_was_missed_once_and_then_the_state(stack: Stack):
    ana, ben = stack.account(), stack.account()
    channels = ("market:Dec25-Silver", "orders")
    client = stack.client(ana.ticket())
    client.subscribe(*channels)
    ana.place(symbol="Dec25-Silver", quantity="100", price="1200")
    client.hear_until(lambda message: message["event"] == "order:created")
    client.connection.close()
    for _ in range(3):
        ben.place(symbol="Dec25-Silver", side="sell", quantity="1", price="1200")
    back = stack.client(ana.ticket())
    heard = back.subscribe(*channels, after=client.positions)
    market = [message for message in heard if message.get("channel") == channels[0]]
    assert events(market) == ["trade:executed"] * 3 + ["snapshot"]
    assert market[-1]["resumed"] is True
    own = [message for message in heard if message.get("channel") == "orders"]
    assert events(own) == ["trade:executed", "order:matched"] * 3 + ["snapshot"]
    assert [int(message["data"]["id"].split("-")[1]) for message in own[:-1:2]] == stack.numbers_of_trades(
        "Dec25-Silver"
    )
    # Between a trade and the order that it filled is a place of its own.
    halfway = stack.client(ana.ticket()).subscribe("orders", after=own[0]["seq"])
    assert events(halfway[1:]) == ["order:matched", *["trade:executed", "order:matched"] * 2, "snapshot"]
    # One number for all channels means the same.
    again = stack.client(ana.ticket()).subscribe(*channels, after=client.positions["orders"])
    assert events(again[1:]).count("trade:executed") == 6


def test_a_position_that_nobody_gave_gets_the_state_alone(stack: Stack):
    client = stack.client(stack.account().ticket())
    heard = client.subscribe(MARKET, "orders", after=10**12)
    assert events(heard) == ["subscribed", "snapshot", "snapshot"]
    assert [message["resumed"] for message in heard[1:]] == [False, False]


def test_a_channel_asked_for_again_is_begun_anew_and_one_left_is_silent(stack: Stack):
    ana = stack.account()
    client = stack.client()
    client.subscribe("market:Dec25-Rice")
    assert events(client.subscribe("market:Dec25-Rice")) == ["subscribed", "snapshot"]
    client.say(op="unsubscribe", channels=["market:Dec25-Rice", "orders"], id="bye")
    assert client.hear() == {"event": "unsubscribed", "id": "bye", "channels": ["market:Dec25-Rice"]}
    ana.place(symbol="Dec25-Rice", price="100")
    client.subscribe("market:Dec25-Corn")
    ana.place(symbol="Dec25-Corn", price="100")
    assert client.hear()["channel"] == "market:Dec25-Corn"


def test_what_is_not_given_is_refused_by_name(stack: Stack):
    client = stack.client()
    client.say(op="subscribe", channels=["orders", "market:Dec25-Moon", "market:dec25-wheat", "candles", MARKET], id=7)
    ack = client.hear()
    assert ack["id"] == 7
    assert ack["accepted"] == [MARKET]
    assert {refused["channel"]: refused["code"] for refused in ack["refused"]} == {
        "orders": "ticket_needed",
        "market:Dec25-Moon": "unknown_channel",
        "market:dec25-wheat": "unknown_channel",
        "candles": "unknown_channel",
    }
    assert client.hear()["event"] == "snapshot"
    client.say(op="subscribe", channels=[MARKET], after={MARKET: "0-5"})
    assert client.hear()["refused"] == [{"channel": MARKET, "code": "invalid_after"}]
    listed = requests.get(f"{stack.server.address}/api/market", timeout=10).json()["markets"]
    names = [f"market:{market['symbol']}" for market in listed][:150]
    client.say(op="subscribe", channels=names)
    ack = client.hear_until(lambda message: message["event"] == "subscribed")[-1]
    assert len(set(ack["accepted"]) | {MARKET}) == 100
    assert {refused["code"] for refused in ack["refused"]} == {"too_many_channels"}


@pytest.mark.parametrize(
    ("text", "code", "message_id"),
    [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        ('{"op": "ping", "id": NaN}', "invalid_json", None),
        ("[" * 10_000, "invalid_json", None),
        ('{"op": "ping", "id": "\\ud800"}', "invalid_json", None),
        ("[]", "invalid_message", None),
        ("null", "invalid_message", None),
        ('{"channels": []}', "invalid_message", None),
        ('{"op": 1, "id": 1}', "invalid_message", 1),
        ('{"op": "subscribe", "id": 2}', "invalid_message", 2),
        ('{"op": "subscribe", "channels": [], "id": "three"}', "invalid_message", "three"),
        ('{"op": "subscribe", "channels": "orders"}', "invalid_message", None),
        ('{"op": "subscribe", "channels": [1]}', "invalid_message", None),
        ('{"op": "subscribe", "channels": ["orders"], "after": -1}', "invalid_message", None),
        ('{"op": "subscribe", "channels": ["orders"], "after": true}', "invalid_message", None),
        ('{"op": "subscribe", "channels": ["orders"], "after": {"orders": "x"}}', "invalid_message", None),
        ('{"op": "ping", "more": 1}', "invalid_message", None),
        ('{"op": "ping", "id": {}}', "invalid_message", None),
        ('{"op": "trade", "id": 4}', "unknown_op", 4),
        ('{"op": "trade", "id": [4]}', "unknown_op", None),
    ],
)
def test_what_is_not_understood_is_answered_and_the_socket_goes_on(
    stack: Stack, text: str, code: str, message_id: object
):
    client = stack.client()
    client.connection.send(text)
    assert client.hear() == {"event": "error", "code": code} | ({} if message_id is None else {"id": message_id})
    client.say(op="ping", id=1)
    assert client.hear()["event"] == "pong"


def test_a_ticket_is_good_once_and_not_for_long(stack: Stack):
    ana = stack.account()
    ticket = ana.ticket()
    stack.client(ticket).subscribe("orders")
    assert stack.client(ticket).closed_with() == (4409, "ticket_used")
    assert stack.client("made-up").closed_with() == (4401, "invalid_ticket")
    late = ana.ticket()
    with Redis.from_url(stack.redis_url) as redis:
        # Half a minute goes by.
        for key in redis.keys("ticket:*"):
            assert 0 < redis.ttl(key) <= 30
            redis.expire(key, 0)
    assert stack.client(late).closed_with() == (4401, "invalid_ticket")
    assert requests.post(f"{stack.server.address}/api/auth/ticket", timeout=10).status_code == 401


def test_a_socket_ends_with_the_login_that_opened_it(stack: Stack):
    ana = stack.account()
    ended, other = stack.client(ana.ticket()), stack.client(stack.account().ticket())
    ended.subscribe("orders")
    other.subscribe("orders")
    assert ana.ask("POST", "/api/auth/logout").status_code == 204
    assert ended.closed_with() == (4403, "login_ended")
    other.say(op="ping")
    assert other.hear()["event"] == "pong"


def flood(client: Client, message: str) -> None:
    for _ in range(100):
        client.connection.send(message)


CLOSING = {
    "a binary message": (lambda client: client.connection.send(b"{}"), 4415, "binary_message"),
    "10 MB": (lambda client: client.connection.send("x" * (10 * MEGABYTE)), 4413, "message_too_large"),
    "10 MB in pieces": (
        lambda client: client.connection.send("x" * 10_000 for _ in range(1000)),
        4413,
        "message_too_large",
    ),
    "a flood of pings": (lambda client: flood(client, '{"op": "ping"}'), 4429, "too_many_messages"),
    "a flood of subscriptions": (
        lambda client: flood(client, json.dumps({"op": "subscribe", "channels": [MARKET]})),
        4429,
        "too_many_messages",
    ),
    "a flood of nonsense": (lambda client: flood(client, "{"), 4429, "too_many_messages"),
}


@pytest.mark.parametrize("case", CLOSING)
def test_abuse_closes_the_socket_with_a_code_that_says_why(stack: Stack, case: str):
    abuse, code, reason = CLOSING[case]
    bystander = stack.client()
    bystander.subscribe(MARKET)
    client = stack.client()
    with suppress(ConnectionClosed):  # It may be closed while it still speaks.
        abuse(client)
    assert client.closed_with() == (code, reason)
    bystander.say(op="ping", id=1)
    assert bystander.hear()["event"] == "pong"


def raw_socket(stack: Stack, receive_buffer_bytes: int = RECEIVE_BUFFER_BYTES) -> socket.socket:
    """A connection that has just been upgraded, without a library to keep it in order."""
    connection = socket.socket()
    connection.settimeout(PATIENCE_SECONDS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    connection.connect(("127.0.0.1", stack.server.port))
    connection.sendall(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
    return connection


def masked(first: int, payload: bytes) -> bytes:
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
    return bytes([first]) + length + b"\0\0\0\0" + payload


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x02{}", 1002),  # Not masked.
        (masked(0x83, b""), 1002),  # An opcode that does not exist.
        (masked(0xC1, b"{}"), 1002),  # A reserved bit.
        (masked(0x80, b"{}"), 1002),  # The end of nothing.
        (masked(0x81, b"\xff\xfe"), 1007),
        (masked(0x88, b"\x03"), 1002),
    ],
)
def test_what_is_no_websocket_message_closes_by_the_standards_codes(stack: Stack, sent: bytes, code: int):
    with raw_socket(stack) as connection:
        connection.sendall(sent)
        received = b""
        while data := connection.recv(4096):
            received += data
    assert received[0] == 0x88
    assert struct.unpack("!H", received[2:4]) == (code,)


def test_a_client_that_goes_without_a_word_leaves_nothing_behind(stack: Stack):
    with Redis.from_url(stack.redis_url) as redis:
        for _ in range(50):
            with raw_socket(stack) as connection:
                connection.sendall(masked(0x81, json.dumps({"op": "subscribe", "channels": [MARKET]}).encode())[:20])
        assert redis.ping()
    client = stack.client()
    client.subscribe(MARKET)
    client.say(op="ping")
    assert client.hear()["event"] == "pong"


def test_a_request_that_is_no_sockets_is_told_so(stack: Stack):
    answer = requests.get(f"{stack.server.address}/ws", timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "8"}
    assert requests.get(f"{stack.server.address}/ws", headers=headers, timeout=10).status_code == 426


def test_one_account_has_no_more_sockets_than_it_may(stack: Stack):
    """The limit is that of one worker, and there are two."""
    ana = stack.account()
    clients = [stack.client(ana.ticket()) for _ in range(2 * SOCKETS_PER_ACCOUNT + 1)]
    assert (4430, "too_many_sockets") in {
        client.closed_with() for client in clients[SOCKETS_PER_ACCOUNT:] if is_over(client)
    }
    other = stack.client(stack.account().ticket())
    other.say(op="ping")
    assert other.hear()["event"] == "pong"


def is_over(client: Client) -> bool:
    """Whether it is closed instead of answering."""
    try:
        client.say(op="ping")
        return client.hear()["event"] != "pong"
    except ConnectionClosed:
        return True


def test_heartbeats_come_by_themselves(stack: Stack):
    client = stack.client()
    beat = json.loads(client.connection.recv(timeout=PATIENCE_SECONDS))
    assert beat["event"] == "heartbeat"
    assert beat["data"]["time"].endswith("Z")


def test_a_worker_that_is_told_to_stop_sends_its_clients_away_with_a_word(stack: Stack):
    """The last of this file: it ends the server."""
    clients = [stack.client() for _ in range(20)]
    for client in clients:
        client.subscribe(MARKET)
    os.kill(stack.server.process.pid, 15)
    assert {client.closed_with() for client in clients} == {(1001, "going_away")}
    wait_until(lambda: stack.server.process.poll() is not None)
    assert stack.server.process.returncode == 0
