"""What traders sent, kept the moment it arrived and handled in the order of arrival."""

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot import accounts, tables
from bot.whatsapp import IncomingMessage

CONVERSATION_LOCK = 82  # The class of advisory locks that keeps one conversation's messages in order.


class Recorded(NamedTuple):
    """A message that was kept, and the conversation that it belongs to."""

    inbox_id: int
    conversation_id: int


def record(session: Session, message: IncomingMessage, now: datetime, default_language: str) -> Recorded | None:
    """Keep a message; None where it is here already.

    The conversation's row is locked first, so that the numbers of one person's messages follow their arrival.
    """
    conversation_id = accounts.conversation_for(session, message.number, now, default_language)
    kept = session.execute(
        insert(tables.inbox)
        .values(
            message_sid=message.message_sid,
            conversation_id=conversation_id,
            body=message.body.replace("\x00", ""),
            media_url=message.media_url,
            media_type=message.media_type,
            button_payload=message.button_payload,
            replied_message_sid=message.replied_message_sid,
            received_at=now,
        )
        # Twilio delivers again whatever we were slow to acknowledge.
        .on_conflict_do_nothing(index_elements=[tables.inbox.c.message_sid])
        .returning(tables.inbox.c.id)
    ).scalar()
    return None if kept is None else Recorded(kept, conversation_id)


def lock_conversation(session: Session, conversation_id: int) -> None:
    """One at a time has a conversation until its transaction ends: its messages stay in order, and links wait."""
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(CONVERSATION_LOCK, conversation_id)))


def oldest_waiting(session: Session, conversation_id: int) -> sa.RowMapping | None:
    """The message to handle next; the caller holds the conversation's lock."""
    return (
        session.execute(
            sa.select(tables.inbox)
            .where(tables.inbox.c.conversation_id == conversation_id, tables.inbox.c.handled_at.is_(None))
            .order_by(tables.inbox.c.id)
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )


def count_minute_before(session: Session, message: sa.RowMapping) -> int:
    """How many messages its sender sent in the minute up to this one, itself included."""
    received_at = message["received_at"]
    return session.execute(
        sa.select(sa.func.count()).where(
            tables.inbox.c.conversation_id == message["conversation_id"],
            tables.inbox.c.id <= message["id"],
            tables.inbox.c.received_at > received_at - timedelta(minutes=1),
        )
    ).scalar_one()


def waiting_conversations(session: Session, before: datetime) -> list[int]:
    """Conversations whose messages, with nothing left to transcribe, have waited since before that time."""
    return list(
        session.execute(
            sa.select(tables.inbox.c.conversation_id)
            .where(
                tables.inbox.c.handled_at.is_(None),
                tables.inbox.c.received_at < before,
                sa.or_(tables.inbox.c.media_url.is_(None), tables.inbox.c.transcript.is_not(None)),
            )
            .distinct()
        ).scalars()
    )


def waiting_voice_notes(session: Session, before: datetime) -> list[int]:
    """Messages with media that have waited to be transcribed since before that time."""
    return list(
        session.execute(
            sa.select(tables.inbox.c.id).where(
                tables.inbox.c.handled_at.is_(None),
                tables.inbox.c.received_at < before,
                tables.inbox.c.media_url.is_not(None),
                tables.inbox.c.transcript.is_(None),
            )
        ).scalars()
    )
