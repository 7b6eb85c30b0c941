"""What went wrong, as RFC 9457 problem details: the one place where an error becomes an HTTP answer."""

import json
from collections.abc import Mapping

from apiflask.exceptions import HTTPError
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from bot.refusals import RequestRefused
from bot.whatsapp import BadSignature
from engine.errors import TradingError

# What a caller can put right is 422 unless something else says it better.
STATUSES = {
    "not_signed_in": 401,
    "token_expired": 401,
    "invalid_credentials": 401,
    "invalid_refresh_token": 401,
    "unknown_market": 404,
    "order_not_found": 404,
    "session_not_found": 404,
    "order_closed": 409,
    "order_refused": 409,
    "username_taken": 409,
    "client_order_id_taken": 409,
    "request_in_flight": 409,
    "already_linked": 409,
    "no_linked_number": 404,
    "alert_not_found": 404,
    "too_many_alerts": 409,
    "message_not_found": 404,
    "chat_not_found": 404,
    "trader_not_found": 404,
    "staff_not_found": 404,
    "message_handled": 409,
    "question_open": 409,
    "reply_not_failed": 409,
    "chat_taken": 409,
    "chat_not_taken": 409,
    "already_listed": 409,
    "alias_taken": 409,
    "rate_limited": 429,
    "address_blocked": 429,
    "limits_unavailable": 503,
    "tickets_unavailable": 503,
}


class InvalidCursor(RequestRefused):
    """Not a cursor that we gave. Facts: cursor."""

    code = "invalid_cursor"


class OrderRefused(RequestRefused):
    """The market refused a change of an order. Facts: order_id, reason, and those of the reason."""

    code = "order_refused"


def register(app: Flask) -> None:
    """Have the application answer these errors; every other one is ours, logged, and told as a bare 500."""
    app.register_error_handler(TradingError, refusal)
    app.register_error_handler(RequestRefused, refusal)
    app.register_error_handler(HTTPError, invalid_request)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(BadSignature, bad_signature)
    app.register_error_handler(OperationalError, database_away)
    app.register_error_handler(PoolTimeoutError, database_away)


def refusal(error: TradingError | RequestRefused) -> Response:
    status = STATUSES.get(error.code, 422)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="MaiBroker"'
    if (seconds := error.facts.get("retry_after_seconds")) is not None:
        headers["Retry-After"] = str(seconds)
    return problem(status, error.code, title_of(error), error.facts, headers)


def title_of(error: TradingError | RequestRefused) -> str:
    """The first sentence of what the error's class says of itself."""
    return str(type(error).__doc__).partition(".")[0] + "."


def invalid_request(error: HTTPError) -> Response:
    """What the declared schema of an endpoint refuses, by place and field."""
    return problem(error.status_code, "invalid_request", "The request is not what this endpoint takes.", error.detail)


def http_error(error: HTTPException) -> Response:
    assert error.code is not None
    if error.code == 404 and request.url_rule is None and not request.path.startswith("/api/"):
        current_app.extensions["limits"].offence("probing")
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return problem(error.code, error.name.lower().replace(" ", "_"), error.name, headers=headers)


def bad_signature(error: BadSignature) -> Response:
    return problem(403, "bad_signature", str(BadSignature.__doc__))


def database_away(error: OperationalError | PoolTimeoutError) -> Response:
    # Twilio delivers again what was answered with a 5xx status where a fallback address is configured.
    return problem(503, "database_unavailable", "The database is not within reach.")


def problem(
    status: int,
    code: str,
    title: str,
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The facts stand under a name of their own, so that none is ever taken for a member that the standard defines."""
    details = {"type": "about:blank", "status": status, "code": code, "title": title}
    if facts:
        details["facts"] = facts
    return Response(json.dumps(details, default=str), status, headers, mimetype="application/problem+json")
