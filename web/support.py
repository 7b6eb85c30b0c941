"""The desk at /support: its parts, its front page, and how it says what went wrong."""

from flask import Blueprint, Flask, current_app, g, redirect, render_template, request, url_for
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from bot import person_requests, retries, takeover
from bot.clock import utc_now
from bot.refusals import RequestRefused
from engine.errors import TradingError
from web import errors, staff_access, support_words
from web.support_addresses import addresses
from web.support_announcements import announcements
from web.support_audit import audit_trail
from web.support_chats import chats
from web.support_instruments import instruments
from web.support_messages import messages
from web.support_orders import orders
from web.support_readings import readings
from web.support_sign_in import sign_in
from web.support_staff import staff
from web.support_traders import traders
from web.support_troubles import STUCK_AFTER, troubles

support = Blueprint("support", __name__, url_prefix=staff_access.PATH)
support.before_request(staff_access.check)
for part in (
    sign_in, messages, chats, traders, orders, instruments, troubles, readings, announcements, addresses, audit_trail,
    staff,
):  # fmt: skip
    support.register_blueprint(part)


def register(app: Flask) -> None:
    staff_access.register(app)
    support_words.register(app)
    app.register_blueprint(support)


@support.get("/")
def desk() -> str:
    """What needs a person now, and where to look things up."""
    now = utc_now()
    try:
        blocked = len(current_app.extensions["limits"].blocked())
    except RedisError:
        blocked = None
    with current_app.extensions["reads"]() as session:
        return render_template(
            "support/desk.html",
            waiting=retries.waiting_messages(session, now - STUCK_AFTER),
            given_up=retries.given_up_messages(session),
            undelivered=retries.undelivered_replies(session),
            malfunctions=retries.newest_malfunctions(session),
            asking=person_requests.waiting(session),
            taken_over=takeover.taken_over(session),
            blocked=blocked,
        )


@support.after_request
def keep_private(response: Response) -> Response:
    """What traders wrote stays in no cache."""
    response.headers["Cache-Control"] = "no-store"
    return response


@support.errorhandler(HTTPException)
def refuse(error: HTTPException) -> Response | tuple[str, int]:
    """A page that says so; whoever is not signed in any more is asked to sign in again."""
    if error.code == 401:
        return redirect(url_for("support.sign_in.show"))
    if error.code is not None and error.code < 400:
        return error.get_response()
    return told(error.code or 500, support_words.http_refusal(error))


@support.errorhandler(TradingError)
@support.errorhandler(RequestRefused)
def refuse_request(error: TradingError | RequestRefused) -> tuple[str, int]:
    return told(errors.STATUSES.get(error.code, 422), support_words.refusal(error))


def told(status: int, sentence: str) -> tuple[str, int]:
    back = staff_access.own_page(request.form.get("back", "")) if g.get("staff") is not None else None
    return render_template("support/refused.html", sentence=sentence, back=back), status
