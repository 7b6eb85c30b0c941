"""Changes of what was just placed or is quoted: shown as what they come to, and made only after a yes."""

import pytest
import sqlalchemy as sa

from bot import tables
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


def hold(traders: Traders, *buys: str) -> None:
    """ANA buys each of these from BEN."""
    for words in buys:
        traders.say(ANA, f"buy {words}")
        traders.say(BEN, f"sell {words}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("close my wheat", "*Sell 40 Wheat Dec25 at market*"),
        ("close out gold jan26", "*Sell 6 Gold Jan26 at market*"),
        ("get me out of wheat please", "*Sell 40 Wheat Dec25 at market*"),
        ("sell all my wheat", "*Sell 40 Wheat Dec25 at market*"),
        ("close half my wheat", "*Sell 20 Wheat Dec25 at market*"),
        ("cierra mi posición de trigo", "*Vende 40 Trigo Dic25 a mercado*"),
        ("liquida mi oro", "*Vende 6 Oro Ene26 a mercado*"),
        ("zera minha posição de ouro", "*Vende 6 Ouro Jan26 a mercado*"),
        ("vende todo o meu trigo", "*Vende 40 Trigo Dez25 a mercado*"),
    ],
)
def test_the_position_that_is_named_is_closed_after_a_yes_and_no_other(traders: Traders, text: str, shown: str):
    hold(traders, "40 dec25 wheat at 150", "6 jan26 gold at 2000")
    asked = traders.say(ANA, text)
    assert asked["outcome"] == "ask_confirm"
    assert shown in "".join(asked["replies"])
    assert traders.reply(ANA, "my positions please").count("Long") == 2
    traders.say(ANA, text)
    assert traders.outcome(ANA, "yes") == "placed"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sell everything", "Which one? You have: Gold Jan26, Wheat Dec25.\nFor example: *close Gold Jan26*"),
        ("close my position", "Which one? You have: Gold Jan26, Wheat Dec25."),
        ("cierra todo", "Por ejemplo: *cierra Oro Ene26*"),
        ("vende tudo", "Por exemplo: *fecha Ouro Jan26*"),
        ("close my corn", "You have no position in Corn to close."),
        ("cover my gold", "*Sell 6 Gold Jan26 at market*"),
        ("buy back my gold", "You have no short position in Gold to buy back."),
    ],
)
def test_which_position_is_closed_is_asked_where_it_is_not_one(traders: Traders, text: str, told: str):
    hold(traders, "40 dec25 wheat at 150", "6 jan26 gold at 2000")
    assert told in traders.reply(ANA, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sell everything", "You have no long position to sell."),
        ("close my position", "You have no position to close."),
        ("vende todo", "No tienes ninguna posición comprada que vender."),
        ("zera minha soja", "Você não tem posição em Soja para fechar."),
    ],
)
def test_who_holds_nothing_is_told_so(traders: Traders, text: str, told: str):
    answer = traders.say(ANA, text)
    assert (answer["outcome"], answer["replies"]) == ("refused", [told])


@pytest.mark.parametrize(
    "text", ["close it", "close order 1001", "fecha a ordem", "cierra la 1001", "don't close my wheat"]
)
def test_what_closes_no_position_in_so_many_words_closes_none(traders: Traders, text: str):
    hold(traders, "40 dec25 wheat at 150")
    assert traders.outcome(ANA, text) == "not_understood"
    assert traders.outcome(ANA, "yes") == "not_understood"


def test_there_is_nothing_to_flatten_without_a_position(traders: Traders):
    traders.say(ANA, "buy 100 dec25 wheat at 150")
    assert traders.outcome(ANA, "flatten me") == "refused"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("make it 151", "price 151.00"),
        ("make it 4", "quantity 4"),
        ("no, 4 lots", "quantity 4"),
        ("actually 152", "price 152.00"),
        ("que sean 4", "cantidad 4"),
        ("ponla a 151", "precio 151,00"),
        ("que sean 4 lotes", "cantidad 4"),
        ("muda para 151", "preço 151,00"),
        ("não, 4 lotes", "quantidade 4"),
    ],
)
def test_a_new_figure_for_the_last_order_is_shown_with_the_order_and_asked(traders: Traders, text: str, shown: str):
    traders.say(ANA, "buy 10 dec25 wheat at 150")
    answer = traders.say(ANA, text)
    assert answer["outcome"] == "ask_confirm"
    assert shown in "".join(answer["replies"])
    assert "1001" in "".join(answer["replies"])
    assert "*1001*: Buy 10 Wheat Dec25 at 150.00" in traders.reply(ANA, "my orders please")
    assert traders.outcome(ANA, "yes") == "amended"


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("make it 4 lots", "Buy 4 Wheat Dec25 at 150.00"),
        ("drop the price to 149.5", "Buy 10 Wheat Dec25 at 149.50"),
        ("cámbiala a 4 lotes", "Compra 4 Trigo Dic25 a 150,00"),
        ("mejor ponle precio 151", "Compra 10 Trigo Dic25 a 151,00"),
        ("muda pra 4 lotes", "Compra 4 Trigo Dez25 a 150,00"),
    ],
)
def test_a_change_in_so_many_words_is_made_at_once(traders: Traders, text: str, becomes: str):
    traders.say(ANA, "buy 10 dec25 wheat at 150")
    assert becomes in traders.reply(ANA, text)
    assert traders.outcome(ANA, "yes") == "not_understood"  # Nothing was left to ask.


@pytest.mark.parametrize(
    "text",
    [
        "it should be 4 lots",
        "i wanted to make it 4 lots",
        "sorry, make it 4 lots",
        "make it 4 lots?",
        "drop it to 149.5",
        "don't make it 4 lots",
        "make it 4 lots lol",
        "let's say make it 4 lots",
        "no, make it 4 lots",
        "quería que sean 4 lotes",
        "muda pra 4 lotes, desculpa",
        "put 4 lots",
        "put in 4 lots",
        "put on 4 lots",
        "make me 4 lots",
        "pon 4 lotes",
        "ponle 4 lotes",
        "deja 4 lotes",
        "coloca 4 lotes",
        "coloca a 4 lotes",
        "faz 4 lotes",
        "troca 4 lotes",
    ],
)
def test_a_change_that_is_not_plainly_asked_for_is_not_made(traders: Traders, text: str):
    traders.say(ANA, "buy 10 dec25 wheat at 150")
    assert traders.outcome(ANA, text) != "amended"
    assert "*1001*: Buy 10 Wheat Dec25 at 150.00" in traders.reply(ANA, "my orders please")


def test_a_figure_that_may_be_the_price_or_the_quantity_is_asked_about(traders: Traders):
    traders.say(ANA, "buy 100 dec25 wheat at 150")
    assert traders.reply(ANA, "make it 140") == (
        "Is that the price or the quantity of order 1001?\nSay *price 140.00* or *quantity 140*."
    )
    assert traders.outcome(ANA, "yes") == "not_understood"
    assert "price 140.00" in traders.reply(ANA, "price 140.00")
    assert "quantity 140" in traders.reply(ANA, "quantity 140")
    traders.say(ANA, "yes")
    assert "*1001*: Buy 140 Wheat Dec25 at 150.00" in traders.reply(ANA, "orders")


def test_a_yes_changes_the_order_that_was_shown_and_none_that_came_after_it(traders: Traders):
    traders.say(ANA, "buy 10 dec25 wheat at 150")
    traders.say(ANA, "make it 151")
    traders.say(ANA, "sell 5 dec25 gold at 2000")
    traders.say(ANA, "buy 10 dec25 corn at 430")
    traders.say(ANA, "cancel 1003")
    traders.say(ANA, "move the price of 1001 to 152")
    orders = traders.reply(ANA, "orders")
    assert "*1001*: Buy 10 Wheat Dec25 at 152.00" in orders
    assert "*1002*: Sell 5 Gold Dec25 at 2,000.00" in orders


def test_no_change_is_asked_about_for_an_order_that_is_closed(traders: Traders):
    traders.say(ANA, "buy 10 dec25 wheat at 150")
    traders.say(ANA, "cancel 1001")
    assert traders.reply(ANA, "make it 151") == "Order 1001 is already closed."


def quote_first_order(traders: Traders, text: str) -> str:
    """Two orders stand; `text` quotes what was said of the first."""
    traders.say(ANA, "buy 10 dec25 wheat at 150")
    traders.say(ANA, "buy 7 dec25 gold at 2000")
    with traders.stack.sessions.begin() as session:
        session.execute(sa.update(tables.outbox).where(tables.outbox.c.order_id == 1001).values(message_sid="SMquoted"))
    traders.told(ANA)
    traders.send(ANA, body=text, replied_message_sid="SMquoted")
    return "\n".join(traders.told(ANA))


@pytest.mark.parametrize("text", ["cancel this one", "cancel", "cancela esta", "cancela essa", "cancel it please"])
def test_a_cancel_that_quotes_an_order_cancels_that_one(traders: Traders, text: str):
    quote_first_order(traders, text)
    orders = traders.reply(ANA, "orders")
    assert "1001" not in orders
    assert "1002" in orders


@pytest.mark.parametrize("text", ["make it 4 lots", "que sean 4 lotes", "muda para 4 lotes", "4 lots"])
def test_a_change_that_quotes_an_order_is_asked_about_that_one(traders: Traders, text: str):
    assert "1001" in quote_first_order(traders, text)
    traders.say(ANA, "yes")
    orders = traders.reply(ANA, "show me my orders")
    assert "*1001*: Buy 4 Wheat Dec25 at 150.00" in orders
    assert "*1002*: Buy 7 Gold Dec25 at 2,000.00" in orders


@pytest.mark.parametrize("text", ["don't cancel this one", "should I cancel this one?", "did you cancel this?"])
def test_what_is_no_clear_cancel_cancels_nothing_however_it_quotes(traders: Traders, text: str):
    quote_first_order(traders, text)
    assert "1001" in traders.reply(ANA, "orders")


def test_everything_is_canceled_whatever_is_quoted(traders: Traders):
    quote_first_order(traders, "cancel everything")
    assert traders.reply(ANA, "orders") == "You have no open orders."


def test_a_message_that_tells_of_several_orders_says_of_none_that_it_is_meant(traders: Traders):
    quote_first_order(traders, "help")
    outbox = tables.outbox
    with traders.stack.sessions.begin() as session:
        told_by = session.execute(sa.select(outbox.c.id).where(outbox.c.order_id == 1001)).scalar_one()
        session.execute(sa.update(outbox).where(outbox.c.order_id == 1002).values(told_by=told_by))
    traders.send(ANA, body="cancel this one", replied_message_sid="SMquoted")
    orders = traders.reply(ANA, "orders")
    assert "1001" in orders
    assert "1002" in orders


@pytest.mark.parametrize(
    ("more", "text", "shown"),
    [
        ("Agrégale 20 más", "Cámbiala a 50 nada más", "cantidad 50"),
        ("add 20", "no, 50", "quantity 50"),
        ("mais vinte", "muda para 50 nada mais", "quantidade 50"),
    ],
)
def test_a_figure_far_from_the_price_is_the_quantity_of_a_pending_change(
    traders: Traders, more: str, text: str, shown: str
):
    traders.say(ANA, "buy 30 dec25 wheat at 151")
    assert traders.outcome(ANA, more) == "ask_confirm"
    answer = traders.say(ANA, text)
    assert answer["outcome"] == "ask_confirm"
    assert shown in "".join(answer["replies"])


@pytest.mark.parametrize("text", ["sell half at market", "vendé la mitad a mercado", "vende a metade no mercado"])
def test_half_of_the_one_position_is_worked_out_and_asked(traders: Traders, text: str):
    traders.say(ANA, "buy 40 dec25 wheat at 150")
    assert traders.outcome(ANA, text) == "refused"  # There is no position yet.
    traders.say(BEN, "sell 40 dec25 wheat at 150")
    answer = traders.say(ANA, text)
    assert (answer["outcome"], answer["order"]["side"], answer["order"]["quantity"]) == ("ask_confirm", "sell", "20")
    assert traders.reply(ANA, "buy half at market") == "You have no short position to buy back."


def test_more_of_an_open_draft_is_the_draft_with_more(traders: Traders):
    assert traders.outcome(ANA, "can you buy 50 dec25 wheat at 150?") == "ask_confirm"
    answer = traders.say(ANA, "grab 10 more")
    assert (answer["outcome"], answer["order"]["quantity"]) == ("ask_confirm", "60")
    assert traders.outcome(ANA, "yes, hold on") == "not_understood"
    assert traders.outcome(ANA, "yes") == "placed"
