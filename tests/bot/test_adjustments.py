"""Changes told by how much: shown as what they come to, and made only after a yes."""

import pytest

from tests.bot.conftest import Traders

ANA, BEN = "+15550100", "+15550101"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two more", "quantity 102"),
        ("10 less", "quantity 90"),
        ("double it", "quantity 200"),
        ("half of it", "quantity 50"),
        ("raise it by 1", "price 151.00"),
        ("lower 1001 by 2.5", "price 147.50"),
        ("dos más", "cantidad 102"),
        ("súbele 2", "precio 152,00"),
        ("reduz pela metade", "quantidade 50"),
        ("mais dois", "quantidade 102"),
    ],
)
def test_a_relative_change_is_shown_and_asked_before_it_is_made(traders: Traders, text: str, shown: str):
    traders.say(ANA, "buy 100 dec25 wheat at 150")
    answer = traders.say(ANA, text)
    assert answer["outcome"] == "ask_confirm"
    assert shown in "".join(answer["replies"])
    assert "*1001*: Buy 100 Wheat Dec25 at 150.00" in traders.reply(ANA, "my orders please")
    assert traders.outcome(ANA, text) == "ask_confirm"
    assert traders.outcome(ANA, "yes") == "amended"


def test_nothing_comes_to_zero_by_a_relative_change(traders: Traders):
    traders.say(ANA, "buy 10 dec25 wheat at 150")
    assert traders.outcome(ANA, "10 less") == "not_understood"
    assert traders.outcome(ANA, "yes") == "not_understood"


def test_flatten_me_asks_to_close_the_one_position_at_market(traders: Traders):
    traders.say(ANA, "buy 100 dec25 wheat at 150")
    traders.say(BEN, "sell 40 dec25 wheat at 150")
    traders.say(ANA, "cancel 1001")
    asked = traders.say(ANA, "flatten me")
    assert asked["outcome"] == "ask_confirm"
    assert "*Sell 40 Wheat Dec25 at market*" in "".join(asked["replies"])
    traders.say(BEN, "buy 40 dec25 wheat at 149")
    assert traders.outcome(ANA, "yes") == "placed"
    assert traders.reply(ANA, "positions") == "You have no open positions."


def test_there_is_nothing_to_flatten_without_a_position(traders: Traders):
    traders.say(ANA, "buy 100 dec25 wheat at 150")
    assert traders.outcome(ANA, "flatten me") == "refused"
