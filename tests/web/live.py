"""A real stack behind the live feed: web workers, an engine worker, and clients that check what they are told."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from redis import Redis
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bot import queues
from bot.clock import utc_now
from engine import catalogue
from engine.tables import instruments, trades, waiting_commands
from tests.web.servers import PROJECT, WebServer

PASSWORD = "seven purple tractors"
UNLIMITED = "1000000"
SETTINGS = {
    "LOGINS_PER_QUARTER_HOUR": UNLIMITED,
    "ORDERS_PER_MINUTE": UNLIMITED,
    "REQUESTS_PER_MINUTE": UNLIMITED,
    "SOCKETS_PER_ADDRESS": UNLIMITED,
}
PATIENCE_SECONDS = 20


@contextmanager
def engine_worker(database_url: str, redis_url: str, log: Path, shard_id: int = 0, shards: int = 1) -> Iterator[None]:
    """The process that settles a shard and publishes."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ENGINE_SHARDS": str(shards),
        "SECRET_KEY": "k" * 32,
        "TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
        "TWILIO_AUTH_TOKEN": "0" * 32,
        "TWILIO_WHATSAPP_NUMBER": "whatsapp:+14155238886",
        "WHATSAPP_VERIFY_TOKEN": "verify me",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.worker", f"engine-{shard_id}"],
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        with Redis.from_url(redis_url) as redis:
            # It wakes for what was listed before it came.
            queues.wake(redis, queues.SETTLE, shard_id)
        yield
    finally:
        process.terminate()
        process.wait(30)


class Stack:
    """A market, its engine workers, and web workers before it."""

    def __init__(self, database: Database, server: WebServer, redis_url: str, opened: ExitStack) -> None:
        self.database, self.server, self.redis_url = database, server, redis_url
        self.accounts = 0
        self._opened = opened

    def client(self, ticket: str | None = None) -> "Client":
        """A socket that is open until the stack ends, unless it is closed before."""
        query = "" if ticket is None else f"?ticket={ticket}"
        address = f"ws://127.0.0.1:{self.server.port}/ws{query}"
        return Client(
            self._opened.enter_context(
                connect(address, compression=None, max_size=None, max_queue=None, close_timeout=1)
            )
        )

    def account(self) -> "Account":
        self.accounts += 1
        return Account(self.server, f"trader-{self.accounts}")

    def numbers_of_trades(self, symbol: str, after: int = 0) -> list[int]:
        with self.database.connect() as connection:
            return list(
                connection.execute(
                    sa.select(trades.c.number)
                    .join(instruments, instruments.c.id == trades.c.instrument_id)
                    .where(instruments.c.symbol == symbol, trades.c.number > after)
                    .order_by(trades.c.number)
                ).scalars()
            )


@contextmanager
def live_stack(
    administrator: Database,
    url: sa.URL,
    template: str,
    redis_url: str,
    directory: Path,
    *,
    shards: int = 1,
    web_workers: int = 2,
    **settings: str,
) -> Iterator[Stack]:
    """On a database of its own, with nothing but the catalogue in it."""
    name = f"{template}_live"
    with administrator.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    database_url = url.set(database=name).render_as_string(hide_password=False)
    database = sa.create_engine(database_url)
    with Session(database) as session, session.begin():
        catalogue.load(session, as_of=date(2025, 11, 3), shard_count=shards, now=utc_now(), banded=False)
    with ExitStack() as started:
        for shard_id in range(shards):
            log = directory / f"engine-{shard_id}.log"
            started.enter_context(engine_worker(database_url, redis_url, log, shard_id, shards))
        wait_until(lambda: is_settled(database))
        server = WebServer(database_url, redis_url, directory / "web.log", web_workers, **SETTINGS | settings)
        started.callback(server.stop)
        server.wait_until_ready()
        yield Stack(database, server, redis_url, started)
    database.dispose()
    with administrator.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def is_settled(database: Database) -> bool:
    with database.connect() as connection:
        return connection.execute(sa.select(sa.exists(sa.select(waiting_commands)))).scalar() is False


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


class Unavailable(Exception):
    """The database is out of reach or too busy just now, and the client is to try again in a moment."""


class Account:
    """A trader of the HTTP API."""

    def __init__(self, server: WebServer, username: str) -> None:
        self.server = server
        answer = requests.post(
            f"{server.address}/api/auth/register", json={"username": username, "password": PASSWORD}, timeout=30
        )
        assert answer.status_code == 201, answer.text
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = self.headers | options.pop("headers", {})
        return requests.request(method, self.server.address + path, headers=headers, timeout=30, **options)

    def place(self, **order: object) -> dict[str, Any]:
        asked = {"symbol": "Dec25-Wheat", "side": "buy", "quantity": "10", "price": "150"} | order
        answer = self.ask("POST", "/api/orders", json=asked, headers={"Prefer": "wait=10"})
        assert answer.status_code == 201, answer.text
        placed: dict[str, Any] = answer.json()
        return placed

    def ticket(self) -> str:
        """Raises Unavailable."""
        answer = self.ask("POST", "/api/auth/ticket")
        if answer.status_code == 503:
            raise Unavailable
        assert answer.status_code == 201, answer.text
        issued: str = answer.json()["ticket"]
        return issued


class Client:
    """A client that reads one message after the other and checks every channel's chain."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.positions: dict[str, Any] = {}

    def say(self, **message: object) -> None:
        self.connection.send(json.dumps(message))

    def hear(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The next message but heartbeats."""
        while True:
            message: dict[str, Any] = json.loads(self.connection.recv(timeout=seconds))
            if message["event"] == "heartbeat":
                continue
            if "seq" in message:
                channel = message["channel"]
                if "prev" in message:
                    assert message["prev"] == self.positions[channel], message
                self.positions[channel] = message["seq"]
            return message

    def hear_until(self, condition: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        heard = []
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert time.monotonic() < end, heard
            heard.append(self.hear())
            if condition(heard[-1]):
                return heard

    def subscribe(self, *channels: str, after: Any = None) -> list[dict[str, Any]]:
        """The ack and everything up to the last channel's snapshot."""
        if isinstance(after, dict):
            self.positions |= after
        elif after is not None:
            self.positions |= dict.fromkeys(channels, after)
        self.say(op="subscribe", channels=channels, **({} if after is None else {"after": after}))
        ack = self.hear()
        assert ack["event"] == "subscribed", ack
        heard, snapshots = [ack], 0
        while snapshots < len(ack["accepted"]):
            heard.append(self.hear())
            snapshots += heard[-1]["event"] == "snapshot"
        return heard

    def closed_with(self) -> tuple[int, str]:
        """Read on to the end; the close code and its reason."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self.connection.close_code is None:
            assert time.monotonic() < end
            with suppress(TimeoutError, ConnectionClosed):
                self.connection.recv(timeout=1)
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""
