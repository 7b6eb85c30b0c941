"""What waits to be done, how much and for how long, and whether each shard's engine is alive."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import due
from bot.settings import Settings
from bot.tables import conversations, inbox, outbox
from engine.tables import shards, waiting_commands

# The engine beats each second; a reader is to know of its end within five.
HEARTBEAT_SECONDS_MAX = 4
# Past this, more than a moment's rush is the matter.
SECONDS_MAX = {"commands": 5, "messages": 30, "voice": 60, "replies": 30}


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of a kind wait, and since when the oldest does."""

    count: int
    since: datetime | None

    def seconds(self, now: datetime) -> float:
        return 0.0 if self.since is None else max(0.0, (now - self.since).total_seconds())


def waiting(session: Session, settings: Settings, now: datetime) -> dict[str, Waiting]:
    """By kind: commands for the engine, messages and voice notes to be read, replies to be sent."""
    unread = sa.select(sa.func.count(), sa.func.min(inbox.c.received_at)).where(inbox.c.handled_at.is_(None))
    # Those behind a voice note wait with it, and are not late themselves.
    is_voice = sa.and_(inbox.c.media_url.is_not(None), inbox.c.transcript.is_(None))
    spoken = inbox.alias("spoken")
    behind_voice = sa.exists().where(
        spoken.c.conversation_id == inbox.c.conversation_id,
        spoken.c.id < inbox.c.id,
        spoken.c.handled_at.is_(None),
        spoken.c.media_url.is_not(None),
        spoken.c.transcript.is_(None),
    )
    unsent = (
        sa.select(sa.func.count(), sa.func.min(outbox.c.due_at))
        .join(conversations, conversations.c.id == outbox.c.conversation_id)
        .where(due.is_due(settings, now), due.is_first(), outbox.c.state.in_(("waiting", "sending")))
    )
    kinds = {
        "commands": sa.select(sa.func.count(), sa.func.min(waiting_commands.c.created_at)),
        "messages": unread.where(~is_voice, ~behind_voice),
        "voice": unread.where(is_voice),
        "replies": unsent,
    }
    return {kind: Waiting(*session.execute(statement).one()) for kind, statement in kinds.items()}


def silent_shards(session: Session, now: datetime) -> list[int]:
    """The shards whose engine has not beaten of late."""
    beaten = shards.c.heartbeat_at >= now - timedelta(seconds=HEARTBEAT_SECONDS_MAX)
    return list(
        session.scalars(sa.select(shards.c.id).where(sa.func.coalesce(beaten, False).is_(False)).order_by(shards.c.id))
    )


def late(found: dict[str, Waiting], now: datetime) -> list[str]:
    """The kinds that wait for longer than they should."""
    return [kind for kind, seconds in SECONDS_MAX.items() if found[kind].seconds(now) > seconds]
