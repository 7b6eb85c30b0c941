"""Access tokens: who is calling and by which login, signed by us and good for a quarter of an hour."""

import hmac
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import jwt

from bot.refusals import RequestRefused

ACCESS_LIFETIME = timedelta(minutes=15)
ALGORITHM = "HS256"
ISSUER = "maibroker"
KIND = "access"
TOKENS_REMEMBERED = 4096  # A caller sends the same one with every request; what was never signed is not kept.


class NotSignedIn(RequestRefused):
    """No access token, one that is not good, or one whose login has ended."""

    code = "not_signed_in"


class TokenExpired(NotSignedIn):
    """The access token was good: refresh it."""

    code = "token_expired"


class Caller(NamedTuple):
    """Who a good access token names."""

    account_id: int
    session_id: int


def issue(secret_key: str, caller: Caller, now: datetime) -> str:
    claims = {
        "iss": ISSUER,
        "sub": str(caller.account_id),
        "sid": caller.session_id,
        "typ": KIND,
        "iat": now,
        "exp": now + ACCESS_LIFETIME,
    }
    return jwt.encode(claims, _key(secret_key), ALGORITHM)


def read(secret_key: str, token: str, now: datetime) -> Caller:
    """Raises TokenExpired, NotSignedIn."""
    try:
        caller, expires_at = _signed(secret_key, token)
    except jwt.InvalidTokenError as error:
        raise NotSignedIn from error
    if expires_at <= now.timestamp():
        raise TokenExpired
    return caller


@lru_cache(maxsize=TOKENS_REMEMBERED)
def _signed(secret_key: str, token: str) -> tuple[Caller, int]:
    """What a token says that we signed, and when it expires, in seconds since 1970; raises jwt.InvalidTokenError."""
    claims = jwt.decode(
        token,
        _key(secret_key),
        algorithms=[ALGORITHM],
        issuer=ISSUER,
        options={"require": ["iss", "sub", "sid", "typ", "iat", "exp"], "verify_exp": False},
    )
    if claims["typ"] != KIND:
        raise jwt.InvalidTokenError
    return Caller(int(claims["sub"]), claims["sid"]), claims["exp"]


def _key(secret_key: str) -> bytes:
    """A key of its own, so that nothing else that the secret signs is ever taken for a token."""
    return hmac.digest(secret_key.encode(), b"access tokens", "sha256")
