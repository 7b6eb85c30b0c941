"""The real PostgreSQL and Valkey that tests run on, and a fresh migrated database for each test."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import URL, Engine, create_engine, make_url, pool, text

from bot.migrate import upgrade
from bot.servers import local_postgres, local_valkey
from bot.settings import sqlalchemy_url

database_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Not pytest's own: the next run would close that to the account that PostgreSQL runs under."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def postgres_url(server_directory: Path) -> Iterator[URL]:
    """The server that DATABASE_URL names, or our own."""
    if given := os.environ.get("DATABASE_URL"):
        yield make_url(sqlalchemy_url(given))
        return
    with local_postgres(server_directory) as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=pool.NullPool)
        with engine.connect() as connection:
            # No test pulls the plug, and each makes a database: this is what keeps that quick.
            connection.execute(text("ALTER SYSTEM SET fsync TO off"))
            connection.execute(text("SELECT pg_reload_conf()"))
        yield make_url(url)


@pytest.fixture(scope="session")
def redis_url(server_directory: Path) -> Iterator[str]:
    """The server that REDIS_URL names, or our own."""
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    with local_valkey(server_directory) as url:
        yield url


@pytest.fixture(scope="session")
def administrator(postgres_url: URL) -> Iterator[Engine]:
    """Creates and drops databases, which no transaction may hold."""
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=pool.NullPool)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def template_database(administrator: Engine, postgres_url: URL) -> Iterator[str]:
    """The name of an empty database with every migration applied, which each test's own is copied from."""
    name = f"maibroker_test_{os.getpid()}_template"
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    upgrade(postgres_url.set(database=name).render_as_string(hide_password=False))
    yield name
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(administrator: Engine, postgres_url: URL, template_database: str) -> Iterator[str]:
    """A database of the test's own: migrated and empty."""
    name = f"maibroker_test_{os.getpid()}_{next(database_numbers)}"
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template_database}"))
    yield postgres_url.set(database=name).render_as_string(hide_password=False)
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """An emptied Redis."""
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    yield client
    client.close()
