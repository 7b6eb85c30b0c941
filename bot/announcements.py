"""What our staff tell everyone who trades by chat, each in their own language and once."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.languages import LANGUAGES
from bot.refusals import RequestRefused
from bot.tables import announcements, conversations, outbox, staff

HEARD_WITHIN = timedelta(days=30)  # Who has not written for longer is not disturbed.
BODY_LENGTH_MAX = 900  # It must fit a template of WhatsApp's, for those whose 24 hours are over.


class IncompleteAnnouncement(RequestRefused):
    """It needs a text in each language, none of them too long. Facts: length_max."""

    code = "incomplete_announcement"


def announce(session: Session, staff_id: int, bodies: Mapping[str, str], request_key: str, now: datetime) -> int:
    """Put it into everyone's queue; returns how many get it. A repeated key sends nothing.

    Raises IncompleteAnnouncement.
    """
    texts = {language: bodies.get(language, "").strip() for language in LANGUAGES}
    if not all(0 < len(text) <= BODY_LENGTH_MAX for text in texts.values()):
        raise IncompleteAnnouncement(length_max=BODY_LENGTH_MAX)
    announcement_id = session.execute(
        insert(announcements)
        .values(staff_id=staff_id, request_key=request_key, bodies=texts, recipients=0, created_at=now)
        .on_conflict_do_nothing(index_elements=[announcements.c.request_key])
        .returning(announcements.c.id)
    ).scalar()
    if announcement_id is None:
        sent = sa.select(announcements.c.recipients).where(announcements.c.request_key == request_key)
        return session.execute(sent).scalar_one()
    body = sa.case(texts, value=conversations.c.language)
    cause = sa.literal(f"announcement:{announcement_id}:") + sa.cast(conversations.c.id, sa.Text)
    chosen = sa.select(conversations.c.id, cause, body, sa.true(), sa.literal(now), sa.literal(now)).where(
        conversations.c.last_inbound_at > now - HEARD_WITHIN
    )
    columns = ["conversation_id", "cause", "body", "is_notice", "created_at", "due_at"]
    recipients = session.execute(sa.insert(outbox).from_select(columns, chosen)).rowcount
    session.execute(sa.update(announcements).where(announcements.c.id == announcement_id).values(recipients=recipients))
    return recipients


def newest(session: Session, limit: int) -> list[sa.RowMapping]:
    """The last announcements, with who made them."""
    query = sa.select(announcements, staff.c.username).join(staff, staff.c.id == announcements.c.staff_id)
    return list(session.execute(query.order_by(announcements.c.id.desc()).limit(limit)).mappings())
