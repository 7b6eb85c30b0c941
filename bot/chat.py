"""A phone in the terminal: a line in, the replies out. `python -m bot.chat [--json] [--as-of DATE] [--phone NUMBER]`.

With DATABASE_URL and REDIS_URL set it speaks to that running stack. Otherwise it starts its own: an empty database,
the demo catalogue as of that day, no quotes and no price band, handling each line in this process.
"""

import argparse
import json
import logging
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import sessionmaker

from bot import inbox, logs, queues, tables, turn
from bot.clock import utc_now
from bot.dialogue import Outcome
from bot.migrate import upgrade
from bot.servers import local_postgres
from bot.settings import Settings, running_servers
from bot.settling import Settling
from bot.understanding import Understanding
from bot.whatsapp import IncomingMessage
from engine import catalogue

ANSWER_SECONDS_MAX = 30
POLL_SECONDS = 0.05
LANGUAGE = "en"
FRONTEND_URL = f"http://127.0.0.1:{Settings.port}"  # Where `make run` would serve the web.
NOON = 12


class Stack(Protocol):
    """Where a line goes, and where its answers are found."""

    sessions: sessionmaker

    def now(self) -> datetime: ...

    def handle(self, conversation_id: int) -> None: ...


class OwnStack:
    """Everything in this process: each line is read, settled and answered before the next."""

    per_minute_max = sys.maxsize  # A script may write as fast as it likes.

    def __init__(self, database: sa.Engine, as_of: date) -> None:
        self.sessions = sessionmaker(database)
        self.settling = Settling(database)
        self.understanding = Understanding()
        self.started = time.monotonic()
        self.start = datetime(as_of.year, as_of.month, as_of.day, NOON, tzinfo=UTC)
        with self.sessions.begin() as session:
            catalogue.load(session, as_of=as_of, shard_count=1, now=self.start, banded=False)
        self.settling.settle(0, self.now)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=time.monotonic() - self.started)

    def handle(self, conversation_id: int) -> None:
        with self.sessions.begin() as session:
            shard_ids = turn.take(
                session,
                self.understanding,
                conversation_id,
                self.now(),
                messages_per_minute_max=self.per_minute_max,
                frontend_url=FRONTEND_URL,
            )
        for shard_id in shard_ids or ():
            self.settling.settle(shard_id, self.now)


class RunningStack:
    """The stack whose database and queue the environment names; its workers answer."""

    def __init__(self, database: sa.Engine, redis: Redis) -> None:
        self.sessions = sessionmaker(database)
        self.redis = redis

    def now(self) -> datetime:
        return utc_now()

    def handle(self, conversation_id: int) -> None:
        queues.wake(self.redis, queues.HANDLE_MESSAGE, conversation_id)


@contextmanager
def open_stack(as_of: date) -> Iterator[Stack]:
    """The running stack, or one of our own that is gone afterwards."""
    if (servers := running_servers()) is not None:
        database_url, redis_url = servers
        yield RunningStack(sa.create_engine(database_url), Redis.from_url(redis_url))
        return
    with TemporaryDirectory(prefix="maibroker-chat-") as directory, local_postgres(Path(directory)) as url:
        upgrade(url)
        database = sa.create_engine(url)
        try:
            yield OwnStack(database, as_of)
        finally:
            database.dispose()


def say(stack: Stack, number: str, text: str) -> dict[str, object]:
    """Send one line and wait for its answer: the replies, the outcome, and the order that it is about.

    Raises TimeoutError where none comes.
    """
    message = IncomingMessage(message_sid="SM" + uuid.uuid4().hex, number=number, body=text)
    with stack.sessions.begin() as session:
        recorded = inbox.record(session, message, stack.now(), LANGUAGE)
    assert recorded is not None
    stack.handle(recorded.conversation_id)
    deadline = time.monotonic() + ANSWER_SECONDS_MAX
    while time.monotonic() < deadline:
        with stack.sessions() as session:
            handled = (
                session.execute(sa.select(tables.inbox).where(tables.inbox.c.message_sid == message.message_sid))
                .mappings()
                .one()
            )
            replies = (
                session.execute(
                    sa.select(tables.outbox.c.body)
                    .where(tables.outbox.c.inbox_id == handled["id"])
                    .order_by(tables.outbox.c.id)
                )
                .scalars()
                .all()
            )
        if handled["handled_at"] is not None and (replies or handled["outcome"] == Outcome.WITH_STAFF):
            shown = handled["order_shown"] or {}
            return {"replies": list(replies), "outcome": handled["outcome"], "order": shown}
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"no answer within {ANSWER_SECONDS_MAX} seconds")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bot.chat", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line: replies, outcome and order")
    parser.add_argument(
        "--as-of", type=date.fromisoformat, default=utc_now().date(), help="the day, for a stack of our own"
    )
    parser.add_argument("--phone", default="+15550100", help="the sender's number")
    arguments = parser.parse_args()
    # What is written to standard output is the conversation alone, and beside it only what went wrong.
    logs.configure(sys.stderr, logging.WARNING)
    if sys.stdin.isatty():
        print("Starting; then write as on a phone, a line a message. Ctrl-D ends it.", file=sys.stderr, flush=True)
    with open_stack(arguments.as_of) as stack:
        for line in sys.stdin:
            answer = say(stack, arguments.phone, line.rstrip("\n"))
            if arguments.json:
                print(json.dumps(answer, ensure_ascii=False), flush=True)
            else:
                print("\n\n".join(answer["replies"]), flush=True)


if __name__ == "__main__":
    main()
