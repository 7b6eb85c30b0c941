"""How long an order stays: "good for 2 hours", "válida por media hora", "deixa só 20 min"."""

from collections.abc import Sequence
from dataclasses import dataclass

from nlp.spans import Span


@dataclass(frozen=True, slots=True)
class Expiry:
    """`minutes` is None where the time said cannot be kept as a whole number of minutes."""

    minutes: int | None
    spans: tuple[int, ...]
    sure: bool


def find(spans: Sequence[Span]) -> Expiry | None:
    """The first duration of the message, with the positions of the spans that say it."""
    for position, span in enumerate(spans):
        if span.has("duration") and span.number is None:
            cues = _cues(spans, position)
            if cues:
                return Expiry(int(span.value("duration") or 0), (*cues, position), sure=True)
        if span.number is None or position + 1 >= len(spans):
            continue
        unit = spans[position + 1]
        if not unit.has("time_unit") or (len(unit.text) == 1 and not unit.glued):
            continue
        minutes = span.number.value * int(unit.value("time_unit") or 0)
        whole = int(minutes) if minutes == int(minutes) and minutes > 0 and not span.number.negative else None
        cues = _cues(spans, position)
        return Expiry(whole, (*cues, position, position + 1), sure=bool(cues) and whole is not None)
    return None


def _cues(spans: Sequence[Span], position: int) -> tuple[int, ...]:
    found: list[int] = []
    place = position - 1
    while place >= 0 and (spans[place].has("validity") or spans[place].has("filler")) and spans[place].number is None:
        found.append(place)
        place -= 1
    if not any(spans[one].has("validity") for one in found):
        return ()
    while found and not spans[found[-1]].has("validity"):
        found.pop()
    return tuple(reversed(found))
