"""What a message means to a question that stands open, or as a repetition of the last order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

from nlp import changes, commands, guards
from nlp.orders import Order
from nlp.reading import Intent, Question, Reading
from nlp.spans import Span, Spans

_NUMERIC = ("quantity", "price")
_SMALL_TALK_GUARDS = frozenset({"past", "reported", "question", "question_word"})
_PAUSES = frozenset({",", ".", ";", "!", "…", "..."})
_BARE_NOES = frozenset({"no", "nao", "not", "don't", "dont", "do not", "n", "num", "nem"})
_ONES = frozenset({"one", "uno", "una", "um", "uma"})
_REMARK_LENGTH_MIN = 3
_BEFORE_NO = ("filler", "polite", "greeting", "apology")
_DISMISSED_KINDS = ("filler", "order", "last", "my")
# A short "no" before an order may belong to the order.
_DISMISSAL_LENGTH_MIN = 6
_LEAVING = ("amend", "validity", "no")
_BEFORE_DISMISSAL = ("filler", "polite", "greeting", "apology", "link")
# "la 5372" and "a 5372" may be an order, but "a 1.118" is a price.
_NOUN_LENGTH_MIN = 4
_INFORMING = frozenset(
    {
        Intent.HELP, Intent.LANGUAGE, Intent.ORDERS, Intent.TRADES, Intent.MY_TRADES, Intent.ACCOUNT, Intent.POSITIONS,
        Intent.BOOK, Intent.CHART, Intent.LIMITS, Intent.ALERTS, Intent.LAST_ORDER, Intent.PANIC, Intent.LINK,
        Intent.ALERT, Intent.DELETE_ALERT, Intent.CONFIRM_ALWAYS, Intent.CONFIRM_UNSURE, Intent.UNDO,
    }
)  # fmt: skip
# What may stand around the slots of an answer without changing it.
_AROUND_KINDS = frozenset(
    {
        "filler",
        "polite",
        "greeting",
        "thanks",
        "answer",
        "yes",
        "link",
        "cue",
        "unit",
        "currency",
        "place",
        "order",
        "amend",
        "no",
    }
)


# Of these, what makes an answer of a word or two into something said beside it: "tô no mercado", "I'm at the market".
_ASIDE_KINDS = frozenset({"filler", "greeting"})


def read(
    spans: Spans, lang: str, question: Question | None, last_order: Reading | None, order: Order
) -> Reading | None:
    """The message as an answer to `question`, or as a repetition of `last_order`; None where it is neither."""
    if last_order is not None and question is None:
        return _repeat(spans, lang, order)
    if question is None:
        return None
    if commands.wavers(spans) or commands.puts_off(spans):
        return Reading(intent=Intent.UNKNOWN, lang=lang, certain=False, reasons=("yes_and_no",))
    command = commands.whole(spans) or commands.conversation(spans)
    if command is not None and command.intent in _INFORMING:
        return None
    if commands.small_talk(spans) is not None:
        return None
    if _drops(spans):
        return Reading(intent=Intent.NO, lang=lang)
    if refuses(spans, lang):
        return Reading(intent=Intent.NO, lang=lang)
    if any(span.has("cancel", "verb") and not span.has("side") for span in spans) or _is_new_order(
        spans, order, question
    ):
        return None
    if _names_another_order(spans, lang) or (question.reading.intent == Intent.AMEND_ORDER and _names_a_product(order)):
        return None
    return _answer(spans, lang, question, order)


def _names_another_order(spans: Sequence[Span], lang: str) -> bool:
    """ "raise the price of 5361 to 442", "order 5372": an order that stands, and its number is no quantity."""
    numbers = [position for position, span in enumerate(spans) if span.number]
    both_values = len(numbers) == 2 and changes.are_both_values(spans, [(one, spans[one]) for one in numbers], lang)
    changes_it = len(numbers) > 1 and not both_values and any(span.has("amend") for span in spans)
    nouns = [span.has("order", "noun") and len(span.text) >= _NOUN_LENGTH_MIN for span in spans]
    return changes_it or any(position > 0 and nouns[position - 1] for position in numbers)


def _names_a_product(order: Order) -> bool:
    return order.side is not None or order.asset is not None or order.contract is not None


def after_dismissal(spans: Spans, asked_of: str | None) -> Spans:
    """What follows "forget the wheat, ...": the question is dropped by it, and the rest stands for itself.

    Where the open question is about the asset `asked_of`, so is "leave the wheat, ..."; alone it may say anything.
    """
    start, comma = 0, _pause(spans, 0)
    while comma is not None and all(span.has_any(_BEFORE_DISMISSAL) for span in spans[start:comma]):
        start, comma = comma + 1, _pause(spans, comma + 1)  # "Actually no, never mind the cotton, ..."
    if comma is None or comma + 1 == len(spans):
        return spans
    while start < comma and spans[start].has_any(("polite", "greeting")):
        start += 1
    clause = spans[start:comma]
    if not clause:
        return spans
    leaves = clause[0].has_any(_LEAVING) and asked_of is not None and asked_of in [span.asset for span in clause]
    drops = clause[0].has("no") and len(clause[0].text) >= _DISMISSAL_LENGTH_MIN
    if not (leaves or drops) or any(span.has("guard") for span in clause[1:]):
        return spans
    known = all(span is clause[0] or span.asset or span.contract or span.has_any(_DISMISSED_KINDS) for span in clause)
    return Spans(spans[comma + 1 :]) if known else spans


def _pause(spans: Sequence[Span], start: int) -> int | None:
    return next((place for place in range(start, len(spans)) if spans[place].text in (",", ".", ";")), None)


def clause_that_answers(spans: Spans, lang: str) -> Spans | None:
    """The one clause of several that says anything, beside small talk: "30, sorry for the delay kids are screaming"."""
    if any("?" in span.text for span in spans):
        return None
    clauses = _clauses(spans)
    telling = [clause for clause in clauses if any(_tells(span, clause, lang) for span in clause)]
    return Spans(telling[0]) if len(telling) == 1 and len(clauses) > 1 else None


def _clauses(spans: Sequence[Span]) -> list[list[Span]]:
    """What stands between the pauses."""
    return [list(clause) for paused, clause in groupby(spans, lambda span: span.text in _PAUSES) if not paused]


def _tells(span: Span, clause: Sequence[Span], lang: str) -> bool:
    """Whether a word may concern the order that is asked about; what is told of others or of the past does not."""
    corrects = span.has("link", "correction") and not span.has("apology")
    doubts = span.has("guard") and not span.values("guard") <= _SMALL_TALK_GUARDS
    if corrects or doubts or span.has_any(("no", "cancel")):
        return True
    # A word that is only guessed says little in a remark of several.
    is_told = span.sure or len(clause) < _REMARK_LENGTH_MIN
    return is_told and (_asks_for_something(span, lang) or span.has_any(("ask", "whole", "yes")))


def after_shrug(spans: Spans) -> Spans | None:
    """What follows "oh I don't know, ..." or "lol sorry, ..." in one message; None where nothing is led in so."""
    comma = next((position for position, span in enumerate(spans) if span.punctuation), None)
    if comma is None or comma + 1 == len(spans):
        return None
    clause = spans[:comma]
    shrugs = [span for span in clause if span.has("guard", "hesitation", "joke")]
    led_in = all(span in shrugs or span.has_any(("filler", "apology")) for span in clause)
    return Spans(spans[comma + 1 :]) if shrugs and led_in else None


def _drops(spans: Sequence[Span]) -> bool:
    """A bare "cancel", "cancel that order" drops the question that stands open."""
    words = [span for span in spans if not span.punctuation]
    dropping = [span for span in words if span.has("cancel", "verb", "spoken_of") or span.has("whole", Intent.NO)]
    if any(span.has("guard", "negation") for span in dropping):
        return False  # "don't cancel it"
    return bool(dropping) and all(
        span in dropping or span.has_any(("polite", "filler", "no", "order", "apology")) for span in words
    )


def refuses(spans: Sequence[Span], lang: str) -> bool:
    """ "No!! my phone sent it twice": a no, and behind it a remark that names no slot and asks for nothing.

    A bare Spanish or Portuguese "no" needs a pause behind it, or it denies the verb that follows: "no la canceles".
    """
    lead = _first_no(spans)
    if lead is None or any("?" in span.text or span.text == "¿" for span in spans):
        return False
    following = spans[lead + 1] if lead + 1 < len(spans) else None
    pauses = following is None or following.punctuation or following.has("polite") or following.has("apology")
    pauses = pauses or spans[lead].text.endswith(",")
    if spans[lead].text in _BARE_NOES and not pauses and not (lang == "en" and following and following.has("filler")):
        return False
    rest = [span for span in spans[lead + 1 :] if not span.punctuation]
    if not rest:
        return True
    agrees = any(span.has("yes") and not span.has("filler") for span in (rest[0], rest[-1]))
    if agrees or rest[0].has("ask") or rest[0].has("guard", "question"):
        return False
    # A word that is only guessed says little in a remark of several.
    told = [span for span in rest if span.sure or len(rest) < _REMARK_LENGTH_MIN]
    return not any(
        _asks_for_something(span, lang) or (span.has("link", "correction") and not span.has("apology")) for span in told
    )


def _first_no(spans: Sequence[Span]) -> int | None:
    """Where the no is that a message opens with, behind nothing but "oh", "mmm", "sorry" or whoever is spoken to."""
    for position, span in enumerate(spans):
        if _is_no(span) and not span.has("cancel", "verb"):
            return position
        hums = span.has("guard", "hesitation") and _BARE_NOES.isdisjoint(span.text.split())
        if not (span.punctuation or span.has_any(_BEFORE_NO) or hums):
            return None
    return None


def _is_no(span: Span) -> bool:
    """A no, also between two commas, where it may correct a figure; "para marzo" stops nothing."""
    corrects = span.has("link", "correction") and set(span.text.replace(",", " ").split()) <= _BARE_NOES
    return corrects or (span.has("no") and not span.has("cue"))


def _asks_for_something(span: Span, lang: str) -> bool:
    """Whether a word names a slot or speaks of a change: a remark does neither."""
    if span.asset or span.contract or (span.number is not None and span.text not in _ONES):
        return True
    if span.has("time_in_force") or span.has("market", "order") or span.has("cancel"):
        return True
    if span.has_any(("side", "quote", "pay")) and not span.has("filler"):
        return True
    return lang in span.languages("amend") and not (span.has("no") or span.has("answer"))


def _is_new_order(spans: Sequence[Span], order: Order, question: Question) -> bool:
    sided = [
        span
        for span in spans
        if (span.has("side") or span.has("quote") or span.has("pay")) and not span.asset and not span.number
    ]
    if not sided:
        return False
    open_side = question.reading.side
    if open_side is None or (order.side == open_side and order.asset in (None, question.reading.asset)):
        # "buy 100" to "buy wheat: how many?" fills in; a whole order again is a new one, and so is one whose quantity
        # and product are said anew.
        return not order.missing or None not in (order.quantity, order.asset, question.reading.quantity)
    corrects = any(span.has("no") or span.has("link", "correction") for span in spans[:2])
    return not (corrects and order.asset is None and order.quantity is None)


def _answer(spans: Spans, lang: str, question: Question, order: Order) -> Reading | None:
    slots: dict[str, object] = {
        "side": order.side,
        "quantity": order.quantity,
        "asset": order.asset,
        "contract": order.contract,
        "price": order.price,
        "order_type": order.order_type,
        "time_in_force": order.time_in_force,
        "expires_in": order.expires_in,
        "expires_at": order.expires_at,
    }
    if all(value is None for value in slots.values()):
        return None
    reasons = [
        reason for reason in order.doubts if reason not in ("number_before_verb", "unexplained_words", "correction")
    ]
    if question.reading.asset is not None and _names_asset_by_chance(spans):
        slots["asset"] = None
        reasons.append("unexplained_words")
    refusals = [reason for reason in order.refusals if not (reason == "negation" and _opens_with_no(spans))]
    if "withdrawn" in refusals and not guards.takes_all_back(spans):
        refusals.remove("withdrawn")
        reasons.append("correction")  # "whoops, feb I mean"
    if _denies_at_once(spans):
        reasons.append("correction")
    if "relative" in reasons and question.reading.intent == Intent.AMEND_ORDER:
        return None  # Another change, told by how much.
    if _asks_for_price(spans, order):
        return None
    if order.unlisted is not None or _strange(spans):
        if commands.ask(spans) is not None:
            return None
        reasons.append("unexplained_words")
    elif question.kind == "missing" and (_says_more(spans, lang) or _may_speak_of_market(spans)):
        reasons.append("unexplained_words")
    if any(span.has("ask") for span in spans) and any(span.text == "?" for span in spans):
        return None
    if set(refusals) & {"opinion", "question_word"} and commands.ask(spans) is not None:
        return None
    if refusals:
        if any(span.has("ask", "cost") or span.has("guard", "question") for span in spans):
            refusals.append("question")  # What would come of it is asked, and nothing is taken back.
        return Reading(intent=Intent.UNKNOWN, lang=lang, certain=False, reasons=tuple(dict.fromkeys(refusals)))
    if question.reading.intent == Intent.AMEND_ORDER and _is_bare(order):
        # Only the order itself tells whether the figure is its price or its quantity.
        either = order.quantity if order.quantity is not None else order.price
        return Reading(
            intent=Intent.ADJUST,
            lang=lang,
            order_id=question.reading.order_id,
            topic="set",
            quantity=either,
            price=either,
            certain=False,
            reasons=("relative",),
        )
    if question.kind == "confirm" and _names_a_side_alone(slots) and _opens_with_no(spans) and _strange(spans):
        return Reading(intent=Intent.NO, lang=lang)  # "no no, hit send twice"
    corrects_itself = _corrects_itself(spans)
    reasons += ["correction"] if corrects_itself else []
    reasons += _place_bare(slots, order, question, _corrects(spans) and not corrects_itself)
    if _overwrites_unasked(slots, order, question):
        return Reading(intent=Intent.UNKNOWN, lang=lang, certain=False, reasons=("ambiguous_number",))
    replaces = slots["price"] is not None and question.reading.price not in (None, slots["price"])
    if replaces and question.kind == "missing":
        reasons.append("correction")
    if slots["order_type"] == "limit":
        slots["order_type"] = None
    return Reading(intent=Intent.ANSWER, lang=lang, certain=not reasons, reasons=tuple(dict.fromkeys(reasons)), **slots)  # type: ignore[arg-type]


def _names_asset_by_chance(spans: Sequence[Span]) -> bool:
    """ "Mar26, e hoje tá um calor danado aqui": in a remark, beside the answer, a misspelt word is no product."""
    named = [clause for clause in _clauses(spans) if any(span.asset for span in clause)]
    return (
        bool(named)
        and not _corrects(spans)
        and all(len(clause) >= _REMARK_LENGTH_MIN for clause in named)
        and not any(span.sure for span in spans if span.asset)
    )


def _names_a_side_alone(slots: Mapping[str, object]) -> bool:
    return slots["side"] is not None and all(value is None for slot, value in slots.items() if slot != "side")


def _denies_at_once(spans: Sequence[Span]) -> bool:
    """ "Não março": with no pause behind the no, that month may be the one that is not meant."""
    after = spans[1] if len(spans) > 1 else None
    return after is not None and spans[0].text in _BARE_NOES and bool(after.asset or after.contract)


def _asks_for_price(spans: Sequence[Span], order: Order) -> bool:
    """ "pode mandar o preço do milho": a price is spoken of, and none is given."""
    named = any(span.has("cue", "price") and len(span.text) >= _NOUN_LENGTH_MIN for span in spans)
    return named and order.asset is not None and order.price is None and order.quantity is None


def _says_more(spans: Sequence[Span], lang: str) -> bool:
    """Whether a word of the answer says nothing that an answer says in `lang`."""
    kinds = (*(_AROUND_KINDS - _ASIDE_KINDS), "side", "quote", "market", "time_in_force", "validity", "contract")
    return any(
        not (span.punctuation or span.number or span.asset or span.contract)
        and not any(span.languages(kind) & {"", lang} for kind in kinds)
        for span in spans
    )


def _may_speak_of_market(spans: Sequence[Span]) -> bool:
    """ "Good market today", "lindo mercado": with no "at" and more than a yes, the market may be spoken of."""
    named = next((place for place, span in enumerate(spans) if span.has("market") and " " not in span.text), None)
    if named is None:
        return False
    is_led_in = all(span.punctuation or span.has("yes") for span in spans[:named])
    return not is_led_in or not all(span.punctuation or span.has_any(("yes", "polite")) for span in spans[named + 1 :])


def _is_bare(order: Order) -> bool:
    """Whether the message gives one figure, and nothing that says which slot it is for."""
    quantity, price = order.quantity is not None, order.price is not None
    cued = (quantity and order.quantity_cued) or (price and order.price_cued)
    return quantity != price and not cued and order.order_type != "market"


def _opens_with_no(spans: Sequence[Span]) -> bool:
    """ "no, 160", "oh no no, 160": the no is to the question."""
    first = _first_no(spans)
    if first is None:
        return False
    rest = first + 1
    while rest < len(spans) and (spans[rest].punctuation or spans[rest].text in _BARE_NOES):
        rest += 1
    return not any(span.has("guard", "negation") for span in spans[rest:])


def _strange(spans: Sequence[Span]) -> bool:
    return any(
        not span.punctuation
        and not (span.number or span.asset or span.contract)
        and not span.has_any((*_AROUND_KINDS, "side", "quote", "market", "time_in_force", "validity", "contract"))
        for span in spans
    )


def _corrects(spans: Sequence[Span]) -> bool:
    """Whether the message takes something back: "no, 25", "make it 25", "aliás 25", "cámbialo a 25"."""
    return any(
        span.has("link", "correction")
        or _is_no(span)
        or span.has("guard", "negation")
        or span.has("answer", "change")
        or (span.has("amend") and not span.has("place"))
        for span in spans
    )


def _corrects_itself(spans: Sequence[Span]) -> bool:
    """ "10, no sorry, 12 lots": a figure of the message itself is put right, and none that was said before it."""
    figures = [position for position, span in enumerate(spans) if span.number is not None]
    return len(figures) > 1 and _corrects(spans[figures[0] + 1 : figures[-1]])


def _overwrites_unasked(slots: dict[str, object], order: Order, question: Question) -> bool:
    """ "10 12" to "at 6150: how many?": a bare figure beside the one that is asked for replaces none that is known."""
    if question.kind != "missing" or None in (slots["quantity"], slots["price"]):
        return False
    cued = {"quantity": order.quantity_cued, "price": order.price_cued}
    return any(not cued[slot] and getattr(question.reading, slot) not in (None, slots[slot]) for slot in _NUMERIC)


def _place_bare(slots: dict[str, object], order: Order, question: Question, corrects: bool) -> list[str]:
    """Give a number without a cue to the slot that is asked for; returns the reasons to doubt it."""
    given = [slot for slot in _NUMERIC if slots[slot] is not None]
    cued = {"quantity": order.quantity_cued, "price": order.price_cued}
    bare = [slot for slot in given if not cued[slot]]
    taken_back = corrects and question.kind == "missing"
    old_price, old_quantity = question.reading.price, question.reading.quantity
    if taken_back and len(bare) == 2 and slots["quantity"] == old_quantity:
        slots["quantity"], slots["price"] = slots["price"], None  # "not 20, 25"
        return ["ambiguous_number"]
    if len(bare) != 1 or len(given) == 2:
        # A price that is taken back was never given; the "a" before the number may belong to the correction.
        return ["ambiguous_number"] if taken_back and given == ["price"] and old_price is None else []
    slot = bare[0]
    value = slots[slot]
    assert isinstance(value, Decimal)
    if taken_back:
        known = [one for one in _NUMERIC if getattr(question.reading, one) is not None]
        if len(known) == 1:
            taken = "price" if value != int(value) else known[0]  # A fraction is no quantity.
            slots[slot], slots[taken] = None, value
        return ["ambiguous_number"]
    if question.kind == "missing":
        wanted = [one for one in question.missing if one in _NUMERIC]
        if wanted:
            slots[slot], slots[wanted[0]] = None, value
            return []
        return ["ambiguous_number"]
    if _may_be_either(value, old_price, old_quantity):
        slots["quantity"], slots["price"] = value, None
        return ["ambiguous_number"]
    slots["quantity"], slots["price"] = None, value
    return []


def _may_be_either(value: Decimal, price: Decimal | None, quantity: Decimal | None) -> bool:
    """Whether a correction in a bare number is as near to the old quantity as to the old price."""
    if price is None or quantity is None or value != int(value):
        return False
    return abs(value - quantity) <= abs(value - price)


def _repeat(spans: Sequence[Span], lang: str, order: Order) -> Reading | None:
    """The last order once more, with the slots that change; a number without a cue leaves open which one it is.

    "Same again but 50" may put the last order right as well as ask for a second one; "another 50" only the latter.
    """
    repeating = [span for span in spans if span.has("repeat", "again", "same")]
    if not repeating or order.asset is not None or order.side is not None:
        return None
    kinds = (*_AROUND_KINDS, "repeat", "time_in_force", "validity", "market", "contract", "last", "my")
    # "Igual" also says "perhaps" in Spanish.
    own = set(guards.find(repeating, lang)) - set(guards.find((span for span in spans if span not in repeating), lang))
    refusals = [reason for reason in order.refusals if reason != "negation" and reason not in own]
    strange = any(
        not span.punctuation and not (span.number or span.contract) and not span.has_any(kinds) for span in spans
    )
    if refusals or strange or any(span.has("guard", "negation") for span in spans):
        return None
    reasons = [
        reason
        for reason in order.doubts
        if reason not in ("relative", "number_before_verb", "unexplained_words", "correction")
    ]
    if (order.quantity is not None and not order.quantity_cued) or (order.price is not None and not order.price_cued):
        reasons.append("ambiguous_number")
    repeat = Reading(
        intent=Intent.REPEAT,
        lang=lang,
        quantity=order.quantity,
        contract=order.contract,
        price=order.price,
        order_type="market" if order.order_type == "market" else None,
        time_in_force=order.time_in_force,
        expires_in=order.expires_in,
        expires_at=order.expires_at,
    )
    anew = any(span.has("repeat", "again") for span in spans) and not any(span.has("repeat", "same") for span in spans)
    if repeat != Reading(intent=Intent.REPEAT, lang=lang) and not anew:
        reasons.append("correction")
    return replace(repeat, certain=not reasons, reasons=tuple(dict.fromkeys(reasons)))
