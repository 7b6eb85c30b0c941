"""A seeded stream of operations on one book, in no engine's own terms."""

import random
from typing import NamedTuple

SEED = 20251122
TRADERS = 1_000
START_PRICE_TICKS = 10_000
DEPTH_TICKS = 20
# Fast enough that stale orders are swept, so that the book stays as thin as in a real market; levels of thousands of
# orders would slow the engines that search them.
STEP_PROBABILITY = 0.01


class New(NamedTuple):
    order_id: int
    trader_id: int
    is_buy: bool
    price_ticks: int
    quantity_lots: int


class Cancel(NamedTuple):
    order_id: int
    trader_id: int


class Amend(NamedTuple):
    """`quantity_lots` is the new total. The side and the new number are for engines that cancel and place anew."""

    order_id: int
    trader_id: int
    is_buy: bool
    price_ticks: int
    quantity_lots: int
    new_order_id: int


Operation = New | Cancel | Amend


def operations(count: int, seed: int = SEED) -> list[Operation]:
    """60 % new orders up to 20 ticks behind a random walk, 30 % cancels, 5 % orders that cross it, 5 % amends.

    What is canceled or amended is drawn from the last thousand orders, so that some have traded meanwhile.
    """
    numbers = random.Random(seed)
    middle = START_PRICE_TICKS
    placed: list[New] = []
    stream: list[Operation] = []
    for number in range(1, count + 1):
        if numbers.random() < STEP_PROBABILITY:
            middle += numbers.choice((-1, 1))
        kind = numbers.random()
        is_buy = numbers.random() < 0.5
        quantity_lots = numbers.randint(1, 100)
        behind = numbers.randint(1, DEPTH_TICKS)
        if kind < 0.35 and placed:
            chosen = placed.pop(numbers.randrange(max(0, len(placed) - 1_000), len(placed)))
            if kind < 0.30:
                stream.append(Cancel(chosen.order_id, chosen.trader_id))
                continue
            price_ticks = middle - behind if chosen.is_buy else middle + behind
            stream.append(Amend(chosen.order_id, chosen.trader_id, chosen.is_buy, price_ticks, quantity_lots, number))
            continue
        if kind >= 0.95:
            behind = -numbers.randint(1, 5)
        price_ticks = middle - behind if is_buy else middle + behind
        order = New(number, numbers.randint(1, TRADERS), is_buy, price_ticks, quantity_lots)
        placed.append(order)
        stream.append(order)
    return stream
