"""Our staff at the desk, as a browser without scripts: pages are read, and forms are sent as they stand."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from bot import passwords, staff
from bot.staff import Role

PASSWORD = "nine yellow harvesters"
PASSWORD_HASH = passwords.hasher.hash(PASSWORD)
ADDED_AT = datetime(2025, 11, 3, tzinfo=UTC)


class Forms(HTMLParser):
    """The forms of a page: each one's address and what its fields hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        elif tag == "input" and self.found and "name" in given:
            self.found[-1][1][given["name"]] = given.get("value", "")


class Desk:
    """One of our staff, signed in."""

    def __init__(self, app: Flask, role: Role, username: str | None = None) -> None:
        self.username = username or f"{role}-person"
        self.client: FlaskClient = app.test_client()
        with Session(app.extensions["database"]) as session, session.begin():
            self.staff_id = staff.add(
                session, username=self.username, password_hash=PASSWORD_HASH, role=role, now=ADDED_AT
            )
        self.sign_in()

    def sign_in(self) -> None:
        answer = self.send("/support/sign-in", "/support/sign-in", username=self.username, password=PASSWORD)
        assert answer.status_code == 302, answer.text

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.text

    def send(self, page: str, action: str, **fields: str) -> TestResponse:
        """Fill in that page's form with this address, and send it."""
        known = dict(Forms(self.get(page)).found)
        assert action in known, f"{action} is not on {page}: {list(known)}"
        return self.client.post(action, data=known[action] | fields)

    def do(self, page: str, action: str, **fields: str) -> str:
        """Send the form and read the page that it leads to."""
        answer = self.send(page, action, **fields)
        assert answer.status_code == 302, f"{action}: {answer.status_code} {text_of(answer.text)}"
        return self.get(answer.headers["Location"])

    def token(self, page: str = "/support/") -> str:
        return Forms(self.get(page)).found[-1][1]["csrf_token"]


def text_of(page: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
