"""Each reason, state, error and refusal has a sentence in each language, and none of them is cut or rounded."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot import figures, languages, order_answers, reasons, replies
from bot.languages import LANGUAGES
from bot.listings import Listings
from bot.outbox import PAGE_CHARACTERS_MAX, pages
from engine.errors import TradingError
from engine.orders import OrderState, Reason, TimeInForce
from nlp.audio import Refusal

LISTINGS = Listings(by_id={}, names={}, aliases={}, today=datetime(2025, 11, 3, tzinfo=UTC))
FACTS = {
    "symbol": "Mar31-Wheat",
    "price": Decimal("150.005"),
    "tick_size": Decimal("0.01"),
    "lot_size": Decimal(1),
    "below": Decimal(150),
    "above": Decimal("150.01"),
    "value": Decimal(10**30),
    "allowed_max": Decimal(10**9),
    "order_id": 1042,
    "web": "https://maibroker.example",
    "username": None,
}
MEDIA_REASONS = ("too_large", "wrong_type", "wrong_host", "gone", "unavailable", "no_model")


def subclasses(kind: type[TradingError]) -> list[type[TradingError]]:
    return [found for direct in kind.__subclasses__() for found in (direct, *subclasses(direct))]


def said_differently(sentences: list[str]) -> bool:
    """English differs from both others, which are sometimes alike."""
    english, *others = sentences
    return all(sentences) and english not in others


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_in_each_language(reason: Reason):
    assert said_differently([reasons.order_reason(reason, language) for language in LANGUAGES])


@pytest.mark.parametrize("error", subclasses(TradingError), ids=lambda error: error.code)
def test_every_error_has_a_sentence_in_each_language(error: type[TradingError]):
    assert said_differently([replies.refused(error.code, FACTS, LISTINGS, language) for language in LANGUAGES])


@pytest.mark.parametrize("reason", [*map(str, Refusal), *MEDIA_REASONS])
def test_every_refusal_of_a_voice_note_has_a_sentence_in_each_language(reason: str):
    assert said_differently([replies.unheard(reason, language) for language in LANGUAGES])


@pytest.mark.parametrize("value", TimeInForce)
def test_every_time_in_force_has_words_in_each_language(value: TimeInForce):
    assert said_differently([replies.time_in_force(value, language) for language in LANGUAGES])


@pytest.mark.parametrize("state", OrderState)
def test_every_state_has_a_sentence_in_each_language(state: OrderState):
    assert said_differently([order_answers.state_sentence(state, language) for language in LANGUAGES])


def test_a_language_that_we_do_not_speak_is_our_own_mistake():
    with pytest.raises(KeyError):
        languages.translations("fr")


@pytest.mark.parametrize(
    ("language", "shown"), [("en", "1,500 2,000.00 150.005 -3.50"), ("es", "1.500 2.000,00 150,005 -3,50")]
)
def test_figures_are_shown_whole_in_the_traders_own_way(language: str, shown: str):
    tick = Decimal("0.01")
    parts = [
        figures.quantity(Decimal(1500), language),
        figures.price(Decimal(2000), language, tick),
        figures.price(Decimal("150.005"), language, tick),
        figures.signed_money(Decimal("-3.5"), language),
    ]
    assert " ".join(parts) == shown


def test_a_long_reply_is_cut_between_lines_and_loses_nothing():
    lines = [f"{number}: Buy 100 Wheat Dec25 at 150.00" for number in range(1000, 1100)]
    cut = pages("\n".join(lines))
    assert "\n".join(cut).split("\n") == lines
    assert all(len(page) <= PAGE_CHARACTERS_MAX for page in cut)
    assert len(cut) > 1


def test_a_long_line_is_cut_between_words_and_no_number_is_broken():
    cut = pages(" ".join(["1,000,000.00"] * 400))
    assert {word for page in cut for word in page.split(" ")} == {"1,000,000.00"}
