"""A change of what was just placed or is quoted: "two more", "raise it by 1", "make it 151", "flatten me".

A change is not carried out as it stands: the conversation works out what it comes to, shows it, and asks. Only where
all is said, "make it 20 lots", nothing is left to ask.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

from nlp import guards
from nlp.reading import Intent, Reading
from nlp.spans import Span
from nlp.tokens import fold

STEPS = Path(__file__).with_name("steps.toml")
_SIGNS = {"add": 1, "up": 1, "remove": -1, "down": -1}
_WHOLE = ("flatten", "double", "half")
# "Cancel everything" and "cancel my position" are about more than the order that is quoted.
_CANCELING = frozenset({"cancel", "remove", "around", "order"})
_SIDES = frozenset({"buy", "sell"})
_CLOSING = frozenset({"close", "all", "self", "wish"})
# What leads to a number of lots that an order gets; without it "put 20 lots" or "deja 4 lotes" may be another.
_LEADING = frozenset({"it", "that", "to", "a", "en", "de", "em", "para", "pra"})
# Order numbers start above this: what is smaller says how much.
_ORDER_NUMBER_MIN = 1000


def of_draft(spans: Sequence[Span], lang: str, draft: Reading) -> Reading | None:
    """The message as a change of the order that is asked about, worked out: "10 more" makes 60 lots of its 50.

    None where it is no such change: also where it names the other side, or what the draft does not have yet.
    """
    said = _said(spans, lang)
    if said is None or (said & _SIDES) - {draft.side} or "market" in said:
        return None
    numbers = [span.number.value for span in spans if span.number is not None]
    step = next((name for name in ("double", "half") if name in said), None) or _only(said & _SIGNS.keys())
    if step is None or "flatten" in said or len(numbers) != (0 if step in _WHOLE else 1):
        return None
    if step in ("up", "down") and _says_where_to(spans):
        return None
    names_price = "price" in said or (step in ("up", "down") and "lots" not in said)
    slot = "price" if names_price and step not in _WHOLE else "quantity"
    before = draft.price if slot == "price" else draft.quantity
    if before is None:
        return None
    factor = {"double": Decimal(2), "half": Decimal("0.5")}.get(step)
    value = before * factor if factor is not None else before + _SIGNS[step] * numbers[0]
    if value <= 0:
        return Reading(intent=Intent.UNKNOWN, lang=lang, certain=False, reasons=("zero",))
    if slot == "quantity" and value != int(value):
        return Reading(intent=Intent.UNKNOWN, lang=lang, certain=False, reasons=("fractional_quantity",))
    answer = Reading(intent=Intent.ANSWER, lang=lang, certain=False, reasons=("relative",))
    return replace(answer, price=value) if slot == "price" else replace(answer, quantity=value)


def _says_where_to(spans: Sequence[Span]) -> bool:
    """ "Raise it to 151", "súbela a 151": the figure is the new one, where "en" and "em" say by how much."""
    number = next((place for place, span in enumerate(spans) if span.number), 0)
    return number > 0 and spans[number - 1].has("cue") and spans[number - 1].text not in ("en", "em")


def of_position(spans: Sequence[Span], lang: str) -> Reading | None:
    """ "Sell half at market", "close my wheat", "sell everything": what closes a position, or half of it.

    None where the message says anything else. The side, the asset and the contract are those that it names.
    """
    named = [span for span in spans if span.asset or span.contract]
    assets = {span.asset for span in named if span.asset}
    contracts = {span.contract for span in named if span.contract}
    rest = [span for span in spans if not (span.asset or span.contract) and span.text not in ("?", "¿")]
    said = _said(rest, lang, closing=True)
    if said is None or any(span.number for span in rest) or len(assets) > 1 or len(contracts) > 1:
        return None
    sides = said & _SIDES
    if len(sides) > 1 or said & (_SIGNS.keys() | {"double", "cancel", "price", "order"}) or (sides and "set" in said):
        return None
    halves = "half" in said
    sells_it = sides and (halves or "all" in said)
    if not sells_it and not (said & {"close", "flatten"} and (named or said & {"held", "all", "self"})):
        return None
    return Reading(
        intent=Intent.ADJUST,
        lang=lang,
        side=next(iter(sides), None),
        asset=next(iter(assets), None),
        contract=next(iter(contracts), None),
        order_id="last",
        topic="flatten_half" if halves else "flatten",
        certain=False,
        reasons=("relative",),
    )


def _said(spans: Sequence[Span], lang: str, *, closing: bool = False) -> set[str] | None:
    """What all the words say; None where one of them is not listed, or a number is no plain amount.

    Some words are listed only for what closes a position.
    """
    words = load(closing)[lang]
    said: set[str] = set()
    for span in spans:
        if span.number is not None:
            if span.number.ambiguous or span.number.negative or span.number.value <= 0:
                return None
        elif not (span.punctuation or span.has("currency")):
            phrase = fold(span.text)
            for word in [phrase] if phrase in words else phrase.split():
                if word not in words:
                    return None
                said |= words[word]
        elif "?" in span.text or "¿" in span.text:
            return None
    return said


def read(spans: Sequence[Span], lang: str, *, quotes_order: bool = False) -> Reading | None:
    """The message as a change of the last order, or of a quoted one; None where any of its words says something else.

    `topic` is the step; `quantity` or `price` is how much, with its sign; `order_id` the order, or "last". With the
    topic "set" they are what the order gets, and both are given where the message leaves open which one it is.
    A quoted order may also be canceled.
    """
    length = len(spans)
    spans = _after_no(spans)
    said = _said(spans, lang)
    if said is None or said & (_SIDES | {"market"}) or {"flatten", "order"} <= said:
        return None
    numbers = [span for span in spans if span.number is not None]
    if quotes_order and not numbers and "cancel" in said and said <= _CANCELING:
        return Reading(intent=Intent.CANCEL_LAST, lang=lang)
    step = next((name for name in _WHOLE if name in said), None) or _only(said & _SIGNS.keys())
    if step is None and not said & _SIGNS.keys():
        # "20 lots" alone names no order that it could be about.
        named = said & {"set", "size", "price"} or (quotes_order and "lots" in said)
        step = "set" if named or len(spans) < length else None
    if step is None:
        return None
    if step in ("up", "down") and _says_where_to(spans):
        step = "set"
        if any(span.has("amend", "price") for span in spans):
            said = said | {"price"}
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


def in_so_many_words(change: Reading, spans: Sequence[Span], lang: str) -> Reading:
    """The amendment that a change is where a verb asks for it and what it changes is named: "make it 20 lots".

    Any other change as it is, to be shown first: also one that a guard or a "no," stands beside, or a verb that places.
    """
    said = _said(spans, lang)
    names_one = (change.price is None) != (change.quantity is None)
    if change.topic != "set" or change.order_id != "last" or not names_one or said is None:
        return change
    is_named = "price" in said if change.quantity is None else "lots" in said and _leads_to_lots(spans)
    is_whole = change.quantity is None or change.quantity == int(change.quantity)
    is_asked = "told" in said and "meant" not in said and not any(span.has("place") for span in spans)
    is_doubted = guards.find(spans, lang) or guards.is_withdrawn(spans) or not all(span.sure for span in spans)
    if is_named and is_whole and is_asked and not is_doubted:
        return replace(change, intent=Intent.AMEND_ORDER, topic=None, certain=True, reasons=())
    return change


def _leads_to_lots(spans: Sequence[Span]) -> bool:
    number = next(place for place, span in enumerate(spans) if span.number)
    return number > 0 and fold(spans[number - 1].text).split()[-1] in _LEADING


def _after_no(spans: Sequence[Span]) -> Sequence[Span]:
    """What follows the "no," that takes the order's figure back."""
    if len(spans) > 2 and fold(spans[0].text) in guards.NOES and spans[1].punctuation:
        return spans[2:]
    return spans


def _only(found: set[str]) -> str | None:
    """The one step that is named; "up" with "more" says the same thing twice, "up" with "less" nothing."""
    signs = {_SIGNS[name] for name in found}
    return min(found) if len(signs) == 1 else None


@cache
def load(closing: bool) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """By language, what each word may say, with or without what is said only where a position is closed."""
    with STEPS.open("rb") as file:
        data = tomllib.load(file)
    table: dict[str, dict[str, frozenset[str]]] = {}
    for lang, kinds in data.items():
        known = {name: listed for name, listed in kinds.items() if closing or name not in _CLOSING}
        table[lang] = {
            fold(word): frozenset(name for name, listed in known.items() if word in listed)
            for listed_words in known.values()
            for word in listed_words
        }
    return table
