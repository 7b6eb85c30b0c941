"""The replay of the record finds whatever was changed behind the market's back."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import text

from engine.batch import Engine
from engine.orders import Side
from engine.verify import verify
from tests.engine.trading import Floor, differences, settle_all

TAMPERING = {
    "an order's state": "UPDATE orders SET state = 'new' WHERE state = 'partially_filled'",
    "an order's owner": "UPDATE orders SET trader_id = 4 WHERE trader_id = 1",
    "an order's place in the queue": "UPDATE orders SET priority = priority + 100 WHERE trader_id = 3",
    "an order's type": "UPDATE orders SET order_type = 'market' WHERE trader_id = 3",
    "an order reopened": "UPDATE orders SET closed_at = NULL WHERE state = 'canceled'",
    "an order gone": "DELETE FROM orders WHERE state = 'filled'",
    "a trade's price": "UPDATE trades SET price_ticks = price_ticks + 1",
    "a trade's commission": "UPDATE trades SET maker_commission_cents = 0",
    "a trade gone": "DELETE FROM trades",
    "a position": "UPDATE positions SET lots = lots + 1 WHERE trader_id = 1",
    "a position's profit": "UPDATE positions SET realised_ticks = 1 WHERE trader_id = 2",
    "a position gone": "DELETE FROM positions WHERE trader_id = 2",
    "a limit": "INSERT INTO trader_limits VALUES (0, 1, true)",
    "an event's body": "UPDATE events SET body = replace(body, '\"quantity_lots\":40', '\"quantity_lots\":41')",
    "an event's trader": "UPDATE events SET trader_id = 4 WHERE kind = 'trade'",
    "an event gone": "DELETE FROM events WHERE kind = 'order_canceled'",
    "the number of the last event": "UPDATE shards SET last_event = last_event + 1",
    "what was asked": """
        UPDATE commands SET body = replace(body, '"quantity_lots":100', '"quantity_lots":101') WHERE trader_id = 1""",
    "a command that waits again": """
        INSERT INTO waiting_commands SELECT shard_id, id, created_at FROM commands WHERE trader_id = 3 LIMIT 1""",
    "a command lost": "INSERT INTO commands SELECT 5000, shard_id, 3, source, 'x', 0, kind, 9, instrument_id, body, "
    "created_at FROM commands WHERE trader_id = 3 LIMIT 1",
    "an instrument's rules": "UPDATE instruments SET band_percent = 1 WHERE symbol = 'Dec25-Wheat'",
    "an instrument's status": "UPDATE instruments SET status = 'halted' WHERE symbol = 'Dec25-Wheat'",
}


@pytest.fixture
def traded(market: Database) -> Database:
    """A partial fill, an order that rests, a cancellation."""
    floor, engine = Floor(market), Engine(market)
    floor.place("ana", Side.BUY, 100, "150")
    floor.place("ben", Side.SELL, 40, "149")
    cleo = floor.place("cleo", Side.SELL, 5, "155")
    floor.place("cleo", Side.SELL, 5, "156")
    floor.cancel("cleo", cleo.order_id)
    settle_all(engine, floor.now)
    engine.close()
    assert differences(market) == []
    return market


def test_all_tampering_is_found(traded: Database) -> None:
    missed = []
    for name, change in TAMPERING.items():
        with traded.connect() as connection:
            changed = connection.exec_driver_sql(change)
            assert changed.rowcount, f"nothing to tamper with: {name}"
            if not verify(connection):
                missed.append(name)
            connection.rollback()
    assert missed == []


def verify_command(database_url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine.replay", "--verify"],
        env=os.environ | {"DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_fails_loudly_and_says_what_differs(traded: Database, market_url: str) -> None:
    url = market_url.replace("postgresql+psycopg2://", "postgres://")
    honest = verify_command(url)
    assert (honest.returncode, honest.stderr) == (0, "")
    with traded.begin() as connection:
        connection.execute(text("UPDATE positions SET commission_cents = 0 WHERE trader_id = 1"))
    tampered = verify_command(url)
    assert tampered.returncode == 1
    assert "a position is stored as" in tampered.stderr
