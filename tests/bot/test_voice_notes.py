"""Voice notes from the media address to the reply: what is fetched, what is refused, and that nothing is blocked."""

import base64
import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import pytest
import sqlalchemy as sa
from flask import Flask, Response, redirect, request
from redis import Redis
from werkzeug.serving import make_server

from bot import inbox, recordings, tables, whatsapp
from bot.settings import Settings
from bot.sweep import sweep
from bot.voice import DOWNLOADS_MAX, Listener
from bot.whatsapp import IncomingMessage
from tests.bot.conftest import Traders

ANA = "+15550100"
ACCOUNT, TOKEN = "AC" + "a" * 32, "0" * 32


class MediaServer:
    """Twilio's media addresses, and who asked there with which credentials."""

    def __init__(self) -> None:
        self.app = Flask(__name__)
        self.asked: list[tuple[str, str | None]] = []
        self.app.before_request(lambda: self.asked.append((request.path, request.headers.get("Authorization"))))
        self.app.add_url_rule("/note", "note", lambda: Response(b"sound", mimetype="audio/ogg"))
        self.app.add_url_rule("/moved", "moved", lambda: redirect("/note"))
        self.app.add_url_rule("/away", "away", lambda: redirect("http://127.0.0.2:9/note"))
        self.app.add_url_rule("/round", "round", lambda: redirect("/round"))
        self.app.add_url_rule("/page", "page", lambda: Response("<p>", mimetype="text/html"))
        self.app.add_url_rule("/video", "video", lambda: Response(b"film", mimetype="video/mp4"))
        self.app.add_url_rule("/large", "large", lambda: Response(b"0" * 2048, mimetype="audio/ogg"))
        self.app.add_url_rule("/broken", "broken", lambda: Response(status=503))
        self.app.add_url_rule("/slow", "slow", lambda: Response(self.drip(), mimetype="audio/ogg"))
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.address = f"http://127.0.0.1:{self.server.port}"

    def drip(self) -> Iterator[bytes]:
        for _ in range(200):
            time.sleep(0.02)
            yield b"0"


@pytest.fixture
def media() -> Iterator[MediaServer]:
    served = MediaServer()
    thread = Thread(target=served.server.serve_forever)
    thread.start()
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()


@pytest.fixture
def settings(media: MediaServer) -> Settings:
    return Settings(
        database_url="",
        redis_url="",
        secret_key="k" * 32,
        twilio_account_sid=ACCOUNT,
        twilio_auth_tokens=(TOKEN,),
        twilio_api_url=media.address,
        twilio_whatsapp_number="whatsapp:+14155238886",
        whatsapp_verify_token="verify me",
        voice_keep_days=7,
    )


def test_media_is_fetched_with_our_credentials_and_a_redirect_does_not_see_them(media: MediaServer, settings: Settings):
    assert whatsapp.download(settings, f"{media.address}/moved") == b"sound"
    credentials = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    assert media.asked == [("/moved", credentials), ("/note", None)]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/gone", "gone"),
        ("/page", "wrong_type"),
        ("/video", "wrong_type"),
        ("/away", "wrong_host"),
        ("/round", "wrong_host"),
        ("/large", "too_large"),
    ],
)
def test_media_that_cannot_be_taken_is_refused_for_good(
    media: MediaServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, path: str, reason: str
):
    monkeypatch.setattr(whatsapp, "MEDIA_BYTES_MAX", 1024)
    with pytest.raises(whatsapp.MediaRefused) as refusal:
        whatsapp.download(settings, media.address + path)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    "url", ["https://example.com/note", "http://api.twilio.com/note", "https://api.twilio.com.example.com/note"]
)
def test_only_twilios_own_hosts_are_asked(settings: Settings, url: str):
    with pytest.raises(whatsapp.MediaRefused):
        whatsapp.download(settings, url)


def test_a_broken_server_may_be_asked_again(media: MediaServer, settings: Settings):
    with pytest.raises(whatsapp.MediaUnavailable):
        whatsapp.download(settings, f"{media.address}/broken")


def test_a_server_that_drips_is_given_up_on(media: MediaServer, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(whatsapp, "MEDIA_SECONDS_MAX", 0.1)
    monkeypatch.setattr(whatsapp, "MEDIA_CHUNK_BYTES", 1)
    with pytest.raises(whatsapp.MediaUnavailable):
        whatsapp.download(settings, f"{media.address}/slow")


def receive(traders: Traders, url: str) -> inbox.Recorded:
    message = IncomingMessage(message_sid="SM" + url, number=ANA, body="", media_url=url, media_type="audio/ogg")
    with traders.stack.sessions.begin() as session:
        recorded = inbox.record(session, message, traders.stack.now(), "en")
    assert recorded is not None
    return recorded


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("/gone", "I could not fetch that voice note. Please send it again, or as text."),
        ("/video", "I can listen to voice notes, but not open that kind of file."),
        ("/note", "I cannot listen to voice notes just now. Please send it as text."),
    ],
)
def test_a_note_that_cannot_be_heard_is_answered_and_the_next_message_passes(
    traders: Traders, media: MediaServer, settings: Settings, path: str, reply: str
):
    recorded = receive(traders, media.address + path)
    listener = Listener(settings, traders.stack.sessions, transcriber=None)
    assert listener.hear(recorded.inbox_id, traders.stack.now()) == recorded.conversation_id
    traders.stack.handle(recorded.conversation_id)
    assert traders.told(ANA) == [reply]
    assert traders.outcome(ANA, "buy 5 wheat dec25 at 150") == "placed"


def test_a_note_that_cannot_be_fetched_now_is_tried_again_and_then_answered(
    traders: Traders, media: MediaServer, settings: Settings
):
    recorded = receive(traders, f"{media.address}/broken")
    listener = Listener(settings, traders.stack.sessions, transcriber=None)
    for _ in range(DOWNLOADS_MAX - 1):
        assert listener.hear(recorded.inbox_id, traders.stack.now()) is None
    assert listener.hear(recorded.inbox_id, traders.stack.now()) == recorded.conversation_id
    assert listener.hear(recorded.inbox_id, traders.stack.now()) is None
    traders.stack.handle(recorded.conversation_id)
    assert traders.told(ANA) == ["I could not fetch that voice note. Please send it again, or as text."]


def test_a_note_that_nobody_hears_does_not_hold_up_what_was_written_after_it(
    traders: Traders, media: MediaServer, settings: Settings, redis_client: Redis
):
    recorded = receive(traders, f"{media.address}/note")
    traders.send(ANA, body="buy 5 wheat dec25 at 150")
    traders.stack.handle(recorded.conversation_id)
    assert traders.told(ANA) == []
    traders.stack.wait(seconds=61)
    sweep(traders.stack.sessions, redis_client, settings, traders.stack.now())
    traders.stack.handle(recorded.conversation_id)
    traders.stack.handle(recorded.conversation_id)
    told = traders.told(ANA)
    assert "I cannot listen to voice notes just now. Please send it as text." in told
    assert "*Order 1001*: Buy 5 Wheat Dec25 at 150.00" in told[-1]


@pytest.mark.parametrize("days", [0, 7])
def test_the_recording_is_kept_for_as_many_days_as_the_setting_says(
    traders: Traders, media: MediaServer, settings: Settings, days: int
):
    recorded = receive(traders, f"{media.address}/note")
    listener = Listener(replace(settings, voice_keep_days=days), traders.stack.sessions, transcriber=None)
    listener.hear(recorded.inbox_id, traders.stack.now())

    def kept() -> int:
        with traders.stack.sessions.begin() as session:
            recordings.forget_old(session, traders.stack.now())
            return session.scalar(sa.select(sa.func.count()).select_from(tables.recordings)) or 0

    assert kept() == (1 if days else 0)
    traders.stack.wait(days=7, seconds=1)
    assert kept() == 0


def heard(traders: Traders, number: str, **transcript: object) -> str:
    """What is replied to a voice note that was heard like this."""
    message = IncomingMessage(
        message_sid=f"SM{transcript}", number=number, body="", media_url="x", media_type="audio/ogg"
    )
    with traders.stack.sessions.begin() as session:
        recorded = inbox.record(session, message, traders.stack.now(), "en")
        assert recorded is not None
        session.execute(
            sa.update(tables.inbox).where(tables.inbox.c.id == recorded.inbox_id).values(transcript=transcript)
        )
    traders.told(number)
    traders.stack.handle(recorded.conversation_id)
    return "\n".join(traders.told(number))


def test_a_spoken_order_is_shown_read_back_and_placed_by_a_spoken_yes(traders: Traders):
    readback = heard(traders, ANA, text="Buy 25 copper, March 26 at 410.", lang="en", unclear=[])
    assert readback.startswith("🎤 “Buy 25 copper, March 26 at 410.”")
    assert "*Buy 25 Copper Mar26 at 410.00*" in readback
    assert traders.reply(ANA, "orders").startswith("You have no open orders.")
    assert "*Order 1001*: Buy 25 Copper Mar26 at 410.00" in heard(traders, ANA, text="Yes.", lang="en", unclear=[])


@pytest.mark.parametrize("spoken", ["Cancel order 1001.", "Cancel all my orders.", "Move order 1001 to 151."])
def test_a_voice_note_changes_nothing_without_a_yes(traders: Traders, spoken: str):
    traders.say(ANA, "buy 100 dec25 wheat at 150")
    assert "YES" in heard(traders, ANA, text=spoken, lang="en", unclear=[])
    assert "1001*: Buy 100 Wheat Dec25 at 150.00" in traders.reply(ANA, "orders")


def test_a_number_that_stayed_unclear_is_asked_for_by_itself(traders: Traders):
    asked = heard(traders, ANA, text="Buy 25 copper, March 26 at 410.", lang="en", unclear=["price"])
    assert "*Buy 25 Copper Mar26*" in asked
    assert "At what price?" in asked
    answered = traders.say(ANA, "at 400")
    assert answered["outcome"] == "ask_confirm"
