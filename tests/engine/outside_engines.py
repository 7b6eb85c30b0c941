"""Two engines that are not ours, obook and Liquibook, playing streams in the format that `engine.replay` reads.

Each follows only some of our rules; `OBOOK_RULES` and `LIQUIBOOK_RULES` say which streams they may be given. Both let a
trader meet himself, so in theirs each order has an account of its own. Both outcomes are `{"trades", "book"}`.
"""

from collections import Counter
from typing import Any

import liquibook
import obook

from tests.engine.streams import Rules, Stream

# obook ignores fill-or-kill on market orders.
OBOOK_RULES = Rules(own_orders_meet=False, market_fill_or_kill=False, malformed=False)
# Liquibook knows no post-only, and an order replaced there always goes to the back of its level.
LIQUIBOOK_RULES = Rules(own_orders_meet=False, post_only=False, reductions=False, malformed=False)

CONDITIONS = {
    "GTC": liquibook.oc_no_conditions,
    "IOC": liquibook.oc_immediate_or_cancel,
    "FOK": liquibook.oc_fill_or_kill,
}
OBOOK_SIDES = {"buy": obook.BUY, "sell": obook.SELL}
OBOOK_TIMES_IN_FORCE = {"GTC": obook.GTC, "IOC": obook.IOC, "FOK": obook.FOK}


def play_obook(stream: Stream) -> dict[str, Any]:
    """obook has no amend: less quantity is its reduce, anything else its cancel-and-replace, under a new number."""
    names: dict[int, str] = {}
    numbers: dict[str, int] = {}
    asked: dict[str, dict[str, Any]] = {}
    filled: Counter[str] = Counter()
    trades: list[dict[str, Any]] = []
    with obook.Book() as book:
        for order in stream["orders"]:
            name = order["id"]
            match order["op"]:
                case "new":
                    asked[name] = order
                    user = len(asked)
                    placed = book.submit(user, *_obook_arguments(order, order["quantity"]))
                    numbers[name] = placed.order_id
                    names[placed.order_id] = name
                case "cancel":
                    book.cancel(numbers[name], list(asked).index(name) + 1)
                case "amend":
                    user = list(asked).index(name) + 1
                    resting = {one.order_id for one in book.book()}
                    if numbers[name] in resting:
                        _amend_obook(book, order, asked, filled[name], user, numbers, names)
            for event in book.events():
                if event.kind is obook.EventKind.TRADE:
                    maker, taker = names[event.maker_id], names[event.taker_id]
                    trades.append({"maker": maker, "taker": taker, "price": event.price, "quantity": event.qty})
                    filled.update({maker: event.qty, taker: event.qty})
        levels: dict[int, Counter[int]] = {obook.BUY: Counter(), obook.SELL: Counter()}
        for one in book.book():
            levels[one.side][one.price] += one.qty - one.filled
    return {
        "trades": trades,
        "book": {
            "bids": [list(level) for level in sorted(levels[obook.BUY].items(), reverse=True)],
            "asks": [list(level) for level in sorted(levels[obook.SELL].items())],
        },
    }


def _obook_arguments(order: dict[str, Any], quantity: int) -> tuple[Any, ...]:
    is_market = order["price"] is None
    return (
        OBOOK_SIDES[order["side"]],
        0 if is_market else order["price"],
        quantity,
        obook.MARKET if is_market else obook.LIMIT,
        OBOOK_TIMES_IN_FORCE[order["tif"]],
        order["post_only"],
    )


def _amend_obook(book, order, asked, filled, user, numbers, names) -> None:
    name = order["id"]
    current = asked[name]
    amended = current | {key: order[key] for key in ("price", "quantity") if key in order}
    unfilled = amended["quantity"] - filled
    if unfilled <= 0:
        book.cancel(numbers[name], user)
    elif amended["price"] == current["price"] and amended["quantity"] == current["quantity"]:
        return
    elif amended["price"] == current["price"] and amended["quantity"] < current["quantity"]:
        # A replaced order starts again at nothing filled; its reduced total is counted from there.
        since = next(one for one in book.book() if one.order_id == numbers[name])
        book.reduce(numbers[name], unfilled + since.filled, user)
    else:
        replaced = book.replace(numbers[name], user, *_obook_arguments(amended, unfilled))
        numbers[name] = replaced.order_id
        names[replaced.order_id] = name
    asked[name] = amended


def play_liquibook(stream: Stream) -> dict[str, Any]:
    """The binding's replace loses the new price and quantity, so an amended order is canceled and placed anew."""
    listener = _Listener()
    book = liquibook.liquibook_book_OrderBook()
    book.set_order_listener(listener)
    placed: dict[str, liquibook.SimpleOrder] = {}
    asked: dict[str, dict[str, Any]] = {}

    def place(order: dict[str, Any], quantity: int) -> None:
        name = order["id"]
        # A price of zero is Liquibook's market order.
        made = liquibook.SimpleOrder(order["side"] == "buy", order["price"] or 0, quantity)
        placed[name], asked[name] = made, order
        listener.names[made.order_id_] = name
        listener.ended.discard(name)
        book.add(made, CONDITIONS[order["tif"]])

    for order in stream["orders"]:
        name = order["id"]
        match order["op"]:
            case "new":
                place(order, order["quantity"])
            case "cancel":
                book.cancel(placed[name])
            case "amend":
                amended = asked[name] | {key: order[key] for key in ("price", "quantity") if key in order}
                if listener.resting(name, placed[name]) and amended != asked[name]:
                    book.cancel(placed[name])
                    place(amended, amended["quantity"] - listener.filled[name])
    levels = {"bids": Counter(), "asks": Counter()}
    for name, order in placed.items():
        if listener.resting(name, order):
            levels["bids" if order.is_buy() else "asks"][order.price()] += order.open_qty()
    return {
        "trades": listener.trades,
        "book": {
            side: [list(one) for one in sorted(level.items(), reverse=side == "bids")] for side, level in levels.items()
        },
    }


class _Listener(liquibook.OrderListener):
    """Keeps the trades and, as Liquibook leaves to its listener, the orders' own figures."""

    def __init__(self) -> None:
        liquibook.OrderListener.__init__(self)
        self.names: dict[int, str] = {}
        self.trades: list[dict[str, Any]] = []
        self.filled: Counter[str] = Counter()
        self.ended: set[str] = set()

    def resting(self, name: str, order: "liquibook.SimpleOrder") -> bool:
        return name not in self.ended and order.open_qty() > 0

    def on_fill(self, taker, maker, quantity, price) -> None:
        taker.fill(quantity, price, 0)
        maker.fill(quantity, price, 0)
        maker_name, taker_name = self.names[maker.order_id_], self.names[taker.order_id_]
        self.filled.update({maker_name: quantity, taker_name: quantity})
        self.trades.append({"maker": maker_name, "taker": taker_name, "price": price, "quantity": quantity})

    def on_accept(self, order) -> None:
        """Its trades, if any, are told next."""

    def on_reject(self, order, reason) -> None:
        self.ended.add(self.names[order.order_id_])

    def on_cancel_reject(self, order, reason) -> None:
        """The order was no longer there, as it may be in a random stream."""

    def on_cancel(self, order) -> None:
        self.ended.add(self.names[order.order_id_])
