"""Logins: each a family of refresh tokens of which only the newest is good, until it is ended.

A refresh token is random, handed out once, and stored only as its digest. One that comes back at once belongs to a
client that never heard our answer, and gets another. One that comes back later, or whose brother has been used too, has
been copied by someone: the whole login ends.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.refusals import RequestRefused
from bot.tables import accounts, login_sessions, refresh_tokens

REFRESH_LIFETIME = timedelta(days=30)
REPEATED_WITHIN = timedelta(seconds=10)  # In which an answer that was lost may be asked for again.
USER_AGENT_LENGTH_MAX = 200

# Made once: every request passes here.
TRADER = (
    sa.select(accounts.c.trader_id)
    .join(login_sessions, login_sessions.c.account_id == accounts.c.id)
    .where(
        accounts.c.id == sa.bindparam("account"),
        login_sessions.c.id == sa.bindparam("login"),
        login_sessions.c.ended_at.is_(None),
    )
)
TRADER_HELD = TRADER.with_for_update(read=True, key_share=True, of=accounts)


class InvalidRefreshToken(RequestRefused):
    """Unknown, expired, or of a login that has ended."""

    code = "invalid_refresh_token"


class SessionNotFound(RequestRefused):
    """No such login of this account. Facts: session_id."""

    code = "session_not_found"


class Login(NamedTuple):
    account_id: int
    session_id: int
    refresh_token: str


class Refreshed(NamedTuple):
    """`login` is None where the token has been copied, and the login has ended for it."""

    account_id: int
    session_id: int
    login: Login | None


def begin(session: Session, account_id: int, *, user_agent: str, ip_address: str, now: datetime) -> Login:
    session_id = session.execute(
        sa.insert(login_sessions)
        .values(
            account_id=account_id,
            user_agent=user_agent[:USER_AGENT_LENGTH_MAX],
            ip_address=ip_address,
            created_at=now,
            last_used_at=now,
        )
        .returning(login_sessions.c.id)
    ).scalar_one()
    return Login(account_id, session_id, _issue(session, session_id, None, now))


def refresh(session: Session, token: str, now: datetime) -> Refreshed:
    """The next token of the login; raises InvalidRefreshToken. One that was copied ends the login: commit that."""
    found = session.execute(
        sa.select(
            refresh_tokens.c.digest,
            refresh_tokens.c.parent,
            refresh_tokens.c.session_id,
            refresh_tokens.c.used_at,
            refresh_tokens.c.expires_at,
            login_sessions.c.account_id,
            login_sessions.c.ended_at,
        )
        .join(login_sessions, login_sessions.c.id == refresh_tokens.c.session_id)
        .where(refresh_tokens.c.digest == digest(token))
        # Two that come at once are taken one after the other, so that the second is seen to be a repetition.
        .with_for_update()
    ).one_or_none()
    if found is None or found.ended_at is not None or found.expires_at <= now:
        raise InvalidRefreshToken
    is_late = found.used_at is not None and found.used_at <= now - REPEATED_WITHIN
    if is_late or _has_used_brother(session, found.digest, found.parent):
        end(session, found.account_id, found.session_id, "refresh_token_reused", now)
        return Refreshed(found.account_id, found.session_id, None)
    first_use = sa.func.coalesce(refresh_tokens.c.used_at, now)
    session.execute(sa.update(refresh_tokens).where(refresh_tokens.c.digest == found.digest).values(used_at=first_use))
    session.execute(sa.update(login_sessions).where(login_sessions.c.id == found.session_id).values(last_used_at=now))
    login = Login(found.account_id, found.session_id, _issue(session, found.session_id, found.digest, now))
    return Refreshed(found.account_id, found.session_id, login)


def _has_used_brother(session: Session, token_digest: bytes, parent: bytes | None) -> bool:
    """Whether another token that the same one got has been used: two hold what one was given."""
    if parent is None:
        return False
    used = sa.exists().where(
        refresh_tokens.c.parent == parent,
        refresh_tokens.c.digest != token_digest,
        refresh_tokens.c.used_at.is_not(None),
    )
    return session.execute(sa.select(used)).scalar_one()


def _issue(session: Session, session_id: int, parent: bytes | None, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.execute(
        sa.insert(refresh_tokens).values(
            digest=digest(token), parent=parent, session_id=session_id, expires_at=now + REFRESH_LIFETIME
        )
    )
    return token


def digest(token: str) -> bytes:
    """A random token needs no slow hash: nobody can try them all."""
    return hashlib.sha256(token.encode()).digest()


def trader_of(session: Session, account_id: int, session_id: int, *, writing: bool) -> int | None:
    """The trader whom a live login acts for; None if it has ended.

    `writing` holds off a link that would move the account to another trader until the caller's transaction ends.
    """
    query = TRADER_HELD if writing else TRADER
    return session.execute(query, {"account": account_id, "login": session_id}).scalar()


def traders_of(session: Session, session_ids: Collection[int]) -> dict[int, int]:
    """By login, the trader for whom it acts; those that have ended are missing."""
    found = session.execute(
        sa.select(login_sessions.c.id, accounts.c.trader_id)
        .join(accounts, accounts.c.id == login_sessions.c.account_id)
        .where(login_sessions.c.id.in_(session_ids), login_sessions.c.ended_at.is_(None))
    )
    return {row.id: row.trader_id for row in found}


def live(session: Session, account_id: int) -> list[sa.RowMapping]:
    """The account's logins that have not ended, the last used first."""
    return list(
        session.execute(
            sa.select(login_sessions)
            .where(login_sessions.c.account_id == account_id, login_sessions.c.ended_at.is_(None))
            .order_by(login_sessions.c.last_used_at.desc(), login_sessions.c.id.desc())
        ).mappings()
    )


def end(session: Session, account_id: int, session_id: int, reason: str, now: datetime) -> None:
    """Raises SessionNotFound where the account has no such live login."""
    ended = session.execute(
        sa.update(login_sessions)
        .where(
            login_sessions.c.id == session_id,
            login_sessions.c.account_id == account_id,
            login_sessions.c.ended_at.is_(None),
        )
        .values(ended_at=now, end_reason=reason)
        .returning(login_sessions.c.id)
    ).scalar()
    if ended is None:
        raise SessionNotFound(session_id=session_id)


def end_others(session: Session, account_id: int, kept_id: int | None, reason: str, now: datetime) -> int:
    """End every login of the account but one; returns how many."""
    return len(
        session.execute(
            sa.update(login_sessions)
            .where(
                login_sessions.c.account_id == account_id,
                login_sessions.c.id.is_distinct_from(kept_id),
                login_sessions.c.ended_at.is_(None),
            )
            .values(ended_at=now, end_reason=reason)
            .returning(login_sessions.c.id)
        ).all()
    )


def forget_old(session: Session, now: datetime) -> None:
    """Tokens that are past their time answer like unknown ones, and logins without any are over."""
    session.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.expires_at <= now))
    # A login's last token was issued at its last use.
    session.execute(sa.delete(login_sessions).where(login_sessions.c.last_used_at <= now - REFRESH_LIFETIME))
