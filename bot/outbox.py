"""What is to be said: one row a message, kept until it is told, and how far each has got."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot import attachments
from bot.settings import Settings
from bot.tables import outbox
from engine.events import Event

PAGE_CHARACTERS_MAX = 1600  # Twilio refuses a longer WhatsApp body (error 21617).
NUMBER_CHARACTERS = frozenset("0123456789.,")
# Twilio's codes: https://www.twilio.com/docs/api/errors
OUTSIDE_WINDOW = "63016"
# What passes: too many requests; the channel's rate limit is exceeded; our file could not be fetched.
PASSING_CODES = frozenset({"20429", "63018", "63019"})


class State(StrEnum):
    """Where a message is; from `queued` on the words are Twilio's."""

    WAITING = "waiting"
    SENDING = "sending"
    GROUPED = "grouped"  # Another message, `told_by`, tells it.
    MUTED = "muted"  # Its trader does not want to hear of it; the order's end may tell it.
    OUTDATED = "outdated"  # It could not be sent while it was worth reading.
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"  # For good; `error_code` says why.


FORWARD = (State.WAITING, State.SENDING, State.QUEUED, State.SENT, State.DELIVERED, State.READ)
DELIVERIES = {str(state): state for state in FORWARD[2:]}
FAILURES = ("failed", "undelivered", "canceled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A message to one conversation; `cause` names what it tells, so that it is told once.

    A notice is what nobody just asked for; with its `events` it may be told together with those beside it. A file that
    it carries is waited for, but not for long. What is muted is kept and not sent, nor is anything after `kept_until`.
    """

    conversation_id: int
    cause: str
    body: str
    inbox_id: int | None = None
    order_id: int | None = None
    is_notice: bool = False
    events: tuple[Event, ...] = ()
    button_nonce: str | None = None
    attachment_id: int | None = None
    is_muted: bool = False
    kept_until: datetime | None = None


def add(session: Session | sa.Connection, replies: list[Reply], now: datetime) -> None:
    """Keep replies for sending, long ones in pages; one whose cause is here already is left out."""
    rows = []
    for reply in replies:
        parts = pages(reply.body)
        for page, body in enumerate(parts):
            is_whole, is_last = len(parts) == 1, page == len(parts) - 1
            rows.append(
                {
                    "conversation_id": reply.conversation_id,
                    "cause": reply.cause if page == 0 else f"{reply.cause}/{page + 1}",
                    "inbox_id": reply.inbox_id,
                    "order_id": reply.order_id,
                    "body": body,
                    "is_notice": reply.is_notice,
                    "events": msgspec.to_builtins(reply.events) if reply.events and is_whole else None,
                    "button_nonce": reply.button_nonce if is_last else None,
                    "attachment_id": reply.attachment_id if is_last else None,
                    "state": State.MUTED if reply.is_muted else State.WAITING,
                    "kept_until": reply.kept_until,
                    "created_at": now,
                    "due_at": now if reply.attachment_id is None else now + attachments.MADE_WITHIN,
                }
            )
    if rows:
        session.execute(insert(outbox).on_conflict_do_nothing(index_elements=[outbox.c.cause]), rows)


def pages(body: str) -> list[str]:
    """The body in pieces that WhatsApp takes, cut between lines, else between words, and never inside a number."""
    done: list[str] = []
    rest = body.strip()
    while len(rest) > PAGE_CHARACTERS_MAX:
        head = rest[: PAGE_CHARACTERS_MAX + 1]
        cut = max(head.rfind("\n"), 0) or max(head.rfind(" "), 0) or _beside_number(rest)
        done.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*done, rest]


def _beside_number(text: str) -> int:
    """Where to cut text without spaces: at the page's end, or before the number that stands there."""
    cut = PAGE_CHARACTERS_MAX
    while cut and text[cut - 1] in NUMBER_CHARACTERS and text[cut] in NUMBER_CHARACTERS:
        cut -= 1
    return cut or PAGE_CHARACTERS_MAX


def retry_delay(settings: Settings, attempts: int) -> timedelta:
    """Doubling from the shortest to the longest delay, each with jitter so that many do not return at once."""
    # Beyond 2**20 seconds no setting reaches, and the power stays small.
    seconds = min(settings.send_retry_seconds_min * 2 ** min(attempts - 1, 20), settings.send_retry_seconds_max)
    return timedelta(seconds=seconds * random.uniform(0.5, 1))


# Made once, as each reply has several callbacks.
HELD = sa.select(outbox).where(outbox.c.id == sa.bindparam("outbox")).with_for_update()


def record_status(
    session: Session,
    settings: Settings,
    outbox_id: int,
    attempt: int,
    message_sid: str,
    status: str,
    error_code: str | None,
    now: datetime,
) -> None:
    """Follow a delivery; it only moves forward, whatever the order and the number of Twilio's callbacks.

    A message that Twilio could not deliver goes out again where that may help: later, or at the next contact.
    """
    row = session.execute(HELD, {"outbox": outbox_id}).mappings().one_or_none()
    if row is None or (row["message_sid"] != message_sid and row["attempts"] != attempt):
        return  # An attempt that another has taken the place of.
    state = State(row["state"])
    if state not in FORWARD or (state == State.WAITING and not row["may_be_sent"]):
        return
    values: dict[str, object]
    if status in DELIVERIES and FORWARD.index(DELIVERIES[status]) > FORWARD.index(state):
        values = {"state": status, "message_sid": message_sid, "error_code": None, "may_be_sent": False}
        values["sent_at"] = row["sent_at"] or now
    elif status in FAILURES and state not in (State.DELIVERED, State.READ):
        values = after_failure(settings, error_code or status, row["attempts"], now)
        if values["state"] == State.WAITING:
            values |= {"message_sid": None, "sent_at": None, "checked_at": None}
    else:
        return
    session.execute(sa.update(outbox).where(outbox.c.id == outbox_id).values(**values))


def after_failure(settings: Settings, code: str, attempts: int, now: datetime) -> dict[str, object]:
    """What becomes of a message that Twilio has surely not delivered."""
    values: dict[str, object] = {"error_code": code, "may_be_sent": False}
    if code == OUTSIDE_WINDOW:
        # It leaves when its trader writes next, or as a template.
        return values | {"state": State.WAITING, "due_at": now}
    if code in PASSING_CODES and attempts < settings.send_attempts_max:
        return values | {"state": State.WAITING, "due_at": now + retry_delay(settings, attempts)}
    return values | {"state": State.FAILED}
