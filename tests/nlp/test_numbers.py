"""Numbers are read as each language writes and says them, and one of two meanings is said to be so."""

from datetime import date
from decimal import Decimal

import pytest

from nlp.numbers import parse_digits
from nlp.parser import Parser

_AS_OF = date(2025, 11, 3)


@pytest.mark.parametrize(
    ("text", "comma", "value"),
    [
        ("150", False, "150"),
        ("1,500", False, "1500"),
        ("72.5", False, "72.5"),
        ("4,015.50", False, "4015.5"),
        ("1,234,567", False, "1234567"),
        (".5", False, "0.5"),
        ("1.500", True, "1500"),
        ("72,5", True, "72.5"),
        ("4.015,50", True, "4015.5"),
        ("64.25", True, "64.25"),
        ("72,5", False, "72.5"),
        ("4.003,5", False, "4003.5"),
        ("0.315", True, "0.315"),
    ],
)
def test_digits_follow_the_language(text: str, comma: bool, value: str) -> None:
    number = parse_digits(text, comma)
    assert number is not None
    assert (number.value, number.ambiguous) == (Decimal(value), False)


@pytest.mark.parametrize(("text", "comma"), [("1,500", True), ("1.500", False), ("1.500", None), ("1,500", None)])
def test_the_other_languages_way_is_ambiguous_where_it_may_be_both(text: str, comma: bool | None) -> None:
    number = parse_digits(text, comma)
    assert number is not None
    assert (number.as_whole, number.ambiguous) == (Decimal(1500), True)


@pytest.mark.parametrize("text", ["1.2.3", "1,23,4", "1.500,25.5", "1..5", "12345678901234567890123"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_digits(text, comma=False) is None


@pytest.mark.parametrize(
    ("said", "language", "price"),
    [
        ("five hundred sixty-two", "en", "562"),
        ("five sixty-two and a half", "en", "562.5"),
        ("562 1/4", "en", "562.25"),
        ("562-1/4", "en", "562.25"),
        ("562½", "en", "562.5"),
        ("two thousand", "en", "2000"),
        ("2k", "en", "2000"),
        ("4.5k", "en", "4500"),
        ("thirteen point nine", "en", "13.9"),
        ("four point zero five", "en", "4.05"),
        ("４０", "en", "40"),
        ("4\u00a0015", "en", "4015"),
        ("mil quinientos", "es", "1500"),
        ("2 mil", "es", "2000"),
        ("dos mil quinientos", "es", "2500"),
        ("cuarenta y ocho con cincuenta", "es", "48.5"),
        ("cuarenta y ocho coma cero cinco", "es", "48.05"),
        ("3 y medio", "es", "3.5"),
        ("2 mil quinientos", "es", "2500"),
        ("quatro mil e dez", "pt", "4010"),
        ("sessenta e um e meio", "pt", "61.5"),
        ("quatro vírgula zero cinco", "pt", "4.05"),
        ("três mil novecentos e noventa", "pt", "3990"),
        ("4 mil e 10", "pt", "4010"),
        ("1,2 mil", "pt", "1200"),
    ],
)
def test_a_price_is_read_however_it_is_said(parser: Parser, said: str, language: str, price: str) -> None:
    order = {"en": "buy 7 dec25 gold at", "es": "compra 7 oro dic25 a", "pt": "compra 7 ouro dez25 a"}[language]
    reading = parser.read(f"{order} {said}", as_of=_AS_OF, last_language=language)
    assert (reading.intent, reading.quantity, reading.price) == ("place_order", Decimal(7), Decimal(price))


@pytest.mark.parametrize(
    ("said", "language"),
    [("sixty-one fifty", "en"), ("quatro e dez", "pt"), ("cuarenta y ocho con cinco", "es"), ("1.015", "en")],
)
def test_a_price_said_in_a_way_that_may_be_two_is_confirmed(parser: Parser, said: str, language: str) -> None:
    order = {"en": "buy 7 dec25 gold at", "es": "compra 7 oro dic25 a", "pt": "compra 7 ouro dez25 a"}[language]
    reading = parser.read(f"{order} {said}", as_of=_AS_OF, last_language=language)
    assert (reading.intent, reading.reasons) == ("confirm_order", ("ambiguous_number",))


@pytest.mark.parametrize("price", ["-5", "- 5", "0", "zero", "minus 5", "-0.5"])
def test_a_price_that_is_not_positive_is_missing(parser: Parser, price: str) -> None:
    reading = parser.read(f"buy 7 dec25 gold at {price}", as_of=_AS_OF)
    assert (reading.intent, reading.missing) == ("incomplete_order", ("price",))
