"""Whole conversations, from a message to what both sides of a trade read."""

import pytest
import sqlalchemy as sa

from bot import inbox, tables, turn
from bot.chat import FRONTEND_URL
from bot.whatsapp import IncomingMessage
from tests.bot.conftest import Traders

ANA, BEN, CLEO = "+15550100", "+15550101", "+15550102"


@pytest.mark.parametrize(
    ("buys", "sells", "taker_reads", "maker_reads"),
    [
        (
            "Buy 100 Dec25 Wheat at 150",
            "Sell 40 Dec25 Wheat at 149",
            ["Sold 40 Wheat Dec25 at 150.00 = 6,000.00, commission 6.00.", "Filled completely."],
            ["Bought 40 Wheat Dec25 at 150.00 = 6,000.00, commission 6.00.", "Still waiting: 60."],
        ),
        (
            "compra 100 trigo dic25 a 150",
            "vende 40 trigo dic25 a 149",
            ["40 Trigo Dic25", "150,00", "6.000,00", "comisión 6,00"],
            ["40 Trigo Dic25", "150,00", "6.000,00", "comisión 6,00", "60"],
        ),
        (
            "compra 100 trigo dez25 a 150, por favor",
            "venda 40 de trigo dez25 a 149",
            ["40 Trigo Dez25", "150,00", "6.000,00", "comissão"],
            ["40 Trigo Dez25", "150,00", "6.000,00", "comissão", "60"],
        ),
    ],
    ids=["en", "es", "pt"],
)
def test_both_sides_read_what_traded_at_the_resting_price_and_what_still_rests(
    traders: Traders, buys: str, sells: str, taker_reads: list[str], maker_reads: list[str]
):
    assert traders.outcome(ANA, buys) == "placed"
    traders.told(ANA)
    reply = traders.reply(BEN, sells)
    notice = "\n".join(traders.told(ANA))
    for part in taker_reads:
        assert part in reply
    for part in maker_reads:
        assert part in notice


@pytest.mark.parametrize(
    ("text", "side", "quantity", "price", "asset", "contract"),
    [
        ("Bid 75 Dec25 Oil 10", "buy", "10", "75", "oil", "Dec25"),
        ("Offer 1200 Dec25 Silver 25", "sell", "25", "1200", "silver", "Dec25"),
        ("Sell 50 Jan26 Gold for 2000", "sell", "50", "2000", "gold", "Jan26"),
    ],
)
def test_the_seeds_grammar(
    traders: Traders, text: str, side: str, quantity: str, price: str, asset: str, contract: str
):
    answer = traders.say(ANA, text)
    order = answer["order"]
    assert answer["outcome"] == "placed"
    assert isinstance(order, dict)
    assert [order[slot] for slot in ("side", "quantity", "price", "asset", "contract")] == [
        side, quantity, price, asset, contract,
    ]  # fmt: skip


def test_orders_trades_and_positions_show_what_happened(traders: Traders):
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.say(BEN, "Sell 40 Dec25 Wheat at 149")
    assert "*1001*: Buy 100 Wheat Dec25 at 150.00, 40 filled" in traders.reply(ANA, "orders")
    assert "bought 40 Wheat Dec25 at 150.00, commission 6.00" in traders.reply(ANA, "my trades")
    assert "Long 40 Wheat Dec25 at 150.00, open profit 0.00" in traders.reply(ANA, "positions")
    assert "Short 40 Wheat Dec25 at 150.00" in traders.reply(BEN, "positions")
    assert "Commission paid: 6.00" in traders.reply(BEN, "account")
    assert "40 Wheat Dec25 at 150.00" in traders.reply(CLEO, "trades")
    assert "*Wheat Dec25* · last 150.00 · bid 150.00 / offer —" in traders.reply(CLEO, "market")
    assert "150.00 × 60" in traders.reply(CLEO, "book wheat dec25")
    assert "Partly filled" in traders.reply(ANA, "status 1001")


def test_an_order_is_canceled_by_its_number_and_only_by_its_trader(traders: Traders):
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    assert traders.outcome(BEN, "cancel 1001") == "refused"
    assert traders.outcome(ANA, "cancel 1001") == "cancelled"
    assert traders.reply(ANA, "orders") == "You have no open orders."


def test_a_month_alone_cancels_nothing_of_other_months(traders: Traders):
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.say(ANA, "Buy 100 Jan26 Corn at 430")
    traders.say(ANA, "cancel all my dec25 orders")
    assert "Corn" in traders.reply(ANA, "orders")
    assert "Wheat" not in traders.reply(ANA, "orders")


def test_an_expiry_arrives_as_a_message(traders: Traders):
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.told(ANA)
    traders.stack.wait(hours=25)
    traders.settle()
    assert traders.told(ANA) == ["*Order 1001* expired: 100 Wheat Dec25 not filled.\nIts time is over."]


def test_an_alert_is_told_once(traders: Traders):
    traders.say(CLEO, "alert me if wheat dec25 goes above 149")
    traders.told(CLEO)
    for _ in range(2):
        traders.say(ANA, "Buy 10 Dec25 Wheat at 150")
        traders.say(ANA, "yes")
        traders.say(BEN, "Sell 10 Dec25 Wheat at 150")
        traders.say(BEN, "yes")
    assert traders.told(CLEO) == ["*Alert 1*: Wheat Dec25 rose to 150.00."]


def test_stop_cancels_everything_and_freezes_chat_trading(traders: Traders):
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    assert traders.outcome(ANA, "PANIC") == "cancelled"
    assert traders.reply(ANA, "orders") == "You have no open orders."
    assert traders.outcome(ANA, "Buy 100 Dec25 Wheat at 151") == "refused"


def test_stop_says_that_it_froze_trading_even_with_nothing_to_cancel(traders: Traders):
    assert traders.reply(ANA, "STOP") == (
        f"Chat trading is frozen. To lift it: open {FRONTEND_URL}, create an account, link this number to it and"
        " lift it there.\nThere was no open order to cancel."
    )


def test_after_stop_an_order_is_refused_at_once_and_told_where_to_lift_it(traders: Traders):
    traders.say(ANA, "STOP")
    with traders.stack.sessions.begin() as session:
        trader_id = session.execute(sa.select(tables.conversations.c.trader_id)).scalar_one()
        session.execute(
            sa.insert(tables.accounts).values(
                trader_id=trader_id, username="ana", password_hash="x", created_at=traders.stack.now()
            )
        )
    for text in ("buy 10 wheat", "buy 1.500 mar26 corn at 432", "buy 10 dec25 wheat at 150"):
        answer = traders.say(ANA, text)
        assert answer["outcome"] == "refused"
        assert "\n".join(answer["replies"]) == (
            "You said STOP, so nothing was done.\n"
            f"Chat trading is frozen. To lift it: open {FRONTEND_URL} and sign in as *ana*."
        )
    assert traders.outcome(ANA, "yes") == "not_understood"


@pytest.mark.parametrize("text", ["raise the price of 1001 to 151", "move order 1001 to 151", "change 1001 to 40 lots"])
def test_the_number_of_another_order_never_answers_an_open_question(traders: Traders, text: str):
    traders.say(ANA, "buy 100 dec25 wheat at 150")
    traders.say(ANA, "buy corn dec25")
    traders.say(ANA, text)
    assert "Corn" not in traders.reply(ANA, "orders").split("Still open")[0]


def test_an_old_button_does_nothing_and_the_live_one_places(traders: Traders):
    traders.say(ANA, "buy 1.500 mar26 corn at 432")
    with traders.stack.sessions() as session:
        nonce = session.execute(sa.select(tables.conversations.c.question["nonce"].astext)).scalar_one()
    traders.send(ANA, body="Confirm", button_payload="confirm:of an earlier question")
    assert traders.reply(ANA, "orders").startswith("You have no open orders.")
    traders.say(ANA, "buy 1.500 mar26 corn at 432")
    traders.send(ANA, body="Confirm", button_payload=f"confirm:{nonce}")
    assert traders.reply(ANA, "orders").startswith("You have no open orders.")
    with traders.stack.sessions() as session:
        nonce = session.execute(sa.select(tables.conversations.c.question["nonce"].astext)).scalar()
    traders.say(ANA, "buy 1.500 mar26 corn at 432")
    with traders.stack.sessions() as session:
        nonce = session.execute(sa.select(tables.conversations.c.question["nonce"].astext)).scalar_one()
    traders.send(ANA, body="Confirm", button_payload=f"confirm:{nonce}")
    assert "Buy 1,500 Corn Mar26 at 432.00" in traders.reply(ANA, "orders")


def test_a_quoted_message_says_which_order_is_meant(traders: Traders):
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.say(ANA, "Buy 10 Dec25 Gold at 2000")
    with traders.stack.sessions.begin() as session:
        session.execute(sa.update(tables.outbox).where(tables.outbox.c.order_id == 1001).values(message_sid="SMquoted"))
    traders.send(ANA, body="cancel that last one", replied_message_sid="SMquoted")
    orders = traders.reply(ANA, "orders")
    assert "Gold" in orders
    assert "Wheat" not in orders


def test_a_refused_order_says_what_would_be_allowed(traders: Traders):
    assert traders.reply(ANA, "Buy 100 Dec25 Wheat at 150.005") == (
        "Prices here move in steps of 0.01. Nearest: 150.00 / 150.01."
    )
    assert "Wheat Mar31 is not listed." in traders.reply(ANA, "Buy 100 Mar31 Wheat at 150")


def test_an_unlisted_product_names_the_nearest_listed_ones(traders: Traders):
    reply = traders.reply(ANA, "buy 10 dec25 zinc at 380")
    assert "We do not list “zinc”." in reply
    assert "Copper" in reply


def test_nonsense_is_answered_helpfully_in_the_senders_language(traders: Traders):
    traders.say(ANA, "hola")
    reply = traders.reply(ANA, "zzz qwxy")
    assert "ayuda" in reply
    assert "Compra 100" in reply


def test_a_flood_is_not_read_and_its_sender_is_told_once(traders: Traders, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(traders.stack, "per_minute_max", 3)
    for count in range(6):
        traders.send(ANA, body=f"buy {count + 1} wheat dec25 at 150")
    traders.send(BEN, body="buy 9 wheat dec25 at 150")
    told = traders.told(ANA)
    assert sum("more than 3 messages in a minute" in body for body in told) == 1
    assert len(told) == 4
    assert "Buy 9 Wheat" in "".join(traders.told(BEN))
    traders.stack.wait(minutes=2)
    assert traders.reply(ANA, "orders").count("Wheat Dec25") == 3


def test_a_message_that_breaks_us_is_apologised_for_and_lets_the_next_one_pass(traders: Traders):
    message = IncomingMessage(message_sid="SMbroken", number=ANA, body="buy 5 wheat dec25 at 150")
    with traders.stack.sessions.begin() as session:
        recorded = inbox.record(session, message, traders.stack.now(), "en")
    assert recorded is not None
    for _ in range(turn.FAILURES_MAX):
        with traders.stack.sessions.begin() as session:
            turn.give_up(session, recorded.conversation_id, traders.stack.now())
    assert traders.told(ANA) == ["Something went wrong on our side, and nothing was done. Our staff has been told."]
    assert traders.outcome(ANA, "buy 6 wheat dec25 at 150") == "placed"
    assert traders.reply(ANA, "orders").count("Wheat Dec25") == 1


SPOIL_COMMANDS = """
    CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.body := '{'; RETURN NEW; END $$;
    CREATE TRIGGER spoil BEFORE INSERT ON commands FOR EACH ROW EXECUTE FUNCTION spoil()"""


def test_an_order_that_breaks_the_engine_is_apologised_for_and_lets_the_next_one_pass(traders: Traders):
    with traders.stack.sessions.begin() as session:
        session.execute(sa.text(SPOIL_COMMANDS))
    assert "Something went wrong on our side, and nothing was done" in traders.reply(ANA, "Buy 10 Dec25 Wheat at 150")
    with traders.stack.sessions.begin() as session:
        session.execute(sa.text("DROP TRIGGER spoil ON commands"))
    assert traders.outcome(BEN, "Buy 10 Dec25 Wheat at 150") == "placed"


@pytest.mark.parametrize(
    ("order", "question", "answered"),
    [
        ("buy 10 wheat dec25", "how much would that be?", "*Buy 10 Wheat Dec25*, good for 24 h."),
        ("buy 10 wheat dec25", "when does it expire?", "*Buy 10 Wheat Dec25*, good for 24 h."),
        ("compra 10 trigo dic25", "¿cuándo vence?", "*Compra 10 Trigo Dic25*, vigente 24 h."),
        ("compra 10 trigo dez25", "quando vence?", "*Compra 10 Trigo Dez25*, válida por 24 h."),
    ],
)
def test_a_question_about_the_open_order_is_answered_from_it_and_leaves_it_open(
    traders: Traders, order: str, question: str, answered: str
):
    traders.say(ANA, order)
    assert answered in traders.reply(ANA, question)
    assert traders.outcome(ANA, "150") == "placed"


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("what is your commission?", "0.1% of what each trade is worth"),
        ("¿cuánto es la comisión?", "0,1% del valor"),
        ("qual é a comissão?", "0,1% do valor"),
        ("how long does an order last?", "24 hours"),
        ("what is a lot?", "whole lots"),
    ],
)
def test_a_question_on_the_terms_is_answered(traders: Traders, text: str, answered: str):
    answer = traders.say(ANA, text)
    assert answer["outcome"] == "help"
    assert answered in "".join(answer["replies"])


def test_an_example_is_given_once_and_not_again_when_it_did_not_help(traders: Traders):
    assert "Try: Buy 100 Dec25 Wheat at 150" in traders.reply(ANA, "qwxy zzz")
    again = traders.reply(ANA, "qwxy zzz")
    assert "Try" not in again
    assert "*help*" in again


@pytest.mark.parametrize("text", ["that's wrong!!", "no", "not that"])
def test_a_no_to_nothing_shows_the_last_order_and_how_to_take_it_back(traders: Traders, text: str):
    traders.say(ANA, "Buy 10 Dec25 Wheat at 150")
    reply = traders.reply(ANA, text)
    assert "*1001*: Buy 10 Wheat Dec25 at 150.00" in reply
    assert "*cancel 1001*" in reply
    assert "1001" in traders.reply(ANA, "orders")


def test_open_orders_show_what_is_left_and_until_when(traders: Traders):
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.say(BEN, "Sell 40 Dec25 Wheat at 149")
    assert "*1001*: Buy 100 Wheat Dec25 at 150.00, 40 filled, 60 left, until 4 Nov 12:00 UTC" in traders.reply(
        ANA, "orders"
    )


def test_whoever_would_trade_with_themselves_is_told_with_which_order(traders: Traders):
    traders.say(ANA, "Buy 10 Dec25 Wheat at 149")
    traders.say(ANA, "Buy 10 Dec25 Wheat at 150")
    assert "Your own order on the other side is 1002." in traders.reply(ANA, "Sell 5 Dec25 Wheat at 148")


@pytest.mark.parametrize(
    ("order", "asked", "month"),
    [
        ("sell 10 brent sep25 at 66", "Which month?", "no, feb26"),
        ("vende 10 brent sep25 a 66", "¿Qué mes?", "feb26"),
        ("quero vender 10 brent set25 a 66", "Qual vencimento?", "não, fev26"),
    ],
)
def test_an_order_for_a_month_that_is_over_is_asked_for_another(traders: Traders, order: str, asked: str, month: str):
    answer = traders.say(ANA, order)
    assert answer["outcome"] == "ask_confirm"
    assert asked in "".join(answer["replies"])
    assert traders.outcome(ANA, month) == "ask_confirm"
    placed = traders.say(ANA, "yes")
    assert placed["outcome"] == "placed"
    assert placed["order"]["contract"] == "Feb26"


@pytest.mark.parametrize(
    ("order", "answer", "shown"),
    [
        ("buy 10 dec25 wheat", "oh I don't know, buy at market", "*Buy 10 Wheat Dec25 at market*"),
        ("compra 10 trigo dic25", "no sé, a mercado", "*Compra 10 Trigo Dic25 a mercado*"),
        ("compra 10 trigo dez25", "ah sei la, compra a mercado", "*Compra 10 Trigo Dez25 a mercado*"),
        ("compra 10 trigo dez25", "sei lá, 150", "*Compra 10 Trigo Dez25 a 150,00*"),
    ],
)
def test_an_answer_with_a_shrug_is_read_back_and_never_placed_at_once(
    traders: Traders, order: str, answer: str, shown: str
):
    assert traders.outcome(ANA, order) == "ask_missing"
    said = traders.say(ANA, answer)
    assert said["outcome"] == "ask_confirm"
    assert shown in "\n".join(said["replies"])
    assert traders.outcome(ANA, "yes") == "placed"


@pytest.mark.parametrize("answer", ["I don't know", "ah sei la", "no sé, déjame pensar", "not sure, maybe not"])
def test_a_shrug_alone_answers_nothing(traders: Traders, answer: str):
    traders.say(ANA, "buy 10 dec25 wheat")
    assert traders.outcome(ANA, answer) == "not_understood"
    assert traders.outcome(ANA, "yes") != "placed"


@pytest.mark.parametrize("sign", ["👍", "👌", "✅"])
def test_a_sign_alone_places_nothing_before_a_word(traders: Traders, sign: str):
    traders.say(ANA, "can you buy 10 dec25 wheat at 150?")
    asked = traders.say(ANA, sign)
    assert asked["outcome"] == "ask_confirm"
    assert "Please answer with a word:\n*Buy 10 Wheat Dec25 at 150.00*" in "".join(asked["replies"])
    assert traders.outcome(ANA, "much appreciated") == "info"
    assert traders.outcome(ANA, f"yes {sign}") == "placed"


def test_refusals_suggest_something_else_each_time(traders: Traders):
    tried = []
    for _ in range(3):
        reply = traders.reply(ANA, "zzz qwxy")
        tried.append(next(line for line in reply.splitlines() if line.startswith("Try: ")))
        traders.say(ANA, "orders")
    assert len(set(tried)) == 3


def test_who_would_trade_with_themselves_is_told_so_with_the_order(traders: Traders):
    traders.say(ANA, "buy 10 dec25 wheat at 150")
    reply = traders.reply(ANA, "sell 10 dec25 wheat at 150")
    assert "Nobody trades with themselves: what would have met your own order was canceled." in reply
    assert "Your own order on the other side is 1001." in reply


@pytest.mark.parametrize(
    ("order", "correction"),
    [
        ("buy 777777777777 corn mar26 at 429", "no, 77 lots"),
        ("compra 777777777777 maíz mar26 a 429", "no, 77 lotes"),
        ("compra 777777777777 milho mar26 a 429", "eita, não, 77 lotes"),
        ("compra 77 milho mar26 a 999999999999999", "não, a 429"),
    ],
)
def test_a_number_that_no_order_can_have_is_asked_for_again(traders: Traders, order: str, correction: str):
    assert traders.outcome(ANA, order) == "ask_confirm"
    corrected = traders.say(ANA, correction)
    assert corrected["outcome"] == "ask_confirm"
    assert (corrected["order"]["quantity"], corrected["order"]["price"]) == ("77", "429")
    assert traders.outcome(ANA, "ok") == "placed"


def test_a_yes_to_a_number_that_no_order_can_have_places_nothing(traders: Traders):
    assert traders.outcome(ANA, "buy 777777777777 corn mar26 at 429") == "ask_confirm"
    assert traders.outcome(ANA, "yes") == "refused"
