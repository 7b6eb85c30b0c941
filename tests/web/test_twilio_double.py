"""The double treats our real Twilio client as Twilio does: it takes, refuses, delivers and calls back."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy import Engine

from bot import whatsapp
from bot.tables import inbox, outbox
from bot.whatsapp import Outgoing, Sender, SendFailed, SendRefused
from web.phone_messages import INBOUND, PhoneMessage
from web.twilio_double import TwilioDouble

TRADER = "+15550100"
SECONDS_MAX = 10


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def write(double: TwilioDouble, body: str = "hello", **content: str) -> dict:
    content = {"number": TRADER, "body": body} | content
    answer = requests.post(f"{double.settings.public_url}/phone/messages", json=content, timeout=SECONDS_MAX)
    assert answer.status_code == 201
    return answer.json()


def on_phone(double: TwilioDouble, number: str = TRADER) -> list[dict]:
    query = {"numbers": number, "after": 0}
    answer = requests.get(f"{double.settings.public_url}/phone/messages", params=query, timeout=SECONDS_MAX)
    return answer.json()["messages"]


def outbox_row(database: Engine) -> sa.RowMapping:
    with database.connect() as connection:
        return connection.execute(sa.select(outbox)).mappings().one()


def outgoing(body: str, *, outbox_id: int = 1, number: str = TRADER, **more: object) -> Outgoing:
    return Outgoing(outbox_id=outbox_id, attempt=0, number=number, body=body, language="en", **more)


@pytest.fixture
def sender(double: TwilioDouble) -> Sender:
    return Sender(double.settings)


@pytest.fixture
def reply_id(double: TwilioDouble, database: Engine) -> int:
    """A reply to a trader who has just written; its outbox id."""
    write(double)
    with database.begin() as connection:
        message = connection.execute(sa.select(inbox)).mappings().one()
        moment = message["received_at"]
        values = {"conversation_id": message["conversation_id"], "cause": "test", "body": "hi", "state": "sending"}
        query = sa.insert(outbox).values(values | {"created_at": moment, "due_at": moment}).returning(outbox.c.id)
        return connection.execute(query).scalar_one()


def test_what_is_typed_arrives_through_the_signed_webhook(double: TwilioDouble, database: Engine):
    shown = write(double, "Buy 100 Dec25 Wheat\nat 150", replied_sid="SM" + "1" * 32, button_payload="yes:1")
    assert shown["status"] == "delivered"
    with database.connect() as connection:
        stored = connection.execute(sa.select(inbox)).mappings().one()
    assert (stored["message_sid"], stored["body"]) == (shown["sid"], "Buy 100 Dec25 Wheat\nat 150")
    assert (stored["replied_message_sid"], stored["button_payload"]) == ("SM" + "1" * 32, "yes:1")


def test_a_message_that_the_application_did_not_take_shows_as_failed(double: TwilioDouble):
    elsewhere = TwilioDouble(replace(double.settings, public_url="http://127.0.0.1:1"), double.messages)
    message = PhoneMessage(
        sid="SM2", number=TRADER, direction=INBOUND, body="x", status="sent", created_at=datetime.now(UTC).isoformat()
    )
    elsewhere.receive(message, None)
    assert [(shown["status"], shown["error_code"]) for shown in on_phone(double)] == [("failed", 11200)]


def test_a_reply_reaches_the_phone_and_its_delivery_is_told(
    double: TwilioDouble, sender: Sender, reply_id: int, database: Engine
):
    sid = sender.send(outgoing("*Bought* 40", outbox_id=reply_id))
    wait_for(lambda: outbox_row(database)["state"] == "delivered")
    assert outbox_row(database)["message_sid"] == sid
    assert [(shown["body"], shown["status"]) for shown in on_phone(double)][-1] == ("*Bought* 40", "delivered")
    seen = requests.post(f"{double.settings.public_url}/phone/read", json={"sids": [sid]}, timeout=SECONDS_MAX)
    assert seen.status_code == 204
    assert outbox_row(database)["state"] == "read"


def test_a_sent_message_can_be_found_again_by_its_words(double: TwilioDouble, sender: Sender, reply_id: int):
    sid = sender.send(outgoing("once", outbox_id=reply_id))
    now = datetime.now(UTC)
    assert sender.find_sent(outgoing("once"), now, frozenset()) == sid
    assert sender.find_sent(outgoing("once"), now, frozenset({sid})) is None
    assert sender.find_sent(outgoing("twice"), now, frozenset()) is None
    assert sender.find_sent(outgoing("once", number="+15550199"), now, frozenset()) is None
    assert sender.find_sent(outgoing("once"), now + timedelta(hours=1), frozenset()) is None


def test_outside_the_24_hour_window_a_free_text_fails_with_twilios_code(
    double: TwilioDouble, sender: Sender, reply_id: int, database: Engine
):
    yesterday = (datetime.now(UTC) - timedelta(hours=24, seconds=1)).isoformat()
    double.messages.add(
        PhoneMessage(
            sid="SM3", number="+15550177", direction=INBOUND, body="x", status="delivered", created_at=yesterday
        )
    )
    sender.send(outgoing("hello?", outbox_id=reply_id, number="+15550177"))
    wait_for(lambda: outbox_row(database)["error_code"] == "63016")
    assert outbox_row(database)["state"] == "waiting"


@pytest.mark.parametrize(
    ("number", "body", "code"), [(TRADER, "x" * 1601, 21617), (TRADER, "", 21619), ("15550100", "x", 21211)]
)
def test_what_twilio_refuses_is_refused_with_its_code(sender: Sender, number: str, body: str, code: int):
    with pytest.raises(SendRefused) as refusal:
        sender.send(outgoing(body, number=number))
    assert refusal.value.code == code


def test_another_sender_number_or_a_wrong_token_is_refused(double: TwilioDouble):
    settings = double.settings
    with pytest.raises(SendRefused) as refusal:
        Sender(replace(settings, twilio_whatsapp_number="whatsapp:+1")).send(outgoing("x"))
    assert refusal.value.code == 63007
    with pytest.raises(SendFailed) as failure:
        Sender(replace(settings, twilio_auth_tokens=("2" * 32,))).send(outgoing("x"))
    assert not failure.value.may_be_sent


def test_while_a_token_is_replaced_the_other_one_sends_and_fetches(double: TwilioDouble, reply_id: int):
    settings = replace(double.settings, twilio_auth_tokens=("2" * 32, double.settings.twilio_auth_tokens[0]))
    Sender(settings).send(outgoing("once", outbox_id=reply_id))
    assert [shown["body"] for shown in on_phone(double)][-1] == "once"
    media_sid = double.messages.keep_media(b"OggS", "audio/ogg")
    account = f"{settings.twilio_api_url}/2010-04-01/Accounts/{settings.twilio_account_sid}"
    assert whatsapp.download(settings, f"{account}/Messages/SM1/Media/{media_sid}") == b"OggS"


def test_a_template_shows_its_buttons_and_a_tap_comes_back_with_its_payload(double: TwilioDouble, database: Engine):
    settings = double.settings
    account = (settings.twilio_account_sid, settings.twilio_auth_tokens[0])
    kind = {"body": "Buy {{1}}?", "actions": [{"type": "QUICK_REPLY", "title": "Yes", "id": "yes:{{2}}"}]}
    content = {"language": "en", "types": {"twilio/quick-reply": kind}}
    made = requests.post(f"{settings.public_url}/v1/Content", json=content, auth=account, timeout=SECONDS_MAX).json()
    form = {
        "From": settings.twilio_whatsapp_number,
        "To": f"whatsapp:{TRADER}",
        "ContentSid": made["sid"],
        "ContentVariables": '{"1": "100 Wheat", "2": "n0nce"}',
    }
    address = f"{settings.public_url}/2010-04-01/Accounts/{settings.twilio_account_sid}/Messages.json"
    assert requests.post(address, data=form, auth=account, timeout=SECONDS_MAX).status_code == 201
    [shown] = on_phone(double)
    assert (shown["body"], shown["buttons"]) == ("Buy 100 Wheat?", [{"title": "Yes", "id": "yes:n0nce"}])


def test_a_voice_note_is_served_behind_the_account_and_then_by_redirect(double: TwilioDouble, database: Engine):
    settings = double.settings
    sound = b"OggS" + bytes(100)
    kept = requests.post(
        f"{settings.public_url}/phone/media", data=sound, headers={"Content-Type": "audio/ogg"}, timeout=SECONDS_MAX
    )
    write(double, "", media_sid=kept.json()["sid"])
    with database.connect() as connection:
        stored = connection.execute(sa.select(inbox)).mappings().one()
    assert stored["media_type"] == "audio/ogg"
    assert requests.get(stored["media_url"], timeout=SECONDS_MAX).status_code == 401
    account = (settings.twilio_account_sid, settings.twilio_auth_tokens[0])
    fetched = requests.get(stored["media_url"], auth=account, timeout=SECONDS_MAX)
    assert (fetched.content, fetched.headers["Content-Type"], len(fetched.history)) == (sound, "audio/ogg", 1)


@pytest.mark.parametrize("sid", ["..", "../phone.db", "ME" + "0" * 32, "ME" + "0" * 32 + ".json"])
def test_no_other_file_is_served_or_sent_as_media(double: TwilioDouble, sid: str):
    address = f"{double.settings.public_url}/phone"
    (double.messages.media_directory / f"ME{'0' * 32}.json").write_text('{"content_type": "audio/ogg"}')
    assert requests.get(f"{address}/media/{quote(sid, safe='')}", timeout=SECONDS_MAX).status_code == 404
    content = {"number": TRADER, "media_sid": sid}
    assert requests.post(f"{address}/messages", json=content, timeout=SECONDS_MAX).status_code == 404


def test_another_sites_page_cannot_upload_or_write_unasked(double: TwilioDouble):
    address = f"{double.settings.public_url}/phone"
    for simple in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": simple}
        assert requests.post(f"{address}/media", data=b"x", headers=headers, timeout=SECONDS_MAX).status_code == 415
        assert requests.post(f"{address}/messages", data=b"{}", headers=headers, timeout=SECONDS_MAX).status_code == 415
