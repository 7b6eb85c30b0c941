"""The migrations and the tables in the code describe the same database."""

import subprocess
import sys

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

import bot.tables  # noqa: F401  Registers its tables on the one MetaData.
from engine.tables import metadata


def test_migrations_build_what_the_tables_say(database: Engine) -> None:
    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_command_says_in_a_line_which_settings_it_lacks() -> None:
    ended = subprocess.run([sys.executable, "-m", "bot.migrate"], env={}, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert "DATABASE_URL is not set" in line
