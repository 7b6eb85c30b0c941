"""RQ's dashboard below the desk: behind its sign-in and roles, each change guarded and audited, and no message shown.

The dashboard has none of that itself: its pages are let through one by one (rq-dashboard 0.9.0), and what a failed job
says is cut down to where it failed.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, abort, current_app, request
from flask_talisman import Talisman
from flask_wtf.csrf import generate_csrf
from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer
from rq_dashboard import web as dashboard

from bot.security_events import SecurityEvent
from bot.staff import Role
from web import staff_access

PATH = staff_access.PATH + "/rq"
CSRF_COOKIE = "_csrf_token"  # Where the dashboard's own script looks for what it then sends as X-CSRFToken.

READING = frozenset({"favicon", "static", "queues_overview", "workers_overview", "jobs_overview", "job_view"})
POLLING = frozenset({"list_queues", "list_jobs", "job_info", "list_workers"})
CHANGING = {
    "requeue_job_view": (Role.SUPPORT, SecurityEvent.JOB_REQUEUED),
    "requeue_all": (Role.SUPPORT, SecurityEvent.QUEUE_REQUEUED),
    "compact_queue": (Role.SUPPORT, SecurityEvent.QUEUE_COMPACTED),
    "delete_job_view": (Role.RISK, SecurityEvent.JOB_DELETED),
    "empty_queue": (Role.RISK, SecurityEvent.QUEUE_EMPTIED),
}
# Its templates are compiled in the browser, and it styles by attribute; its one script of its own has the nonce.
CONTENT_SECURITY_POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
}
FRAME = re.compile(r'  File "[^"]*", line \d+, in \S+')
EXCEPTION = re.compile(r"([A-Za-z_][\w.]*)(:|$)")


class ReadableWorker(Worker):
    """The dashboard tells its queues how our jobs are written, but not its workers: a busy one could not be shown."""

    @classmethod
    def all(cls, connection: Redis | None = None, **options: Any) -> list[Worker]:
        return super().all(connection, serializer=JSONSerializer, **options)


def our_connection(_url: str, **_options: object) -> tuple[None, Redis]:
    """Where the dashboard would connect anew for each request, and close nothing: the application's own pool."""
    return None, current_app.extensions["redis"]


def register(app: Flask, talisman: Talisman) -> None:
    """Mount the dashboard on our connection to Redis."""
    dashboard.config.serializer = JSONSerializer
    dashboard.Worker = ReadableWorker
    dashboard.from_url = our_connection
    app.config["RQ_DASHBOARD_REDIS_URL"] = (app.extensions["settings"].redis_url,)
    app.redis_conn = app.extensions["redis"]  # type: ignore[attr-defined]
    app.before_request(check)
    app.after_request(finish)
    app.register_blueprint(dashboard.blueprint, url_prefix=PATH)
    known = {*READING, *POLLING, *CHANGING}
    for endpoint, view in app.view_functions.items():
        blueprint, _, name = endpoint.partition(".")
        if blueprint != "rq_dashboard":
            continue
        assert name in known, f"{endpoint} is new: say who may use it"
        if name != "static":
            talisman(content_security_policy=CONTENT_SECURITY_POLICY, content_security_policy_nonce_in=["script-src"])(
                view
            )


def check() -> Response | None:
    """Before each request of the dashboard: who asks, whether they may, and what is kept of it."""
    if request.blueprint != "rq_dashboard":
        return None
    assert request.endpoint is not None
    name = request.endpoint.partition(".")[2]
    if (refused := staff_access.check(is_polling=name in POLLING)) is not None:
        return refused
    arguments = dict(request.view_args or {})
    if arguments.pop("instance_number", 0) != 0:
        abort(404)
    if name in CHANGING:
        if request.method == "GET":  # Its requeue-all would answer a mere link.
            abort(405)
        role, kind = CHANGING[name]
        staff_access.require(role)
        with current_app.extensions["sessions"].begin() as session:
            staff_access.audit(session, kind, **{key: str(value) for key, value in arguments.items()})
    return None


def finish(response: Response) -> Response:
    """Cut failures down to where they are, and give the dashboard's script its token."""
    if request.blueprint != "rq_dashboard":
        return response
    if response.mimetype == "application/json" and response.status_code == 200:
        response.set_data(json.dumps(without_messages(json.loads(response.get_data()))))
    elif response.mimetype == "text/html" and response.status_code == 200:
        is_secure = current_app.extensions["settings"].public_url.startswith("https://")
        response.set_cookie(CSRF_COOKIE, generate_csrf(), path=PATH, secure=is_secure, samesite="Strict")
    return response


def without_messages(found: object) -> object:
    """The dashboard's data with every failure as its frames and the kind of exception, without what that said."""
    if isinstance(found, list):
        return [without_messages(one) for one in found]
    if isinstance(found, dict):
        return {
            name: "\n".join(where_it_failed(value)) if name == "exc_info" and value else without_messages(value)
            for name, value in found.items()
        }
    return found


def where_it_failed(trace: str) -> Iterator[str]:
    """A traceback's frames and exceptions' kinds: an exception's text may quote what a trader wrote."""
    for line in trace.splitlines():
        if FRAME.fullmatch(line):
            yield line
        elif (named := EXCEPTION.match(line)) is not None and named[1].endswith(("Error", "Exception", "Timeout")):
            yield named[1]
