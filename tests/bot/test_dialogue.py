"""The rules of conversation, one sentence a test."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from bot.dialogue import LastOrder, Outcome, Question, Situation, Step, step
from nlp.reading import Intent, Reading

NOW = datetime(2025, 11, 3, 12, tzinfo=UTC)


@dataclass(frozen=True)
class MarketAt:
    """A market whose prices the test sets."""

    last: Decimal | None = None
    usual: Decimal | None = None

    def last_price(self, reading: Reading) -> Decimal | None:
        return self.last

    def usual_price(self, reading: Reading) -> Decimal | None:
        return self.usual


EMPTY = Situation(now=NOW, question=None, last_order=None, inbox_id=7, nonce="n1", market=MarketAt())
ORDER = Reading(
    intent=Intent.PLACE_ORDER,
    lang="en",
    side="buy",
    quantity=Decimal(100),
    asset="wheat",
    contract="Dec25",
    price=Decimal(150),
    order_type="limit",
)
YES = Reading(intent=Intent.YES, lang="en")
NO = Reading(intent=Intent.NO, lang="en")
ACTIONS = [
    Reading(intent=Intent.CANCEL_ORDER, lang="en", order_id="1042"),
    Reading(intent=Intent.CANCEL_LAST, lang="en"),
    Reading(intent=Intent.CANCEL_ALL, lang="en"),
    Reading(intent=Intent.AMEND_ORDER, lang="en", order_id="last", price=Decimal(151)),
]


def answer(**slots: object) -> Reading:
    return Reading(intent=Intent.ANSWER, lang="en", **slots)


def after(taken: Step, **changes: object) -> Situation:
    """The situation that a step leaves behind."""
    return replace(EMPTY, question=taken.question, nonce="n2", inbox_id=8, **changes)


def asked_about(reading: Reading, **changes: object) -> Situation:
    """The situation after a reading that was asked back."""
    return after(step(replace(reading, intent=Intent.CONFIRM_ORDER, certain=False), EMPTY), **changes)


def test_a_complete_clear_order_is_placed_at_once():
    taken = step(ORDER, EMPTY)
    assert (taken.outcome, taken.execute, taken.question) == (Outcome.PLACED, ORDER, None)


def test_an_uncertain_order_is_read_back_and_placed_only_by_a_yes():
    asked = step(replace(ORDER, intent=Intent.CONFIRM_ORDER, certain=False), EMPTY)
    assert (asked.outcome, asked.execute) == (Outcome.ASK_CONFIRM, None)
    placed = step(YES, after(asked))
    assert (placed.outcome, placed.execute) == (Outcome.PLACED, ORDER)


def test_a_second_yes_executes_nothing():
    placed = step(YES, asked_about(ORDER))
    assert step(YES, after(placed)).execute is None


def test_no_discards_the_question():
    taken = step(NO, asked_about(ORDER))
    assert (taken.outcome, taken.question, taken.execute) == (Outcome.DISCARDED, None, None)


@pytest.mark.parametrize("seconds", [120, 121, 3600])
def test_a_yes_after_two_minutes_executes_nothing(seconds: int):
    late = asked_about(ORDER, now=NOW + timedelta(seconds=seconds))
    taken = step(YES, late)
    assert (taken.outcome, taken.execute) == (Outcome.NOT_UNDERSTOOD, None)


def test_a_yes_just_within_two_minutes_counts():
    assert step(YES, asked_about(ORDER, now=NOW + timedelta(seconds=119))).execute == ORDER


@pytest.mark.parametrize("reading", [YES, NO, answer(quantity=Decimal(25))])
def test_yes_no_and_numbers_mean_nothing_without_a_question(reading: Reading):
    taken = step(reading, EMPTY)
    assert (taken.outcome, taken.execute) == (Outcome.NOT_UNDERSTOOD, None)


def test_slots_are_filled_over_several_messages():
    started = step(Reading(intent=Intent.INCOMPLETE_ORDER, lang="en", side="buy", asset="wheat"), EMPTY)
    assert (started.outcome, started.missing) == (Outcome.ASK_MISSING, ("quantity", "contract", "price"))
    more = step(answer(quantity=Decimal(100)), after(started))
    assert (more.outcome, more.missing) == (Outcome.ASK_MISSING, ("contract", "price"))
    placed = step(answer(contract="Dec25", price=Decimal(150)), after(more))
    assert placed.outcome == Outcome.PLACED
    assert placed.execute == ORDER


def test_at_market_answers_the_question_for_the_price():
    started = step(replace(ORDER, intent=Intent.INCOMPLETE_ORDER, price=None, order_type=None), EMPTY)
    placed = step(answer(order_type="market"), after(started))
    assert placed.execute is not None
    assert (placed.outcome, placed.execute.order_type, placed.execute.price) == (Outcome.PLACED, "market", None)


def test_a_yes_to_the_question_for_a_missing_slot_executes_nothing():
    started = step(replace(ORDER, intent=Intent.INCOMPLETE_ORDER, quantity=None), EMPTY)
    taken = step(YES, after(started))
    assert (taken.outcome, taken.execute, taken.missing) == (Outcome.ASK_MISSING, None, ("quantity",))


def test_an_uncertain_answer_is_read_back_before_it_is_placed():
    started = step(replace(ORDER, intent=Intent.INCOMPLETE_ORDER, quantity=None), EMPTY)
    taken = step(answer(quantity=Decimal(1500), certain=False, reasons=("ambiguous_number",)), after(started))
    assert (taken.outcome, taken.execute) == (Outcome.ASK_CONFIRM, None)


def test_an_order_uncertain_from_the_start_is_read_back_once_it_is_whole():
    unsure = replace(ORDER, intent=Intent.CONFIRM_ORDER, certain=False, quantity=None)
    started = step(unsure, EMPTY)
    assert started.outcome == Outcome.ASK_MISSING
    assert step(answer(quantity=Decimal(100)), after(started)).outcome == Outcome.ASK_CONFIRM


@pytest.mark.parametrize("reason", ["unexplained_words", "unlisted_asset"])
def test_an_answer_to_what_was_shown_settles_what_was_not_understood_beside_it(reason: str):
    started = replace(
        ORDER, intent=Intent.INCOMPLETE_ORDER, quantity=None, price=None, certain=False, reasons=(reason,)
    )
    asked = step(started, EMPTY)
    more = step(replace(answer(quantity=Decimal(100)), certain=False, reasons=(reason,)), after(asked))
    assert (more.outcome, more.missing) == (Outcome.ASK_MISSING, ("price",))
    assert step(answer(price=Decimal(150)), after(more)).outcome == Outcome.PLACED


def test_what_was_not_understood_beside_the_last_slot_is_asked_back():
    asked = step(replace(ORDER, intent=Intent.INCOMPLETE_ORDER, price=None), EMPTY)
    last = replace(answer(price=Decimal(150)), certain=False, reasons=("unexplained_words",))
    assert step(last, after(asked)).outcome == Outcome.ASK_CONFIRM


def test_an_answer_settles_the_doubt_about_the_slot_that_it_fills():
    asked = step(replace(ORDER, price=None, intent=Intent.INCOMPLETE_ORDER, certain=False, reasons=("zero",)), EMPTY)
    assert step(answer(price=Decimal(150)), after(asked)).outcome == Outcome.PLACED
    misspelt = replace(ORDER, price=None, intent=Intent.INCOMPLETE_ORDER, certain=False, reasons=("zero", "misspelt"))
    assert step(answer(price=Decimal(150)), after(step(misspelt, EMPTY))).outcome == Outcome.ASK_CONFIRM


def test_a_correction_of_a_readback_asks_again_with_the_new_reading():
    taken = step(answer(price=Decimal(160)), asked_about(ORDER))
    assert (taken.outcome, taken.execute) == (Outcome.ASK_CONFIRM, None)
    assert taken.shown == replace(ORDER, price=Decimal(160))
    assert step(YES, after(taken)).execute == replace(ORDER, price=Decimal(160))


def test_an_information_request_leaves_the_question_standing():
    asked = asked_about(ORDER)
    taken = step(Reading(intent=Intent.MARKET, lang="en"), asked)
    assert (taken.outcome, taken.question) == (Outcome.INFO, asked.question)


def test_a_new_order_replaces_the_question():
    other = replace(ORDER, asset="corn")
    taken = step(other, asked_about(ORDER))
    assert (taken.execute, taken.question) == (other, None)


def test_an_identical_order_soon_after_is_asked_back():
    last = LastOrder(reading=ORDER.to_json(), placed_at=NOW - timedelta(minutes=1))
    taken = step(ORDER, replace(EMPTY, last_order=last))
    assert (taken.outcome, taken.reasons) == (Outcome.ASK_CONFIRM, ("identical_resend",))


def test_the_same_order_on_another_day_is_placed():
    last = LastOrder(reading=ORDER.to_json(), placed_at=NOW - timedelta(days=1))
    assert step(ORDER, replace(EMPTY, last_order=last)).outcome == Outcome.PLACED


def test_repeating_takes_what_is_not_said_from_the_last_order():
    last = LastOrder(reading=replace(ORDER, time_in_force="IOC").to_json(), placed_at=NOW)
    again = Reading(intent=Intent.REPEAT, lang="en", price=Decimal("148.5"), quantity=Decimal(50))
    placed = step(again, replace(EMPTY, last_order=last)).execute
    assert placed == replace(ORDER, time_in_force="IOC", price=Decimal("148.5"), quantity=Decimal(50))


def test_an_uncertain_repetition_is_asked_back():
    last = LastOrder(reading=ORDER.to_json(), placed_at=NOW)
    again = Reading(intent=Intent.REPEAT, lang="en", quantity=Decimal(50), certain=False)
    assert step(again, replace(EMPTY, last_order=last)).outcome == Outcome.ASK_CONFIRM


def test_there_is_nothing_to_repeat_without_a_last_order():
    taken = step(Reading(intent=Intent.REPEAT, lang="en"), EMPTY)
    assert (taken.outcome, taken.reading.reasons) == (Outcome.NOT_UNDERSTOOD, ("no_last_order",))


def test_an_order_of_which_a_part_was_spoken_is_read_back_when_the_rest_is_typed():
    spoken = replace(ORDER, intent=Intent.INCOMPLETE_ORDER, contract=None, missing=("contract",))
    asked = step(spoken, replace(EMPTY, is_voice=True))
    assert asked.outcome == Outcome.ASK_MISSING
    readback = step(answer(contract="Dec25"), after(asked))
    assert (readback.outcome, readback.execute, readback.shown) == (Outcome.ASK_CONFIRM, None, ORDER)
    typed = step(replace(spoken, quantity=None, missing=("quantity", "contract")), EMPTY)
    heard = step(answer(quantity=Decimal(100)), after(typed, is_voice=True))
    assert step(answer(contract="Dec25"), after(heard)).outcome == Outcome.ASK_CONFIRM
    assert step(YES, after(readback)).execute == ORDER


@pytest.mark.parametrize("reading", [ORDER, *ACTIONS], ids=lambda reading: reading.intent)
def test_a_voice_note_is_always_confirmed_first(reading: Reading):
    taken = step(reading, replace(EMPTY, is_voice=True))
    assert (taken.outcome, taken.execute) == (Outcome.ASK_CONFIRM, None)
    assert step(YES, after(taken, is_voice=True)).execute == reading


@pytest.mark.parametrize("reading", ACTIONS, ids=lambda reading: reading.intent)
def test_a_clear_action_is_done_and_an_unclear_one_is_asked(reading: Reading):
    assert step(reading, EMPTY).execute == reading
    assert step(replace(reading, certain=False), EMPTY).outcome == Outcome.ASK_CONFIRM


@pytest.mark.parametrize("reading", ACTIONS, ids=lambda reading: reading.intent)
def test_a_cancel_or_a_change_of_another_order_leaves_the_question_standing(reading: Reading):
    asked = asked_about(ORDER)
    assert step(reading, asked).question == asked.question


def test_stop_closes_the_question():
    assert step(Reading(intent=Intent.PANIC, lang="en"), asked_about(ORDER)).question is None


def test_a_trader_who_wants_to_be_asked_always_is():
    assert step(ORDER, replace(EMPTY, confirm_always=True)).outcome == Outcome.ASK_CONFIRM


def test_only_orders_above_the_traders_own_limit_are_asked():
    limited = replace(EMPTY, confirm_above_quantity=Decimal(100))
    assert step(ORDER, limited).outcome == Outcome.PLACED
    assert step(replace(ORDER, quantity=Decimal(101)), limited).outcome == Outcome.ASK_CONFIRM


@pytest.mark.parametrize(
    ("side", "then", "now", "outcome"),
    [
        ("buy", 150, 140, Outcome.ASK_CONFIRM),
        ("buy", 150, 149, Outcome.PLACED),
        ("buy", 150, 170, Outcome.PLACED),
        ("buy", 140, 139, Outcome.PLACED),
        ("sell", 150, 160, Outcome.ASK_CONFIRM),
        ("sell", 150, 151, Outcome.PLACED),
        ("sell", None, 160, Outcome.ASK_CONFIRM),
        ("sell", 160, None, Outcome.PLACED),
    ],
)
def test_a_yes_is_asked_again_when_the_market_has_moved_through_the_price(
    side: str, then: int | None, now: int | None, outcome: Outcome
):
    order = replace(ORDER, side=side)
    shown = replace(EMPTY, market=MarketAt(None if then is None else Decimal(then)))
    asked = step(replace(order, intent=Intent.CONFIRM_ORDER), shown)
    moved = after(asked, market=MarketAt(None if now is None else Decimal(now)))
    assert step(YES, moved).outcome == outcome


def test_a_moved_market_is_asked_about_once():
    asked = step(replace(ORDER, intent=Intent.CONFIRM_ORDER), replace(EMPTY, market=MarketAt(Decimal(150))))
    fallen = MarketAt(Decimal(140))
    again = step(YES, after(asked, market=fallen))
    assert again.reasons == ("price_moved",)
    assert step(YES, after(again, market=fallen)).outcome == Outcome.PLACED


@pytest.mark.parametrize(
    ("usual", "outcome"), [(187, "placed"), (188, "ask_confirm"), (125, "placed"), (124, "ask_confirm")]
)
def test_a_price_far_from_the_market_is_asked_back(usual: int, outcome: str):
    situation = replace(EMPTY, market=MarketAt(usual=Decimal(usual)))
    taken = step(ORDER, situation)
    assert taken.outcome == outcome
    if outcome == "ask_confirm":
        assert taken.reasons == ("far_from_market",)
        assert step(YES, after(taken, market=situation.market)).outcome == Outcome.PLACED


def test_a_change_to_a_price_far_from_the_market_is_asked_back():
    situation = replace(EMPTY, market=MarketAt(usual=Decimal(150)))
    assert step(replace(ACTIONS[3], price=Decimal(2)), situation).outcome == Outcome.ASK_CONFIRM
    assert step(ACTIONS[3], situation).outcome == Outcome.AMENDED


def test_what_is_not_understood_executes_nothing_and_keeps_the_question():
    asked = asked_about(ORDER)
    taken = step(Reading(intent=Intent.UNKNOWN, lang="en", reasons=("unexplained_words",)), asked)
    assert (taken.outcome, taken.execute, taken.question) == (Outcome.NOT_UNDERSTOOD, None, asked.question)


@pytest.mark.parametrize("reason", ["conditional", "negation", "alternatives"])
def test_what_must_not_be_executed_also_drops_the_question(reason: str):
    taken = step(Reading(intent=Intent.UNKNOWN, lang="en", reasons=(reason,)), asked_about(ORDER))
    assert (taken.outcome, taken.execute, taken.question) == (Outcome.NOT_UNDERSTOOD, None, None)
    assert step(YES, after(taken)).execute is None


def test_a_question_survives_its_storage():
    priced = replace(EMPTY, market=MarketAt(Decimal(150)))
    question = step(replace(ORDER, intent=Intent.CONFIRM_ORDER), priced).question
    assert question is not None
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(question)), Question) == question
