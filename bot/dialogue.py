"""One step of a conversation: what was awaited and what was meant, to what to say and what to do (pure).

The rules are those of "Rules of conversation": a complete clear order is placed at once, doubt is asked back, and a
yes counts only for the question that is open now.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

import nlp.reading
from engine.orders import Side
from nlp.reading import Intent, Reading

QUESTION_LIFETIME = timedelta(minutes=2)
RESEND_WINDOW = timedelta(minutes=15)  # The same order within it is taken for a message sent twice.
PRICE_GUARD = Decimal("0.02")  # How far a market may move through a readback's price before it is asked again.
# A price this far from where the market is may be a quantity, a slipped digit or a change that was meant as "by".
FAR_FROM_MARKET = Decimal("0.2")
ORDER_SLOTS = ("side", "quantity", "asset", "contract", "price")
CHANGEABLE_SLOTS = (*ORDER_SLOTS, "order_type", "time_in_force", "expires_in", "expires_at")
LIFETIME_SLOTS = ("time_in_force", "expires_in", "expires_at")
# A "don't", an "if" or an "or" may well be about the open order: the next answer could then be meant otherwise.
DROPPING_REASONS = frozenset(
    {
        "negation",
        "conditional",
        "past",
        "reported",
        "hesitation",
        "joke",
        "machine",
        "later",
        "relative",
        "alternatives",
        "no_such_button",
        "withdrawn",
    }
)
# Who asks what would come of something does not speak of the open order: it stands, and is shown again.
ASKING_REASONS = frozenset({"question", "question_word"})
ASKED_OF_REASONS = frozenset({"conditional", "later", "relative"})
# What was said twice, or cannot be, leaves its slot open: the answer that fills it settles that doubt. What was not
# understood or is not listed is settled by it too, as it answers to the order as it was shown.
SETTLED_BY_ANSWER = frozenset(
    {
        "unexplained_words",
        "unlisted_asset",
        "zero",
        "negative",
        "alternatives",
        "two_prices",
        "two_quantities",
        "two_assets",
        "two_contracts",
    }
)
ORDER_INTENTS = frozenset({Intent.PLACE_ORDER, Intent.INCOMPLETE_ORDER, Intent.CONFIRM_ORDER})


class Outcome(StrEnum):
    """What a message led to."""

    ASK_MISSING = "ask_missing"
    ASK_CONFIRM = "ask_confirm"
    PLACED = "placed"
    CANCELLED = "cancelled"
    AMENDED = "amended"
    DISCARDED = "discarded"
    INFO = "info"
    HELP = "help"
    NOT_UNDERSTOOD = "not_understood"
    REFUSED = "refused"
    WITH_STAFF = "with_staff"  # Our staff have taken the chat over, and answer themselves.


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is awaited: the slots an order lacks, or a yes to what `reading` would do.

    `nonce` is carried by the buttons shown with it; `asked_by` is the inbox id of the message that led to it;
    `market_price` is the last price as the readback was shown.
    """

    kind: str  # "missing" or "confirm"
    reading: dict[str, object]
    missing: tuple[str, ...] = ()
    nonce: str
    asked_by: int
    expires_at: datetime
    market_price: Decimal | None = None

    @property
    def asked_at(self) -> datetime:
        return self.expires_at - QUESTION_LIFETIME

    def for_parser(self) -> nlp.reading.Question:
        """What the parser needs to know of it."""
        return nlp.reading.Question(self.kind, Reading.from_json(self.reading), self.missing)


class LastOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The last order placed in this conversation, for "same again" and for resends."""

    reading: dict[str, object]
    placed_at: datetime


class Market(Protocol):
    """What an order's market is at; both prices are None where there is nothing to compare with."""

    def last_price(self, reading: Reading) -> Decimal | None:
        """The last trade's."""
        ...

    def usual_price(self, reading: Reading) -> Decimal | None:
        """The last trade's, else the listed reference, in a market with a price band; of an amendment, its order's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a step may depend on besides the message."""

    now: datetime
    question: Question | None
    last_order: LastOrder | None
    inbox_id: int
    nonce: str
    is_voice: bool = False
    is_retried: bool = False
    confirm_always: bool = False
    confirm_above_quantity: Decimal | None = None
    market: "Market"

    @property
    def open_question(self) -> Question | None:
        question = self.question
        return question if question is not None and self.now < question.expires_at else None

    @property
    def question_expired(self) -> bool:
        return self.question is not None and self.now >= self.question.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What follows: `execute` is a reading to carry out now; `question` is what is awaited from here on.

    `shown` is the order or action that the outcome is about. `reasons` say why something is asked.
    """

    outcome: Outcome
    reading: Reading
    question: Question | None
    shown: Reading | None = None
    execute: Reading | None = None
    missing: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def step(reading: Reading, situation: Situation) -> Step:
    """The same message in the same situation always leads to the same step."""
    intent = reading.intent
    if intent == Intent.YES:
        return _yes(reading, situation)
    if intent == Intent.NO:
        return _no(reading, situation)
    if intent == Intent.ANSWER:
        return _answer(reading, situation)
    if intent == Intent.REPEAT:
        return _repeat(reading, situation)
    if intent in ORDER_INTENTS:
        return _order(reading, situation, replaced=intent)
    if reading.acts:
        return _action(reading, situation)
    if intent == Intent.UNKNOWN:
        question = None if drops_question(reading) else situation.open_question
        return Step(outcome=Outcome.NOT_UNDERSTOOD, reading=reading, question=question)
    outcome = Outcome.HELP if intent == Intent.HELP else Outcome.INFO
    # A link changes whom a yes would trade for.
    question = None if intent == Intent.LINK or drops_question(reading) else situation.open_question
    return Step(outcome=outcome, reading=reading, question=question)


def drops_question(reading: Reading) -> bool:
    """Whether a message that is not understood may well be about the open order, which is then asked no more."""
    dropping = DROPPING_REASONS & set(reading.reasons)
    return bool(dropping - ASKED_OF_REASONS if ASKING_REASONS & set(reading.reasons) else dropping)


def _yes(reading: Reading, situation: Situation) -> Step:
    question = situation.open_question
    if question is None:
        return Step(outcome=Outcome.NOT_UNDERSTOOD, reading=reading, question=None)
    asked = Reading.from_json(question.reading)
    if question.kind == "missing":
        return Step(
            outcome=Outcome.ASK_MISSING, reading=reading, question=question, shown=asked, missing=question.missing
        )
    if not reading.certain:
        return _ask_confirm(reading, asked, situation, reading.reasons)
    last_price = situation.market.last_price(asked)
    if asked.intent == Intent.PLACE_ORDER and market_moved(asked, question.market_price, last_price):
        return _ask_confirm(reading, asked, situation, ("price_moved",))
    return _execute(reading, asked)


def _no(reading: Reading, situation: Situation) -> Step:
    question = situation.open_question
    if question is None:
        return Step(outcome=Outcome.NOT_UNDERSTOOD, reading=reading, question=None)
    return Step(outcome=Outcome.DISCARDED, reading=reading, question=None, shown=Reading.from_json(question.reading))


def _answer(reading: Reading, situation: Situation) -> Step:
    question = situation.open_question
    if question is None:
        return Step(outcome=Outcome.NOT_UNDERSTOOD, reading=reading, question=None)
    asked = Reading.from_json(question.reading)
    if asked.intent not in ORDER_INTENTS and asked.intent != Intent.AMEND_ORDER:
        return Step(outcome=Outcome.NOT_UNDERSTOOD, reading=reading, question=question)
    merged = changed(asked, reading)
    if question.kind == "confirm":
        return _ask_confirm(reading, merged, situation, reading.reasons)
    settled = reading.certain or (bool(missing_slots(merged)) and _is_settled_by_answer(reading))
    return _order(merged, situation, replaced=Intent.PLACE_ORDER, certain=settled and asked.certain)


def _repeat(reading: Reading, situation: Situation) -> Step:
    if situation.last_order is None:
        nothing = replace(reading, reasons=("no_last_order",))
        return Step(outcome=Outcome.NOT_UNDERSTOOD, reading=nothing, question=situation.open_question)
    order = changed(Reading.from_json(situation.last_order.reading), reading)
    return _order(order, situation, replaced=Intent.PLACE_ORDER, certain=reading.certain)


def _order(reading: Reading, situation: Situation, *, replaced: Intent, certain: bool | None = None) -> Step:
    """A new order, or one that an answer has made more complete."""
    missing = missing_slots(reading)
    order = replace(reading, intent=Intent.PLACE_ORDER, missing=())
    is_certain = reading.certain if certain is None else certain
    if missing:
        settled = is_certain or (certain is None and _is_settled_by_answer(reading))
        # What was heard is never placed unseen, however the rest is answered.
        clear = settled and replaced != Intent.CONFIRM_ORDER and not situation.is_voice
        kept = replace(order, certain=clear, missing=missing)
        question = _question("missing", kept, situation, missing)
        return Step(outcome=Outcome.ASK_MISSING, reading=reading, question=question, shown=kept, missing=missing)
    reasons = _reasons_to_ask(order, situation)
    if replaced == Intent.CONFIRM_ORDER or not is_certain or reasons:
        return _ask_confirm(reading, order, situation, reasons or reading.reasons)
    return _execute(reading, order)


def _is_settled_by_answer(reading: Reading) -> bool:
    """Whether nothing is left to doubt once the order is shown, and what it lacks is said."""
    return bool(reading.reasons) and SETTLED_BY_ANSWER.issuperset(reading.reasons)


def _reasons_to_ask(order: Reading, situation: Situation) -> tuple[str, ...]:
    """Why a complete, clear order is asked back all the same."""
    reasons = []
    if situation.is_voice:
        reasons.append("voice")
    if situation.is_retried:
        reasons.append("retried")
    if situation.confirm_always:
        reasons.append("asked_always")
    above = situation.confirm_above_quantity
    if above is not None and order.quantity is not None and order.quantity > above:
        reasons.append("above_own_limit")
    if _is_far_from_market(order, situation):
        reasons.append("far_from_market")
    last = situation.last_order
    if (
        last is not None
        and situation.now - last.placed_at < RESEND_WINDOW
        and _same_order(Reading.from_json(last.reading), order)
    ):
        reasons.append("identical_resend")
    return tuple(reasons)


def _action(reading: Reading, situation: Situation) -> Step:
    """A cancel or an amendment."""
    far = reading.intent == Intent.AMEND_ORDER and _is_far_from_market(reading, situation)
    reasons = (*(["retried"] if situation.is_retried else []), *(["far_from_market"] if far else []))
    if situation.is_voice or not reading.certain or reasons:
        return _ask_confirm(reading, reading, situation, reasons or reading.reasons)
    done = _execute(reading, reading)
    # What is asked about is another order than the one that was canceled or changed; only STOP is meant for both.
    return done if reading.intent == Intent.PANIC else replace(done, question=situation.open_question)


def _is_far_from_market(reading: Reading, situation: Situation) -> bool:
    usual = situation.market.usual_price(reading)
    return usual is not None and reading.price is not None and abs(reading.price - usual) > FAR_FROM_MARKET * usual


def _ask_confirm(reading: Reading, asked: Reading, situation: Situation, reasons: tuple[str, ...]) -> Step:
    missing = missing_slots(asked) if asked.intent == Intent.PLACE_ORDER else ()
    assert not missing, "a readback shows a whole order"
    sure = replace(asked, certain=True, reasons=(), missing=())
    return Step(
        outcome=Outcome.ASK_CONFIRM,
        reading=reading,
        question=_question("confirm", sure, situation),
        shown=sure,
        reasons=reasons,
    )


def _execute(reading: Reading, execute: Reading) -> Step:
    outcome = {Intent.PLACE_ORDER: Outcome.PLACED, Intent.AMEND_ORDER: Outcome.AMENDED}.get(
        execute.intent, Outcome.CANCELLED
    )
    return Step(outcome=outcome, reading=reading, question=None, shown=execute, execute=execute)


def _question(kind: str, asked: Reading, situation: Situation, missing: tuple[str, ...] = ()) -> Question:
    return Question(
        kind=kind,
        reading=asked.to_json(),
        missing=missing,
        nonce=situation.nonce,
        asked_by=situation.inbox_id,
        expires_at=situation.now + QUESTION_LIFETIME,
        market_price=situation.market.last_price(asked),
    )


def changed(order: Reading, change: Reading) -> Reading:
    """The order with every slot that the change names replaced."""
    slots = {name: value for name in CHANGEABLE_SLOTS if (value := getattr(change, name)) is not None}
    if slots.get("order_type") == "market":
        slots["price"] = None
    elif "price" in slots:
        slots["order_type"] = "limit"
    if any(name in slots for name in LIFETIME_SLOTS):  # One lifetime takes the place of another.
        slots = dict.fromkeys(LIFETIME_SLOTS) | slots
    merged = replace(order, **slots)
    return replace(merged, lang=change.lang, missing=())


def missing_slots(order: Reading) -> tuple[str, ...]:
    """What a whole order still lacks; a market order needs no price."""
    return tuple(
        slot
        for slot in ORDER_SLOTS
        if getattr(order, slot) is None and not (slot == "price" and order.order_type == "market")
    )


def _same_order(one: Reading, other: Reading) -> bool:
    return all(getattr(one, slot) == getattr(other, slot) for slot in CHANGEABLE_SLOTS)


def market_moved(order: Reading, then: Decimal | None, now: Decimal | None) -> bool:
    """Whether the market has moved through the readback's price, by more than the guard, since it was shown."""
    if now is None:
        return False
    if order.price is None:
        return then is None or abs(now - then) > PRICE_GUARD * then
    through = order.price * PRICE_GUARD
    if order.side == Side.BUY:
        return now < order.price - through and (then is None or then >= order.price - through)
    return now > order.price + through and (then is None or then <= order.price + through)
