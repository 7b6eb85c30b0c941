"""The migrations and the tables in the code describe the same database."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

import bot.tables  # noqa: F401  Registers its tables on the one MetaData.
from engine.tables import metadata


def test_migrations_build_what_the_tables_say(database: Engine) -> None:
    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
