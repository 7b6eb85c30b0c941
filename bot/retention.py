"""What is kept for how long: the sweep forgets what people wrote and said once its time is over."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import erasure
from bot.outbox import State
from bot.tables import inbox, outbox

FORGOTTEN_AT_ONCE_MAX = 500


def forget_old_messages(session: Session, now: datetime, keep_days: int) -> None:
    """Empty the oldest messages and replies whose time is over, some at a time; orders and trades stay."""
    before = now - timedelta(days=keep_days)
    messages = (
        sa.select(inbox.c.id)
        .where(
            inbox.c.received_at < before,
            inbox.c.handled_at.is_not(None),
            sa.or_(inbox.c.body != "", inbox.c.transcript.is_not(None)),
        )
        .order_by(inbox.c.received_at)
        .limit(FORGOTTEN_AT_ONCE_MAX)
    )
    replies = (
        sa.select(outbox.c.id)
        .where(outbox.c.created_at < before, outbox.c.state.not_in((State.WAITING, State.SENDING)), outbox.c.body != "")
        .order_by(outbox.c.created_at)
        .limit(FORGOTTEN_AT_ONCE_MAX)
    )
    erasure.forget_messages(session, inbox.c.id.in_(messages), now)
    erasure.forget_replies(session, outbox.c.id.in_(replies))
