"""The day or month that a statement is of: "2025-11-03", "2025-11", by the trader's own clock (pure)."""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton

from bot import figures

PERIOD = re.compile(r"\d{4}-\d{2}(-\d{2})?", re.ASCII)
YEAR_MIN = 2000


class BadPeriod(ValueError):
    """Not a day or month that there has been; the text is what was given."""


class Period(NamedTuple):
    """From the first day up to but without the day after the last."""

    first: date
    after: date
    text: str

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """When it begins and ends by the clock of this zone."""
        return datetime.combine(self.first, time(), zone), datetime.combine(self.after, time(), zone)

    def words(self, language: str) -> str:
        """3 Nov 2025, November 2025."""
        locale = figures.locale_of(language)
        if self.after - self.first == timedelta(days=1):
            return format_date(self.first, "d MMM y", locale=locale)
        return format_skeleton("yMMMM", datetime.combine(self.first, time()), locale=locale)


def read(text: str, today: date) -> Period:
    """Raises BadPeriod for what is no day or month, and for one that has not begun."""
    if not PERIOD.fullmatch(text):
        raise BadPeriod(text)
    try:
        if len(text) == len("2025-11"):
            first = date.fromisoformat(text + "-01")
            after = (first + timedelta(days=31)).replace(day=1)
        else:
            first = date.fromisoformat(text)
            after = first + timedelta(days=1)
    except (ValueError, OverflowError) as problem:
        raise BadPeriod(text) from problem
    if first > today or first.year < YEAR_MIN:
        raise BadPeriod(text)
    return Period(first, after, text)
