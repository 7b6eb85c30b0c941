"""Callers of the API, and the market behind it, settled when a test says so."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from bot.clock import utc_now
from engine import catalogue
from engine.batch import Engine

PASSWORD = "seven purple tractors"
SETTLE_PAUSE_SECONDS = 0.005


class Market:
    """The demo catalogue and the engine of its one shard."""

    def __init__(self, database: Database) -> None:
        self.engine = Engine(database)
        with Session(database) as session, session.begin():
            catalogue.load(session, as_of=date(2025, 11, 3), shard_count=1, now=utc_now(), banded=False)
        self.settle()

    def settle(self) -> None:
        while self.engine.settle(0, utc_now()).more_waiting:
            pass

    @contextmanager
    def running(self) -> Iterator[None]:
        """Settle whatever comes, as the engine's worker does."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(SETTLE_PAUSE_SECONDS):
                self.settle()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            yield
        finally:
            ended.set()
            worker.join()


class ApiCaller:
    """One account's client; what it was answered is asserted by the tests."""

    def __init__(self, app: Flask, username: str | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        self.username = username or "trader-" + secrets.token_hex(4)
        answer = self.client.post("/api/auth/register", json={"username": self.username, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        self.tokens: dict[str, Any] = answer.json

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def send(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        return self.client.open(path, method=method, headers=self.headers | (headers or {}), **options)

    def get(self, path: str, **query: object) -> TestResponse:
        return self.send("GET", path, query_string=query)

    def place(self, headers: dict[str, str] | None = None, **order: object) -> TestResponse:
        asked = {"symbol": "Dec25-Wheat", "side": "buy", "quantity": "10", "price": "150"} | order
        return self.send("POST", "/api/orders", headers, json=asked)


def code(answer: TestResponse) -> str:
    """A problem's stable code."""
    assert answer.mimetype == "application/problem+json", answer.text
    found: str = answer.get_json(force=True)["code"]
    return found
