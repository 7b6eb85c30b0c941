"""What traders asked during a run and what they were answered; what the checker holds the system to."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.plan import Action


class Answered(StrEnum):
    """What its trader knows of a request in the end."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(kw_only=True)
class Asked:
    """One request as it was sent, with what its answers said of it."""

    action: Action
    text: str = ""
    about: int | None = None  # The order that it is to change.
    answered: Answered = Answered.UNKNOWN
    attempts: int = 0
    order_ids: set[int] = field(default_factory=set)  # As the answers have named it.
    refusal: str | None = None


@dataclass
class History:
    """All requests, and what traders could see in the end: their phones, the API's lists, and the feed."""

    asked: list[Asked] = field(default_factory=list)
    phones: Counter[tuple[str, str]] = field(default_factory=Counter)  # By number and text.
    shown: dict[str, dict[int, str]] = field(default_factory=dict)  # By API trader: the states of their orders.
    heard: dict[str, Counter[str]] = field(default_factory=dict)  # By trader: the numbers of trades.
