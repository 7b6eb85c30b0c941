"""A yes that was written before its question could be read confirms nothing."""

import sqlalchemy as sa

from bot import inbox, tables
from bot.whatsapp import IncomingMessage
from tests.bot.conftest import Traders

ANA = "+15550101"


def orders(traders: Traders) -> list[str]:
    with traders.stack.sessions() as session:
        return list(session.scalars(sa.text("SELECT state FROM orders")))


def test_a_yes_that_waited_with_its_order_is_asked_for_again(traders: Traders):
    with traders.stack.sessions.begin() as session:
        for sid, words in (("SM1", "sell 20 dec25 goil at 61"), ("SM2", "yes")):
            message = IncomingMessage(message_sid=sid, number=ANA, body=words)
            recorded = inbox.record(session, message, traders.stack.now(), "en")
    assert recorded is not None
    traders.stack.wait(seconds=3)
    for _ in range(2):
        traders.stack.handle(recorded.conversation_id)
    asked, again = traders.told(ANA)
    assert "before you could read my question" in again
    assert asked.splitlines()[-1] in again
    with traders.stack.sessions() as session:
        outcomes = session.scalars(sa.select(tables.inbox.c.outcome).order_by(tables.inbox.c.id)).all()
    assert (outcomes, orders(traders)) == (["ask_confirm", "not_understood"], [])
    assert traders.outcome(ANA, "yes") == "placed"
    assert orders(traders) == ["new"]
