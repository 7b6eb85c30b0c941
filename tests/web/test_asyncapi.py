"""The AsyncAPI document: valid by the specification's own schema, and the page for people says the same."""

import json
import re
from pathlib import Path

import jsonschema
from flask.testing import FlaskClient

from web import live_messages
from web.live_messages import Code, RefusalCode

PROJECT = Path(__file__).parent.parent.parent
# From npm's @asyncapi/specs 6.11.1.
SPECIFICATION = PROJECT / "tests" / "data" / "asyncapi" / "3.0.0.json"
PAGE = (PROJECT / "docs" / "LIVE.md").read_text()


def test_the_document_is_valid_and_holds_every_message(client: FlaskClient):
    document = json.loads(client.get("/asyncapi.json").data)
    jsonschema.validate(document, json.loads(SPECIFICATION.read_text()))
    said = set(document["channels"]["live"]["messages"])
    assert said == {model.__name__ for model in (*live_messages.RECEIVED, *live_messages.SENT)}
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


def test_the_page_names_every_event_and_code(client: FlaskClient):
    document = json.loads(client.get("/asyncapi.json").data)
    schemas = document["components"]["schemas"]
    events = set()
    for model in live_messages.SENT:
        event = schemas[model.__name__]["properties"]["event"]
        events |= set(event.get("enum", [event.get("const")]))
    assert len(events) == 14
    for name in (*events, *Code, *RefusalCode):
        assert re.search(rf"`{name}`|\"{name}\"", PAGE), name


def test_the_checksum_of_the_page_is_that_of_its_example():
    bids, asks = [("149.50", "20"), ("0.25", "10")], [("150.00", "45")]
    assert str(live_messages.checksum(bids, asks)) in PAGE
