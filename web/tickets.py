"""Tickets: what opens a private socket, good once and for half a minute; kept in Redis, and only as digests."""

import hashlib
import secrets
from datetime import timedelta

from redis import Redis
from redis.exceptions import RedisError

from bot.refusals import RequestRefused
from web.tokens import Caller

TICKET_LIFETIME = timedelta(seconds=30)
USED = b"used"


class TicketsUnavailable(RequestRefused):
    """Tickets cannot be kept now."""

    code = "tickets_unavailable"


class InvalidTicket(Exception):
    """Unknown, or past its time."""


class TicketUsed(Exception):
    """A ticket is good once."""


def issue(redis: Redis, caller: Caller) -> str:
    """Raises TicketsUnavailable."""
    ticket = secrets.token_urlsafe(32)
    try:
        redis.set(_key(ticket), f"{caller.account_id}:{caller.session_id}", ex=TICKET_LIFETIME)
    except RedisError as problem:
        raise TicketsUnavailable from problem
    return ticket


def redeem(redis: Redis, ticket: str) -> Caller:
    """Whose ticket it is; raises InvalidTicket, TicketUsed and RedisError."""
    # One step, so that of two who come at once only one gets in.
    found = redis.set(_key(ticket), USED, xx=True, get=True, keepttl=True)
    if found is None:
        raise InvalidTicket
    if found == USED:
        raise TicketUsed
    account_id, session_id = found.decode().split(":")
    return Caller(int(account_id), int(session_id))


def _key(ticket: str) -> str:
    return "ticket:" + hashlib.sha256(ticket.encode(errors="surrogatepass")).hexdigest()
