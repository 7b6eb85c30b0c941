"""What we ask of Twilio, and what its double answers, is what Twilio's own description of its API says."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest
import requests
from flask import Flask
from twilio.request_validator import RequestValidator

from bot.templates import make_missing
from bot.whatsapp import LocalHttpClient, Outgoing, Sender
from tests.flows.conftest import PROJECT
from tests.web.conftest import PREVIOUS_TOKEN, TOKEN, close, message_form, settings_for
from tests.web.test_twilio_double import SECONDS_MAX
from web.app import create_app
from web.twilio_double import TwilioDouble

DESCRIPTION = json.loads((PROJECT / "tests" / "data" / "twilio_messages.json").read_text())
TRADER = "+15550100"
PROXIED_URL = "https://broker.example"


def checked(part: str, value: object) -> None:
    jsonschema.Draft202012Validator(DESCRIPTION[part]).validate(value)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict]]:
    """Every request to Twilio: its method, its address and its parameters."""
    kept: list[tuple[str, str, dict]] = []
    request = LocalHttpClient.request

    def keep(self, method, url, params=None, data=None, *others, **options):
        given = {**(params or {}), **(data or {})}
        kept.append((method.upper(), url, {name: value for name, value in given.items() if value is not None}))
        return request(self, method, url, params, data, *others, **options)

    monkeypatch.setattr(LocalHttpClient, "request", keep)
    return kept


@pytest.mark.parametrize("window_is_open", [True, False])
@pytest.mark.parametrize("nonce", [None, "nonce"])
@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_every_message_that_we_send_is_as_twilio_describes_it(
    double: TwilioDouble, asked: list, language: str, nonce: str | None, window_is_open: bool
):
    made = make_missing(double.settings)
    asked.clear()
    settings = replace(
        double.settings,
        twilio_question_templates={language: made[f"TWILIO_QUESTION_CONTENT_SID_{language.upper()}"]},
        twilio_notice_templates={language: made[f"TWILIO_NOTICE_CONTENT_SID_{language.upper()}"]},
    )
    outgoing = Outgoing(
        outbox_id=1,
        attempt=1,
        number=TRADER,
        body="*Order 5*\n¿Sí?",
        language=language,
        button_nonce=nonce,
        window_is_open=window_is_open,
    )
    Sender(settings).send(outgoing)
    [(method, url, parameters)] = asked
    assert (method, url) == (
        "POST",
        f"https://api.twilio.com/2010-04-01/Accounts/{settings.twilio_account_sid}/Messages.json",
    )
    checked("create", parameters)
    assert ("ContentSid" in parameters) == (nonce is not None or not window_is_open)
    assert ("Body" in parameters) != ("ContentSid" in parameters)
    if "ContentVariables" in parameters:
        variables = json.loads(parameters["ContentVariables"])
        assert all(isinstance(value, str) for value in variables.values())
        assert window_is_open or "\n" not in variables["1"]


def test_looking_up_and_fetching_are_as_twilio_describes_them_and_so_are_the_answers(double: TwilioDouble, asked: list):
    sender = Sender(double.settings)
    outgoing = Outgoing(outbox_id=1, attempt=1, number=TRADER, body="hello", language="en")
    sid = sender.send(outgoing)
    assert sender.find_sent(outgoing, datetime.now(UTC), frozenset()) == sid
    assert sender.status_of(sid)[1] is None
    (_, _, created), (looked_up, _, query), (fetched, address, none) = asked
    checked("create", created)
    assert (looked_up, fetched, none) == ("GET", "GET", {})
    assert address.endswith(f"/Messages/{sid}.json")
    checked("list", {name: str(value) if name == "DateSent>" else value for name, value in query.items()})
    account = (double.settings.twilio_account_sid, TOKEN)
    path = f"{double.settings.public_url}/2010-04-01/Accounts/{account[0]}/Messages"
    checked("message", requests.get(f"{path}/{sid}.json", auth=account, timeout=SECONDS_MAX).json())
    listed = requests.get(f"{path}.json", auth=account, timeout=SECONDS_MAX).json()["messages"]
    assert [message["sid"] for message in listed] == [sid]
    checked("message", listed[0])


def test_the_description_refuses_what_twilio_would():
    good = {"To": "whatsapp:+15550100", "From": "whatsapp:+14155238886", "Body": "x"}
    checked("create", good)
    for wrong in ({"Body": "x" * 1601}, {"To": "+15550100"}, {"Colour": "red"}, {"ContentSid": "HX1"}):
        with pytest.raises(jsonschema.ValidationError):
            checked("create", good | wrong)
    with pytest.raises(jsonschema.ValidationError):
        checked("create", {"To": good["To"], "From": good["From"]})


@pytest.fixture
def behind_proxy(database_url: str, redis_url: str, redis_client) -> Flask:
    """The application as a host runs it: TLS ends at a proxy, which asks us by plain HTTP under an inner name."""
    settings = replace(settings_for(database_url, redis_url, PROXIED_URL), trusted_proxy_hops=1)
    app = create_app(settings)
    yield app
    close(app)


@pytest.mark.parametrize("token", [TOKEN, PREVIOUS_TOKEN])
@pytest.mark.parametrize("path", ["/webhook/whatsapp", "/webhook/whatsapp?source=sandbox&empty="])
def test_twilios_signature_of_the_public_address_holds_behind_a_proxy(behind_proxy: Flask, token: str, path: str):
    form = message_form(Body="", ProfileName="Ñandú & Co", Unknown="field")
    headers = {
        "X-Twilio-Signature": RequestValidator(token).compute_signature(PROXIED_URL + path, form),
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "Host": "10.0.0.7:8000",
    }
    assert behind_proxy.test_client().post(path, data=form, headers=headers).status_code == 200
    plain = RequestValidator(token).compute_signature(f"http://10.0.0.7:8000{path}", form)
    refused = behind_proxy.test_client().post(path, data=form, headers=headers | {"X-Twilio-Signature": plain})
    assert refused.status_code == 403
