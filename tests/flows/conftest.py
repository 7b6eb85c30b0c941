"""A local run of everything, as `make run` starts it, and a browser."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from playwright.sync_api import Browser, sync_playwright

PROJECT = Path(__file__).parent.parent.parent
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
OURS = ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "TWILIO_", "SECRET_KEY", "PORT", "HOST")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LocalRun:
    """One `python -m web.local` with everything it keeps in a directory of its own."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.port = int(settings.setdefault("PORT", str(free_port())))
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = directory / "run.log"
        own = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        # Whisper's weights are large, so all runs share one copy.
        own.setdefault("WHISPER_MODEL_DIR", str(PROJECT / "var" / "models"))
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "web.local", "--var", str(directory)],
                cwd=PROJECT,
                env=own | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS_MAX
        while "MaiBroker is ready" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.1)
        assert requests.get(f"{self.address}/ready", timeout=5).ok

    def said(self) -> str:
        return self.log.read_text()

    def stop(self, number: int = signal.SIGINT) -> list[psutil.Process]:
        """Interrupt it as a terminal does, the whole group at once; returns what it left running."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        os.killpg(self.process.pid, number)
        self.process.wait(STOP_SECONDS_MAX)
        _, left = psutil.wait_procs(family, timeout=5)
        return left


@pytest.fixture(scope="session")
def local_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    run = LocalRun(tmp_path_factory.mktemp("run"))
    try:
        run.wait_until_ready()
        yield run
    finally:
        if run.process.poll() is None:
            run.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
