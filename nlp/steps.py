"""A change told by how much and not to what: "two more", "raise it by 1", "half of it", "flatten me".

Such a message is never carried out as it stands: the conversation works out what it comes to, shows it, and asks.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

from nlp.reading import Intent, Reading
from nlp.spans import Span
from nlp.tokens import fold

STEPS = Path(__file__).with_name("steps.toml")
_SIGNS = {"add": 1, "up": 1, "remove": -1, "down": -1}
_WHOLE = ("flatten", "double", "half")
# Order numbers start above this: what is smaller says how much.
_ORDER_NUMBER_MIN = 1000


def read(spans: Sequence[Span], lang: str) -> Reading | None:
    """The message as a relative change, or None where any of its words says something else.

    `topic` is the step; `quantity` or `price` is how much, with its sign; `order_id` the order, or "last".
    """
    words = load()[lang]
    said: set[str] = set()
    numbers: list[Decimal] = []
    for span in spans:
        if span.number is not None:
            if span.number.ambiguous or span.number.negative or span.number.value <= 0:
                return None
            numbers.append(span.number.value)
        elif not span.punctuation:
            for word in fold(span.text).split():
                if word not in words:
                    return None
                said |= words[word]
        elif "?" in span.text or "¿" in span.text:
            return None
    step = next((name for name in _WHOLE if name in said), None) or _only(said & _SIGNS.keys())
    if step is None:
        return None
    orders = [number for number in numbers if number >= _ORDER_NUMBER_MIN and number == int(number)]
    amounts = [number for number in numbers if number not in orders]
    if len(orders) > 1 or len(amounts) != (0 if step in _WHOLE else 1):
        return None
    order_id = str(int(orders[0])) if orders else "last"
    reading = Reading(
        intent=Intent.ADJUST, lang=lang, order_id=order_id, topic=step, certain=False, reasons=("relative",)
    )
    if step in _WHOLE:
        return reading
    amount = _SIGNS[step] * amounts[0]
    if "price" in said or (step in ("up", "down") and "lots" not in said):
        return replace(reading, price=amount)
    return replace(reading, quantity=amount)


def _only(found: set[str]) -> str | None:
    """The one step that is named; "up" with "more" says the same thing twice, "up" with "less" nothing."""
    signs = {_SIGNS[name] for name in found}
    return min(found) if len(signs) == 1 else None


@cache
def load() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """By language, what each word may say."""
    with STEPS.open("rb") as file:
        data = tomllib.load(file)
    return {
        lang: {
            fold(word): frozenset(name for name, listed in kinds.items() if word in listed)
            for listed_words in kinds.values()
            for word in listed_words
        }
        for lang, kinds in data.items()
    }
