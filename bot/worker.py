"""One worker process: `python -m bot.worker chat`, `engine-0`, `outbound`, `pictures` or `voice`.

SimpleWorker runs jobs in this process, so that books, parser and model stay loaded from one job to the next.
"""

import sys
from datetime import timedelta

import redis
import sqlalchemy as sa
import structlog
from redis import Redis
from redis.client import Pipeline
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy.orm import Session, sessionmaker

from bot import garbage, jobs, logs, metrics, queues
from bot.clock import utc_now
from bot.database import connect
from bot.settings import Settings, SettingsError

log = structlog.get_logger(__name__)

# A worker waits for a job no longer than the former less fifteen seconds, and then lives on for a minute at least.
WORKER_SECONDS = 60
HEARTBEAT_EVERY = timedelta(seconds=10)
QUEUES = ("chat", "outbound", "pictures", "voice")


class Worker(SimpleWorker):
    """RQ's, which would tell Redis three times around each job that it lives: half of all that a job asks of Redis."""

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        if pipeline is not None or utc_now() - self.last_heartbeat >= HEARTBEAT_EVERY:
            super().heartbeat(timeout, pipeline)


def main(arguments: list[str]) -> None:
    logs.configure()
    try:
        settings = Settings.from_env()
        name = queue_name(arguments, settings)
    except SettingsError as problem:
        sys.exit(f"The worker cannot start: {problem}.")
    connection = Redis.from_url(settings.redis_url)
    database = connect(settings)
    jobs.tools.settings, jobs.tools.sessions, jobs.tools.redis = settings, sessionmaker(database), connection
    prepare(name, settings, database)
    garbage.keep_what_is_loaded()
    publisher = metrics.Publisher(connection)
    publisher.start()
    try:
        work(connection, name)
    except redis.exceptions.ConnectionError:
        sys.exit("The worker cannot reach Redis.")
    finally:
        publisher.close()


def prepare(name: str, settings: Settings, database: sa.Engine) -> None:
    """Load what this queue's jobs keep from one to the next."""
    if name == "chat":
        from bot.understanding import Understanding

        with Session(database) as session:
            jobs.tools.understanding = Understanding().refresh(session, utc_now())
    elif name == "outbound":
        from bot.delivery import Delivery
        from bot.whatsapp import Sender

        jobs.tools.delivery = Delivery(settings, jobs.tools.sessions, Sender(settings), utc_now)
    elif name == "pictures":
        from bot.pictures import Pictures

        jobs.tools.pictures = Pictures(jobs.tools.sessions)
    elif name == "voice":
        from bot.voice import Listener, transcriber

        jobs.tools.listener = Listener(settings, jobs.tools.sessions, transcriber(settings))
    elif name.startswith("engine-"):
        from bot.settling import Settling
        from engine.batch import collect_garbage_seldom

        collect_garbage_seldom()
        jobs.tools.settling = Settling(database, jobs.tools.redis)
        # A standby waits here until the active worker of its shard is gone.
        shard_id = int(name.removeprefix("engine-"))
        jobs.tools.settling.engine.wait_until_active(shard_id)
        # That one may have taken a wake and died before it began, and would stand for those that follow.
        queues.begin(jobs.tools.redis, queues.SETTLE, shard_id)
        queues.wake(jobs.tools.redis, queues.SETTLE, shard_id)


def queue_name(arguments: list[str], settings: Settings) -> str:
    """The queue that was named; raises SettingsError for one that nobody fills."""
    known = [*QUEUES, *(f"engine-{shard_id}" for shard_id in range(settings.engine_shards))]
    if len(arguments) != 1 or arguments[0] not in known:
        raise SettingsError(f"name one queue of {', '.join(known)}")
    return arguments[0]


def work(connection: Redis, name: str) -> None:
    """Run the queue's jobs until the process is told to stop."""
    log.info("worker_started", queue=name)
    worker = Worker(
        [queues.queue(connection, name)],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=WORKER_SECONDS,
    )
    worker.work(logging_level="WARNING")


if __name__ == "__main__":
    main(sys.argv[1:])
