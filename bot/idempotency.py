"""Idempotency keys: a request that is sent again with its key has one effect and one answer.

The key's row is written in the transaction of the effect, so that neither exists without the other.
Semantics: draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.refusals import RequestRefused
from bot.tables import idempotency_keys

KEY_LIFETIME = timedelta(hours=24)
ANSWERED_WITHIN = timedelta(seconds=40)  # Longer than any request may wait; past it, whoever was to answer has died.
KEY_LOCK = 85  # The class of advisory locks that tell that a key's request is in flight.


class IdempotencyKeyReused(RequestRefused):
    """The key belongs to another request. Facts: none."""

    code = "idempotency_key_reused"


class RequestInFlight(RequestRefused):
    """The first request with this key has no answer yet: ask again shortly."""

    code = "request_in_flight"


class Answer(NamedTuple):
    status: int
    body: str


class Claim(NamedTuple):
    """What the engine's door shall know the request by, and the answer that it got if it is a repetition."""

    request_key: str
    answer: Answer | None


def begin(session: Session, trader_id: int, key: str, request: bytes, now: datetime) -> Claim:
    """Claim a key for its request, or find what the request got before.

    Raises IdempotencyKeyReused, RequestInFlight. In the caller's transaction, which also writes the request's effect.
    A request that was carried out by a process that died before it answered is begun again, with the same effect: the
    engine's door knows its key.
    """
    lock = sa.func.pg_try_advisory_xact_lock(KEY_LOCK, sa.func.hashtext(f"{trader_id}:{key}"))
    if not session.execute(sa.select(lock)).scalar_one():
        raise RequestInFlight
    fingerprint = hashlib.sha256(request).digest()
    mine = sa.and_(idempotency_keys.c.trader_id == trader_id, idempotency_keys.c.key == key)
    known = session.execute(sa.select(idempotency_keys).where(mine)).one_or_none()
    if known is not None and known.created_at <= now - KEY_LIFETIME:
        session.execute(sa.delete(idempotency_keys).where(mine))
        known = None
    if known is None:
        session.execute(
            sa.insert(idempotency_keys).values(trader_id=trader_id, key=key, fingerprint=fingerprint, created_at=now)
        )
        return Claim(_request_key(key, now), None)
    if known.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    if known.status is not None:
        return Claim(_request_key(key, known.created_at), Answer(known.status, known.body))
    if known.created_at > now - ANSWERED_WITHIN:
        raise RequestInFlight
    return Claim(_request_key(key, known.created_at), None)


def _request_key(key: str, claimed_at: datetime) -> str:
    """A key that is used again after its lifetime is another request."""
    return f"key:{claimed_at.timestamp()}:{key}"


def finish(session: Session, trader_id: int, key: str, answer: Answer) -> None:
    """Keep the answer for whoever sends the request again."""
    session.execute(
        sa.update(idempotency_keys)
        .where(idempotency_keys.c.trader_id == trader_id, idempotency_keys.c.key == key)
        .values(status=answer.status, body=answer.body)
    )


def forget_old(session: Session, now: datetime) -> None:
    session.execute(sa.delete(idempotency_keys).where(idempotency_keys.c.created_at <= now - KEY_LIFETIME))
