"""A local run as operators see it: the alarm goes off within five seconds and ends by itself, and counts are right."""

import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
import sqlalchemy as sa
from honcho.environ import parse
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from tests.faults.servers import frozen, start_postgres, stop_postgres
from tests.flows.conftest import LocalRun

ALARM_SECONDS_MAX = 5
ALL_CLEAR_SECONDS_MAX = 30
ORDERS, TRADERS = 1000, 10
UNLIMITED = dict.fromkeys(("ORDERS_PER_MINUTE", "REQUESTS_PER_MINUTE", "LOGINS_PER_QUARTER_HOUR"), "1000000")


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """Not pytest's own: the account that PostgreSQL runs under has to reach it when it starts again."""
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)
        directory = Path(scratch) / "var"
        directory.mkdir()
        yield directory


@pytest.fixture(scope="module")
def started_again() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Servers that a test started in the place of the run's own, to be stopped after it."""
    servers: list[subprocess.Popen[bytes]] = []
    yield servers
    for server in servers:
        server.send_signal(signal.SIGINT)
        server.wait(30)


@pytest.fixture(scope="module")
def run(directory: Path, started_again: list[subprocess.Popen[bytes]]) -> Iterator[LocalRun]:
    run = LocalRun(directory, **UNLIMITED)
    try:
        run.wait_until_ready()
        yield run
    finally:
        assert run.stop() == []


def found(run: LocalRun, words: str) -> psutil.Process:
    """The process of the run whose command line has these words; of a family the eldest."""
    family = psutil.Process(run.process.pid).children(recursive=True)
    matching = [
        one for one in family if words in " ".join(one.as_dict(["cmdline"])["cmdline"] or ()) and one.name() != "sh"
    ]
    return min(matching, key=lambda one: one.create_time())


def ready(run: LocalRun) -> bool:
    return requests.get(f"{run.address}/ready", timeout=ALARM_SECONDS_MAX).ok


def wait_until(condition: Callable[[], bool], seconds_max: float) -> None:
    end = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


@pytest.mark.parametrize("words", ["bot.worker engine-0", "valkey-server"])
def test_a_stopped_process_raises_the_alarm_until_it_goes_on(run: LocalRun, words: str):
    wait_until(lambda: ready(run), ALL_CLEAR_SECONDS_MAX)
    with frozen([found(run, words)]):
        wait_until(lambda: not ready(run), ALARM_SECONDS_MAX)
    wait_until(lambda: ready(run), ALL_CLEAR_SECONDS_MAX)


def test_a_database_that_is_restarted_raises_the_alarm_until_it_is_back(
    run: LocalRun, directory: Path, started_again: list[subprocess.Popen[bytes]]
):
    wait_until(lambda: ready(run), ALL_CLEAR_SECONDS_MAX)
    data = directory / "postgres"
    command = stop_postgres(data, signal.SIGINT)
    try:
        wait_until(lambda: not ready(run), ALARM_SECONDS_MAX)
    finally:
        started_again.append(start_postgres(data, command))
    wait_until(lambda: ready(run), ALL_CLEAR_SECONDS_MAX)


def test_the_metrics_of_all_processes_agree_with_the_database(run: LocalRun, directory: Path):
    wait_until(lambda: ready(run), ALL_CLEAR_SECONDS_MAX)
    before = metrics(run, directory)
    with ThreadPoolExecutor(TRADERS) as pool:
        placed = sum(pool.map(lambda number: place(run, number), range(TRADERS)))
    assert placed == ORDERS
    wait_until(lambda: metrics(run, directory)["maibroker_orders_settled_total"] >= before_plus(before), 20)
    after = metrics(run, directory)
    database: Engine = sa.create_engine(database_url(run))
    with database.connect() as connection:
        orders = connection.scalar(sa.text("SELECT count(*) FROM orders"))
        trades = connection.scalar(sa.text("SELECT count(*) FROM trades"))
        commands = connection.scalar(sa.text("SELECT count(*) FROM commands"))
    database.dispose()
    assert after["maibroker_orders_settled_total"] == orders
    assert after["maibroker_trades_executed_total"] == trades > 0
    assert after["maibroker_batch_commands_sum"] == commands
    assert after["maibroker_waiting", "commands"] == 0


def before_plus(before: dict[object, float]) -> float:
    return before["maibroker_orders_settled_total"] + ORDERS


def place(run: LocalRun, number: int) -> int:
    """One trader's share of the orders, whose prices meet those of the others; returns how many were taken."""
    credentials = {"username": f"counted{number}", "password": "seven purple tractors"}
    with requests.Session() as session:
        token = session.post(f"{run.address}/api/auth/register", json=credentials, timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return sum(
            session.post(
                f"{run.address}/api/orders",
                json={
                    "symbol": "Dec25-Wheat",
                    "side": "buy" if (number + count) % 2 else "sell",
                    "quantity": "1",
                    "price": "150",
                },
                headers=headers,
                timeout=30,
            ).ok
            for count in range(ORDERS // TRADERS)
        )


def metrics(run: LocalRun, directory: Path) -> dict[object, float]:
    """Sums over labels by the sample's name, and what waits by kind."""
    token = parse((directory / "secrets.env").read_text())["METRICS_TOKEN"]
    answer = requests.get(f"{run.address}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    sums: dict[object, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0) + sample.value
            if sample.name == "maibroker_waiting":
                sums[sample.name, sample.labels["kind"]] = sample.value
    return sums


def database_url(run: LocalRun) -> str:
    """What the run told its workers."""
    return found(run, "bot.sweep").environ()["DATABASE_URL"]
