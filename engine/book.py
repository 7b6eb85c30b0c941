"""One instrument's resting orders, and how an incoming order meets them in price-time priority.

Each side is a dict of price levels, a level a queue of orders, oldest first, and a heap of the levels' keys. A key is
the price for offers and the negated price for bids, so that the best key is the smallest on either side, and an
incoming order reaches a level when the level's key is at or below its own limit on that scale.

Deletion is lazy: a canceled order stays in its queue with nothing left, and is dropped when it comes to the front, or
when such orders outnumber the open ones. The books of a market share one `OpenOrders`.
"""

from collections import deque
from copy import copy
from heapq import heapify, heappop, heappush
from itertools import islice

from engine.events import Event, OrderAccepted, OrderAmended, OrderCanceled, OrderExpired, Trade
from engine.listing import Listing
from engine.orders import Order, OrderState, Place, Reason, SelfTradePrevention, Side, TimeInForce

# A class attribute of an Enum costs several times a global in the loops below.
BUY = Side.BUY
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
CANCEL_TAKER, CANCEL_MAKER = SelfTradePrevention.CANCEL_TAKER, SelfTradePrevention.CANCEL_MAKER
PARTIALLY_FILLED, FILLED = OrderState.PARTIALLY_FILLED, OrderState.FILLED
CANCELED, EXPIRED = OrderState.CANCELED, OrderState.EXPIRED

DEAD_ORDERS_MIN = 64


class OpenOrders:
    """The open orders by id, and every order changed since `changed` was last cleared, as it is now."""

    __slots__ = ("by_id", "changed")

    def __init__(self) -> None:
        self.by_id: dict[int, Order] = {}
        self.changed: dict[int, Order] = {}


class BookSide:
    """The price levels of one side. `dead` counts canceled orders that still stand in a queue."""

    __slots__ = ("dead", "keys", "levels")

    def __init__(self) -> None:
        self.levels: dict[int, deque[Order]] = {}
        self.keys: list[int] = []
        self.dead = 0

    def best_key(self) -> int | None:
        """The best level with an open order, after dropping what is dead before it."""
        keys, levels = self.keys, self.levels
        while keys:
            queue = levels[keys[0]]
            while queue:
                if queue[0].leaves_lots:
                    return keys[0]
                queue.popleft()
                self.dead -= 1
            del levels[heappop(keys)]
        return None

    def drop_dead(self) -> None:
        levels = self.levels
        self.levels = {key: live for key, queue in levels.items() if (live := deque(o for o in queue if o.leaves_lots))}
        self.keys = list(self.levels)
        heapify(self.keys)
        self.dead = 0


class Book:
    """What happens is appended to the `events` that each method is given."""

    __slots__ = ("_bids", "_by_id", "_changed", "_offers", "listing")

    def __init__(self, listing: Listing, open_orders: OpenOrders) -> None:
        self.listing = listing
        self._by_id, self._changed = open_orders.by_id, open_orders.changed
        self._bids = BookSide()
        self._offers = BookSide()

    def place(self, command: Place, limit_ticks: int, events: list[Event]) -> None:
        """Take a new order in; `limit_ticks` is its own price, or where a market order is protected."""
        order_id = command.order_id
        quantity_lots = command.quantity_lots
        order = Order(
            order_id,
            command.trader_id,
            command.instrument_id,
            command.side,
            command.price_ticks,
            quantity_lots,
            quantity_lots,
            command.time_in_force,
            command.expires_at,
            command.post_only,
            command.self_trade_prevention,
        )
        self._changed[order_id] = order
        events.append(OrderAccepted(command))
        self._enter(order, limit_ticks, events)

    def amend(self, order: Order, price_ticks: int, quantity_lots: int, events: list[Event]) -> None:
        """Give a resting order another price or total quantity.

        With less quantity it keeps its place; with more, or another price, it comes in again as an incoming order; at
        or below what is filled it ends.
        """
        if quantity_lots <= order.filled_lots:
            self.cancel(order, Reason.AMENDED_BELOW_FILLED, events)
            return
        requeued = price_ticks != order.price_ticks or quantity_lots > order.quantity_lots
        if requeued:
            # The old object keeps its place in the queue, emptied, until that is cleared.
            old, order = order, copy(order)
            self._withdraw(old)
        leaves_lots = quantity_lots - order.filled_lots
        order.price_ticks, order.quantity_lots, order.leaves_lots = price_ticks, quantity_lots, leaves_lots
        order_id, trader_id, instrument_id, side = order.order_id, order.trader_id, order.instrument_id, order.side
        self._changed[order_id] = order
        events.append(
            OrderAmended(order_id, trader_id, instrument_id, side, price_ticks, quantity_lots, leaves_lots, requeued)
        )
        if requeued:
            self._enter(order, price_ticks, events)

    def restore(self, order: Order) -> None:
        """Put a stored open order at the back of its price level. It must not cross."""
        assert order.leaves_lots > 0
        assert order.price_ticks is not None
        events: list[Event] = []
        self._enter(order, order.price_ticks, events)
        assert not events, "what is stored does not cross"

    def cancel(self, order: Order, reason: Reason, events: list[Event]) -> None:
        """End an incoming or resting order, whatever is left of it."""
        leaves_lots = self._end(order, CANCELED, reason)
        events.append(
            OrderCanceled(order.order_id, order.trader_id, order.instrument_id, order.side, reason, leaves_lots)
        )

    def expire(self, order: Order, reason: Reason, events: list[Event]) -> None:
        """End a resting order whose time, or whose instrument's time, is over."""
        leaves_lots = self._end(order, EXPIRED, reason)
        events.append(
            OrderExpired(order.order_id, order.trader_id, order.instrument_id, order.side, reason, leaves_lots)
        )

    def resting(self) -> list[Order]:
        """Every open order: bids, then offers, best price first, then oldest first."""
        return [
            order
            for side in (self._bids, self._offers)
            for key in sorted(side.levels)
            for order in side.levels[key]
            if order.leaves_lots
        ]

    def depth(self, side: Side, levels_max: int | None = None) -> list[tuple[int, int]]:
        """(price in ticks, quantity in lots) of each level or of the best `levels_max`, best first."""
        own = self._bids if side is BUY else self._offers
        sums = ((abs(key), sum(order.leaves_lots for order in own.levels[key])) for key in sorted(own.levels))
        live = ((price_ticks, quantity_lots) for price_ticks, quantity_lots in sums if quantity_lots)
        return list(islice(live, levels_max))

    def _enter(self, incoming: Order, limit_ticks: int, events: list[Event]) -> None:
        """Let `incoming` trade as far as `limit_ticks`, then rest or end, as its time in force says."""
        if incoming.side is BUY:
            own, opposite, limit = self._bids, self._offers, limit_ticks
        else:
            own, opposite, limit = self._offers, self._bids, -limit_ticks
        keys, time_in_force = opposite.keys, incoming.time_in_force
        if keys and keys[0] <= limit:
            if incoming.post_only:
                best = opposite.best_key()
                if best is not None and best <= limit:
                    self.cancel(incoming, Reason.POST_ONLY_WOULD_CROSS, events)
                    return
            else:
                if time_in_force is FOK and (obstacle := self._obstacle(incoming, opposite, limit)) is not None:
                    self.cancel(incoming, obstacle, events)
                    return
                self._match(incoming, opposite, limit, events)
                if not incoming.leaves_lots:
                    return
            keys = opposite.keys
            assert not keys or keys[0] > limit, "an order must not rest where it could trade"
        if time_in_force is FOK:
            self.cancel(incoming, Reason.FOK_UNFILLED, events)
        elif time_in_force is IOC or incoming.price_ticks is None:
            self.cancel(incoming, Reason.IOC_REMAINDER, events)
        else:
            # On the scale of its own side, where the better price is the smaller, its price is the negated limit.
            key = -limit
            queue = own.levels.get(key)
            if queue is None:
                own.levels[key] = deque((incoming,))
                heappush(own.keys, key)
            else:
                queue.append(incoming)
            self._by_id[incoming.order_id] = incoming

    def _withdraw(self, order: Order) -> None:
        """Take a resting order off the book, with nothing left; what replaces it must be another object."""
        by_id = self._by_id
        order.leaves_lots = 0
        del by_id[order.order_id]
        own = self._bids if order.side is BUY else self._offers
        own.dead += 1
        if own.dead > DEAD_ORDERS_MIN and own.dead > len(by_id):
            own.drop_dead()

    def _end(self, order: Order, state: OrderState, reason: Reason) -> int:
        """Returns what was left of the order."""
        leaves_lots = order.leaves_lots
        order_id = order.order_id
        if order_id in self._by_id:
            self._withdraw(order)
        else:
            order.leaves_lots = 0
        order.state = state
        order.reason = reason
        self._changed[order_id] = order
        return leaves_lots

    def _match(self, incoming: Order, opposite: BookSide, limit: int, events: list[Event]) -> None:
        """Trade `incoming` with all that it reaches and may trade with; after that it is closed or may rest."""
        keys, levels = opposite.keys, opposite.levels
        by_id, changed = self._by_id, self._changed
        commission_cents = self.listing.commission.cents
        taker_id, taker_trader_id, taker_side = incoming.order_id, incoming.trader_id, incoming.side
        instrument_id = incoming.instrument_id
        before = leaves = incoming.leaves_lots
        notional_ticks = 0
        stopped = False
        while leaves and not stopped and keys and keys[0] <= limit:
            queue = levels[keys[0]]
            popleft = queue.popleft
            while queue:
                resting = popleft()
                resting_leaves = resting.leaves_lots
                if not resting_leaves:
                    opposite.dead -= 1
                    continue
                if resting.trader_id == taker_trader_id:
                    queue.appendleft(resting)
                    mode = incoming.self_trade_prevention
                    if mode is not CANCEL_TAKER:
                        self.cancel(resting, Reason.SELF_TRADE, events)
                        # Dropping the dead may have replaced the side's levels.
                        keys, levels = opposite.keys, opposite.levels
                    stopped = mode is not CANCEL_MAKER
                    break
                price_ticks = resting.price_ticks
                assert price_ticks is not None
                quantity = leaves if leaves < resting_leaves else resting_leaves
                fill_ticks = price_ticks * quantity
                leaves -= quantity
                notional_ticks += fill_ticks
                resting_leaves -= quantity
                filled = resting.filled_lots + quantity
                assert filled + resting_leaves == resting.quantity_lots, "quantities must conserve"
                resting.leaves_lots = resting_leaves
                resting.filled_lots = filled
                resting.notional_ticks += fill_ticks
                cents = commission_cents(fill_ticks)
                resting_id = resting.order_id
                changed[resting_id] = resting
                events.append(
                    Trade(
                        instrument_id,
                        resting_id,
                        taker_id,
                        resting.trader_id,
                        taker_trader_id,
                        taker_side,
                        price_ticks,
                        quantity,
                        resting_leaves,
                        leaves,
                        cents,
                        cents,
                    )
                )
                if resting_leaves:
                    resting.state = PARTIALLY_FILLED
                    queue.appendleft(resting)
                    break
                resting.state = FILLED
                del by_id[resting_id]
                if not leaves:
                    break
            else:
                del levels[heappop(keys)]
        if leaves < before:
            incoming.leaves_lots = leaves
            incoming.filled_lots += before - leaves
            incoming.notional_ticks += notional_ticks
            incoming.state = PARTIALLY_FILLED if leaves else FILLED
            assert incoming.filled_lots + leaves == incoming.quantity_lots, "quantities must conserve"
        if stopped:
            self.cancel(incoming, Reason.SELF_TRADE, events)

    def _obstacle(self, incoming: Order, opposite: BookSide, limit: int) -> Reason | None:
        """Why a fill-or-kill order cannot be filled at once; None if it can. Looks no further than it needs to."""
        keys, levels = opposite.keys, opposite.levels
        needed = incoming.leaves_lots
        skips_own = incoming.self_trade_prevention is CANCEL_MAKER
        visited: list[int] = []
        obstacle: Reason | None = Reason.FOK_UNFILLED
        while keys and keys[0] <= limit and obstacle is Reason.FOK_UNFILLED:
            visited.append(heappop(keys))
            for resting in levels[visited[-1]]:
                if resting.trader_id != incoming.trader_id:
                    needed -= resting.leaves_lots
                    if needed <= 0:
                        obstacle = None
                        break
                elif resting.leaves_lots and not skips_own:
                    obstacle = Reason.SELF_TRADE
                    break
        for key in visited:
            heappush(keys, key)
        return obstacle
