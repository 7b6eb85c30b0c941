"""A local run of everything, as `make run` starts it, and a browser."""

import os
import secrets
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
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

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
PASSWORD = "seven purple tractors"
ANSWER_MILLISECONDS_MAX = 30_000
UNLIMITED = "100000"
LIMITS = ("LOGINS_PER_QUARTER_HOUR", "ORDERS_PER_MINUTE", "REQUESTS_PER_MINUTE", "MESSAGES_PER_SENDER_PER_MINUTE")
# A request that is refused, and a server that is away, are told by the browser itself.
TOLD_BY_BROWSER = ("Failed to load resource", "WebSocket connection to")
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

    def stop(self, number: int = signal.SIGINT, seconds_max: float = STOP_SECONDS_MAX) -> list[psutil.Process]:
        """Interrupt it as a terminal does, the whole group at once; returns what it left running."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        os.killpg(self.process.pid, number)
        self.process.wait(seconds_max)
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


@pytest.fixture(scope="session")
def terminal_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """A run whose limits no test of the terminal meets."""
    run = LocalRun(tmp_path_factory.mktemp("terminal"), **dict.fromkeys(LIMITS, UNLIMITED))
    try:
        run.wait_until_ready()
        yield run
    finally:
        if run.process.poll() is None:
            run.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-US", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(ANSWER_MILLISECONDS_MAX)
    yield context
    context.close()


@pytest.fixture
def terminal(terminal_run: LocalRun, context: BrowserContext) -> Iterator[Page]:
    """The terminal before signing in; whatever its scripts get wrong fails the test."""
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
    page.goto(f"{terminal_run.address}/?lang=en&market=Dec25-Rice")
    expect(page.get_by_test_id("connection")).to_have_text("Live", timeout=ANSWER_MILLISECONDS_MAX)
    yield page
    assert [error for error in errors if not error.startswith(TOLD_BY_BROWSER)] == []


@pytest.fixture
def ana(terminal: Page) -> str:
    """The person at the terminal, who has just made an account there."""
    username = "ana-" + secrets.token_hex(4)
    terminal.get_by_test_id("open-sign-in").click()
    terminal.get_by_test_id("sign-in-other").click()
    terminal.get_by_test_id("username-field").fill(username)
    terminal.get_by_test_id("password-field").fill(PASSWORD)
    terminal.get_by_test_id("sign-in-send").click()
    expect(terminal.get_by_test_id("username")).to_have_text(username)
    return username
