"""How a request becomes waiting commands: one on each shard it reaches, all of them or none, and once for each key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import RowMapping, select, text
from sqlalchemy.orm import Session

from engine import store
from engine.orders import Command, Instrument, command_to_json
from engine.tables import command_ids, commands, instruments

# One text for any number of commands: a VALUES list of another length would be another statement to make each time.
SUBMIT = text("""
    WITH written AS (
        INSERT INTO commands (id, shard_id, trader_id, source, request_key, part, kind, order_id, instrument_id, body,
                              created_at)
        SELECT part.id, part.shard_id, :trader_id, :source, :request_key, part.number - 1, part.kind, part.order_id,
               part.instrument_id, part.body, :now
        FROM unnest(CAST(:ids AS bigint[]), CAST(:shard_ids AS int[]), CAST(:kinds AS text[]),
                    CAST(:order_ids AS bigint[]), CAST(:instrument_ids AS int[]), CAST(:bodies AS text[]))
             WITH ORDINALITY AS part (id, shard_id, kind, order_id, instrument_id, body, number)
        ON CONFLICT DO NOTHING
        RETURNING shard_id, id, created_at)
    INSERT INTO waiting_commands (shard_id, command_id, created_at)
    SELECT shard_id, id, created_at FROM written""")


class Source(StrEnum):
    """Who asked; request keys are unique within one trader's requests of one source."""

    CHAT = "chat"
    API = "api"
    STAFF = "staff"
    MARKET_MAKER = "market_maker"
    CATALOGUE = "catalogue"


@dataclass(frozen=True)
class Receipt:
    """A command that waits; wake `shard_id` after the commit. Without `command`, an earlier request made it."""

    command_id: int
    shard_id: int
    order_id: int | None
    instrument: Instrument | None
    command: Command | None = field(default=None, compare=False)

    @property
    def repeated(self) -> bool:
        return self.command is None


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
    written = session.connection().execute(
        SUBMIT,
        {
            "trader_id": trader_id,
            "source": source,
            "request_key": request_key,
            "now": now,
            "ids": [part.command.command_id for part in parts],
            "shard_ids": [part.shard_id for part in parts],
            "kinds": [part.command.__struct_config__.tag for part in parts],
            "order_ids": [getattr(part.command, "order_id", None) for part in parts],
            "instrument_ids": [None if part.instrument is None else part.instrument.instrument_id for part in parts],
            "bodies": [command_to_json(part.command) for part in parts],
        },
    )
    if not written.rowcount:
        return receipts_of(session, trader_id, source, request_key)
    assert written.rowcount == len(parts), "the parts of a request are written together"
    return [
        Receipt(
            part.command.command_id,
            part.shard_id,
            getattr(part.command, "order_id", None),
            part.instrument,
            part.command,
        )
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
    return [Receipt(row.id, row.shard_id, row.order_id, listed.get(row.instrument_id)) for row in rows]
