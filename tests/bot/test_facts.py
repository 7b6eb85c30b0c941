"""What a trader asks of a market's rules is answered from the catalogue, what was asked for first."""

import pytest
import sqlalchemy as sa

from engine.tables import instruments
from tests.bot.conftest import Traders

ANA = "+15550100"


@pytest.mark.parametrize(
    ("text", "title", "first"),
    [
        ("what's the tick of gold dec25?", "*Gold Dec25*", "Price step (tick): 0.01. Prices are for one lot."),
        ("when does gold feb26 expire?", "*Gold Feb26*", "Trading ends: 1 Mar 00:00 UTC."),
        ("when does gold dec25 expire?", "*Gold Dec25*", "No last trading day is set."),
        ("how much commission on wheat?", "*Wheat Nov25*", "Commission: 0.1% of what each trade is worth."),
        ("what are your hours?", "*In every market*", "There are no trading hours: it goes on day and night"),
        ("¿cuándo vence el oro feb26?", "*Oro Feb26*", "Se opera hasta: 1 mar 00:00 UTC."),
        ("¿en qué moneda es?", "*En todos los mercados*", "Todos los precios e importes están en la única moneda"),
        ("qual o menor lote?", "*Em todos os mercados*", "Ordem mínima: 1. As quantidades são múltiplos disso."),
        ("em que moeda é isso?", "*Em todos os mercados*", "Todos os preços e valores estão na única moeda"),
    ],
)
def test_what_was_asked_for_stands_first(traders: Traders, text: str, title: str, first: str):
    answer = traders.say(ANA, text)
    lines = "\n".join(answer["replies"]).splitlines()
    assert (answer["outcome"], lines[0]) == ("info", title)
    assert lines[1].startswith(first)


def test_the_band_and_a_halt_are_those_of_the_contract_now(traders: Traders):
    with traders.stack.sessions.begin() as session:
        session.execute(
            sa.update(instruments)
            .where(instruments.c.symbol == "Dec25-Gold")
            .values(band_percent=10, reference_ticks=200000, status="halted")
        )
    reply = traders.reply(ANA, "band of gold dec25?")
    assert reply.splitlines()[1] == "Prices allowed now: 1,800.00 to 2,200.00."
    assert "Trading in this contract is halted." in reply


def test_an_open_question_stands_after_such_an_answer(traders: Traders):
    traders.say(ANA, "buy 10 dec25 wheat")
    assert "Still open:" in traders.reply(ANA, "what's the tick?")
    assert traders.outcome(ANA, "150") == "placed"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("buy 10 dec25 wheat at 150", "placed"),
        ("buy gold in dollars", "ask_missing"),
        ("price of gold", "info"),
        ("what is a lot?", "help"),
        ("how much commission?", "help"),
    ],
)
def test_what_asks_for_something_else_is_read_as_ever(traders: Traders, text: str, outcome: str):
    answer = traders.say(ANA, text)
    assert answer["outcome"] == outcome
    assert "Smallest order" not in "\n".join(answer["replies"])
