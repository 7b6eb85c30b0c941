"""The market of one shard: commands in, events out.

Pure: the same market, commands and times always give the same events. A command that the market's own code fails on
raises and may leave it half-changed: the caller drops the market and restores it from what is stored.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from heapq import heapify, heappop, heappush

from engine.book import BUY, Book, OpenOrders
from engine.events import (
    AmendRejected,
    CancelAllDone,
    CancelRejected,
    CommandRejected,
    Event,
    InstrumentExpired,
    InstrumentHalted,
    InstrumentResumed,
    InstrumentSet,
    OrderCanceled,
    OrderRejected,
    Trade,
    TraderLimitsSet,
)
from engine.limits import Refusal, closed_refusal, instrument_refusal, trader_refusal
from engine.listing import Listing
from engine.orders import (
    Amend,
    Cancel,
    CancelAll,
    Command,
    ExpireInstrument,
    HaltInstrument,
    Instrument,
    InstrumentStatus,
    Order,
    Place,
    Reason,
    ResumeInstrument,
    SetInstrument,
    SetTraderLimits,
    TimeInForce,
    TraderLimits,
)
from engine.positions import Position

DUE_ENTRIES_MIN = 64


def match_batch(market: "Market", commands: Iterable[Command], now: datetime) -> list[Event]:
    """What is due by `now`, then each command in turn."""
    events = market.expire(now)
    for command in commands:
        events += market.apply(command, now)
    return events


def rejection(command: Command, reason: Reason) -> Event:
    """The event that refuses `command` whole, for whatever kind of command it is."""
    match command:
        case Place():
            return OrderRejected(command, reason)
        case Amend():
            return AmendRejected(command.order_id, command.trader_id, reason)
        case Cancel():
            return CancelRejected(command.order_id, command.trader_id, reason)
        case CancelAll() | SetTraderLimits():
            return CommandRejected(reason, trader_id=command.trader_id)
        case HaltInstrument() | ResumeInstrument() | ExpireInstrument():
            return CommandRejected(reason, instrument_id=command.instrument_id)
        case SetInstrument():
            return CommandRejected(reason, instrument_id=command.instrument.instrument_id)


class Market:
    """The books, positions and limits of the instruments of one shard.

    Restore a stored market with `list_instrument`, `set_limits`, `restore_position` and, in the order of their places
    in the queues, `restore_order`. After a batch, `changed_orders` and `changed_positions` hold what is to be stored;
    clear them when it is.
    """

    def __init__(self) -> None:
        self.books: dict[int, Book] = {}
        self.positions: dict[tuple[int, int], Position] = {}
        self.limits: dict[int, TraderLimits] = {}
        self.changed_positions: dict[tuple[int, int], Position] = {}
        self._open = OpenOrders()
        self.open_orders: dict[int, Order] = self._open.by_id
        self.changed_orders: dict[int, Order] = self._open.changed
        # Every lookup may leave an empty set behind, one a trader at most.
        self._of_trader: defaultdict[int, set[int]] = defaultdict(set)
        # What ends by itself, soonest first: (when, order, instrument), order 0 standing for the instrument's own end.
        self._due: list[tuple[datetime, int, int]] = []
        self._handlers: dict[type, Callable[..., list[Event]]] = {
            Place: self._place,
            Amend: self._amend,
            Cancel: self._cancel,
            CancelAll: self._cancel_all,
            HaltInstrument: self._halt,
            ResumeInstrument: self._resume,
            ExpireInstrument: self._expire_instrument,
            SetInstrument: self._set_instrument,
            SetTraderLimits: self._set_trader_limits,
        }

    def list_instrument(self, instrument: Instrument, last_price_ticks: int | None = None) -> None:
        assert instrument.instrument_id not in self.books
        self.books[instrument.instrument_id] = Book(Listing(instrument, last_price_ticks), self._open)
        self._await_end(instrument)

    def set_limits(self, trader_id: int, limits: TraderLimits) -> None:
        self.limits[trader_id] = limits

    def restore_position(self, position: Position) -> None:
        self.positions[position.trader_id, position.instrument_id] = position

    def restore_order(self, order: Order) -> None:
        """Put a stored open order at the back of its level."""
        self.books[order.instrument_id].restore(order)
        self._of_trader[order.trader_id].add(order.order_id)
        if order.expires_at is not None:
            self._await_expiry(order.order_id, order.instrument_id, order.expires_at)

    def expire(self, now: datetime) -> list[Event]:
        """End what is due by `now`: orders whose time is over and instruments whose last trading time has come."""
        events: list[Event] = []
        due = self._due
        while due and due[0][0] <= now:
            when, order_id, instrument_id = heappop(due)
            book = self.books[instrument_id]
            if order_id:
                order = self.open_orders.get(order_id)
                if order is not None and order.expires_at == when:
                    book.expire(order, Reason.ORDER_EXPIRED, events)
                    self._of_trader[order.trader_id].discard(order_id)
            elif (
                book.listing.instrument.last_trading_at == when and book.listing.status is not InstrumentStatus.EXPIRED
            ):
                self._end_instrument(book, events)
        return events

    def apply(self, command: Command, now: datetime) -> list[Event]:
        """What `command` brings about at `now`, after what is due by then. Every command gives at least one event."""
        due = self._due
        if due and due[0][0] <= now:
            return self.expire(now) + self._handlers[type(command)](command, now)
        return self._handlers[type(command)](command, now)

    def _place(self, command: Place, now: datetime) -> list[Event]:
        order_id, trader_id, instrument_id = command.order_id, command.trader_id, command.instrument_id
        quantity_lots, price_ticks, expires_at = command.quantity_lots, command.price_ticks, command.expires_at
        book = self.books.get(instrument_id)
        if book is None:
            return [OrderRejected(command, Reason.UNKNOWN_INSTRUMENT)]
        assert order_id not in self.open_orders, "order ids are given once"
        listing = book.listing
        refusal = instrument_refusal(listing, quantity_lots, price_ticks)
        if refusal is None and trader_id in self.limits:
            refusal = self._place_refusal(command, self.limits[trader_id])
        if refusal is None and expires_at is not None and expires_at <= now:
            refusal = Reason.ORDER_EXPIRED, {}
        if refusal is not None:
            return [OrderRejected(command, *refusal)]
        if price_ticks is None:
            price_ticks = listing.high_ticks if command.side is BUY else listing.low_ticks
        events: list[Event] = []
        book.place(command, price_ticks, events)
        if order_id in self.open_orders:
            self._of_trader[trader_id].add(order_id)
            if expires_at is not None:
                self._await_expiry(order_id, instrument_id, expires_at)
        if len(events) > 1:
            self._account(listing, events)
        return events

    def _amend(self, command: Amend, now: datetime) -> list[Event]:
        order = self.open_orders.get(command.order_id)
        if order is None:
            return [AmendRejected(command.order_id, command.trader_id, Reason.ORDER_CLOSED)]
        if order.trader_id != command.trader_id:
            return [AmendRejected(command.order_id, command.trader_id, Reason.ORDER_NOT_FOUND)]
        assert order.price_ticks is not None
        price_ticks = order.price_ticks if command.price_ticks is None else command.price_ticks
        quantity_lots = order.quantity_lots if command.quantity_lots is None else command.quantity_lots
        if price_ticks == order.price_ticks and quantity_lots == order.quantity_lots:
            return [AmendRejected(command.order_id, command.trader_id, Reason.NOTHING_TO_CHANGE)]
        book = self.books[order.instrument_id]
        if quantity_lots > order.filled_lots:
            refusal = self._amend_refusal(book.listing, order, quantity_lots, price_ticks)
            if refusal is not None:
                return [AmendRejected(command.order_id, command.trader_id, *refusal)]
        events: list[Event] = []
        book.amend(order, price_ticks, quantity_lots, events)
        self._account(book.listing, events)
        return events

    def _cancel(self, command: Cancel, now: datetime) -> list[Event]:
        order = self.open_orders.get(command.order_id)
        if order is None:
            return [CancelRejected(command.order_id, command.trader_id, Reason.ORDER_CLOSED)]
        if order.trader_id != command.trader_id:
            return [CancelRejected(command.order_id, command.trader_id, Reason.ORDER_NOT_FOUND)]
        events: list[Event] = []
        self.books[order.instrument_id].cancel(order, command.reason, events)
        self._of_trader[order.trader_id].discard(order.order_id)
        return events

    def _cancel_all(self, command: CancelAll, now: datetime) -> list[Event]:
        if command.instrument_id is not None and command.instrument_id not in self.books:
            return [CommandRejected(Reason.UNKNOWN_INSTRUMENT, command.trader_id, command.instrument_id)]
        events: list[Event] = []
        # Sorted, because the order within a set depends on its history, and a restored market has another one.
        of_trader = self._of_trader[command.trader_id]
        for order_id in sorted(of_trader):
            order = self.open_orders[order_id]
            book = self.books[order.instrument_id]
            if (
                (command.side is None or order.side is command.side)
                and (command.instrument_id is None or order.instrument_id == command.instrument_id)
                and (command.asset is None or book.listing.instrument.asset == command.asset)
            ):
                book.cancel(order, command.reason, events)
                of_trader.discard(order_id)
        events.append(CancelAllDone(command.trader_id, len(events)))
        return events

    def _halt(self, command: HaltInstrument, now: datetime) -> list[Event]:
        return self._change_status(command, InstrumentStatus.HALTED, InstrumentHalted(command.instrument_id))

    def _resume(self, command: ResumeInstrument, now: datetime) -> list[Event]:
        return self._change_status(command, InstrumentStatus.OPEN, InstrumentResumed(command.instrument_id))

    def _change_status(
        self, command: HaltInstrument | ResumeInstrument, status: InstrumentStatus, event: Event
    ) -> list[Event]:
        book = self.books.get(command.instrument_id)
        if book is None:
            return [rejection(command, Reason.UNKNOWN_INSTRUMENT)]
        if book.listing.status is InstrumentStatus.EXPIRED:
            return [rejection(command, Reason.INSTRUMENT_EXPIRED)]
        if book.listing.status is status:
            return [rejection(command, Reason.NOTHING_TO_CHANGE)]
        book.listing.status = status
        return [event]

    def _expire_instrument(self, command: ExpireInstrument, now: datetime) -> list[Event]:
        book = self.books.get(command.instrument_id)
        if book is None:
            return [rejection(command, Reason.UNKNOWN_INSTRUMENT)]
        if book.listing.status is InstrumentStatus.EXPIRED:
            return [rejection(command, Reason.INSTRUMENT_EXPIRED)]
        events: list[Event] = []
        self._end_instrument(book, events)
        return events

    def _set_instrument(self, command: SetInstrument, now: datetime) -> list[Event]:
        instrument = command.instrument
        book = self.books.get(instrument.instrument_id)
        if book is None:
            self.list_instrument(instrument)
        else:
            listed = book.listing.instrument
            # What is resting, held and recorded is counted in the listed tick and lot.
            if (instrument.tick_size, instrument.lot_size) != (listed.tick_size, listed.lot_size):
                return [rejection(command, Reason.INSTRUMENT_IN_USE)]
            book.listing.set_rules(instrument)
            if instrument.last_trading_at != listed.last_trading_at:
                self._await_end(instrument)
        return [InstrumentSet(instrument)]

    def _set_trader_limits(self, command: SetTraderLimits, now: datetime) -> list[Event]:
        self.set_limits(command.trader_id, command.limits)
        return [TraderLimitsSet(command.trader_id, command.limits)]

    def _amend_refusal(self, listing: Listing, order: Order, quantity_lots: int, price_ticks: int) -> Refusal | None:
        """An order that comes in again is judged like a new one; one that only shrinks, by whether trading is open."""
        requeued = price_ticks != order.price_ticks or quantity_lots > order.quantity_lots
        refusal = instrument_refusal(listing, quantity_lots, price_ticks) if requeued else closed_refusal(listing)
        limits = self.limits.get(order.trader_id)
        if refusal is not None or limits is None:
            return refusal
        if not requeued:
            return (Reason.TRADER_FROZEN, {}) if limits.frozen else None
        leaves_lots = quantity_lots - order.filled_lots
        return trader_refusal(limits, *self._exposure(order), order.side, quantity_lots, leaves_lots)

    def _place_refusal(self, command: Place, limits: TraderLimits) -> Refusal | None:
        open_orders = self._of_trader[command.trader_id]
        rests = command.price_ticks is not None and command.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK)
        if rests and limits.open_orders_max is not None and len(open_orders) >= limits.open_orders_max:
            return Reason.OPEN_ORDERS_LIMIT, {"open_orders_max": limits.open_orders_max}
        quantity_lots = command.quantity_lots
        return trader_refusal(limits, *self._exposure(command), command.side, quantity_lots, quantity_lots)

    def _exposure(self, asked: Place | Order) -> tuple[Position | None, Iterator[Order]]:
        """The trader's position in the instrument, and the trader's open orders there, without the one asked about."""
        trader_id, instrument_id, order_id = asked.trader_id, asked.instrument_id, asked.order_id
        others = (self.open_orders[other] for other in self._of_trader[trader_id] if other != order_id)
        return (
            self.positions.get((trader_id, instrument_id)),
            (order for order in others if order.instrument_id == instrument_id),
        )

    def _account(self, listing: Listing, events: list[Event]) -> None:
        """Follow what one incoming order did: positions, the reference price, and whose orders closed."""
        instrument_id = listing.instrument.instrument_id
        for event in events:
            if type(event) is Trade:
                price_ticks, maker_trader_id = event.price_ticks, event.maker_trader_id
                bought = event.quantity_lots if event.taker_side is BUY else -event.quantity_lots
                taker = self._changing_position(event.taker_trader_id, instrument_id)
                taker.fill(bought, price_ticks, event.taker_commission_cents)
                maker = self._changing_position(maker_trader_id, instrument_id)
                maker.fill(-bought, price_ticks, event.maker_commission_cents)
                if not event.maker_leaves_lots:
                    self._of_trader[maker_trader_id].discard(event.maker_order_id)
                if not event.taker_leaves_lots:
                    self._of_trader[event.taker_trader_id].discard(event.taker_order_id)
                listing.traded_at(price_ticks)
            elif type(event) is OrderCanceled:
                self._of_trader[event.trader_id].discard(event.order_id)

    def _changing_position(self, trader_id: int, instrument_id: int) -> Position:
        key = trader_id, instrument_id
        position = self.positions.get(key)
        if position is None:
            position = self.positions[key] = Position(trader_id, instrument_id)
        self.changed_positions[key] = position
        return position

    def _end_instrument(self, book: Book, events: list[Event]) -> None:
        for order in book.resting():
            book.expire(order, Reason.INSTRUMENT_EXPIRED, events)
            self._of_trader[order.trader_id].discard(order.order_id)
        book.listing.status = InstrumentStatus.EXPIRED
        events.append(InstrumentExpired(book.listing.instrument.instrument_id))

    def _await_end(self, instrument: Instrument) -> None:
        if instrument.last_trading_at is not None:
            heappush(self._due, (instrument.last_trading_at, 0, instrument.instrument_id))

    def _await_expiry(self, order_id: int, instrument_id: int, expires_at: datetime) -> None:
        heappush(self._due, (expires_at, order_id, instrument_id))
        # Orders that closed early leave their entries behind.
        if len(self._due) > DUE_ENTRIES_MIN + 2 * (len(self.open_orders) + len(self.books)):
            self._due = [
                (when, order_id, instrument_id)
                for when, order_id, instrument_id in self._due
                if not order_id or order_id in self.open_orders
            ]
            heapify(self._due)
