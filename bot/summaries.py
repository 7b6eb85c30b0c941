"""The daily summary: what was traded since the last one, what is open and what is held, at the hour each trader chose.

The sweep makes it. A summary is worth reading until its day is over by its trader's clock, and at least some hours; one
that could not be made or sent by then is dropped, and the next tells of its trades too, unless it was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session, sessionmaker

from bot import account_answers, figures, notices, notifications, order_answers, outbox, places
from bot.languages import translations
from bot.listings import Listings
from bot.notifications import DAY
from bot.outbox import Reply
from bot.tables import conversations
from bot.whatsapp import NOTICE_CHARACTERS_MAX
from engine import queries
from engine.defects import DEFECTS
from engine.money import CENT
from engine.orders import Side
from engine.queries import Fill, Holding, OrderView

log = structlog.get_logger(__name__)

WORTH_READING_MIN = timedelta(hours=3)  # So that one of 23:30 outlives a short outage.
AT_ONCE_MAX = 50
# The most lines on trades, orders and positions each; fewer where it would not fit a template.
LINES_TRIED = (8, 5, 3, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one trader's summary tells: fills since then, and what is open and held now."""

    since: datetime
    fills: Sequence[Fill]
    orders: Sequence[OrderView]
    holdings: Sequence[Holding]

    @property
    def is_empty(self) -> bool:
        return not (self.fills or self.orders or self.holdings)


def make_due(sessions: sessionmaker[Session], now: datetime) -> bool:
    """Keep the summaries whose hour has come, each once whoever else sweeps; returns whether there is any.

    The hour and what was told are moved in the transaction that keeps the words.
    """
    made = False
    with sessions.begin() as session:
        rows = (
            session.execute(
                sa.select(conversations)
                .where(conversations.c.summary_due_at <= now)
                .order_by(conversations.c.summary_due_at)
                .limit(AT_ONCE_MAX)
                .with_for_update(skip_locked=True, key_share=True)
            )
            .mappings()
            .all()
        )
        listings = Listings.load(session, now) if rows else None
        for row in rows:
            assert listings is not None
            try:
                with session.begin_nested():
                    made |= _make(session, row, listings, now)
            # A summary that our own mistake keeps from being made must not hold up the sweep.
            except DEFECTS:
                log.exception("summary_not_made", conversation=row["id"])
            _move_on(session, row, now)
    return made


def _make(session: Session, row: sa.RowMapping, listings: Listings, now: datetime) -> bool:
    """One conversation's summary; returns whether there was anything to tell, and time to."""
    zone, due_at = places.zone_of(row["number"]), row["summary_due_at"]
    kept_until = worth_reading_until(due_at, zone)
    since = row["summarised_until"] or notifications.next_at(row["summary_at"], zone, due_at - 2 * DAY)
    if now >= kept_until:
        _tell_up_to(session, row, since)
        return False
    _tell_up_to(session, row, due_at)
    trader_id = row["trader_id"]
    facts = Facts(
        since=since,
        fills=queries.fills_between(session, trader_id, since, due_at),
        orders=queries.open_orders(session, trader_id),
        holdings=[held for held in queries.holdings(session, trader_id) if held.lots],
    )
    if facts.is_empty:
        return False
    reply = Reply(
        conversation_id=row["id"],
        cause=f"summary:{row['id']}:{due_at.astimezone(zone):%Y-%m-%d}",
        body=words(facts, listings, places.locale_of(row["language"], row["number"]), zone),
        is_notice=True,
        kept_until=kept_until,
    )
    outbox.add(session, [reply], now)
    return True


def _tell_up_to(session: Session, row: sa.RowMapping, until: datetime) -> None:
    session.execute(sa.update(conversations).where(conversations.c.id == row["id"]).values(summarised_until=until))


def _move_on(session: Session, row: sa.RowMapping, now: datetime) -> None:
    """To the next hour; after an outage of days, past those that nobody wants any more."""
    after = max(row["summary_due_at"], now - DAY)
    due_at = notifications.next_at(row["summary_at"], places.zone_of(row["number"]), after)
    session.execute(sa.update(conversations).where(conversations.c.id == row["id"]).values(summary_due_at=due_at))


def worth_reading_until(due_at: datetime, zone: ZoneInfo) -> datetime:
    """The end of its day by that clock, or some hours after it was due where that is later."""
    local = due_at.astimezone(zone)
    day_over = datetime(local.year, local.month, local.day, tzinfo=zone) + DAY
    return max(day_over.astimezone(due_at.tzinfo), due_at + WORTH_READING_MIN)


def words(facts: Facts, listings: Listings, language: str, zone: ZoneInfo) -> str:
    """As many lines as a message of WhatsApp's takes that may have to leave as a template (pure)."""
    tried = (_words(facts, listings, language, zone, lines_max) for lines_max in LINES_TRIED)
    text = next(tried)
    while len(text) > NOTICE_CHARACTERS_MAX:
        shorter = next(tried, None)
        if shorter is None:
            break
        text = shorter
    return text


def _words(facts: Facts, listings: Listings, language: str, zone: ZoneInfo, lines_max: int) -> str:
    _ = translations(language).gettext
    since = figures.moment(facts.since.astimezone(zone), language)
    lines = ["*" + _("Daily summary, since %(time)s") % {"time": since} + "*"]
    lines += _traded(facts.fills, listings, language, lines_max)
    if facts.orders:
        count = figures.quantity(len(facts.orders), language)
        lines.append(_("Open orders: %(count)s") % {"count": count})
        shown = [order_answers.order_line(order, listings, language) for order in facts.orders]
        lines += _some(shown, lines_max, language)
    if facts.holdings:
        lines.append(_("Your positions:"))
        shown = [account_answers.position_line(held, listings, language) for held in facts.holdings]
        lines += _some(shown, lines_max, language)
        profit = sum((held.unrealised for held in facts.holdings), Decimal(0))
        if len(facts.holdings) > 1:
            lines.append(_("Open profit: %(amount)s") % {"amount": figures.signed_money(profit, language)})
    return "\n".join(lines)


def _traded(fills: Sequence[Fill], listings: Listings, language: str, lines_max: int) -> list[str]:
    """One line for each product and side, and the commission of all."""
    _ = translations(language).gettext
    if not fills:
        return [_("No trades.")]
    lines = [_sum_line(of, listings, language) for of in _by_market(fills).values()]
    if len(lines) == 1:
        return lines
    commission = sum(fill.commission_cents for fill in fills) * CENT
    in_all = _("Commission: %(amount)s") % {"amount": figures.money(commission, language)}
    return [*_some(lines, lines_max, language), in_all]


def _by_market(fills: Sequence[Fill]) -> Mapping[tuple[int, Side], list[Fill]]:
    sums: dict[tuple[int, Side], list[Fill]] = {}
    for fill in fills:
        sums.setdefault((fill.instrument_id, fill.side), []).append(fill)
    return sums


def _sum_line(fills: Sequence[Fill], listings: Listings, language: str) -> str:
    lots = sum(fill.quantity_lots for fill in fills)
    tick_lots = sum(fill.quantity_lots * fill.price_ticks for fill in fills)
    cents = sum(fill.commission_cents for fill in fills)
    listing = listings.by_id[fills[0].instrument_id]
    return notices.traded_in_all(fills[0].side == Side.BUY, lots, tick_lots, cents, listing, language)


def _some(lines: Sequence[str], lines_max: int, language: str) -> list[str]:
    more = len(lines) - lines_max
    if more <= 0:
        return list(lines)
    shown = {"count": figures.quantity(more, language)}
    counted = translations(language).ngettext("… and %(count)s more", "… and %(count)s more", more)
    return [*lines[:lines_max], counted % shown]
