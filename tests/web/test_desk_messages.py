"""Why did it do that? A message's whole way, another try for what failed, a person in the bot's place, bad readings."""

import json

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot import bad_readings, inbox, retries, tables, turn
from bot.staff import Role
from bot.whatsapp import IncomingMessage
from nlp.reading import _SLOTS, Intent
from tests.bot.conftest import Traders
from tests.web.desk import Desk, Forms, text_of

ANA, BEN = "+15550101", "+15550102"


@pytest.fixture
def desk(stack_app: Flask) -> Desk:
    return Desk(stack_app, Role.SUPPORT)


def newest_message(database: Engine, number: str = ANA) -> int:
    with Session(database) as session:
        return session.execute(
            sa.select(sa.func.max(tables.inbox.c.id))
            .join(tables.conversations, tables.conversations.c.id == tables.inbox.c.conversation_id)
            .where(tables.conversations.c.number == number)
        ).scalar_one()


def chat_of(database: Engine, number: str = ANA) -> int:
    with Session(database) as session:
        query = sa.select(tables.conversations.c.id).where(tables.conversations.c.number == number)
        return session.execute(query).scalar_one()


def give_up(chat: Traders, database: Engine, text: str) -> int:
    """A message that broke its handling until it was given up; returns its number."""
    message = IncomingMessage(message_sid="SMbroken", number=ANA, body=text)
    with chat.stack.sessions.begin() as session:
        inbox.record(session, message, chat.stack.now(), "en")
    for _ in range(turn.FAILURES_MAX):
        with chat.stack.sessions.begin() as session:
            turn.give_up(session, chat_of(database), chat.stack.now())
    return newest_message(database)


def test_one_page_tells_from_the_first_word_to_the_fill(chat: Traders, desk: Desk, database: Engine):
    chat.say(BEN, "sell 40 dec25 wheat at 150")
    assert chat.outcome(ANA, "buy wheat") == "ask_missing"
    first = newest_message(database)
    assert chat.outcome(ANA, "100 dec25 at 150") == "placed"
    second = newest_message(database)
    for inbox_id in (first, second):
        said = text_of(desk.get(f"/support/messages/{inbox_id}"))
        for words in (
            "buy wheat",
            "incomplete_order",
            "asked for what was missing",
            "100 dec25 at 150",
            f"it answered the question of Message {first}",
            "placed an order",
            "Order accepted Buy 100 Dec25-Wheat @ 150.00",
            "Traded Buy 40 Dec25-Wheat @ 150.00",
            "partly filled",
            "6.00 taker",
            "Bought 40 Wheat Dec25 at 150.00",
        ):
            assert words in said, words


def test_a_misspelt_word_is_shown_with_what_it_was_taken_for_and_how_like_that_is(
    chat: Traders, desk: Desk, database: Engine
):
    chat.say(ANA, "buy 10 whaet dec25 at 150")
    assert "“whaet” taken for “wheat” (0.80)" in text_of(desk.get(f"/support/messages/{newest_message(database)}"))


def test_a_message_is_found_by_number_trader_order_id_and_words(chat: Traders, desk: Desk, database: Engine):
    chat.say(ANA, "buy 5 dec25 wheat at 150")
    inbox_id = newest_message(database)
    with Session(database) as session:
        sid = session.execute(sa.select(tables.inbox.c.message_sid)).scalar_one()
        [order_id] = session.scalars(sa.text("SELECT id FROM orders"))
    for asked in (str(inbox_id), sid, "dec25 WHEAT at"):
        assert f"/support/messages/{inbox_id}" in desk.get(f"/support/search?q={asked}"), asked
    assert f"/support/chats/{chat_of(database)}" in desk.get("/support/search?q=%2B1 555-0101")
    assert f"/support/orders/{order_id}" in desk.get(f"/support/search?q={order_id}")
    assert "/support/traders/" in desk.get("/support/search?q=5550101")
    assert f"/support/messages/{inbox_id}" in desk.get(f"/support/orders/{order_id}")
    for nothing in ("100%", "_____", "nobody", "999999999999999999999", "' OR 1=1 --"):
        assert "Nothing. Try" in text_of(desk.get(f"/support/search?q={nothing}")), nothing


def test_a_message_that_was_given_up_asks_before_it_acts(chat: Traders, desk: Desk, database: Engine):
    chat.say(ANA, "help")
    inbox_id = give_up(chat, database, "buy 5 dec25 wheat at 150")
    chat.told(ANA)
    assert f"/support/messages/{inbox_id}" in desk.get("/support/troubles")
    page = f"/support/messages/{inbox_id}"
    assert "Given up after 3 failures" in text_of(desk.get(page))
    assert "its sender is asked first" in desk.do(page, f"{page}/retry")
    chat.stack.handle(chat_of(database))
    [question] = chat.told(ANA)
    assert "Do you still want it?" in question
    with Session(database) as session:
        assert session.execute(sa.text("SELECT count(*) FROM orders")).scalar_one() == 0
    assert chat.outcome(ANA, "yes") == "placed"
    assert f"it answered the question of Message {inbox_id}" in text_of(desk.get(page))


@pytest.mark.parametrize("words", ["cancel all", "yes", "5 dec25 at 150"])
def test_nothing_that_is_retried_is_taken_for_an_answer_or_done_at_once(
    chat: Traders, desk: Desk, database: Engine, words: str
):
    chat.say(ANA, "buy 7 dec25 wheat at 150")
    inbox_id = give_up(chat, database, words)
    desk.do(f"/support/messages/{inbox_id}", f"/support/messages/{inbox_id}/retry")
    chat.stack.handle(chat_of(database))
    with Session(database) as session:
        assert session.execute(sa.text("SELECT state FROM orders")).scalars().all() == ["new"]


def test_a_message_is_not_retried_while_a_question_is_open_nor_once_it_was_answered(
    chat: Traders, desk: Desk, database: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("web.support_messages.utc_now", chat.stack.now)
    chat.say(ANA, "help")
    answered, inbox_id = newest_message(database), give_up(chat, database, "buy 5 dec25 wheat at 150")
    page = f"/support/messages/{inbox_id}"
    chat.say(ANA, "buy gold")
    answer = desk.send(page, f"{page}/retry")
    assert answer.status_code == 409
    assert "is being asked something" in answer.text
    assert chat.outcome(ANA, "no") == "discarded"
    token = desk.token()
    refused = desk.client.post(f"/support/messages/{answered}/retry", data={"csrf_token": token})
    assert (refused.status_code, "understood and answered" in refused.text) == (409, True)
    desk.do(page, f"{page}/retry")


def test_a_person_takes_over_writes_and_hands_back(chat: Traders, desk: Desk, database: Engine):
    chat.say(ANA, "buy 7 dec25 wheat at 150")
    assert chat.outcome(ANA, "buy gold") == "ask_missing"
    chat.told(ANA)
    page = f"/support/chats/{chat_of(database)}"
    assert "the bot keeps still" in text_of(desk.do(page, f"{page}/take-over"))
    assert ["A person from our support answers you here now" in text for text in chat.told(ANA)] == [True]
    for said in ("5 dec25 at 1900", "sell 5 dec25 wheat at 150", "yes", "help"):
        assert chat.say(ANA, said)["outcome"] == "with_staff"
    assert chat.told(ANA) == []
    desk.do(page, f"{page}/write", text="How can I help?")
    assert chat.told(ANA) == ["*Support:* How can I help?"]
    other = Desk(desk.client.application, Role.SUPPORT, "other")
    assert (
        other.client.post(f"{page}/write", data={"csrf_token": other.token(), "key": "k" * 16, "text": "x"}).status_code
        == 409
    )
    assert other.client.post(f"{page}/take-over", data={"csrf_token": other.token()}).status_code == 409
    lines = text_of(desk.get(f"{page}/lines"))
    assert "left to staff" in lines
    assert lines.index("How can I help?") < lines.index("buy gold")
    desk.do(page, f"{page}/hand-back")
    assert ["I am back" in text for text in chat.told(ANA)] == [True]
    assert chat.outcome(ANA, "yes") == "not_understood"
    assert chat.outcome(ANA, "sell 5 dec25 gold at 2000") == "placed"


def test_stop_is_obeyed_while_a_person_answers(chat: Traders, desk: Desk, database: Engine):
    chat.say(ANA, "buy 7 dec25 wheat at 150")
    page = f"/support/chats/{chat_of(database)}"
    desk.do(page, f"{page}/take-over")
    assert chat.outcome(ANA, "STOP") == "cancelled"
    with Session(database) as session:
        assert session.execute(sa.text("SELECT state FROM orders")).scalars().all() == ["canceled"]


def test_risk_lifts_a_stop_once_and_support_does_not(chat: Traders, desk: Desk, stack_app: Flask, database: Engine):
    chat.say(ANA, "STOP")
    page = f"/support/chats/{chat_of(database)}"
    lift = f"{page}/lift-stop"
    assert lift not in desk.get(page)
    assert desk.client.post(lift, data={"csrf_token": desk.token(page)}).status_code == 403
    chat.told(ANA)
    risk = Desk(stack_app, Role.RISK)
    form = dict(Forms(risk.get(page)).found)[lift]
    assert "may trade by chat again" in text_of(risk.do(page, lift))
    assert risk.client.post(lift, data=form).status_code == 302
    assert chat.told(ANA) == ["Chat trading is open for you again."]
    assert chat.outcome(ANA, "buy 10 wheat dec25 at 150") == "placed"
    assert text_of(risk.get("/support/audit")).count(f"freeze_lifted {risk.username}") == 1


def test_a_form_that_is_sent_twice_writes_once(chat: Traders, desk: Desk, database: Engine):
    chat.say(ANA, "help")
    chat.told(ANA)
    page = f"/support/chats/{chat_of(database)}"
    desk.do(page, f"{page}/take-over")
    chat.told(ANA)
    fields = {"csrf_token": desk.token(), "key": "the same key", "text": "hello"}
    fields["key"] = "the-same-key"
    for _ in range(2):
        assert desk.client.post(f"{page}/write", data=fields).status_code == 302
    assert chat.told(ANA) == ["*Support:* hello"]


def test_who_asks_for_a_person_is_on_the_front_page_until_one_answers_or_closes_it(
    chat: Traders, desk: Desk, database: Engine
):
    assert "0 Traders who ask for a person" in text_of(desk.get("/support/"))
    chat.say(ANA, "quiero hablar con una persona")
    chat.say(BEN, "talk to a human")
    front = desk.get("/support/")
    assert "2 Traders who ask for a person" in text_of(front)
    mine, other = chat_of(database), chat_of(database, BEN)
    for conversation_id in (mine, other):
        assert f"/support/chats/{conversation_id}" in front.partition('id="asking"')[2]
    page = f"/support/chats/{mine}"
    assert "The trader has asked for a person since" in text_of(desk.get(page))
    desk.do(page, f"{page}/take-over")
    asking = desk.get("/support/").partition('id="asking"')[2].partition("<h2>")[0]
    assert (ANA in asking, BEN in asking) == (False, True)
    page = f"/support/chats/{other}"
    assert "The request is closed, and the trader is told." in text_of(desk.do(page, f"{page}/close-request"))
    assert chat.told(BEN)[-1] == "Our support has closed your request for a person. You can ask again."
    assert "0 Traders who ask for a person" in text_of(desk.get("/support/"))
    assert f"person_request_closed {desk.username}" in text_of(desk.get(f"/support/audit?who={desk.username}"))
    assert "close-request" not in desk.get(page)


def test_a_reply_that_failed_is_sent_again_and_no_other(chat: Traders, desk: Desk, database: Engine):
    chat.say(ANA, "help")
    with Session(database) as session, session.begin():
        outbox_id = (
            session.execute(
                sa.update(tables.outbox).values(state="failed", error_code="63024").returning(tables.outbox.c.id)
            )
            .scalars()
            .first()
        )
    assert "63024" in desk.get("/support/troubles").partition('id="undelivered"')[2].partition('id="held"')[0]
    action = f"/support/replies/{outbox_id}/send-again"
    desk.do("/support/troubles", action)
    with Session(database) as session:
        query = sa.select(tables.outbox.c.state).where(tables.outbox.c.id == outbox_id)
        assert session.execute(query).scalar_one() == "waiting"
    assert desk.client.post(action, data={"csrf_token": desk.token()}).status_code == 409
    with Session(database) as session, session.begin():
        session.execute(sa.update(tables.outbox).values(due_at=chat.stack.now()))
    assert ANA in desk.get("/support/troubles").partition('id="held"')[2]


def test_a_bad_reading_is_marked_and_exported_as_a_labelled_row(chat: Traders, desk: Desk, database: Engine):
    chat.say(ANA, "gimme 10 of the good stuff")
    inbox_id = newest_message(database)
    page = f"/support/messages/{inbox_id}"
    for quantity in ("9", "10"):
        desk.do(page, f"{page}/label", intent="incomplete_order", side="buy", quantity=quantity)
    answer = desk.send("/support/readings", "/support/readings.jsonl")
    [row] = [json.loads(line) for line in answer.text.splitlines()]
    assert row == {
        "id": f"desk-{inbox_id}",
        "lang": "en",
        "channel": "text",
        "text": "gimme 10 of the good stuff",
        "as_of": "2025-11-03",
        "expect": {"intent": "incomplete_order", "side": "buy", "quantity": "10"},
        "tags": ["desk"],
    }
    assert ANA not in answer.text
    assert desk.send(page, f"{page}/label", intent="nonsense").status_code == 422


def test_labels_know_the_parsers_intents_and_slots():
    assert {str(intent) for intent in Intent} >= set(bad_readings.INTENTS)
    assert set(_SLOTS) >= set(bad_readings.SLOTS)


def test_what_a_trader_typed_is_shown_as_typed(chat: Traders, desk: Desk, database: Engine):
    chat.say(ANA, "<script>alert(1)</script> help")
    for page in (f"/support/messages/{newest_message(database)}", f"/support/chats/{chat_of(database)}/lines"):
        assert "<script>alert" not in desk.get(page)
        assert "&lt;script&gt;alert" in desk.get(page)


def test_each_action_is_in_the_audit_and_the_database_lets_nobody_change_it(
    chat: Traders, desk: Desk, database: Engine
):
    chat.say(ANA, "help")
    page = f"/support/chats/{chat_of(database)}"
    desk.do(page, f"{page}/take-over")
    desk.do(page, f"{page}/hand-back")
    shown = text_of(desk.get(f"/support/audit?who={desk.username}"))
    for kind in ("staff_signed_in", "chat_taken_over", "chat_handed_back"):
        assert f"{kind} {desk.username} 127.0.0.1" in shown
    for change in ("UPDATE security_events SET kind = 'x'", "DELETE FROM security_events", "TRUNCATE security_events"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.begin() as connection:
            connection.execute(sa.text(change))
    risk = Desk(desk.client.application, Role.RISK)
    exported = risk.send("/support/audit", "/support/audit.csv").text.splitlines()
    assert exported[0] == "id,occurred_at,kind,staff,account,ip_address,facts"
    assert sum("chat_taken_over" in line for line in exported) == 1


def test_an_unknown_message_is_not_there(desk: Desk):
    assert retries.MessageNotFound.code == "message_not_found"
    assert desk.client.get("/support/messages/12345").status_code == 404
    assert desk.client.get("/support/chats/12345").status_code == 404
    assert desk.client.get("/support/orders/12345").status_code == 404
    assert desk.client.get("/support/traders/12345").status_code == 404
