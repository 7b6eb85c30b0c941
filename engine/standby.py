"""Which worker of a shard is the active one: whoever holds its advisory lock, which ends with the connection."""

from datetime import datetime
from typing import NamedTuple

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
    lock = select(func.pg_try_advisory_lock(SHARD_LOCK, shard_id))
    return bool(connection.execute(lock).scalar_one())


class Backlog(NamedTuple):
    """The oldest command that waits, the active worker's last beat, and the server's process for its connection.

    While all stay the same that worker does nothing: it settles the oldest first, and beats as it does.
    """

    oldest: int
    heartbeat_at: datetime | None
    holder: int | None


BACKLOG = text("""
    SELECT (SELECT min(command_id) FROM waiting_commands WHERE shard_id = shards.id), heartbeat_at,
           (SELECT pid FROM pg_locks
            WHERE locktype = 'advisory' AND granted AND classid = :lock AND objid = shards.id AND objsubid = 2
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    FROM shards WHERE id = :shard_id""")


def backlog(connection: Connection, shard_id: int) -> Backlog | None:
    """None where nothing waits."""
    found = Backlog(*connection.execute(BACKLOG, {"lock": SHARD_LOCK, "shard_id": shard_id}).one())
    return None if found.oldest is None else found


def shut_out(connection: Connection, holder: int) -> None:
    """Close the connection that holds the shard's lock, and with it the lock, however its process fares."""
    connection.execute(select(func.pg_terminate_backend(holder)))
