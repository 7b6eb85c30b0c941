"""A trader who asks for a person: kept for our staff, told what follows, and still served."""

from datetime import datetime

import pytest
import sqlalchemy as sa

from bot import person_requests, tables
from tests.bot.conftest import AS_OF, Traders

ANA, BEN = "+15550100", "+15550101"


def asked_at(traders: Traders, number: str) -> datetime | None:
    with traders.stack.sessions() as session:
        query = sa.select(tables.conversations.c.person_asked_at).where(tables.conversations.c.number == number)
        return session.execute(query).scalar_one()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "I want to speak to someone",
            "They can answer you here; I cannot say when.\nUntil then I take your orders as usual",
        ),
        ("quiero hablar con una persona", "Avisé a nuestro soporte de que quieres una persona."),
        ("fala com um atendente", "Avisei o nosso suporte que você quer uma pessoa."),
    ],
)
def test_who_asks_for_a_person_is_told_what_follows_and_kept_for_our_staff(traders: Traders, text: str, told: str):
    answer = traders.say(ANA, text)
    assert answer["outcome"] == "info"
    assert told in "\n".join(answer["replies"])
    assert asked_at(traders, ANA) == AS_OF


def test_asking_again_keeps_the_first_time_and_says_that_nobody_has_answered(traders: Traders):
    traders.say(ANA, "talk to a person")
    traders.stack.wait(minutes=5)
    assert "has known since 3 Nov 12:00 UTC that you want a person. Nobody has answered yet." in traders.reply(
        ANA, "agent please"
    )
    assert asked_at(traders, ANA) == AS_OF


def test_orders_go_on_while_a_person_is_asked_for(traders: Traders):
    traders.say(ANA, "buy 100 dec25 wheat at 150")
    traders.say(ANA, "let me talk to a human")
    traders.say(BEN, "sell 40 dec25 wheat at 150")
    assert traders.outcome(ANA, "buy 10 dec25 corn at 430") == "placed"
    assert "40 filled" in traders.reply(ANA, "my orders")


def test_an_open_question_stands_unless_the_message_speaks_against_it(traders: Traders):
    traders.say(ANA, "can you buy 100 dec25 wheat at 150?")
    assert "Still open:\n*Buy 100 Wheat Dec25 at 150.00*" in traders.reply(ANA, "talk to a person")
    assert traders.outcome(ANA, "yes") == "placed"
    traders.say(ANA, "can you buy 70 dec25 wheat at 150?")
    refused = traders.reply(ANA, "don't buy that, it is wrong again! put me through to support")
    assert "The order I was asking about is dropped." in refused
    assert traders.outcome(ANA, "yes") == "not_understood"


def test_who_is_angry_is_told_how_to_reach_a_person(traders: Traders):
    assert traders.reply(ANA, "you idiots").endswith("To reach our support, say: *Talk to a person*")
    assert traders.reply(BEN, "que porcaria").endswith("diga: *Falar com um atendente*")
    assert asked_at(traders, ANA) is None


def test_those_who_ask_are_listed_the_longest_first_until_it_is_closed(traders: Traders):
    traders.say(BEN, "support")
    traders.stack.wait(minutes=1)
    traders.say(ANA, "support")
    with traders.stack.sessions.begin() as session:
        waiting = person_requests.waiting(session)
        assert [chat["number"] for chat in waiting] == [BEN, ANA]
        assert person_requests.close(session, waiting[0]["id"], AS_OF)
        assert not person_requests.close(session, waiting[0]["id"], AS_OF)
        assert [chat["number"] for chat in person_requests.waiting(session)] == [ANA]
    assert traders.told(BEN)[-1] == "Our support has closed your request for a person. You can ask again."
