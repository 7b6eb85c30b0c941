"""How a request becomes waiting commands: one on each shard it reaches, all of them or none, and once for each key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from engine import store
from engine.orders import Command, Instrument, command_to_json
from engine.tables import command_ids, commands, instruments, waiting_commands


class Source(StrEnum):
    """Who asked; request keys are unique within one trader's requests of one source."""

    CHAT = "chat"
    API = "api"
    STAFF = "staff"
    MARKET_MAKER = "market_maker"
    CATALOGUE = "catalogue"


@dataclass(frozen=True)
class Receipt:
    """A command that waits; wake `shard_id` after the commit. `repeated` tells that an earlier request made it."""

    command_id: int
    shard_id: int
    order_id: int | None
    instrument: Instrument | None
    repeated: bool = field(default=False, compare=False)


class Part(NamedTuple):
    """What one shard gets of a request; the instrument is that of the order or the rule, if it is about one."""

    shard_id: int
    instrument: Instrument | None
    command: Command


def next_command_id(session: Session) -> int:
    return session.execute(select(command_ids.next_value())).scalar_one()


def submit_one(
    session: Session,
    listed: RowMapping,
    command: Command,
    trader_id: int | None,
    source: Source,
    request_key: str,
    now: datetime,
) -> Receipt:
    part = Part(listed["shard_id"], store.instrument_from_row(listed), command)
    return submit(session, [part], trader_id, source, request_key, now)[0]


def submit(
    session: Session,
    parts: Sequence[Part],
    trader_id: int | None,
    source: Source,
    request_key: str,
    now: datetime,
) -> list[Receipt]:
    """Write the commands of one request, all or, if the same request got here first, none."""
    rows = [
        {
            "id": part.command.command_id,
            "shard_id": part.shard_id,
            "trader_id": trader_id,
            "source": source,
            "request_key": request_key,
            "part": number,
            "kind": part.command.__struct_config__.tag,
            "order_id": getattr(part.command, "order_id", None),
            "instrument_id": None if part.instrument is None else part.instrument.instrument_id,
            "body": command_to_json(part.command),
            "created_at": now,
        }
        for number, part in enumerate(parts)
    ]
    written = (
        postgresql.insert(commands)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(commands.c.shard_id, commands.c.id, commands.c.created_at)
        .cte("written")
    )
    waiting = session.execute(
        insert(waiting_commands)
        .from_select(["shard_id", "command_id", "created_at"], select(written))
        .returning(waiting_commands.c.command_id)
    ).all()
    if not waiting:
        return receipts_of(session, trader_id, source, request_key)
    assert len(waiting) == len(parts), "the parts of a request are written together"
    return [
        Receipt(part.command.command_id, part.shard_id, getattr(part.command, "order_id", None), part.instrument)
        for part in parts
    ]


def receipts_of(session: Session, trader_id: int | None, source: Source, request_key: str) -> list[Receipt]:
    """What an earlier request of this key got, or nothing."""
    rows = session.execute(
        select(commands.c.id, commands.c.shard_id, commands.c.order_id, commands.c.instrument_id)
        .where(
            commands.c.source == source,
            commands.c.trader_id.is_not_distinct_from(trader_id),
            commands.c.request_key == request_key,
        )
        .order_by(commands.c.part)
    ).all()
    wanted = select(instruments).where(instruments.c.id.in_({row.instrument_id for row in rows} - {None}))
    listed = {row["id"]: store.instrument_from_row(row) for row in session.execute(wanted).mappings()} if rows else {}
    return [Receipt(row.id, row.shard_id, row.order_id, listed.get(row.instrument_id), repeated=True) for row in rows]
