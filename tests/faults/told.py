"""What traders were told of their fills, read from the words that reached their phones, in the three languages."""

import re
from collections import Counter
from collections.abc import Iterable

FILL = re.compile(r"^(?:Bought|Sold|Compraste|Vendiste|Comprou|Vendeu) ([\d.,]+) .+? (?:at|a) ([\d.,]+) = ")
HEAD = re.compile(r"^\*(?:Order|Orden|Ordem) (\d+)\*")
DIGEST_LINE = re.compile(r"^\*(\d+)\*: ((?:[\d.,]+ (?:at|a) [\d.,]+\d(?:, )?)+)\.")
DIGEST_FILL = re.compile(r"([\d.,]+) (?:at|a) ([\d.,]+\d)")


def fills_told(bodies: Iterable[str]) -> Counter[tuple[int, int]]:
    """How much of each order at each price, in cents, these messages speak of, alone or among others."""
    told: Counter[tuple[int, int]] = Counter()
    for body in bodies:
        order_id = None
        for line in body.splitlines():
            if head := HEAD.match(line):
                order_id = int(head[1])
            elif fill := FILL.match(line):
                assert order_id is not None, body
                told[order_id, cents(fill[2])] += quantity(fill[1])
            elif digest := DIGEST_LINE.match(line):
                for lots, price in DIGEST_FILL.findall(digest[2]):
                    told[int(digest[1]), cents(price)] += quantity(lots)
    return told


def quantity(text: str) -> int:
    """Whole lots, whatever stands between their thousands."""
    return int(re.sub(r"\D", "", text))


def cents(text: str) -> int:
    """A price with its two decimals, whatever stands before them."""
    return quantity(text)


def order_numbers(bodies: Iterable[str]) -> list[int]:
    """The orders that these messages speak of, each once, in the order of the last mention."""
    numbers = [int(head[1]) for body in bodies for line in body.splitlines() if (head := HEAD.match(line))]
    return list(dict.fromkeys(reversed(numbers)))[::-1]
