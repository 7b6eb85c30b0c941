"""Deleting a person's data on request: `python -m bot.erasure +15550100`, the number that they write from.

What identifies them and what they wrote goes, for good: number, name, login, messages, transcripts, recordings, alerts.
Their orders and trades stay, as the law asks of a market and as the other side of each trade needs, under a trader
without a name. Nothing open may be left: a person with open orders or positions is told to close them first.
"""

import sys
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import passwords, tables
from bot.clock import utc_now
from bot.database import connect
from bot.outbox import State
from bot.security_events import SecurityEvent, record
from bot.settings import Settings, SettingsError
from engine import queries
from engine.tables import traders


class CannotErase(Exception):
    """Why nothing was deleted, in words for our staff."""


def erase(session: Session, number: str, now: datetime) -> int:
    """Delete what is known of whoever has this number; returns the trader's id, which stays on the record.

    Raises CannotErase for an unknown number and for a person with open orders or positions; then nothing was deleted.
    """
    found = session.execute(
        sa.select(tables.conversations.c.trader_id).where(tables.conversations.c.number == number).with_for_update()
    ).one_or_none()
    if found is None:
        raise CannotErase("no conversation is with this number")
    trader_id: int = found.trader_id
    orders = len(queries.open_orders(session, trader_id))
    positions = sum(1 for held in queries.holdings(session, trader_id) if held.lots)
    if orders or positions:
        raise CannotErase(f"{orders} orders and {positions} positions are still open")
    nobody = f"erased {trader_id}"
    conversation_ids = sa.select(tables.conversations.c.id).where(tables.conversations.c.trader_id == trader_id)
    forget_messages(session, tables.inbox.c.conversation_id.in_(conversation_ids), now)
    forget_replies(session, tables.outbox.c.conversation_id.in_(conversation_ids))
    for table in (tables.alerts, tables.link_failures):
        session.execute(sa.delete(table).where(table.c.conversation_id.in_(conversation_ids)))
    session.execute(sa.delete(tables.attachments).where(tables.attachments.c.trader_id == trader_id))
    session.execute(sa.delete(tables.idempotency_keys).where(tables.idempotency_keys.c.trader_id == trader_id))
    _forget_account(session, trader_id, nobody)
    # A number is unique, and the person may write to us again one day.
    session.execute(
        sa.update(tables.conversations)
        .where(tables.conversations.c.trader_id == trader_id)
        .values(
            number=sa.literal("erased ") + sa.cast(tables.conversations.c.id, sa.Text),
            question=None,
            last_order=None,
            summary_at=None,
            summary_due_at=None,
        )
    )
    session.execute(sa.update(traders).where(traders.c.id == trader_id).values(display_name=nobody, frozen=True))
    record(session, SecurityEvent.PERSON_ERASED, now, trader_id=trader_id)
    return trader_id


def forget_messages(session: Session, which: sa.ColumnElement[bool], now: datetime) -> None:
    """Empty these messages of what was written or said, and delete their recordings; none of them waits any more."""
    chosen = sa.select(tables.inbox.c.id).where(which)
    for table in (tables.recordings, tables.bad_readings):
        session.execute(sa.delete(table).where(table.c.inbox_id.in_(chosen)))
    session.execute(
        sa.update(tables.inbox)
        .where(which)
        .values(
            body="",
            media_url=None,
            transcript=None,
            reading=None,
            order_shown=None,
            handled_at=sa.func.coalesce(tables.inbox.c.handled_at, now),
        )
    )


def forget_replies(session: Session, which: sa.ColumnElement[bool]) -> None:
    """Empty these replies of what they said; none of them waits any more."""
    ended = sa.case(
        (tables.outbox.c.state.in_((State.WAITING, State.SENDING)), State.FAILED), else_=tables.outbox.c.state
    )
    session.execute(sa.update(tables.outbox).where(which).values(body="", events=None, state=ended))


def _forget_account(session: Session, trader_id: int, nobody: str) -> None:
    """The login stays as a row that nobody can use: the audit names its number."""
    account_ids = sa.select(tables.accounts.c.id).where(tables.accounts.c.trader_id == trader_id)
    session_ids = sa.select(tables.login_sessions.c.id).where(tables.login_sessions.c.account_id.in_(account_ids))
    session.execute(sa.delete(tables.refresh_tokens).where(tables.refresh_tokens.c.session_id.in_(session_ids)))
    for table in (tables.login_sessions, tables.link_codes):
        session.execute(sa.delete(table).where(table.c.account_id.in_(account_ids)))
    session.execute(
        sa.update(tables.accounts)
        .where(tables.accounts.c.trader_id == trader_id)
        .values(username=nobody, password_hash=passwords.NO_HASH)
    )


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m bot.erasure +15550100", file=sys.stderr)
        return 2
    try:
        database = connect(Settings.from_env())
    except SettingsError as problem:
        sys.exit(f"Nothing can be deleted: {problem}.")
    try:
        with Session(database) as session, session.begin():
            trader_id = erase(session, arguments[0], utc_now())
    except CannotErase as problem:
        sys.exit(f"Nothing was deleted: {problem}.")
    finally:
        database.dispose()
    print(f"Deleted. The orders and trades stay on the record of trader {trader_id}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
