"""One number from values that were said one after the other: "five sixty-two", "eleven oh five"."""

from collections.abc import Sequence
from decimal import Decimal

from nlp.spans import Number

_HUNDRED = Decimal(100)


def composed(values: Sequence[Decimal], joined_by_and: bool, language: str) -> Number | None:
    """One number from what was said in parts: "five sixty-two" is 562, "sixty-one fifty" may be two things."""
    if len(values) == 1:
        return Number(values[0], spoken=True)
    if all(value < 10 for value in values) and len(values) > 2:
        whole = Decimal("".join(str(value) for value in values))
        return Number(whole, whole=whole, ambiguous=True, spoken=True)
    if len(values) == 3 and values[1] == 0 and 10 <= values[0] < _HUNDRED and 0 < values[2] < 10:
        # "Eleven oh five" is 11.05 as a price, and 1105 as the number of an order.
        return Number(values[0] + values[2] / _HUNDRED, whole=values[0] * 100 + values[2], ambiguous=True, spoken=True)
    if len(values) == 3 and 1 <= values[0] < 10 and all(10 <= value < _HUNDRED for value in values[1:]):
        # "Three seventy fifty" leaves both the hundred and the point unsaid.
        return Number(values[0] * 100 + values[1] + values[2] / _HUNDRED, ambiguous=True, spoken=True)
    if len(values) != 2:
        return None
    head, tail = values
    if joined_by_and:
        # "quatro e dez" for 4010: the thousand is left unsaid.
        if 1 <= head < 20 and tail < 1000:
            return Number(head * 1000 + tail, whole=head * 1000 + tail, ambiguous=True, spoken=True)
        if 10 <= tail < _HUNDRED:
            # Had the head room for it, the tail would be part of one number: "quarenta e dois e cinquenta" are cents.
            return Number(head + tail / _HUNDRED, ambiguous=True, spoken=True)
        return None
    if not 10 <= tail < 100:
        return None
    whole = head * 100 + tail
    if 1 <= head < 10:
        return Number(whole, whole=whole, ambiguous=language != "en", spoken=True)
    if 10 <= head < 100:
        # "Sixty-one fifty" are cents; "fifteen seventy" and "forty fifteen" are rather hundreds.
        cents = head >= 20 and tail >= 20
        return Number(head + tail / _HUNDRED if cents else whole, whole=whole, ambiguous=True, spoken=True)
    return None
