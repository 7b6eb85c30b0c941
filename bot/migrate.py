"""Bring a database to the newest migration; also a command: `python -m bot.migrate`."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from bot.settings import Settings, SettingsError

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database_url: str) -> None:
    """Apply what is missing, each migration in its own transaction; raises what the database raises."""
    command.upgrade(alembic_config(database_url), "head")


def alembic_config(database_url: str) -> Config:
    """Alembic's configuration for `database_url`, without a file that would have to be found."""
    config = Config(attributes={"database_url": database_url})
    config.set_main_option("script_location", MIGRATIONS.as_posix())
    config.set_main_option("path_separator", "os")
    return config


def main() -> None:
    try:
        settings = Settings.from_env()
    except SettingsError as problem:
        sys.exit(f"The database cannot be brought up to date: {problem}.")
    upgrade(settings.database_url)


if __name__ == "__main__":
    main()
