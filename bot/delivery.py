"""Handing what is to be said to Twilio: each conversation in order, each message once, many conversations at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session, sessionmaker

from bot import attachments, digests, due, metrics, outbox, places
from bot.languages import translations
from bot.listings import Listings
from bot.notifications import MarketNews, OrderNews
from bot.outbox import State
from bot.settings import Settings
from bot.tables import conversations
from bot.tables import outbox as messages
from bot.whatsapp import Outgoing, Sender, SendFailed, SendRefused
from engine.defects import DEFECTS

log = structlog.get_logger(__name__)

MALFUNCTION = "malfunction"  # The error code of a reply that we could not make: support sees it, and may send it again.
ROUND_SECONDS_MAX = 20  # A job ends well within its time limit, and another goes on.
POLL_SECONDS = 0.05  # How soon a message that arrives while others are under way is seen.
GROUPED_MAX = 1000
CHECKED_AT_ONCE_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message that is ours to send; it `may_be_sent` already where an earlier attempt had no answer."""

    outgoing: Outgoing
    created_at: datetime
    is_notice: bool
    may_be_sent: bool
    conversation_id: int
    inbox_id: int | None


class Delivery:
    """The outbound worker's hands: a few requests to Twilio at a time, so that one that hangs holds up no other."""

    def __init__(
        self, settings: Settings, sessions: sessionmaker[Session], sender: Sender, clock: Callable[[], datetime]
    ) -> None:
        self.settings, self.sessions, self.sender, self.clock = settings, sessions, sender, clock
        self.pool = ThreadPoolExecutor(settings.twilio_connections, thread_name_prefix="twilio")
        self.listings: Listings | None = None
        # Made once, as it is asked a few times for each message.
        now: sa.BindParameter[datetime] = sa.bindparam("now", type_=sa.DateTime(timezone=True))
        self.next = (
            sa.select(
                messages,
                conversations.c.number,
                conversations.c.language,
                due.window_is_open(now).label("window_is_open"),
            )
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(due.is_due(settings, now), due.is_first())
            .order_by(messages.c.id)
            .limit(sa.bindparam("count_max", type_=sa.Integer))
            .with_for_update(skip_locked=True, of=messages)
        )

    def deliver(self) -> bool:
        """Hand over everything due; returns whether the time was up before all was done.

        A claim is committed before Twilio is asked: a process that dies in between leaves a message in the state
        `sending`, which is looked up at Twilio before it is sent again.
        """
        end = self.clock() + timedelta(seconds=ROUND_SECONDS_MAX)
        with self.sessions.begin() as session:
            due.drop_outdated(session, self.settings, self.clock())
        self._check_unreported()
        under_way: set[Future[None]] = set()
        while True:
            is_over = self.clock() >= end
            free = self.settings.twilio_connections - len(under_way)
            if free and not is_over:
                under_way |= {self.pool.submit(self._send, claimed) for claimed in self._claim(free, self.clock())}
            if not under_way:
                return is_over
            done, under_way = wait(under_way, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for one in done:
                one.result()

    def _claim(self, count_max: int, now: datetime) -> list[Claimed]:
        """The next message of each of some conversations that no other process holds."""
        with self.sessions.begin() as session:
            rows = session.execute(self.next, {"now": now, "count_max": count_max}).mappings().all()
            claimed: list[Claimed] = []
            for row in rows:
                try:
                    with session.begin_nested():
                        claimed.append(self._prepare(session, row, now))
                # A reply that our own mistake keeps from being made must not hold up everyone else's.
                except DEFECTS:
                    log.exception("reply_not_made", message=row["inbox_id"], outbox_id=row["id"])
                    failed = {"state": State.FAILED, "error_code": MALFUNCTION}
                    session.execute(sa.update(messages).where(messages.c.id == row["id"]).values(**failed))
            return claimed

    def _prepare(self, session: Session, row: sa.RowMapping, now: datetime) -> Claimed:
        """Mark a message as ours, telling those grouped with it too."""
        body = self._group(session, row, now)
        media_url, attachment_id = None, row["attachment_id"]
        if attachment_id is not None:
            file = attachments.address_of_made(session, self.settings.public_url, attachment_id)
            if file is not None and file.is_shown:
                media_url = file.url
            else:  # The words say so from now on, and stand alone.
                body += "\n" + (_without_file(row["language"]) if file is None else file.url)
                attachment_id = None
        session.execute(
            sa.update(messages)
            .where(messages.c.id == row["id"])
            .values(
                state=State.SENDING,
                claimed_at=now,
                attempts=row["attempts"] + 1,
                body=body,
                events=None,
                attachment_id=attachment_id,
            )
        )
        outgoing = Outgoing(
            outbox_id=row["id"],
            attempt=row["attempts"] + 1,
            number=row["number"],
            body=body,
            language=row["language"],
            button_nonce=row["button_nonce"],
            window_is_open=row["window_is_open"],
            media_url=media_url,
        )
        return Claimed(
            outgoing=outgoing,
            created_at=row["created_at"],
            is_notice=row["is_notice"],
            may_be_sent=row["may_be_sent"] or row["state"] == State.SENDING,
            conversation_id=row["conversation_id"],
            inbox_id=row["inbox_id"],
        )

    def _group(self, session: Session, first: sa.RowMapping, now: datetime) -> str:
        """The body that tells this message and the notices right behind it, whose rows become its pages or nothing."""
        body: str = first["body"]
        if first["events"] is None:
            return body
        behind = session.execute(
            sa.select(messages.c.id, messages.c.order_id, messages.c.events)
            .where(
                messages.c.conversation_id == first["conversation_id"],
                messages.c.id >= first["id"],
                messages.c.state == State.WAITING,
            )
            .order_by(messages.c.id)
            .limit(GROUPED_MAX)
        ).all()
        # Orders are told together, and markets are; the one does not overtake the other.
        of_orders = first["order_id"] is not None
        alike = list(takewhile(lambda row: row.events is not None and (row.order_id is not None) == of_orders, behind))
        ids = [row.id for row in alike]
        told: dict[int, list[OrderNews]] = {}
        news: list[MarketNews] = []
        for row in alike:
            if of_orders:
                told.setdefault(row.order_id, []).extend(msgspec.convert(row.events, list[OrderNews]))
            else:
                news += msgspec.convert(row.events, list[MarketNews])
        if len(ids) == 1:
            return body
        listings = self._listings(session, [*news, *(event for events in told.values() for event in events)], now)
        language = places.locale_of(first["language"], first["number"])
        words = digests.digest(told, listings, language) if of_orders else digests.markets(news, listings, language)
        parts = outbox.pages(words)
        if len(parts) > len(ids):  # Together they would be no fewer.
            return body
        told_by = sa.update(messages).values(told_by=first["id"], events=None)
        for outbox_id, part in zip(ids[1:], parts[1:], strict=False):
            session.execute(told_by.where(messages.c.id == outbox_id).values(body=part))
        session.execute(told_by.where(messages.c.id.in_(ids[len(parts) :])).values(state=State.GROUPED))
        return parts[0]

    def _listings(self, session: Session, told: Sequence[OrderNews | MarketNews], now: datetime) -> Listings:
        """The catalogue, read again where the events speak of an instrument that was listed since."""
        mentioned = {event.instrument_id for event in told}
        if self.listings is None or not mentioned <= self.listings.by_id.keys():
            self.listings = Listings.load(session, now)
        return self.listings

    def _send(self, claimed: Claimed) -> None:
        """One attempt, and what came of it. A status callback that overtook us stands."""
        outgoing = claimed.outgoing
        values: dict[str, object]
        try:
            sid = None
            if claimed.may_be_sent:
                sid = self.sender.find_sent(outgoing, claimed.created_at, self._known_sids(claimed))
            if sid is None:
                sid = self.sender.send(outgoing)
            metrics.twilio_requests.labels("ok").inc()
            log.info("reply_sent", message=claimed.inbox_id, outbox_id=outgoing.outbox_id)
            values = {"state": State.QUEUED, "message_sid": sid, "sent_at": self.clock(), "may_be_sent": False}
        except SendRefused as refusal:
            metrics.twilio_requests.labels(str(refusal.code)).inc()
            values = outbox.after_failure(self.settings, str(refusal.code), outgoing.attempt, self.clock())
            log.warning("send_refused", message=claimed.inbox_id, outbox_id=outgoing.outbox_id, code=refusal.code)
        except SendFailed as failure:
            metrics.twilio_requests.labels("failed").inc()
            values = {"may_be_sent": claimed.may_be_sent or failure.may_be_sent, "error_code": str(failure)}
            if outgoing.attempt < self.settings.send_attempts_max:
                delay = outbox.retry_delay(self.settings, outgoing.attempt)
                if failure.under_way:  # Looked for at once, it would not be found yet, and be sent twice.
                    delay = max(delay, timedelta(seconds=self.settings.twilio_seconds_max))
                values |= {"state": State.WAITING, "due_at": self.clock() + delay}
            else:
                values["state"] = State.FAILED
            log.warning(
                "send_failed",
                message=claimed.inbox_id,
                outbox_id=outgoing.outbox_id,
                attempts=outgoing.attempt,
                problem=str(failure),
            )
        with self.sessions.begin() as session:
            session.execute(
                sa.update(messages)
                .where(
                    messages.c.id == outgoing.outbox_id,
                    messages.c.state == State.SENDING,
                    messages.c.attempts == outgoing.attempt,
                )
                .values(**values)
            )
            if claimed.is_notice and values["state"] == State.QUEUED:
                session.execute(
                    sa.update(conversations)
                    .where(conversations.c.id == claimed.conversation_id)
                    .values(noticed_at=self.clock())
                )

    def _known_sids(self, claimed: Claimed) -> frozenset[str]:
        """Twilio's ids of this conversation's other messages, some of which may say the same."""
        with self.sessions() as session:
            known = session.execute(
                sa.select(messages.c.message_sid).where(
                    messages.c.conversation_id == claimed.conversation_id,
                    messages.c.message_sid.is_not(None),
                )
            )
            return frozenset(known.scalars())

    def _check_unreported(self) -> None:
        """Ask, once, after messages of which no callback has told for long: one may have been lost."""
        now = self.clock()
        with self.sessions.begin() as session:
            unreported = session.execute(
                sa.update(messages)
                .where(
                    messages.c.id.in_(
                        sa.select(messages.c.id)
                        .where(due.is_unreported(self.settings, now))
                        .limit(CHECKED_AT_ONCE_MAX)
                        .with_for_update(skip_locked=True)
                    )
                )
                .values(checked_at=now)
                .returning(messages.c.id, messages.c.attempts, messages.c.message_sid)
            ).all()
        for row in unreported:
            try:
                status, error_code = self.sender.status_of(row.message_sid)
            except (SendFailed, SendRefused) as problem:
                log.warning("status_unknown", outbox_id=row.id, problem=str(problem))
                continue
            with self.sessions.begin() as session:
                outbox.record_status(
                    session, self.settings, row.id, row.attempts, row.message_sid, status, error_code, now
                )


def _without_file(language: str) -> str:
    _ = translations(language).gettext
    return _("I could not make the picture or file just now. Please ask again in a little while.")
