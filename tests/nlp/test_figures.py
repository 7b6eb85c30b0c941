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
        ("en", "bid 150 dec25 wheat for 100", "150", "100"),
        ("es", "compra 20 trigo mar26 a 550. compra 20 trigo mar26 a 550.", "20", "550"),
        ("en", "buy 20 mar26 wheat at 550, 20 mar26 wheat at 550", "20", "550"),
        ("pt", "compra 20 trigo mar26 a 550; compra 20 trigo mar26 a 550", "20", "550"),
    ],
)
def test_numbers_that_may_be_read_otherwise_are_asked_back(
    parser: Parser, language: str, text: str, quantity: str, price: str
) -> None:
    assert _numbers(_read(parser, language, text)) == (Intent.CONFIRM_ORDER, quantity, price)


@pytest.mark.parametrize(
    ("language", "text", "quantity", "price"),
    [
        ("es", "vende veintidós plata mar26 a cuarenta y ocho con veintitrés", "22", "48.23"),
        ("es", "compra veintiún trigo mar26 a 550", "21", "550"),
        ("es", "compra un par de oro dic25 a 4.000", "2", "4000"),
        ("pt", "compra um par de ouro dez25 a 4.000", "2", "4000"),
        ("en", "buy a couple of dec25 gold at 4000", "2", "4000"),
        ("en", "sell 10 feb26 brent at 64,25", "10", "64.25"),
        ("en", "buy 20 mar26 wheat at 550 each", "20", "550"),
        ("es", "compra un par de cientos de trigo mar26 a 550", "None", "550"),
        ("en", "sell 15 mar26 copper at 5,08", "15", "5.08"),
        ("es", "vende 10 brent feb26 a 64.25", "10", "64.25"),
        ("es", "vende 20 brent feb26a64,2", "20", "64.2"),
        ("pt", "compra10ourodez25a3.990", "10", "3990"),
        ("pt", "bid 4.012 ouro fev26 7", "7", "4012"),
        ("es", "bid 4.012 oro feb26 7", "7", "4012"),
        ("en", "buy 20 barrels of dec25 oil at 60 dollars", "None", "60"),
    ],
)
def test_numbers_are_read_whole(parser: Parser, language: str, text: str, quantity: str, price: str) -> None:
    intent = Intent.PLACE_ORDER if quantity != "None" else Intent.INCOMPLETE_ORDER
    assert _numbers(_read(parser, language, text)) == (intent, quantity, price)


@pytest.mark.parametrize(
    ("language", "text", "quantity", "price"),
    [
        ("en", "sell 10 dec25 gold at 4,00", "10", "4.00"),
        ("en", "sell 10 dec25 gold at 4,0", "10", "4.0"),
        ("en", "sell 10 dec25 gold at 4,0015", "10", "4.0015"),
        ("es", "vende 10 oro dic25 a 4.00", "10", "4.00"),
        ("pt", "vende 10 ouro dez25 a 4.0", "10", "4.0"),
        ("es", "compra 20 trigo mar26 a 55O", "20", "550"),
        ("en", "buy 1O mar26 coffee at 380", "10", "380"),
        ("en", "buy 1.5 lakh dec25 corn at 430", "150000.0", "430"),
        ("en", "Buy to two March gold at 4,000.", "2", "4000"),
    ],
)
def test_slips_and_homophones_are_asked_back(
    parser: Parser, language: str, text: str, quantity: str, price: str
) -> None:
    assert _numbers(_read(parser, language, text)) == (Intent.CONFIRM_ORDER, quantity, price)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "buy 100 tonnes of jan26 soybeans at 1105"),
        ("en", "sell 50% of my jan26 soybeans at 1105"),
        ("es", "compra 100 toneladas de soja ene26 a 1.105"),
        ("pt", "compra 100 sacas de soja jan26 a 1.105"),
    ],
)
def test_what_is_not_counted_in_lots_is_asked_for(parser: Parser, language: str, text: str) -> None:
    reading = _read(parser, language, text)
    assert (reading.intent, reading.missing, str(reading.price)) == (
        Intent.INCOMPLETE_ORDER,
        ("quantity",),
        "1105",
    )
    assert "not_in_lots" in reading.reasons


@pytest.mark.parametrize(
    ("language", "text", "quantity", "price"),
    [
        ("en", "sell 30 no 40 feb26 brent at 64", "40", "64"),
        ("en", "sell 30 feb26 brent at 64 no 65", "30", "65"),
        ("es", "compra 12 no, 15 cacao mar26 a 5.900", "15", "5900"),
        ("pt", "compra 12 não 15 cacau mar26 a 5.900", "15", "5900"),
    ],
)
def test_a_no_between_two_numbers_corrects_the_first(
    parser: Parser, language: str, text: str, quantity: str, price: str
) -> None:
    reading = _read(parser, language, text)
    assert _numbers(reading) == (Intent.CONFIRM_ORDER, quantity, price)
    assert "correction" in reading.reasons


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("bid for 20 mar26 cotton 65.2", Intent.PLACE_ORDER),
        ("put in a bid for 20 mar26 cotton at 65.2", Intent.PLACE_ORDER),
        ("bid 65.2 for 20 mar26 cotton", Intent.PLACE_ORDER),
        ("put in an offer for 20 mar26 cotton, 65.2", Intent.CONFIRM_ORDER),
    ],
)
def test_what_is_bid_for_is_the_quantity(parser: Parser, text: str, intent: Intent) -> None:
    assert _numbers(_read(parser, "en", text)) == (intent, "20", "65.2")


@pytest.mark.parametrize(
    ("language", "text", "quantity", "price"),
    [
        ("en", "put ten coffee march on the bid, 371", "10", "371"),
        ("en", "Copper Mar26 - sell 16 - 5.145", "16", "5.145"),
        ("pt", "compra 10 milho mar26 a quatrocentos e quarenta e dois e cinquenta", "10", "442.5"),
    ],
)
def test_figures_that_are_likely_and_not_certain_are_shown_and_asked(
    parser: Parser, language: str, text: str, quantity: str, price: str
) -> None:
    assert _numbers(_read(parser, language, text)) == (Intent.CONFIRM_ORDER, quantity, price)


@pytest.mark.parametrize(
    ("language", "text", "quantity", "price"),
    [
        ("es", "Compra sien de trigo marzo a 551.", "100", "551"),
        ("es", "compra beinte de maíz mar26 a cuatrocientos treinta y uno con cuarto", "20", "431.25"),
        ("pt", "compra cincoenta trigo mar26 a 551", "50", "551"),
        ("en", "buy fourty march wheat at 551", "40", "551"),
        ("es", "mándale una orden de compra por 12 plata mar26 a 49,1", "12", "49.1"),
    ],
)
def test_numbers_are_read_as_people_spell_them(
    parser: Parser, language: str, text: str, quantity: str, price: str
) -> None:
    assert _numbers(_read(parser, language, text)) == (Intent.PLACE_ORDER, quantity, price)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pt", "Ordem limitada de compra – 14 cacau K26 – limite 5.870"),
        ("es", "Orden de compra — 14 cacao mayo — límite 5.870"),
        ("en", "Limit order to buy – 14 cocoa May26 – limit 5,870"),
    ],
)
def test_a_long_dash_behind_a_word_is_no_minus(parser: Parser, language: str, text: str) -> None:
    assert _numbers(_read(parser, language, text)) == (Intent.PLACE_ORDER, "14", "5870")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "buy 10 bushels of wheat dec25 at 540"), ("en", "sell 20 head of cattle feb26 at 230"),
        ("en", "buy 3 pounds of copper mar26 at 5"), ("en", "buy 10 troy ounces of silver mar26 at 50"),
        ("es", "vende 100 toneladas de trigo dic25 a 540"), ("es", "compra 10 costales de café mar26 a 380"),
        ("pt", "compra 10 sacas de café mar26 a 380"), ("pt", "vende 20 cabeças de gado fev26 a 230"),
        ("pt", "compra 15 onças troy de ouro dez25 a 4.000"),
    ],
)  # fmt: skip
def test_a_quantity_that_is_not_in_lots_is_asked_for(parser: Parser, language: str, text: str) -> None:
    reading = _read(parser, language, text)
    assert (reading.intent, reading.missing) == (Intent.INCOMPLETE_ORDER, ("quantity",))
    assert "not_in_lots" in reading.reasons
