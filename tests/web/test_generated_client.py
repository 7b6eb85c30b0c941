"""A typed client is generated from the OpenAPI document without a word, and trades."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.web.api import PASSWORD, Market
from tests.web.servers import WebServer

PACKAGE = "mai_broker_client"
API = ("accounts.register", "orders.place_order", "orders.list_orders")
PROGRAMS = Path(sys.executable).parent


def test_a_generated_client_registers_trades_and_lists(
    client: FlaskClient,
    market: Market,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    generate(client.get("/openapi.json").data, tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "client")
    generated, models = importlib.import_module(PACKAGE), importlib.import_module(f"{PACKAGE}.models")
    api = {name: importlib.import_module(f"{PACKAGE}.api.{name}") for name in API}
    server = WebServer(database_url, redis_url, tmp_path / "web.log", workers=1)
    try:
        server.wait_until_ready()
        with generated.Client(base_url=server.address) as stranger:
            tokens = api["accounts.register"].sync(
                client=stranger, body=models.Registration(username="ana", password=PASSWORD)
            )
            asked = models.NewOrder(symbol="Dec25-Wheat", side=models.Side.BUY, quantity="10", price="150")
            refused = api["orders.place_order"].sync(client=stranger, body=asked)
        assert refused.code == "not_signed_in"
        with generated.AuthenticatedClient(base_url=server.address, token=tokens.access_token) as ana:
            with market.running():
                placed = api["orders.place_order"].sync_detailed(client=ana, body=asked, prefer="wait=10")
            listed = api["orders.list_orders"].sync(client=ana, status=models.OrderStatus.OPEN)
        assert (placed.status_code, placed.parsed.state) == (201, models.OrderState.NEW)
        assert [order.id for order in listed.orders] == [placed.parsed.id]
    finally:
        server.stop()


def generate(document: bytes, directory: Path) -> None:
    path = directory / "openapi.json"
    path.write_text(json.dumps(json.loads(document)))
    # The generator has its code formatted by ruff, which it looks for.
    environment = os.environ | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    command = [PROGRAMS / "openapi-python-client", "generate", "--path", path, "--output-path", directory / "client"]
    done = subprocess.run(
        [*command, "--fail-on-warning"], env=environment, cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
