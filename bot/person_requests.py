"""Traders who ask for a person: kept until one of our staff takes the chat over, or closes the request."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import inbox, outbox
from bot.languages import translations
from bot.outbox import Reply
from bot.tables import conversations


def ask(session: Session, conversation_id: int, now: datetime) -> datetime | None:
    """Keep that this trader asks for a person; returns since when, where it was asked for before."""
    before = session.execute(
        sa.select(conversations.c.person_asked_at).where(conversations.c.id == conversation_id)
    ).scalar_one()
    if before is None:
        session.execute(
            sa.update(conversations).where(conversations.c.id == conversation_id).values(person_asked_at=now)
        )
    return before


def close(session: Session, conversation_id: int, now: datetime) -> bool:
    """Close the request without taking the chat over, and tell the trader; False where none is open."""
    inbox.lock_conversation(session, conversation_id)
    asked = session.execute(
        sa.select(conversations.c.language, conversations.c.person_asked_at).where(
            conversations.c.id == conversation_id, conversations.c.person_asked_at.is_not(None)
        )
    ).one_or_none()
    if asked is None:
        return False
    session.execute(sa.update(conversations).where(conversations.c.id == conversation_id).values(person_asked_at=None))
    body = translations(asked.language).gettext("Our support has closed your request for a person. You can ask again.")
    cause = f"person_request_closed:{conversation_id}:{asked.person_asked_at.isoformat()}"
    outbox.add(session, [Reply(conversation_id=conversation_id, cause=cause, body=body)], now)
    return True


def waiting(session: Session) -> list[sa.RowMapping]:
    """The chats whose trader asks for a person whom nobody has sent yet, the longest first."""
    query = sa.select(conversations).where(conversations.c.person_asked_at.is_not(None))
    return list(session.execute(query.order_by(conversations.c.person_asked_at)).mappings())
