"""What the market's events make us say: the answer to who asked, and a notice to whoever else is concerned.

It runs inside the batch's transaction: what happened and what is told of it are committed together or not at all.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from bot import alerts, notices, outbox, places, tables
from bot.dialogue import Outcome
from bot.listings import Listings
from bot.outbox import Reply
from engine.events import OrderCanceled, OrderExpired, Trade
from engine.intake import Source
from engine.orders import Reason, Side
from engine.record import Settled
from engine.tables import orders


class Addressee(NamedTuple):
    """A conversation that is told something: in the language of its number's country, by the clock there."""

    conversation_id: int
    language: str
    zone: ZoneInfo


Conversations = dict[int, Addressee]


def react(
    connection: sa.Connection, shard_id: int, settled: Sequence[Settled], listings: Listings, now: datetime
) -> bool:
    """Keep every reply that the batch calls for; returns whether there is any."""
    conversations = _conversations(connection, settled)
    replies = [
        *_answers(connection, settled, conversations, listings),
        *_notices(shard_id, settled, conversations, listings),
        *_alerts(connection, settled, listings, now),
    ]
    outbox.add(connection, replies, now)
    return bool(replies)


def _conversations(connection: sa.Connection, settled: Sequence[Settled]) -> Conversations:
    """By trader, the conversation of everyone whom a command or an event concerns."""
    trader_ids = set()
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
        ).where(tables.conversations.c.trader_id.in_(trader_ids - {None}))
    )
    return {
        row.trader_id: Addressee(row.id, places.locale_of(row.language, row.number), places.zone_of(row.number))
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


def _notices(
    shard_id: int, settled: Sequence[Settled], conversations: Conversations, listings: Listings
) -> list[Reply]:
    """What traders did not just ask for: fills of their resting orders, expiries, cancellations by others."""
    told: dict[int, list[Trade | OrderCanceled | OrderExpired]] = defaultdict(list)
    first_numbers: dict[int, int] = {}
    told_trader: dict[int, int] = {}
    for one in settled:
        asker_id = getattr(one.command, "trader_id", None) if one.source == Source.CHAT else None
        for number, event in enumerate(one.events, one.first_number):
            concerned: list[tuple[int, int]] = []
            if isinstance(event, Trade):
                concerned.append((event.maker_order_id, event.maker_trader_id))
                if event.taker_trader_id != asker_id:  # The answer to the command tells it.
                    concerned.append((event.taker_order_id, event.taker_trader_id))
            elif isinstance(event, OrderCanceled | OrderExpired) and event.trader_id != asker_id:
                concerned.append((event.order_id, event.trader_id))
            for order_id, trader_id in concerned:
                assert isinstance(event, Trade | OrderCanceled | OrderExpired)
                told[order_id].append(event)
                told_trader[order_id] = trader_id
                first_numbers.setdefault(order_id, number)
    replies = []
    for order_id, number in sorted(first_numbers.items(), key=lambda item: item[1]):
        conversation = conversations.get(told_trader[order_id])
        if conversation is None:
            continue
        replies.append(
            Reply(
                conversation_id=conversation.conversation_id,
                cause=f"event:{shard_id}:{number}:{order_id}",
                body=notices.order_news(order_id, told[order_id], listings, conversation.language),
                order_id=order_id,
                is_notice=True,
                events=tuple(told[order_id]),
            )
        )
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
