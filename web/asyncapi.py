"""The AsyncAPI 3.0 document of the live feed, made from the models of its messages."""

import json
from functools import cache
from typing import Any

from flask import Blueprint, Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web import live_messages

REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = """\
What happens in the market and to your orders, as it is committed, numbered, and resumable without loss.
Public channels are `market:SYMBOL`; `orders` is your own and needs a ticket from `POST /api/auth/ticket`.
"""

asyncapi = Blueprint("asyncapi", __name__)


@asyncapi.get("/asyncapi.json")
def show_document() -> Response:
    """The live feed for machines."""
    return Response(json.dumps(document()), mimetype="application/json")


@cache
def document() -> dict[str, Any]:
    received = [(model, "validation") for model in live_messages.RECEIVED]
    sent = [(model, "serialization") for model in live_messages.SENT]
    _, declared = models_json_schema([*received, *sent], ref_template=REFERENCE)  # type: ignore[list-item]
    models: list[type[BaseModel]] = [*live_messages.RECEIVED, *live_messages.SENT]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "MaiBroker live feed", "version": "1", "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {
            "live": {
                "address": "/ws",
                "title": "The one socket",
                "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"} for model in models},
                "bindings": {"ws": {"method": "GET", "query": QUERY}},
            }
        },
        "operations": {
            "ask": operation("receive", "What a client sends.", live_messages.RECEIVED),
            "tell": operation("send", "What a client gets.", live_messages.SENT),
        },
        "components": {
            "messages": {model.__name__: message(model) for model in models},
            "schemas": declared["$defs"],
        },
    }


QUERY = {
    "type": "object",
    "properties": {"ticket": {"type": "string", "description": "For `orders`; good once, for 30 seconds."}},
}


def operation(action: str, summary: str, models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/live"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/live/messages/{model.__name__}"} for model in models],
    }


def message(model: type[BaseModel]) -> dict[str, Any]:
    return {"name": model.__name__, "payload": {"$ref": REFERENCE.format(model=model.__name__)}}
