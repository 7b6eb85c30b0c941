"""News of orders that nobody read in WhatsApp is told once more on the web."""

from collections.abc import Callable

import sqlalchemy as sa

from bot.outbox import State
from bot.tables import outbox
from tests.bot.conftest import Traders
from tests.web.api import ApiCaller

NUMBER, OTHER = "+15550100", "+15550101"


def take(caller: ApiCaller) -> list[str]:
    answer = caller.send("POST", "/api/account/unread-notices")
    assert answer.status_code == 200
    return [notice["text"] for notice in answer.json["notices"]]


def test_a_fill_that_was_not_read_is_given_once(chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]):
    chat.reply(NUMBER, f"link {code_for(ana)}")
    chat.say(NUMBER, "buy 10 wheat dec25 at 150")
    chat.say(OTHER, "sell 4 wheat dec25 at 150")
    [told] = take(ana)
    assert "Bought 4 Wheat Dec25 at 150.00" in told
    assert take(ana) == []
    chat.say(OTHER, "sell 6 wheat dec25 at 150")
    assert ["Bought 6 Wheat Dec25" in text for text in take(ana)] == [True]


def test_what_was_read_and_what_was_asked_for_is_not_repeated(
    chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]
):
    chat.reply(NUMBER, f"link {code_for(ana)}")
    chat.say(NUMBER, "buy 10 wheat dec25 at 150")
    chat.say(OTHER, "sell 4 wheat dec25 at 150")
    with chat.stack.sessions.begin() as session:
        session.execute(sa.update(outbox).where(outbox.c.is_notice).values(state=State.READ))
    assert take(ana) == []


def test_nobody_is_told_of_anothers_news_and_a_caller_without_a_number_of_none(
    chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]
):
    chat.say(NUMBER, "buy 10 wheat dec25 at 150")
    chat.say(OTHER, "sell 4 wheat dec25 at 150")
    assert take(ana) == []
    chat.reply("+15550102", f"link {code_for(ana)}")
    assert take(ana) == []


def test_of_very_much_the_newest_is_given_and_the_rest_counted(
    chat: Traders, ana: ApiCaller, code_for: Callable[[ApiCaller], str]
):
    chat.reply(NUMBER, f"link {code_for(ana)}")
    chat.say(NUMBER, "buy 100 wheat dec25 at 150")
    for quantity in range(1, 23):
        chat.say(OTHER, f"sell {quantity % 3 + 1} wheat dec25 at 150")
        chat.stack.wait(seconds=10)
    answer = ana.send("POST", "/api/account/unread-notices").json
    assert (len(answer["notices"]), answer["left_out"]) == (20, 2)
    assert "Bought 2 Wheat" in answer["notices"][-1]["text"]
    assert take(ana) == []
