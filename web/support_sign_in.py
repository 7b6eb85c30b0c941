"""Signing in to the desk and out of it."""

import hashlib

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from bot import passwords, security_events, staff, staff_sessions
from bot.clock import utc_now
from bot.security_events import SecurityEvent
from web import staff_access
from web.auth import off_the_loop
from web.staff_access import TOKEN, open_to_all, own_page

sign_in = Blueprint("sign_in", __name__)


@sign_in.get("/sign-in")
@open_to_all
def show() -> str:
    return render_template("support/sign_in.html", next=request.args.get("next", ""), failed=False)


@sign_in.post("/sign-in")
@open_to_all
def enter() -> Response | tuple[str, int]:
    """Name, password and, where one is used, code; which of them was wrong is not told."""
    username, now = request.form.get("username", ""), utc_now()
    limits, sessions = current_app.extensions["limits"], current_app.extensions["sessions"]
    counted = hashlib.sha256(username.lower().encode(errors="surrogatepass")).hexdigest()
    limits.take(limits.policies.auth, f"staff:{counted}")
    with current_app.extensions["reads"]() as database:
        account = staff.find(database, username)
    password_hash = passwords.NOBODYS_HASH if account is None else account["password_hash"]
    is_right = off_the_loop(passwords.matches, password_hash, request.form.get("password", ""))
    with sessions.begin() as database:
        address = request.remote_addr
        if (
            account is None
            or not is_right
            or not staff.takes_code(database, account, request.form.get("code", ""), now)
        ):
            known = {} if account is None else {"subject_id": account["id"]}
            security_events.record(database, SecurityEvent.STAFF_SIGN_IN_FAILED, now, ip_address=address, **known)
            token = None
        else:
            security_events.record(
                database, SecurityEvent.STAFF_SIGNED_IN, now, staff_id=account["id"], ip_address=address
            )
            token = staff_sessions.begin(database, account["id"], now)
    if token is None:
        limits.offence("staff_sign_in_failed")
        return render_template("support/sign_in.html", next=request.form.get("next", ""), failed=True), 401
    staff_access.begin(token)
    return redirect(own_page(request.form.get("next", "")))


@sign_in.post("/sign-out")
def leave() -> Response:
    with current_app.extensions["sessions"].begin() as database:
        staff_sessions.end(database, session[TOKEN])
        staff_access.audit(database, SecurityEvent.STAFF_SIGNED_OUT)
    session.clear()
    return redirect(url_for("support.sign_in.show"))
