"""How the API answers under load, with every real process and two web workers: `python -m tests.bench.bench_api`.

Orders are asked for at a steady rate and then as fast as they are taken, market data as fast as it is answered; beside
each stands what it cost in processor time, the client's own included.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import requests

from tests.bench import http_load
from tests.bench.http_load import Load
from tests.flows.conftest import LocalRun
from tests.load.processes import Watch

WORKERS = 2
STEADY_RATE, SECONDS = 100, 10
CALLERS = 16
LOADING_SECONDS = 25
UNLIMITED = "1000000000"
LIMITS = ("LOGINS_PER_QUARTER_HOUR", "ORDERS_PER_MINUTE", "REQUESTS_PER_MINUTE")
PASSWORD = "seven purple tractors"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        # The database server may run as a user of its own, which has to reach its directory.
        Path(scratch).chmod(0o755)
        directory = Path(scratch) / "var"
        directory.mkdir()
        run = LocalRun(directory, WEB_CONCURRENCY=str(WORKERS), **dict.fromkeys(LIMITS, UNLIMITED))
        try:
            run.wait_until_ready()
            # The workers are still loading what they read and hear with.
            time.sleep(LOADING_SECONDS)
            measure(run, directory)
        finally:
            run.stop()


def measure(run: LocalRun, directory: Path) -> None:
    account = {"username": "bench", "password": PASSWORD}
    answer = requests.post(f"{run.address}/api/auth/register", json=account, timeout=30)
    assert answer.status_code == 201, answer.text
    token = answer.json()["access_token"]
    prices = count()

    def order() -> bytes:
        asked = {"symbol": "Dec25-Wheat", "side": "buy", "quantity": "1", "price": str(100 + next(prices) % 40)}
        return http_load.request("POST", "/api/orders", json.dumps(asked).encode(), token)

    read = http_load.request("GET", "/api/orderbook/Dec25-Wheat")
    for what, ask, status, rate in (
        (f"{STEADY_RATE} orders a second (target: p50 < 10 ms, p99 < 50 ms)", order, 202, STEADY_RATE),
        ("orders as fast as they are taken (target: 400/s)", order, 202, None),
        ("cached reads as fast as they are answered (target: 1,500/s)", lambda: read, 200, None),
    ):
        watch = Watch(directory)
        load = http_load.run(run.port, CALLERS, ask, status=status, seconds=SECONDS, per_second=rate)
        show(what, load, watch.end().processors)


def show(what: str, load: Load, processors: Mapping[str, float]) -> None:
    percentiles = statistics.quantiles(load.milliseconds, n=100)
    print(
        f"{what}: {load.rate:,.0f}/s, p50 {percentiles[49]:.1f} ms, p99 {percentiles[98]:.1f} ms, "
        f"{load.unexpected} of another status"
    )
    each = {"client": load.client_seconds / load.seconds, **processors}
    milliseconds = {name: used / load.rate * 1000 for name, used in each.items()}
    print(
        "    processor ms each: " + ", ".join(f"{name} {spent:.2f}" for name, spent in milliseconds.items()), flush=True
    )


if __name__ == "__main__":
    main()
