"""The whole way of one message, from the webhook to the deliveries: what answers "why did it do that?".

A question and what answered it are one story: the trace follows `in_answer_to` both ways.
"""

from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.retries import find_message
from bot.tables import conversations, inbox, outbox, recordings
from engine import events as market_events
from engine import queries
from engine.events import Event
from engine.history import NumberedEvent
from engine.queries import OrderView
from engine.tables import commands, events, malfunctions, orders, trades, waiting_commands

STEPS_MAX = 50  # Of one story; nobody is asked so often.


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTrace:
    """What was asked of the market, and what it made of it; `trace` is where it broke, if it did."""

    command_id: int
    kind: str
    is_waiting: bool
    events: list[NumberedEvent]
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTrace:
    """One message of the story: its row, what it asked of the market, and the rows of what was replied."""

    message: sa.RowMapping
    has_recording: bool
    commands: list[CommandTrace]
    replies: list[sa.RowMapping]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTrace:
    """An order of the story with all that happened to it, and what its trader was told of it besides the replies."""

    trader_id: int
    order: OrderView
    events: list[NumberedEvent]
    fills: list[sa.RowMapping]
    notices: list[sa.RowMapping] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    conversation: sa.RowMapping
    steps: list[StepTrace]
    orders: list[OrderTrace]


def trace(session: Session, inbox_id: int) -> Trace:
    """The story that this message is part of. Raises MessageNotFound."""
    message = find_message(session, inbox_id)
    conversation = (
        session.execute(sa.select(conversations).where(conversations.c.id == message["conversation_id"]))
        .mappings()
        .one()
    )
    story = _story(session, message)
    ids = [row["id"] for row in story]
    replied = session.execute(
        sa.select(outbox)
        .where(outbox.c.conversation_id == conversation["id"], outbox.c.inbox_id.in_(ids))
        .order_by(outbox.c.id)
    )
    replies = list(replied.mappings())
    recorded = set(session.scalars(sa.select(recordings.c.inbox_id).where(recordings.c.inbox_id.in_(ids))))
    trader_ids = _traders(session, conversation["trader_id"], replies)
    steps = [
        StepTrace(
            message=row,
            has_recording=row["id"] in recorded,
            commands=_commands(session, trader_ids, row["id"]),
            replies=[reply for reply in replies if reply["inbox_id"] == row["id"]],
        )
        for row in story
    ]
    about = {reply["order_id"] for reply in replies if reply["order_id"] is not None}
    for step in steps:
        for command in step.commands:
            about |= {getattr(found.event, "order_id", None) for found in command.events} - {None}
    told = {reply["id"] for reply in replies}
    found = [order_trace(session, order_id, told) for order_id in sorted(about)]
    return Trace(conversation=conversation, steps=steps, orders=[order for order in found if order is not None])


def order_trace(session: Session, order_id: int, told: set[int] | None = None) -> OrderTrace | None:
    """An order that the market has taken, with the notices about it but for those `told` elsewhere."""
    row = session.execute(sa.select(orders).where(orders.c.id == order_id)).mappings().one_or_none()
    if row is None:
        return None
    trader_id = row["trader_id"]
    happened = session.execute(
        sa.select(events)
        .where(events.c.trader_id == trader_id, events.c.shard_id == row["shard_id"], events.c.order_id == order_id)
        .order_by(events.c.number)
    )
    filled = session.execute(
        sa.select(trades)
        .where(
            sa.or_(
                sa.and_(trades.c.maker_trader_id == trader_id, trades.c.maker_order_id == order_id),
                sa.and_(trades.c.taker_trader_id == trader_id, trades.c.taker_order_id == order_id),
            ),
            trades.c.occurred_at >= row["created_at"],
        )
        .order_by(trades.c.number)
    )
    notices = session.execute(sa.select(outbox).where(outbox.c.order_id == order_id).order_by(outbox.c.id))
    return OrderTrace(
        trader_id=trader_id,
        order=queries.order_view(row),
        events=_numbered(happened),
        fills=list(filled.mappings()),
        notices=[notice for notice in notices.mappings() if notice["id"] not in (told or set())],
    )


def message_of_order(session: Session, trader_id: int, order_id: int) -> int | None:
    """The message that placed an order, if one did."""
    key = session.execute(
        sa.select(commands.c.request_key).where(
            commands.c.trader_id == trader_id,
            commands.c.order_id == order_id,
            commands.c.kind == "place",
            commands.c.source == "chat",
        )
    ).scalar()
    return None if key is None else int(key.split(":")[1])


def _story(session: Session, message: sa.RowMapping) -> list[sa.RowMapping]:
    """The messages whose questions led here and those that answered, the oldest first."""
    found = {message["id"]: message}
    earlier = message
    while earlier["in_answer_to"] is not None and len(found) < STEPS_MAX:
        earlier = find_message(session, earlier["in_answer_to"])
        found[earlier["id"]] = earlier
    asked = {message["id"]}
    while asked and len(found) < STEPS_MAX:
        later = session.execute(sa.select(inbox).where(inbox.c.in_answer_to.in_(asked))).mappings().all()
        asked = {row["id"] for row in later} - found.keys()
        found |= {row["id"]: row for row in later}
    return [found[inbox_id] for inbox_id in sorted(found)]


def _traders(session: Session, trader_id: int, replies: list[sa.RowMapping]) -> set[int]:
    """The number's trader, and whoever it was when it was told of these orders: a link may have come between."""
    order_ids = {reply["order_id"] for reply in replies} - {None}
    then = session.scalars(sa.select(orders.c.trader_id).where(orders.c.id.in_(order_ids)))
    return {trader_id, *then}


def _commands(session: Session, trader_ids: set[int], inbox_id: int) -> list[CommandTrace]:
    key = f"message:{inbox_id}"  # As bot.turn names what a message asks for; STOP may have one for each asset.
    asked = session.execute(
        sa.select(commands, waiting_commands.c.command_id.label("waiting_id"), malfunctions.c.trace)
        .outerjoin(
            waiting_commands,
            sa.and_(waiting_commands.c.shard_id == commands.c.shard_id, waiting_commands.c.command_id == commands.c.id),
        )
        .outerjoin(malfunctions, malfunctions.c.command_id == commands.c.id)
        .where(
            commands.c.source == "chat",
            commands.c.trader_id.in_(trader_ids),
            sa.or_(commands.c.request_key == key, commands.c.request_key.startswith(key + ":")),
        )
        .order_by(commands.c.id)
    )
    return [
        CommandTrace(
            command_id=row["id"],
            kind=row["kind"],
            is_waiting=row["waiting_id"] is not None,
            events=_numbered(
                session.execute(
                    sa.select(events)
                    .where(
                        events.c.trader_id == row["trader_id"],
                        events.c.shard_id == row["shard_id"],
                        events.c.command_id == row["id"],
                    )
                    .order_by(events.c.number)
                )
            ),
            trace=row["trace"],
        )
        for row in asked.mappings()
    ]


def _numbered(rows: sa.Result[tuple[object, ...]]) -> list[NumberedEvent]:
    return [NumberedEvent(row.occurred_at, row.shard_id, row.number, _event(row.body)) for row in rows]


def _event(body: str) -> Event:
    return market_events.from_json(body)
