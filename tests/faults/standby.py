"""Two engine workers on one shard: orders flow, the active one is killed, and the standby goes on."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot import queues
from bot.clock import utc_now
from engine import catalogue, intake
from engine.intake import OrderRequest, Receipt, Source
from engine.orders import Side
from engine.tables import commands, events, orders, traders, waiting_commands

PROJECT = Path(__file__).parent.parent.parent
ORDERS = 400
KILL_AT = 150
ORDERS_PER_SECOND = 100
WAIT_SECONDS_MAX = 60


class Takeover(NamedTuple):
    """What was seen: `gap` is from the kill to the first event after it."""

    gap: timedelta
    commands: int
    orders: int
    verified: subprocess.CompletedProcess[str]


def kill_the_active_worker(database: Engine, database_url: str, redis_url: str) -> Takeover:
    """Place orders at a steady rate, kill the active worker on the way, and wait until all is settled."""
    trader_ids = list_and_enrol(database)
    with ExitStack() as started:
        redis = started.enter_context(Redis.from_url(redis_url))
        active = started.enter_context(start_worker(database_url, redis_url))
        queues.wake(redis, queues.SETTLE, 0)
        wait_until_settled(database)
        started.enter_context(start_worker(database_url, redis_url))
        place_steadily(database, redis, trader_ids, 0, KILL_AT)
        killed_at = utc_now()
        active.kill()
        place_steadily(database, redis, trader_ids, KILL_AT, ORDERS)
        wait_until_settled(database, redis)
    with database.connect() as connection:
        first_after = connection.scalar(
            sa.select(sa.func.min(events.c.occurred_at)).where(events.c.occurred_at > killed_at)
        )
        asked = connection.scalar(sa.select(sa.func.count()).where(commands.c.kind == "place"))
        stored = connection.scalar(sa.select(sa.func.count()).select_from(orders))
    verified = subprocess.run(
        [sys.executable, "-m", "engine.replay", "--verify"],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    return Takeover(first_after - killed_at, asked, stored, verified)


def list_and_enrol(database: Engine) -> list[int]:
    """The demo catalogue, and two traders' numbers."""
    now = utc_now()
    with Session(database) as session, session.begin():
        catalogue.load(session, as_of=now.date(), shard_count=1, now=now)
        enrol = sa.insert(traders).returning(traders.c.id)
        return [
            session.execute(enrol.values(display_name=name, kind="account", created_at=now)).scalar_one()
            for name in ("ana", "ben")
        ]


@contextmanager
def start_worker(database_url: str, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real engine worker of shard 0, killed at the end."""
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "k" * 32,
        "TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
        "TWILIO_AUTH_TOKEN": "0" * 32,
        "TWILIO_WHATSAPP_NUMBER": "whatsapp:+14155238886",
        "WHATSAPP_VERIFY_TOKEN": "verify me",
    }
    worker = subprocess.Popen([sys.executable, "-m", "bot.worker", "engine-0"], cwd=PROJECT, env=environment)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def place_steadily(database: Engine, redis: Redis, trader_ids: list[int], first: int, end: int) -> None:
    for count in range(first, end):
        begun = time.monotonic()
        receipt = place_order(database, trader_ids, count)
        queues.wake(redis, queues.SETTLE, receipt.shard_id)
        time.sleep(max(0.0, 1 / ORDERS_PER_SECOND - (time.monotonic() - begun)))


def place_order(database: Engine, trader_ids: list[int], count: int) -> Receipt:
    """The `count`th order of a stream in which the two traders keep meeting."""
    request = OrderRequest(
        side=Side.BUY if count % 2 else Side.SELL,
        quantity=Decimal(1 + count % 7),
        asset="wheat",
        contract="Dec25",
        price=Decimal(150 + count % 3),
    )
    with Session(database) as session, session.begin():
        return intake.place(
            session,
            trader_id=trader_ids[count % 2],
            request=request,
            source=Source.API,
            request_key=f"order {count}",
            now=utc_now(),
        )


def wait_until_settled(database: Engine, redis: Redis | None = None) -> None:
    end = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        with database.connect() as connection:
            waiting = connection.scalar(sa.select(sa.func.count()).select_from(waiting_commands))
        if waiting == 0:
            return
        assert time.monotonic() < end, f"{waiting} commands still wait"
        if redis is not None:
            queues.wake(redis, queues.SETTLE, 0)  # As the sweep does every second.
        time.sleep(0.1)
