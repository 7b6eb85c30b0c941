"""What workers run. A job gets an id, does what is still to do and commits once: run twice it does no harm.

What only one kind of worker needs is imported by its own functions, so that only the workers that read messages carry
spaCy, only those that listen carry Whisper, and only those that draw carry matplotlib.
"""

import signal
import time
from types import TracebackType
from typing import TYPE_CHECKING

import structlog
from redis import Redis
from rq.job import Job as QueuedJob
from sqlalchemy.orm import Session, sessionmaker

from bot import attachments, inbox, metrics, queues
from bot.clock import utc_now
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.delivery import Delivery
    from bot.pictures import Pictures
    from bot.settling import Settling
    from bot.understanding import Understanding
    from bot.voice import Listener


log = structlog.get_logger(__name__)


class Tools:
    """What the jobs of one worker process share; `bot.worker` sets what its queue needs before the first job."""

    settings: Settings
    sessions: sessionmaker[Session]
    redis: Redis

    understanding: "Understanding"
    settling: "Settling"
    listener: "Listener"
    delivery: "Delivery"
    pictures: "Pictures"


tools = Tools()


def handle_message(conversation_id: int) -> None:
    """Handle the oldest waiting message of a conversation, and have what it led to settled and delivered.

    One message a job: whoever sends many waits behind everyone else's next one.
    """
    from bot import turn

    queues.begin(tools.redis, queues.HANDLE_MESSAGE, conversation_id)
    with tools.sessions.begin() as session:
        shard_ids = turn.take(
            session,
            tools.understanding,
            conversation_id,
            utc_now(),
            messages_per_minute_max=tools.settings.messages_per_sender_per_minute,
            frontend_url=tools.settings.frontend_url,
        )
        more_waiting = shard_ids is not None and inbox.oldest_waiting(session, conversation_id) is not None
        attachment_ids = attachments.waiting(session, utc_now())
    if shard_ids is None:
        return
    if more_waiting:
        queues.wake(tools.redis, queues.HANDLE_MESSAGE, conversation_id)
    for shard_id in shard_ids:
        queues.wake(tools.redis, queues.SETTLE, shard_id)
    for attachment_id in attachment_ids:
        queues.wake(tools.redis, queues.MAKE_ATTACHMENT, attachment_id)
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


def transcribe(inbox_id: int) -> None:
    """Hear a voice note, and have its conversation go on."""
    queues.begin(tools.redis, queues.TRANSCRIBE, inbox_id)
    begun = time.perf_counter()
    conversation_id = tools.listener.hear(inbox_id, utc_now())
    if conversation_id is not None:
        metrics.voice_seconds.observe(time.perf_counter() - begun)
        log.info("voice_heard", message=inbox_id)
        queues.wake(tools.redis, queues.HANDLE_MESSAGE, conversation_id)


def settle(shard_id: int) -> None:
    """Settle all that waits on a shard."""
    from engine.batch import NotActive

    queues.begin(tools.redis, queues.SETTLE, shard_id)
    try:
        replies_wait = tools.settling.settle(shard_id, utc_now)
    except NotActive:
        # It hung, or lost its connection, and another worker has taken over. It takes no more jobs from that one: the
        # host starts it again, as a standby.
        log.warning("shard_lost", shard=shard_id)
        signal.raise_signal(signal.SIGTERM)
        queues.wake(tools.redis, queues.SETTLE, shard_id)
        return
    if replies_wait:
        queues.wake(tools.redis, queues.DELIVER)


def deliver() -> None:
    """Hand every reply that is due to Twilio."""
    queues.begin(tools.redis, queues.DELIVER)
    if tools.delivery.deliver():
        queues.wake(tools.redis, queues.DELIVER)


def make_attachment(attachment_id: int) -> None:
    """Make the file that a reply waits for, and have that delivered."""
    queues.begin(tools.redis, queues.MAKE_ATTACHMENT, attachment_id)
    if tools.pictures.make(attachment_id, utc_now()):
        queues.wake(tools.redis, queues.DELIVER)
