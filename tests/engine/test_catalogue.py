"""The demo catalogue: what it lists on a day, and what a later day adds."""

from datetime import UTC, date, datetime

from sqlalchemy import Engine as Database
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import catalogue
from engine.tables import asset_aliases, assets, commands, instruments, shards
from tests.engine.conftest import NOW


def load(database: Database, as_of: date, **options: bool) -> None:
    with Session(database) as session, session.begin():
        catalogue.load(session, as_of=as_of, shard_count=3, now=NOW, **options)


def contracts(database: Database, asset: str) -> list[str]:
    with database.connect() as connection:
        listed = select(instruments.c.contract).where(instruments.c.asset == asset)
        return list(connection.scalars(listed.order_by(instruments.c.contract_month)))


def test_every_asset_lists_the_seeds_contracts_and_two_years_of_months(database: Database) -> None:
    load(database, date(2026, 3, 31))
    listed = contracts(database, "wheat")
    assert listed[:4] == ["Dec25", "Jan26", "Mar26", "Apr26"]
    assert listed[-1] == "Mar28"
    assert len(listed) == 2 + 25
    with database.connect() as connection:
        ends = dict(connection.execute(select(instruments.c.symbol, instruments.c.last_trading_at)).all())
        assert connection.execute(select(func.count()).select_from(assets)).scalar_one() == 16
        assert connection.execute(select(func.count()).select_from(instruments)).scalar_one() == 16 * 27
    assert ends["Dec25-Wheat"] is None
    assert ends["Mar26-Wheat"] == datetime(2026, 4, 1, tzinfo=UTC)
    assert ends["Dec26-Wheat"] == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_seed_contract_of_a_coming_month_is_listed_once_and_never_ends(database: Database) -> None:
    load(database, date(2025, 11, 3))
    assert contracts(database, "gold")[:3] == ["Nov25", "Dec25", "Jan26"]


def test_a_second_load_changes_nothing_and_a_later_one_adds_months(database: Database) -> None:
    load(database, date(2025, 11, 3))
    first = contracts(database, "oil")
    with database.connect() as connection:
        before = connection.execute(select(func.count()).select_from(commands)).scalar_one()
    load(database, date(2025, 11, 3))
    with database.connect() as connection:
        assert connection.execute(select(func.count()).select_from(commands)).scalar_one() == before
    load(database, date(2025, 12, 1))
    assert contracts(database, "oil") == [*first, "Dec27"]


def test_an_assets_contracts_share_a_shard_and_the_assets_spread(database: Database) -> None:
    load(database, date(2025, 11, 3))
    with database.connect() as connection:
        of_asset = connection.execute(select(instruments.c.asset, instruments.c.shard_id).distinct()).all()
        used = connection.scalars(select(instruments.c.shard_id).distinct().order_by(instruments.c.shard_id)).all()
        assert connection.scalars(select(shards.c.id).order_by(shards.c.id)).all() == [0, 1, 2]
    assert len(of_asset) == 16
    assert used == [0, 1, 2]


def test_names_and_aliases_come_from_the_file_and_staffs_changes_stay(database: Database) -> None:
    load(database, date(2025, 11, 3))
    with database.begin() as connection:
        connection.execute(assets.update().where(assets.c.code == "corn").values(names={"en": "Maize"}))
    load(database, date(2025, 12, 3))
    with database.connect() as connection:
        aliases = connection.scalars(select(asset_aliases.c.alias).where(asset_aliases.c.asset == "corn")).all()
        names = connection.execute(select(assets.c.names).where(assets.c.code == "corn")).scalar_one()
    assert set(aliases) == {"corn", "maize", "maíz", "milho"}
    assert names == {"en": "Maize"}


def test_prices_are_banded_unless_told_otherwise(database: Database) -> None:
    load(database, date(2025, 11, 3), banded=False)
    with database.connect() as connection:
        assert connection.scalars(select(instruments.c.band_percent).distinct()).all() == [None]
        wheat = select(instruments.c.reference_ticks).where(instruments.c.symbol == "Dec25-Wheat")
        assert connection.execute(wheat).scalar_one() == 15000
