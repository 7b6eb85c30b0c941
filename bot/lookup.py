"""Finding what a person of our staff asks for: by number, trader, order, message id or words."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.tables import accounts, conversations, inbox, outbox
from engine.tables import orders, traders

FOUND_MAX = 20
NUMBER_DIGITS_MIN = 4
ID_MAX = 2**63 - 1
WORDS_AMONG = 100_000  # So many of the newest messages are searched for words.


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows of each kind: `chats` and `messages` have their number, `people` their username and display name."""

    chats: list[sa.RowMapping]
    people: list[sa.RowMapping]
    orders: list[sa.RowMapping]
    messages: list[sa.RowMapping]


def search(session: Session, asked: str) -> Found:
    """Whatever the words may mean, each kind the newest first."""
    text = asked.strip()
    digits = "".join(character for character in text if character.isdigit())
    number = int(text) if text.isascii() and text.isdecimal() and int(text) <= ID_MAX else None
    is_number = len(digits) >= NUMBER_DIGITS_MIN and not any(character.isalpha() for character in text)
    return Found(
        chats=_chats(session, digits) if is_number else [],
        people=_people(session, text, number) if text else [],
        orders=_rows(session, sa.select(orders).where(orders.c.id == number)) if number is not None else [],
        messages=_messages(session, text, number) if text else [],
    )


def _chats(session: Session, digits: str) -> list[sa.RowMapping]:
    query = sa.select(conversations).where(conversations.c.number.contains(digits, autoescape=True))
    return _rows(session, query.order_by(conversations.c.last_inbound_at.desc().nulls_last()))


def _people(session: Session, text: str, number: int | None) -> list[sa.RowMapping]:
    named = sa.or_(
        traders.c.display_name.icontains(text, autoescape=True), accounts.c.username.icontains(text, autoescape=True)
    )
    query = sa.select(traders, accounts.c.username).outerjoin(accounts, accounts.c.trader_id == traders.c.id)
    return _rows(
        session,
        query.where(named if number is None else sa.or_(named, traders.c.id == number)).order_by(traders.c.id.desc()),
    )


def _messages(session: Session, text: str, number: int | None) -> list[sa.RowMapping]:
    query = sa.select(inbox, conversations.c.number).join(conversations, conversations.c.id == inbox.c.conversation_id)
    if number is not None:
        return _rows(session, query.where(inbox.c.id == number))
    # Read first, so that both ways to a message go by an index.
    answered = session.scalars(sa.select(outbox.c.inbox_id).where(outbox.c.message_sid == text)).all()
    by_sid = _rows(session, query.where(sa.or_(inbox.c.message_sid == text, inbox.c.id.in_(answered))))
    if by_sid:
        return by_sid
    oldest = sa.select(sa.func.max(inbox.c.id) - WORDS_AMONG).scalar_subquery()
    said = sa.or_(
        inbox.c.body.icontains(text, autoescape=True),
        inbox.c.transcript["text"].astext.icontains(text, autoescape=True),
    )
    return _rows(session, query.where(inbox.c.id > oldest, said).order_by(inbox.c.id.desc()))


def _rows(session: Session, query: sa.Select[tuple[object, ...]]) -> list[sa.RowMapping]:
    return list(session.execute(query.limit(FOUND_MAX)).mappings())
