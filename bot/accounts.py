"""Who is who: a trader for every number that writes to us, and what each trader chose."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import places
from bot.tables import conversations
from engine.tables import traders

FIRST_CONTACT_LOCK = 81  # The class of advisory locks that keeps two first messages from making two traders.


def conversation_for(session: Session, number: str, now: datetime, default_language: str) -> int:
    """The conversation of this number, its row locked; a number's first message makes a guest trader, named by it.

    Until its words tell a language, the conversation is in that of the number's country, or else in the default one.
    """
    heard = (
        sa.update(conversations)
        .where(conversations.c.number == number)
        .values(last_inbound_at=now)
        .returning(conversations.c.id)
    )
    known = session.execute(heard).scalar()
    if known is not None:
        return known
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(FIRST_CONTACT_LOCK, sa.func.hashtext(number))))
    known = session.execute(heard).scalar()
    if known is not None:
        return known
    language = places.language_of(number) or default_language
    trader_id = session.execute(
        sa.insert(traders)
        .values(display_name=number, language=language, kind="guest", created_at=now)
        .returning(traders.c.id)
    ).scalar_one()
    return session.execute(
        sa.insert(conversations)
        .values(number=number, trader_id=trader_id, language=language, last_inbound_at=now, created_at=now)
        .returning(conversations.c.id)
    ).scalar_one()
