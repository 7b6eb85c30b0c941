"""Workers are killed and Redis is emptied while orders flow: each acknowledged message has one effect and one reply."""

import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests
import sqlalchemy as sa
from honcho.environ import parse
from redis import Redis
from sqlalchemy import Engine
from twilio.request_validator import RequestValidator

from bot import tables
from bot.outbox import State
from engine.tables import commands, orders, trades
from tests.flows.conftest import LocalRun

ORDERS = 200
TRADERS = 20
QUIET_SECONDS_MAX = 90
SEED = 20251203


@pytest.fixture
def run(tmp_path: Path, database_url: str, redis_url: str, redis_client: Redis):
    run = LocalRun(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url)
    try:
        run.wait_until_ready()
        yield run
    finally:
        assert run.stop() == []


class Traders:
    """Twenty numbers whose messages Twilio delivers, signed, until they are acknowledged."""

    def __init__(self, run: LocalRun, directory: Path) -> None:
        self.run = run
        self.kept = parse((directory / "secrets.env").read_text())
        self.acknowledged: list[str] = []

    def send(self, number: str, body: str) -> None:
        form = {"MessageSid": f"SM{secrets.token_hex(16)}", "From": f"whatsapp:{number}", "Body": body}
        url = f"{self.run.address}/webhook/whatsapp"
        signature = RequestValidator(self.kept["TWILIO_AUTH_TOKEN"]).compute_signature(url, form)
        headers = {"X-Twilio-Signature": signature}
        assert requests.post(url, data=form, headers=headers, timeout=30).status_code == 200
        self.acknowledged.append(form["MessageSid"])


def kill(run: LocalRun, words: str) -> None:
    family = psutil.Process(run.process.pid).children(recursive=True)
    [found] = [
        one
        for one in family
        if one.name().startswith("python") and words in " ".join(one.as_dict(["cmdline"])["cmdline"])
    ]
    found.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + QUIET_SECONDS_MAX
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.2)


def test_each_acknowledged_message_has_one_effect_and_one_reply(
    run: LocalRun, tmp_path: Path, database: Engine, redis_client: Redis
):
    numbers = random.Random(SEED)
    traders = Traders(run, tmp_path)
    faults = {
        50: lambda: kill(run, "bot.worker engine-0"),
        100: lambda: kill(run, "bot.worker chat"),
        150: redis_client.flushall,
    }
    for count in range(ORDERS):
        if count in faults:
            faults[count]()
        side, quantity = numbers.choice(["buy", "sell"]), numbers.randint(1, 50)
        # A price of its own for each, so that none is taken for a message sent twice.
        price = 150 + numbers.randint(-2, 2) + count / 10_000
        traders.send(f"+1555040{count % TRADERS:04d}", f"{side} {quantity} wheat dec25 at {price:.2f}")

    def everything_is_told() -> bool:
        with database.connect() as connection:
            waiting = connection.scalar(
                sa.select(sa.func.count()).select_from(tables.inbox).where(tables.inbox.c.handled_at.is_(None))
            )
            unsent = connection.scalar(
                sa.select(sa.func.count())
                .select_from(tables.outbox)
                .where(tables.outbox.c.state.in_(("waiting", "sending")))
            )
            answered = connection.scalar(sa.select(sa.func.count(tables.outbox.c.inbox_id.distinct())))
        return waiting == 0 and unsent == 0 and answered == ORDERS

    wait_until(everything_is_told)
    with database.connect() as connection:
        messages = connection.execute(sa.select(tables.inbox)).mappings().all()
        assert sorted(message["message_sid"] for message in messages) == sorted(traders.acknowledged)
        replies = Counter(
            connection.scalars(sa.select(tables.outbox.c.inbox_id).where(tables.outbox.c.inbox_id.is_not(None)))
        )
        assert replies == {message["id"]: 1 for message in messages}
        placed = {message["id"] for message in messages if message["outcome"] == "placed"}
        keys = Counter(connection.scalars(sa.select(commands.c.request_key).where(commands.c.source == "chat")))
        assert keys == {f"message:{inbox_id}": 1 for inbox_id in placed}
        assert len(placed) > ORDERS * 0.9
        numbered = connection.scalars(sa.select(commands.c.order_id).where(commands.c.source == "chat")).all()
        stored = connection.scalars(sa.select(orders.c.id).where(orders.c.id.in_(numbered))).all()
        assert sorted(stored) == sorted(numbered)
        filled = connection.scalar(sa.select(sa.func.sum(orders.c.filled_lots)))
        traded = connection.scalar(sa.select(sa.func.sum(trades.c.quantity_lots)))
        assert filled == 2 * traded > 0
        told = connection.execute(
            sa.select(tables.conversations.c.number, tables.outbox.c.body, tables.outbox.c.message_sid)
            .join(tables.conversations, tables.conversations.c.id == tables.outbox.c.conversation_id)
            # What another message tells too is no message of its own.
            .where(tables.outbox.c.state != State.GROUPED)
        ).all()
    delivered: list[tuple[str, str]] = []
    for number in {row.number for row in told}:
        answer = requests.get(f"{run.address}/phone/messages", params={"numbers": number}, timeout=10)
        delivered += [
            (number, message["body"]) for message in answer.json()["messages"] if message["direction"] == "outbound"
        ]
    assert Counter(delivered) == Counter((row.number, row.body) for row in told)
