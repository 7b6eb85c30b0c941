"""Who gets in to the desk, and who does not: strangers, traders, forged forms, roles too low, and late-comers."""

import re
from datetime import timedelta

import pyotp
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot import staff, tables
from bot.clock import utc_now
from bot.staff import Role
from bot.staff_sessions import IDLE_LONGEST, SESSION_LONGEST
from tests.web.api import ApiCaller, Market
from tests.web.desk import PASSWORD, Desk, Forms, text_of

SOME_VALUES = {
    "inbox_id": 1,
    "conversation_id": 1,
    "trader_id": 1,
    "order_id": 1,
    "instrument_id": 1,
    "outbox_id": 1,
    "asset": "wheat",
    "username": "ana",
    "instance_number": 0,
    "queue_name": "chat",
    "registry_name": "failed",
    "per_page": 8,
    "order": "asc",
    "page": 1,
    "job_id": "1",
    "filename": "css/main.css",
}
OPEN = {"support.sign_in.show", "support.sign_in.enter"}


def addresses(app: Flask) -> list[tuple[str, str, str]]:
    """Every method, path and endpoint below /support but for those that are open to all."""
    adapter = app.url_map.bind("broker.example")
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/support") and rule.endpoint not in OPEN:
            path = adapter.build(rule.endpoint, {name: SOME_VALUES[name] for name in rule.arguments})
            found += [(method, path, rule.endpoint) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
    assert len(found) > 40
    return found


def kinds(database: Engine) -> list[str]:
    with Session(database) as session:
        return list(session.scalars(sa.select(tables.security_events.c.kind).order_by(tables.security_events.c.id)))


def test_a_stranger_is_sent_to_the_sign_in_page_from_everywhere(api: Flask):
    client = api.test_client()
    for method, path, _endpoint in addresses(api):
        answer = client.open(path, method=method)
        if method == "GET":
            assert answer.status_code == 302, path
            assert answer.headers["Location"].startswith("/support/sign-in"), path
        else:  # A form that does not come from a page of ours is refused whoever sends it.
            assert answer.status_code == 400, path


def test_a_traders_token_opens_nothing_here(api: Flask, market: Market):
    trader = ApiCaller(api)
    assert trader.get("/api/auth/profile").status_code == 200
    for method, path, _endpoint in addresses(api):
        answer = trader.send(method, path)
        assert (answer.status_code, answer.headers.get("Location", "/support/sign-in")[:16]) in (
            (302, "/support/sign-in"),
            (400, "/support/sign-in"),
        ), path


def test_every_change_needs_the_token_of_its_page(api: Flask, market: Market, database: Engine):
    desk = Desk(api, Role.ADMIN)
    before = kinds(database)
    for method, path, _endpoint in addresses(api):
        if method == "POST":
            assert desk.client.post(path, data={"csrf_token": "forged", "key": "k" * 16}).status_code == 400, path
            assert desk.client.post(path, headers={"X-CSRFToken": "forged"}).status_code == 400, path
    assert kinds(database) == before


def test_a_page_of_another_site_cannot_send_the_cookie(api: Flask):
    client = api.test_client()
    page = client.get("/support/sign-in")
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("support=")
    for attribute in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/support"):
        assert attribute in cookie


def test_support_is_refused_what_risk_and_admin_may_and_it_is_kept(api: Flask, market: Market, database: Engine):
    desk = Desk(api, Role.SUPPORT)
    token = desk.token()
    needed = {
        path: getattr(api.view_functions[endpoint], "role", Role.SUPPORT)
        for method, path, endpoint in addresses(api)
        if method == "POST" and not endpoint.startswith("rq_dashboard.")
    }
    refused = [path for path, role in needed.items() if role is not Role.SUPPORT]
    assert len(refused) >= 12
    for path in refused:
        answer = desk.client.post(path, data={"csrf_token": token, "key": "k" * 16})
        assert answer.status_code == 403, path
        assert "Your role does not allow this" in answer.text
    assert kinds(database).count("staff_refused") == len(refused)


def test_the_sign_in_page_tells_nothing_of_what_was_wrong(api: Flask, database: Engine):
    Desk(api, Role.SUPPORT, "ana")
    client = api.test_client()
    told = set()
    for username, password in (("ana", "not this one at all"), ("nobody", PASSWORD), ("", "")):
        fields = dict(Forms(client.get("/support/sign-in").text).found)["/support/sign-in"]
        answer = client.post("/support/sign-in", data=fields | {"username": username, "password": password})
        assert answer.status_code == 401
        told.add(text_of(answer.text))
        assert client.get("/support/").status_code == 302
    assert len(told) == 1
    assert kinds(database).count("staff_sign_in_failed") == 3


def test_few_tries_are_allowed(app: Flask):
    client = app.test_client()
    statuses = []
    for _ in range(7):
        fields = dict(Forms(client.get("/support/sign-in").text).found)["/support/sign-in"]
        answer = client.post("/support/sign-in", data=fields | {"username": "ana", "password": "guess"})
        statuses.append(answer.status_code)
    assert statuses == [401] * 5 + [429] * 2
    assert re.search(r"Please wait \d+ seconds", answer.text)


@pytest.mark.parametrize(
    ("asked", "opened"),
    [
        ("/support/audit?kind=announced", "/support/audit?kind=announced"),
        ("https://evil.example/support/", "/support/"),
        ("//evil.example/support/x", "/support/"),
        ("/support/\\evil.example", "/support/"),
        ("/api/orders", "/support/"),
        ("javascript:alert(1)", "/support/"),
    ],
)
def test_signing_in_leads_to_the_page_that_was_asked_for_and_never_elsewhere(api: Flask, asked: str, opened: str):
    desk = Desk(api, Role.SUPPORT)
    answer = desk.send("/support/sign-in", "/support/sign-in", username=desk.username, password=PASSWORD, next=asked)
    assert answer.headers["Location"] == opened


@pytest.mark.parametrize(("column", "longest"), [("last_used_at", IDLE_LONGEST), ("created_at", SESSION_LONGEST)])
def test_a_session_is_over_after_idling_and_after_the_working_day(
    api: Flask, database: Engine, column: str, longest: timedelta
):
    desk = Desk(api, Role.SUPPORT)
    for ago, status in ((longest - timedelta(minutes=2), 200), (longest, 302)):
        with Session(database) as session, session.begin():
            session.execute(sa.update(tables.staff_sessions).values({column: utc_now() - ago}))
        assert desk.client.get("/support/").status_code == status


def test_pages_that_load_themselves_do_not_keep_a_session_alive(api: Flask, database: Engine):
    desk = Desk(api, Role.SUPPORT)
    idle_since = utc_now() - IDLE_LONGEST + timedelta(minutes=2)
    with Session(database) as session, session.begin():
        session.execute(sa.update(tables.staff_sessions).values(last_used_at=idle_since))

    def last_used():
        with Session(database) as session:
            return session.execute(sa.select(tables.staff_sessions.c.last_used_at)).scalar_one()

    desk.get("/support/rq/0/data/queues.json")
    assert last_used() == idle_since
    desk.get("/support/")
    assert last_used() > idle_since


def test_signing_out_ends_the_session_wherever_its_cookie_was_copied(api: Flask):
    desk = Desk(api, Role.SUPPORT)
    copied = api.test_client()
    copied.set_cookie("support", desk.client.get_cookie("support", path="/support").value, path="/support")
    assert copied.get("/support/").status_code == 200
    desk.send("/support/", "/support/sign-out")
    assert copied.get("/support/").status_code == 302


def test_an_account_that_is_shut_is_out_at_once(api: Flask, database: Engine):
    desk, admin = Desk(api, Role.RISK, "ben"), Desk(api, Role.ADMIN)
    assert "The account is shut." in admin.do("/support/staff", "/support/staff/ben/disable")
    assert desk.client.get("/support/").status_code == 302
    fields = dict(Forms(desk.get("/support/sign-in")).found)["/support/sign-in"]
    answer = desk.client.post("/support/sign-in", data=fields | {"username": "ben", "password": PASSWORD})
    assert answer.status_code == 401


def test_a_second_factor_is_asked_for_and_each_code_is_good_once(api: Flask, database: Engine):
    desk = Desk(api, Role.SUPPORT, "cleo")
    desk.send("/support/", "/support/sign-out")
    with Session(database) as session, session.begin():
        totp = pyotp.parse_uri(staff.set_totp(session, "cleo", utc_now()))
    code = totp.at(utc_now())

    def status(code: str) -> int:
        fields = dict(Forms(desk.get("/support/sign-in")).found)["/support/sign-in"]
        given = {"username": "cleo", "password": PASSWORD, "code": code}
        return desk.client.post("/support/sign-in", data=fields | given).status_code

    assert [status(""), status("000000" if code != "000000" else "111111")] == [401, 401]
    assert [status(code), status(code)] == [302, 401]


def test_the_language_that_was_chosen_stays(api: Flask):
    desk = Desk(api, Role.SUPPORT)
    assert '<html lang="es">' in desk.get("/support/?lang=es")
    assert '<html lang="es">' in desk.get("/support/audit")
