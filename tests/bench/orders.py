"""Orders at a steady rate: `python -m tests.bench.orders DATABASE_URL REDIS_URL SYMBOL RATE SECONDS`.

Four in six trade with one another; the other two rest behind them.
"""

import sys
import time
from decimal import Decimal

import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import Session

from bot import queues
from bot.clock import utc_now
from engine import intake
from engine.intake import OrderRequest, Source
from engine.orders import Side
from engine.tables import traders

# A bid that rests behind, an offer and the bid that takes it; then the same from the other side.
ROUND = (
    (Side.BUY, Decimal(140)),
    (Side.SELL, Decimal(150)),
    (Side.BUY, Decimal(150)),
    (Side.SELL, Decimal(160)),
    (Side.BUY, Decimal(150)),
    (Side.SELL, Decimal(150)),
)


def main(database_url: str, redis_url: str, symbol: str, rate: int, seconds: int) -> None:
    database = sa.create_engine(database_url)
    with database.begin() as connection:
        rows = [{"display_name": name, "kind": "account", "created_at": utc_now()} for name in ("buyer", "seller")]
        by_side = dict(
            zip(
                (Side.BUY, Side.SELL),
                connection.execute(sa.insert(traders).returning(traders.c.id), rows).scalars().all(),
                strict=True,
            )
        )
    with Redis.from_url(redis_url) as redis:
        begun = time.monotonic()
        for number in range(rate * seconds):
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))
            side, price = ROUND[number % len(ROUND)]
            with Session(database) as session, session.begin():
                receipt = intake.place(
                    session,
                    trader_id=by_side[side],
                    request=OrderRequest(side=side, quantity=Decimal(1), symbol=symbol, price=price),
                    source=Source.API,
                    request_key=f"load:{number}",
                    now=utc_now(),
                )
            queues.wake(redis, queues.SETTLE, receipt.shard_id)
    database.dispose()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
