"""How soon a standby settles orders after the active engine worker is killed: `python -m tests.bench.bench_standby`."""

import tempfile
from pathlib import Path

import sqlalchemy as sa

from bot.migrate import upgrade
from bot.servers import local_servers
from tests.faults.standby import kill_the_active_worker

ROUNDS = 3


def main() -> None:
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as scratch:
            # The database server may run as a user of its own, which has to reach its directory.
            Path(scratch).chmod(0o755)
            with local_servers(Path(scratch)) as servers:
                upgrade(servers.database_url)
                database = sa.create_engine(servers.database_url)
                takeover = kill_the_active_worker(database, servers.database_url, servers.redis_url)
                database.dispose()
        print(
            f"standby took over after {takeover.gap.total_seconds():.2f} s (target: within 2 s); "
            f"{takeover.orders} of {takeover.commands} orders, replay exit status {takeover.verified.returncode}"
        )


if __name__ == "__main__":
    main()
