"""A book as plain as it can be written: one list, scanned from end to end for every question.

It shares no code and no data structure with the engine, and follows the same rules, so that both can be played the
same streams and compared. A stream is a dict in the format that `engine.replay` reads; the outcome, in what it writes.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class PlainOrder:
    id: str
    account: str
    side: str
    quantity: int
    price: int | None
    tif: str
    post_only: bool
    filled: int = 0
    state: str = "open"

    @property
    def left(self) -> int:
        return self.quantity - self.filled


class PlainBook:
    def __init__(self, self_trade_prevention: str) -> None:
        self.self_trade_prevention = self_trade_prevention
        self.orders: dict[str, PlainOrder] = {}
        self.resting: list[PlainOrder] = []  # In the order of their arrival, all prices and both sides together.
        self.trades: list[dict[str, Any]] = []

    def new(self, order: PlainOrder) -> None:
        if order.id in self.orders:
            return
        self.orders[order.id] = order
        if order.quantity <= 0 or (order.price is not None and order.price <= 0):
            order.state = "rejected"
            return
        self.enter(order)

    def cancel(self, order_id: str, account: str) -> None:
        order = self.orders.get(order_id)
        if order in self.resting and order.account == account:
            self.close(order)

    def amend(self, order_id: str, account: str, price: int | None, quantity: int | None) -> None:
        order = self.orders.get(order_id)
        if order not in self.resting or order.account != account:
            return
        new_price = order.price if price is None else price
        new_quantity = order.quantity if quantity is None else quantity
        if new_quantity <= order.filled:
            self.close(order)
        elif new_price <= 0:
            return
        elif new_price == order.price and new_quantity <= order.quantity:
            order.quantity = new_quantity
        else:
            self.resting.remove(order)
            order.price, order.quantity = new_price, new_quantity
            self.enter(order)

    def enter(self, order: PlainOrder) -> None:
        reachable = self.reachable(order)
        if reachable and order.post_only:
            order.state = "cancelled"
            return
        if order.tif == "FOK" and not self.can_fill(order, reachable):
            order.state = "cancelled"
            return
        for resting in reachable:
            if resting.account == order.account:
                if self.self_trade_prevention != "cancel_taker":
                    self.close(resting)
                if self.self_trade_prevention != "cancel_maker":
                    order.state = "cancelled"
                    return
                continue
            quantity = min(order.left, resting.left)
            for one in (order, resting):
                one.filled += quantity
                one.state = "partially_filled" if one.left else "filled"
            self.trades.append({"maker": resting.id, "taker": order.id, "price": resting.price, "quantity": quantity})
            if not resting.left:
                self.resting.remove(resting)
            if not order.left:
                return
        if order.tif == "GTC" and order.price is not None:
            self.resting.append(order)
        else:
            order.state = "cancelled"

    def reachable(self, order: PlainOrder) -> list[PlainOrder]:
        """What the order's limit reaches, in priority order: within a price, sorting keeps the order of arrival."""
        sign = 1 if order.side == "buy" else -1
        return sorted(
            (
                resting
                for resting in self.resting
                if resting.side != order.side and (order.price is None or sign * resting.price <= sign * order.price)
            ),
            key=lambda resting: sign * resting.price,
        )

    def can_fill(self, order: PlainOrder, reachable: list[PlainOrder]) -> bool:
        available = 0
        for resting in reachable:
            if resting.account != order.account:
                available += resting.left
            elif self.self_trade_prevention != "cancel_maker":
                break
            if available >= order.left:
                return True
        return False

    def close(self, order: PlainOrder) -> None:
        self.resting.remove(order)
        order.state = "cancelled"

    def depth(self, side: str) -> list[list[int]]:
        prices = {order.price for order in self.resting if order.side == side}
        return [
            [price, sum(order.left for order in self.resting if order.side == side and order.price == price)]
            for price in sorted(prices, reverse=side == "buy")
        ]


def replay(stream: dict[str, Any]) -> dict[str, Any]:
    book = PlainBook(stream.get("self_trade_prevention", "cancel_taker"))
    for asked in stream["orders"]:
        match asked["op"]:
            case "new":
                book.new(PlainOrder(**{key: value for key, value in asked.items() if key != "op"}))
            case "cancel":
                book.cancel(asked["id"], asked["account"])
            case "amend":
                book.amend(asked["id"], asked["account"], asked.get("price"), asked.get("quantity"))
    return {
        "trades": book.trades,
        "book": {"bids": book.depth("buy"), "asks": book.depth("sell")},
        "states": {order.id: order.state for order in book.orders.values()},
    }
