"""A number and an account are joined by a code, bring along what was traded, and are parted again."""

from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot import linking
from bot.tables import link_failures
from engine.tables import traders
from tests.bot.conftest import Traders
from tests.web.api import ApiCaller, code

NUMBER, OTHER = "+15550100", "+15550101"


def test_a_guests_orders_and_positions_come_along(chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]):
    chat.say(NUMBER, "buy 100 wheat dec25 at 150")
    chat.say(OTHER, "sell 40 wheat dec25 at 150")
    assert ana.get("/api/orders").json["orders"] == []
    assert "ana" in chat.reply(NUMBER, f"link {code_for(ana)}")
    [order] = ana.get("/api/orders").json["orders"]
    assert (order["symbol"], order["filled_quantity"], order["leaves_quantity"]) == ("Dec25-Wheat", "40", "60")
    [position] = ana.get("/api/account/positions").json["positions"]
    assert position["quantity"] == "40"
    profile = ana.get("/api/auth/profile").json
    assert (profile["number"], profile["display_name"], profile["username"]) == (NUMBER, "ana", "ana")


def test_an_account_that_has_traded_is_what_a_new_number_trades_for(
    chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]
):
    ana.place(price="150")
    chat.settle()
    chat.reply(NUMBER, f"my code is {code_for(ana)}")
    chat.say(NUMBER, "buy 7 wheat dec25 at 149")
    assert [order["quantity"] for order in ana.get("/api/orders").json["orders"]] == ["7", "10"]


def test_two_that_have_both_traded_are_not_put_together(
    chat: Traders, ana: ApiCaller, database: Engine, code_for: Callable[[ApiCaller], str]
):
    ana.place()
    chat.settle()
    chat.say(NUMBER, "buy 100 wheat dec25 at 150")
    assert "cannot be put together" in chat.reply(NUMBER, f"link {code_for(ana)}")
    assert ana.get("/api/auth/profile").json["number"] is None
    assert len(ana.get("/api/orders").json["orders"]) == 1
    with database.connect() as connection:
        kinds = connection.execute(sa.select(traders.c.kind)).scalars().all()
    assert sorted(kinds) == ["account", "guest"]


def test_a_code_is_good_once_for_ten_minutes_and_for_five_tries(
    chat: Traders, ana: ApiCaller, database: Engine, code_for: Callable[[ApiCaller], str]
):
    shown = code_for(ana)
    wrong = f"{(int(shown) + 1) % 10**6:06}"
    for _ in range(5):
        assert "not good" in chat.reply(NUMBER, f"link {wrong}")
    assert "Too many" in chat.reply(NUMBER, f"link {shown}")
    with database.connect() as connection:
        assert len(connection.execute(sa.select(link_failures)).all()) == 5
    assert "ana" in chat.reply(OTHER, f"link {shown}")
    assert "not good" in chat.reply("+15550102", f"link {shown}")
    ana.send("DELETE", "/api/auth/link")
    late = code_for(ana)
    chat.stack.wait(minutes=11)
    assert "not good" in chat.reply(NUMBER, f"link {late}")
    with Session(database) as session, session.begin():
        linking.forget_old(session, chat.stack.now())
        # The one that came just now still counts.
        assert len(session.execute(sa.select(link_failures)).all()) == 1


def test_a_number_and_an_account_each_have_one_link(
    chat: Traders, stack_app: Flask, ana: ApiCaller, code_for: Callable[[ApiCaller], str]
):
    ben = ApiCaller(stack_app, "ben")
    chat.reply(NUMBER, f"link {code_for(ana)}")
    again = ana.send("POST", "/api/auth/link")
    assert (again.status_code, code(again)) == (409, "already_linked")
    assert "already trades" in chat.reply(NUMBER, f"link {code_for(ben)}")


def test_unlinking_voids_the_open_question_and_tells_the_number(
    chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]
):
    chat.reply(NUMBER, f"link {code_for(ana)}")
    chat.reply(NUMBER, "always ask me")
    chat.reply(NUMBER, "buy 100 wheat dec25 at 150")
    chat.told(NUMBER)
    assert ana.send("DELETE", "/api/auth/link").status_code == 204
    assert ["no longer trades" in text for text in chat.told(NUMBER)] == [True]
    chat.say(NUMBER, "yes")
    assert ana.get("/api/orders").json["orders"] == []
    assert ana.get("/api/auth/profile").json["number"] is None
    again = ana.send("DELETE", "/api/auth/link")
    assert (again.status_code, code(again)) == (404, "no_linked_number")


def test_linking_voids_the_open_question(chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]):
    chat.reply(NUMBER, "always ask me")
    chat.reply(NUMBER, "buy 100 wheat dec25 at 150")
    chat.reply(NUMBER, f"link {code_for(ana)}")
    chat.say(NUMBER, "yes")
    assert ana.get("/api/orders").json["orders"] == []


def test_the_market_goes_on_when_a_number_is_unlinked_before_its_order_is_settled(
    chat: Traders, ana: ApiCaller, database: Engine, code_for: Callable[[ApiCaller], str], monkeypatch
):
    chat.reply(NUMBER, f"link {code_for(ana)}")
    with monkeypatch.context() as held_up:
        held_up.setattr(chat.stack.settling, "settle", lambda *_: False)
        chat.send(NUMBER, body="buy 100 wheat dec25 at 150")
    assert ana.send("DELETE", "/api/auth/link").status_code == 204
    chat.settle()
    [order] = ana.get("/api/orders").json["orders"]
    assert (order["state"], order["quantity"]) == ("new", "100")


def test_the_web_lifts_what_stop_froze(chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]):
    chat.reply(NUMBER, f"link {code_for(ana)}")
    chat.say(NUMBER, "STOP")
    assert ana.get("/api/auth/profile").json["chat_frozen"] is True
    assert chat.outcome(NUMBER, "buy 100 wheat dec25 at 150") == "refused"
    chat.told(NUMBER)
    assert ana.send("DELETE", "/api/auth/freeze").status_code == 204
    assert ["open for you again" in text for text in chat.told(NUMBER)] == [True]
    assert chat.outcome(NUMBER, "buy 100 wheat dec25 at 150") == "placed"
    assert ana.get("/api/auth/profile").json["chat_frozen"] is False
