"""A moment as a trader says it, by the clock of where they are: resolved once, and kept with its zone (pure).

Kept as RFC 9557 writes it: "2025-11-07T15:00-06:00[America/Mexico_City]".
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

LAST_MINUTE = "23:59"


def resolved(phrase: str, now: datetime, zone: ZoneInfo) -> str:
    """The parser's "2025-11-07", "T20:00" or "2025-11-07T15:00" as a moment: the next of a clock time, a day's end."""
    day, _t, clock = phrase.partition("T")
    at = time.fromisoformat(clock or LAST_MINUTE)
    local = now.astimezone(zone)
    moment = datetime.combine(datetime.fromisoformat(day) if day else local.date(), at, zone)
    if not day and moment <= local:
        moment += timedelta(days=1)
    return f"{moment.isoformat(timespec='minutes')}[{zone.key}]"


def moment_of(kept: str) -> datetime:
    """The moment that `resolved` kept, in its zone."""
    moment, _bracket, zone = kept.rstrip("]").partition("[")
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone))
