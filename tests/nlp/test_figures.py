"""Which number of an order is the price, which the quantity, and when neither may be taken without asking."""

from datetime import date

import pytest

from nlp.parser import Parser
from nlp.reading import Intent, Reading


def _read(parser: Parser, language: str, text: str, channel: str = "text") -> Reading:
    return parser.read(text, as_of=date(2025, 11, 3), last_language=language, channel=channel)


def _numbers(reading: Reading) -> tuple[str, str, str]:
    return reading.intent, str(reading.quantity), str(reading.price)


@pytest.mark.parametrize(
    ("language", "text", "quantity", "price"),
    [
        ("en", "sell a hundred dec25 wheat 548", "100", "548"),
        ("en", "Sell a hundred December wheat, 548.", "100", "548"),
        ("en", "buy a hundred and fifty dec25 wheat 548", "150", "548"),
        ("en", "buy a thousand corn dec25 430", "1000", "430"),
        ("en", "sell a 50 dec25 wheat 548", "50", "548"),
        ("en", "buy 20 x corn mar26 at 436", "20", "436"),
        ("en", "buy corn mar26 at 436 x 20", "20", "436"),
        ("en", "buy 20 corn mar26 at 436 x", "20", "436"),
        ("es", "compra 20 maíz mar26 x 436", "20", "436"),
        ("es", "compra 20 trigo mar26 a 550 X", "20", "550"),
        ("es", "compra trigo mar26 x 20 a 550", "20", "550"),
        ("pt", "compra 20 milho mar26 x 436", "20", "436"),
        ("pt", "compra 20x milho mar26 436", "20", "436"),
    ],
)
def test_the_words_around_the_numbers_tell_price_from_quantity(
    parser: Parser, language: str, text: str, quantity: str, price: str
) -> None:
    assert _numbers(_read(parser, language, text)) == (Intent.PLACE_ORDER, quantity, price)


@pytest.mark.parametrize(
    ("language", "text", "quantity", "price"),
    [
        ("en", "buy 20 corn mar26 x 436", "20", "436"),
        ("en", "sell 20x436 corn mar26", "20", "436"),
        ("es", "vende 436 x 20 maíz mar26", "436", "20"),
        ("es", "compra 20 trigo mar26 a 550. compra 20 trigo mar26 a 550.", "20", "550"),
        ("en", "buy 20 mar26 wheat at 550, 20 mar26 wheat at 550", "20", "550"),
        ("pt", "compra 20 trigo mar26 a 550; compra 20 trigo mar26 a 550", "20", "550"),
    ],
)
def test_numbers_that_may_be_read_otherwise_are_asked_back(
    parser: Parser, language: str, text: str, quantity: str, price: str
) -> None:
    assert _numbers(_read(parser, language, text)) == (Intent.CONFIRM_ORDER, quantity, price)
