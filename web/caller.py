"""Who is calling: read from the access token once a request, and known for certain once its login is found alive."""

from flask import current_app, g, request
from sqlalchemy.orm import Session

from bot import login_sessions
from bot.clock import utc_now
from web import tokens
from web.tokens import Caller, NotSignedIn, TokenExpired


def claimed() -> Caller | None:
    """Whom a well-signed token names, if there is one."""
    return None if isinstance(found := _read(), NotSignedIn) else found


def is_forged() -> bool:
    """Whether a token was sent that we never signed."""
    found = _read()
    return "Authorization" in request.headers and isinstance(found, NotSignedIn) and not isinstance(found, TokenExpired)


def signed_in(session: Session, *, writing: bool = False) -> tuple[Caller, int]:
    """The caller and the trader they act for; raises NotSignedIn, TokenExpired."""
    found = _read()
    if isinstance(found, NotSignedIn):
        raise found
    trader_id = login_sessions.trader_of(session, found.account_id, found.session_id, writing=writing)
    if trader_id is None:
        raise NotSignedIn
    return found, trader_id


def _read() -> Caller | NotSignedIn:
    if "caller" not in g:
        g.caller = _from_header()
    found: Caller | NotSignedIn = g.caller
    return found


def _from_header() -> Caller | NotSignedIn:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return NotSignedIn()
    try:
        return tokens.read(current_app.extensions["settings"].secret_key, token.strip(), utc_now())
    except NotSignedIn as refusal:
        return refusal
