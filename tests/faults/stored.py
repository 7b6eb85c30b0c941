"""What the database holds after a run, as plain rows, for the checker."""

from dataclasses import dataclass, field
from decimal import Decimal

import sqlalchemy as sa

from bot import tables as chat
from engine import tables as market
from engine.orders import command_from_json


@dataclass(frozen=True, kw_only=True)
class Message:
    """A row of the inbox."""

    id: int
    sid: str
    number: str
    outcome: str | None
    handled: bool
    failures: int = 0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A row of the outbox."""

    id: int
    number: str
    cause: str
    inbox_id: int | None
    body: str
    state: str
    error_code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A contract, and what its ticks and lots are worth."""

    id: int
    symbol: str
    tick_size: Decimal
    lot_size: Decimal


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that was taken, with what it asks for; `waits` until it is settled."""

    id: int
    trader_id: int | None
    source: str
    request_key: str
    kind: str
    order_id: int | None
    instrument_id: int | None = None
    side: str | None = None
    quantity_lots: int | None = None
    price_ticks: int | None = None
    waits: bool = False


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order as it stands."""

    id: int
    trader_id: int
    instrument_id: int
    side: str
    price_ticks: int | None
    quantity_lots: int
    filled_lots: int
    leaves_lots: int
    state: str
    closed: bool


@dataclass(frozen=True, kw_only=True)
class Trade:
    """A trade with both its sides."""

    number: int
    instrument_id: int
    price_ticks: int
    quantity_lots: int
    taker_side: str
    maker_order_id: int
    maker_trader_id: int
    maker_commission_cents: int
    taker_order_id: int
    taker_trader_id: int
    taker_commission_cents: int


@dataclass(frozen=True, kw_only=True)
class Position:
    """What one trader holds of one instrument."""

    trader_id: int
    instrument_id: int
    lots: int
    open_cost_ticks: int
    realised_ticks: int
    commission_cents: int


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened to an order or came of a command."""

    number: int
    kind: str
    command_id: int | None
    order_id: int | None


@dataclass(kw_only=True)
class Stored:
    """Everything after a run; `traders` by phone number or username."""

    traders: dict[str, int]
    instruments: dict[int, Instrument]
    messages: list[Message] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    malfunctions: int = 0
    owed_reactions: int = 0

    def price_of(self, command: Command) -> Decimal | None:
        """What it asks for, in money."""
        if command.price_ticks is None:
            return None
        instrument_id = command.instrument_id
        if instrument_id is None:  # A change names its order alone.
            instrument_id = next(order.instrument_id for order in self.orders if order.id == command.order_id)
        return command.price_ticks * self.instruments[instrument_id].tick_size


def read(database: sa.Engine) -> Stored:
    with database.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        numbers = {row.id: row for row in connection.execute(sa.select(chat.conversations))}
        accounts = connection.execute(sa.select(chat.accounts.c.username, chat.accounts.c.trader_id))
        waiting = set(connection.scalars(sa.select(market.waiting_commands.c.command_id)))
        rows = connection.execute
        return Stored(
            traders={row.number: row.trader_id for row in numbers.values()}
            | {row.username: row.trader_id for row in accounts},
            instruments={row.id: Instrument(**_named(row, Instrument)) for row in rows(sa.select(market.instruments))},
            messages=[
                Message(
                    id=row.id,
                    sid=row.message_sid,
                    number=numbers[row.conversation_id].number,
                    outcome=row.outcome,
                    handled=row.handled_at is not None,
                    failures=row.failures,
                )
                for row in rows(sa.select(chat.inbox).order_by(chat.inbox.c.id))
            ],
            replies=[
                Reply(
                    id=row.id,
                    number=numbers[row.conversation_id].number,
                    cause=row.cause,
                    inbox_id=row.inbox_id,
                    body=row.body,
                    state=row.state,
                    error_code=row.error_code,
                )
                for row in rows(sa.select(chat.outbox).order_by(chat.outbox.c.id))
            ],
            commands=[
                Command(
                    **_named(row, Command, "side", "quantity_lots", "price_ticks", "waits"),
                    **_asked(row.body),
                    waits=row.id in waiting,
                )
                for row in rows(sa.select(market.commands).order_by(market.commands.c.id))
            ],
            orders=[
                Order(closed=row.closed_at is not None, **_named(row, Order, "closed"))
                for row in rows(sa.select(market.orders))
            ],
            trades=[
                Trade(**_named(row, Trade)) for row in rows(sa.select(market.trades).order_by(market.trades.c.number))
            ],
            positions=[Position(**_named(row, Position)) for row in rows(sa.select(market.positions))],
            events=[
                Event(**_named(row, Event)) for row in rows(sa.select(market.events).order_by(market.events.c.number))
            ],
            malfunctions=connection.scalar(sa.select(sa.func.count()).select_from(market.malfunctions)) or 0,
            owed_reactions=connection.scalar(sa.select(sa.func.count()).select_from(chat.owed_reactions)) or 0,
        )


def _asked(body: str) -> dict[str, object]:
    command = command_from_json(body)
    return {name: getattr(command, name, None) for name in ("side", "quantity_lots", "price_ticks")}


def _named(row: sa.Row, kind: type, *others: str) -> dict[str, object]:
    """A row's values that the class has by the same names."""
    return {name: getattr(row, name) for name in kind.__annotations__ if name not in others}
