"""What is to be said: one row a message, handed to Twilio in order and never twice, its delivery followed."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from bot.tables import conversations, outbox
from bot.whatsapp import Sender, SendFailed, SendRefused

log = structlog.get_logger(__name__)

SENDING_SECONDS_MAX = 30  # Past this the process that claimed the message is taken for dead.
ATTEMPTS_MAX = 8
RETRY_SECONDS_MIN = 1
RETRY_SECONDS_MAX = 300
PAGE_CHARACTERS_MAX = 1600  # Twilio refuses a longer WhatsApp body (error 21617).
DELIVERY_ORDER = ("queued", "sent", "delivered", "read")
FINAL_FAILURES = ("failed", "undelivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A message to one conversation; `cause` names what it tells, so that it is told once."""

    conversation_id: int
    cause: str
    body: str
    inbox_id: int | None = None
    order_id: int | None = None


def add(session: Session | sa.Connection, replies: list[Reply], now: datetime) -> None:
    """Keep replies for sending, long ones in pages; one whose cause is here already is left out."""
    rows = [
        {
            "conversation_id": reply.conversation_id,
            "cause": reply.cause if page == 0 else f"{reply.cause}/{page + 1}",
            "inbox_id": reply.inbox_id,
            "order_id": reply.order_id,
            "body": body,
            "created_at": now,
            "due_at": now,
        }
        for reply in replies
        for page, body in enumerate(pages(reply.body))
    ]
    if rows:
        session.execute(insert(outbox).on_conflict_do_nothing(index_elements=[outbox.c.cause]), rows)


def pages(body: str) -> list[str]:
    """The body in pieces that WhatsApp takes, cut between lines, or between words where a line is too long."""
    done: list[str] = []
    rest = body.strip()
    while len(rest) > PAGE_CHARACTERS_MAX:
        head = rest[: PAGE_CHARACTERS_MAX + 1]
        cut = max(head.rfind("\n"), 0) or max(head.rfind(" "), 0) or PAGE_CHARACTERS_MAX
        done.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*done, rest]


def deliver(sessions: sessionmaker[Session], sender: Sender, now: datetime) -> int:
    """Hand everything due to Twilio, each conversation in order; returns how many messages it took.

    A claim is committed before Twilio is asked: a process that dies in between leaves a message in the state
    `sending`, which is looked up at Twilio before it is sent again.
    """
    sent = 0
    while (row := _claim(sessions, now)) is not None:
        sent += _send(sessions, sender, row, now)
    return sent


def _claim(sessions: sessionmaker[Session], now: datetime) -> sa.RowMapping | None:
    """The next message that no other process holds and that nothing earlier in its conversation waits before."""
    earlier = outbox.alias("earlier")
    stale = now - timedelta(seconds=SENDING_SECONDS_MAX)
    due = sa.or_(
        sa.and_(outbox.c.state == "waiting", outbox.c.due_at <= now),
        sa.and_(outbox.c.state == "sending", outbox.c.claimed_at < stale),
    )
    first = ~sa.exists().where(
        earlier.c.conversation_id == outbox.c.conversation_id,
        earlier.c.id < outbox.c.id,
        earlier.c.state.in_(("waiting", "sending")),
    )
    with sessions.begin() as session:
        row = (
            session.execute(
                sa.select(outbox, conversations.c.number)
                .join(conversations, conversations.c.id == outbox.c.conversation_id)
                .where(due, first)
                .order_by(outbox.c.id)
                .limit(1)
                .with_for_update(skip_locked=True, of=outbox)
            )
            .mappings()
            .one_or_none()
        )
        if row is not None:
            session.execute(
                sa.update(outbox)
                .where(outbox.c.id == row["id"])
                .values(state="sending", claimed_at=now, attempts=outbox.c.attempts + 1)
            )
    return row


def _send(sessions: sessionmaker[Session], sender: Sender, row: sa.RowMapping, now: datetime) -> int:
    values: dict[str, object]
    try:
        sid = None
        if row["state"] == "sending":
            sid = sender.find_sent(number=row["number"], body=row["body"], after=row["claimed_at"])
        if sid is None:
            sid = sender.send(outbox_id=row["id"], number=row["number"], body=row["body"])
        values = {"state": "queued", "message_sid": sid, "sent_at": now}
    except SendRefused as refusal:
        values = {"state": "failed", "error_code": str(refusal.code)}
        log.warning("send_refused", outbox_id=row["id"], code=refusal.code)
    except SendFailed as failure:
        attempts = row["attempts"] + 1
        values = {"state": "waiting", "due_at": now + retry_delay(attempts), "error_code": str(failure)}
        if attempts >= ATTEMPTS_MAX:
            values = {"state": "failed", "error_code": str(failure)}
        log.warning("send_failed", outbox_id=row["id"], attempts=attempts, problem=str(failure))
    with sessions.begin() as session:
        # A status callback may have overtaken us; what it said stands.
        session.execute(sa.update(outbox).where(outbox.c.id == row["id"], outbox.c.state == "sending").values(**values))
    return int(values["state"] == "queued")


def retry_delay(attempts: int) -> timedelta:
    """Doubling from one second to five minutes, each with jitter so that many do not return at once."""
    seconds = min(RETRY_SECONDS_MIN * 2 ** (attempts - 1), RETRY_SECONDS_MAX)
    return timedelta(seconds=seconds * random.uniform(0.5, 1))


def record_status(session: Session, outbox_id: int, message_sid: str, status: str, error_code: str | None) -> None:
    """Follow a delivery; it only moves forward, whatever the order in which Twilio's callbacks arrive."""
    if status in DELIVERY_ORDER:
        behind = ("sending", *DELIVERY_ORDER[: DELIVERY_ORDER.index(status)])
    elif status in FINAL_FAILURES:
        behind = ("sending", "queued", "sent")
    else:
        return
    state = "failed" if status in FINAL_FAILURES else status
    session.execute(
        sa.update(outbox)
        .where(outbox.c.id == outbox_id, outbox.c.state.in_(behind))
        .values(state=state, message_sid=message_sid, error_code=error_code)
    )


def has_due(session: Session, now: datetime, late: timedelta) -> bool:
    """Whether a message has waited longer than it should."""
    stale = now - timedelta(seconds=SENDING_SECONDS_MAX)
    return session.execute(
        sa.select(
            sa.exists().where(
                sa.or_(
                    sa.and_(outbox.c.state == "waiting", outbox.c.due_at < now - late),
                    sa.and_(outbox.c.state == "sending", outbox.c.claimed_at < stale),
                )
            )
        )
    ).scalar_one()
