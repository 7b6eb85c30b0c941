"""Nothing is lost and nothing doubled: through lost connections, lost news, a restarted worker and slow readers."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from redis import Redis
from sqlalchemy import URL, Engine
from sqlalchemy.orm import Session
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from bot import market_maker, queues
from bot.clock import utc_now
from engine import intake
from engine.intake import OrderRequest, Source
from engine.orders import Side
from tests.web.live import Account, Stack, Unavailable, is_settled, live_stack, wait_until
from tests.web.test_live import masked, raw_socket
from web.sockets import QUEUE_BYTES_MAX, SEND_BUFFER_BYTES

SYMBOL = "Dec25-Wheat"
MARKET = f"market:{SYMBOL}"
CLIENTS = 200
PRIVATE_CLIENTS = 20
ORDERS, ORDERS_PER_SECOND = 300, 25
READERS, TRADES_PER_BURST = 20, 10
# Below the thirty messages that a client may send at once.
ASKED_WHILE_WAITING, ASKED_IN_ALL = 14, 28
RECEIVE_BUFFER_BYTES = 4096


@pytest.fixture
def make_stack(
    administrator: Engine,
    postgres_url: URL,
    template_database: str,
    redis_url: str,
    redis_client: Redis,
    tmp_path: Path,
) -> Callable[..., Any]:
    def make(**options: Any) -> Any:
        return live_stack(administrator, postgres_url, template_database, redis_url, tmp_path, **options)

    return make


@pytest.fixture
def stack(make_stack: Callable[..., Any]) -> Iterator[Stack]:
    with make_stack() as stack:
        yield stack


def trader_of(account: Account, stack: Stack) -> int:
    """By an order of theirs."""
    placed = account.place(price="1")
    with stack.database.connect() as connection:
        return connection.exec_driver_sql("SELECT trader_id FROM orders WHERE id = %s", (placed["id"],)).scalar_one()


def place(session: Session, trader_id: int, side: Side, key: str, symbol: str = SYMBOL) -> int:
    """One lot at 150; the shard to wake."""
    request = OrderRequest(side=side, quantity=Decimal(1), symbol=symbol, price=Decimal(150))
    receipt = intake.place(
        session, trader_id=trader_id, request=request, source=Source.API, request_key=key, now=utc_now()
    )
    return receipt.shard_id


@dataclass
class Follower:
    """A client that loses its connection again and again; `told` is by channel what it was told, in order."""

    stack: Stack
    account: Account | None
    chance: random.Random
    positions: dict[str, Any] = field(default_factory=dict)
    told: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: {MARKET: [], "orders": []})
    connections: int = 0
    has_ended: bool = False

    @property
    def is_there(self) -> bool:
        """Whether it has been told a first position of each of its channels; one may come before the line is cut."""
        return len(self.positions) == (1 if self.account is None else len(self.told))

    async def follow(self, is_over: Callable[["Follower"], bool]) -> None:
        while not self.has_ended:
            try:
                await self._connect(is_over)
            except (ConnectionClosed, InvalidHandshake, OSError, requests.RequestException, Unavailable):
                await asyncio.sleep(self.chance.uniform(0, 0.2))

    async def _connect(self, is_over: Callable[["Follower"], bool]) -> None:
        address = f"ws://127.0.0.1:{self.stack.server.port}/ws"
        channels = [MARKET]
        if self.account is not None:
            channels.append("orders")
            address += "?ticket=" + await asyncio.to_thread(self.account.ticket)
        async with connect(address, compression=None, close_timeout=1) as connection:
            self.connections += 1
            asked = {"op": "subscribe", "channels": channels}
            await connection.send(json.dumps(asked | ({"after": self.positions} if self.positions else {})))
            asyncio.get_running_loop().call_later(self.chance.uniform(0.3, 4), connection.transport.abort)
            async for text in connection:
                self.take(json.loads(text))
                if is_over(self):
                    self.has_ended = True
                    return

    def take(self, message: dict[str, Any]) -> None:
        """Raises Unavailable."""
        if message.get("code") == "unavailable":
            raise Unavailable
        if "seq" not in message:
            assert message["event"] in ("subscribed", "heartbeat"), message
            assert not message.get("refused"), message
            return
        channel = message["channel"]
        if message["event"] == "snapshot":
            assert message.get("resumed") is not False, message
        else:
            assert message["prev"] == self.positions[channel], (message, self.positions)
            if message["event"] != "market:update":
                self.told[channel].append((message["event"], str(message["data"]["id"])))
        self.positions[channel] = message["seq"]


def test_clients_that_come_and_go_are_told_every_event_once_whatever_breaks(stack: Stack):
    """200 of them, through an emptied Redis, lost subscriptions, and web workers that stop and that are killed."""
    accounts = [stack.account() for _ in range(2)]
    buyer, seller = (trader_of(account, stack) for account in accounts)
    chance = random.Random(1)
    followers = [
        Follower(stack, accounts[number % 2] if number < PRIVATE_CLIENTS else None, random.Random(number))
        for number in range(CLIENTS)
    ]
    everything = asyncio.Event()
    expected: dict[str, list[int]] = {}

    def is_over(follower: Follower) -> bool:
        if not everything.is_set() or len(follower.told[MARKET]) < len(expected["trades"]):
            return False
        return follower.account is None or len(follower.told["orders"]) >= 3 * (ORDERS // 2)

    async def trade() -> None:
        with Redis.from_url(stack.redis_url) as redis:
            for number in range(ORDERS):
                with Session(stack.database) as session, session.begin():
                    side = Side.BUY if number % 2 else Side.SELL
                    shard_id = place(session, buyer if number % 2 else seller, side, str(number))
                queues.wake(redis, queues.SETTLE, shard_id)
                if number == ORDERS // 4:
                    redis.flushall()
                elif number == ORDERS // 3:
                    redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
                elif number == ORDERS // 2:
                    chance.choice(psutil.Process(stack.server.process.pid).children()).terminate()
                elif number == 2 * ORDERS // 3:
                    chance.choice(psutil.Process(stack.server.process.pid).children()).kill()
                await asyncio.sleep(1 / ORDERS_PER_SECOND)
            queues.wake(redis, queues.SETTLE, 0)
            await asyncio.to_thread(wait_until, lambda: is_settled(stack.database))
        expected["trades"] = stack.numbers_of_trades(SYMBOL)
        everything.set()

    async def run() -> None:
        following = [asyncio.create_task(follower.follow(is_over)) for follower in followers]
        # Everyone has all their channels before the first trade, so that everyone is told of all of them.
        while not all(follower.is_there for follower in followers):
            await asyncio.sleep(0.1)
        await trade()
        await asyncio.wait_for(asyncio.gather(*following), 60)

    # In a thread of its own: the browser of other tests keeps an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, run()).result()
    trades = [("trade:executed", f"0-{number}") for number in expected["trades"]]
    assert len(trades) == ORDERS // 2
    for follower in followers:
        assert follower.told[MARKET] == trades
    for follower in followers[:PRIVATE_CLIENTS]:
        own = follower.told["orders"]
        assert [one for one in own if one[0] == "trade:executed"] == trades
        assert len(own) == len(set(own)) == 3 * len(trades)
    assert sum(follower.connections for follower in followers) > 3 * CLIENTS


def test_a_client_that_stops_reading_is_closed_and_nobody_else_notices(make_stack: Callable[..., Any]):
    """In one process, 20 are told every trade while what waits for the one that stopped grows to 1 MiB."""
    with make_stack(web_workers=1) as stack, raw_socket(stack, RECEIVE_BUFFER_BYTES) as stopped:
        with Session(stack.database) as session, session.begin():
            market_maker.quote(session, utc_now())
        traders = [trader_of(stack.account(), stack) for _ in range(2)]
        readers = [stack.client() for _ in range(READERS)]
        for reader in readers:
            reader.subscribe(MARKET)
        listed = requests.get(f"{stack.server.address}/api/market", timeout=10).json()["markets"]
        others = [f"market:{market['symbol']}" for market in listed if market["symbol"] != SYMBOL][:99]

        def trade_and_tell(burst: str) -> None:
            """Until every reader has been told of every trade; that none is missing or doubled shows as it is heard."""
            trades = trade(stack, traders, burst)
            for reader in readers:
                heard = reader.hear_until(lambda message: message.get("data", {}).get("id") == trades[-1])
                assert [message["data"]["id"] for message in heard if message["event"] == "trade:executed"] == trades

        stopped.sendall(subscription([MARKET, *others]))
        received = b""
        while received.count(b'"event":"snapshot"') <= len(others):
            received += stopped.recv(65536)
        # Of what is asked below it reads nothing, and that is more than the kernel and the queue may hold.
        assert ASKED_IN_ALL * len(received) > QUEUE_BYTES_MAX + 2 * SEND_BUFFER_BYTES + 2 * RECEIVE_BUFFER_BYTES
        trade_and_tell("before")
        for _ in range(ASKED_WHILE_WAITING):
            stopped.sendall(subscription(others))
        trade_and_tell("while it waits")
        for _ in range(ASKED_IN_ALL - ASKED_WHILE_WAITING):
            stopped.sendall(subscription(others))
        trade_and_tell("after")
        # Whenever it reads on, it finds what had been sent, whole, and then why it was closed.
        while data := stopped.recv(65536):
            received += data
            assert len(received) < QUEUE_BYTES_MAX, "what waits for it has no bound"
        frames = list(frames_of(received))
        assert frames[-1] == (0x88, b"\x11\x38slow_reader")
        messages = [json.loads(payload) for first, payload in frames[:-1] if first == 0x81]
        market = [message for message in messages if message.get("channel") == MARKET]
        told = [message["data"]["id"] for message in market if message["event"] == "trade:executed"]
        trades = [f"0-{number}" for number in stack.numbers_of_trades(SYMBOL)]
        assert (len(trades), told) == (3 * TRADES_PER_BURST, trades[: len(told)])
        assert len(told) < len(trades)
        heard = stack.client().subscribe(MARKET, after=market[-1]["seq"])
        assert told + [message["data"]["id"] for message in heard if message["event"] == "trade:executed"] == trades


def trade(stack: Stack, traders: list[int], burst: str) -> list[str]:
    """Have two traders meet again and again; the trades."""
    known = len(stack.numbers_of_trades(SYMBOL))
    with Session(stack.database) as session, session.begin():
        for number in range(2 * TRADES_PER_BURST):
            side = Side.BUY if number % 2 else Side.SELL
            shard_id = place(session, traders[number % 2], side, f"{burst} {number}")
    with Redis.from_url(stack.redis_url) as redis:
        queues.wake(redis, queues.SETTLE, shard_id)
    wait_until(lambda: is_settled(stack.database))
    return [f"0-{number}" for number in stack.numbers_of_trades(SYMBOL)[known:]]


def subscription(channels: list[str]) -> bytes:
    return masked(0x81, json.dumps({"op": "subscribe", "channels": channels}).encode())


def frames_of(received: bytes) -> Iterator[tuple[int, bytes]]:
    """First byte and payload of each frame, all of which are whole."""
    while received:
        length, head = received[1], 2
        if length == 126:
            length, head = int.from_bytes(received[2:4]), 4
        elif length == 127:
            length, head = int.from_bytes(received[2:10]), 10
        assert len(received) >= head + length, "cut in the middle"
        yield received[0], received[head : head + length]
        received = received[head + length :]


def test_a_position_covers_every_engine_that_the_market_is_run_by(make_stack: Callable[..., Any]):
    with make_stack(shards=2, ENGINE_SHARDS="2") as stack:
        account = stack.account()
        with stack.database.connect() as connection:
            symbols = connection.exec_driver_sql(
                "SELECT min(symbol) FROM instruments WHERE contract = 'Dec25' GROUP BY shard_id ORDER BY shard_id"
            ).scalars()
            first, second = symbols
        client = stack.client(account.ticket())
        _, snapshot = client.subscribe("orders")
        account.place(symbol=first, price="10")
        account.place(symbol=second, price="10")
        client.hear()
        assert client.hear()["event"] == "order:created"
        position = client.positions["orders"]
        assert [part.split("-")[0] for part in position.split(".")] == ["0", "1"]
        account.place(symbol=second, price="11")
        account.place(symbol=first, price="11")
        heard = stack.client(account.ticket()).subscribe("orders", after={"orders": position})
        assert sorted(message["data"]["symbol"] for message in heard[1:-1]) == sorted([first, second])
        assert (heard[-1]["resumed"], heard[1]["prev"]) == (True, position)
        everything = stack.client(account.ticket()).subscribe("orders", after={"orders": snapshot["seq"]})
        assert [message["event"] for message in everything[1:]] == ["order:created"] * 4 + ["snapshot"]
