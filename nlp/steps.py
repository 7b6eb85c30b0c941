"""A change of what was just placed or is quoted: "two more", "raise it by 1", "make it 151", "flatten me".

No change is carried out as it stands: the conversation works out what it comes to, shows it, and asks.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from nlp.reading import Intent, Reading
from nlp.spans import Span
from nlp.tokens import fold

STEPS = Path(__file__).with_name("steps.toml")
_SIGNS = {"add": 1, "up": 1, "remove": -1, "down": -1}
_WHOLE = ("flatten", "double", "half")
# "Cancel everything" and "cancel my position" are about more than the order that is quoted.
_CANCELING = frozenset({"cancel", "remove", "around"})
_NOES = frozenset({"no", "nao"})
# Order numbers start above this: what is smaller says how much.
_ORDER_NUMBER_MIN = 1000


def read(spans: Sequence[Span], lang: str, *, quotes_order: bool = False) -> Reading | None:
    """The message as a change of the last order, or of a quoted one; None where any of its words says something else.

    `topic` is the step; `quantity` or `price` is how much, with its sign; `order_id` the order, or "last". With the
    topic "set" they are what the order gets, and both are given where the message leaves open which one it is.
    A quoted order may also be canceled.
    """
    words = load()[lang]
    said: set[str] = set()
    numbers: list[Span] = []
    for span in _after_no(spans):
        if span.number is not None:
            if span.number.ambiguous or span.number.negative or span.number.value <= 0:
                return None
            numbers.append(span)
        elif not span.punctuation:
            for word in fold(span.text).split():
                if word not in words:
                    return None
                said |= words[word]
        elif "?" in span.text or "¿" in span.text:
            return None
    if quotes_order and not numbers and "cancel" in said and said <= _CANCELING:
        return Reading(intent=Intent.CANCEL_LAST, lang=lang)
    step = next((name for name in _WHOLE if name in said), None) or _only(said & _SIGNS.keys())
    if step is None and not said & _SIGNS.keys():
        step = "set" if said & {"set", "lots", "price"} or len(_after_no(spans)) < len(spans) else None
    if step is None:
        return None
    values = [span.number.value for span in numbers if span.number is not None]
    orders = [value for value in values if value >= _ORDER_NUMBER_MIN and value == int(value)]
    if step == "set" and len(values) == 1:
        orders = []  # "make it 2000" says no order's number.
    amounts = [value for value in values if value not in orders]
    if len(orders) > 1 or len(amounts) != (0 if step in _WHOLE else 1):
        return None
    order_id = str(int(orders[0])) if orders else "last"
    reading = Reading(
        intent=Intent.ADJUST, lang=lang, order_id=order_id, topic=step, certain=False, reasons=("relative",)
    )
    if step in _WHOLE:
        return reading
    if step == "set":
        named_price = "price" in said or any(span.has("currency") for span in spans)
        return replace(
            reading,
            quantity=None if named_price else amounts[0],
            price=None if "lots" in said and not named_price else amounts[0],
        )
    amount = _SIGNS[step] * amounts[0]
    if "price" in said or (step in ("up", "down") and "lots" not in said):
        return replace(reading, price=amount)
    return replace(reading, quantity=amount)


def _after_no(spans: Sequence[Span]) -> Sequence[Span]:
    """What follows the "no," that takes the order's figure back."""
    if len(spans) > 2 and fold(spans[0].text) in _NOES and spans[1].punctuation:
        return spans[2:]
    return spans


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
