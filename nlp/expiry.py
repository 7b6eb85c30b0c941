"""How long an order stays: "good for 2 hours", "deixa só 20 min", "hasta las 20:00", "good until Friday"."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from nlp.spans import Span, Spans

_ARTICLES = frozenset({"las", "la", "as", "a"})
_HOUR_MAX, _MINUTE_MAX, _NOON = 23, 59, 12
NOON = f"{_NOON}:00"
_HOUR = 60
# "Hasta las 5" is said of the afternoon: before these hours nobody trades.
_EARLY_HOUR_MAX = 7


@dataclass(frozen=True, slots=True)
class Expiry:
    """An expiry and the positions of the spans that say it.

    `minutes` counts from now. `moment` is a day, a clock time or both as the trader's own clock shows them:
    "2025-11-07", "T20:00", "2025-11-07T15:00". Both are None where what was said cannot be kept.
    """

    spans: tuple[int, ...]
    sure: bool
    minutes: int | None = None
    moment: str | None = None


def find(spans: Spans, as_of: date) -> Expiry | None:
    """The first expiry of the message, which is sent on the day `as_of`."""
    counted = (place - 1 for place in spans.places("time_unit") if place)
    for position in sorted({*spans.places("validity", "duration"), *counted}):
        found = _moment(spans, position, as_of) or _duration(spans, position)
        if found is not None:
            return found
    return None


def _moment(spans: Sequence[Span], position: int, as_of: date) -> Expiry | None:
    """ "until Friday", "até sexta às 15h"; it is another day elsewhere, so it is never sure."""
    until = spans[position]
    if not until.has("validity", "until") or until.number is not None:
        return None
    day: date | None = None
    clock: str | None = None
    place, end = position + 1, position
    led_in = until.text.split()[-1] in _ARTICLES and until.text not in _ARTICLES
    while place < len(spans):
        span = spans[place]
        if span.has("day") and day is None and span.number is None:
            day, end = _day(span.value("day") or "", as_of), place
        elif span.has("clock", "noon") and clock is None:
            clock, end = NOON, place
        elif span.number is not None and clock is None:
            read = clock_at(spans, place, led_in=led_in, early_is_late=True)
            if read is None:
                break
            clock, end = read
            place = end
        elif not (span.has("clock", "at") or span.has("filler") or span.text == ","):
            break
        led_in = span.has("clock", "at")
        place += 1
    if day is None and clock is None:
        return _unclear(spans, position)
    moment = ("" if day is None else day.isoformat()) + ("" if clock is None else f"T{clock}")
    return Expiry(tuple(range(position, end + 1)), sure=False, moment=moment)


def _unclear(spans: Sequence[Span], position: int) -> Expiry | None:
    """ "until the 15th": the number belongs to the day, unless "up to" leads in a price."""
    place = position + 1
    while place < len(spans) and spans[place].has("filler"):
        place += 1
    if place == len(spans) or spans[place].number is None or spans[position].has("cue"):
        return None
    return Expiry(tuple(range(position, place + 1)), sure=False)


def _day(named: str, as_of: date) -> date:
    if named in ("today", "tomorrow"):
        return as_of + timedelta(days=named == "tomorrow")
    return as_of + timedelta(days=(int(named) - as_of.isoweekday() - 1) % 7 + 1)


def clock_at(
    spans: Sequence[Span], place: int, *, led_in: bool = True, early_is_late: bool = False
) -> tuple[str, int] | None:
    """The time of day that starts with the number at `place`, and where it ends.

    A bare number is one only where it is led in; with `early_is_late` a bare 5 is that of the afternoon.
    """
    number = spans[place].number
    assert number is not None
    if number.value != int(number.value) or not 0 <= number.value <= _HOUR_MAX:
        return None
    hour, minute, end, said = int(number.value), 0, place, led_in
    if _is_mark(spans, place + 1) and place + 2 < len(spans) and spans[place + 2].glued:
        minutes = spans[place + 2].number
        if minutes is not None and minutes.plain and minutes.value <= _MINUTE_MAX and len(spans[place + 2].text) == 2:
            minute, end, said = int(minutes.value), place + 2, True
    half = spans[end + 1] if end + 1 < len(spans) else None
    if half is not None and half.has("clock", "am", "pm", "hour"):
        end, said = end + 1, True
        if half.has("clock", "pm") and hour < _NOON:
            hour += _NOON
        elif half.has("clock", "am") and hour == _NOON:
            hour = 0
    if early_is_late and (half is None or not half.has("clock", "am", "pm")):
        hour += _NOON if 0 < hour <= _EARLY_HOUR_MAX and minute == 0 else 0
    return (f"{hour:02d}:{minute:02d}", end) if said else None


def _is_mark(spans: Sequence[Span], place: int) -> bool:
    return place < len(spans) and spans[place].glued and (spans[place].text == ":" or spans[place].has("clock", "hour"))


def _duration(spans: Sequence[Span], position: int) -> Expiry | None:
    span = spans[position]
    if span.has("duration") and span.number is None:
        cues = _cues(spans, position)
        return Expiry((*cues, position), sure=True, minutes=int(span.value("duration") or 0)) if cues else None
    if span.number is None or position + 1 >= len(spans):
        return None
    unit = spans[position + 1]
    if not unit.has("time_unit") or (len(unit.text) == 1 and not unit.glued):
        return None
    minutes, end = _minutes(spans, position)
    whole = int(minutes) if minutes == int(minutes) and minutes > 0 and not span.number.negative else None
    cues = _cues(spans, position)
    said = (*cues, *range(position, end + 1))
    return Expiry(said, sure=bool(cues) and whole is not None, minutes=whole)


def _minutes(spans: Sequence[Span], position: int) -> tuple[Decimal, int]:
    """The minutes of "2 hours", "1h30" or "1 hora y 30 minutos", and where they end."""
    number, unit = spans[position].number, int(spans[position + 1].value("time_unit") or 0)
    assert number is not None
    minutes, end = number.value * unit, position + 1
    place = end + 1
    if place < len(spans) and spans[place].has("link", "and"):
        place += 1
    rest = spans[place].number if place < len(spans) else None
    if rest is None or not rest.plain or rest.value > _MINUTE_MAX or unit <= 1:
        return minutes, end
    after = spans[place + 1] if place + 1 < len(spans) else None
    if after is not None and after.has("time_unit", "1"):
        return minutes + rest.value, place + 1
    if unit == _HOUR and spans[place].glued and place == end + 1 and len(spans[place].text) == 2:
        return minutes + rest.value, place
    return minutes, end


def _cues(spans: Sequence[Span], position: int) -> tuple[int, ...]:
    found: list[int] = []
    place = position - 1
    while (
        place >= 0
        and (spans[place].has("validity", "for") or spans[place].has("filler"))
        and spans[place].number is None
    ):
        found.append(place)
        place -= 1
    if not any(spans[one].has("validity", "for") for one in found):
        return ()
    while found and not spans[found[-1]].has("validity", "for"):
        found.pop()
    return tuple(reversed(found))
