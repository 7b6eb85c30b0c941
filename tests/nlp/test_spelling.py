"""A misspelt asset is taken only where no other asset is spelt nearly so."""

from datetime import date

import pytest

from nlp.parser import Parser
from nlp.reading import Intent, Reading, Spelling


@pytest.mark.parametrize(
    "text", ["compra 12 pratina mar26 a 1.570", "compra 12 plat mar26 a 48", "compra 12 cafau mar26 a 380"]
)
def test_a_word_between_two_assets_is_asked_back_however_it_sounds(parser: Parser, text: str) -> None:
    reading = parser.read(text, as_of=date(2025, 11, 3), last_language="pt")
    assert (reading.intent, reading.certain) == (Intent.CONFIRM_ORDER, False)
    assert "typo_fits_two_assets" in reading.reasons


def test_letters_that_changed_places_leave_the_side_sure(parser: Parser) -> None:
    reading = parser.read("comrpa 30 trigo mar26 a 551", as_of=date(2025, 11, 3), last_language="es")
    assert (reading.intent, reading.side) == (Intent.PLACE_ORDER, "buy")


@pytest.mark.parametrize(
    ("language", "word", "asset"),
    [("es", "kafe", "coffee"), ("es", "asucar", "sugar"), ("pt", "mliho", "corn"), ("pt", "pratinha", "silver")],
)
def test_a_word_near_one_asset_alone_is_that_asset(parser: Parser, language: str, word: str, asset: str) -> None:
    reading = parser.read(f"compra 12 {word} mar26 a 48", as_of=date(2025, 11, 3), last_language=language)
    assert (reading.intent, reading.asset) == (Intent.PLACE_ORDER, asset)


def test_a_reading_tells_what_each_unknown_word_was_taken_for_and_how_like_it_is(parser: Parser) -> None:
    reading = parser.read("buy 10 whaet dec25 at 150", as_of=date(2025, 11, 3), last_language="en")
    assert reading.spellings == (Spelling("whaet", "wheat", 0.8),)
    assert Reading.from_json(reading.to_json()) == reading
    assert parser.read("buy 10 wheat dec25 at 150", as_of=date(2025, 11, 3)).spellings == ()
