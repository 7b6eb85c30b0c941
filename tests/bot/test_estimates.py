"""A market order that is read back says what it would come to by the book, as an estimate."""

import pytest

from tests.bot.conftest import Traders

ANA, BEN, CLEO = "+15550100", "+15550101", "+15550102"


@pytest.fixture
def book(traders: Traders) -> Traders:
    """Six offered at 150 and four at 151, and three bid at 149."""
    traders.say(BEN, "sell 6 dec25 wheat at 150")
    traders.say(BEN, "sell 4 dec25 wheat at 151")
    traders.say(CLEO, "buy 3 dec25 wheat at 149")
    return traders


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "can you buy 8 dec25 wheat at market?",
            ["Estimate by the book now: 8 at 150.25 on average = 1,202.00 + 1.20 commission.", "Reply *YES*"],
        ),
        (
            "can you buy 15 dec25 wheat at market?",
            ["10 at 150.40 on average = 1,504.00 + 1.50 commission.", "The book lacks the other 5: they would be"],
        ),
        ("can you sell 2 dec25 wheat at market?", ["2 at 149.00 on average = 298.00 + 0.30 commission."]),
        ("can you buy 15 dec25 wheat at market fok?", ["The book lacks 5 for it, so nothing would trade now."]),
        ("can you buy 15 dec25 corn at market?", ["There is nothing in the book for it to trade with now."]),
        ("¿puedes comprar 8 trigo dic25 a mercado?", ["8 a 150,25 en promedio = 1.202,00 + 1,20 de comisión."]),
        ("você pode comprar 8 trigo dez25 a mercado?", ["8 a 150,25 em média = 1.202,00 + 1,20 de comissão."]),
    ],
)
def test_the_readback_estimates_what_the_book_gives(book: Traders, text: str, lines: list[str]):
    answer = book.say(ANA, text)
    assert answer["outcome"] == "ask_confirm"
    for line in lines:
        assert line in "\n".join(answer["replies"])


def test_what_is_filled_is_what_was_estimated_while_the_book_stands(book: Traders):
    book.say(ANA, "can you buy 8 dec25 wheat at market?")
    told = book.reply(ANA, "yes")
    assert "6 Wheat Dec25 at 150.00 = 900.00" in told
    assert "2 Wheat Dec25 at 151.00 = 302.00" in told


def test_an_order_with_a_price_is_not_estimated(book: Traders):
    assert "Estimate" not in book.reply(ANA, "can you buy 8 dec25 wheat at 150?")
