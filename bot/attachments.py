"""Files that replies carry: asked for in the transaction that needs them, made by a worker, and kept for a while.

A file is had under an address that nobody can guess, by whoever was given it: Twilio, and the trader.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.tables import attachments

KEPT = timedelta(hours=24)
# A reply waits so long for its file, and then leaves without it; a file that is not made by then is not made at all.
MADE_WITHIN = timedelta(seconds=10)
PNG, PDF, CSV = "image/png", "application/pdf", "text/csv"
# Of these, what WhatsApp takes: https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages
SHOWN_TYPES = frozenset({PNG, PDF})
EXTENSIONS = {PNG: "png", PDF: "pdf", CSV: "csv"}


class Kind(StrEnum):
    """What a file shows."""

    CHART = "chart"
    DEPTH = "depth"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file that is to be made of these facts, in a language and by the clock of a zone, "America/Mexico_City"."""

    kind: Kind
    content_type: str
    facts: Mapping[str, object]
    language: str
    zone: str


class Address(NamedTuple):
    """Where a file is; what the chat cannot show is given as a link."""

    url: str
    is_shown: bool


class File(NamedTuple):
    content: bytes
    content_type: str


def ask(session: Session, trader_id: int, wanted: Wanted, now: datetime) -> int:
    """Have this file made for a trader, once the transaction is committed and a worker is woken; returns its id."""
    attachment_id: int = session.execute(
        sa.insert(attachments)
        .values(
            trader_id=trader_id,
            kind=wanted.kind,
            content_type=wanted.content_type,
            facts=dict(wanted.facts),
            language=wanted.language,
            zone=wanted.zone,
            token=secrets.token_urlsafe(24),
            created_at=now,
            kept_until=now + KEPT,
        )
        .returning(attachments.c.id)
    ).scalar_one()
    return attachment_id


def address_of_made(session: Session, public_url: str, attachment_id: int) -> Address | None:
    """Where the file is, if it is made."""
    row = session.execute(
        sa.select(attachments.c.token, attachments.c.content_type).where(
            attachments.c.id == attachment_id, attachments.c.content.is_not(None)
        )
    ).one_or_none()
    if row is None:
        return None
    url = f"{public_url}/media/{row.token}.{EXTENSIONS[row.content_type]}"
    return Address(url, row.content_type in SHOWN_TYPES)


def find(session: Session, token: str, extension: str, now: datetime) -> File | None:
    """The file with this token while it is kept."""
    row = session.execute(
        sa.select(attachments.c.content, attachments.c.content_type).where(
            attachments.c.token == token, attachments.c.content.is_not(None), attachments.c.kept_until > now
        )
    ).one_or_none()
    if row is None or EXTENSIONS[row.content_type] != extension:
        return None
    return File(bytes(row.content), row.content_type)


def waiting(session: Session, now: datetime, *, late: timedelta = timedelta(0)) -> list[int]:
    """Files that have waited for so long to be made, and are still waited for."""
    return list(
        session.scalars(
            sa.select(attachments.c.id).where(
                attachments.c.content.is_(None),
                attachments.c.created_at > now - MADE_WITHIN,
                attachments.c.created_at <= now - late,
            )
        )
    )


def forget_old(session: Session, now: datetime) -> None:
    session.execute(sa.delete(attachments).where(attachments.c.kept_until < now))
