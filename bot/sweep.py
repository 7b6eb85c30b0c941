"""The sweep: every second it wakes whatever has waited longer than it should, so that a lost wake is only a delay.

Run as a process (`python -m bot.sweep`); several do no harm.
"""

import signal
import sys
import threading
from datetime import datetime, timedelta

import structlog
from redis import Redis
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from bot import (
    attachments,
    due,
    idempotency,
    inbox,
    linking,
    login_sessions,
    logs,
    queues,
    recordings,
    retention,
    summaries,
)
from bot.clock import utc_now
from bot.database import connect
from bot.settings import Settings, SettingsError

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1
LATE = timedelta(seconds=1)
HEARD_WITHIN = timedelta(seconds=60)  # Past it a voice note is answered with "send it as text".
LISTENING_AFTER = timedelta(seconds=4)  # How long a voice note may wait before its sender is told.
REDIS_SECONDS_MAX = 5


def sweep(sessions: sessionmaker[Session], redis: Redis, settings: Settings, now: datetime) -> None:
    """Wake what is late: messages, replies; and every shard, whose orders may have expired with nobody asking."""
    summarised = summaries.make_due(sessions, now)
    with sessions.begin() as session:
        conversation_ids = inbox.waiting_conversations(session, now - LATE)
        voice_ids = inbox.waiting_voice_notes(session, now - LATE)
        for inbox_id in inbox.waiting_voice_notes(session, now - LISTENING_AFTER):
            recordings.tell_listening(session, inbox_id, now)
        recordings.give_up_waiting(session, now - HEARD_WITHIN)
        recordings.forget_old(session, now)
        idempotency.forget_old(session, now)
        login_sessions.forget_old(session, now)
        linking.forget_old(session, now)
        retention.forget_old_messages(session, now, settings.messages_keep_days)
        attachments.forget_old(session, now)
        attachment_ids = attachments.waiting(session, now, late=LATE)
        due.drop_outdated(session, settings, now)
        replies_wait = summarised or due.has_due(session, settings, now - LATE)
    for conversation_id in conversation_ids:
        queues.wake(redis, queues.HANDLE_MESSAGE, conversation_id)
    for inbox_id in voice_ids:
        queues.wake(redis, queues.TRANSCRIBE, inbox_id)
    for attachment_id in attachment_ids:
        queues.wake(redis, queues.MAKE_ATTACHMENT, attachment_id)
    for shard_id in range(settings.engine_shards):
        queues.wake(redis, queues.SETTLE, shard_id)
    if replies_wait:
        queues.wake(redis, queues.DELIVER)


def main() -> None:
    logs.configure()
    try:
        settings = Settings.from_env()
    except SettingsError as problem:
        sys.exit(f"The sweep cannot start: {problem}.")
    sessions = sessionmaker(connect(settings))
    redis = Redis.from_url(settings.redis_url, socket_timeout=REDIS_SECONDS_MAX)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(SWEEP_SECONDS):
        try:
            sweep(sessions, redis, settings, utc_now())
        except OperationalError as problem:  # PostgreSQL is away; the next second asks again.
            log.warning("sweep_failed", problem=type(problem).__name__)


if __name__ == "__main__":
    main()
