"""Accounts: made, entered and left; who is logged in where; and the WhatsApp number that trades for one."""

from collections.abc import Callable
from datetime import datetime
from typing import NoReturn, TypeVar

from apiflask import APIBlueprint
from flask import Response, current_app, request
from gevent import get_hub
from sqlalchemy.orm import Session

from bot import credentials, linking, login_sessions, passwords, queues, security_events
from bot.clock import utc_now
from bot.login_sessions import REFRESH_LIFETIME, InvalidRefreshToken, Login
from bot.passwords import PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN, WeakPassword
from bot.refusals import RequestRefused
from bot.security_events import SecurityEvent
from web import caller, limits, schemas, tickets, tokens
from web.tickets import TICKET_LIFETIME
from web.tokens import ACCESS_LIFETIME, Caller

T = TypeVar("T")

REFRESH_COOKIE = "refresh_token"
SESSION_ID = "<int(max=9223372036854775807):session_id>"

auth = APIBlueprint("auth", __name__, url_prefix="/api/auth", tag="Accounts")


class InvalidCredentials(RequestRefused):
    """The username or the password is wrong."""

    code = "invalid_credentials"


@auth.post("/register")
@auth.input(schemas.Registration)
@auth.output(schemas.Tokens, status_code=201)
@auth.doc(operation_id="register")
@limits.counted_as_auth
def register(json_data: schemas.Registration) -> Response:
    """Make an account and log in."""
    password_hash = hashed(json_data.password, json_data.username)
    now = utc_now()
    with current_app.extensions["sessions"].begin() as session:
        account_id = credentials.register(
            session,
            username=json_data.username,
            password_hash=password_hash,
            display_name=json_data.display_name or json_data.username,
            language=json_data.language,
            now=now,
        )
        security_events.record(
            session, SecurityEvent.REGISTERED, now, account_id=account_id, ip_address=request.remote_addr
        )
        login = begin_login(session, account_id, now)
    return answer_tokens(login, now, 201, in_cookie=json_data.refresh_token_in == "cookie")


@auth.post("/login")
@auth.input(schemas.Credentials)
@auth.output(schemas.Tokens)
@auth.doc(operation_id="log_in")
@limits.counted_as_auth
def log_in(json_data: schemas.Credentials) -> Response:
    """Log in; an unknown username and a wrong password are answered alike."""
    sessions, now = current_app.extensions["sessions"], utc_now()
    with current_app.extensions["reads"]() as session:
        account = credentials.find(session, json_data.username)
    password_hash = passwords.NOBODYS_HASH if account is None else account["password_hash"]
    is_right = off_the_loop(passwords.matches, password_hash, json_data.password)
    if account is None or not is_right:
        refuse_login(None if account is None else account["id"])
    with sessions.begin() as session:
        security_events.record(
            session, SecurityEvent.LOGGED_IN, now, account_id=account["id"], ip_address=request.remote_addr
        )
        login = begin_login(session, account["id"], now)
    return answer_tokens(login, now, 200, in_cookie=json_data.refresh_token_in == "cookie")


@auth.post("/refresh")
@auth.input(schemas.RefreshRequest)
@auth.output(schemas.Tokens)
@auth.doc(operation_id="refresh_tokens")
def refresh(json_data: schemas.RefreshRequest) -> Response:
    """Get the next pair of tokens; the refresh token is good once, and its second use ends the login."""
    token, now = json_data.refresh_token or request.cookies.get(REFRESH_COOKIE), utc_now()
    if token is None:
        raise InvalidRefreshToken
    with current_app.extensions["sessions"].begin() as session:
        refreshed = login_sessions.refresh(session, token, now)
        if refreshed.login is None:
            security_events.record(
                session,
                SecurityEvent.REFRESH_TOKEN_REUSED,
                now,
                account_id=refreshed.account_id,
                ip_address=request.remote_addr,
                session_id=refreshed.session_id,
            )
    if refreshed.login is None:
        raise InvalidRefreshToken
    return answer_tokens(refreshed.login, now, 200, in_cookie=json_data.refresh_token is None)


@auth.post("/logout")
@auth.output({}, status_code=204)
@auth.doc(security="bearer", operation_id="log_out")
def log_out() -> Response:
    """End this login."""
    now = utc_now()
    with current_app.extensions["sessions"].begin() as session:
        found, _ = caller.signed_in(session)
        login_sessions.end(session, found.account_id, found.session_id, "logged_out", now)
        security_events.record(
            session, SecurityEvent.LOGGED_OUT, now, account_id=found.account_id, ip_address=request.remote_addr
        )
    answer = Response(status=204)
    answer.delete_cookie(REFRESH_COOKIE, path=auth.url_prefix)
    return answer


@auth.get("/profile")
@auth.output(schemas.Profile)
@auth.doc(security="bearer", operation_id="get_profile")
def profile() -> Response:
    """Who you are."""
    with current_app.extensions["reads"]() as session:
        found, _ = caller.signed_in(session)
        row = credentials.profile(session, found.account_id)
    return schemas.Profile.model_construct(
        username=row["username"],
        display_name=row["display_name"],
        language=row["language"],
        number=row["number"],
        chat_frozen=row["frozen_at"] is not None,
        created_at=row["created_at"],
    ).response()


@auth.post("/password")
@auth.input(schemas.PasswordChange)
@auth.output({}, status_code=204)
@auth.doc(security="bearer", operation_id="change_password")
@limits.counted_as_auth
def change_password(json_data: schemas.PasswordChange) -> Response:
    """Change the password; every other login of the account ends."""
    sessions, now = current_app.extensions["sessions"], utc_now()
    with current_app.extensions["reads"]() as session:
        found, _ = caller.signed_in(session)
        row = credentials.profile(session, found.account_id)
    if not off_the_loop(passwords.matches, row["password_hash"], json_data.current_password):
        refuse_login(found.account_id)
    password_hash = hashed(json_data.new_password, row["username"])
    with sessions.begin() as session:
        credentials.set_password(session, found.account_id, password_hash)
        ended = login_sessions.end_others(session, found.account_id, found.session_id, "password_changed", now)
        security_events.record(
            session,
            SecurityEvent.PASSWORD_CHANGED,
            now,
            account_id=found.account_id,
            ip_address=request.remote_addr,
            ended_sessions=ended,
        )
    return Response(status=204)


@auth.get("/sessions")
@auth.output(schemas.LoginSessions)
@auth.doc(security="bearer", operation_id="list_sessions")
def list_sessions() -> Response:
    """Where you are logged in."""
    with current_app.extensions["reads"]() as session:
        found, _ = caller.signed_in(session)
        rows = login_sessions.live(session, found.account_id)
    return schemas.LoginSessions(
        sessions=[
            schemas.LoginSession(
                id=row["id"],
                user_agent=row["user_agent"],
                ip_address=row["ip_address"],
                created_at=row["created_at"],
                last_used_at=row["last_used_at"],
                is_current=row["id"] == found.session_id,
            )
            for row in rows
        ]
    ).response()


@auth.delete(f"/sessions/{SESSION_ID}")
@auth.output({}, status_code=204)
@auth.doc(security="bearer", operation_id="end_session")
def end_session(session_id: int) -> Response:
    """End one of your logins."""
    now = utc_now()
    with current_app.extensions["sessions"].begin() as session:
        found, _ = caller.signed_in(session)
        login_sessions.end(session, found.account_id, session_id, "ended_by_account", now)
        security_events.record(
            session,
            SecurityEvent.SESSION_ENDED,
            now,
            account_id=found.account_id,
            ip_address=request.remote_addr,
            session_id=session_id,
        )
    return Response(status=204)


@auth.post("/ticket")
@auth.output(schemas.Ticket, status_code=201)
@auth.doc(security="bearer", operation_id="issue_ticket")
def issue_ticket() -> Response:
    """Get what opens a socket of the live feed that tells of your own orders, once."""
    with current_app.extensions["reads"]() as session:
        found, _ = caller.signed_in(session)
    answer = schemas.Ticket(
        ticket=tickets.issue(current_app.extensions["redis"], found),
        expires_in=int(TICKET_LIFETIME.total_seconds()),
    ).response(201)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@auth.post("/link")
@auth.output(schemas.LinkCode, status_code=201)
@auth.doc(security="bearer", operation_id="show_link_code")
@limits.counted_as_auth
def show_link_code() -> Response:
    """Get the code that joins your WhatsApp number to this account: send it from there."""
    settings, now = current_app.extensions["settings"], utc_now()
    with current_app.extensions["sessions"].begin() as session:
        found, _ = caller.signed_in(session)
        shown = linking.show_code(session, found.account_id, now)
        security_events.record(
            session, SecurityEvent.LINK_CODE_SHOWN, now, account_id=found.account_id, ip_address=request.remote_addr
        )
    return schemas.LinkCode(
        code=shown.code,
        number=settings.twilio_whatsapp_number.removeprefix("whatsapp:"),
        expires_at=shown.expires_at,
    ).response(201)


@auth.delete("/link")
@auth.output({}, status_code=204)
@auth.doc(security="bearer", operation_id="unlink_number")
def unlink_number() -> Response:
    """Part your WhatsApp number from this account; a question that is open there is void."""
    return change_link(linking.unlink)


@auth.delete("/freeze")
@auth.output({}, status_code=204)
@auth.doc(security="bearer", operation_id="lift_freeze")
def lift_freeze() -> Response:
    """Let chat trading go on after your STOP."""
    return change_link(linking.lift_freeze)


def change_link(change: Callable[[Session, int, datetime], None]) -> Response:
    with current_app.extensions["sessions"].begin() as session:
        found, _ = caller.signed_in(session)
        change(session, found.account_id, utc_now())
    queues.wake(current_app.extensions["redis"], queues.DELIVER)
    return Response(status=204)


def begin_login(session: Session, account_id: int, now: datetime) -> Login:
    return login_sessions.begin(
        session,
        account_id,
        user_agent=request.user_agent.string,
        ip_address=request.remote_addr or "",
        now=now,
    )


def answer_tokens(login: Login, now: datetime, status: int, *, in_cookie: bool) -> Response:
    settings, named = current_app.extensions["settings"], Caller(login.account_id, login.session_id)
    answer = schemas.Tokens(
        access_token=tokens.issue(settings.secret_key, named, now),
        expires_in=int(ACCESS_LIFETIME.total_seconds()),
        refresh_token=None if in_cookie else login.refresh_token,
    ).response(status)
    if in_cookie:
        # Sent by our own pages only, and to these endpoints only: another site can neither read nor use it.
        answer.set_cookie(
            REFRESH_COOKIE,
            login.refresh_token,
            max_age=REFRESH_LIFETIME,
            path=auth.url_prefix,
            secure=settings.public_url.startswith("https://"),
            httponly=True,
            samesite="Strict",
        )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def hashed(password: str, username: str) -> str:
    """Raises WeakPassword."""
    password_hash = off_the_loop(passwords.hashed, password, username)
    if password_hash is None:
        raise WeakPassword(length_min=PASSWORD_LENGTH_MIN, length_max=PASSWORD_LENGTH_MAX)
    return password_hash


def refuse_login(account_id: int | None) -> NoReturn:
    """Keep the failure, count it against the address, and say no more than that it failed."""
    with current_app.extensions["sessions"].begin() as session:
        security_events.record(
            session, SecurityEvent.LOGIN_FAILED, utc_now(), account_id=account_id, ip_address=request.remote_addr
        )
    current_app.extensions["limits"].offence("login_failed")
    raise InvalidCredentials


def off_the_loop(work: Callable[..., T], *arguments: object) -> T:
    """Run what takes long in a thread of its own, so that every other caller is served meanwhile."""
    result: T = get_hub().threadpool.apply(work, arguments)
    return result
