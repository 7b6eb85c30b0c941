"""Traders who chat with the whole bot and engine in this process, on a database of the test's own."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from bot import inbox, tables
from bot.chat import OwnStack, say
from bot.understanding import Understanding
from bot.whatsapp import IncomingMessage
from nlp.catalogue import Catalogue
from nlp.parser import Parser

AS_OF = datetime(2025, 11, 3, 12, tzinfo=UTC)
sids = itertools.count(1)
parsers: list[tuple[Catalogue, Parser]] = []


def parser_for(catalogue: Catalogue) -> Parser:
    """One parser for all the tests that list the same: building it takes longer than most of them."""
    for known, parser in parsers:
        if known == catalogue:
            return parser
    parsers.append((catalogue, Parser(catalogue)))
    return parsers[-1][1]


class StoppedClockStack(OwnStack):
    """A stack whose time stands still until the test moves it."""

    moved = timedelta()

    def __init__(self, database: Engine, as_of: date) -> None:
        super().__init__(database, as_of)
        self.understanding = Understanding(parser_for)

    def now(self) -> datetime:
        return AS_OF + self.moved

    def wait(self, **duration: float) -> None:
        self.moved += timedelta(**duration)


class Traders:
    """Numbers that write, and what each is told."""

    def __init__(self, stack: StoppedClockStack) -> None:
        self.stack = stack
        self._read: dict[str, int] = {}

    def say(self, number: str, text: str) -> dict[str, object]:
        """One line's answer, as `python -m bot.chat --json` gives it."""
        return say(self.stack, number, text)

    def reply(self, number: str, text: str) -> str:
        return "\n".join(self.say(number, text)["replies"])

    def outcome(self, number: str, text: str) -> object:
        return self.say(number, text)["outcome"]

    def send(self, number: str, **fields: str) -> None:
        """A message with more than text, handled."""
        message = IncomingMessage(message_sid=f"SMtest{next(sids)}", number=number, **fields)
        with self.stack.sessions.begin() as session:
            recorded = inbox.record(session, message, self.stack.now(), "en")
        assert recorded is not None
        self.stack.handle(recorded.conversation_id)

    def told(self, number: str) -> list[str]:
        """What this number was told since it was last asked, in order."""
        with self.stack.sessions() as session:
            rows = session.execute(
                sa.select(tables.outbox.c.id, tables.outbox.c.body)
                .join(tables.conversations, tables.conversations.c.id == tables.outbox.c.conversation_id)
                .where(tables.conversations.c.number == number, tables.outbox.c.id > self._read.get(number, 0))
                .order_by(tables.outbox.c.id)
            ).all()
        if rows:
            self._read[number] = rows[-1].id
        return [row.body for row in rows]

    def settle(self) -> None:
        """What time alone brings about."""
        self.stack.settling.settle(0, self.stack.now)


@pytest.fixture
def traders(database: Engine) -> Traders:
    return Traders(StoppedClockStack(database, AS_OF.date()))
