"""A trader's STOP: lifted by the trader on the web, or by our staff for somebody who has no account there."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import inbox, outbox
from bot.languages import translations
from bot.outbox import Reply
from bot.tables import conversations


def lift(session: Session, conversation_id: int, now: datetime) -> bool:
    """Open chat trading again and tell the trader; False where no STOP holds."""
    inbox.lock_conversation(session, conversation_id)
    stopped = session.execute(
        sa.select(conversations.c.language, conversations.c.frozen_at).where(
            conversations.c.id == conversation_id, conversations.c.frozen_at.is_not(None)
        )
    ).one_or_none()
    if stopped is None:
        return False
    session.execute(
        sa.update(conversations).where(conversations.c.id == conversation_id).values(frozen_at=None, question=None)
    )
    body = translations(stopped.language).gettext("Chat trading is open for you again.")
    cause = f"stop_lifted:{conversation_id}:{stopped.frozen_at.isoformat()}"
    outbox.add(session, [Reply(conversation_id=conversation_id, cause=cause, body=body)], now)
    return True
