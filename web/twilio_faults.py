"""What may go wrong between Twilio and us, switched on in the double of Twilio.

Each fault strikes a share of its cases. Which cases is settled by a hash of the seed, the fault and the case, so that
a run can be repeated.
"""

import hashlib
import math
import time
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

metadata = sa.MetaData()

faults = sa.Table(
    "faults",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("percent", sa.Integer, nullable=False),
)

KNOWN_SECONDS_MAX = 1
SEED = "seed"  # Kept beside the faults, in the same form.


class Fault(StrEnum):
    """The names are shown on the phone page and are the keys of its control."""

    DUPLICATE_WEBHOOKS = "duplicate_webhooks"
    REORDERED_WEBHOOKS = "reordered_webhooks"
    LATE_STATUSES = "late_statuses"
    DUPLICATE_STATUSES = "duplicate_statuses"
    MISSING_STATUSES = "missing_statuses"
    TOO_MANY_REQUESTS = "too_many_requests"  # 429
    SERVER_ERRORS = "server_errors"  # 503, the message not taken
    LOST_ANSWERS = "lost_answers"  # a time-out, the message taken
    LOST_REQUESTS = "lost_requests"  # a time-out, the message not taken
    TOO_LONG = "too_long"  # 21617
    OUTSIDE_WINDOW = "outside_window"  # 63016
    CHANNEL_BUSY = "channel_busy"  # 63018
    MEDIA_GONE = "media_gone"  # 404


class Faults:
    """How often each fault strikes, in percent; shared by every process that uses the same database."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._known: tuple[float, dict[str, int]] = (-math.inf, {})
        with engine.begin() as connection:
            # Several web processes start at once, and each may be the first.
            connection.execute(CreateTable(faults, if_not_exists=True))

    def switched_on(self) -> dict[str, int]:
        """The share of every fault, and the seed."""
        with self.engine.connect() as connection:
            kept = {row.name: row.percent for row in connection.execute(sa.select(faults))}
        return {name: kept.get(name, 0) for name in (*Fault, SEED)}

    def switch(self, name: str, percent: int) -> None:
        """Raises ValueError for an unknown fault or a share outside 0 to 100; the seed may be any whole number."""
        if name != SEED:
            Fault(name)
            if not 0 <= percent <= 100:
                raise ValueError(f"{percent} is no share in percent")
        with self.engine.begin() as connection:
            connection.execute(sa.delete(faults).where(faults.c.name == name))
            connection.execute(sa.insert(faults).values(name=name, percent=percent))
        self._known = (-math.inf, {})

    def strikes(self, fault: Fault, case: str) -> bool:
        percent = self._recently_switched_on()[fault]
        return percent > 0 and self.chance(fault, case) * 100 < percent

    def chance(self, fault: Fault, case: str) -> float:
        """A number from 0 up to 1 that is this case's own."""
        seed = self._recently_switched_on()[SEED]
        digest = hashlib.sha256(f"{seed}:{fault}:{case}".encode()).digest()
        return int.from_bytes(digest[:8]) / 2**64

    def _recently_switched_on(self) -> dict[str, int]:
        """Read again once a second: every message asks many times."""
        read_at, known = self._known
        if time.monotonic() - read_at > KNOWN_SECONDS_MAX:
            known = self.switched_on()
            self._known = (time.monotonic(), known)
        return known
