"""What a worker process asks of Redis."""

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from bot import queues
from bot.worker import Worker

JOBS = 20


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return Redis.from_url(redis_url)


def commands_of(redis: Redis, worker: type[SimpleWorker]) -> int:
    """How many commands Redis was sent while a worker of this kind ran the jobs."""
    queue = queues.queue(redis, "commands")
    for _ in range(JOBS):
        queue.enqueue_call("time.time", result_ttl=queues.RESULT_SECONDS)
    before = redis.info("stats")["total_commands_processed"]
    worker([queue], connection=redis, serializer=JSONSerializer).work(burst=True, logging_level="WARNING")
    assert queue.is_empty()
    sent: int = redis.info("stats")["total_commands_processed"] - before
    return sent


def test_a_worker_tells_that_it_lives_every_few_seconds_and_not_around_each_job(redis: Redis):
    assert commands_of(redis, SimpleWorker) - commands_of(redis, Worker) >= 6 * JOBS
