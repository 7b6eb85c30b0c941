"""Which number trades for which account: joined by a code that the web shows and WhatsApp sends, and parted by the web.

Whichever of the two has traded is the trader of both from then on, so that its orders, positions and record stay as
they are; where both have, they are not joined.
"""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot import inbox, outbox, security_events, stops
from bot.languages import translations
from bot.outbox import Reply
from bot.refusals import RequestRefused
from bot.security_events import SecurityEvent
from bot.tables import accounts, conversations, link_codes, link_failures
from engine.errors import TradingError
from engine.tables import commands, traders

CODE_LIFETIME = timedelta(minutes=10)
CODE_DIGITS = 6
TRIES_MAX = 5


class UnknownLinkCode(TradingError):
    """Nobody is shown that code now."""

    code = "unknown_link_code"


class TooManyLinkTries(TradingError):
    """The number has sent as many wrong codes as it may for now."""

    code = "too_many_link_tries"


class AlreadyLinked(TradingError):
    """The account has a number already."""

    code = "already_linked"


class NumberAlreadyLinked(TradingError):
    """The number trades for an account already."""

    code = "number_already_linked"


class LinkBothTraded(TradingError):
    """The number and the account both have orders of their own."""

    code = "link_both_traded"


class NoLinkedNumber(RequestRefused):
    """The account has no number."""

    code = "no_linked_number"


class LinkCode(NamedTuple):
    code: str
    expires_at: datetime


def show_code(session: Session, account_id: int, now: datetime) -> LinkCode:
    """A new code, in place of the one before. Raises AlreadyLinked."""
    if conversation_of(session, account_id) is not None:
        raise AlreadyLinked
    session.execute(
        # One that has expired and is not swept yet may be given again.
        sa.delete(link_codes).where(sa.or_(link_codes.c.account_id == account_id, link_codes.c.expires_at <= now))
    )
    expires_at = now + CODE_LIFETIME
    while True:
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        shown = session.execute(
            insert(link_codes)
            .values(account_id=account_id, code=code, expires_at=expires_at)
            .on_conflict_do_nothing(index_elements=[link_codes.c.code])
            .returning(link_codes.c.code)
        ).scalar()
        if shown is not None:
            return LinkCode(code, expires_at)


def link(session: Session, conversation: sa.RowMapping, code: str, now: datetime) -> str:
    """Join the conversation's number, which the caller holds the lock of, and the account that was shown the code.

    Returns the account's username. Raises TooManyLinkTries, UnknownLinkCode, NumberAlreadyLinked, AlreadyLinked,
    LinkBothTraded. A wrong code is counted: commit that.
    """
    _check_tries(session, conversation["id"], now)
    account = (
        session.execute(
            sa.select(accounts)
            .join(link_codes, link_codes.c.account_id == accounts.c.id)
            .where(link_codes.c.code == code, link_codes.c.expires_at > now)
            # Orders by HTTP hold the account's key: none of them comes between the look and the move.
            .with_for_update()
        )
        .mappings()
        .one_or_none()
    )
    if account is None:
        session.execute(sa.insert(link_failures).values(conversation_id=conversation["id"], failed_at=now))
        raise UnknownLinkCode
    guest_id, trader_id = conversation["trader_id"], account["trader_id"]
    kind = session.execute(sa.select(traders.c.kind).where(traders.c.id == guest_id)).scalar_one()
    if kind != "guest":
        raise NumberAlreadyLinked
    if conversation_of(session, account["id"]) is not None:
        raise AlreadyLinked
    if not _has_traded(session, guest_id):
        session.execute(
            sa.update(conversations).where(conversations.c.id == conversation["id"]).values(trader_id=trader_id)
        )
    elif not _has_traded(session, trader_id):
        _become(session, account, guest_id)
    else:
        raise LinkBothTraded
    session.execute(sa.delete(link_codes).where(link_codes.c.account_id == account["id"]))
    session.execute(
        sa.update(conversations).where(conversations.c.id == conversation["id"]).values(question=None, last_order=None)
    )
    security_events.record(
        session,
        SecurityEvent.NUMBER_LINKED,
        now,
        account_id=account["id"],
        conversation_id=conversation["id"],
    )
    username: str = account["username"]
    return username


def username_of(session: Session, trader_id: int) -> str | None:
    """The account that a number trades for; None for a guest."""
    return session.execute(sa.select(accounts.c.username).where(accounts.c.trader_id == trader_id)).scalar()


def unlink(session: Session, account_id: int, now: datetime) -> None:
    """Part the account and its number, which begins anew as a guest's; both are told. Raises NoLinkedNumber."""
    conversation_id = _locked_conversation_of(session, account_id)
    conversation = (
        session.execute(sa.select(conversations).where(conversations.c.id == conversation_id)).mappings().one()
    )
    language = conversation["language"]
    guest_id = session.execute(
        sa.insert(traders)
        .values(display_name=conversation["number"], language=language, kind="guest", created_at=now)
        .returning(traders.c.id)
    ).scalar_one()
    session.execute(
        sa.update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(trader_id=guest_id, question=None, last_order=None)
    )
    event_id = security_events.record(
        session, SecurityEvent.NUMBER_UNLINKED, now, account_id=account_id, conversation_id=conversation_id
    )
    _ = translations(language).gettext
    body = _("This number no longer trades for its account. An open question is void.")
    _tell(session, conversation_id, event_id, body, now)


def lift_freeze(session: Session, account_id: int, now: datetime) -> None:
    """Let chat trading go on after a STOP. Raises NoLinkedNumber."""
    conversation_id = _locked_conversation_of(session, account_id)
    if stops.lift(session, conversation_id, now):
        security_events.record(session, SecurityEvent.FREEZE_LIFTED, now, account_id=account_id)


def _tell(session: Session, conversation_id: int, event_id: int, body: str, now: datetime) -> None:
    reply = Reply(conversation_id=conversation_id, cause=f"security:{event_id}", body=body)
    outbox.add(session, [reply], now)


def _check_tries(session: Session, conversation_id: int, now: datetime) -> None:
    wrong = session.execute(
        sa.select(sa.func.count()).where(
            link_failures.c.conversation_id == conversation_id, link_failures.c.failed_at > now - CODE_LIFETIME
        )
    ).scalar_one()
    if wrong >= TRIES_MAX:
        raise TooManyLinkTries


def conversation_of(session: Session, account_id: int) -> int | None:
    """The conversation of the number that trades for the account, if there is one."""
    return session.execute(
        sa.select(conversations.c.id)
        .join(accounts, accounts.c.trader_id == conversations.c.trader_id)
        .where(accounts.c.id == account_id)
    ).scalar()


def _locked_conversation_of(session: Session, account_id: int) -> int:
    """The account's conversation, none of whose messages is being handled until this transaction ends."""
    conversation_id = conversation_of(session, account_id)
    if conversation_id is None:
        raise NoLinkedNumber
    inbox.lock_conversation(session, conversation_id)
    if conversation_of(session, account_id) != conversation_id:
        raise NoLinkedNumber
    return conversation_id


def _has_traded(session: Session, trader_id: int) -> bool:
    return session.execute(sa.select(sa.exists().where(commands.c.trader_id == trader_id))).scalar_one()


def _become(session: Session, account: sa.RowMapping, guest_id: int) -> None:
    """The account is from now on the trader that the number has been, under the account's name."""
    mine = sa.select(traders.c.display_name, traders.c.language).where(traders.c.id == account["trader_id"])
    display_name, language = session.execute(mine).one()
    session.execute(sa.update(accounts).where(accounts.c.id == account["id"]).values(trader_id=guest_id))
    session.execute(
        sa.update(traders)
        .where(traders.c.id == guest_id)
        .values(kind="account", display_name=display_name, language=language)
    )
    session.execute(sa.delete(traders).where(traders.c.id == account["trader_id"]))


def forget_old(session: Session, now: datetime) -> None:
    """Codes that nobody may send any more, and wrong ones that count no longer."""
    session.execute(sa.delete(link_codes).where(link_codes.c.expires_at <= now))
    session.execute(sa.delete(link_failures).where(link_failures.c.failed_at <= now - CODE_LIFETIME))
