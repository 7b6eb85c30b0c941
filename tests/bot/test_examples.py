"""What we tell traders to try can be done today, and is read as what it says."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from bot import examples
from bot.languages import LANGUAGES
from bot.listings import Listings
from engine import catalogue
from nlp.parser import Parser
from tests.bot.conftest import AS_OF, Traders

LATER = datetime(2027, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def listings(database: Engine) -> Listings:
    """The demo catalogue as of a day when the examples' own months are over."""
    with sessionmaker(database).begin() as session:
        catalogue.load(session, as_of=LATER.date(), shard_count=1, now=LATER, banded=False)
    with sessionmaker(database)() as session:
        return Listings.load(session, LATER)


def test_no_example_names_a_month_that_is_over_and_each_is_read_as_before(listings: Listings):
    parser = Parser(listings.catalogue)
    for language in LANGUAGES:
        for intent, texts in examples.current(parser.examples(language), listings, language).items():
            for text in texts:
                reading = parser.read(text, as_of=LATER.date(), last_language=language)
                assert reading.intent == intent, text
                assert reading.contract in (None, "Mar27"), text
                assert reading.certain, text


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "Buy 10 Gold Jan26 at 1,990.50"), ("es", "Compra 10 Oro Ene26 a 1.990,50")],
)
def test_the_order_to_try_is_of_what_trades_most_at_the_last_price(traders: Traders, language: str, shown: str):
    traders.say("+15550100", "buy 50 jan26 gold at 1990.5")
    traders.say("+15550101", "sell 50 jan26 gold at 1990.5")
    traders.say("+15550102", "hello" if language == "en" else "buenos días")
    reply = traders.reply("+15550102", "zzz qwxy")
    assert shown in reply
    assert traders.say("+15550102", shown)["order"]["price"] == "1990.5"


def test_a_month_that_is_over_is_in_no_list_even_where_it_trades_most(traders: Traders):
    assert "Gold Dec25" in traders.reply("+15550102", "gold prices")
    traders.stack.moved = LATER - AS_OF
    traders.say("+15550100", "buy 50 jan26 gold at 1990.5")
    traders.say("+15550101", "sell 50 jan26 gold at 1990.5")
    for text in ("gold prices", "market", "chart gold", "zzz qwxy"):
        reply = traders.reply("+15550102", text)
        assert "Jan26" not in reply, text
        assert "Dec25" not in reply, text
    assert "Gold Jan26* · last 1,990.50" in traders.reply("+15550102", "price of gold jan26")
    assert "Gold Jan26* · last 1,990.50" in traders.reply("+15550102", "jan26 prices")
