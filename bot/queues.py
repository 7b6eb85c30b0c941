"""Every job's path, queue and time limit, and `wake`: Redis only wakes, PostgreSQL remembers."""

from dataclasses import dataclass

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Callback, Queue
from rq.serializers import JSONSerializer

log = structlog.get_logger(__name__)

PENDING_SECONDS_MAX = 2  # How long one wake stands for those that follow it, should its job never begin.
RESULT_SECONDS = 60
FAILURE_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Job:
    """A function that workers run; `per_id` gives each id a queue of its own, as shards have."""

    path: str
    queue: str
    timeout_seconds: int
    per_id: bool = False
    pending_seconds_max: int = PENDING_SECONDS_MAX
    on_failure: str | None = None

    def queue_name(self, *ids: int) -> str:
        return f"{self.queue}-{ids[0]}" if self.per_id else self.queue

    def pending_key(self, *ids: int) -> str:
        """While this key stands, a wake is under way that has not begun to read."""
        return f"pending:{self.path}:{':'.join(map(str, ids))}"


HANDLE_MESSAGE = Job("bot.jobs.handle_message", "chat", timeout_seconds=30, on_failure="bot.jobs.message_failed")
TRANSCRIBE = Job("bot.jobs.transcribe", "voice", timeout_seconds=120, pending_seconds_max=60)
SETTLE = Job("bot.jobs.settle", "engine", timeout_seconds=60, per_id=True)
DELIVER = Job("bot.jobs.deliver", "outbound", timeout_seconds=60)
MAKE_ATTACHMENT = Job("bot.jobs.make_attachment", "pictures", timeout_seconds=30)
JOBS = (HANDLE_MESSAGE, TRANSCRIBE, SETTLE, DELIVER, MAKE_ATTACHMENT)


def wake(redis: Redis, job: Job, *ids: int) -> None:
    """Have a worker look at these ids soon; without Redis the sweep finds what is waiting a little later.

    A wake whose job has not begun stands for all that follow it.
    """
    try:
        if not redis.set(job.pending_key(*ids), 1, nx=True, ex=job.pending_seconds_max):
            return
        queue(redis, job.queue_name(*ids)).enqueue_call(
            job.path,
            args=ids,
            timeout=job.timeout_seconds,
            result_ttl=RESULT_SECONDS,
            failure_ttl=FAILURE_SECONDS,
            on_failure=None if job.on_failure is None else Callback(job.on_failure),
        )
    except RedisError as problem:
        log.warning("wake_failed", job=job.path, ids=ids, problem=type(problem).__name__)


def begin(redis: Redis, job: Job, *ids: int) -> None:
    """Called by a job before it reads, so that whatever commits from here on wakes it again."""
    try:
        redis.delete(job.pending_key(*ids))
    except RedisError as problem:
        log.warning("begin_failed", job=job.path, ids=ids, problem=type(problem).__name__)


def queue(redis: Redis, name: str) -> Queue:
    return Queue(name, connection=redis, serializer=JSONSerializer)
