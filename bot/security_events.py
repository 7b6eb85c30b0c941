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
    PERSON_ERASED = "person_erased"
    # What our staff do.
    STAFF_ADDED = "staff_added"
    STAFF_DISABLED = "staff_disabled"
    STAFF_PASSWORD_SET = "staff_password_set"
    STAFF_TOTP_SET = "staff_totp_set"
    STAFF_SIGNED_IN = "staff_signed_in"
    STAFF_SIGN_IN_FAILED = "staff_sign_in_failed"
    STAFF_SIGNED_OUT = "staff_signed_out"
    STAFF_REFUSED = "staff_refused"
    JOB_REQUEUED = "job_requeued"
    JOB_DELETED = "job_deleted"
    QUEUE_REQUEUED = "queue_requeued"
    QUEUE_EMPTIED = "queue_emptied"
    QUEUE_COMPACTED = "queue_compacted"
    MESSAGE_RETRIED = "message_retried"
    REPLY_SENT_AGAIN = "reply_sent_again"
    RECORDING_HEARD = "recording_heard"
    READING_MARKED = "reading_marked"
    READINGS_EXPORTED = "readings_exported"
    CHAT_TAKEN_OVER = "chat_taken_over"
    CHAT_WRITTEN = "chat_written"
    CHAT_HANDED_BACK = "chat_handed_back"
    PERSON_REQUEST_CLOSED = "person_request_closed"
    TRADER_LIMITED = "trader_limited"
    TRADER_FROZEN = "trader_frozen"
    TRADER_UNFROZEN = "trader_unfrozen"
    ORDER_CANCELED = "order_canceled"
    ORDERS_CANCELED = "orders_canceled"
    INSTRUMENT_LISTED = "instrument_listed"
    INSTRUMENT_CHANGED = "instrument_changed"
    INSTRUMENT_HALTED = "instrument_halted"
    INSTRUMENT_RESUMED = "instrument_resumed"
    ASSET_ADDED = "asset_added"
    ALIAS_ADDED = "alias_added"
    ALIAS_REMOVED = "alias_removed"
    ANNOUNCED = "announced"
    ADDRESS_UNBLOCKED = "address_unblocked"
    AUDIT_EXPORTED = "audit_exported"


def record(
    session: Session,
    kind: SecurityEvent,
    now: datetime,
    *,
    account_id: int | None = None,
    staff_id: int | None = None,
    ip_address: str | None = None,
    **facts: str | int,
) -> int:
    """Returns the event's id. Facts are ids and counts; never a password, a token, a code or a whole phone number."""
    return session.execute(
        sa.insert(security_events)
        .values(
            occurred_at=now, kind=kind, account_id=account_id, staff_id=staff_id, ip_address=ip_address, facts=facts
        )
        .returning(security_events.c.id)
    ).scalar_one()
