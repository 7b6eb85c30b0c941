"""Who of our staff asks, and whether they may: checked before every request below /support, which is closed otherwise.

A signed cookie carries the session's token and the token against forged forms (flask-wtf). It is sent by our own pages
only, to /support only, and no script can read it.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, g, redirect, request, session, url_for
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from bot import security_events, staff_sessions
from bot.clock import utc_now
from bot.languages import LANGUAGES
from bot.security_events import SecurityEvent
from bot.staff import Role

P = ParamSpec("P")
R = TypeVar("R")

PATH = "/support"
TOKEN = "token"
FORM_KEY = re.compile(r"[\w-]{8,64}")


@dataclass(frozen=True, slots=True)
class Staff:
    """One of our staff, signed in."""

    staff_id: int
    username: str
    role: Role


def register(app: Flask) -> None:
    app.config.update(
        SESSION_COOKIE_NAME="support",
        SESSION_COOKIE_PATH=PATH,
        WTF_CSRF_CHECK_DEFAULT=False,  # The API has no cookies; `check` protects what has.
        WTF_CSRF_TIME_LIMIT=None,  # A token lives as long as its session.
    )
    CSRFProtect(app)
    app.jinja_env.globals.update(new_form_key=lambda: secrets.token_urlsafe(12), Role=Role)


def check(*, is_polling: bool = False) -> Response | None:
    """Let the request in, or send whoever asks to the sign-in page; refuses a forged form, and a role too low."""
    language = request.args.get("lang", "")
    if language in LANGUAGES:
        session["language"] = language
    g.staff_language = session.get("language")
    current_app.extensions["csrf"].protect()
    view = current_app.view_functions[request.endpoint]
    if getattr(view, "is_open", False):
        return None
    g.staff = _signed_in(is_polling=is_polling or getattr(view, "is_polling", False))
    if g.staff is None:
        if request.method != "GET":
            abort(401)
        return redirect(url_for("support.sign_in.show", next=request.full_path.rstrip("?")))
    require(getattr(view, "role", Role.SUPPORT))
    return None


def require(role: Role) -> None:
    """Refuse, and keep in the audit, what this person's role does not allow."""
    if not current().role.may(role):
        with current_app.extensions["sessions"].begin() as database:
            audit(database, SecurityEvent.STAFF_REFUSED, asked=str(request.endpoint))
        abort(403)


def current() -> Staff:
    """Who asks, past `check`."""
    found: Staff = g.staff
    return found


def audit(database: Session, kind: SecurityEvent, **facts: str | int) -> int:
    """Keep what this person does, in the transaction that does it; returns the event's id."""
    return security_events.record(
        database, kind, utc_now(), staff_id=current().staff_id, ip_address=request.remote_addr, **facts
    )


def open_to_all(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that needs nobody signed in."""
    view.is_open = True  # type: ignore[attr-defined]
    return view


def polling(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that pages ask for by themselves: it does not keep a session alive."""
    view.is_polling = True  # type: ignore[attr-defined]
    return view


def needs(role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a view that only this role and those above may use."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        view.role = role  # type: ignore[attr-defined]
        return view

    return mark


def begin(token: str) -> None:
    """Give the browser a new session, so that one planted before is worth nothing."""
    language = session.get("language")
    session.clear()
    session[TOKEN] = token
    if language is not None:
        session["language"] = language


def form_key() -> str:
    """What makes a form's request this one and no other, so that a second click does nothing."""
    key = request.form.get("key", "")
    if not FORM_KEY.fullmatch(key):
        abort(400)
    return f"desk:{current().staff_id}:{key}"


def own_page(address: str) -> str:
    """The address, if it is one of the desk's own pages; else the desk."""
    parts = urlsplit(address)
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith(PATH + "/") and "\\" not in address
    return address if is_own else url_for("support.desk")


def _signed_in(*, is_polling: bool) -> Staff | None:
    token, now = session.get(TOKEN), utc_now()
    if token is None:
        return None
    with current_app.extensions["sessions"].begin() as database:
        row = staff_sessions.who(database, token, now)
        if row is None:
            return None
        if not is_polling:
            staff_sessions.note_use(database, token, now)
    return Staff(row["id"], row["username"], Role(row["role"]))
