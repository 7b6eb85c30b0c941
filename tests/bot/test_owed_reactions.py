"""A reaction that fails holds up no market, and is made up for once it can be."""

import sqlalchemy as sa
from sqlalchemy import Engine

from bot.tables import owed_reactions
from engine.tables import orders
from tests.bot.conftest import Traders

ANA, BEN = "+15550100", "+15550101"

# The database refuses whatever is to be said to one of the two.
REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'nothing is said to this one';
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON outbox FOR EACH ROW
    WHEN (NEW.conversation_id = 1 AND NEW.order_id IS NOT NULL) EXECUTE FUNCTION refuse()"""


def attempts(database: Engine) -> list[int]:
    with database.connect() as connection:
        return list(connection.scalars(sa.select(owed_reactions.c.attempts)))


def test_the_market_goes_on_and_what_could_not_be_said_is_said_later(database: Engine, traders: Traders) -> None:
    traders.say(ANA, "help")
    traders.say(BEN, "help")
    with database.begin() as connection:
        connection.execute(sa.text(REFUSE))
    traders.send(ANA, body="sell 10 wheat dec25 at 150")
    assert attempts(database) == [1]
    traders.told(BEN)
    # What a command led to is told to both or owed to both.
    traders.send(BEN, body="buy 10 wheat dec25 at 150")
    assert attempts(database) == [1, 1]
    with database.connect() as connection:
        assert set(connection.scalars(sa.select(orders.c.state))) == {"filled"}
    traders.stack.wait(seconds=11)
    traders.settle()
    assert max(attempts(database)) == 2
    with database.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER refuse ON outbox"))
    traders.told(ANA)
    traders.stack.wait(seconds=3600)
    traders.settle()
    assert attempts(database) == []
    told = traders.told(ANA)
    assert len(told) == 2
    assert all("Wheat" in body for body in told)
    [told_to_ben] = traders.told(BEN)
    assert "1,500.00" in told_to_ben
