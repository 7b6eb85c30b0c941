"""Everything that can go wrong between Twilio and us does, at random: no order and no fill is lost or doubled."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from redis import Redis
from sqlalchemy import Engine

from bot import tables
from engine.tables import commands, trades
from tests.faults.quiet import wait_until_told
from tests.faults.told import fills_told
from tests.flows.conftest import LocalRun
from web.twilio_faults import Fault

MESSAGES = 2000
SENDERS = 50
SEED = 20251204
SECONDS_MAX = 150
# Of a hundred cases; what makes the application wait strikes seldom, or the test would do nothing but wait.
PERCENT = {
    Fault.DUPLICATE_WEBHOOKS: 10,
    Fault.REORDERED_WEBHOOKS: 10,
    Fault.LATE_STATUSES: 10,
    Fault.DUPLICATE_STATUSES: 10,
    Fault.MISSING_STATUSES: 5,
    Fault.TOO_MANY_REQUESTS: 5,
    Fault.SERVER_ERRORS: 5,
    Fault.LOST_ANSWERS: 1,
    Fault.LOST_REQUESTS: 1,
    Fault.TOO_LONG: 2,
    Fault.OUTSIDE_WINDOW: 2,
    Fault.CHANNEL_BUSY: 3,
}
SETTINGS = {
    "MESSAGES_PER_SENDER_PER_MINUTE": "1000",
    "TWILIO_SECONDS_MAX": "2",
    "TWILIO_CONNECTIONS": "16",
    "DATABASE_POOL_SIZE": "20",
    "SEND_RETRY_SECONDS_MAX": "1",
    "NOTICE_SECONDS_MIN": "2",
    "STATUS_SECONDS_MAX": "2",
}
WRITING_AT_ONCE = 12
ALONE = {"Connection": "close"}  # A connection that was kept may be closed under our hands.
REACHED = ("queued", "sent", "delivered", "read")


@pytest.fixture
def run(tmp_path: Path, database_url: str, redis_url: str, redis_client: Redis) -> Iterator[LocalRun]:
    run = LocalRun(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url, **SETTINGS)
    try:
        run.wait_until_ready()
        yield run
    finally:
        assert run.stop() == []


def number_of(sender: int) -> str:
    return f"+1555060{sender:04d}"


def write_all(run: LocalRun) -> None:
    """Each sender writes one message after another; the senders write at the same time."""
    numbers = random.Random(SEED)
    texts: dict[int, list[str]] = defaultdict(list)
    for count in range(MESSAGES):
        side, quantity = numbers.choice(["buy", "sell"]), numbers.randint(1, 9)
        cents = numbers.randint(14_800, 15_200)
        texts[count % SENDERS].append(f"{side} {quantity} wheat dec25 at {cents // 100}.{cents % 100:02d}")

    def write(sender: int) -> None:
        with requests.Session() as phone:
            phone.trust_env = False  # Looking for a proxy takes longer than the request.
            for text in texts[sender]:
                content = {"number": number_of(sender), "body": text}
                answer = phone.post(f"{run.address}/phone/messages", json=content, headers=ALONE, timeout=60)
                assert answer.status_code == 201

    with ThreadPoolExecutor(WRITING_AT_ONCE) as senders:
        list(senders.map(write, range(SENDERS)))


def test_with_every_fault_every_order_is_placed_once_and_every_fill_told_once(run: LocalRun, database: Engine):
    faults = f"{run.address}/phone/faults"
    assert requests.put(faults, json=PERCENT | {"seed": SEED}, timeout=10).status_code == 200
    write_all(run)
    # Whoever was refused as outside the 24 hours hears the rest once they write again.
    wait_until_told(database, but_for_kept=True, seconds_max=SECONDS_MAX)
    assert requests.put(faults, json=dict.fromkeys(PERCENT, 0), timeout=10).status_code == 200
    for sender in range(SENDERS):
        content = {"number": number_of(sender), "body": "orders"}
        assert requests.post(f"{run.address}/phone/messages", json=content, timeout=60).status_code == 201
    wait_until_told(database, but_for_kept=False, seconds_max=SECONDS_MAX)

    with database.connect() as connection:
        messages = connection.execute(sa.select(tables.inbox).order_by(tables.inbox.c.id)).mappings().all()
        rows = connection.execute(sa.select(tables.outbox).order_by(tables.outbox.c.id)).mappings().all()
        chat = connection.execute(
            sa.select(commands.c.request_key, commands.c.order_id)
            .where(commands.c.source == "chat", commands.c.order_id.is_not(None))
            .order_by(commands.c.id)
        ).all()
        traded = connection.execute(sa.select(trades)).mappings().all()
        conversations = {
            row.id: row.number
            for row in connection.execute(sa.select(tables.conversations.c.id, tables.conversations.c.number))
        }

    # Every message arrived once, and each order among them was placed once.
    assert len(messages) == len({message["message_sid"] for message in messages}) == MESSAGES + SENDERS
    placed = [message["id"] for message in messages if message["outcome"] == "placed"]
    assert len(placed) > MESSAGES * 0.9
    assert Counter(key for key, _ in chat) == {f"message:{inbox_id}": 1 for inbox_id in placed}

    # Each sender's orders were placed in the order in which their messages arrived.
    sender_of = {message["id"]: message["conversation_id"] for message in messages}
    placed_ids: dict[int, list[int]] = defaultdict(list)
    for key, _ in chat:
        inbox_id = int(key.removeprefix("message:"))
        placed_ids[sender_of[inbox_id]].append(inbox_id)
    assert all(ids == sorted(ids) for ids in placed_ids.values())

    # What we believe to have told is what the phones got, each message once.
    phones: Counter[tuple[str, str]] = Counter()
    for number in conversations.values():
        shown = requests.get(f"{run.address}/phone/messages", params={"numbers": number}, timeout=60).json()
        phones.update(
            (number, message["body"])
            for message in shown["messages"]
            if message["direction"] == "outbound" and message["status"] != "failed"
        )
    reached = [row for row in rows if row["state"] in REACHED]
    assert phones == Counter((conversations[row["conversation_id"]], row["body"]) for row in reached)

    # Every fill was told once, or stands in the list of what could not be told, with the reason.
    assert {row["state"] for row in rows} <= {*REACHED, "failed", "grouped"}
    undeliverable = [row for row in rows if row["state"] == "failed"]
    assert all(row["error_code"] for row in undeliverable)
    ours = {order_id for _, order_id in chat}
    expected: Counter[tuple[int, int]] = Counter()
    with database.connect() as connection:
        tick_size = connection.execute(
            sa.text("SELECT tick_size FROM instruments WHERE symbol = 'Dec25-Wheat'")
        ).scalar_one()
    for trade in traded:
        cents = int(trade["price_ticks"] * tick_size * 100)
        for order_id in {trade["maker_order_id"], trade["taker_order_id"]} & ours:
            expected[order_id, cents] += trade["quantity_lots"]
    assert len(expected) > MESSAGES / 10
    assert fills_told([row["body"] for row in reached + undeliverable]) == expected
    assert len(undeliverable) < MESSAGES / 10
