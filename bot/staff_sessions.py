"""Who of our staff is signed in to the desk: until they sign out, are idle, or the working day is over."""

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.login_sessions import digest
from bot.tables import staff, staff_sessions

IDLE_LONGEST = timedelta(minutes=15)
SESSION_LONGEST = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)  # A session's last use is not written with each click.


def begin(session: Session, staff_id: int, now: datetime) -> str:
    """A new session's token, which is stored nowhere; sessions that are over are forgotten."""
    over = sa.or_(
        staff_sessions.c.last_used_at <= now - IDLE_LONGEST, staff_sessions.c.created_at <= now - SESSION_LONGEST
    )
    session.execute(sa.delete(staff_sessions).where(over))
    token = secrets.token_urlsafe(32)
    session.execute(
        sa.insert(staff_sessions).values(digest=digest(token), staff_id=staff_id, created_at=now, last_used_at=now)
    )
    return token


def who(session: Session, token: str, now: datetime) -> sa.RowMapping | None:
    """The staff account's row, with `last_used_at`, of a session that is not over."""
    return (
        session.execute(
            sa.select(staff, staff_sessions.c.last_used_at)
            .join(staff_sessions, staff_sessions.c.staff_id == staff.c.id)
            .where(
                staff_sessions.c.digest == digest(token),
                staff_sessions.c.last_used_at > now - IDLE_LONGEST,
                staff_sessions.c.created_at > now - SESSION_LONGEST,
                staff.c.disabled_at.is_(None),
            )
        )
        .mappings()
        .one_or_none()
    )


def note_use(session: Session, token: str, now: datetime) -> None:
    """Somebody did something here, not a page by itself."""
    session.execute(
        sa.update(staff_sessions)
        .where(staff_sessions.c.digest == digest(token), staff_sessions.c.last_used_at < now - NOTED_EVERY)
        .values(last_used_at=now)
    )


def end(session: Session, token: str) -> None:
    session.execute(sa.delete(staff_sessions).where(staff_sessions.c.digest == digest(token)))


def end_all(session: Session, staff_id: int) -> None:
    session.execute(sa.delete(staff_sessions).where(staff_sessions.c.staff_id == staff_id))
