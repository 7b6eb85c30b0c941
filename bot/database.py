"""How every process of ours connects to PostgreSQL: pooled, patient for a bounded while, and checked after a pause."""

import time
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError, OperationalError

from bot.settings import Settings

WAIT_SECONDS_MAX = 5
# Every query of ours is short, so that compiling one takes longer than it; and no disk turns any more, which PostgreSQL
# still assumes and would rather read a table in order than what an index finds in it.
PLANNING = "SET jit = off; SET random_page_cost = 1.1"
TRUSTED_SECONDS = 1  # A connection that answered so lately is used again unasked: asking costs a round trip.


def connect(settings: Settings, *, isolation_level: Literal["AUTOCOMMIT"] | None = None) -> sa.Engine:
    """At most `database_pool_size` connections, so that all processes together stay below PostgreSQL's limit.

    `isolation_level` is that of every connection, set as it is made: to set it at each use costs two round trips.
    """
    database = sa.create_engine(
        settings.database_url,
        isolation_level=isolation_level,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS_MAX,
        # The last used is used again: it is the likeliest to be trusted, and its server process to be awake.
        pool_use_lifo=True,
    )

    def set_up(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(PLANNING)
        connection.commit()

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

    def name_loss(context: ExceptionContext) -> OperationalError | None:
        # psycopg2 calls it a mere DatabaseError where the server is gone without a word, as after a crash.
        if not context.is_disconnect or isinstance(context.sqlalchemy_exception, OperationalError):
            return None
        return OperationalError(
            context.statement, context.parameters, context.original_exception, connection_invalidated=True
        )

    event.listen(database, "connect", set_up)
    event.listen(database, "checkin", note_use)
    event.listen(database, "checkout", check)
    event.listen(database, "handle_error", name_loss)
    return database
