"""The OpenAPI document, completed with what no endpoint declares by itself, and the page that shows it."""

import json
import re
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Blueprint, Response, render_template, send_from_directory
from swagger_ui_bundle import swagger_ui_path

from web import schemas

SWAGGER_UI_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")
DESCRIPTION = """\
Trade by HTTP as by chat: one market, one account, the same rules and the same refusals.

Amounts are decimals in strings, times are RFC 3339 in UTC. Errors are RFC 9457 problem details; their `code` is stable.
Lists come in pages: give an answer's `next_cursor` as the next request's `cursor`. `RateLimit` and `RateLimit-Policy`
tell what is left of your limits; past them the answer is 429 with `Retry-After`.
"""
NESTED_REFERENCE = re.compile(r"(#/components/schemas/)\w+\.(\w+)")
HEADERS = {
    "Idempotency-Key": {
        "description": "Sent again with its key, a request has no second effect and gets the first one's answer.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    },
    "Prefer": {
        "description": "`wait=N`: answer when the market has taken the request, or after N seconds, 30 at most.",
        "schema": {"type": "string", "examples": ["wait=5"]},
    },
}

pages = Blueprint("openapi_pages", __name__)


class Application(APIFlask):
    """Leaves out pages: APIFlask takes every blueprint that looks at its requests first for one of the API."""

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        if not isinstance(blueprint, APIBlueprint):
            blueprint.enable_openapi = False
        super().register_blueprint(blueprint, **options)


def configure(app: APIFlask) -> None:
    """Before the blueprints: what the document says of the API as a whole."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        INFO={"description": DESCRIPTION},
        SECURITY_SCHEMES={"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
    )
    app.spec_processor(complete)
    app.register_blueprint(pages)


def taken(schema_name: str) -> dict[str, Any]:
    """The answer 202 of an operation whose settled answer has that schema."""
    reference = {"$ref": f"#/components/schemas/{schema_name}"}
    return {"description": "Taken, not settled yet.", "content": {"application/json": {"schema": reference}}}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Every operation's problems, and the headers of those that place, change or cancel orders."""
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = schemas.Problem.model_json_schema()
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {"Problem": {"description": "What went wrong.", "content": problem}}
    components["parameters"] = {
        name: {"name": name, "in": "header", "required": False, **declared} for name, declared in HEADERS.items()
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            operation["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            for parameter in operation.get("parameters", []):
                parameter["schema"] = without_null(parameter["schema"])
            if path.startswith("/api/orders") and method != "get":
                operation.setdefault("parameters", []).extend(
                    {"$ref": f"#/components/parameters/{name}"} for name in HEADERS
                )
    return with_plain_names(document)


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is not given is left out; in an address there is no null."""
    kept = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    if len(kept) != 1:
        return schema
    return kept[0] if "$ref" in kept[0] else {"title": schema.get("title", ""), **kept[0]}


def with_plain_names(document: dict[str, Any]) -> dict[str, Any]:
    """One schema for what stands in several others, so that a generated client has one class for it."""
    declared = document["components"]["schemas"]
    plain: dict[str, Any] = {}
    for name, schema in sorted(declared.items(), key=lambda item: item[0].count(".")):
        found = json.loads(NESTED_REFERENCE.sub(r"\1\2", json.dumps(schema)))
        assert plain.setdefault(name.rpartition(".")[2], found) == found, f"two schemas are called {name}"
    document["components"]["schemas"] = {}
    document = json.loads(NESTED_REFERENCE.sub(r"\1\2", json.dumps(document)))
    document["components"]["schemas"] = dict(sorted(plain.items()))
    return document


@pages.get("/docs")
def docs() -> str:
    """The document for people, to read and to try."""
    return render_template("docs.html")


@pages.get("/docs/<path:name>")
def docs_file(name: str) -> Response:
    """Swagger UI's own files, from its package."""
    return send_from_directory(Path(swagger_ui_path), name if name in SWAGGER_UI_FILES else "")
