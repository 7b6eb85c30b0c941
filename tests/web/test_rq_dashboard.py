"""RQ's dashboard as we mount it: every page and action of the pinned version, for the right people only."""

import gzip
import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from rq import SimpleWorker
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot import queues, tables
from bot.staff import Role
from tests.web.desk import Desk
from web.rq_dashboard_pages import CHANGING, CSRF_COOKIE

SECRET = "buy 100 wheat at 150"


def fail(conversation_id: int) -> None:
    """A job that breaks over what a trader wrote."""
    raise ValueError(f"cannot read {SECRET!r}\nof conversation {conversation_id}")


def succeed(conversation_id: int) -> None:
    """A job that is done at once."""


def look(path: str) -> None:
    """A job that looks at the dashboard while it runs."""
    seen.append(lookers[-1].get(path))


lookers: list[Desk] = []
seen: list[str] = []


def enqueue(redis: Redis, function: str, inbox_id: int) -> Job:
    return queues.queue(redis, "chat").enqueue_call(f"{__name__}.{function}", args=(inbox_id,), failure_ttl=600)


def work(redis: Redis) -> None:
    worker = SimpleWorker([queues.queue(redis, "chat")], connection=redis, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="CRITICAL")


@pytest.fixture
def failed_job(redis_client: Redis) -> Iterator[Job]:
    job = enqueue(redis_client, "fail", 7)
    work(redis_client)
    assert job.get_status() is JobStatus.FAILED
    yield job
    redis_client.flushdb()


def act(desk: Desk, path: str):
    """As the dashboard's own script sends it, with what it found in its cookie."""
    desk.get("/support/rq/")
    token = desk.client.get_cookie(CSRF_COOKIE, path="/support/rq").decoded_value
    return desk.client.post(path, headers={"X-CSRFToken": token})


def audited(database: Engine) -> list[tuple[str, dict[str, str]]]:
    events = tables.security_events
    with Session(database) as session:
        rows = session.execute(sa.select(events).where(events.c.kind.in_([kind for _, kind in CHANGING.values()])))
        return [(row.kind, row.facts) for row in rows]


def test_every_page_opens_and_no_page_holds_what_a_trader_wrote(api: Flask, redis_client: Redis, failed_job: Job):
    desk = Desk(api, Role.SUPPORT)
    enqueue(redis_client, "succeed", 8)
    registries = ("queued", "failed", "deferred", "started", "finished", "canceled", "scheduled")
    pages = [
        "",
        "0/",
        "0/view",
        "0/view/queues",
        "0/view/workers",
        "0/view/jobs",
        f"0/view/job/{failed_job.id}",
        "0/data/queues.json",
        "0/data/workers.json",
        f"0/data/job/{failed_job.id}.json",
        *(f"0/view/jobs/chat/{registry}/8/asc/1" for registry in registries),
        *(f"0/data/jobs/chat/{registry}/8/{order}/1.json" for registry in registries for order in ("asc", "dsc")),
    ]
    for page in pages:
        answer = desk.client.get(f"/support/rq/{page}", follow_redirects=True)
        assert (answer.status_code, SECRET in answer.text) == (200, False), page
    for path in ("favicon.ico", "static/css/main.css"):
        with desk.client.get(f"/support/rq/{path}") as answer:
            assert answer.status_code == 200


def test_a_failure_is_told_by_where_it_is_and_not_by_what_was_said(api: Flask, failed_job: Job):
    desk = Desk(api, Role.SUPPORT)
    told = json.loads(desk.get(f"/support/rq/0/data/job/{failed_job.id}.json"))
    assert told["description"] == f"{__name__}.fail(7)"
    assert told["exc_info"].splitlines()[-1] == "ValueError"
    assert ", in fail" in told["exc_info"]
    assert SECRET not in told["exc_info"]
    listed = json.loads(desk.get("/support/rq/0/data/jobs/chat/failed/8/asc/1.json"))
    assert [job["exc_info"] for job in listed["jobs"]] == [told["exc_info"]]


def test_a_busy_worker_is_shown_with_its_job(api: Flask, redis_client: Redis):
    lookers.append(Desk(api, Role.SUPPORT))
    enqueue(redis_client, "succeed", 6)  # Before it looks, the worker has worked for a fraction of a second.
    queues.queue(redis_client, "chat").enqueue_call(f"{__name__}.look", args=("/support/rq/0/data/workers.json",))
    work(redis_client)
    [worker] = json.loads(seen.pop())["workers"]
    assert worker["queues"] == ["chat"]
    assert worker["total_working_time"] > 0
    assert worker["current_job"]["description"].startswith(f"{__name__}.look(")


def test_a_browser_that_takes_compressed_answers_gets_them(api: Flask, redis_client: Redis, failed_job: Job):
    for name in ("engine-0", "outbound", "voice"):
        queues.queue(redis_client, name).enqueue_call(f"{__name__}.succeed", args=(1,))
    page = "/support/rq/0/data/queues.json"
    answer = Desk(api, Role.SUPPORT).client.get(page, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "chat" in gzip.decompress(answer.data).decode()


def test_the_one_script_of_a_page_runs_by_its_nonce(api: Flask):
    answer = Desk(api, Role.SUPPORT).client.get("/support/rq/")
    policy = answer.headers["Content-Security-Policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'<script nonce="{nonce}">' in answer.text
    assert answer.text.count("<script>") == 0
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


def test_a_failed_job_is_requeued_and_a_worker_runs_it_again(
    api: Flask, redis_client: Redis, database: Engine, failed_job: Job
):
    desk = Desk(api, Role.SUPPORT)
    assert act(desk, f"/support/rq/job/{failed_job.id}/requeue").json == {"status": "OK"}
    assert failed_job.get_status(refresh=True) is JobStatus.QUEUED
    assert audited(database) == [("job_requeued", {"job_id": failed_job.id})]
    work(redis_client)
    assert failed_job.get_status(refresh=True) is JobStatus.FAILED


def test_all_failed_jobs_of_a_queue_are_requeued_but_never_by_a_link(
    api: Flask, redis_client: Redis, database: Engine, failed_job: Job
):
    desk = Desk(api, Role.ADMIN)
    assert desk.client.get("/support/rq/requeue/chat").status_code == 405
    assert failed_job.get_status(refresh=True) is JobStatus.FAILED
    assert act(desk, "/support/rq/requeue/chat").json == {"status": "OK", "count": 1}
    assert failed_job.get_status(refresh=True) is JobStatus.QUEUED
    assert audited(database) == [("queue_requeued", {"queue_name": "chat"})]


def test_a_queue_is_compacted(api: Flask, redis_client: Redis, database: Engine):
    stale = enqueue(redis_client, "succeed", 9)
    redis_client.delete(stale.key)
    assert act(Desk(api, Role.SUPPORT), "/support/rq/queue/chat/compact").json == {"status": "OK"}
    assert queues.queue(redis_client, "chat").job_ids == []
    assert audited(database) == [("queue_compacted", {"queue_name": "chat"})]


def test_only_risk_deletes_jobs(api: Flask, redis_client: Redis, database: Engine, failed_job: Job):
    support, risk = Desk(api, Role.SUPPORT), Desk(api, Role.RISK)
    waiting = enqueue(redis_client, "succeed", 10)
    for path in (f"/support/rq/job/{waiting.id}/delete", "/support/rq/queue/chat/failed/empty"):
        assert act(support, path).status_code == 403
    assert audited(database) == []
    assert act(risk, f"/support/rq/job/{waiting.id}/delete").json == {"status": "OK"}
    assert not Job.exists(waiting.id, redis_client)
    for registry in ("queued", "failed", "deferred", "started", "finished", "canceled", "scheduled"):
        assert act(risk, f"/support/rq/queue/chat/{registry}/empty").json == {"status": "OK"}
    assert FailedJobRegistry("chat", connection=redis_client).get_job_count() == 0
    assert [kind for kind, _ in audited(database)] == ["job_deleted"] + ["queue_emptied"] * 7


def test_another_redis_cannot_be_chosen(api: Flask):
    assert Desk(api, Role.ADMIN).client.get("/support/rq/1/view/queues").status_code == 404


def test_the_password_of_redis_is_not_shown(api: Flask, redis_url: str):
    api.config["RQ_DASHBOARD_REDIS_URL"] = (redis_url.replace("://", "://user:rosebud@"),)
    page = Desk(api, Role.SUPPORT).get("/support/rq/")
    assert "://***:***@" in page
    assert "rosebud" not in page
