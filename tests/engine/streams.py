"""Random streams of orders in the format that `engine.replay` reads, small and crowded so that everything meets."""

import random
from dataclasses import dataclass
from typing import Any

Stream = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Which rules a stream may touch: engines that are not ours follow only some of them."""

    own_orders_meet: bool = True
    post_only: bool = True
    market_fill_or_kill: bool = True
    limit_fill_or_kill: bool = True
    reductions: bool = True
    malformed: bool = True


EVERY_RULE = Rules()


def random_stream(seed: int, rules: Rules = EVERY_RULE, operations_max: int = 60) -> Stream:
    numbers = random.Random(seed)
    names: list[str] = []
    orders: list[dict[str, Any]] = []
    for number in range(numbers.randint(5, operations_max)):
        kind = numbers.random()
        if names and kind < 0.15:
            orders.append({"op": "cancel", **_aimed(numbers, names, orders, rules)})
        elif names and kind < 0.35:
            orders.append({"op": "amend", **_aimed(numbers, names, orders, rules), **_change(numbers, number, rules)})
        else:
            repeated = rules.malformed and names and numbers.random() < 0.03
            name = numbers.choice(names) if repeated else f"o{number}"
            names.append(name)
            orders.append({"op": "new", "id": name, **_new(numbers, name, rules)})
    return {
        "orders": orders,
        "self_trade_prevention": numbers.choice(("cancel_taker", "cancel_maker", "cancel_both")),
    }


def _aimed(numbers: random.Random, names: list[str], orders: list[dict[str, Any]], rules: Rules) -> dict[str, str]:
    """An earlier order and, nearly always, its own account."""
    name = numbers.choice(names)
    account = next(order["account"] for order in orders if order["id"] == name)
    if rules.malformed and numbers.random() < 0.05:
        account = "stranger"
    return {"id": name, "account": account}


def _change(numbers: random.Random, number: int, rules: Rules) -> dict[str, int]:
    price = {"price": numbers.randint(95, 105)}
    # Without reductions, more than any new order has, and more each time.
    quantity = {"quantity": numbers.randint(0, 15) if rules.reductions else 10 + number}
    return numbers.choice((price, quantity, price | quantity))


def _new(numbers: random.Random, name: str, rules: Rules) -> dict[str, Any]:
    is_market = numbers.random() < 0.12
    choices = ["IOC"]
    if rules.market_fill_or_kill if is_market else rules.limit_fill_or_kill:
        choices.append("FOK")
    if not is_market:
        choices += ["GTC"] * 6
    tif = numbers.choice(choices)
    quantity = numbers.randint(1, 10)
    if rules.malformed and numbers.random() < 0.02:
        quantity = -numbers.randint(0, 3)
    return {
        "account": numbers.choice("ABCD") if rules.own_orders_meet else f"account of {name}",
        "side": numbers.choice(("buy", "sell")),
        "quantity": quantity,
        "price": None if is_market else numbers.randint(95, 105),
        "tif": tif,
        "post_only": rules.post_only and tif == "GTC" and numbers.random() < 0.15,
    }
