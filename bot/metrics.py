"""What operators watch: counted in each process, and added up in Redis now and then, so that any one can tell all.

Counts survive the process that made them, and begin anew with an emptied Redis, as Prometheus foresees. A gauge is the
sum of what the living processes say. Labels take few values, none of them a trader's.
"""

import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from functools import cache

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

TOTALS_KEY, GAUGES_KEY = "metrics:totals", "metrics:gauges"
PUBLISH_SECONDS = 5  # Nobody scrapes more often, and each time takes some milliseconds of the process.
GAUGE_SECONDS_MAX = 20  # A process that has not spoken for so long is gone.

disable_created_metrics()
registry = CollectorRegistry()

orders_settled = Counter("maibroker_orders_settled", "Orders the market took or refused", ["result"], registry=registry)
trades_executed = Counter("maibroker_trades_executed", "Trades", registry=registry)
execution_seconds = Histogram(
    "maibroker_execution_seconds",
    "From the acceptance of a batch's oldest command to its commit",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=registry,
)
batch_commands = Histogram(
    "maibroker_batch_commands",
    "Commands a batch settled",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
    registry=registry,
)
batch_seconds = Histogram(
    "maibroker_batch_seconds",
    "From the reading of a batch to its commit",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1),
    registry=registry,
)
messages_handled = Counter(
    "maibroker_messages_handled",
    "Messages of traders by what came of them",
    ["channel", "language", "outcome"],
    registry=registry,
)
message_seconds = Histogram(
    "maibroker_message_seconds",
    "From a message's arrival to its answer being written",
    ["channel"],
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    registry=registry,
)
confirmations = Counter(
    "maibroker_confirmations",
    "What traders made of an order shown to them: yes, no, wrong_number or left",
    ["answer"],
    registry=registry,
)
voice_seconds = Histogram(
    "maibroker_voice_seconds",
    "How long a voice note took to hear",
    buckets=(0.5, 1, 2, 3, 5, 10, 20, 60),
    registry=registry,
)
voice_notes = Counter(
    "maibroker_voice_notes", "Voice notes by whether they were understood", ["result"], registry=registry
)
twilio_requests = Counter(
    "maibroker_twilio_requests",
    "Messages handed to Twilio by its answer: ok, or an error code",
    ["answer"],
    registry=registry,
)
http_seconds = Histogram(
    "maibroker_http_seconds",
    "Time to answer a request",
    ["endpoint", "status"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
    registry=registry,
)
websocket_connections = Gauge("maibroker_websocket_connections", "Sockets that are open", registry=registry)


class Publisher:
    """Adds up what this process has counted since it last did, every few seconds until it is closed."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.process = f"{socket.gethostname()}:{os.getpid()}"
        self.published: dict[str, float] = {}
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def close(self) -> None:
        """Publish what is left."""
        self.closed.set()
        self.thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self.closed.wait(PUBLISH_SECONDS)
            try:
                self.publish()
            except RedisError as problem:  # What is not added up now is next time.
                log.warning("metrics_not_published", problem=type(problem).__name__)

    def publish(self) -> None:
        """Raises RedisError; then the next call adds up the same again."""
        totals: dict[str, float] = {}
        gauges: dict[str, float] = {}
        for family in registry.collect():
            for sample in family.samples:
                field = field_of(sample.name, *sample.labels.items())
                (gauges if family.type == "gauge" else totals)[field] = sample.value
        changed = {
            field: value - self.published.get(field, 0)
            for field, value in totals.items()
            if value != self.published.get(field)
        }
        with self.redis.pipeline() as pipeline:
            for field, added in changed.items():
                pipeline.hincrbyfloat(TOTALS_KEY, field, added)
            said = msgspec.json.encode({"at": time.time(), "values": gauges})
            pipeline.hset(GAUGES_KEY, self.process, said)
            pipeline.execute()
        self.published = totals


def gathered(redis: Redis) -> Iterator[Metric]:
    """Every metric, added up over all processes; raises RedisError."""
    samples: dict[str, list[Sample]] = {}
    for field, value in redis.hgetall(TOTALS_KEY).items():
        sample = sample_of(field, float(value))
        samples.setdefault(sample.name, []).append(sample)
    sums: dict[str, float] = {}
    for process, said in redis.hgetall(GAUGES_KEY).items():
        told = msgspec.json.decode(said)
        if told["at"] < time.time() - GAUGE_SECONDS_MAX:
            redis.hdel(GAUGES_KEY, process)
            continue
        for field, value in told["values"].items():
            sums[field] = sums.get(field, 0) + value
    for field, value in sums.items():
        sample = sample_of(field, value)
        samples.setdefault(sample.name, []).append(sample)
    for family in registry.collect():
        whole = Metric(family.name, family.documentation, family.type)
        whole.samples = sorted(
            (sample for name in names(family) for sample in samples.get(name, ())), key=order_of_samples
        )
        yield whole


def names(family: Metric) -> Iterable[str]:
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
    return [family.name + suffix for suffix in suffixes]


def order_of_samples(sample: Sample) -> tuple[list[tuple[str, str]], str, float]:
    """A histogram's buckets belong together and ascend."""
    others = sorted((name, value) for name, value in sample.labels.items() if name != "le")
    return others, sample.name, float(sample.labels.get("le", "0"))


# Each is asked for all the time; they are few, as labels take few values.
@cache
def field_of(name: str, *labels: tuple[str, str]) -> str:
    return msgspec.json.encode([name, sorted(labels)]).decode()


def sample_of(field: str | bytes, value: float) -> Sample:
    name, labels = msgspec.json.decode(field)
    return Sample(name, dict(labels), value)
