"""Making the files that replies carry, in a worker of their own: what a file is made of is read, drawn and stored."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from bot import periods
from bot.attachments import CSV, Kind
from bot.charts import Charts
from bot.listings import Listing, Listings
from bot.outbox import State
from bot.statement_pdf import pdf
from bot.statements import StatementText
from bot.tables import attachments, outbox
from engine import candles, queries, statements

DEPTH_LEVELS = 8


class Pictures:
    """What the worker keeps from one file to the next."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        self.charts = Charts()
        self.listings: Listings | None = None

    def make(self, attachment_id: int, now: datetime) -> bool:
        """Make a file that is not made yet, and let the reply that waits for it go; returns whether it did."""
        with self.sessions.begin() as session:
            wanted = (
                session.execute(
                    sa.select(attachments)
                    .where(attachments.c.id == attachment_id, attachments.c.content.is_(None))
                    .with_for_update(skip_locked=True)
                )
                .mappings()
                .one_or_none()
            )
            if wanted is None:
                return False
            session.execute(
                sa.update(attachments)
                .where(attachments.c.id == attachment_id)
                .values(content=self._content(session, wanted, now))
            )
            session.execute(
                sa.update(outbox)
                .where(outbox.c.attachment_id == attachment_id, outbox.c.state == State.WAITING, outbox.c.attempts == 0)
                .values(due_at=now)
            )
        return True

    def _content(self, session: Session, wanted: sa.RowMapping, now: datetime) -> bytes:
        facts: dict[str, Any] = wanted["facts"]
        language, zone = wanted["language"], ZoneInfo(wanted["zone"])
        if wanted["kind"] == Kind.STATEMENT:
            period = periods.read(facts["period"], now.astimezone(zone).date())
            stated = statements.statement(session, wanted["trader_id"], *period.bounds(zone))
            text = StatementText(stated, period, facts["holder"], language, zone)
            return text.csv() if wanted["content_type"] == CSV else pdf(text)
        listing = self._listing(session, facts["instrument_id"], now)
        if wanted["kind"] == Kind.DEPTH:
            depth = queries.depth(session, listing.instrument_id, DEPTH_LEVELS)
            return self.charts.depth(depth, listing, language, now, zone)
        first_at = candles.first_trade_at(session, listing.instrument_id)
        assert first_at is not None, "a chart is asked for where there was a trade"
        interval = candles.fitting(now - first_at)
        found = candles.candles(session, listing.instrument_id, interval, until=now, limit=candles.COUNT_MAX)
        return self.charts.candles(found, interval, listing, language, zone)

    def _listing(self, session: Session, instrument_id: int, now: datetime) -> Listing:
        """The instrument, in a catalogue read again where it was listed since."""
        if self.listings is None or instrument_id not in self.listings.by_id:
            self.listings = Listings.load(session, now)
        return self.listings.by_id[instrument_id]
