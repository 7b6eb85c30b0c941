"""What is to be said reaches the phone once, in order, and through whatever Twilio does to it."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from threading import Thread

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from bot import due, outbox
from bot.delivery import Delivery
from bot.outbox import Reply
from bot.tables import conversations
from bot.templates import make_missing, notice_template
from bot.whatsapp import Sender
from engine import intake, queries
from engine.intake import OrderRequest, Source
from engine.orders import Side
from tests.bot.conftest import Traders
from tests.web.test_twilio_double import on_phone, wait_for
from web.twilio_double import TwilioDouble
from web.twilio_faults import Fault

ANA, BEN = "+15550150", "+15550151"
FILLS = 300


class Post:
    """The outbound worker's delivery to the double, under the traders' stopped clock."""

    def __init__(self, traders: Traders, double: TwilioDouble, **settings: object) -> None:
        self.settings = replace(double.settings, **({"twilio_seconds_max": 1} | settings))
        # The double knows how patient the application is that it stands beside.
        double.settings = self.settings
        self.traders, self.double = traders, double
        self.delivery = Delivery(self.settings, traders.stack.sessions, Sender(self.settings), traders.stack.now)

    def deliver(self) -> None:
        assert not self.delivery.deliver()

    def deliver_later(self, **duration: float) -> None:
        self.traders.stack.wait(**duration)
        self.deliver()

    def has_due(self) -> bool:
        with self.traders.stack.sessions() as session:
            return due.has_due(session, self.settings, self.traders.stack.now())

    def say(self, number: str, cause: str, body: str, **more: object) -> None:
        with self.traders.stack.sessions.begin() as session:
            conversation_id = session.execute(
                sa.select(conversations.c.id).where(conversations.c.number == number)
            ).scalar_one()
            reply = Reply(conversation_id=conversation_id, cause=cause, body=body, **more)
            outbox.add(session, [reply], self.traders.stack.now())

    def bodies(self, number: str = ANA) -> list[str]:
        return [shown["body"] for shown in received(self.double, number)]


def received(double: TwilioDouble, number: str) -> list[dict]:
    """What reached the phone, in the order of sending."""
    shown = [one for one in on_phone(double, number) if one["direction"] == "outbound" and one["status"] != "failed"]
    return sorted(shown, key=lambda one: one["created_at"])


def rows(database: Engine) -> list[sa.RowMapping]:
    with database.connect() as connection:
        return list(connection.execute(sa.select(outbox.outbox).order_by(outbox.outbox.c.id)).mappings())


def settled_as(database: Engine, *states: str) -> Callable[[], bool]:
    return lambda: [row["state"] for row in rows(database)] == list(states)


@pytest.fixture
def post(chat: Traders, double: TwilioDouble, database: Engine, monkeypatch: pytest.MonkeyPatch) -> Post:
    """Ana's conversation has begun, and the answer to her first message is out of the way."""
    monkeypatch.setattr("web.webhook.utc_now", chat.stack.now)
    post = Post(chat, double)
    chat.reply(ANA, "hello")
    with database.begin() as connection:
        connection.execute(sa.delete(outbox.outbox))
    return post


def test_an_answer_that_got_lost_is_looked_up_before_it_is_repeated(post: Post, database: Engine):
    post.say(ANA, "one", "You bought 10.")
    post.double.faults.switch(Fault.LOST_ANSWERS, 100)
    post.deliver()
    post.double.faults.switch(Fault.LOST_ANSWERS, 0)
    post.deliver_later(seconds=2)
    wait_for(settled_as(database, "delivered"))
    assert post.bodies() == ["You bought 10."]


def test_a_reply_that_cannot_be_made_holds_up_no_other(post: Post, database: Engine):
    post.traders.reply(BEN, "hello")
    with database.begin() as connection:
        connection.execute(sa.delete(outbox.outbox))
    post.say(ANA, "broken", "You bought 10.")
    post.say(ANA, "next", "You bought 20.")
    post.say(BEN, "other", "You sold 10.")
    with database.begin() as connection:
        broken = sa.update(outbox.outbox).where(outbox.outbox.c.cause == "broken")
        connection.execute(broken.values(events=[{"no": "event"}], is_notice=True))
    post.deliver()
    post.deliver()
    wait_for(settled_as(database, "failed", "delivered", "delivered"))
    assert rows(database)[0]["error_code"] == "malfunction"
    assert (post.bodies(), post.bodies(BEN)) == (["You bought 20."], ["You sold 10."])


def test_a_request_that_got_lost_is_repeated(post: Post, database: Engine):
    post.say(ANA, "one", "You bought 10.")
    post.double.faults.switch(Fault.LOST_REQUESTS, 100)
    post.deliver()
    [row] = rows(database)
    assert (row["state"], row["may_be_sent"]) == ("waiting", True)
    post.double.faults.switch(Fault.LOST_REQUESTS, 0)
    post.deliver_later(seconds=2)
    wait_for(settled_as(database, "delivered"))
    assert post.bodies() == ["You bought 10."]


def test_a_request_without_an_answer_is_looked_up_only_once_twilio_must_be_done_with_it(post: Post, database: Engine):
    patient = Post(post.traders, post.double, twilio_seconds_max=2)
    patient.say(ANA, "one", "You bought 10.")
    patient.double.faults.switch(Fault.LOST_REQUESTS, 100)
    patient.deliver()
    [row] = rows(database)
    assert row["due_at"] >= post.traders.stack.now() + timedelta(seconds=2)


def test_an_earlier_message_in_the_same_words_is_not_taken_for_the_lost_one(post: Post, database: Engine):
    post.say(ANA, "one", "Dropped.")
    post.deliver()
    wait_for(settled_as(database, "delivered"))
    post.say(ANA, "two", "Dropped.")
    post.double.faults.switch(Fault.LOST_REQUESTS, 100)
    post.deliver()
    post.double.faults.switch(Fault.LOST_REQUESTS, 0)
    post.deliver_later(seconds=2)
    wait_for(settled_as(database, "delivered", "delivered"))
    assert post.bodies() == ["Dropped.", "Dropped."]


def test_what_a_dead_process_had_claimed_is_looked_up_and_not_repeated(post: Post, database: Engine):
    post.say(ANA, "one", "You bought 10.")
    post.double.faults.switch(Fault.MISSING_STATUSES, 100)
    post.deliver()
    with database.begin() as connection:
        connection.execute(sa.update(outbox.outbox).values(state="sending", message_sid=None))
    post.deliver()
    assert settled_as(database, "sending")()
    post.deliver_later(seconds=2 * post.settings.twilio_seconds_max + 1)
    assert settled_as(database, "queued")()
    assert post.bodies() == ["You bought 10."]


def test_a_busy_or_broken_twilio_is_asked_again_later_each_time_and_in_the_end_given_up(post: Post, database: Engine):
    post = Post(post.traders, post.double, send_attempts_max=3, send_retry_seconds_min=8)
    post.say(ANA, "one", "You bought 10.")
    delays = []
    for fault in (Fault.TOO_MANY_REQUESTS, Fault.SERVER_ERRORS, Fault.TOO_MANY_REQUESTS):
        post.double.faults.switch(fault, 100)
        post.deliver()
        post.double.faults.switch(fault, 0)
        [row] = rows(database)
        delays.append((row["due_at"] - post.traders.stack.now()).total_seconds())
        assert not post.has_due()
        post.traders.stack.wait(seconds=max(delays[-1], 0) + 1)
    assert 4 <= delays[0] <= 8 <= delays[1] <= 16
    assert (row["state"], row["error_code"], row["attempts"]) == ("failed", "status 429", 3)
    assert post.bodies() == []


def test_what_twilio_will_never_take_is_kept_with_its_code_and_holds_nothing_up(post: Post, database: Engine):
    post.say(ANA, "one", "x")
    post.double.faults.switch(Fault.TOO_LONG, 100)
    post.deliver()
    post.double.faults.switch(Fault.TOO_LONG, 0)
    post.say(ANA, "two", "You bought 10.")
    post.deliver()
    wait_for(settled_as(database, "failed", "delivered"))
    assert rows(database)[0]["error_code"] == "21617"
    assert post.bodies() == ["You bought 10."]


def test_a_channel_that_was_busy_gets_the_message_again(post: Post, database: Engine):
    post.say(ANA, "one", "You bought 10.")
    post.double.faults.switch(Fault.CHANNEL_BUSY, 100)
    post.deliver()
    wait_for(settled_as(database, "waiting"))
    post.double.faults.switch(Fault.CHANNEL_BUSY, 0)
    post.deliver_later(minutes=1)
    wait_for(settled_as(database, "delivered"))
    assert post.bodies() == ["You bought 10."]


def test_a_message_whose_file_twilio_could_not_fetch_goes_out_again(post: Post, database: Engine):
    post.say(ANA, "one", "You bought 10.")
    post.double.faults.switch(Fault.MISSING_STATUSES, 100)
    post.deliver()
    post.double.faults.switch(Fault.MISSING_STATUSES, 0)
    [row] = rows(database)
    with post.traders.stack.sessions.begin() as session:
        now, sid = post.traders.stack.now(), row["message_sid"]
        outbox.record_status(session, post.settings, row["id"], 1, sid, "failed", "63019", now)
    post.deliver_later(seconds=2)
    wait_for(settled_as(database, "delivered"))


def test_a_failure_of_which_no_callback_told_is_asked_after(post: Post, database: Engine):
    post.say(ANA, "one", "You bought 10.")
    post.double.faults.switch(Fault.MISSING_STATUSES, 100)
    post.double.faults.switch(Fault.CHANNEL_BUSY, 100)
    post.deliver()
    assert settled_as(database, "queued")()
    wait_for(lambda: on_phone(post.double, ANA)[-1]["status"] == "failed")
    post.double.faults.switch(Fault.CHANNEL_BUSY, 0)
    post.deliver_later(seconds=post.settings.status_seconds_max + 1)
    assert settled_as(database, "waiting")()
    post.deliver_later(minutes=1)
    assert post.bodies() == ["You bought 10."]
    wait_for(lambda: on_phone(post.double, ANA)[-1]["status"] == "delivered")
    post.deliver_later(seconds=post.settings.status_seconds_max + 1)
    assert settled_as(database, "delivered")()


def test_after_a_day_without_a_word_news_waits_for_the_next_contact(post: Post, database: Engine):
    post.traders.stack.wait(hours=25)
    post.say(ANA, "one", "You bought 10.", is_notice=True)
    post.deliver()
    assert post.bodies() == []
    assert not post.has_due()
    post.traders.send(ANA, body="good morning")
    post.deliver()
    assert len(post.bodies()) == 2
    assert post.bodies()[0] == "You bought 10."


def test_what_is_worth_reading_until_tonight_is_not_sent_tomorrow_and_holds_nothing_up(post: Post, database: Engine):
    post.traders.stack.wait(hours=25)
    tonight = post.traders.stack.now() + timedelta(hours=6)
    post.say(ANA, "summary", "You have 2 open orders.", is_notice=True, kept_until=tonight)
    post.say(ANA, "one", "You bought 10.", is_notice=True)
    post.deliver_later(hours=5)
    assert settled_as(database, "waiting", "waiting")()
    post.deliver_later(hours=1)
    assert settled_as(database, "outdated", "waiting")()
    post.traders.send(ANA, body="good morning")
    post.deliver()
    assert post.bodies()[0] == "You bought 10."


def test_halts_of_many_markets_are_told_together_between_the_news_before_and_after(post: Post, database: Engine):
    post.traders.say(ANA, "buy 5 wheat dec25 at 150")
    post.traders.say(ANA, "buy 5 corn dec25 at 430")
    post.traders.say(BEN, "help")
    post.deliver()
    before, now = len(post.bodies()), post.traders.stack.now()
    with post.traders.stack.sessions.begin() as session:
        trader_id = session.scalar(sa.select(conversations.c.trader_id).where(conversations.c.number == BEN))
        common = {"trader_id": trader_id, "source": Source.API, "now": now}
        for asset, price in (("wheat", 150), ("corn", 430)):
            sells = OrderRequest(
                side=Side.SELL, quantity=Decimal(2), asset=asset, contract="Dec25", price=Decimal(price)
            )
            intake.place(session, request=sells, request_key=asset, **common)
        for symbol in ("Dec25-Wheat", "Dec25-Corn"):
            intake.halt(session, symbol=symbol, request_key=f"halt {symbol}", now=now)
        for symbol in ("Dec25-Wheat", "Dec25-Corn"):
            intake.resume(session, symbol=symbol, request_key=f"resume {symbol}", now=now)
        sells = OrderRequest(side=Side.SELL, quantity=Decimal(3), symbol="Dec25-Wheat", price=Decimal(150))
        intake.place(session, request=sells, request_key="rest", **common)
    post.traders.settle()
    for _ in range(4):
        post.deliver_later(seconds=7)
    sold, markets, completed = post.bodies()[before:]
    assert "Bought 2 Wheat Dec25" in sold
    assert "Bought 2 Corn Dec25" in sold
    assert markets.startswith("*Trading is halted*: Wheat Dec25, Corn Dec25.")
    assert markets.endswith("*Trading goes on*: Wheat Dec25, Corn Dec25.")
    assert "Bought 3 Wheat Dec25" in completed


def test_what_whatsapp_refused_as_too_late_waits_for_the_next_contact_too(post: Post, database: Engine):
    post.say(ANA, "one", "You bought 10.")
    post.double.faults.switch(Fault.OUTSIDE_WINDOW, 100)
    post.deliver()
    wait_for(lambda: rows(database)[0]["error_code"] == "63016")
    post.double.faults.switch(Fault.OUTSIDE_WINDOW, 0)
    post.deliver_later(minutes=10)
    assert post.bodies() == []
    post.traders.send(ANA, body="good morning")
    post.deliver()
    assert post.bodies()[0] == "You bought 10."


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_after_a_day_without_a_word_news_goes_out_as_a_template_where_there_is_one(
    post: Post, database: Engine, language: str
):
    sid = post.double.messages.add_template(notice_template(language))
    post = Post(post.traders, post.double, twilio_notice_templates={language: sid})
    with database.begin() as connection:
        connection.execute(sa.update(conversations).values(language=language))
    post.traders.stack.wait(hours=25)
    post.say(ANA, "one", "*Order 5*\nBought 10.", is_notice=True)
    post.deliver()
    [body] = post.bodies()
    assert "*Order 5* · Bought 10." in body
    assert body == notice_template(language)["types"]["twilio/text"]["body"].replace("{{1}}", "*Order 5* · Bought 10.")


@pytest.fixture
def tapping(post: Post) -> Post:
    """With the templates in place that the command makes."""
    made = make_missing(post.settings)
    sids = {language: made[f"TWILIO_QUESTION_CONTENT_SID_{language.upper()}"] for language in ("en", "es", "pt")}
    return Post(post.traders, post.double, twilio_question_templates=sids)


@pytest.mark.parametrize(
    ("language", "titles"),
    [("es", ["Confirmar", "Cambiar", "Cancelar"]), ("pt", ["Confirmar", "Mudar", "Cancelar"])],
)
def test_the_buttons_are_in_the_traders_language(tapping: Post, database: Engine, language: str, titles: list[str]):
    with database.begin() as connection:
        connection.execute(sa.update(conversations).values(language=language))
    tapping.say(ANA, "one", "?", button_nonce="nonce")
    tapping.deliver()
    [shown] = received(tapping.double, ANA)
    buttons = [(button["title"], button["id"]) for button in shown["buttons"]]
    assert buttons == list(zip(titles, ["confirm:nonce", "change:nonce", "cancel:nonce"], strict=True))


def ask(post: Post, text: str) -> dict:
    """The question that the text leads to, as it stands on the phone."""
    with post.traders.stack.sessions.begin() as session:
        session.execute(sa.update(conversations).values(confirm_always=True))
    post.traders.send(ANA, body=text)
    post.deliver()
    return received(post.double, ANA)[-1]


def tap(post: Post, question: dict, title: str) -> str:
    """What a tap is answered with."""
    [button] = [button for button in question["buttons"] if button["title"] == title]
    post.traders.send(ANA, body=title, button_payload=button["id"], replied_message_sid=question["sid"])
    post.deliver()
    return post.bodies()[-1]


def test_a_question_comes_with_buttons_and_a_tap_on_confirm_places_the_order_once(tapping: Post):
    question = ask(tapping, "buy 100 dec25 wheat at 150")
    assert [button["title"] for button in question["buttons"]] == ["Confirm", "Change", "Cancel"]
    assert "*Buy 100 Wheat Dec25 at 150.00*" in question["body"]
    assert "Waiting in the book: 100" in tap(tapping, question, "Confirm")
    assert "That button is no longer valid" in tap(tapping, question, "Confirm")


def test_a_tap_on_cancel_drops_the_order_and_its_buttons_are_dead(tapping: Post):
    question = ask(tapping, "buy 100 dec25 wheat at 150")
    assert "Nothing was placed" in tap(tapping, question, "Cancel")
    assert "That button is no longer valid" in tap(tapping, question, "Confirm")


def test_a_tap_on_change_leaves_the_question_open_and_what_follows_changes_it(tapping: Post):
    question = ask(tapping, "buy 100 dec25 wheat at 150")
    assert "What should change?" in tap(tapping, question, "Change")
    tapping.traders.send(ANA, body="price 151")
    tapping.deliver()
    changed = received(tapping.double, ANA)[-1]
    assert "*Buy 100 Wheat Dec25 at 151.00*" in changed["body"]
    assert "That button is no longer valid" in tap(tapping, question, "Confirm")


def test_without_a_template_the_question_is_asked_in_words(post: Post):
    question = ask(post, "buy 100 dec25 wheat at 150")
    assert question["buttons"] == []
    assert "Reply *YES* or *NO*" in question["body"]


def place_many(sessions: sessionmaker[Session], trader_id: int, now: datetime) -> list[int]:
    numbers = []
    with sessions.begin() as session:
        for count in range(FILLS):
            request = OrderRequest(
                side=Side.BUY, quantity=Decimal(1 + count % 9), asset="wheat", contract="Dec25", price=Decimal(150)
            )
            numbers.append(
                intake.place(
                    session, trader_id=trader_id, request=request, source=Source.API, request_key=str(count), now=now
                ).order_id
            )
    return numbers


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_a_sweep_of_300_fills_is_told_completely_in_at_most_one_message_per_6_seconds(
    post: Post, database: Engine, language: str
):
    stack = post.traders.stack
    with database.begin() as connection:
        connection.execute(sa.update(conversations).values(language=language))
        trader_id = connection.execute(sa.select(conversations.c.trader_id)).scalar_one()
    numbers = place_many(stack.sessions, trader_id, stack.now())
    stack.settling.settle(0, stack.now)
    lots = sum(1 + count % 9 for count in range(FILLS))
    assert "Sold" in post.traders.reply(BEN, f"sell {lots} dec25 wheat at 150")
    sent_at: list[datetime] = []
    bodies: list[str] = []
    while post.has_due() or any(row["state"] == "waiting" for row in rows(database)):
        post.deliver()
        new = post.bodies()[len(bodies) :]
        assert len(new) <= 1
        bodies += new
        sent_at += [stack.now()] * len(new)
        stack.wait(seconds=1)
    assert all(later - earlier >= timedelta(seconds=6) for earlier, later in pairwise(sent_at))
    assert all(len(body) <= 1600 for body in bodies)
    assert len(bodies) <= 12
    told = Counter()
    for number, quantity in re.findall(r"^\*(\d+)\*: (\d+) (?:at|a) 150[.,]00\. ", "\n".join(bodies), re.MULTILINE):
        told[int(number)] += int(quantity)
    assert told == {number: 1 + count % 9 for count, number in enumerate(numbers)}
    with stack.sessions() as session:
        fills = queries.fills(session, trader_id, limit=FILLS)
    cents = sum(fill.commission_cents for fill in fills)
    digits = re.sub(r"\D", "", bodies[0].splitlines()[1])
    assert digits.endswith(f"{lots * 15000}{cents}")


def test_news_waits_six_seconds_but_never_behind_an_answer_and_keeps_its_place(post: Post, database: Engine):
    for count in range(3):
        post.say(ANA, f"news {count}", f"news {count}", is_notice=True)
        post.deliver()
    assert post.bodies() == ["news 0"]
    post.say(ANA, "answer", "answer")
    post.deliver()
    assert post.bodies() == ["news 0", "news 1", "news 2", "answer"]


def test_one_hanging_request_holds_up_no_other_trader(post: Post, database: Engine):
    post.traders.reply(BEN, "hello")
    post.deliver()
    post.say(ANA, "one", "for Ana")
    post.say(BEN, "two", "for Ben")
    cases = [f"{post.settings.public_url}/webhook/status?outbox={row['id']}&attempt=1" for row in rows(database)[-2:]]
    seed = next(seed for seed in range(1000) if struck(post.double, seed, cases) == [True, False])
    post.double.faults.switch("seed", seed)
    post.double.faults.switch(Fault.LOST_REQUESTS, 50)
    patient = Post(post.traders, post.double, twilio_seconds_max=4)
    delivering = Thread(target=patient.delivery.deliver)
    delivering.start()
    wait_for(settled_as(database, "delivered", "sending", "delivered"))
    delivering.join()


def struck(double: TwilioDouble, seed: int, cases: list[str]) -> list[bool]:
    double.faults.switch("seed", seed)
    return [double.faults.chance(Fault.LOST_REQUESTS, case) < 0.5 for case in cases]


def test_a_long_text_is_cut_between_lines_between_words_and_never_inside_a_number():
    line = "Bought 40 Wheat Dec25 at 150.00 = 6,000.00, commission 6.00."
    parts = outbox.pages("\n".join([line] * 60))
    assert [part.splitlines() for part in parts] == [[line] * 26, [line] * 26, [line] * 8]
    assert " ".join(outbox.pages(" ".join([line] * 60))) == " ".join([line] * 60)
    solid = "x" * 1590 + "1,234,567.89" + "y" * 50
    assert outbox.pages(solid) == ["x" * 1590, "1,234,567.89" + "y" * 50]


def test_the_control_switches_known_faults_only(double: TwilioDouble):
    address = f"{double.settings.public_url}/phone/faults"
    switched = requests.put(address, json={"late_statuses": 20, "seed": 7}, timeout=10).json()
    assert (switched["late_statuses"], switched["seed"], switched["too_long"]) == (20, 7, 0)
    assert requests.get(address, timeout=10).json() == switched
    for wrong in ({"gremlins": 1}, {"too_long": 101}, {"too_long": "many"}):
        assert requests.put(address, json=wrong, timeout=10).status_code == 400
