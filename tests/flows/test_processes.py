"""A local run as a whole: what dies in it comes back, and what stops it leaves nothing."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from tests.flows.conftest import LocalRun

REPLY_SECONDS_MAX = 60


def write(run: LocalRun, number: str, body: str) -> None:
    content = {"number": number, "body": body}
    assert requests.post(f"{run.address}/phone/messages", json=content, timeout=10).status_code == 201


def replies(run: LocalRun, number: str) -> list[str]:
    answer = requests.get(f"{run.address}/phone/messages", params={"numbers": number}, timeout=10)
    return [message["body"] for message in answer.json()["messages"] if message["direction"] == "outbound"]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + REPLY_SECONDS_MAX
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


def process_of(run: LocalRun, words: str) -> psutil.Process:
    """The run's one process with these words in its command line, besides the shell that keeps it up."""
    family = psutil.Process(run.process.pid).children(recursive=True)
    [found] = [one for one in family if is_python(one, words)]
    return found


def is_python(process: psutil.Process, words: str) -> bool:
    try:
        return process.name().startswith("python") and words in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # It ended while the others were asked.
        return False


def test_workers_that_are_killed_come_back_and_no_order_is_lost_or_doubled(local_run: LocalRun):
    buyer, seller = "+15550300001", "+15550300002"
    write(local_run, buyer, "buy 7 rice jan26 at 165")
    wait_for(lambda: len(replies(local_run, buyer)) == 1)
    for words in ("bot.worker engine-0", "bot.worker chat", "bot.worker outbound", "bot.worker voice", "bot.sweep"):
        process_of(local_run, words).kill()
    write(local_run, seller, "sell 3 rice jan26 at 164")
    wait_for(lambda: len(replies(local_run, buyer)) == 2)
    wait_for(lambda: len(replies(local_run, seller)) == 1)
    write(local_run, buyer, "positions")
    wait_for(lambda: len(replies(local_run, buyer)) == 3)
    assert "3 Rice Jan26" in replies(local_run, buyer)[-1].replace("*", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_nothing_and_finds_its_data_again(tmp_path: Path, number: signal.Signals):
    first = LocalRun(tmp_path)
    first.wait_until_ready()
    write(first, "+15550300003", "buy 2 rice jan26 at 165")
    wait_for(lambda: len(replies(first, "+15550300003")) == 1)
    assert first.stop(number) == []
    assert first.process.returncode == 0

    second = LocalRun(tmp_path)
    second.wait_until_ready()
    try:
        write(second, "+15550300003", "orders")
        wait_for(lambda: len(replies(second, "+15550300003")) == 2)
        assert "2 Rice Jan26" in replies(second, "+15550300003")[-1]
    finally:
        assert second.stop(number) == []
