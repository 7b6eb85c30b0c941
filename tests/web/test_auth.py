"""Accounts: who gets in, who does not, and how a login ends."""

import time
import warnings
from datetime import timedelta

import jwt
import jwt.warnings
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.exc import InternalError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from bot import linking, login_sessions, passwords
from bot.clock import utc_now
from bot.tables import accounts, link_codes, refresh_tokens, security_events
from bot.tables import login_sessions as logins
from tests.web.api import PASSWORD, ApiCaller, code
from tests.web.conftest import PUBLIC_URL
from web import tokens
from web.tokens import Caller

SECRET_KEY = "k" * 32


def kinds_of_events(database: Engine) -> list[str]:
    with database.connect() as connection:
        return list(connection.execute(sa.select(security_events.c.kind).order_by(security_events.c.id)).scalars())


def test_an_account_is_made_entered_and_shown(api: Flask, database: Engine):
    ana = ApiCaller(api, "Ana.Silva")
    client = api.test_client()
    answer = client.post("/api/auth/login", json={"username": "ana.silva", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    profile = ana.get("/api/auth/profile").json
    assert {name: profile[name] for name in ("username", "display_name", "language", "number", "chat_frozen")} == {
        "username": "ana.silva",
        "display_name": "Ana.Silva",
        "language": "en",
        "number": None,
        "chat_frozen": False,
    }
    assert kinds_of_events(database) == ["registered", "logged_in"]


def test_what_is_kept_of_a_password_is_argon2id_and_of_a_refresh_token_its_digest(api: Flask, database: Engine):
    ana = ApiCaller(api)
    with database.connect() as connection:
        kept = connection.execute(sa.select(accounts.c.password_hash)).scalar_one()
        digests = connection.execute(sa.select(refresh_tokens.c.digest)).scalars().all()
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert digests == [login_sessions.digest(ana.tokens["refresh_token"])]


@pytest.mark.parametrize("username", ["ana", "ANA", "Ana"])
def test_a_name_is_taken_in_all_capitals(api: Flask, username: str):
    ApiCaller(api, "ana")
    answer = api.test_client().post("/api/auth/register", json={"username": username, "password": PASSWORD})
    assert (answer.status_code, code(answer)) == (409, "username_taken")


@pytest.mark.parametrize(
    "password", ["short1!", "password123", "qwertyuiop", "1234567890", "maibroker2025", "ana1234567", "x" * 129]
)
def test_a_password_that_others_guess_early_is_refused(api: Flask, database: Engine, password: str):
    answer = api.test_client().post("/api/auth/register", json={"username": "ana", "password": password})
    assert (answer.status_code, code(answer)) == (422, "weak_password")
    with database.connect() as connection:
        assert connection.execute(sa.select(accounts)).all() == []


def test_an_unknown_name_and_a_wrong_password_are_answered_alike(api: Flask, monkeypatch: pytest.MonkeyPatch):
    ApiCaller(api, "ana")
    hashes = []

    def matches(password_hash: str, password: str) -> bool:
        hashes.append(password_hash)
        return real(password_hash, password)

    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", matches)
    client = api.test_client()
    wrong = client.post("/api/auth/login", json={"username": "ana", "password": "not hers at all"})
    unknown = client.post("/api/auth/login", json={"username": "nobody", "password": "not hers at all"})
    assert (wrong.status_code, code(wrong)) == (401, "invalid_credentials")
    assert (unknown.status_code, unknown.data) == (wrong.status_code, wrong.data)
    # As much work is done for one as for the other: a hash with the same parameters is matched.
    assert [kept.split("$")[:4] for kept in hashes] == [hashes[0].split("$")[:4]] * 2


def refresh(caller: ApiCaller, token: str) -> TestResponse:
    return caller.client.post("/api/auth/refresh", json={"refresh_token": token})


def let_pass(database: Engine, duration: timedelta) -> None:
    """As if every use of a refresh token had been so much earlier."""
    with database.begin() as connection:
        connection.execute(sa.update(refresh_tokens).values(used_at=refresh_tokens.c.used_at - duration))


def assert_login_has_ended(caller: ApiCaller, newest: str, database: Engine) -> None:
    ended = caller.get("/api/auth/profile")
    assert (ended.status_code, code(ended)) == (401, "not_signed_in")
    refused = refresh(caller, newest)
    assert (refused.status_code, code(refused)) == (401, "invalid_refresh_token")
    assert kinds_of_events(database)[-1] == "refresh_token_reused"


def test_a_refresh_token_is_good_once_and_its_later_use_ends_the_login(api: Flask, database: Engine):
    ana = ApiCaller(api)
    first = ana.tokens["refresh_token"]
    second = refresh(ana, first)
    assert second.status_code == 200
    assert second.json["refresh_token"] != first
    ana.tokens = second.json
    assert ana.get("/api/auth/profile").status_code == 200
    let_pass(database, login_sessions.REPEATED_WITHIN)
    replayed = refresh(ana, first)
    assert (replayed.status_code, code(replayed)) == (401, "invalid_refresh_token")
    assert_login_has_ended(ana, second.json["refresh_token"], database)


def test_a_client_that_lost_the_answer_of_a_refresh_gets_another_at_once(api: Flask, database: Engine):
    ana = ApiCaller(api)
    first = ana.tokens["refresh_token"]
    lost = refresh(ana, first).json["refresh_token"]
    again = refresh(ana, first)
    assert again.status_code == 200
    assert again.json["refresh_token"] not in (first, lost)
    ana.tokens = again.json
    assert ana.get("/api/auth/profile").status_code == 200
    let_pass(database, login_sessions.REPEATED_WITHIN)
    assert refresh(ana, again.json["refresh_token"]).status_code == 200


def test_two_that_were_given_for_one_token_are_not_both_used(api: Flask, database: Engine):
    ana = ApiCaller(api)
    first = ana.tokens["refresh_token"]
    hers, thiefs = (refresh(ana, first).json["refresh_token"] for _ in range(2))
    newest = refresh(ana, hers).json["refresh_token"]
    stolen = refresh(ana, thiefs)
    assert (stolen.status_code, code(stolen)) == (401, "invalid_refresh_token")
    assert_login_has_ended(ana, newest, database)


def test_what_is_past_its_time_is_forgotten(api: Flask, database: Engine):
    gone, ana = ApiCaller(api), ApiCaller(api)
    refresh(gone, gone.tokens["refresh_token"])
    shown = ana.send("POST", "/api/auth/link").json["code"]
    with database.begin() as connection:
        long_ago = utc_now() - login_sessions.REFRESH_LIFETIME
        theirs = sa.select(sa.func.min(logins.c.id)).scalar_subquery()
        connection.execute(sa.update(logins).where(logins.c.id == theirs).values(last_used_at=long_ago))
        connection.execute(
            sa.update(refresh_tokens).where(refresh_tokens.c.session_id == theirs).values(expires_at=utc_now())
        )
        connection.execute(sa.update(link_codes).values(expires_at=utc_now()))
    with Session(database) as session, session.begin():
        login_sessions.forget_old(session, utc_now())
        linking.forget_old(session, utc_now())
    with database.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(logins)).scalar_one() == 1
        assert connection.execute(sa.select(sa.func.count()).select_from(refresh_tokens)).scalar_one() == 1
        assert connection.execute(sa.select(link_codes).where(link_codes.c.code == shown)).first() is None
    assert refresh(ana, ana.tokens["refresh_token"]).status_code == 200


def test_a_page_keeps_its_refresh_token_where_no_script_reads_it(api: Flask):
    client = api.test_client()
    asked = {"username": "ana", "password": PASSWORD, "refresh_token_in": "cookie"}
    registered = client.post("/api/auth/register", json=asked, base_url=PUBLIC_URL)
    assert registered.json["refresh_token"] is None
    for attribute in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/api/auth"):
        assert attribute in registered.headers["Set-Cookie"].split("; ")
    first = client.get_cookie("refresh_token", "broker.example", "/api/auth")
    refreshed = client.post("/api/auth/refresh", json={}, base_url=PUBLIC_URL)
    assert refreshed.status_code == 200
    assert refreshed.json["refresh_token"] is None
    assert client.get_cookie("refresh_token", "broker.example", "/api/auth") != first
    bearer = {"Authorization": f"Bearer {refreshed.json['access_token']}"}
    assert client.post("/api/auth/logout", headers=bearer, base_url=PUBLIC_URL).status_code == 204
    assert client.get_cookie("refresh_token", "broker.example", "/api/auth") is None
    without = client.post("/api/auth/refresh", json={}, base_url=PUBLIC_URL)
    assert (without.status_code, code(without)) == (401, "invalid_refresh_token")


def test_a_refresh_token_past_its_time_is_no_longer_good(api: Flask, database: Engine):
    ana = ApiCaller(api)
    with database.begin() as connection:
        connection.execute(sa.update(refresh_tokens).values(expires_at=utc_now() - timedelta(seconds=1)))
    answer = ana.client.post("/api/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    assert (answer.status_code, code(answer)) == (401, "invalid_refresh_token")


def test_after_logging_out_neither_token_is_good(api: Flask):
    ana = ApiCaller(api)
    assert ana.send("POST", "/api/auth/logout").status_code == 204
    assert ana.get("/api/orders").status_code == 401
    answer = ana.client.post("/api/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    assert answer.status_code == 401


def test_a_new_password_ends_every_other_login(api: Flask, database: Engine):
    ana = ApiCaller(api, "ana")
    elsewhere = api.test_client().post("/api/auth/login", json={"username": "ana", "password": PASSWORD}).json
    wrong = ana.send("POST", "/api/auth/password", json={"current_password": "x", "new_password": "a new long secret"})
    assert (wrong.status_code, code(wrong)) == (401, "invalid_credentials")
    new = {"current_password": PASSWORD, "new_password": "a new long secret"}
    assert ana.send("POST", "/api/auth/password", json=new).status_code == 204
    assert ana.get("/api/auth/profile").status_code == 200
    headers = {"Authorization": f"Bearer {elsewhere['access_token']}"}
    assert ana.client.get("/api/auth/profile", headers=headers).status_code == 401
    old = ana.client.post("/api/auth/login", json={"username": "ana", "password": PASSWORD})
    assert old.status_code == 401
    assert (
        ana.client.post("/api/auth/login", json={"username": "ana", "password": new["new_password"]}).status_code == 200
    )
    assert kinds_of_events(database)[-3:] == ["password_changed", "login_failed", "logged_in"]


def test_logins_are_listed_and_ended_one_by_one_by_their_account_alone(api: Flask):
    ana, ben = ApiCaller(api, "ana"), ApiCaller(api, "ben")
    other = api.test_client().post(
        "/api/auth/login", json={"username": "ana", "password": PASSWORD}, headers={"User-Agent": "x" * 500}
    )
    listed = ana.get("/api/auth/sessions").json["sessions"]
    assert [found["is_current"] for found in listed] == [False, True]
    assert listed[0]["user_agent"] == "x" * 200
    foreign = ben.send("DELETE", f"/api/auth/sessions/{listed[0]['id']}")
    assert (foreign.status_code, code(foreign)) == (404, "session_not_found")
    assert ana.send("DELETE", f"/api/auth/sessions/{listed[0]['id']}").status_code == 204
    headers = {"Authorization": f"Bearer {other.json['access_token']}"}
    assert ana.client.get("/api/auth/profile", headers=headers).status_code == 401
    assert len(ana.get("/api/auth/sessions").json["sessions"]) == 1


def forged(**changes: object) -> dict[str, object]:
    now = int(time.time())
    # Made as the tests are collected, and to be good until the last of them.
    claims = {"iss": "maibroker", "sub": "1", "sid": 1, "typ": "access", "iat": now, "exp": now + 24 * 3600}
    return {name: value for name, value in (claims | changes).items() if value is not None}


GOOD_KEY = tokens._key(SECRET_KEY)


def signed_otherwise() -> str:
    """By our own key, but with an algorithm that we do not use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.warnings.InsecureKeyLengthWarning)
        return jwt.encode(forged(), GOOD_KEY, "HS512")


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        (jwt.encode(forged(), None, "none"), "not_signed_in"),
        (jwt.encode(forged(), "another key of the right length!", "HS256"), "not_signed_in"),
        (jwt.encode(forged(), SECRET_KEY, "HS256"), "not_signed_in"),
        (signed_otherwise(), "not_signed_in"),
        (jwt.encode(forged(typ="refresh"), GOOD_KEY, "HS256"), "not_signed_in"),
        (jwt.encode(forged(typ=None), GOOD_KEY, "HS256"), "not_signed_in"),
        (jwt.encode(forged(exp=None), GOOD_KEY, "HS256"), "not_signed_in"),
        (jwt.encode(forged(iss="someone"), GOOD_KEY, "HS256"), "not_signed_in"),
        (jwt.encode(forged(exp=int(time.time()) - 1), GOOD_KEY, "HS256"), "token_expired"),
        (jwt.encode(forged(sub="999"), GOOD_KEY, "HS256"), "not_signed_in"),
        ("", "not_signed_in"),
        ("a.b.c", "not_signed_in"),
        ("é" * 100, "not_signed_in"),
    ],
)
def test_a_token_that_we_did_not_make_for_a_live_login_opens_nothing(api: Flask, token: str, refusal: str):
    ApiCaller(api)
    header = f"Bearer {token}".encode().decode("latin-1")
    answer = api.test_client().get("/api/orders", headers={"Authorization": header})
    assert (answer.status_code, code(answer)) == (401, refusal)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_refresh_token_is_no_access_token(api: Flask):
    ana = ApiCaller(api)
    answer = ana.client.get("/api/orders", headers={"Authorization": f"Bearer {ana.tokens['refresh_token']}"})
    assert (answer.status_code, code(answer)) == (401, "not_signed_in")


def test_a_login_of_one_account_does_not_open_another(api: Flask, database: Engine):
    ApiCaller(api, "ana"), ApiCaller(api, "ben")
    with database.connect() as connection:
        rows = connection.execute(sa.select(logins.c.account_id, logins.c.id).order_by(logins.c.id)).all()
    mixed = tokens.issue(SECRET_KEY, Caller(rows[0].account_id, rows[1].id), utc_now())
    answer = api.test_client().get("/api/auth/profile", headers={"Authorization": f"Bearer {mixed}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "username", ["аna", "ana\u202e", "an a", "ana\x00", "ａｎａ", "a" * 33, "an", "-ana", "ana\n", "ana'--"]
)
def test_a_username_is_plain_letters_digits_and_few_signs(api: Flask, username: str):
    answer = api.test_client().post("/api/auth/register", json={"username": username, "password": PASSWORD})
    assert (answer.status_code, code(answer)) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("Ana  Lúcia", "Ana  Lúcia"), ("Ａｎａ", "Ana"), (" Анна ", "Анна"), ("a\u202eb", None), ("\x00", None)],
)
def test_a_display_name_is_composed_alike_and_hides_nothing(api: Flask, asked: str, kept: str | None):
    registration = {"username": "ana", "password": PASSWORD, "display_name": asked}
    answer = api.test_client().post("/api/auth/register", json=registration)
    if kept is None:
        assert (answer.status_code, code(answer)) == (422, "invalid_request")
        return
    headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert api.test_client().get("/api/auth/profile", headers=headers).json["display_name"] == kept


def test_security_events_cannot_be_changed_or_removed(api: Flask, database: Engine):
    ApiCaller(api)
    changes = [
        sa.update(security_events).values(kind="nothing"),
        sa.delete(security_events),
        sa.text("TRUNCATE security_events"),
    ]
    for change in changes:
        with pytest.raises(InternalError, match="append-only"), database.begin() as connection:
            connection.execute(change)
    assert kinds_of_events(database) == ["registered"]
