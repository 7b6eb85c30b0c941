"""What the local double of Twilio remembers: messages both ways, their states, templates and media."""

import json
import re
import secrets
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

metadata = sa.MetaData()

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("sid", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, index=True, comment="grows with every change to any message"),
    sa.Column("number", sa.Text, nullable=False, index=True, comment="the trader's, in E.164"),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("error_code", sa.Integer),
    sa.Column("media_url", sa.Text),
    sa.Column("media_type", sa.Text),
    sa.Column("buttons", sa.JSON, nullable=False),
    sa.Column("replied_sid", sa.Text),
    sa.Column("callback_url", sa.Text),
    sa.Column("created_at", sa.Text, nullable=False, comment="RFC 3339, UTC"),
)

templates = sa.Table(
    "templates",
    metadata,
    sa.Column("sid", sa.Text, primary_key=True),
    sa.Column("content", sa.JSON, nullable=False),
)

MEDIA_SID = re.compile("ME[0-9a-f]{32}")
INBOUND, OUTBOUND = "inbound", "outbound"
NEXT_VERSION = sa.select(sa.func.coalesce(sa.func.max(messages.c.version), 0) + 1).scalar_subquery()
STATUSES = ("queued", "sent", "delivered", "read", "failed")


@dataclass(frozen=True, kw_only=True)
class PhoneMessage:
    """One message on a trader's phone; `version` is its place among all changes."""

    sid: str
    number: str
    direction: str
    body: str
    status: str
    created_at: str
    version: int = 0
    error_code: int | None = None
    media_url: str | None = None
    media_type: str | None = None
    buttons: tuple[dict[str, str], ...] = ()
    replied_sid: str | None = None
    callback_url: str | None = None


class PhoneMessages:
    """The double's memory: a small database and a folder of media under one directory, kept over restarts."""

    def __init__(self, directory: Path) -> None:
        self.media_directory = directory / "media"
        self.media_directory.mkdir(parents=True, exist_ok=True)
        self.engine = sa.create_engine(f"sqlite:///{directory / 'phone.db'}")
        sa.event.listen(self.engine, "connect", write_ahead)
        with self.engine.begin() as connection:
            # Several web processes start at once, and each may be the first.
            for table in metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))

    def add(self, message: PhoneMessage) -> None:
        with self.engine.begin() as connection:
            connection.execute(messages.insert().values(asdict(message) | {"version": NEXT_VERSION}))

    def set_status(self, sid: str, status: str, error_code: int | None = None) -> bool:
        """Move a message forward, never back; says whether it moved."""
        earlier = STATUSES[: STATUSES.index(status)]
        with self.engine.begin() as connection:
            moved = connection.execute(
                messages.update()
                .where(messages.c.sid == sid, messages.c.status.in_(earlier))
                .values(status=status, error_code=error_code, version=NEXT_VERSION)
            )
        return moved.rowcount == 1

    def set_media(self, sid: str, media_url: str, media_type: str) -> None:
        """Show a message with the file that was fetched for it."""
        shown = {"media_url": media_url, "media_type": media_type, "version": NEXT_VERSION}
        with self.engine.begin() as connection:
            connection.execute(messages.update().where(messages.c.sid == sid).values(shown))

    def find(self, sid: str) -> PhoneMessage | None:
        return next(iter(self._select(messages.c.sid == sid)), None)

    def changed_since(self, numbers: list[str], version: int) -> list[PhoneMessage]:
        """Those numbers' messages that are new or changed after that version, oldest change first."""
        return self._select(messages.c.number.in_(numbers), messages.c.version > version)

    def sent_to(self, number: str | None, after: datetime | None) -> list[PhoneMessage]:
        """What was sent to a number, or to all, after a time, oldest first."""
        conditions = [messages.c.direction == OUTBOUND]
        if number is not None:
            conditions.append(messages.c.number == number)
        if after is not None:
            conditions.append(messages.c.created_at > after.isoformat())
        return self._select(*conditions)

    def last_inbound_at(self, number: str) -> datetime | None:
        query = sa.select(sa.func.max(messages.c.created_at)).where(
            messages.c.number == number, messages.c.direction == INBOUND
        )
        with self.engine.connect() as connection:
            text = connection.execute(query).scalar()
        return datetime.fromisoformat(text) if text else None

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[PhoneMessage]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(messages).where(*conditions).order_by(messages.c.version)).mappings()
            return [PhoneMessage(**dict(row) | {"buttons": tuple(row["buttons"])}) for row in rows]

    def add_template(self, content: dict[str, object], sid: str | None = None) -> str:
        """Keep a content template under a new id, or in the place of the one with that id."""
        sid = sid or new_sid("HX")
        with self.engine.begin() as connection:
            connection.execute(templates.delete().where(templates.c.sid == sid))
            connection.execute(templates.insert().values(sid=sid, content=content))
        return sid

    def template(self, sid: str) -> dict[str, object] | None:
        with self.engine.connect() as connection:
            return connection.execute(sa.select(templates.c.content).where(templates.c.sid == sid)).scalar()

    def keep_media(self, content: bytes, content_type: str) -> str:
        """Store a file and return its SID."""
        sid = new_sid("ME")
        (self.media_directory / sid).write_bytes(content)
        (self.media_directory / f"{sid}.json").write_text(json.dumps({"content_type": content_type}))
        return sid

    def media(self, sid: str) -> tuple[bytes, str] | None:
        """A stored file and its content type."""
        path = self.media_directory / sid
        if not MEDIA_SID.fullmatch(sid) or not path.exists():
            return None
        return path.read_bytes(), json.loads(path.with_suffix(".json").read_text())["content_type"]


def write_ahead(connection: sqlite3.Connection, record: object) -> None:
    """Let processes read beside one that writes, and do not wait for the disk at each message."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def new_sid(prefix: str) -> str:
    """An identifier as Twilio writes them: two letters, then 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)
