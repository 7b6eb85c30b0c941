"""`/metrics` for Prometheus: what all processes counted, what waits, and the time of each request."""

import hmac
import time
from collections.abc import Iterator

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden

from bot import backlog, metrics, queues
from bot.clock import utc_now
from web import cache

metrics_page = Blueprint("metrics", __name__)


@metrics_page.get("/metrics")
def show() -> Response:
    """Right across all processes, whichever answers; for whoever has METRICS_TOKEN; without one set, for nobody."""
    check_caller()
    registry = CollectorRegistry()
    registry.register(Everything())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=content_type)


def check_caller() -> None:
    """Raises Forbidden without the token. An address proves nothing behind a proxy."""
    token = current_app.extensions["settings"].metrics_token
    given = request.headers.get("Authorization", "").encode()
    if not token or not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise Forbidden


class Everything:
    """What a scrape finds; a part whose server is away is left out, and `maibroker_up` says so."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("maibroker_up", "Whether a server that we lean on answers", labels=["server"])
        for server, part, problem in (
            ("redis", counted, RedisError),
            ("postgresql", waiting, OperationalError),
        ):
            try:
                found = list(part())
            except problem:
                up.add_metric([server], 0)
                continue
            up.add_metric([server], 1)
            yield from found
        yield up


def counted() -> Iterator[Metric]:
    redis = current_app.extensions["redis"]
    yield from metrics.gathered(redis)
    hit_rate = cache.hit_rate(redis)
    yield CounterMetricFamily("maibroker_cache_requests", "Cached answers asked for", value=hit_rate.requests)
    yield CounterMetricFamily("maibroker_cache_misses", "Cached answers made anew", value=hit_rate.misses)
    depth = GaugeMetricFamily("maibroker_queue_jobs", "Jobs in a queue of RQ", labels=["queue"])
    names = [f"engine-{shard_id}" for shard_id in range(current_app.extensions["settings"].engine_shards)]
    for name in ("chat", "outbound", "pictures", "voice", *names):
        depth.add_metric([name], queues.queue(redis, name).count)
    yield depth


def waiting() -> Iterator[Metric]:
    now = utc_now()
    with Session(current_app.extensions["database"]) as session:
        found = backlog.waiting(session, current_app.extensions["settings"], now)
        silent = backlog.silent_shards(session, now)
    count = GaugeMetricFamily("maibroker_waiting", "What is stored and waits to be done", labels=["kind"])
    age = GaugeMetricFamily("maibroker_waiting_seconds", "How long the oldest of a kind has waited", labels=["kind"])
    for kind, one in found.items():
        count.add_metric([kind], one.count)
        age.add_metric([kind], one.seconds(now))
    yield count
    yield age
    yield GaugeMetricFamily("maibroker_silent_shards", "Shards without a living engine", value=len(silent))


def time_requests(app: Flask) -> None:
    """Have every request's time counted, by endpoint and status."""

    def begin() -> None:
        g.begun = time.perf_counter()

    def end(response: Response) -> Response:
        if "begun" in g:
            seconds = time.perf_counter() - g.begun
            metrics.http_seconds.labels(request.endpoint or "none", response.status_code).observe(seconds)
        return response

    app.before_request(begin)
    app.after_request(end)
