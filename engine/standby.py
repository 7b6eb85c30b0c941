"""Which worker of a shard is the active one: whoever holds its advisory lock, which ends with the connection."""

from sqlalchemy import Connection, func, select, text

SHARD_LOCK = 72  # The class of advisory locks that this is.

# A machine that vanished sends no goodbye, and one that hangs within a transaction keeps the shard's row locked: the
# server ends either one's connection, and with it the lock. A batch finds its few rows by their keys, whatever the
# planner thinks of a table that grew since it was last looked at.
SESSION_SETTINGS = """
    SET tcp_keepalives_idle = 1;
    SET tcp_keepalives_interval = 1;
    SET tcp_keepalives_count = 1;
    SET idle_in_transaction_session_timeout = '10s';
    SET enable_hashjoin = off;
    SET enable_mergejoin = off"""


def hold(connection: Connection, shard_id: int) -> bool:
    """Take the shard's lock for as long as the connection lives; False if another worker has it."""
    connection.execute(text(SESSION_SETTINGS))
    lock = select(func.pg_try_advisory_lock(SHARD_LOCK, shard_id))
    return bool(connection.execute(lock).scalar_one())
