"""Pictures: made by their own worker, fetched by Twilio, and never a reason to keep a trader waiting."""

import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Engine

from bot import attachments
from bot.pictures import Pictures
from bot.tables import attachments as files
from bot.tables import outbox
from tests.bot.conftest import Traders
from tests.web.test_twilio_double import on_phone, wait_for
from web.twilio_double import TwilioDouble

ANA, BEN, CLEO = "+15550150", "+15550151", "+15550152"
BYTES_MAX = 60_000
WIDTH_MIN = 780  # Twice the pixels of a phone's page.


@pytest.fixture
def traded(chat: Traders) -> Traders:
    """One trade in wheat, and an offer that rests."""
    chat.say(ANA, "Buy 100 Dec25 Wheat at 150")
    chat.say(BEN, "Sell 140 Dec25 Wheat at 150")
    chat.stack.wait(seconds=1)
    return chat


def make_all(traders: Traders) -> int:
    """What the worker does that is woken for each file."""
    pictures = Pictures(traders.stack.sessions)
    with traders.stack.sessions() as session:
        waiting = attachments.waiting(session, traders.stack.now())
    return sum(pictures.make(attachment_id, traders.stack.now()) for attachment_id in waiting)


def made(database: Engine) -> list[bytes]:
    with database.connect() as connection:
        return list(connection.scalars(sa.select(files.c.content).order_by(files.c.id)))


def last_reply(double: TwilioDouble, number: str) -> dict:
    return [one for one in on_phone(double, number) if one["direction"] == "outbound"][-1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chart wheat dec25", "*Wheat Dec25* · last 150.00"),
        ("gráfico del trigo dic25", "*Trigo Dic25* · último"),
        ("gráfico do trigo dez25", "*Trigo Dez25* · último"),
        ("book wheat dec25", "150.00 × 40"),
        ("libro del trigo dic25", "Venta"),
        ("livro do trigo dez25", "Ofertas de venda"),
    ],
)
def test_a_picture_is_light_and_wide_enough_for_a_phone(traded: Traders, database: Engine, text: str, says: str):
    assert says in traded.reply(CLEO, text)
    assert make_all(traded) == 1
    (content,) = made(database)
    image = Image.open(BytesIO(content))
    assert image.format == "PNG"
    assert image.width >= WIDTH_MIN
    assert len(content) < BYTES_MAX
    # Candles and bars are there, not letters on white alone.
    assert sum(1 for _count, (r, g, b) in image.convert("RGB").getcolors(256) if max(r, g, b) - min(r, g, b) > 80) > 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chart gold dec25", "There is nothing to draw yet: it was not traded in the last 89 days."),
        ("book gold dec25", "*Gold Dec25*\nOffers\n—\nBids\n—"),
        ("chart", "Which product's chart?"),
    ],
)
def test_where_there_is_nothing_to_draw_words_say_so(traded: Traders, database: Engine, text: str, says: str):
    assert says in traded.reply(CLEO, text)
    assert made(database) == []


def test_twilio_fetches_the_picture_that_the_answer_carries(
    traded: Traders, double: TwilioDouble, deliver: Callable[[], None], database: Engine
):
    traded.reply(CLEO, "chart wheat dec25")
    deliver()
    assert on_phone(double, CLEO) == []  # The answer waits for its picture,
    make_all(traded)
    deliver()
    wait_for(lambda: on_phone(double, CLEO) != [] and last_reply(double, CLEO)["status"] == "delivered")
    shown = last_reply(double, CLEO)
    assert shown["media_type"] == "image/png"
    assert shown["body"].startswith("*Wheat Dec25* · last 150.00")
    kept = double.messages.media(shown["media_url"].rpartition("/")[2])
    assert kept == (made(database)[0], "image/png")


def test_without_its_picture_an_answer_leaves_after_a_while_and_says_so(
    traded: Traders, double: TwilioDouble, deliver: Callable[[], None]
):
    traded.reply(CLEO, "chart wheat dec25")
    traded.stack.wait(seconds=attachments.MADE_WITHIN.total_seconds())
    assert make_all(traded) == 0  # Nobody waits for it any more.
    deliver()
    wait_for(lambda: on_phone(double, CLEO) != [] and last_reply(double, CLEO)["status"] == "delivered")
    shown = last_reply(double, CLEO)
    assert shown["media_url"] is None
    assert shown["body"].endswith("I could not make the picture or file just now. Please ask again in a little while.")


def test_a_picture_is_made_once(traded: Traders, database: Engine):
    traded.reply(CLEO, "chart wheat dec25")
    with database.connect() as connection:
        attachment_id = connection.scalar(sa.select(files.c.id))
    pictures = Pictures(traded.stack.sessions)
    assert pictures.make(attachment_id, traded.stack.now())
    assert not pictures.make(attachment_id, traded.stack.now())


def test_a_file_is_had_by_its_whole_address_alone_and_not_for_ever(
    traded: Traders, client: FlaskClient, database: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("web.media.utc_now", traded.stack.now)
    traded.reply(CLEO, "chart wheat dec25")
    with database.connect() as connection:
        token = connection.scalar(sa.select(files.c.token))
    assert re.fullmatch(r"[\w-]{32}", token)
    assert client.get(f"/media/{token}.png").status_code == 404  # It is not made yet.
    make_all(traded)
    answer = client.get(f"/media/{token}.png")
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data == made(database)[0]
    for address in (f"{token}.pdf", f"{token[:-1]}.png", f"{token}x.png"):
        assert client.get(f"/media/{address}").status_code == 404
    traded.stack.wait(seconds=attachments.KEPT.total_seconds())
    assert client.get(f"/media/{token}.png").status_code == 404


def test_old_files_are_forgotten_and_their_messages_stay(traded: Traders, database: Engine):
    traded.reply(CLEO, "chart wheat dec25")
    make_all(traded)
    with traded.stack.sessions.begin() as session:
        attachments.forget_old(session, traded.stack.now() + attachments.KEPT + timedelta(seconds=1))
    assert made(database) == []
    with database.connect() as connection:
        found = connection.execute(
            sa.select(outbox.c.attachment_id, outbox.c.body).where(outbox.c.body.like("%last 150.00%"))
        ).all()
    assert [row.attachment_id for row in found] == [None]
