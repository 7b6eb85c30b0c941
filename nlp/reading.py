"""What a message can mean: the intents, their slots, and what the conversation may be waiting for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum


class Intent(StrEnum):
    PLACE_ORDER = "place_order"
    INCOMPLETE_ORDER = "incomplete_order"
    CONFIRM_ORDER = "confirm_order"
    CANCEL_ORDER = "cancel_order"
    CANCEL_LAST = "cancel_last"
    CANCEL_ALL = "cancel_all"
    AMEND_ORDER = "amend_order"
    STATUS = "status"
    LAST_ORDER = "last_order"
    MARKET = "market"
    BOOK = "book"
    CHART = "chart"
    ALERT = "alert"
    ORDERS = "orders"
    TRADES = "trades"
    MY_TRADES = "my_trades"
    ACCOUNT = "account"
    POSITIONS = "positions"
    HELP = "help"
    GREETING = "greeting"
    THANKS = "thanks"
    YES = "yes"
    NO = "no"
    LANGUAGE = "language"
    UNKNOWN = "unknown"
    ANSWER = "answer"
    REPEAT = "repeat"
    ADJUST = "adjust"
    PANIC = "panic"
    ALERTS = "alerts"
    DELETE_ALERT = "delete_alert"
    LIMITS = "limits"
    UNDO = "undo"
    CONFIRM_ALWAYS = "confirm_always"
    CONFIRM_UNSURE = "confirm_unsure"
    LINK = "link"
    STATEMENT = "statement"
    MUTE = "mute"
    UNMUTE = "unmute"
    NOTIFICATIONS = "notifications"
    DAILY_SUMMARY = "daily_summary"
    NO_SUMMARY = "no_summary"
    PERSON = "person"
    FACTS = "facts"


ACTING_INTENTS = frozenset(
    {
        Intent.PLACE_ORDER,
        Intent.CANCEL_ORDER,
        Intent.CANCEL_LAST,
        Intent.CANCEL_ALL,
        Intent.AMEND_ORDER,
        Intent.PANIC,
    }
)

# What a trader is told of without having just asked, as messages name it.
NOTICES = ("fills", "partial_fills", "expiries", "cancellations", "alerts", "halts")

_SLOTS = (
    "side", "quantity", "asset", "contract", "price", "order_type", "time_in_force", "expires_in", "expires_at",
    "order_id", "direction", "language", "topic", "unlisted", "period",
    "clock",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spelling:
    """A word that no lexicon knows and the one that it was taken for; `similarity` is 1 for the same letters."""

    written: str
    taken_for: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One message understood.

    `lang` is the language to answer in; `expires_in` counts minutes; `expires_at` is a day, a clock time or both, by
    the trader's own clock: "2025-11-07", "T20:00", "2025-11-07T15:00"; `order_id` is digits or "last"; `topic` is what
    help is asked on: an intent, or one of the terms of trading, "commission", "time_in_force", "lots" or "limits", or
    which rule of a market is: "currency", "lot", "tick", "hours", "last_day", "band" or "commission";
    `period` is the day or month of a statement: "2025-11-03", "2025-11"; `notices` are the kinds of notification that
    are muted or unmuted, with the topic "only" those that are told alone; `clock` is a time of day, "18:00".
    """

    intent: Intent
    lang: str
    side: str | None = None
    quantity: Decimal | None = None
    asset: str | None = None
    contract: str | None = None
    price: Decimal | None = None
    order_type: str | None = None
    time_in_force: str | None = None
    expires_in: int | None = None
    expires_at: str | None = None
    order_id: str | None = None
    direction: str | None = None
    language: str | None = None
    topic: str | None = None
    unlisted: str | None = None
    period: str | None = None
    clock: str | None = None
    notices: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    certain: bool = True
    reasons: tuple[str, ...] = ()
    spellings: tuple[Spelling, ...] = ()

    @property
    def acts(self) -> bool:
        """Whether carrying the reading out changes orders."""
        return self.intent in ACTING_INTENTS

    @classmethod
    def from_json(cls, line: Mapping[str, object]) -> "Reading":
        """The reading that `to_json` wrote."""
        values = dict(line)
        for slot in ("quantity", "price"):
            if slot in values:
                values[slot] = Decimal(str(values[slot]))
        for name in ("notices", "nearest", "missing", "reasons"):
            found = values.get(name, ())
            assert isinstance(found, list | tuple)
            values[name] = tuple(found)
        spellings = values.get("spellings", ())
        assert isinstance(spellings, list | tuple)
        values["spellings"] = tuple(Spelling(**spelling) for spelling in spellings)
        values["intent"] = Intent(str(values["intent"]))
        return cls(**values)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, object]:
        """The line that `python -m nlp` writes, without the row's id; decimals are canonical strings."""
        line: dict[str, object] = {"lang": self.lang, "intent": str(self.intent)}
        for slot in _SLOTS:
            value = getattr(self, slot)
            if value is not None:
                line[slot] = canonical(value) if isinstance(value, Decimal) else value
        if self.notices:
            line["notices"] = list(self.notices)
        if self.nearest:
            line["nearest"] = list(self.nearest)
        line["missing"] = list(self.missing)
        line["certain"] = self.certain
        line["reasons"] = list(self.reasons)
        if self.spellings:
            line["spellings"] = [asdict(spelling) for spelling in self.spellings]
        return line


@dataclass(frozen=True, slots=True)
class Question:
    """What the conversation waits for: `kind` is "missing" (slots of an order) or "confirm"."""

    kind: str
    reading: Reading
    missing: tuple[str, ...] = ()


def canonical(value: Decimal) -> str:
    """A decimal without an exponent or trailing zeros: "72.5", "1500"."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
