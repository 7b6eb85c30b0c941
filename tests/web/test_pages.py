"""The pages speak the reader's language and are closed to other sites."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import PUBLIC_URL, close, settings_for
from web.app import create_app

SPEAKS = {"en": "in your own words", "es": "con tus propias palabras", "pt": "com as suas palavras"}


@pytest.mark.parametrize("language", SPEAKS)
def test_the_front_page_is_in_the_language_asked_for(client: FlaskClient, language: str):
    page = client.get(f"/?lang={language}").text
    assert f'<html lang="{language}">' in page
    assert SPEAKS[language] in page
    assert "https://wa.me/14155238886" in page


def test_a_run_with_a_chat_of_its_own_leads_there(database_url: str, redis_url: str):
    chat = "http://127.0.0.1:8000/phone"
    app = create_app(replace(settings_for(database_url, redis_url, PUBLIC_URL), chat_url=chat))
    page = app.test_client().get("/").text
    close(app)
    assert page.count(f'href="{chat}"') == 2
    assert "wa.me" not in page


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("es-MX,es;q=0.9,en;q=0.5", "es"), ("pt-BR", "pt"), ("de, pt;q=0.3", "pt"), ("de", "en"), ("", "en")],
)
def test_the_browsers_first_language_that_we_speak_is_taken(client: FlaskClient, accepted: str, language: str):
    assert f'<html lang="{language}">' in client.get("/", headers={"Accept-Language": accepted}).text


def test_an_unknown_language_falls_to_the_browsers(client: FlaskClient):
    assert '<html lang="es">' in client.get("/?lang=xx", headers={"Accept-Language": "es"}).text


def test_a_page_loads_nothing_from_elsewhere_and_is_not_framed(client: FlaskClient):
    headers = client.get("/").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_not_there_is_told_as_a_problem(client: FlaskClient):
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.get_json(force=True)["code"] == "not_found"


def test_there_is_no_phone_in_production(client: FlaskClient):
    assert client.get("/phone").status_code == 404
    assert client.post("/2010-04-01/Accounts/AC1/Messages.json").status_code == 404
