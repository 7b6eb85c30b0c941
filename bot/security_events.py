"""The audit of security: what was tried and what was changed, by whom and from where; it is only ever added to."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.tables import security_events


class SecurityEvent(StrEnum):
    REGISTERED = "registered"
    LOGGED_IN = "logged_in"
    LOGIN_FAILED = "login_failed"
    LOGGED_OUT = "logged_out"
    PASSWORD_CHANGED = "password_changed"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"
    SESSION_ENDED = "session_ended"
    LINK_CODE_SHOWN = "link_code_shown"
    NUMBER_LINKED = "number_linked"
    NUMBER_UNLINKED = "number_unlinked"
    FREEZE_LIFTED = "freeze_lifted"
    ADDRESS_BLOCKED = "address_blocked"


def record(
    session: Session,
    kind: SecurityEvent,
    now: datetime,
    *,
    account_id: int | None = None,
    ip_address: str | None = None,
    **facts: str | int,
) -> int:
    """Returns the event's id. Facts are ids and counts; never a password, a token, a code or a whole phone number."""
    return session.execute(
        sa.insert(security_events)
        .values(occurred_at=now, kind=kind, account_id=account_id, ip_address=ip_address, facts=facts)
        .returning(security_events.c.id)
    ).scalar_one()
