"""A market in a database: the demo catalogue listed and settled, and some traders."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import URL, Engine, create_engine, insert, text
from sqlalchemy.orm import Session

from engine import batch, catalogue
from engine.tables import traders

NOW = datetime(2025, 11, 3, 12, tzinfo=UTC)
TRADERS = ("ana", "ben", "cleo", "dan")


@pytest.fixture(scope="session")
def market_template(administrator: Engine, postgres_url: URL, template_database: str) -> Iterator[str]:
    """The name of a database to copy: two shards, so that nothing may forget that there can be several."""
    name = f"{template_database}_market"
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template_database}"))
    database = create_engine(postgres_url.set(database=name))
    with Session(database) as session, session.begin():
        catalogue.load(session, as_of=NOW.date(), shard_count=2, now=NOW)
        rows = [{"display_name": trader, "kind": "account", "created_at": NOW} for trader in TRADERS]
        session.execute(insert(traders), rows)
    engine = batch.Engine(database)
    for shard_id in (0, 1):
        while engine.settle(shard_id, NOW).more_waiting:
            pass
    engine.close()
    database.dispose()
    yield name
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def market_url(administrator: Engine, postgres_url: URL, market_template: str) -> Iterator[str]:
    """A market of the test's own."""
    name = f"{market_template}_copy"
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {market_template}"))
    yield postgres_url.set(database=name).render_as_string(hide_password=False)
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def market(market_url: str) -> Iterator[Engine]:
    database = create_engine(market_url)
    yield database
    database.dispose()
