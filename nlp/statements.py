"""A message that asks for a statement, and of which day or month: "extracto de noviembre", "extrato de ontem"."""

from collections.abc import Sequence
from datetime import date, timedelta

from nlp.commands import Command
from nlp.reading import Intent
from nlp.spans import Span, Spans

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY_MAX = 31


def read(spans: Spans, as_of: date) -> Command | None:
    """The statement of the month so far, unless a day or another month is named; a month alone is the last such one."""
    if not spans.has("ask", Intent.STATEMENT) or any(span.asset for span in spans):
        return None
    return Command(Intent.STATEMENT, period=_period(spans, as_of))


def _period(spans: Sequence[Span], as_of: date) -> str:
    if any(span.has("day", "today") for span in spans):
        return as_of.isoformat()
    if any(span.has("period", "yesterday") for span in spans):
        return (as_of - timedelta(days=1)).isoformat()
    if any(span.has("period", "last_month") for span in spans):
        return _month_text(as_of.replace(day=1) - timedelta(days=1))
    for span in spans:
        month = _month_of(span)
        if month is not None:
            first = date(_year_of(span) or as_of.year - (month > as_of.month), month, 1)
            day = next((found for other in spans if (found := _day_of(other)) is not None), None)
            last = (first + timedelta(days=_DAY_MAX)).replace(day=1) - timedelta(days=1)
            if day is None or day > last.day:
                return _month_text(first)
            return first.replace(day=day).isoformat()
    return _month_text(as_of)


def _month_of(span: Span) -> int | None:
    if span.contract is not None:
        return _MONTHS.index(span.contract[:3]) + 1
    value = span.value("month")
    return None if value is None else int(value)


def _year_of(span: Span) -> int | None:
    """The year that was said with the month."""
    said = span.contract is not None and any(character.isdigit() for character in span.text)
    return 2000 + int(span.contract[3:]) if said and span.contract is not None else None


def _day_of(span: Span) -> int | None:
    number = span.number
    if number is None or number.negative or span.contract is not None:
        return None
    value = number.as_whole
    return int(value) if value == int(value) and 0 < value <= _DAY_MAX else None


def _month_text(day: date) -> str:
    return f"{day:%Y-%m}"
