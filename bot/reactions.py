"""What the market's events make us say: the answer to who asked, and a notice to whoever else is concerned.

It runs inside the batch's transaction: what happened and what is told of it are committed together or not at all.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from bot import alerts, digests, notices, notifications, outbox, places, tables
from bot.dialogue import Outcome
from bot.listings import Listings
from bot.notifications import Notice
from bot.outbox import Reply, State
from engine import queries
from engine.events import OrderCanceled, Trade
from engine.intake import Source
from engine.orders import Reason, Side
from engine.record import Settled
from engine.tables import orders


class Addressee(NamedTuple):
    """A conversation that is told something: in the language of its number's country, by the clock there.

    `muted` is None for one that has never muted anything.
    """

    conversation_id: int
    language: str
    zone: ZoneInfo
    muted: frozenset[str] | None


class Numbered(NamedTuple):
    """A notice at its place in the record; `tells_muted` where it tells what was muted of its order before."""

    number: int
    reply: Reply
    tells_muted: bool


Conversations = dict[int, Addressee]


def react(
    connection: sa.Connection, shard_id: int, settled: Sequence[Settled], listings: Listings, now: datetime
) -> bool:
    """Keep every reply that the batch calls for; returns whether there is any."""
    resting = _resting(connection, shard_id, settled)
    conversations = _conversations(connection, settled, resting)
    notices_told = sorted(
        [
            *_order_notices(connection, shard_id, settled, conversations, listings),
            *_market_notices(shard_id, settled, resting, conversations, listings),
        ],
        key=lambda notice: notice.number,
    )
    replies = [
        *_answers(connection, settled, conversations, listings),
        *(notice.reply for notice in notices_told),
        *_alerts(connection, settled, listings, now),
    ]
    outbox.add(connection, replies, now)
    _mark_told(connection, notices_told)
    return any(not reply.is_muted for reply in replies)


def _conversations(
    connection: sa.Connection, settled: Sequence[Settled], resting: Mapping[int, list[int]]
) -> Conversations:
    """By trader, the conversation of everyone whom a command or an event concerns."""
    trader_ids = {trader_id for trader_ids in resting.values() for trader_id in trader_ids}
    for one in settled:
        for event in one.events:
            if isinstance(event, Trade):
                trader_ids |= {event.maker_trader_id, event.taker_trader_id}
            else:
                trader_ids.add(getattr(event, "trader_id", None))
    found = connection.execute(
        sa.select(
            tables.conversations.c.id,
            tables.conversations.c.trader_id,
            tables.conversations.c.language,
            tables.conversations.c.number,
            tables.conversations.c.muted,
        ).where(tables.conversations.c.trader_id.in_(trader_ids - {None}))
    )
    return {
        row.trader_id: Addressee(
            row.id,
            places.locale_of(row.language, row.number),
            places.zone_of(row.number),
            None if row.muted is None else frozenset(row.muted),
        )
        for row in found
    }


def _answers(
    connection: sa.Connection, settled: Sequence[Settled], conversations: Conversations, listings: Listings
) -> list[Reply]:
    """What each command that was asked for in chat came to."""
    replies = []
    for one in settled:
        if one.source != Source.CHAT:
            continue
        assert one.request_key is not None
        conversation = conversations.get((one.command or one.events[-1]).trader_id)
        if conversation is None:  # The number was unlinked from its account meanwhile.
            continue
        inbox_id = int(one.request_key.split(":")[1])
        body = notices.command_result(one.command, one.events, listings, conversation.language, conversation.zone)
        if (own_order_id := _own_order(connection, one)) is not None:
            body += "\n" + notices.own_order(own_order_id, conversation.language)
        replies.append(
            Reply(
                conversation_id=conversation.conversation_id,
                cause=one.request_key,
                body=body,
                inbox_id=inbox_id,
                order_id=getattr(one.command, "order_id", None),
            )
        )
        if notices.was_refused(one.events):
            connection.execute(
                sa.update(tables.inbox).where(tables.inbox.c.id == inbox_id).values(outcome=Outcome.REFUSED)
            )
    return replies


def _own_order(connection: sa.Connection, one: Settled) -> int | None:
    """The trader's own resting order that the command's order would have met, where that ended it."""
    order_id = getattr(one.command, "order_id", None)
    for event in one.events:
        if isinstance(event, OrderCanceled) and event.order_id == order_id and event.reason == Reason.SELF_TRADE:
            best = orders.c.price_ticks.asc() if event.side == Side.BUY else orders.c.price_ticks.desc()
            return connection.execute(
                sa.select(orders.c.id)
                .where(
                    orders.c.trader_id == event.trader_id,
                    orders.c.instrument_id == event.instrument_id,
                    orders.c.side != event.side,
                    orders.c.closed_at.is_(None),
                )
                .order_by(best, orders.c.id)
                .limit(1)
            ).scalar()
    return None


def _order_notices(
    connection: sa.Connection,
    shard_id: int,
    settled: Sequence[Settled],
    conversations: Conversations,
    listings: Listings,
) -> list[Numbered]:
    """What traders did not just ask for: fills of their resting orders, expiries, cancellations by others.

    What is muted is kept beside what is told, for the desk and for the news of the order's end.
    """
    found = [news for news in _order_news(settled) if news.trader_id in conversations]
    kept = _kept_back(connection, found, conversations)
    replies = []
    for news in found:
        conversation = conversations[news.trader_id]
        divided = notifications.divide(news.order_id, news.events, conversation.muted or ())
        earlier = kept.pop(news.order_id, []) if divided.ends else []
        told = (*earlier, *divided.told)
        kept[news.order_id].extend(event for event in divided.kept if isinstance(event, Trade))
        for events, is_muted in ((told, False), (divided.kept, True)):
            if events:
                reply = Reply(
                    conversation_id=conversation.conversation_id,
                    cause=f"event:{shard_id}:{news.first_number}:{news.order_id}" + (":muted" if is_muted else ""),
                    body=notices.order_news(news.order_id, events, listings, conversation.language),
                    order_id=news.order_id,
                    is_notice=True,
                    events=events,
                    is_muted=is_muted,
                )
                replies.append(Numbered(news.first_number, reply, bool(earlier) and not is_muted))
    return replies


@dataclass(slots=True)
class OrderNews:
    """All that happened to one order in a batch, unless a halt of its market came in between."""

    first_number: int
    order_id: int
    trader_id: int
    instrument_id: int
    events: list[notifications.OrderNews]


def _order_news(settled: Sequence[Settled]) -> list[OrderNews]:
    found: list[OrderNews] = []
    current: dict[int, OrderNews] = {}
    for one in settled:
        asker_id = getattr(one.command, "trader_id", None) if one.source == Source.CHAT else None
        for number, event in enumerate(one.events, one.first_number):
            if isinstance(event, notifications.MarketNews):
                # What follows a halt is told behind it.
                current = {of: news for of, news in current.items() if news.instrument_id != event.instrument_id}
            if not isinstance(event, notifications.OrderNews):
                continue
            for order_id, trader_id in _concerned(event, asker_id):
                if order_id not in current:
                    current[order_id] = OrderNews(number, order_id, trader_id, event.instrument_id, [])
                    found.append(current[order_id])
                current[order_id].events.append(event)
    return found


def _concerned(event: notifications.OrderNews, asker_id: int | None) -> list[tuple[int, int]]:
    """The orders that the event is news of, with their traders: the answer to a command tells its asker."""
    if not isinstance(event, Trade):
        return [(event.order_id, event.trader_id)] if event.trader_id != asker_id else []
    concerned = [(event.maker_order_id, event.maker_trader_id)]
    if event.taker_trader_id != asker_id:
        concerned.append((event.taker_order_id, event.taker_trader_id))
    return concerned


def _kept_back(
    connection: sa.Connection, found: Sequence[OrderNews], conversations: Conversations
) -> dict[int, list[notifications.OrderNews]]:
    """By order, the partial fills that were muted and that no other message has told since."""
    kept: dict[int, list[notifications.OrderNews]] = defaultdict(list)
    order_ids = [news.order_id for news in found if conversations[news.trader_id].muted is not None]
    if order_ids:
        rows = connection.execute(
            sa.select(tables.outbox.c.order_id, tables.outbox.c.events)
            .where(
                tables.outbox.c.order_id.in_(order_ids),
                tables.outbox.c.state == State.MUTED,
                tables.outbox.c.events.is_not(None),
            )
            .order_by(tables.outbox.c.id)
        )
        for row in rows:
            events = msgspec.convert(row.events, list[notifications.OrderNews])
            kept[row.order_id] += [event for event in events if isinstance(event, Trade)]
    return kept


def _mark_told(connection: sa.Connection, replies: Sequence[Numbered]) -> None:
    """What was muted of an order is told by the news of its end."""
    muted, telling = tables.outbox, tables.outbox.alias()
    for ending in replies:
        if ending.tells_muted:
            connection.execute(
                sa.update(muted)
                .where(
                    muted.c.order_id == ending.reply.order_id,
                    muted.c.conversation_id == ending.reply.conversation_id,
                    muted.c.state == State.MUTED,
                )
                .values(
                    state=State.GROUPED,
                    told_by=sa.select(telling.c.id).where(telling.c.cause == ending.reply.cause).scalar_subquery(),
                )
            )


def _resting(connection: sa.Connection, shard_id: int, settled: Sequence[Settled]) -> dict[int, list[int]]:
    """Who had open orders in a market as it was halted or went on, by the number of the event."""
    return {
        number: queries.traders_resting_at(connection, shard_id, event.instrument_id, number)
        for one in settled
        for number, event in enumerate(one.events, one.first_number)
        if isinstance(event, notifications.MarketNews)
    }


def _market_notices(
    shard_id: int,
    settled: Sequence[Settled],
    resting: Mapping[int, list[int]],
    conversations: Conversations,
    listings: Listings,
) -> list[Numbered]:
    """Halts and resumptions, for whoever has open orders there."""
    replies = []
    for one in settled:
        for number, event in enumerate(one.events, one.first_number):
            if not isinstance(event, notifications.MarketNews):
                continue
            for trader_id in resting[number]:
                if (conversation := conversations.get(trader_id)) is None:
                    continue
                reply = Reply(
                    conversation_id=conversation.conversation_id,
                    cause=f"market:{shard_id}:{number}:{conversation.conversation_id}",
                    body=digests.markets([event], listings, conversation.language),
                    is_notice=True,
                    events=(event,),
                    is_muted=Notice.HALTS in (conversation.muted or ()),
                )
                replies.append(Numbered(number, reply, False))
    return replies


def _alerts(connection: sa.Connection, settled: Sequence[Settled], listings: Listings, now: datetime) -> list[Reply]:
    """Alerts that the batch's trades reached."""
    prices: dict[int, list[int]] = defaultdict(list)
    for one in settled:
        for event in one.events:
            if isinstance(event, Trade):
                prices[event.instrument_id].append(event.price_ticks)
    replies = []
    for instrument_id, ticks in prices.items():
        listing = listings.by_id[instrument_id]
        for alert in alerts.fire(connection, instrument_id, min(ticks), max(ticks), now):
            traded_ticks = max(ticks) if alert["direction"] == "above" else min(ticks)
            traded: Decimal = traded_ticks * listing.tick_size
            replies.append(
                Reply(
                    conversation_id=alert["conversation_id"],
                    cause=f"alert:{alert['id']}",
                    body=notices.alert_fired(
                        alert, listing, traded, places.locale_of(alert["language"], alert["number"])
                    ),
                )
            )
    return replies
