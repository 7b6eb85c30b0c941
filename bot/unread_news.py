"""News of orders that lies unread in WhatsApp, or never got there: the terminal tells it once more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.outbox import State
from bot.tables import outbox

REPEATED_WITHIN = timedelta(days=7)  # Past it, it is no news.


def take(session: Session, conversation_id: int, now: datetime) -> Sequence[sa.Row[tuple[int, str, datetime]]]:
    """What nobody has read, the oldest first, as rows of `order_id`, `body` and `created_at`; each is given once."""
    taken = (
        sa.update(outbox)
        .where(
            outbox.c.conversation_id == conversation_id,
            outbox.c.is_notice,
            outbox.c.order_id.is_not(None),
            outbox.c.repeated_at.is_(None),
            outbox.c.state.not_in((State.READ, State.GROUPED, State.MUTED)),
            outbox.c.created_at > now - REPEATED_WITHIN,
            outbox.c.body != "",  # Forgotten, as its time was over.
        )
        .values(repeated_at=now)
        .returning(outbox.c.id, outbox.c.order_id, outbox.c.body, outbox.c.created_at)
        .cte("taken")
    )
    return session.execute(sa.select(taken.c.order_id, taken.c.body, taken.c.created_at).order_by(taken.c.id)).all()
