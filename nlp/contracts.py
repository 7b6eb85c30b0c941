"""Contract months however they are written or spoken: "dec 25", "12/25", "dez de 25", "Z25", "March"."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from nlp.spans import Span

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# The futures exchanges' month codes, January to December.
_CODES = "fghjkmnquvxz"
_SEPARATORS = frozenset({"'", "-", "/", ".", "of", "de", "del", "do", "the", "year", "ano", "el"})
_SEPARATORS_MAX = 3
_AROUND_MONTH = ("answer", "cue", "polite", "contract", "unit", "yes")
_OF_A_MONTH = frozenset({"contract", "contracts", "delivery", "futures", "future", "expiry", "expiration"})
# What may lead in a month behind its product: "trigo pra dez".
_BEFORE_MONTH = frozenset({"de", "do", "pra", "para", "em", "no"})
_ORDINALS = frozenset({"th", "st", "nd", "rd", "o", "a"})
_PAUSES = frozenset({",", ".", ";", "-", "…"})
_MONTH_KINDS = ("month", "heard_month")
_DATED_KINDS = (*_MONTH_KINDS, "year")
_YEARS_BACK, _YEARS_AHEAD = 2, 4
_CENTURY = 100

# The contract, where its spans end, whether that is sure, and if not, why.
_Found = tuple[str, int, bool, tuple[str, ...]]


def code(month: int, year: int) -> str:
    """ "Dec25" for 12 and 2025."""
    return f"{_MONTHS[month - 1]}{year % 100:02d}"


def first_day(contract: str) -> date:
    """The first day of a contract's month."""
    return date(2000 + int(contract[3:]), _MONTHS.index(contract[:3]) + 1, 1)


def is_expired(contract: str, as_of: date) -> bool:
    """Whether the contract's month is past."""
    return first_day(contract) < as_of.replace(day=1)


def upcoming(month: int, as_of: date) -> str:
    """The next such month, this month included."""
    return code(month, as_of.year + (month < as_of.month))


def mark_written(spans: Sequence[Span], as_of: date, voice: bool) -> list[Span]:
    """Join every month that has its year in digits; must run before numbers are read, which would take the year."""
    return _join(spans, lambda position: _written(spans, position, as_of, voice))


def mark_spoken(spans: Sequence[Span], as_of: date, *, asks_month: bool = False) -> list[Span]:
    """Join months whose year is in words, then read months without one as the next such month.

    With `asks_month` the trader was asked for it: "May", "let's go with May" names it then.
    """
    joined = _join(spans, lambda position: _spoken_year(spans, position, as_of))
    have_contract = any(span.contract for span in joined)
    for position, span in enumerate(joined):
        month = _month(span)
        if month is None or span.contract or span.number:
            continue
        stands = _stands_as_month(joined, position) or (asks_month and _answers_with_month(joined, position))
        if not _only_a_month(span) and (have_contract or not stands):
            continue
        span.contract, span.meanings = upcoming(month, as_of), ()
        if _year_after_pause(joined, position, as_of):
            span.sure, span.reasons = False, ("ambiguous_month",)
    return joined


def _year_after_pause(spans: Sequence[Span], position: int, as_of: date) -> bool:
    """ "December, 25 wheat": a year or a quantity."""
    place = position + 1
    while place < len(spans) and spans[place].text in _PAUSES:
        place += 1
    number = spans[place].number if place < len(spans) else None
    if place == position + 1 or number is None or not (number.plain or number.spoken) or number.value >= _CENTURY:
        return False
    said = code(first_day(spans[position].contract or "").month, 2000 + int(number.value))
    return _is_year(spans, place, int(number.value), as_of) and not is_expired(said, as_of)


def _join(spans: Sequence[Span], find: Callable[[int], _Found | None]) -> list[Span]:
    joined: list[Span] = []
    position = 0
    while position < len(spans):
        found = find(position)
        if found is None:
            joined.append(spans[position])
            position += 1
            continue
        contract, end, sure, reasons = found
        text = " ".join(span.text for span in spans[position:end])
        span = replace(
            spans[position], end=spans[end - 1].end, text=text, contract=contract, unknown=False,
            meanings=tuple(m for m in spans[position].meanings if m.kind == "month" and len(spans[position].text) > 1),
            punctuation=False, number=None, sure=sure, reasons=reasons,
        )  # fmt: skip
        joined.append(span)
        position = end
    return joined


def _written(spans: Sequence[Span], position: int, as_of: date, voice: bool) -> _Found | None:
    span = spans[position]
    if len(span.text) > 1 and not span.text.isdecimal() and not span.has_any(_DATED_KINDS):
        return None
    return (
        _month_code(spans, position, as_of, voice)
        or _numeric(spans, position, as_of, voice)
        or _in_year(spans, position, as_of, voice)
        or _named(span, spans, position, as_of, voice)
        or _ten_or_december(spans, position, as_of)
    )


def _in_year(spans: Sequence[Span], position: int, as_of: date, voice: bool) -> _Found | None:
    """ "March next year", "março do ano que vem"; "next March" is the next such month."""
    month = _month(spans[position])
    if month is None and spans[position].has("year", "coming") and position + 1 < len(spans):
        month = _month(spans[position + 1])
        said_with_year = month is None or _written(spans, position + 1, as_of, voice)
        return None if month is None or said_with_year else (upcoming(month, as_of), position + 2, True, ())
    if month is None:
        return None
    place = position + 1
    while place < len(spans) and spans[place].text in (*_SEPARATORS, ",") and place <= position + _SEPARATORS_MAX:
        place += 1
    said = spans[place].value("year") if place < len(spans) else None
    return None if said is None else (code(month, as_of.year + (said == "next")), place + 1, True, ())


def _ten_or_december(spans: Sequence[Span], position: int, as_of: date) -> _Found | None:
    """ "compra 5 trigo dez a 540": ten lots it cannot be where others are counted, nor the price, which follows."""
    month = _month(spans[position])
    if month is None or not spans[position].has("number", "word"):
        return None
    before = [span for span in spans[:position] if span.text not in _BEFORE_MONTH]
    product, verb = before[-1:], next((place for place, span in enumerate(before) if span.has("side")), len(before))
    counts = [span.text for span in before[verb + 1 : -1] if _may_count(span)]
    after = [span for span in spans[position + 1 :] if not span.has("currency")]
    priced = len(after) > 1 and after[0].has("cue", "price") and _may_count(after[1])
    if not (product and product[0].has("asset") and counts and priced):
        return None
    said_again = bool({"10", spans[position].text} & set(counts))
    return upcoming(month, as_of), position + 1, not said_again, ("ambiguous_month",) if said_again else ()


def _may_count(span: Span) -> bool:
    return span.text[-1:].isdecimal() or span.has("number", "word")


def _month_code(spans: Sequence[Span], position: int, as_of: date, voice: bool) -> _Found | None:
    span = spans[position]
    if len(span.text) != 1 or span.text not in _CODES or span.glued or position + 1 >= len(spans):
        return None
    digits = spans[position + 1]
    if not digits.glued or not digits.text.isdecimal() or len(digits.text) > 2:
        return None
    after = spans[position + 2] if position + 2 < len(spans) else None
    if after is not None and after.glued and after.text[0].isalpha() and not after.has("asset"):
        return None
    month = _CODES.index(span.text) + 1
    if voice and span.has("heard_month") and len(digits.text) == 2:
        # "Ene" is spoken like the letter n.
        return (
            code(_month(span, kind="heard_month") or month, 2000 + int(digits.text)),
            position + 2,
            False,
            ("ambiguous_month",),
        )
    if len(digits.text) == 2:
        return code(month, 2000 + int(digits.text)), position + 2, True, ()
    year = as_of.year - as_of.year % 10 + int(digits.text)
    if (year, month) < (as_of.year, as_of.month):
        year += 10
    return code(month, year), position + 2, True, ()


def _numeric(spans: Sequence[Span], position: int, as_of: date, voice: bool) -> _Found | None:
    if position + 2 >= len(spans) or spans[position + 1].text not in ("/", "-"):
        return None
    month, mark, year = spans[position : position + 3]
    if not mark.glued or not year.glued or month.meanings:
        return None
    if not (month.text.isdecimal() and year.text.isdecimal()):
        return None
    if len(month.text) == 4 and len(year.text) <= 2 and 1 <= int(year.text) <= 12 and month.text.startswith("20"):
        return code(int(year.text), int(month.text)), position + 3, True, ()
    if len(month.text) > 2 or not 1 <= int(month.text) <= 12:
        return None
    if len(year.text) == 4 and year.text.startswith("20"):
        return code(int(month.text), int(year.text)), position + 3, True, ()
    if mark.text == "-" or len(year.text) != 2 or not _plausible(2000 + int(year.text), as_of):
        return None
    # A voice that says "dez vinte e cinco" is written down as 10/25: ten and December sound the same in Portuguese.
    if voice and int(month.text) == 10:
        return code(12, 2000 + int(year.text)), position + 3, False, ("ambiguous_month",)
    return code(int(month.text), 2000 + int(year.text)), position + 3, True, ()


def _named(span: Span, spans: Sequence[Span], position: int, as_of: date, voice: bool) -> _Found | None:
    if not span.has_any(_MONTH_KINDS):
        return None
    month, heard = _month(span), False
    if month is None:
        month, heard = _month(span, kind="heard_month"), True
    if month is None:
        return None
    place = position + 1
    while (
        place < len(spans)
        and (spans[place].text in _SEPARATORS or spans[place].text == ",")
        and place <= position + _SEPARATORS_MAX
    ):
        place += 1
    if place >= len(spans) or not spans[place].text.isdecimal() or spans[place].meanings:
        return None
    digits, glued = spans[place], all(one.glued for one in spans[position + 1 : place + 1])
    comma = any(one.text == "," for one in spans[position + 1 : place])
    if len(digits.text) == 4 and digits.text.startswith("20") and _plausible(int(digits.text), as_of):
        year = int(digits.text)
    elif len(digits.text) == 2 and not comma and (glued or _is_year(spans, place, int(digits.text), as_of)):
        year = 2000 + int(digits.text)
    elif place == position + 1 and _by_asset(spans, position) and _is_price_after_month(span, digits.text):
        return upcoming(month, as_of), place, False, ("ambiguous_month",)
    else:
        return None
    sure, reasons = True, ()
    end = place + 1
    if end < len(spans) and spans[end].glued and spans[end].text in _ORDINALS and not _leads_in(spans, end):
        end += 1
        sure = voice
    if heard:
        sure = sure and voice
    return code(month, year), end, sure, reasons if sure else ("ambiguous_month",)


def _is_price_after_month(month: Span, digits: str) -> bool:
    """ "dic 2010" may be a year that no contract has; "dez 4010" may be two numbers, as "dez" is ten too."""
    return (len(digits) == 4 and digits.startswith("20")) or (month.has("number") and len(digits) > 2)


def _by_asset(spans: Sequence[Span], position: int) -> bool:
    return position > 0 and spans[position - 1].has("asset")


def _leads_in(spans: Sequence[Span], place: int) -> bool:
    """Whether the letter glued to a year leads in a price, as in "feb26a64,2"."""
    return place + 1 < len(spans) and spans[place + 1].glued and spans[place + 1].text[-1].isdecimal()


def _is_year(spans: Sequence[Span], place: int, value: int, as_of: date) -> bool:
    if not _plausible(2000 + value, as_of):
        return False
    if place + 1 >= len(spans):
        return True
    after = spans[place + 1]
    # "march 25 lots", "march 25k": the number counts something.
    return not (after.has("unit") or (after.glued and after.has("number")) or after.has("time_unit"))


def _spoken_year(spans: Sequence[Span], position: int, as_of: date) -> _Found | None:
    span = spans[position]
    if not span.has_any(_MONTH_KINDS):
        return None
    month = _month(span) or _month(span, kind="heard_month")
    if month is None or span.contract or span.number:
        return None
    place = position + 1
    while place < len(spans) and spans[place].text in _SEPARATORS and place <= position + _SEPARATORS_MAX:
        place += 1
    if place >= len(spans):
        return None
    number = spans[place].number
    if number is None or not number.spoken:
        return None
    value = int(number.as_whole)
    year = value if value >= 2000 else 2000 + value
    if (
        value != number.as_whole
        or not _plausible(year, as_of)
        or (place + 1 < len(spans) and spans[place + 1].has("unit"))
    ):
        return None
    return code(month, year), place + 1, True, ()


def _plausible(year: int, as_of: date) -> bool:
    return as_of.year - _YEARS_BACK <= year <= as_of.year + _YEARS_AHEAD


def _month(span: Span, kind: str = "month") -> int | None:
    value = span.value(kind)
    return int(value) if value is not None and span.contract is None else None


def _only_a_month(span: Span) -> bool:
    """Not a word like "may", "set" or "dez", which is something else as often."""
    return all(m.kind in ("month", "heard_month", "heard_asset") for m in span.meanings) and len(span.text) > 2


def _answers_with_month(spans: Sequence[Span], position: int) -> bool:
    """ "May", "let's go with May": not "I may", nor "dez", which may count lots."""
    others = [span for place, span in enumerate(spans) if place != position and not span.punctuation]
    counts = spans[position].has_any(("number", "count"))
    return not counts and all(span.number or span.has_any(_AROUND_MONTH) for span in others)


def _stands_as_month(spans: Sequence[Span], position: int) -> bool:
    before = [span for span in spans[:position] if span.text not in ("de", "of", "do")][-1:]
    after = [span for span in spans[position + 1 :] if span.text not in ("de", "of", "do")][:1]
    if any(span.has("asset") for span in after):
        # "compra dez ouro": after the verb it counts lots.
        return not any(span.has("side") or span.has("cue") for span in before) or spans[position].text not in ("dez",)
    if any(span.text in _OF_A_MONTH for span in after):
        return True  # "May contract"
    return any(span.has("asset") or span.has("contract", "prefix") for span in before)
