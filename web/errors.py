"""What went wrong, as RFC 9457 problem details: the one place where an error becomes an HTTP answer."""

import json

from flask import Flask, Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from bot.whatsapp import BadSignature


def register(app: Flask) -> None:
    """Have the application answer these errors; every other one is ours, logged, and told as a bare 500."""
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(BadSignature, bad_signature)
    app.register_error_handler(OperationalError, database_away)
    app.register_error_handler(PoolTimeoutError, database_away)


def http_error(error: HTTPException) -> Response:
    assert error.code is not None
    return problem(error.code, error.name.lower().replace(" ", "_"), error.name)


def bad_signature(error: BadSignature) -> Response:
    return problem(403, "bad_signature", str(BadSignature.__doc__))


def database_away(error: OperationalError | PoolTimeoutError) -> Response:
    # Twilio delivers again what was answered with a 5xx status where a fallback address is configured.
    return problem(503, "database_unavailable", "The database is not within reach.")


def problem(status: int, code: str, title: str) -> Response:
    body = json.dumps({"type": "about:blank", "status": status, "code": code, "title": title})
    return Response(body, status=status, mimetype="application/problem+json")
