"""What workers run. A job gets an id, does what is still to do and commits once: run twice it does no harm.

Each function imports what it alone needs, so that only the workers that read messages carry spaCy, and only those
that listen carry Whisper.
"""

from types import TracebackType

from redis import Redis
from rq.job import Job as QueuedJob
from sqlalchemy.orm import Session, sessionmaker

from bot import queues
from bot.clock import utc_now
from bot.settings import Settings


class Tools:
    """What the jobs of one worker process share; `bot.worker` opens it before the first job."""

    settings: Settings
    sessions: sessionmaker[Session]
    redis: Redis

    def open(self, settings: Settings, sessions: sessionmaker[Session], redis: Redis) -> None:
        self.settings, self.sessions, self.redis = settings, sessions, redis


tools = Tools()


def handle_message(conversation_id: int) -> None:
    """Handle the oldest waiting message of a conversation, and have what it led to settled and delivered."""
    from bot import turn
    from bot.understanding import understanding

    with tools.sessions.begin() as session:
        shard_ids = turn.take(session, understanding, conversation_id, utc_now())
    if shard_ids is None:
        return
    for shard_id in shard_ids:
        queues.wake(tools.redis, queues.SETTLE, shard_id)
    queues.wake(tools.redis, queues.DELIVER)


def message_failed(
    job: QueuedJob,
    connection: Redis,
    kind: type[BaseException] | None,
    problem: BaseException | None,
    trace: TracebackType | None,
) -> None:
    """RQ calls this when handling a message has raised: in the end its sender is told and the next one passes."""
    from bot import turn

    with tools.sessions.begin() as session:
        turn.give_up(session, job.args[0], utc_now())
    queues.wake(tools.redis, queues.DELIVER)


def settle(shard_id: int) -> None:
    """Settle all that waits on a shard."""
    from bot import settling

    queues.begin(tools.redis, queues.SETTLE, shard_id)
    if settling.settle(shard_id, utc_now()):
        queues.wake(tools.redis, queues.DELIVER)


def deliver() -> None:
    """Hand every reply that is due to Twilio."""
    from bot import outbox, whatsapp

    queues.begin(tools.redis, queues.DELIVER)
    outbox.deliver(tools.sessions, whatsapp.sender(tools.settings), utc_now())
