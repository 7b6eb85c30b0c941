"""Changes to orders that stand: which order is meant, and what becomes of it, where both are said plainly."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from nlp import guards
from nlp.commands import Command, order_id_of, unknown
from nlp.reading import Intent
from nlp.spans import Span, Spans

_HARMLESS_KINDS = frozenset(
    {"filler", "polite", "greeting", "thanks", "apology", "order", "my", "last", "yes", "no", "place"}
)
_MARKS = frozenset(".,;:!¡()\"'*-@#…")
_PREPOSITION_LENGTH_MAX = 3
# "ponla a" names no slot, "mueve el precio a" does.
_VERB_AND_PREPOSITION = 2
_PREPOSITIONS = frozenset({"a", "en", "em", "to", "at", "para", "pra"})
# After a verb of raising or lowering these say how far, after other verbs where to.
_DISTANCE_WORDS = frozenset({"en", "em"})
_WAYS = frozenset({"up", "down"})
_SMALL = 10
_INFINITIVES = ("ar", "er", "ir")
_OPEN_ENDED = "to"
# Within a longer phrase of refusal these still deny what follows: "não agora".
_NEGATIONS = frozenset(
    {
        "no", "nao", "not", "don't", "dont", "never", "nunca", "nada", "naum", "nem", "ni", "num", "nel", "nop", "way",
        "ninguna", "nenhuma", "algum", "alguma", "sem", "sin", "tampoco", "forget", "stop", "quit", "esquece",
        "esqueca", "olvida", "olvide", "olvidate", "basta", "chega",
    }
)  # fmt: skip


def cancel(message: Spans, language: str) -> Command | None:
    """Cancelling by number, the last order, or all of a kind; anything less plain cancels nothing."""
    if not message.has("cancel", "verb", "spoken_of"):
        return None
    spans = _after_change_of_mind(message)
    verbs = [
        position for position, span in enumerate(spans) if span.has("cancel", "verb", "spoken_of") and not span.number
    ]
    if not verbs:
        return None
    verb = verbs[0]
    numbers = [span for span in spans if span.number]
    last = any(span.has("last") or span.has("ask", Intent.LAST_ORDER) for span in spans)
    everything = any(span.has("all") for span in spans) or _names_many(spans)
    everything = everything or (not last and _names_product(spans, verb))
    if not numbers and not everything and not last:
        last = spans[verb].has("cancel", "spoken_of")
    if not numbers and not everything and not last:
        bare = all(_is_courteous(span) or (span.has("cancel", "verb") and not span.has("guard")) for span in spans)
        return unknown("which_order") if bare else None
    # "All" and "my purchase of" are relative to what there is, but they leave nothing open.
    reasons = _against(
        [span for span in spans if not (span.has("all") or span.has("orders_of"))], language, frozenset()
    )
    rest = [span for position, span in enumerate(spans) if position != verb]
    if any(not span.sure for span in spans):
        reasons.append("misspelt")
    if any(
        _is_strange(span, ("orders_of", "all", "cancel", "cue", "contract"))
        for span in rest
        if not (span.number or span.asset or span.contract)
    ):
        reasons.append("unexplained_words")
    if any(_trades(span, "") for span in spans[:verb]):
        reasons.append("unexplained_words")  # "quero sell 30 mate": an order, whatever the last word does
    traded = next((position for position in range(verb + 1, len(spans)) if _trades(spans[position], "")), None)
    if traded is not None and (spans[traded - 1].punctuation or spans[traded - 1].has("link", "and")):
        reasons.append("unexplained_words")  # "cancela. Sell everything": something else is asked besides
    if traded is not None and _sells_all(spans[traded + 1 :]):
        reasons.append("unexplained_words")  # "cancel sell everything": perhaps two things
    if reasons:
        return unknown(*reasons)
    if len(numbers) == 1 and not everything and not last:
        order_id = order_id_of(numbers[0])
        if any(_trades(span, language) for span in spans[verb:]):
            return unknown("unexplained_words")
        if _is_new_value(spans, spans.index(numbers[0]), language):
            return unknown("unexplained_number")  # "at 438, then cancel"
        if order_id is None or _counts_orders(spans, numbers[0]) or any(span.asset or span.contract for span in spans):
            return unknown("unexplained_number")
        return Command(Intent.CANCEL_ORDER, order_id=order_id)
    if numbers:
        return unknown("unexplained_number")
    if everything:
        return _cancel_all(rest)
    if any(span.asset or span.contract or (span.has("orders_of") and not span.has("order")) for span in rest):
        return unknown("unexplained_words")
    return Command(Intent.CANCEL_LAST)


def _sells_all(spans: Sequence[Span]) -> bool:
    """Whether "everything" follows a word that trades, and no "orders" with it."""
    return any(span.has("all") for span in spans) and not any(span.has("order") for span in spans)


def _after_change_of_mind(spans: Sequence[Span]) -> Sequence[Span]:
    """What follows "I changed my mind, ...": the reason for a cancel, which asks for nothing by itself."""
    verb = next((position for position, span in enumerate(spans) if span.has("cancel", "verb")), len(spans))
    pauses = [position for position, span in enumerate(spans[:verb]) if span.text in (",", ".", ";", ":")]
    if not pauses:
        return spans
    clause, rest = spans[: pauses[-1]], spans[pauses[-1] + 1 :]
    if not any(span.has("no", "regret") for span in clause) or _is_infinitive(rest):
        return spans
    known = all(
        span.has("no", "regret")
        or span.punctuation
        or span.has("link", "correction")
        or span.has_any(("filler", "polite", "greeting", "apology"))
        for span in clause
    )
    denied = any(span.has("guard", "negation") and not span.has("no", "regret") for span in clause)
    return rest if known and not denied and all(span.sure for span in clause) else spans


def _is_infinitive(spans: Sequence[Span]) -> bool:
    """ "Ya no quiero / cancelar todo": the verb still belongs to what is not wanted."""
    verb = next((span for span in spans if span.has("cancel", "verb")), None)
    return verb is not None and verb.text.split()[0].endswith(_INFINITIVES)


def _is_subjunctive(spans: Sequence[Span]) -> bool:
    """Whether the next word cancels in the form that asks for it and, behind a no, forbids it: "cancele", "anule"."""
    verb = next((span for span in spans if not (span.punctuation or span.text in guards.NOES)), None)
    return verb is not None and verb.has("cancel", "verb") and verb.text.split()[0].endswith(("e", "en", "em"))


def _is_courteous(span: Span) -> bool:
    return span.punctuation or span.has_any(("filler", "polite", "greeting", "order"))


def _trades(span: Span, language: str) -> bool:
    """Whether the word buys or sells, and names no order in `language`."""
    return span.has("side") and not span.has("filler") and language not in span.languages("orders_of")


def _counts_orders(spans: Sequence[Span], number: Span) -> bool:
    """ "cancel two orders": a number before the noun, or a small one in words without it, names no order."""
    position = next(place for place, span in enumerate(spans) if span is number)
    if position + 1 < len(spans) and spans[position + 1].has("order") and not spans[position + 1].has("filler"):
        return True
    named = position > 0 and spans[position - 1].has("order")
    return not named and number.number is not None and number.number.spoken and number.number.as_whole < _SMALL


def _names_many(spans: Sequence[Span]) -> bool:
    """ "my bids", "mis órdenes": in all three languages the plural ends in s."""
    plural = any((span.has("orders_of") or span.has("order")) and span.text.endswith("s") for span in spans)
    return plural and any(span.has("my") for span in spans)


def _names_product(spans: Sequence[Span], verb: int) -> bool:
    """ "pull my wheat order": with its product named, an order is every one of the product."""
    named = any(span.asset or span.contract for span in spans[verb + 1 :])
    spoken_of = spans[verb].has("cancel", "spoken_of")  # "cancela la orden"
    return named and (spoken_of or any(_is_order_noun(span) for span in spans))


def _is_order_noun(span: Span) -> bool:
    """Not "buy" or "compra", which order as often as they name an order."""
    return span.has("order") or (span.has("orders_of") and not span.has("side"))


def _cancel_all(spans: Sequence[Span]) -> Command:
    sides = {value for span in spans for value in span.values("orders_of")}
    assets = {span.asset for span in spans if span.asset}
    months = {span.contract for span in spans if span.contract}
    if len(assets) > 1 or len(months) > 1 or len(sides) > 1:
        return unknown("alternatives")
    return Command(
        Intent.CANCEL_ALL,
        side=next(iter(sides), None),
        asset=next(iter(assets), None),
        contract=next(iter(months), None),
    )


def _against(spans: Sequence[Span], language: str, allowed: frozenset[str]) -> list[str]:
    reasons = [reason for reason in guards.find(spans, language) if reason not in allowed]
    if any(_denies(spans, position) for position in range(len(spans))):
        reasons.append("negation")
    return reasons


def _denies(spans: Sequence[Span], position: int) -> bool:
    """Whether a refusal is of what the message asks for: "ya no la quiero, cancela la última" is not."""
    span = spans[position]
    if not (span.has("no") or span.has("answer")) or not _NEGATIONS & set(span.text.split()):
        return False
    if set(span.text.split()) <= guards.NOES and _is_subjunctive(spans[position + 1 :]):
        return True  # "no no, cancele la 1310": with a pause in it, what a voice says who wants it kept
    if position + 1 < len(spans) and spans[position + 1].text == span.text:
        return False  # "stop stop, cancel ...": the last one tells
    if position + 1 == len(spans) or spans[position + 1].text not in (",", ".", ";"):
        return True
    return span.text.split()[-1] == _OPEN_ENDED or _is_infinitive(spans[position + 2 :])


def _is_strange(span: Span, kinds: Sequence[str]) -> bool:
    if span.punctuation:
        return not all(character in _MARKS or character == "?" or not character.isascii() for character in span.text)
    known = span.has_any((*_HARMLESS_KINDS, *kinds))
    return (
        not known
        and not span.has("ask", Intent.LAST_ORDER, Intent.ORDERS)
        and not span.has("whole", Intent.PANIC)
        and not span.has("guard", "request", "relative")
    )


def amend(message: Spans, language: str) -> Command | None:
    """A new price or quantity for an order that is named by number or as the last one."""
    if not message.has("amend"):
        return None
    spans = _without_old_value(message)
    verbs = [span for span in spans if span.has("amend")]
    numbers = [(position, span) for position, span in enumerate(spans) if span.number]
    if not verbs or not numbers or any(span.asset or span.contract for span in spans):
        return None
    last = any(span.has("last") or span.has("ask", Intent.LAST_ORDER) for span in spans)
    names_price = any(
        _is_price_noun(span) or (len(span.text.split()) > 1 and span.has("amend", "price")) for span in spans
    )
    names_quantity = any(
        span.has("cue", "quantity") or (len(span.text.split()) > 1 and span.has("amend", "quantity")) for span in spans
    ) or any(after.has("unit") for span, after in pairwise(spans) if span.number)
    order_id, values = _target(spans, numbers, last, names_price or names_quantity, language)
    if any(_says_how_far(spans, position, verbs) for position, _ in values or numbers):
        return unknown("relative")
    if order_id is None or not values:
        return None
    reasons = _against(spans, language, frozenset({"relative"}))
    if guards.is_withdrawn(spans):
        reasons.append("withdrawn")
    if any(span.has("link", "alternative") for span in spans):
        reasons.append("alternatives")
    kinds = (
        "amend",
        "cue",
        "unit",
        "currency",
        "cancel",
        "link",
        "validity",
        "status",
        "direction",
        "orders_of",
        "answer",
    )
    if any(_is_strange(span, kinds) for span in spans if not span.number):
        reasons.append("unexplained_words")
    if any(
        span.has("guard", "relative") and not span.has("cue", "target") and not span.has("filler") for span in spans
    ):
        reasons.append("relative")
    if any(not span.sure for span in spans):
        reasons.append("misspelt")
    return _amended(order_id, spans, values, verbs, names_price, reasons)


def _without_old_value(spans: Sequence[Span]) -> Sequence[Span]:
    """Leave out "instead of 50": what a value was says nothing of what it becomes."""
    for position, span in enumerate(spans[:-1]):
        if not span.has("link", "instead"):
            continue
        place = position + 1
        while (
            place < len(spans) and (spans[place].has("cue") or spans[place].has("filler")) and not spans[place].number
        ):
            place += 1
        if place < len(spans) and spans[place].number is not None:
            end = place + 1
            while end < len(spans) and (spans[end].has("unit") or spans[end].has("currency")):
                end += 1
            return [*spans[:position], *spans[end:]]
    return spans


def _target(
    spans: Sequence[Span], numbers: Sequence[tuple[int, Span]], last: bool, names_value: bool, language: str
) -> tuple[str | None, list[tuple[int, Span]]]:
    first_position = numbers[0][0]
    if last:
        return "last", list(numbers)
    if names_value and len(numbers) == 2 and are_both_values(spans, numbers, language):
        return "last", list(numbers)  # "set the quantity to 8 and the price to 392"
    if len(numbers) > 1:
        named = _named_order(spans, numbers, language)
        return order_id_of(named[1]), [number for number in numbers if number is not named]
    before = spans[first_position - 1] if first_position else None
    leads_in = before is not None and _leads_in(before) and len(before.text.split()) > _VERB_AND_PREPOSITION
    if names_value and before is not None and (leads_in or before.has("cue")) and not _puts_on(spans, first_position):
        return "last", list(numbers)
    return None, []


def _puts_on(spans: Sequence[Span], position: int) -> bool:
    """Whether "put on 20 lots": a number of lots right behind what leads to prices alone may be another order's."""
    counted = position + 1 < len(spans) and spans[position + 1].has("unit")
    return counted and not _leads_in(spans[position - 1]) and not spans[position - 1].has("cue", "target", "quantity")


def are_both_values(spans: Sequence[Span], numbers: Sequence[tuple[int, Span]], language: str) -> bool:
    """Whether none is an order's number: "the quantity to 8 and the price to 392", "to 90 lots at 442.5"."""
    named = [_named_slot(spans, position) for position, _ in numbers]
    told = named[0] == "quantity" and spans[numbers[1][0] - 1].has("cue", "price")
    values = all(_is_new_value(spans, place, language) for place, _ in numbers)
    return values and (set(named) == {"quantity", "price"} or told)


def _named_order(spans: Sequence[Span], numbers: Sequence[tuple[int, Span]], language: str) -> tuple[int, Span]:
    """The number that names the order: the first, unless it counts lots, has decimals or is led in as a new value."""

    def could_be(place: tuple[int, Span]) -> bool:
        position, span = place
        after = spans[position + 1] if position + 1 < len(spans) else None
        whole = span.number is not None and span.number.value == int(span.number.value)
        return whole and not (after is not None and (after.has("unit") or after.has("currency")))

    candidates = [place for place in numbers if could_be(place)] or list(numbers)
    return next((place for place in candidates if not _is_new_value(spans, place[0], language)), candidates[0])


def _is_new_value(spans: Sequence[Span], position: int, language: str) -> bool:
    """Whether the number is led in as a price or quantity; "a 1042" may be an order in Portuguese."""
    before = spans[position - 1] if position else None
    return before is not None and before.has("cue") and language not in before.languages("order")


def _amended(
    order_id: str,
    spans: Sequence[Span],
    values: Sequence[tuple[int, Span]],
    verbs: Sequence[Span],
    names_price: bool,
    reasons: list[str],
) -> Command:
    found: dict[str, Decimal] = {}
    counted = any(span.has("unit") for span in spans)
    for position, span in values:
        number = span.number
        assert number is not None
        slot = _named_slot(spans, position)
        if slot is None:
            slot = "quantity" if _is_quantity(number.value, verbs, names_price) else "price"
            if slot == "price" and not counted and _is_open(number.value, verbs, names_price):
                reasons.append("ambiguous_number")
        if number.ambiguous or slot in found or not _is_led_in(spans, position):
            reasons.append("ambiguous_number")  # "up 2" is not "to 2"
        if number.negative or number.value <= 0:
            reasons.append("zero")
        found[slot] = number.as_whole if slot == "quantity" else number.value
    quantity = found.get("quantity")
    if quantity is not None and quantity != int(quantity):
        reasons.append("fractional_quantity")
    if reasons:
        return unknown(*dict.fromkeys(reasons))
    return Command(Intent.AMEND_ORDER, order_id=order_id, price=found.get("price"), quantity=quantity)


def _named_slot(spans: Sequence[Span], position: int) -> str | None:
    """The slot that the unit after a number, or the nearest noun before it, names."""
    if position + 1 < len(spans) and spans[position + 1].has("unit"):
        return "quantity"
    if position + 1 < len(spans) and _is_price_noun(spans[position + 1]):
        return "price"  # "ponle 15,2 de precio"
    for span in reversed(spans[:position]):
        if span.number is not None and not span.number.plain:
            return None
        if span.has("cue", "quantity") or (span.has("amend", "quantity") and len(span.text.split()) > 1):
            return "quantity"
        if _is_price_noun(span) or (span.has("amend", "price") and len(span.text.split()) > 1):
            return "price"
    return None


def _is_price_noun(span: Span) -> bool:
    return span.has("cue", "price") and not span.has("cue", "target") and len(span.text) > _PREPOSITION_LENGTH_MAX


def _says_how_far(spans: Sequence[Span], position: int, verbs: Sequence[Span]) -> bool:
    """Whether a number is a distance from where the order stands: "up 2", "by 2", "súbela en 2", "bájala 5"."""
    before = [span for span in spans[:position] if not span.has("currency")][-1:]
    if not before:
        return False
    if before[0].has("amend", "by") or before[0].text in _WAYS:
        return True
    shifted = any(span.has("amend", "shift") for span in verbs)
    named = before[0].number is not None or before[0].has("amend") or _is_price_noun(before[0])
    named = named or (before[0].has("answer") and not before[0].has("cue"))  # "increase the last one then 2 lots"
    return shifted and (
        before[0].text in _DISTANCE_WORDS or (named and before[0].text.split()[-1] not in _PREPOSITIONS)
    )


def _leads_in(span: Span) -> bool:
    """ "mueve el precio a 3.985", in one phrase."""
    return span.has("amend") and span.text.split()[-1] in _PREPOSITIONS


def _is_led_in(spans: Sequence[Span], position: int) -> bool:
    """Whether a preposition, a price noun or the order's own number stands right before a new value."""
    before = [span for span in spans[max(0, position - 2) : position] if not span.has("currency") and span.text != ":"]
    if not before:
        return False
    if _leads_in(before[-1]):
        return True
    after = spans[position + 1] if position + 1 < len(spans) else None
    counted = after is not None and after.has("unit")
    named = after is not None and _is_price_noun(after) and before[-1].has("amend")  # "ponle 15,2 de precio"
    told = before[-1].number is not None or before[-1].has("link", "and") or before[-1].has_any(("answer", "last"))
    return named or before[-1].has("cue") or (counted and (told or before[-1].has("ask", Intent.LAST_ORDER)))


def _is_quantity(value: Decimal, verbs: Sequence[Span], names_price: bool) -> bool:
    return value == int(value) and not names_price and any(span.has("amend", "quantity") for span in verbs)


def _is_open(value: Decimal, verbs: Sequence[Span], names_price: bool) -> bool:
    """Whether a whole number after "change it to" may be a price or a quantity."""
    return value == int(value) and not names_price and not any(span.has("amend", "price") for span in verbs)
