"""Which number of an order is its price and which its quantity: the words around it decide first, then its place."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from nlp import guards
from nlp.spans import Number, Span, Spans

_SCALES = (100, 1000, 1_000_000)
_THOUSAND = 1000
# A number below the first and one that begins with the second as its scale may be one number.
_TORN = ((10, 100), (1000, 1000))
_PRICE, _QUANTITY = "price", "quantity"
_SKIPPABLE = ("currency", "filler")
# Contracts are listed no further ahead.
_YEARS_AHEAD_MAX = 3
_CENTURY = 2000
# What may stand between a number and its scale: "four 👍 thousand".
_IDLE = ("filler", "yes", "thanks")
_COURTEOUS = ("polite", "greeting")
INTERJECTED = (*_IDLE, *_COURTEOUS)
_WEAK = frozenset({"in", "en", "em", "on", "for", "por", "para"})
_TWICE = {_PRICE: "two_prices", _QUANTITY: "two_quantities"}
_MEASURE = "measure"
_WANTED = "for what is bid"
_CROSS = "x"
# "compra 20 maíz x 436", "compra 20 milho x 436"
_CROSS_PRICES = frozenset({"es", "pt"})
_BUYS_FOR = frozenset({"for", "por", "en", "em", "de"})


@dataclass(slots=True)
class Figure:
    """One number of the message, or several offered as alternatives, and the slot that its words give it."""

    position: int
    number: Number
    role: str | None = None
    options: tuple[Decimal, ...] = ()
    cue: str = ""


@dataclass(slots=True)
class Figures:
    """`price` and `quantity` as read; `unclear` slots were given twice over; `used` are the spans taken."""

    price: Figure | None = None
    quantity: Figure | None = None
    unclear: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    bare_first: int | None = None


def read(spans: Spans, skip: set[int], market: bool, language: str) -> Figures:
    """Assign the numbers of `spans`, except those at the positions in `skip`, in a message of `language`."""
    result = Figures()
    figures = _collect(spans, skip, result)
    figures = _corrected(spans, figures, result)
    _read_crosses(spans, figures, language, result)
    _place(spans, figures, market)
    for role in (_PRICE, _QUANTITY):
        _settle(role, [figure for figure in figures if figure.role == role], spans, result)
    if any(figure.role is None for figure in figures):
        result.reasons.append("unexplained_number")
        result.unclear.update(() if result.price or market else (_PRICE,))
    if any(figure.cue == _WANTED for figure in figures) and spans.has("quote", "sell"):
        result.reasons.append("either_side")  # an offer for something is rather the buyer's
    if any(figure.cue == _WANTED for figure in figures) and any(
        not figure.cue and figure.number.value == int(figure.number.value) for figure in figures
    ):
        result.reasons.append("ambiguous_order")  # "bid for 20 cotton 65": nothing else tells which is which
    if _may_be_wanted(spans, figures):
        result.reasons.append("ambiguous_order")
    if _quoted_between(spans, figures):
        result.reasons.append("ambiguous_order")
    if _weakly_priced(figures) and not spans.has("pay"):
        result.reasons.append("ambiguous_order")
    if _falls_apart(spans, figures) or _stand_together(spans, figures):
        result.reasons.append("ambiguous_number")
    if any(_may_be_year(spans, figure) for figure in figures if not figure.cue):
        result.reasons.append("ambiguous_number")
    bare = [figure.position for figure in figures if not figure.cue]
    result.bare_first = min(bare) if bare else None
    return result


def _falls_apart(spans: Sequence[Span], figures: Sequence[Figure]) -> bool:
    """ "four, uh, thousand", "a 4. 1000": a scale after a number may belong to it."""
    return any(
        ((first.number.spoken and second.number.spoken) or second.number.value >= _THOUSAND > first.number.value)
        and second.number.value in _SCALES
        and all(span.punctuation or span.unknown or span.has_any(_IDLE) for span in _between(spans, first, second))
        for first, second in pairwise(figures)
    )


def _stand_together(spans: Sequence[Span], figures: Sequence[Figure]) -> bool:
    """ "At 64 20", "at 4. 1050", "a 4000 e 50", "30 30 gold", "sesenta y, y seis", "5,dois": one, or one twice."""
    return any(
        not second.cue
        and (
            first.number.spoken
            or second.number.spoken
            or (first.cue and first.role == _PRICE and [one.text for one in _beside(spans, first, second)] != [","])
            or _may_be_torn(first.number.value, second.number.value)
            or (not first.cue and first.number.value == second.number.value)
            or (second.position == first.position + 1 and _is_led_in_apart(spans, first))
        )
        and all(span.punctuation or span.has_any((*INTERJECTED, "link")) for span in _beside(spans, first, second))
        for first, second in pairwise(figures)
    )


def _may_be_torn(first: Decimal, second: Decimal) -> bool:
    """ "At 4, 1050", "at 4, 150": as a voice is written down that rests within "four thousand fifty"."""
    return any(first < above and scale <= second < 2 * scale for above, scale in _TORN)


def _is_led_in_apart(spans: Sequence[Span], figure: Figure) -> bool:
    """ "A, 4 4000": the word for a price before the figure, with a mark between."""
    before = [span for span in spans[: figure.position] if not span.punctuation]
    return bool(before) and spans[figure.position - 1].punctuation and before[-1].has("cue", "price")


def _may_be_year(spans: Sequence[Span], figure: Figure) -> bool:
    """ "feb, uh, 26 brent", "March, yes, 2026", "março ... de 2026": after a month without one, it may be the year."""
    before = figure.position - 1
    while before >= 0 and not spans[before].contract and _may_lead_year(spans[before]):
        before -= 1
    month = spans[before].contract if 0 <= before < figure.position - 1 else None
    if month is None or any(character.isdigit() for character in spans[before].text):
        return False
    ahead = figure.number.value - int(month[-2:])
    return figure.number.plain and any(0 <= ahead - century <= _YEARS_AHEAD_MAX for century in (0, _CENTURY))


def _may_lead_year(span: Span) -> bool:
    return span.punctuation or span.has_any((*INTERJECTED, "contract"))


def _beside(spans: Sequence[Span], first: Figure, second: Figure) -> Sequence[Span]:
    return spans[first.position + 1 : second.position]


def _between(spans: Sequence[Span], first: Figure, second: Figure) -> Sequence[Span]:
    return [span for span in _beside(spans, first, second) if not span.has_any(_COURTEOUS)]


def _quoted_between(spans: Spans, figures: Sequence[Figure]) -> bool:
    """ "Put ten coffee on the bid, 371": with the bid named after the first figure, which is the price is open."""
    bare = [figure for figure in figures if not figure.cue]
    if len(bare) != 2 or len(figures) != 2 or spans.has("side") or spans.has("pay"):
        return False
    quote = spans.first("quote")
    return quote is not None and quote > bare[0].position + 1


def _weakly_priced(figures: Sequence[Figure]) -> bool:
    """ "sell in 12 gold 4044": a price led in by a weak word, before a bare number, may be the quantity."""
    priced = [figure for figure in figures if figure.role == _PRICE and figure.cue in _WEAK]
    return any(not other.cue and other.position > one.position for one in priced for other in figures)


def _may_be_wanted(spans: Spans, figures: Sequence[Figure]) -> bool:
    """ "bid 150 wheat for 100": after a bid, what is led in by "for" is the price or the quantity."""
    quotes = any(not span.has("side") for span in spans.of("quote"))
    led_in = any(figure.role == _PRICE and figure.cue == "for" for figure in figures)
    return quotes and led_in and any(not figure.cue for figure in figures)


def _collect(spans: Sequence[Span], skip: set[int], result: Figures) -> list[Figure]:
    figures: list[Figure] = []
    for position, span in enumerate(spans):
        if span.number is None or position in skip:
            continue
        result.used.add(position)
        figure = Figure(position, span.number)
        figure.role, figure.cue = _cued(spans, position, result.used)
        if figures and _offered_instead(spans, figures[-1].position, position):
            last = figures[-1]
            options = (last.options or (last.number.value,)) + (figure.number.value,)
            last.options, last.role = options, last.role or figure.role
            last.cue = last.cue or figure.cue
            last.position = position
            continue
        figures.append(figure)
    return figures


def _cued(spans: Sequence[Span], position: int, used: set[int]) -> tuple[str | None, str]:
    after = position + 1
    if after < len(spans) and spans[after].has("measure"):
        used.add(after)
        return _QUANTITY, _MEASURE
    while after < len(spans) and spans[after].has("currency") and not spans[after].has("unit"):
        used.add(after)
        return _PRICE, spans[after].text
    if after < len(spans) and spans[after].has("unit") and (spans[after].text != _CROSS or _counts(spans, after)):
        used.add(after)
        before = position - 1
        if before >= 0 and (spans[before].has("cue") or spans[before].has("filler")):
            used.add(before)
        return _QUANTITY, spans[after].text
    before = position - 1
    money = False
    while before >= 0 and (spans[before].has_any(_SKIPPABLE) or spans[before].punctuation):
        if spans[before].has("cue"):
            break
        if spans[before].text not in ("-", ":", "=") and spans[before].punctuation:
            break
        if spans[before].has("currency"):
            money = True
            used.add(before)
        before -= 1
    if before >= 0 and spans[before].has("pay") and not spans[before].has("cue"):
        return _PRICE, spans[before].text
    if before >= 0 and spans[before].has("cue", "price"):
        used.update(range(before, position))
        while before > 0 and (spans[before - 1].has("cue", "price") or spans[before - 1].has("filler")):
            before -= 1
            if spans[before].has("cue", "price"):
                used.add(before)
        return _PRICE, spans[position - 1].text
    if before >= 0 and spans[before].text == _CROSS:
        used.add(before)
        return None, _CROSS
    if before >= 0 and spans[before].has("cue", "quantity") and not spans[before].has("cue", "price"):
        used.add(before)
        return _QUANTITY, spans[before].text
    if money:
        return _PRICE, "$"
    number = spans[position].number
    return (_QUANTITY, spans[position].text) if number is not None and number.counts else (None, "")


def _counts(spans: Sequence[Span], cross: int) -> bool:
    """Whether the "x" after a number counts lots: "20x", "20 x corn", but not "20 x 430", "at 550x" or "... 550 X"."""
    led_in = cross > 1 and spans[cross - 2].has("cue", "price") and not spans[cross - 2].has("cue", "quantity")
    following = [span for span in spans[cross + 1 :] if not span.punctuation][:1]
    if led_in or (following and following[0].number is not None):
        return False
    return spans[cross].glued or bool(following)


def _read_crosses(spans: Sequence[Span], figures: Sequence[Figure], language: str, result: Figures) -> None:
    """An "x" before a number counts lots beside a price; else it is a thumb-typed "por", in Spanish and Portuguese."""
    result.used.update(position for position, span in enumerate(spans) if span.text == _CROSS)
    for figure in figures:
        if figure.cue != _CROSS or figure.role is not None:
            continue
        others = [other for other in figures if other is not figure]
        if any(other.role == _PRICE for other in others):
            figure.role = _QUANTITY
            continue
        if language in _CROSS_PRICES and others:
            figure.role = _PRICE
        beside = figure.position > 1 and spans[figure.position - 2].number is not None
        if beside or (figure.role is None and others and not any(other.role for other in others)):
            result.reasons.append("ambiguous_order")


def _offered_instead(spans: Sequence[Span], first: int, second: int) -> bool:
    """Whether only an "or", or the dash of a range, stands between two numbers; "sell 16 - 5.145" is no range."""
    between = spans[first + 1 : second]
    if [span.text for span in between] == ["-"] and not (between[0].glued or spans[second].glued):
        quantity, price = spans[first].number, spans[second].number
        assert quantity is not None
        assert price is not None
        if quantity.plain and price.value != int(price.value):
            return False
    return bool(between) and all(
        span.has("link", "alternative") or span.text in ("-", "/") or span.has("guard", "hesitation")
        for span in between
    )


def _corrected(spans: Spans, figures: list[Figure], result: Figures) -> list[Figure]:
    """Without the numbers that a later one corrects: "buy 50, no wait, 60"."""
    denials = _denials(spans)
    if denials:
        result.reasons.append("correction")
        result.used.update(denials)
    marks = sorted({place for place in spans.places("link") if spans[place].has("link", "correction")} | denials)
    marks = [mark for mark in marks if any(figure.position < mark for figure in figures)]
    if not marks:
        return figures
    kept = [figure for figure in figures if figure.position < marks[0]]
    for figure in (figure for figure in figures if figure.position > marks[0]):
        if figure.role is None:
            figure.role = kept[-1].role if kept else None
            figure.cue = kept[-1].cue if kept else ""
            kept = kept[:-1]
        else:
            if kept and kept[-1].role is None and _stands_before(spans, kept[-1].position, marks[0]):
                kept = kept[:-1]  # "10, no, 12 lots": the bare number right before the correction is what it corrects
            kept = [one for one in kept if one.role != figure.role]
        kept.append(figure)
    return kept


def _stands_before(spans: Sequence[Span], figure: int, mark: int) -> bool:
    return figure < mark and all(span.punctuation for span in spans[figure + 1 : mark])


def _denials(spans: Sequence[Span]) -> set[int]:
    """Where a "no" between two numbers puts the second in the place of the first: "sell 30 no 40 brent"."""
    found: set[int] = set()
    for position, span in enumerate(spans):
        if span.text not in guards.NOES:
            continue
        before = [one for one in spans[:position] if one.text != ","][-1:]
        after = [one for one in spans[position + 1 :] if one.text != ","][:1]
        if before and after and before[0].number and after[0].number:
            found.add(position)
    return found


def _place(spans: Spans, figures: Sequence[Figure], market: bool) -> None:
    """Give the bare numbers their slots by their order."""
    if len(figures) == 2:
        for figure in figures:
            if _is_wanted(spans, figure):
                figure.role, figure.cue = _QUANTITY, _WANTED
    bare = [figure for figure in figures if figure.role is None]
    quotes = any(not span.has("side") for span in spans.of("quote"))
    if spans.has("pay"):
        _place_paid(spans, figures)
    elif quotes and bare and _is_quoted_first(spans, bare[0]):
        bare[0].role = _PRICE
        for figure in figures:
            if figure.role == _PRICE and figure is not bare[0] and figure.cue in _BUYS_FOR:
                figure.role = _QUANTITY
    elif quotes and len(bare) == 1 and len(figures) == 2 and _bid_for(spans, figures):
        figures[0].role, figures[1].role = _PRICE, _QUANTITY
    bare = [figure for figure in figures if figure.role is None]
    taken = {figure.role for figure in figures}
    if not bare:
        return
    if market:
        if _QUANTITY not in taken and len(bare) == 1:
            bare[0].role = _QUANTITY
        return
    if _PRICE in taken or _QUANTITY in taken:
        free = _QUANTITY if _PRICE in taken else _PRICE
        one_value = len({figure.number.value for figure in bare}) == 1
        if free not in taken and (one_value or spans.has("link", "alternative")):
            for figure in bare:
                figure.role = free
    elif len(bare) == 2:
        first, last = (_PRICE, _QUANTITY) if quotes and not _quoted_between(spans, figures) else (_QUANTITY, _PRICE)
        bare[0].role, bare[1].role = first, last
    elif len(bare) == 1:
        fractional = bare[0].number.value != int(bare[0].number.value) and bare[0].number.whole is None
        bare[0].role = _PRICE if quotes or fractional else _QUANTITY


def _place_paid(spans: Spans, figures: Sequence[Figure]) -> None:
    """ "pay 64.10 for 30 brent": the number after "pay" is the price, the other one the quantity."""
    at = spans.places("pay")[0]
    after = [figure for figure in figures if figure.position > at]
    if not after:
        return
    paid = after[0]
    if paid.cue and spans[paid.position - 1].text in _BUYS_FOR and len(figures) == 2 and paid is not figures[0]:
        return
    paid.role = _PRICE
    for figure in figures:
        if figure is not paid and (figure.role is None or figure.cue in _BUYS_FOR):
            figure.role = _QUANTITY


def _is_quoted_first(spans: Sequence[Span], figure: Figure) -> bool:
    """ "150 bid for 100": the price stands right before the word."""
    after = figure.position + 1
    return (
        after < len(spans)
        and spans[after].has("quote")
        and not any(span.has("quote") for span in spans[: figure.position])
    )


def _is_wanted(spans: Sequence[Span], figure: Figure) -> bool:
    """ "bid for 20 cotton": in English what is bid for is a quantity; "puja por 20" names a price as often."""
    lead, quote = spans[max(0, figure.position - 1)], spans[max(0, figure.position - 2)]
    return lead.text == "for" and quote.has("quote") and figure.number.as_whole == int(figure.number.as_whole)


def _bid_for(spans: Sequence[Span], figures: Sequence[Figure]) -> bool:
    """ "bid 75 for 10": nothing but the "for" between the two."""
    between = spans[figures[0].position + 1 : figures[1].position]
    return figures[0].role is None and len(between) == 1 and between[0].text in _BUYS_FOR


def _settle(role: str, figures: Sequence[Figure], spans: Spans, result: Figures) -> None:
    if not figures:
        return
    if any(figure.cue == _MEASURE for figure in figures):
        result.unclear.add(role)
        result.reasons.append("not_in_lots")
        return
    values = {value for figure in figures for value in (figure.options or (_value(figure, role),))}
    if len(values) > 1:
        result.unclear.add(role)
        result.reasons.append("alternatives" if spans.has("link", "alternative") else _TWICE[role])
        return
    if len(figures) > 1:
        result.reasons.append("repeated")  # it may be a second order like the first
    figure = figures[0]
    value = _value(figure, role)
    if figure.number.negative or value <= 0:
        result.unclear.add(role)
        result.reasons.append("negative" if figure.number.negative else "zero")
        return
    if figure.number.ambiguous:
        result.reasons.append("ambiguous_number")
    if role == _PRICE:
        result.price = figure
    else:
        result.quantity = figure


def _value(figure: Figure, role: str) -> Decimal:
    return figure.number.as_whole if role == _QUANTITY else figure.number.value
