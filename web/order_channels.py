"""The channel `orders`: everything that happens to one trader's orders, each event once and in order.

News only say whom a batch concerns; what happened is read from the record, in the same way as what was missed. A
position holds for each shard twice the number of an event, and one more once all that follows from the event is told: a
trade is told first, and then the order that it filled.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import gevent
import structlog
from gevent.lock import RLock
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from bot.feed import News
from engine import following, history
from engine.events import (
    AmendRejected,
    CancelRejected,
    Event,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    Trade,
)
from engine.history import NumberedEvent, PlacedFill, RequestedOrder, TradePlace
from engine.orders import Side
from engine.queries import Fill
from web.catalogue import Catalogue
from web.live_messages import OpenOrders, OrderEvent, OrderEventName, OrdersSnapshot, OwnTrade, RefusedChange
from web.sockets import Socket, frame

log = structlog.get_logger(__name__)

NAME = "orders"
EVENTS_PER_READ = 200
EVENTS_RESUMED_MAX = 1000

Position = dict[int, int]

EVENT_NAMES: dict[type, OrderEventName] = {
    OrderAccepted: "order:created",
    OrderRejected: "order:rejected",
    Trade: "order:matched",
    OrderAmended: "order:amended",
    OrderCanceled: "order:cancelled",
    OrderExpired: "order:expired",
    AmendRejected: "order:rejected",
    CancelRejected: "order:rejected",
}


@dataclass(slots=True, eq=False)
class OrdersChannel:
    """One trader's; `reached` are the last events that were read, `told` the position of the last message."""

    trader_id: int
    reached: dict[int, int] = field(default_factory=dict)
    told: Position = field(default_factory=dict)
    sockets: dict[Socket, None] = field(default_factory=dict)
    joining: int = 0
    is_due: bool = False
    is_followed: bool = False
    # Held while anything is read and told.
    lock: RLock = field(default_factory=RLock)


class OrdersChannels:
    """Those of the traders who have a socket here that follows them."""

    def __init__(self, reads: sessionmaker[Session], catalogue: Catalogue) -> None:
        self._reads = reads
        self._catalogue = catalogue
        self._by_trader: dict[int, OrdersChannel] = {}

    def join(self, socket: Socket, trader_id: int, after: Position | None) -> None:
        """Send what was missed and the open orders, then all that happens."""
        channel = self._by_trader.setdefault(trader_id, OrdersChannel(trader_id))
        socket.channels[NAME] = lambda: self._leave(channel, socket)
        channel.joining += 1
        try:
            self._begin(socket, channel, after)
        finally:
            channel.joining -= 1
            self._give_up_if_left(channel)

    def _begin(self, socket: Socket, channel: OrdersChannel, after: Position | None) -> None:
        trader_id = channel.trader_id
        with channel.lock, following.one_moment(self._reads) as session:
            if not channel.told:
                channel.reached = following.last_events_of(session, trader_id)
                channel.told = {shard_id: 2 * number + 1 for shard_id, number in channel.reached.items()}
            self._catch_up(session, channel)
            resumed = None if after is None else self._resume(session, channel, socket, after)
            found = history.settled_orders(session, trader_id).values()
            shown = OpenOrders.model_construct(orders=[self._catalogue.order(session, order) for order in found])
            snapshot = OrdersSnapshot(seq=written(channel.told), resumed=resumed, data=shown)
            socket.send(frame(snapshot.text()), is_counted=False)
            channel.sockets[socket] = None

    def hear(self, news: News) -> None:
        """Tell those whom a batch concerns."""
        for trader_id in news.trader_ids:
            channel = self._by_trader.get(trader_id)
            if channel is not None:
                self._wake(channel)

    def check(self, *, news_were_lost: bool) -> None:
        """Look again for those for whom reading has failed or, where news were lost, for all."""
        for channel in list(self._by_trader.values()):
            if channel.is_due or news_were_lost:
                self._wake(channel)

    def _leave(self, channel: OrdersChannel, socket: Socket) -> None:
        channel.sockets.pop(socket, None)
        self._give_up_if_left(channel)

    def _give_up_if_left(self, channel: OrdersChannel) -> None:
        nobody = not channel.sockets and not channel.joining
        if nobody and self._by_trader.get(channel.trader_id) is channel:
            del self._by_trader[channel.trader_id]

    def _wake(self, channel: OrdersChannel) -> None:
        channel.is_due = True
        if not channel.is_followed:
            channel.is_followed = True
            gevent.spawn(self._follow, channel)

    def _follow(self, channel: OrdersChannel) -> None:
        """Read and tell until nothing is due; what cannot be read stays due."""
        try:
            while channel.is_due and channel.sockets:
                with channel.lock, following.one_moment(self._reads) as session:
                    channel.is_due = False
                    self._catch_up(session, channel)
        except (OperationalError, PoolTimeoutError) as problem:
            channel.is_due = True
            log.warning("orders_not_read", problem=type(problem).__name__)
        finally:
            channel.is_followed = False

    def _catch_up(self, session: Session, channel: OrdersChannel) -> None:
        """Tell every event since the last to all who have joined."""
        while True:
            found = history.events_after(session, channel.trader_id, channel.reached, limit=EVENTS_PER_READ)
            frames = b"".join(self._frames(session, channel.trader_id, found, channel.told))
            channel.reached |= {event.shard_id: event.number for event in found}
            if frames:
                for socket in list(channel.sockets):
                    socket.send(frames)
            if len(found) < EVENTS_PER_READ:
                return

    def _resume(self, session: Session, channel: OrdersChannel, socket: Socket, after: Position) -> bool:
        """Send what was missed; False if it is too much, or the position is not one of ours."""
        if any(position > 2 * channel.reached.get(shard_id, -1) + 1 for shard_id, position in after.items()):
            return False
        # An event whose trade was told may still owe the order that it filled.
        since = {shard_id: (position - 1) // 2 for shard_id, position in after.items()}
        missed = history.events_after(session, channel.trader_id, since, limit=EVENTS_RESUMED_MAX + 1)
        if len(missed) > EVENTS_RESUMED_MAX:
            return False
        told = dict.fromkeys(channel.told, 0) | after
        for first in range(0, len(missed), EVENTS_PER_READ):
            frames = self._frames(session, channel.trader_id, missed[first : first + EVENTS_PER_READ], told)
            socket.send(b"".join(frames), is_counted=False)
        return True

    def _frames(
        self, session: Session, trader_id: int, found: Sequence[NumberedEvent], told: Position
    ) -> Iterable[bytes]:
        """What these events come to beyond `told`, which moves on with them."""
        numbers = {order_id for event in found if (order_id := order_of(event.event, trader_id)) is not None}
        orders = history.settled_orders(session, trader_id, numbers)
        for numbered in found:
            event, shard_id, position = numbered.event, numbered.shard_id, 2 * numbered.number
            order = orders.get(order_of(event, trader_id) or 0)
            if order is None:
                continue
            if isinstance(event, Trade) and position > told.get(shard_id, 0):
                yield self._trade(session, numbered, event, trader_id, told)
            if position + 1 > told.get(shard_id, 0):
                yield self._order(session, numbered, order, told)

    def _trade(self, session: Session, numbered: NumberedEvent, trade: Trade, trader_id: int, told: Position) -> bytes:
        prev = written(told)
        told[numbered.shard_id] = 2 * numbered.number
        is_taker = trade.taker_trader_id == trader_id
        maker_side = Side.SELL if trade.taker_side is Side.BUY else Side.BUY
        fill = Fill(
            trade.taker_order_id if is_taker else trade.maker_order_id,
            trade.instrument_id,
            trade.taker_side if is_taker else maker_side,
            trade.price_ticks,
            trade.quantity_lots,
            trade.taker_commission_cents if is_taker else trade.maker_commission_cents,
            numbered.occurred_at,
        )
        place = TradePlace(numbered.occurred_at, numbered.shard_id, numbered.number)
        shown = self._catalogue.fill(session, PlacedFill(place, fill))
        return frame(OwnTrade(seq=written(told), prev=prev, data=shown).text())

    def _order(self, session: Session, numbered: NumberedEvent, order: RequestedOrder, told: Position) -> bytes:
        prev = written(told)
        told[numbered.shard_id] = 2 * numbered.number + 1
        event, refused = numbered.event, None
        if isinstance(event, AmendRejected):
            refused = RefusedChange(request="amend", reason=event.reason)
        elif isinstance(event, CancelRejected):
            refused = RefusedChange(request="cancel", reason=event.reason)
        message = OrderEvent(
            event=EVENT_NAMES[type(event)],
            seq=written(told),
            prev=prev,
            refused=refused,
            data=self._catalogue.order(session, order),
        )
        return frame(message.text())


def order_of(event: Event, trader_id: int) -> int | None:
    """The trader's own order that an event is about, if it is about one and is told."""
    if isinstance(event, Trade):
        return event.taker_order_id if event.taker_trader_id == trader_id else event.maker_order_id
    return event.order_id if type(event) in EVENT_NAMES else None  # type: ignore[union-attr]


def written(position: Mapping[int, int]) -> int | str:
    """As it is sent: a number where one engine runs the whole market, else all of them: `0-234.1-90`."""
    if position.keys() == {0}:
        return position[0]
    return ".".join(f"{shard_id}-{number}" for shard_id, number in sorted(position.items()))


def read_position(text: int | str) -> Position:
    """What `written` wrote, also before the market was run by several engines."""
    if isinstance(text, int):
        return {0: text}
    return {int(shard_id): int(number) for shard_id, number in (part.split("-") for part in text.split("."))}
