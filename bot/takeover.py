"""A chat that a person of our staff answers: the bot keeps still there, but for a trader's STOP, until it is back."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import inbox, outbox
from bot.languages import translations
from bot.outbox import Reply
from bot.refusals import RequestRefused
from bot.tables import conversations

TEXT_LENGTH_MAX = 1500  # With what stands before it, one WhatsApp message.


class ChatNotFound(RequestRefused):
    """No such chat. Facts: conversation_id."""

    code = "chat_not_found"


class ChatTaken(RequestRefused):
    """Somebody else of our staff answers this chat. Facts: conversation_id."""

    code = "chat_taken"


class ChatNotTaken(RequestRefused):
    """The chat is the bot's: take it over before you write. Facts: conversation_id."""

    code = "chat_not_taken"


class EmptyText(RequestRefused):
    """There is nothing to send, or it is longer than one message. Facts: length_max."""

    code = "empty_text"


def find(session: Session, conversation_id: int) -> sa.RowMapping:
    """The conversation's row. Raises ChatNotFound."""
    query = sa.select(conversations).where(conversations.c.id == conversation_id)
    found = session.execute(query).mappings().one_or_none()
    if found is None:
        raise ChatNotFound(conversation_id=conversation_id)
    return found


def take_over(session: Session, conversation_id: int, staff_id: int, event_id: int, now: datetime) -> None:
    """From now on this person answers; an open question is void, and the trader is told. Raises ChatTaken.

    Whoever asked for a person has one then. `event_id` is the audit's, so that it is told once.
    """
    chat = _locked(session, conversation_id)
    if chat["taken_over_by"] == staff_id:
        return
    if chat["taken_over_by"] is not None:
        raise ChatTaken(conversation_id=conversation_id)
    _set(session, conversation_id, taken_over_by=staff_id, taken_over_at=now, person_asked_at=None, question=None)
    _ = translations(chat["language"]).gettext
    body = _(
        "A person from our support answers you here now. I place no orders until they hand back to me; "
        "*STOP* still cancels everything. If I was asking you something, it is void."
    )
    _tell(session, conversation_id, f"security:{event_id}", body, now)


def write(session: Session, conversation_id: int, staff_id: int, text: str, request_key: str, now: datetime) -> None:
    """Send what this person writes, once for each key. Raises ChatNotTaken, EmptyText."""
    chat = _locked(session, conversation_id)
    if chat["taken_over_by"] != staff_id:
        raise ChatNotTaken(conversation_id=conversation_id)
    if not 0 < len(text.strip()) <= TEXT_LENGTH_MAX:
        raise EmptyText(length_max=TEXT_LENGTH_MAX)
    _ = translations(chat["language"]).gettext
    body = "*" + _("Support") + ":* " + text.strip()
    _tell(session, conversation_id, f"staff:{request_key}", body, now)


def hand_back(session: Session, conversation_id: int, event_id: int, now: datetime) -> None:
    """The bot answers again, and says so. Anybody may do it: who took over may have gone home."""
    chat = _locked(session, conversation_id)
    if chat["taken_over_by"] is None:
        return
    _set(session, conversation_id, taken_over_by=None, taken_over_at=None, question=None)
    _ = translations(chat["language"]).gettext
    body = _("I am back: write me your orders as usual. What you wrote meanwhile was read by a person only.")
    _tell(session, conversation_id, f"security:{event_id}", body, now)


def taken_over(session: Session) -> list[sa.RowMapping]:
    """The chats that our staff answer, the longest first."""
    query = sa.select(conversations).where(conversations.c.taken_over_at.is_not(None))
    return list(session.execute(query.order_by(conversations.c.taken_over_at)).mappings())


def _locked(session: Session, conversation_id: int) -> sa.RowMapping:
    """The conversation, none of whose messages is being handled until this transaction ends. Raises ChatNotFound."""
    inbox.lock_conversation(session, conversation_id)
    return find(session, conversation_id)


def _set(session: Session, conversation_id: int, **values: object) -> None:
    session.execute(sa.update(conversations).where(conversations.c.id == conversation_id).values(**values))


def _tell(session: Session, conversation_id: int, cause: str, body: str, now: datetime) -> None:
    outbox.add(session, [Reply(conversation_id=conversation_id, cause=cause, body=body)], now)
