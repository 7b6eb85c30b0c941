"""The market maker's quotes stand on both sides of everything, are asked for once, and come back when they are gone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import market_maker
from bot.market_maker import Quote, Quoting, quotes_around
from engine import catalogue, intake, queries
from engine.batch import Engine
from engine.intake import OrderRequest, Source
from engine.orders import Side
from engine.tables import commands, instruments, orders, traders

NOW = datetime(2025, 11, 3, 12, tzinfo=UTC)
QUOTES_EACH = 10  # Five levels on each side.


@pytest.fixture
def session(database: sa.Engine) -> Iterator[Session]:
    with Session(database) as session:
        catalogue.load(session, as_of=NOW.date(), shard_count=1, now=NOW)
        session.commit()
        yield session


@pytest.fixture
def market(database: sa.Engine) -> Iterator[Engine]:
    engine = Engine(database)
    yield engine
    engine.close()


def settle(market: Engine) -> None:
    while market.settle(0, NOW).more_waiting:
        pass


def quote(session: Session, now: datetime = NOW) -> int:
    """Have it quote, and count what it asked for."""
    before = asked(session)
    shard_ids = market_maker.quote(session, now)
    session.commit()
    assert shard_ids == ({0} if asked(session) > before else set())
    return asked(session) - before


def asked(session: Session) -> int:
    return session.execute(
        sa.select(sa.func.count()).select_from(commands).where(commands.c.source == Source.MARKET_MAKER)
    ).scalar_one()


def instrument_count(session: Session) -> int:
    return session.execute(sa.select(sa.func.count()).select_from(instruments)).scalar_one()


def test_quotes_stand_away_from_the_reference_and_are_rounded_outward():
    quoting = Quoting(
        spread_percent=Decimal("4"), level_step_percent=Decimal("1"), levels=2, level_quantity=Decimal(100)
    )
    assert quotes_around(7, 15010, quoting) == [
        Quote(7, Side.BUY, 14409),
        Quote(7, Side.SELL, 15611),
        Quote(7, Side.BUY, 14259),
        Quote(7, Side.SELL, 15761),
    ]
    assert [quote.side for quote in quotes_around(7, 1, quoting)] == [Side.SELL, Side.SELL]


def test_every_instrument_is_quoted_on_both_sides_wide_enough_for_two_people_to_meet(session: Session, market: Engine):
    assert quote(session) == instrument_count(session) * QUOTES_EACH
    settle(market)
    states = session.execute(sa.select(orders.c.state, sa.func.count()).group_by(orders.c.state)).all()
    assert states == [("new", instrument_count(session) * QUOTES_EACH)]
    wheat = intake.find_instrument(session, symbol="Dec25-Wheat")
    depth = queries.depth(session, wheat["id"], 10)
    assert [level.price_ticks for level in depth.bids] == [14400, 14250, 14100, 13950, 13800]
    assert [level.price_ticks for level in depth.offers] == [15600, 15750, 15900, 16050, 16200]


def test_quotes_that_rest_or_wait_are_not_asked_for_again(session: Session, market: Engine):
    assert quote(session) > 0
    assert quote(session, NOW + timedelta(seconds=1)) == 0
    settle(market)
    assert quote(session, NOW + timedelta(seconds=2)) == 0
    assert session.execute(sa.select(sa.func.count()).where(traders.c.kind == "market_maker")).scalar_one() == 1


def test_a_quote_that_was_filled_comes_back_and_no_other(session: Session, market: Engine):
    quote(session)
    settle(market)
    trader_id = session.execute(
        sa.insert(traders).values(display_name="ana", kind="guest", created_at=NOW).returning(traders.c.id)
    ).scalar_one()
    request = OrderRequest(side=Side.BUY, quantity=Decimal(150), symbol="Dec25-Wheat", price=Decimal("157.50"))
    intake.place(session, trader_id=trader_id, request=request, source=Source.CHAT, request_key="1", now=NOW)
    session.commit()
    settle(market)
    assert quote(session, NOW + timedelta(seconds=1)) == 1
    settle(market)
    wheat = intake.find_instrument(session, symbol="Dec25-Wheat")
    depth = queries.depth(session, wheat["id"], 2)
    assert [(level.price_ticks, level.quantity_lots) for level in depth.offers] == [(15600, 100), (15750, 50)]
