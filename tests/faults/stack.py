"""Every process of a local run and a second engine, and what can be done to them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import requests
import sqlalchemy as sa

from tests.faults.plan import Fault, Trouble
from tests.faults.servers import Servers, frozen
from tests.flows.conftest import PROJECT, LocalRun, free_port
from web.local import HOST, OUR_NUMBER, QUESTION_TEMPLATES, kept_secrets
from web.twilio_faults import Fault as TwilioFault

SETTINGS = {
    **dict.fromkeys(("ORDERS_PER_MINUTE", "REQUESTS_PER_MINUTE", "LOGINS_PER_QUARTER_HOUR"), "1000000"),
    "MESSAGES_PER_SENDER_PER_MINUTE": "1000",
    "TWILIO_SECONDS_MAX": "5",
    "TWILIO_CONNECTIONS": "16",
    "DATABASE_POOL_SIZE": "10",
    # Twilio's double is a process of ours and away as long as that; the real one is asked for hours.
    "SEND_RETRY_SECONDS_MAX": "2",
    "SEND_ATTEMPTS_MAX": "1000",
    "NOTICE_SECONDS_MIN": "2",
    "STATUS_SECONDS_MAX": "2",
}
# In percent, while there is trouble at Twilio; what makes us wait strikes seldom.
TWILIO = {
    TwilioFault.LATE_STATUSES: 15,
    TwilioFault.DUPLICATE_STATUSES: 15,
    TwilioFault.MISSING_STATUSES: 10,
    TwilioFault.TOO_MANY_REQUESTS: 15,
    TwilioFault.SERVER_ERRORS: 15,
    TwilioFault.LOST_ANSWERS: 5,
    TwilioFault.LOST_REQUESTS: 5,
    TwilioFault.OUTSIDE_WINDOW: 3,
    TwilioFault.CHANNEL_BUSY: 8,
    TwilioFault.MEDIA_GONE: 0,
}
COMMANDS = {
    "web": "gunicorn",
    "web worker": "gunicorn",
    "chat": "bot.worker chat",
    "engine": "bot.worker engine-0",
    "outbound": "bot.worker outbound",
    "pictures": "bot.worker pictures",
    "voice": "bot.worker voice",
    "sweep": "bot.sweep",
}
CLOCK_FILES = {"web": "gunicorn", "engine": "engine-0", "second engine": "engine-0"}
SWITCH_SECONDS_MAX = 120
STOP_SECONDS_MAX = 120  # A busy machine takes its time.


class Stack:
    """A local run whose clocks can be shifted, with a second engine kept up beside it; and Twilio.

    Twilio's double is a process of its own, since the real one is neither killed nor slow with us.
    """

    def __init__(self, directory: Path, servers: Servers) -> None:
        self.servers = servers
        self.clocks = {name: directory / name for name in ("clocks", "second-clocks")}
        for path in self.clocks.values():
            path.mkdir()
        self.logs = {name: directory / f"{name}.log" for name in ("second-engine", "twilio")}
        port, twilio_port = free_port(), free_port()
        self.address, self.twilio_address = f"http://{HOST}:{port}", f"http://{HOST}:{twilio_port}"
        settings = {
            **SETTINGS,
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "PUBLIC_URL": self.address,
            "TWILIO_API_URL": self.twilio_address,
            "TWILIO_WHATSAPP_NUMBER": OUR_NUMBER,
            **{f"TWILIO_QUESTION_CONTENT_SID_{name.upper()}": sid for name, sid in QUESTION_TEMPLATES.items()},
        }
        kept = directory / "run"
        kept.mkdir()
        self.secrets = kept_secrets(kept)
        settings |= self.secrets
        self.run = LocalRun(
            kept,
            **settings,
            PORT=str(port),
            FAULTS_CLOCKS=str(self.clocks["clocks"]),
            PYTHONPATH=f"{PROJECT / 'tests' / 'faults' / 'clock'}{os.pathsep}{PROJECT}",
        )
        application = f"web.local:create_app({str(directory / 'phone')!r})"
        self.twilio = self.start(
            [sys.executable, "-m", "gunicorn", "--config", "python:web.serving", "--workers", "1", application],
            {"PATH": os.environ["PATH"], "PORT": str(twilio_port)} | settings,
            "twilio",
        )
        self.second: subprocess.Popen[bytes] | None = None

    def start(self, command: list[str], environment: dict[str, str], name: str) -> subprocess.Popen[bytes]:
        """A process group of its own, with its log."""
        with self.logs[name].open("w") as log:
            return subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until_ready(self) -> None:
        self.run.wait_until_ready()
        # A connection that was kept may have been lost with the server.
        self.database = sa.create_engine(self.servers.database_url, poolclass=sa.NullPool)
        environment = self.processes("sweep")[0].environ()
        environment |= {"FAULTS_CLOCKS": str(self.clocks["second-clocks"])}
        command = f"while :; do {sys.executable} -m bot.worker engine-0; sleep 1; done"
        self.second = self.start(["sh", "-c", command], environment, "second-engine")

    def processes(self, target: str) -> list[psutil.Process]:
        """Those of a kind, in the order of their start; none while it is being started again."""
        eldest = self.second.pid if target == "second engine" and self.second is not None else self.run.process.pid
        words = COMMANDS.get(target, COMMANDS["engine"])
        found = []
        for one in psutil.Process(eldest).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if one.name() != "sh" and words in " ".join(one.cmdline()):
                    found.append(one)
        found.sort(key=lambda one: one.create_time())
        if target == "web":
            return found[:1]
        return found[1:] if target == "web worker" else found

    def strike(self, fault: Fault) -> None:
        """Break something for as long as the fault lasts, and mend it as far as it does not mend itself."""
        match fault.trouble:
            case Trouble.KILL:
                for one in self.processes(fault.target)[:1]:
                    one.kill()
            case Trouble.FREEZE:
                with frozen(self.processes(fault.target)[:1]):
                    time.sleep(fault.seconds)
            case Trouble.FREEZE_REDIS:
                with frozen([self.servers.redis_process()]):
                    time.sleep(fault.seconds)
            case Trouble.FLUSH_REDIS:
                self.servers.flush_redis()
            case Trouble.RESTART_REDIS:
                self.servers.restart_redis(fault.seconds)
            case Trouble.FILL_DISK:
                with self.servers.full_disk_of_redis():
                    time.sleep(fault.seconds)
            case Trouble.RESTART_POSTGRES:
                self.servers.restart_postgres(fault.seconds)
            case Trouble.SHIFT_CLOCK:
                with self.shifted_clock(fault.target, fault.amount):
                    time.sleep(fault.seconds)
            case Trouble.TROUBLE_TWILIO:
                self.switch_twilio(TWILIO | {"seed": int(fault.at * 1000)})
                time.sleep(fault.seconds)
                self.switch_twilio(dict.fromkeys(TWILIO, 0))

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.address}/ready", timeout=5).ok
        except requests.RequestException:
            return False

    @contextmanager
    def shifted_clock(self, target: str, seconds: float) -> Iterator[None]:
        directory = self.clocks["second-clocks" if target == "second engine" else "clocks"]
        path = directory / CLOCK_FILES.get(target, target)
        made = path.with_suffix(".new")
        made.write_text(str(seconds))
        made.rename(path)  # No process reads half of it.
        try:
            yield
        finally:
            path.unlink()

    def switch_twilio(self, percent: dict[str, int]) -> None:
        end = time.monotonic() + SWITCH_SECONDS_MAX
        while True:
            try:
                if requests.put(f"{self.twilio_address}/phone/faults", json=percent, timeout=5).ok:
                    return
            except requests.RequestException:
                assert time.monotonic() < end, "the double of Twilio does not come back"
            time.sleep(0.2)

    def stop(self) -> list[psutil.Process]:
        """End all of it; returns what it left running."""
        left: list[psutil.Process] = []
        with ExitStack() as ending:
            for group in (self.second, self.twilio):
                if group is not None:
                    ending.callback(lambda group: left.extend(stop_group(group)), group)
            left += self.run.stop(seconds_max=STOP_SECONDS_MAX)
        return left


def stop_group(group: subprocess.Popen[bytes]) -> list[psutil.Process]:
    family = psutil.Process(group.pid).children(recursive=True)
    os.killpg(group.pid, signal.SIGTERM)
    group.wait(STOP_SECONDS_MAX)
    return psutil.wait_procs(family, timeout=STOP_SECONDS_MAX)[1]
