"""What a request's body may be: read within a bounded time and size, and JSON without ambiguity.

A number with a point is read as a decimal, never as a float; a name given twice, a deep nesting and NaN are refused.
"""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

import gevent
from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout, UnsupportedMediaType

BODY_SECONDS_MAX = 10
DEPTH_MAX = 8
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


class StrictJSONProvider(DefaultJSONProvider):
    def loads(self, s: str | bytes, **options: Any) -> Any:
        """Raises ValueError, which Flask answers as a bad request."""
        text = s.decode() if isinstance(s, bytes) else s
        check_depth(text)
        return json.loads(
            text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_object_of_unique_names
        )


def register(app: Flask) -> None:
    app.json = StrictJSONProvider(app)
    app.before_request(read_body)


def read_body() -> None:
    """Have the whole body before anything is begun with it: who sends slowly holds nothing of ours but a socket.

    Raises RequestTimeout, RequestEntityTooLarge, UnsupportedMediaType.
    """
    if not request.path.startswith("/api/") or request.method in ("GET", "HEAD", "OPTIONS"):
        return
    with gevent.Timeout(BODY_SECONDS_MAX, RequestTimeout):
        body = request.get_data()
    # A body in chunks is cut off at the limit without a word, and must not be taken for a whole one.
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge
    if body and request.mimetype != "application/json":
        raise UnsupportedMediaType


def check_depth(text: str) -> None:
    """Raises ValueError for more nesting than any request of ours has."""
    depth = 0
    for character in STRINGS.sub("", text):
        if character in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise ValueError("nested too deep")
        elif character in "]}":
            depth -= 1


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _object_of_unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found
