"""A person who asks to be forgotten leaves no word behind, and every trade."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from bot import credentials, erasure, passwords, retention
from bot.erasure import CannotErase
from bot.tables import accounts, conversations, inbox, outbox, recordings
from engine.tables import metadata, orders, trades
from engine.tables import traders as trader_table
from engine.verify import verify
from tests.bot.conftest import Traders

ANA, BEN = "+15550101", "+15550102"


def erase(traders: Traders, number: str) -> int:
    with traders.stack.sessions.begin() as session:
        return erasure.erase(session, number, traders.stack.now())


@pytest.fixture
def traded(traders: Traders) -> Traders:
    """Ana bought from Ben, and sold it back."""
    for number, text in ((ANA, "buy 5 wheat dec25 at 150"), (BEN, "sell 5 wheat dec25 at 150")):
        assert traders.outcome(number, text) == "placed"
    for number, text in ((BEN, "buy 5 wheat dec25 at 151"), (ANA, "sell 5 wheat dec25 at 151")):
        assert traders.outcome(number, text) == "placed"
    return traders


def everything_stored(database: Engine) -> str:
    with database.connect() as connection:
        return "\n".join(
            str(row) for table in metadata.sorted_tables for row in connection.execute(sa.select(table)).all()
        )


def test_whoever_is_forgotten_is_nowhere_to_be_found_and_the_record_stands(traded: Traders, database: Engine):
    traded.reply(ANA, "my name is Ana Xochitl, alert me when wheat dec25 reaches 170")
    with traded.stack.sessions.begin() as session:
        heard = session.execute(
            sa.select(inbox.c.id, conversations.c.trader_id)
            .join(conversations, conversations.c.id == inbox.c.conversation_id)
            .where(conversations.c.number == ANA)
            .order_by(inbox.c.id)
        ).first()
        assert heard is not None
        now = traded.stack.now()
        kept_until = now + timedelta(days=7)
        session.execute(sa.insert(recordings).values(inbox_id=heard.id, audio=b"Xochitl", kept_until=kept_until))
        session.execute(
            sa.insert(accounts).values(trader_id=heard.trader_id, username="xochitl", password_hash="x", created_at=now)
        )
    assert ANA in everything_stored(database)
    assert erase(traded, ANA) == heard.trader_id
    stored = everything_stored(database)
    assert ANA not in stored
    assert "ochitl" not in stored
    assert BEN in stored
    with database.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(trades)) == 2
        assert connection.scalar(sa.select(sa.func.count()).where(orders.c.trader_id == heard.trader_id)) == 2
        assert connection.scalar(sa.select(trader_table.c.frozen).where(trader_table.c.id == heard.trader_id))
        assert verify(connection) == []
        kept = connection.execute(sa.select(accounts.c.password_hash).where(accounts.c.trader_id == heard.trader_id))
        [password_hash] = kept.scalars()
    assert not any(passwords.matches(password_hash, guess) for guess in ("", "x", password_hash))
    with traded.stack.sessions() as session:
        assert credentials.find(session, "xochitl") is None


def test_whoever_comes_back_is_somebody_new(traded: Traders, database: Engine):
    before = erase(traded, ANA)
    assert traded.outcome(ANA, "buy 5 wheat dec25 at 150") == "placed"
    with database.connect() as connection:
        now_known_as = connection.scalar(sa.select(conversations.c.trader_id).where(conversations.c.number == ANA))
    assert now_known_as not in (None, before)


def test_nothing_is_deleted_while_something_is_open(traded: Traders, database: Engine):
    before = everything_stored(database)
    with pytest.raises(CannotErase, match="no conversation"):
        erase(traded, "+15550999")
    assert everything_stored(database) == before
    assert traded.outcome(ANA, "buy 5 wheat dec25 at 140") == "placed"
    before = everything_stored(database)
    with pytest.raises(CannotErase, match="1 orders and 0 positions"):
        erase(traded, ANA)
    assert everything_stored(database) == before


def test_old_messages_are_emptied_and_young_ones_stay(traded: Traders, database: Engine):
    traded.stack.wait(days=10)
    traded.reply(ANA, "help")
    with traded.stack.sessions.begin() as session:
        session.execute(sa.update(outbox).values(state="delivered"))
        retention.forget_old_messages(session, traded.stack.now(), keep_days=5)
    with database.connect() as connection:
        assert connection.scalars(sa.select(inbox.c.body).where(inbox.c.body != "")).all() == ["help"]
        assert len(connection.scalars(sa.select(outbox.c.body).where(outbox.c.body != "")).all()) == 1
        assert verify(connection) == []
