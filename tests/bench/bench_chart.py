"""How long the worker takes to make a picture, and how heavy it is: a market's last hours, and its book.

Measured from the reading of a real database to the stored file. `python -m tests.bench.bench_chart` prints the
percentiles of each picture, in milliseconds, and the bytes of the last.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from bot import attachments, logs
from bot.attachments import PNG, Kind, Wanted
from bot.chat import OwnStack, say
from bot.migrate import upgrade
from bot.pictures import Pictures
from bot.servers import local_postgres
from bot.tables import attachments as files
from engine.tables import instruments, traders, trades

ROUNDS = 40
TRADES = 2_000
LEVELS = 8


def main() -> None:
    """Print a line for each picture."""
    logs.configure(sys.stderr)
    with tempfile.TemporaryDirectory() as directory, local_postgres(Path(directory)) as url:
        upgrade(url)
        database = sa.create_engine(url)
        stack = OwnStack(database, datetime.now(UTC).date())
        for level in range(LEVELS):
            say(stack, "+15550100", f"Buy {10 + level} Dec25 Wheat at {149 - level} good till canceled")
            say(stack, "+15550101", f"Sell {10 + level} Dec25 Wheat at {151 + level} good till canceled")
        now = stack.now()
        with stack.sessions.begin() as session:
            instrument_id = trade_much(session, now)
        pictures = Pictures(stack.sessions)
        for kind in (Kind.CHART, Kind.DEPTH):
            measure(stack.sessions, pictures, kind, instrument_id, now)
        database.dispose()


def trade_much(session: Session, now: datetime) -> int:
    """Trades of three days, written as the record would have them; returns the instrument."""
    instrument_id: int = session.execute(
        sa.select(instruments.c.id).where(instruments.c.symbol == "Dec25-Wheat")
    ).scalar_one()
    trader_id = session.execute(sa.select(sa.func.min(traders.c.id))).scalar_one()
    rows = [
        {
            "shard_id": 0,
            "number": 10**9 + number,
            "instrument_id": instrument_id,
            "price_ticks": 600 + number * 7919 % 41 - number % 300 // 10,
            "quantity_lots": 1 + number % 17,
            "taker_side": "buy",
            **{f"{role}_{name}": trader_id for role in ("maker", "taker") for name in ("order_id", "trader_id")},
            **{f"{role}_commission_cents": 15 for role in ("maker", "taker")},
            "occurred_at": now - timedelta(days=3) * (TRADES - number) / TRADES,
        }
        for number in range(TRADES)
    ]
    session.execute(sa.insert(trades), rows)
    return instrument_id


def measure(sessions: sessionmaker[Session], pictures: Pictures, kind: Kind, instrument_id: int, now: datetime) -> None:
    taken = []
    for _round in range(ROUNDS):
        with sessions.begin() as session:
            trader_id = session.execute(sa.select(sa.func.min(traders.c.id))).scalar_one()
            facts = {"instrument_id": instrument_id}
            wanted = Wanted(kind=kind, content_type=PNG, facts=facts, language="es_MX", zone="America/Mexico_City")
            attachment_id = attachments.ask(session, trader_id, wanted, now)
        started = time.perf_counter()
        assert pictures.make(attachment_id, now)
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    with sessions() as session:
        size = session.execute(
            sa.select(sa.func.length(files.c.content)).where(files.c.id == attachment_id)
        ).scalar_one()
    print(f"{kind}: p50 {taken[ROUNDS // 2]:.0f} ms, p95 {taken[ROUNDS * 95 // 100]:.0f} ms, {size} bytes", flush=True)


if __name__ == "__main__":
    main()
