"""How every process of ours connects to PostgreSQL: pooled, patient for a bounded while, and checked after a pause."""

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError

from bot.settings import Settings

WAIT_SECONDS_MAX = 5
TRUSTED_SECONDS = 1  # A connection that answered so lately is used again unasked: asking costs a round trip.


def connect(settings: Settings) -> sa.Engine:
    """All processes together stay below PostgreSQL's limit: each has at most `database_pool_size` connections."""
    database = sa.create_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS_MAX,
    )

    def note_use(connection: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    def check(connection: Any, record: Any, proxy: Any) -> None:
        used_at = record.info.get("used_at")
        if used_at is None or time.monotonic() - used_at < TRUSTED_SECONDS:
            return
        try:
            database.dialect.do_ping(connection)
        except database.dialect.loaded_dbapi.Error as problem:
            raise DisconnectionError from problem  # The pool then connects anew.

    event.listen(database, "checkin", note_use)
    event.listen(database, "checkout", check)
    return database
