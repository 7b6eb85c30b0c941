"""How every process of ours connects to PostgreSQL: pooled, patient for a bounded while, and checked before use."""

import sqlalchemy as sa

from bot.settings import Settings

WAIT_SECONDS_MAX = 5


def connect(settings: Settings) -> sa.Engine:
    """All processes together stay below PostgreSQL's limit: each has at most `database_pool_size` connections."""
    return sa.create_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS_MAX,
        pool_pre_ping=True,
    )
