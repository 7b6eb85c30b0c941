"""The OpenAPI document: valid, complete, shown without any other host, and kept by the application in every answer."""

import json
import re
from collections.abc import Iterator

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.web.api import ApiCaller, Market
from web.errors import STATUSES

EXAMPLES = 15


@pytest.fixture
def caller(api: Flask, market: Market) -> ApiCaller:
    caller = ApiCaller(api)
    for _ in range(3):
        caller.place()
    market.settle()
    return caller


def test_the_document_is_valid_and_says_everything_that_is_served(api: Flask, client: FlaskClient):
    document = json.loads(client.get("/openapi.json").data)
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    said = {
        (method.upper(), re.sub(r"{\w+}", "{}", path))
        for path, operations in document["paths"].items()
        for method in operations
        if method != "parameters"
    }
    served = {
        (method, re.sub(r"<[^>]+>", "{}", rule.rule))
        for rule in api.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert said == served
    operations = [operation for found in document["paths"].values() for operation in found.values()]
    names = [operation["operationId"] for operation in operations if isinstance(operation, dict)]
    assert len(set(names)) == len(names) > 20


def test_the_page_that_shows_the_document_needs_no_other_host(client: FlaskClient):
    page = client.get("/docs").text
    assert "http" not in re.sub(r"<!--.*?-->", "", page, flags=re.DOTALL)
    for path in re.findall(r'(?:src|href)="([^"]+)"', page):
        with client.get(path) as answer:
            assert answer.status_code == 200, path
    assert client.get("/docs/index.html").status_code == 404


def test_every_status_that_is_not_422_belongs_to_a_refusal_that_exists():
    from bot.refusals import RequestRefused
    from engine.errors import TradingError

    def codes(kind: type) -> Iterator[str]:
        for found in kind.__subclasses__():
            yield found.code
            yield from codes(found)

    assert set(STATUSES) <= {*codes(RequestRefused), *codes(TradingError)}


OPERATIONS = [
    "issue_ticket",
    "show_link_code", "unlink_number", "lift_freeze", "get_profile", "list_sessions", "end_session", "refresh_tokens",
    "register", "log_in", "change_password", "place_order", "list_orders", "get_order", "amend_order", "cancel_order",
    "cancel_orders", "get_market", "list_trades", "get_order_book", "get_candles", "get_summary", "list_positions",
    "get_statement", "list_account_trades", "list_events", "log_out", "list_assets", "add_alert", "list_alerts",
    "delete_alert", "take_unread_notices",
]  # fmt: skip


def test_every_operation_is_tried(client: FlaskClient):
    document = json.loads(client.get("/openapi.json").data)
    assert {operation["operationId"] for found in document["paths"].values() for operation in found.values()} == set(
        OPERATIONS
    )


@pytest.mark.parametrize(
    ("operation_id", "mode"),
    [
        (operation_id, mode)
        for operation_id in OPERATIONS
        for mode in GenerationMode
        if (operation_id, mode) != ("list_assets", GenerationMode.NEGATIVE)  # It takes nothing that could be wrong.
    ],
)
def test_every_answer_to_whatever_is_sent_is_as_declared(caller: ApiCaller, operation_id: str, mode: GenerationMode):
    """Generated requests, right and wrong, against the whole application on its real database."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", caller.client.application)
    [operation] = [
        found.ok() for found in schema.get_all_operations() if found.ok().definition.raw["operationId"] == operation_id
    ]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def try_it(case: schemathesis.Case) -> None:
        # Schemathesis asks for compressed answers and reads them as they come.
        headers = caller.headers | {"Accept-Encoding": "identity"}
        answer = case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])
        # Rules that no schema tells may still refuse: those of trading, of passwords and of our own validators.
        if mode is GenerationMode.POSITIVE and answer.status_code >= 400:
            refusal = answer.json()
            assert refusal["code"] != "invalid_request" or "Value error" in str(refusal["facts"]), refusal

    try_it()
