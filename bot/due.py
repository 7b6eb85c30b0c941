"""Which replies are due: what may leave now, what must wait, and of what nothing was heard."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.outbox import OUTSIDE_WINDOW, State
from bot.settings import Settings
from bot.tables import conversations
from bot.tables import outbox as messages
from bot.whatsapp import NOTICE_CHARACTERS_MAX, SERVICE_WINDOW

# A bound parameter where the statement is made once and asked often.
Moment = datetime | sa.ColumnElement[datetime]


def has_due(session: Session, settings: Settings, now: datetime) -> bool:
    """Whether a message waits to be handed over or asked after."""
    waiting = (
        sa.select(messages.c.id)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(is_due(settings, now), is_first())
    )
    unreported = sa.select(messages.c.id).where(is_unreported(settings, now))
    return session.execute(sa.select(sa.or_(waiting.exists(), unreported.exists()))).scalar_one()


def is_due(settings: Settings, now: Moment) -> sa.ColumnElement[bool]:
    """Waiting for nothing any more; or claimed so long ago that the process that did is taken for dead."""
    later = messages.alias("later")
    answer_behind = sa.exists().where(
        later.c.conversation_id == messages.c.conversation_id,
        later.c.id > messages.c.id,
        later.c.state == State.WAITING,
        ~later.c.is_notice,
    )
    # A trader who asked something is not kept waiting for the sake of news.
    is_not_too_soon = sa.or_(
        ~messages.c.is_notice,
        conversations.c.noticed_at.is_(None),
        conversations.c.noticed_at <= now - timedelta(seconds=settings.notice_seconds_min),
        answer_behind,
    )
    fits_template = sa.and_(
        conversations.c.language.in_(list(settings.twilio_notice_templates)),
        sa.func.length(messages.c.body) <= NOTICE_CHARACTERS_MAX,
    )
    return sa.or_(
        sa.and_(
            messages.c.state == State.WAITING,
            messages.c.due_at <= now,
            sa.or_(messages.c.kept_until.is_(None), messages.c.kept_until > now),
            is_not_too_soon,
            sa.or_(window_is_open(now), fits_template),
        ),
        sa.and_(messages.c.state == State.SENDING, messages.c.claimed_at < _abandoned_before(settings, now)),
    )


def drop_outdated(session: Session, settings: Settings, now: datetime) -> None:
    """Give up what has waited until nobody wants to read it any more."""
    session.execute(
        sa.update(messages)
        .where(
            messages.c.kept_until <= now,
            sa.or_(
                messages.c.state == State.WAITING,
                sa.and_(messages.c.state == State.SENDING, messages.c.claimed_at < _abandoned_before(settings, now)),
            ),
        )
        .values(state=State.OUTDATED)
    )


def _abandoned_before(settings: Settings, now: datetime) -> datetime:
    """When a message was claimed whose process is taken for dead by now."""
    return now - timedelta(seconds=2 * settings.twilio_seconds_max)


def is_first() -> sa.ColumnElement[bool]:
    """Nothing earlier in its conversation waits before it."""
    earlier = messages.alias("earlier")
    return ~sa.exists().where(
        earlier.c.conversation_id == messages.c.conversation_id,
        earlier.c.id < messages.c.id,
        earlier.c.state.in_((State.WAITING, State.SENDING)),
    )


def window_is_open(now: Moment) -> sa.ColumnElement[bool]:
    """Whether WhatsApp takes free text: the trader wrote in the last 24 hours, and since it was refused for that."""
    return sa.and_(
        conversations.c.last_inbound_at > now - SERVICE_WINDOW,
        sa.or_(
            messages.c.error_code.is_distinct_from(OUTSIDE_WINDOW),
            conversations.c.last_inbound_at > messages.c.claimed_at,
        ),
    )


def is_unreported(settings: Settings, now: Moment) -> sa.ColumnElement[bool]:
    return sa.and_(
        messages.c.state.in_((State.QUEUED, State.SENT)),
        messages.c.sent_at < now - timedelta(seconds=settings.status_seconds_max),
        messages.c.checked_at.is_(None),
    )
