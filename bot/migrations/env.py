"""Alembic's entry: how a migration meets the database."""

from alembic import context
from sqlalchemy import create_engine, pool, text

import bot.tables  # noqa: F401  Registers its tables on the one MetaData.
from engine.tables import metadata


def run_migrations() -> None:
    """Migrate online; a migration that cannot have its lock soon fails instead of holding up trading behind it."""
    engine = create_engine(context.config.attributes["database_url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '2s'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run_migrations()
