"""Contract months, however they are written, and the year that a month without one belongs to."""

from datetime import date

import pytest

from nlp.catalogue import Catalogue
from nlp.parser import Parser

_AS_OF = date(2025, 11, 3)


@pytest.mark.parametrize(
    "written",
    [
        "dec25", "Dec 25", "DEC'25", "dec-25", "dec/25", "Dec. 25", "december 2025", "December of 2025", "12/25",
        "12/2025",
        "Z25", "z5", "dic25", "dez25", "dez de 25", "diciembre de 2025", "dezembro", "december", "2025-12",
        "December twenty-five",
    ],
)  # fmt: skip
def test_a_month_is_read_however_it_is_written(parser: Parser, written: str) -> None:
    reading = parser.read(f"buy 100 {written} wheat at 150", as_of=_AS_OF)
    assert (reading.contract, reading.quantity, reading.price) == ("Dec25", 100, 150)


@pytest.mark.parametrize(
    ("as_of", "month", "contract"),
    [
        (date(2025, 11, 3), "december", "Dec25"),
        (date(2025, 11, 3), "november", "Nov25"),
        (date(2025, 11, 3), "october", "Oct26"),
        (date(2025, 12, 31), "december", "Dec25"),
        (date(2026, 1, 1), "december", "Dec26"),
        (date(2026, 3, 10), "march", "Mar26"),
    ],
)
def test_a_month_without_a_year_is_the_next_such_month(parser: Parser, as_of: date, month: str, contract: str) -> None:
    assert parser.read(f"buy 100 {month} wheat at 150", as_of=as_of).contract == contract


@pytest.mark.parametrize(
    ("text", "contract", "quantity"),
    [
        ("compra dez ouro dez25 a 3.999", "Dec25", 10),
        ("compra dez ouro março a 3.999", "Mar26", 10),
        ("buy dec 25 wheat @ 540", "Dec25", None),
        ("buy march 25 lots wheat at 540", "Mar26", 25),
    ],
)
def test_a_number_beside_a_month_is_told_from_its_year(
    parser: Parser, text: str, contract: str, quantity: int | None
) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language="pt")
    assert (reading.contract, reading.quantity) == (contract, quantity)


def test_a_past_contract_is_confirmed_unless_it_is_listed() -> None:
    assets = {"wheat": ("wheat",)}
    text, as_of = "buy 100 dec25 wheat at 150", date(2026, 2, 1)
    unlisted = Parser(Catalogue(assets=assets)).read(text, as_of=as_of)
    listed = Parser(Catalogue(assets=assets, listed={"wheat": frozenset({"Dec25"})})).read(text, as_of=as_of)
    assert (unlisted.intent, unlisted.reasons) == ("confirm_order", ("expired_contract",))
    assert (listed.intent, listed.reasons) == ("place_order", ())


def test_two_contracts_leave_the_contract_open(parser: Parser) -> None:
    reading = parser.read("buy 100 dec25 or mar26 wheat at 150", as_of=_AS_OF)
    assert (reading.intent, reading.missing) == ("incomplete_order", ("contract",))


@pytest.mark.parametrize(
    ("language", "text", "contract"),
    [
        ("en", "buy 10 wheat march next year at 540", "Mar26"),
        ("en", "buy 10 wheat next march at 540", "Mar26"),
        ("en", "sell 5 gold december of this year at 4000", "Dec25"),
        ("en", "buy 5 cocoa at 5,940, May contract", "May26"),
        ("es", "compra 11 plata para marzo del año que viene a 48,1", "Mar26"),
        ("es", "vende 5 oro diciembre del próximo año a 4.000", "Dec26"),
        ("es", "compra 6 oro diciembre del año 2026 a 4.200", "Dec26"),
        ("pt", "compra 15 prata março do ano que vem a 48,7", "Mar26"),
        ("pt", "compra 10 trigo do próximo março a 540", "Mar26"),
        ("pt", "compra 1 trigo dez a 146", "Dec25"),
        ("pt", "compra vinte milho pra dez a 430,5", "Dec25"),
        ("pt", "compra dez trigo mar26 a 546", "Mar26"),
        ("en", "b 24 h26 cotton 66.15", "Mar26"),
    ],
)
def test_a_month_is_read_however_its_year_is_said(parser: Parser, language: str, text: str, contract: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language)
    assert (reading.intent, reading.contract) == ("place_order", contract)


@pytest.mark.parametrize(
    "text",
    [
        "compra trigo dez a 546", "compra 10 trigo dez a 546", "vende 5 ouro dez 4000", "lance 75 trigo dez",
        "compra 5 trigo, dez milho a 430",
    ],
)  # fmt: skip
def test_dez_is_asked_about_where_it_may_be_ten(parser: Parser, text: str) -> None:
    assert not parser.read(text, as_of=_AS_OF, last_language="pt").acts


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "buy 10 gold nearest contract at 4000"), ("en", "buy 10 gold next month at 4000"),
        ("es", "compra 10 oro el mes que viene a 4.000"), ("es", "compra 10 oro del más próximo a 4.000"),
        ("pt", "compra 10 ouro mês que vem a 4.000"), ("pt", "vende 10 ouro o mais próximo a 4.000"),
    ],
)  # fmt: skip
def test_a_month_that_is_not_named_is_asked_for(parser: Parser, language: str, text: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language)
    assert (reading.intent, reading.missing) == ("incomplete_order", ("contract",))


def test_no_month_is_found_at_the_end_of_a_misspelt_verb(parser: Parser) -> None:
    text = "Vendene 15 de cafe a trescientos ochenta."
    assert not parser.read(text, as_of=_AS_OF, last_language="es").acts
