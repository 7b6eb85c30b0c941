"""The terminal's page: what its scripts say is worded by the server, and what they are is served as they are."""

import json
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from bot.languages import LANGUAGES
from engine.orders import OrderState, Reason, TimeInForce

STATIC = Path(__file__).parent.parent.parent / "web" / "static"
SCRIPTS = {path.name: path.read_text() for path in sorted((STATIC / "terminal").glob("*.js"))}
SAID = re.compile(r"\bsay\(((?:[^()]|\([^()]*\))*)\)")
NAME = re.compile(r'"([a-z][a-z_]*)"')


def sentences(client: FlaskClient, language: str) -> dict[str, dict[str, str]]:
    page = client.get(f"/?lang={language}").text
    [found] = re.findall(r'<script type="application/json" id="sentences">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


def test_every_sentence_is_said_and_none_is_missing(client: FlaskClient):
    script = "\n".join(SCRIPTS.values())
    asked = {
        name
        for said in SAID.findall(script)
        for name in NAME.findall(re.sub(r'=== "[a-z_]+"', "", said.partition("{")[0]))
    }
    known = set(sentences(client, "en")["said"])
    assert asked <= known
    assert len(asked) > 50
    assert {name for name in known if f'"{name}"' not in script} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_state_and_lifetime_is_worded_in_each_language(client: FlaskClient, language: str):
    worded = sentences(client, language)
    assert set(worded["reasons"]) == set(Reason)
    assert set(worded["states"]) == set(OrderState)
    assert set(worded["lifetimes"]) == set(TimeInForce)
    assert all(text for words in worded.values() for text in words.values())


def test_a_name_of_the_address_does_not_end_the_sentences_script(client: FlaskClient):
    assert "</script><b>" not in client.get("/?market=</script><b>").text


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_and_what_it_imports_is_served_as_a_script(client: FlaskClient, name: str):
    own = f"/static/terminal/{name}"
    for address in (own, *(urljoin(own, path) for path in re.findall(r'from "(\.[^"]+)"', SCRIPTS[name]))):
        with client.get(address) as answer:
            assert (answer.status_code, answer.mimetype) == (200, "text/javascript"), address
