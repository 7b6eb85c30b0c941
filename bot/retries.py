"""What did not come through, and another try: messages that wait or were given up, replies that were not delivered.

A message that was given up was answered with "something went wrong", and its sender may have acted on that. Handled
again, it places and cancels nothing before a new yes; and not while a question is open, which it might answer.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import inbox
from bot.outbox import State
from bot.refusals import RequestRefused
from bot.tables import conversations, outbox
from bot.tables import inbox as messages
from engine.tables import malfunctions

SHOWN_MAX = 100


class MessageNotFound(RequestRefused):
    """No such message. Facts: inbox_id."""

    code = "message_not_found"


class MessageHandled(RequestRefused):
    """The message was understood and answered: handling it twice would be one time too many. Facts: inbox_id."""

    code = "message_handled"


class QuestionOpen(RequestRefused):
    """The trader is being asked something, which the message might answer. Facts: inbox_id."""

    code = "question_open"


class ReplyNotFailed(RequestRefused):
    """The reply is on its way or has arrived. Facts: outbox_id."""

    code = "reply_not_failed"


def waiting_messages(session: Session, before: datetime) -> list[sa.RowMapping]:
    """Messages, with their senders' numbers, that have waited since before that time; the oldest first."""
    waits = sa.and_(messages.c.handled_at.is_(None), messages.c.received_at < before)
    return _messages(session, waits, messages.c.id)


def given_up_messages(session: Session) -> list[sa.RowMapping]:
    """Messages that could not be handled, the newest first."""
    return _messages(session, _is_given_up(), messages.c.id.desc())


def undelivered_replies(session: Session) -> list[sa.RowMapping]:
    """Replies that will not arrive, with their numbers, the newest first."""
    return _replies(session, outbox.c.state == State.FAILED, outbox.c.id.desc())


def held_replies(session: Session, before: datetime) -> list[sa.RowMapping]:
    """Replies, with their numbers, that have waited to be sent since before that time; the oldest first."""
    waits = sa.and_(outbox.c.state == State.WAITING, outbox.c.due_at < before)
    return _replies(session, waits, outbox.c.id)


def newest_malfunctions(session: Session) -> list[sa.RowMapping]:
    """Commands that the market could not take, the newest first."""
    query = sa.select(malfunctions).order_by(malfunctions.c.command_id.desc()).limit(SHOWN_MAX)
    return list(session.execute(query).mappings())


def retry_message(session: Session, inbox_id: int, now: datetime) -> sa.RowMapping:
    """Have a message handled again; returns its row, for the caller to wake its workers after the commit.

    One that still waits is only woken. Raises MessageNotFound, MessageHandled, QuestionOpen.
    """
    message = find_message(session, inbox_id)
    inbox.lock_conversation(session, message["conversation_id"])
    message = find_message(session, inbox_id)
    if message["handled_at"] is None:
        return message
    if not (message["failures"] and message["outcome"] == "refused" and message["reading"] is None):
        raise MessageHandled(inbox_id=inbox_id)
    question = session.execute(
        sa.select(conversations.c.question).where(conversations.c.id == message["conversation_id"])
    ).scalar_one()
    if question is not None and datetime.fromisoformat(question["expires_at"]) > now:
        raise QuestionOpen(inbox_id=inbox_id)
    session.execute(
        sa.update(messages)
        .where(messages.c.id == inbox_id)
        .values(handled_at=None, outcome=None, failures=0, retries=messages.c.retries + 1)
    )
    return message


def send_again(session: Session, outbox_id: int, now: datetime) -> int:
    """One more attempt for a reply that failed; returns its conversation. Raises ReplyNotFailed."""
    conversation_id = session.execute(
        sa.update(outbox)
        .where(outbox.c.id == outbox_id, outbox.c.state == State.FAILED)
        .values(state=State.WAITING, due_at=now, message_sid=None, sent_at=None, checked_at=None)
        .returning(outbox.c.conversation_id)
    ).scalar()
    if conversation_id is None:
        raise ReplyNotFailed(outbox_id=outbox_id)
    return conversation_id


def find_message(session: Session, inbox_id: int) -> sa.RowMapping:
    """Raises MessageNotFound."""
    found = session.execute(sa.select(messages).where(messages.c.id == inbox_id)).mappings().one_or_none()
    if found is None:
        raise MessageNotFound(inbox_id=inbox_id)
    return found


def _is_given_up() -> sa.ColumnElement[bool]:
    """As bot.turn.give_up leaves a message: handled, refused, and never read."""
    return sa.and_(messages.c.failures > 0, messages.c.outcome == "refused", messages.c.reading.is_(None))


def _replies(session: Session, which: sa.ColumnElement[bool], order: sa.ColumnElement[int]) -> list[sa.RowMapping]:
    query = sa.select(outbox, conversations.c.number).join(
        conversations, conversations.c.id == outbox.c.conversation_id
    )
    return list(session.execute(query.where(which).order_by(order).limit(SHOWN_MAX)).mappings())


def _messages(session: Session, which: sa.ColumnElement[bool], order: sa.ColumnElement[int]) -> list[sa.RowMapping]:
    query = sa.select(messages, conversations.c.number).join(
        conversations, conversations.c.id == messages.c.conversation_id
    )
    return list(session.execute(query.where(which).order_by(order).limit(SHOWN_MAX)).mappings())
