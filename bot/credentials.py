"""Web accounts: who may log in, and which trader they are."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.refusals import RequestRefused
from bot.tables import accounts, conversations
from engine.tables import traders


class UsernameTaken(RequestRefused):
    """Someone has that name, in these or other capitals. Facts: username."""

    code = "username_taken"


def register(
    session: Session, *, username: str, password_hash: str, display_name: str, language: str, now: datetime
) -> int:
    """A new account and the trader behind it; returns the account's id. Raises UsernameTaken."""
    trader_id = session.execute(
        sa.insert(traders)
        .values(display_name=display_name, language=language, kind="account", created_at=now)
        .returning(traders.c.id)
    ).scalar_one()
    account_id = session.execute(
        insert(accounts)
        .values(trader_id=trader_id, username=username.lower(), password_hash=password_hash, created_at=now)
        .on_conflict_do_nothing(index_elements=[accounts.c.username])
        .returning(accounts.c.id)
    ).scalar()
    if account_id is None:
        raise UsernameTaken(username=username)
    return account_id


def find(session: Session, username: str) -> sa.RowMapping | None:
    """The account's row by its name, in any capitals."""
    return session.execute(sa.select(accounts).where(accounts.c.username == username.lower())).mappings().one_or_none()


def profile(session: Session, account_id: int) -> sa.RowMapping:
    """The account's id, username, created_at, trader_id, display_name, language; number and frozen_at where linked."""
    return (
        session.execute(
            sa.select(
                accounts.c.id,
                accounts.c.username,
                accounts.c.password_hash,
                accounts.c.created_at,
                accounts.c.trader_id,
                traders.c.display_name,
                traders.c.language,
                conversations.c.number,
                conversations.c.frozen_at,
            )
            .join(traders, traders.c.id == accounts.c.trader_id)
            .outerjoin(conversations, conversations.c.trader_id == accounts.c.trader_id)
            .where(accounts.c.id == account_id)
        )
        .mappings()
        .one()
    )


def set_password(session: Session, account_id: int, password_hash: str) -> None:
    session.execute(sa.update(accounts).where(accounts.c.id == account_id).values(password_hash=password_hash))
