"""What Prometheus is shown: right over several processes, in its own form, and for nobody without the token."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bot import metrics
from tests.web.conftest import PUBLIC_URL, close, settings_for
from tests.web.live import wait_until
from tests.web.servers import WebServer
from web.app import create_app

PROJECT = Path(__file__).parent.parent.parent
NAME = re.compile(r"maibroker_\w+")
TOKEN = {"Authorization": "Bearer scrape me"}
COUNT_ELSEWHERE = """
import sys
from redis import Redis
from bot import metrics
metrics.trades_executed.inc(int(sys.argv[2]))
metrics.batch_seconds.observe(0.003)
metrics.websocket_connections.set(int(sys.argv[2]))
publisher = metrics.Publisher(Redis.from_url(sys.argv[1]))
publisher.start()
publisher.close()
"""


@pytest.fixture
def scraped(database_url: str, redis_url: str, redis_client: Redis) -> Iterator[FlaskClient]:
    app: Flask = create_app(replace(settings_for(database_url, redis_url, PUBLIC_URL), metrics_token="scrape me"))
    yield app.test_client()
    close(app)


def shown(client: FlaskClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_several_processes_counted_is_added_up(scraped: FlaskClient, redis_url: str):
    for count in ("2", "5"):
        subprocess.run([sys.executable, "-c", COUNT_ELSEWHERE, redis_url, count], check=True)
    found = shown(scraped)
    assert found["maibroker_trades_executed_total", ()] == 7
    assert found["maibroker_websocket_connections", ()] == 7
    assert found["maibroker_batch_seconds_count", ()] == 2
    assert found["maibroker_batch_seconds_bucket", (("le", "0.002"),)] == 0
    assert found["maibroker_batch_seconds_bucket", (("le", "0.005"),)] == 2
    assert found["maibroker_batch_seconds_bucket", (("le", "+Inf"),)] == 2
    assert found["maibroker_up", (("server", "postgresql"),)] == 1


def test_the_sockets_of_every_worker_are_counted_while_they_are_open(
    database_url: str, redis_url: str, redis_client: Redis, tmp_path: Path
):
    server = WebServer(database_url, redis_url, tmp_path / "web.log", 2, METRICS_TOKEN="scrape me")
    try:
        server.wait_until_ready()
        address = f"ws://127.0.0.1:{server.port}/ws"

        def is_shown(count: int) -> bool:
            shown = requests.get(f"{server.address}/metrics", headers=TOKEN, timeout=30).text
            return f"\nmaibroker_websocket_connections {count}.0\n" in shown

        wait_until(lambda: is_shown(0))
        with ExitStack() as opened:
            for _ in range(5):
                opened.enter_context(connect(address))
            wait_until(lambda: is_shown(5))
            with connect(f"{address}?ticket=made-up") as refused, pytest.raises(ConnectionClosed):
                refused.recv()
            wait_until(lambda: is_shown(5))
        wait_until(lambda: is_shown(0))
    finally:
        server.stop()


def test_a_count_is_added_once_however_often_it_is_published(redis_client: Redis):
    publisher = metrics.Publisher(redis_client)
    publisher.publish()
    before = {family.name: family for family in metrics.gathered(redis_client)}
    metrics.trades_executed.inc(3)
    publisher.publish()
    publisher.publish()
    after = {family.name: family for family in metrics.gathered(redis_client)}
    name = "maibroker_trades_executed"
    assert after[name].samples[0].value - before[name].samples[0].value == 3


def test_the_four_that_were_promised_are_there_and_every_name_follows_the_rules(scraped: FlaskClient):
    """The rules of `promtool check metrics`: help, units at the end, and _total for counters and for nothing else."""
    assert scraped.get("/health").status_code == 200
    text = scraped.get("/metrics", headers=TOKEN).text
    families = list(text_string_to_metric_families(text))
    names = {family.name for family in families}
    promised = {"orders_settled", "execution_seconds", "websocket_connections", "cache_requests", "cache_misses"}
    assert {f"maibroker_{name}" for name in promised} <= names
    for family in families:
        assert family.documentation, family.name
        assert family.name.startswith("maibroker_")
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_milliseconds", "_minutes"))
        assert family.type in ("counter", "gauge", "histogram"), family.name
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")
            assert len(sample.labels) <= 4


def test_the_dashboard_asks_for_nothing_that_is_not_there(scraped: FlaskClient):
    assert scraped.get("/health").status_code == 200
    families = text_string_to_metric_families(scraped.get("/metrics", headers=TOKEN).text)
    names = {f"{family.name}{suffix}" for family in families for suffix in ("", "_total", "_bucket")}
    panels = json.loads((PROJECT / "docs" / "grafana.json").read_text())["panels"]
    asked = {name for panel in panels for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert len(asked) > 10
    assert asked <= names


def test_without_the_token_nothing_is_shown(scraped: FlaskClient, client: FlaskClient):
    assert scraped.get("/metrics").status_code == 403
    assert scraped.get("/metrics", headers={"Authorization": "Bearer guess"}).status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 403


def test_with_redis_away_the_rest_is_shown(database_url: str):
    settings = replace(settings_for(database_url, "redis://127.0.0.1:1", PUBLIC_URL), metrics_token="scrape me")
    app = create_app(settings)
    found = shown(app.test_client())
    assert found["maibroker_up", (("server", "redis"),)] == 0
    assert found["maibroker_waiting", (("kind", "messages"),)] == 0
    close(app)
