"""Price alerts by HTTP are those of the linked number, told there once."""

from collections.abc import Callable

from flask import Flask

from tests.bot.conftest import Traders
from tests.web.api import ApiCaller, code

NUMBER = "+15550100"


def test_an_alert_set_on_the_web_is_told_by_chat_once(
    chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]
):
    chat.reply(NUMBER, f"link {code_for(ana)}")
    answer = ana.send("POST", "/api/alerts", json={"symbol": "dec25-wheat", "price": "150.50"})
    assert answer.status_code == 201
    alert = answer.json
    assert (alert["symbol"], alert["price"], alert["direction"]) == ("Dec25-Wheat", "150.50", "above")
    assert ana.get("/api/alerts").json["alerts"] == [alert]
    assert "150.50" in chat.reply(NUMBER, "my alerts")
    chat.told(NUMBER)
    chat.say("+15550101", "sell 10 wheat dec25 at 151")
    chat.say("+15550102", "buy 10 wheat dec25 at 151")
    assert ["rose to 151.00" in text for text in chat.told(NUMBER)] == [True]
    assert ana.get("/api/alerts").json["alerts"] == []


def test_an_alert_is_deleted_by_its_own_trader_only(
    chat: Traders, stack_app: Flask, ana: ApiCaller, code_for: Callable[[ApiCaller], str]
):
    ben = ApiCaller(stack_app, "ben")
    chat.reply(NUMBER, f"link {code_for(ana)}")
    chat.reply("+15550101", f"link {code_for(ben)}")
    asked = {"symbol": "Dec25-Wheat", "price": "99", "direction": "below"}
    alert_id = ana.send("POST", "/api/alerts", json=asked).json["id"]
    others = ben.send("DELETE", f"/api/alerts/{alert_id}")
    assert (others.status_code, code(others)) == (404, "alert_not_found")
    assert len(ana.get("/api/alerts").json["alerts"]) == 1
    assert ana.send("DELETE", f"/api/alerts/{alert_id}").status_code == 204
    assert ana.get("/api/alerts").json["alerts"] == []


def test_without_a_number_there_is_nobody_to_tell(ana: ApiCaller):
    answer = ana.send("POST", "/api/alerts", json={"symbol": "Dec25-Wheat", "price": "99"})
    assert (answer.status_code, code(answer)) == (404, "no_linked_number")


def test_one_number_has_so_many_alerts_and_no_more(chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]):
    chat.reply(NUMBER, f"link {code_for(ana)}")
    asked = {"symbol": "Dec25-Wheat", "price": "99"}
    answers = [ana.send("POST", "/api/alerts", json=asked) for _ in range(51)]
    assert [answer.status_code for answer in answers] == [201] * 50 + [409]
    assert code(answers[-1]) == "too_many_alerts"
