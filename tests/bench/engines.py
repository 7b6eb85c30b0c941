"""How each matching engine plays a stream: what it is given is made before the clock starts, what it says is kept.

A contender is a function from a stream to a function without arguments, which plays the stream and returns every event
as a Python object; `is_trade` tells which of them are trades.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader

from engine import orders
from engine.book import Book, OpenOrders
from engine.events import AmendRejected, CancelRejected, Event
from engine.listing import Listing
from engine.matching import Market, match_batch
from tests.bench.flow import Amend, Cancel, New, Operation

Contender = Callable[[Sequence[Operation]], Callable[[], Sequence[object]]]

# As the worker that stores what happened takes them.
BATCH_COMMANDS = 100
INSTRUMENT = orders.Instrument(
    instrument_id=1,
    symbol="Dec25-Wheat",
    asset="wheat",
    contract="Dec25",
    tick_size=Decimal("0.01"),
    lot_size=Decimal(1),
)
NOW = datetime(2025, 1, 1, tzinfo=UTC)


def is_trade(event: object) -> bool:
    """Whichever engine's: liquibook's events are ours, tuples that begin with their kind."""
    return event[0] == "fill" if isinstance(event, tuple) else type(event).__name__ == "Trade"


def book(stream: Sequence[Operation]) -> Callable[[], Sequence[object]]:
    """Our matching alone, which is all that the other engines do."""
    open_orders = OpenOrders()
    ours = Book(Listing(INSTRUMENT), open_orders)
    batches = _batches(stream)
    new, cancel, closed = orders.Place, orders.Cancel, orders.Reason.ORDER_CLOSED

    def play() -> Sequence[object]:
        events: list[Event] = []
        by_id = open_orders.by_id
        for batch in batches:
            for command in batch:
                if type(command) is new:
                    ours.place(command, command.price_ticks, events)
                    continue
                order = by_id.get(command.order_id)
                if type(command) is cancel:
                    if order is None:
                        events.append(CancelRejected(command.order_id, command.trader_id, closed))
                    else:
                        ours.cancel(order, command.reason, events)
                elif order is None:
                    events.append(AmendRejected(command.order_id, command.trader_id, closed))
                else:
                    ours.amend(order, command.price_ticks, command.quantity_lots, events)
            open_orders.changed.clear()
        return events

    return play


def market(stream: Sequence[Operation]) -> Callable[[], Sequence[object]]:
    """The whole market as production runs it: limits, positions, expiry and commission besides."""
    ours = Market()
    ours.list_instrument(INSTRUMENT)
    batches = _batches(stream)

    def play() -> Sequence[object]:
        events: list[Event] = []
        for batch in batches:
            events += match_batch(ours, batch, NOW)
            ours.changed_orders.clear()
            ours.changed_positions.clear()
        return events

    return play


def _batches(stream: Sequence[Operation]) -> list[list[orders.Command]]:
    commands: list[orders.Command] = []
    for number, operation in enumerate(stream, start=1):
        match operation:
            case New(order_id, trader_id, is_buy, price_ticks, quantity_lots):
                side = orders.Side.BUY if is_buy else orders.Side.SELL
                limit = orders.OrderType.LIMIT
                commands.append(orders.Place(number, order_id, trader_id, 1, side, limit, quantity_lots, price_ticks))
            case Cancel(order_id, trader_id):
                commands.append(orders.Cancel(number, order_id, trader_id))
            case Amend(order_id, trader_id, _, price_ticks, quantity_lots):
                commands.append(orders.Amend(number, order_id, trader_id, price_ticks, quantity_lots))
    return [commands[start : start + BATCH_COMMANDS] for start in range(0, len(commands), BATCH_COMMANDS)]


def liquibook(stream: Sequence[Operation]) -> Callable[[], Sequence[object]]:
    """The C++ engine behind its own Python binding, with a listener that keeps what it is told.

    The binding's replace loses the new price, so an amended order is canceled and placed anew, as one operation.
    """
    import liquibook as library

    events: list[tuple[object, ...]] = []

    class Listener(library.OrderListener):
        def __init__(self) -> None:
            library.OrderListener.__init__(self)

        def on_accept(self, order):
            events.append(("accept", order.order_id_))

        def on_reject(self, order, reason):
            events.append(("reject", order.order_id_, reason))

        def on_fill(self, taker, maker, quantity, price):
            taker.fill(quantity, price, 0)
            maker.fill(quantity, price, 0)
            events.append(("fill", taker.order_id_, maker.order_id_, quantity, price))

        def on_cancel(self, order):
            order.cancel()
            events.append(("cancel", order.order_id_))

        def on_cancel_reject(self, order, reason):
            events.append(("cancel_reject", order.order_id_, reason))

    book, listener = library.liquibook_book_OrderBook(), Listener()
    book.set_order_listener(listener)
    placed = {
        operation.order_id: library.SimpleOrder(operation.is_buy, operation.price_ticks, operation.quantity_lots)
        for operation in stream
        if isinstance(operation, New)
    }
    calls: list[tuple[Callable[..., object], tuple[object, ...]]] = []
    for operation in stream:
        order = placed[operation.order_id]
        match operation:
            case New():
                calls.append((book.add, (order,)))
            case Cancel():
                calls.append((book.cancel, (order,)))
            case Amend(_, _, _, price_ticks, quantity_lots):
                calls.append((book.cancel, (order,)))
                replacing = library.SimpleOrder(operation.is_buy, price_ticks, quantity_lots)
                calls.append((book.add, (replacing,)))

    def play(_kept: object = listener) -> Sequence[object]:
        for call, arguments in calls:
            call(*arguments)
        return events

    return play


def matching_engine(stream: Sequence[Operation]) -> Callable[[], Sequence[object]]:
    """It has no amend: an amended order is canceled and placed anew, as one operation."""
    _read_new_syntax()
    from matching_engine import domain, events
    from matching_engine.engine import MatchingEngine

    commands: list[domain.Command] = []

    def place(order_id, trader_id, is_buy, price_ticks, quantity_lots):
        side = domain.Side.BUY if is_buy else domain.Side.SELL
        commands.append(domain.NewOrder(order_id, trader_id, side, price_ticks, quantity_lots))

    for operation in stream:
        match operation:
            case New():
                place(*operation)
            case Cancel():
                commands.append(domain.CancelOrder(*operation))
            case Amend(order_id, trader_id, is_buy, price_ticks, quantity_lots, new_order_id):
                commands.append(domain.CancelOrder(order_id, trader_id))
                place(new_order_id, trader_id, is_buy, price_ticks, quantity_lots)
    sequenced = [domain.SequencedCommand(number, 0, command) for number, command in enumerate(commands, start=1)]
    engine = MatchingEngine()

    def play() -> Sequence[object]:
        happened: list[events.Event] = []
        process = engine.process
        for command in sequenced:
            happened += process(command)
        return happened

    return play


def order_matching(stream: Sequence[Operation]) -> Callable[[], Sequence[object]]:
    """It has no amend either. What is to be canceled is looked up by scanning the book, so long streams are slow."""
    from loguru import logger
    from order_matching.enums import Side
    from order_matching.matching_engine import MatchingEngine
    from order_matching.order import LimitOrder
    from order_matching.orders import Orders

    logger.remove()
    moment = NOW.replace(tzinfo=None)
    engine = MatchingEngine(seed=1)
    trades: list[object] = []

    def place(order_id, trader_id, is_buy, price_ticks, quantity_lots):
        order = LimitOrder(
            side=Side.BUY if is_buy else Side.SELL,
            price=price_ticks,
            size=quantity_lots,
            timestamp=moment,
            order_id=str(order_id),
            trader_id=str(trader_id),
        )

        def call():
            engine.place(Orders([order]))
            trades.extend(engine.match(timestamp=moment).trades)

        return call

    def cancel(order_id):
        def call():
            if engine.unprocessed_orders.find_order_by_id(order_id) is not None:
                engine.cancel_order(order_id)

        return call

    calls = []
    for operation in stream:
        match operation:
            case New():
                calls.append(place(*operation))
            case Cancel(order_id):
                calls.append(cancel(str(order_id)))
            case Amend(order_id, trader_id, is_buy, price_ticks, quantity_lots, new_order_id):
                calls.append(cancel(str(order_id)))
                calls.append(place(new_order_id, trader_id, is_buy, price_ticks, quantity_lots))

    def play() -> Sequence[object]:
        for call in calls:
            call()
        return trades

    return play


class _OlderSyntax(SourceFileLoader):
    def source_to_code(self, data, path, *, _optimize=-1):
        return super().source_to_code(
            bytes(data).replace(b"\ntype Command = ", b"\nCommand = ").replace(b"\ntype Event = ", b"\nEvent = "),
            path,
            _optimize=_optimize,
        )


class _OlderSyntaxFinder(MetaPathFinder):
    """Python 3.11 lacks the `type X = ...` statement, which matching-engine uses for two aliases and nothing else."""

    def find_spec(self, fullname, path, target=None):
        if not fullname.startswith("matching_engine"):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _OlderSyntax(spec.loader.name, spec.loader.path)
        return spec


def _read_new_syntax() -> None:
    if sys.version_info < (3, 12) and not any(isinstance(finder, _OlderSyntaxFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OlderSyntaxFinder())
