"""Voice notes while they wait and after they were heard: what their senders are told, and how long they are kept."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import outbox, replies, tables
from bot.outbox import Reply


def tell_listening(session: Session, inbox_id: int, now: datetime) -> None:
    """Say that a voice note has arrived and waits its turn; said once."""
    waiting = session.execute(
        sa.select(tables.conversations.c.id, tables.conversations.c.language)
        .join(tables.inbox, tables.inbox.c.conversation_id == tables.conversations.c.id)
        .where(tables.inbox.c.id == inbox_id)
    ).one()
    body = replies.listening(waiting.language)
    outbox.add(session, [Reply(conversation_id=waiting.id, cause=f"listening:{inbox_id}", body=body)], now)


def give_up_waiting(session: Session, before: datetime) -> None:
    """Refuse the voice notes that have waited since then: whatever their sender wrote after them waits too."""
    session.execute(
        sa.update(tables.inbox)
        .where(
            tables.inbox.c.handled_at.is_(None),
            tables.inbox.c.media_url.is_not(None),
            tables.inbox.c.transcript.is_(None),
            tables.inbox.c.received_at < before,
        )
        .values(transcript={"refused": "no_model"})
    )


def forget_old(session: Session, now: datetime) -> int:
    """Delete the recordings whose time is over; returns how many."""
    return session.execute(sa.delete(tables.recordings).where(tables.recordings.c.kept_until < now)).rowcount
