"""What Twilio posts is stored once, if Twilio signed it, and answered at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine

from bot import queues
from bot.tables import conversations, inbox, outbox
from engine.tables import traders
from tests.web.conftest import PREVIOUS_TOKEN, PUBLIC_URL, close, message_form, post_signed, settings_for
from web.app import create_app
from web.webhook import EMPTY_TWIML

PATH = "/webhook/whatsapp"


def rows_of(database: Engine, table: sa.Table) -> list[sa.RowMapping]:
    with database.connect() as connection:
        return list(connection.execute(sa.select(table)).mappings())


def row_count(database: Engine) -> int:
    return sum(len(rows_of(database, table)) for table in (inbox, outbox, conversations, traders))


def test_a_signed_message_is_stored_answered_with_empty_twiml_and_wakes_a_worker(
    client: FlaskClient, database: Engine, redis_client: Redis
):
    form = message_form(Body="Compra 10 trigo\nDic25 \u2764")
    answer = post_signed(client, PATH, form)
    assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/xml", EMPTY_TWIML)
    [stored] = rows_of(database, inbox)
    assert (stored["message_sid"], stored["body"]) == (form["MessageSid"], form["Body"])
    [conversation] = rows_of(database, conversations)
    assert conversation["number"] == "+15550100"
    [job] = queues.queue(redis_client, queues.HANDLE_MESSAGE.queue_name()).get_jobs()
    assert (job.func_name, tuple(job.args)) == (queues.HANDLE_MESSAGE.path, (conversation["id"],))


def test_a_token_that_is_being_replaced_is_still_good(client: FlaskClient):
    assert post_signed(client, PATH, message_form(), PREVIOUS_TOKEN).status_code == 200


def test_the_query_string_is_part_of_what_is_signed(client: FlaskClient):
    assert post_signed(client, f"{PATH}?a=1&b=%2F", message_form()).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "Zm9yZ2Vk"}])
def test_a_forged_signature_is_refused_and_leaves_no_row(client: FlaskClient, database: Engine, headers):
    before = row_count(database)
    answer = client.post(PATH, data=message_form(), headers=headers)
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert answer.get_json(force=True)["code"] == "bad_signature"
    assert row_count(database) == before


def test_a_signature_does_not_cover_other_words_or_another_address(client: FlaskClient, database: Engine):
    form = message_form()
    before = row_count(database)
    signed = post_signed(client, "/webhook/elsewhere", form).request.headers["X-Twilio-Signature"]
    assert client.post(PATH, data=form, headers={"X-Twilio-Signature": signed}).status_code == 403
    good = post_signed(client, PATH, form).request.headers["X-Twilio-Signature"]
    changed = form | {"Body": "sell 5 wheat"}
    assert client.post(PATH, data=changed, headers={"X-Twilio-Signature": good}).status_code == 403
    assert [row["body"] for row in rows_of(database, inbox)] == [form["Body"]]
    assert row_count(database) > before


def test_the_same_message_delivered_ten_times_at_once_is_one_row_and_one_wake(
    client: FlaskClient, database: Engine, redis_client: Redis
):
    form = message_form()
    with ThreadPoolExecutor(10) as callers:
        answers = list(
            callers.map(lambda _: post_signed(client.application.test_client(), PATH, form).status_code, range(10))
        )
    assert answers == [200] * 10
    assert [row["message_sid"] for row in rows_of(database, inbox)] == [form["MessageSid"]]
    assert len(rows_of(database, conversations)) == 1
    assert queues.queue(redis_client, queues.HANDLE_MESSAGE.queue_name()).count == 1


def test_two_first_messages_of_one_number_at_once_make_one_trader(client: FlaskClient, database: Engine):
    forms = [message_form() for _ in range(10)]
    before = len(rows_of(database, traders))
    with ThreadPoolExecutor(10) as callers:
        list(callers.map(lambda form: post_signed(client.application.test_client(), PATH, form), forms))
    assert len(rows_of(database, inbox)) == 10
    assert len(rows_of(database, conversations)) == 1
    assert len(rows_of(database, traders)) == before + 1


def test_without_redis_the_message_is_kept_all_the_same(database: Engine, database_url: str):
    app = create_app(settings_for(database_url, "redis://127.0.0.1:1", PUBLIC_URL))
    assert post_signed(app.test_client(), PATH, message_form()).status_code == 200
    assert len(rows_of(database, inbox)) == 1
    close(app)


def test_without_the_database_twilio_is_told_to_come_back(redis_url: str):
    app = create_app(settings_for("postgresql+psycopg2://nobody@127.0.0.1:1/none", redis_url, PUBLIC_URL))
    answer = post_signed(app.test_client(), PATH, message_form())
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (503, "database_unavailable")
    close(app)


@pytest.mark.parametrize("field", ["MessageSid", "From"])
def test_a_signed_form_without_what_twilio_always_sends_is_a_bad_request(
    client: FlaskClient, database: Engine, field: str
):
    form = message_form()
    del form[field]
    assert post_signed(client, PATH, form).status_code == 400
    assert rows_of(database, inbox) == []


def test_a_body_far_too_large_is_refused(client: FlaskClient):
    assert post_signed(client, PATH, message_form(Body="x" * 100_000)).status_code == 413


def test_whatsapp_gets_its_challenge_back_for_our_token_only(client: FlaskClient):
    asked = {"hub.mode": "subscribe", "hub.verify_token": "verify me", "hub.challenge": "<1158201444>"}
    answer = client.get(PATH, query_string=asked)
    assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/plain", "<1158201444>")
    assert client.get(PATH, query_string=asked | {"hub.verify_token": "verify mé"}).status_code == 403
    assert client.get(PATH, query_string=asked | {"hub.mode": "unsubscribe"}).status_code == 403
    assert client.get(PATH).status_code == 403


@pytest.fixture
def sent_reply(client: FlaskClient, database: Engine) -> int:
    """A reply on its way to Twilio; its outbox id."""
    post_signed(client, PATH, message_form())
    [message] = rows_of(database, inbox)
    moment = message["received_at"]
    with database.begin() as connection:
        return connection.execute(
            sa.insert(outbox)
            .values(
                conversation_id=message["conversation_id"],
                cause="test",
                body="hello",
                created_at=moment,
                due_at=moment,
                state="queued",
            )
            .returning(outbox.c.id)
        ).scalar_one()


def test_a_delivery_moves_forward_only_whatever_order_the_callbacks_come_in(
    client: FlaskClient, database: Engine, sent_reply: int
):
    path = f"/webhook/status?outbox={sent_reply}"
    for status, shown in (("delivered", "delivered"), ("sent", "delivered"), ("read", "read"), ("queued", "read")):
        answer = post_signed(client, path, {"MessageSid": "SM1", "MessageStatus": status})
        assert answer.status_code == 204
        assert [row["state"] for row in rows_of(database, outbox)] == [shown]


def test_a_failed_delivery_keeps_twilios_code(client: FlaskClient, database: Engine, sent_reply: int):
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "63024"}
    assert post_signed(client, f"/webhook/status?outbox={sent_reply}", form).status_code == 204
    [row] = rows_of(database, outbox)
    assert (row["state"], row["error_code"]) == ("failed", "63024")
    late = {"MessageSid": "SM1", "MessageStatus": "sent"}
    assert post_signed(client, f"/webhook/status?outbox={sent_reply}", late).status_code == 204
    assert [row["state"] for row in rows_of(database, outbox)] == ["failed"]


@pytest.mark.parametrize(("code", "is_due_at_once"), [("63016", True), ("63018", False)])
def test_what_may_be_delivered_later_waits_and_its_first_attempt_is_heard_no_more(
    client: FlaskClient, database: Engine, sent_reply: int, code: str, is_due_at_once: bool
):
    path = f"/webhook/status?outbox={sent_reply}&attempt=0"
    form = {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": code}
    assert post_signed(client, path, form).status_code == 204
    [row] = rows_of(database, outbox)
    assert (row["state"], row["error_code"], row["message_sid"]) == ("waiting", code, None)
    assert (row["due_at"] <= datetime.now(UTC)) == is_due_at_once
    for status in ("sent", "delivered", "failed"):
        assert post_signed(client, path, {"MessageSid": "SM1", "MessageStatus": status}).status_code == 204
    assert rows_of(database, outbox) == [row]


@pytest.mark.parametrize("path", [PATH, "/webhook/status", "/webhook/status?outbox=x", "/webhook/status?outbox=1"])
def test_a_signed_request_with_an_empty_body_is_a_bad_request(client: FlaskClient, path: str):
    assert post_signed(client, path, {}).status_code == 400


def test_fields_that_twilio_adds_one_day_are_passed_over(client: FlaskClient, database: Engine, sent_reply: int):
    assert post_signed(client, PATH, message_form(Tomorrow="1", MediaUrl7="x")).status_code == 200
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "ChannelPrefix": "whatsapp", "Tomorrow": "1"}
    assert post_signed(client, f"/webhook/status?outbox={sent_reply}", form).status_code == 204
    form["MessageStatus"] = "partially_read"
    assert post_signed(client, f"/webhook/status?outbox={sent_reply}", form).status_code == 204
    assert [row["state"] for row in rows_of(database, outbox)] == ["delivered"]


def test_a_forged_delivery_changes_nothing(client: FlaskClient, database: Engine, sent_reply: int):
    answer = client.post(f"/webhook/status?outbox={sent_reply}", data={"MessageSid": "SM1", "MessageStatus": "read"})
    assert answer.status_code == 403
    assert [row["state"] for row in rows_of(database, outbox)] == ["queued"]


def test_the_web_starts_without_the_language_and_speech_libraries():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, web.app; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "flask" in loaded
    assert {"nlp", "spacy", "torch", "whisper"}.isdisjoint(loaded)
