"""Passwords: which are taken, and how they are kept: as argon2id hashes, never as they are.

Hashing and matching take tens of milliseconds of processor on purpose; whoever serves others calls them off the loop.
"""

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn import zxcvbn

from bot.refusals import RequestRefused

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 128
JUDGED_LENGTH_MAX = 72  # zxcvbn takes no more, and a password that is weak so far would have to be very long.
STRENGTH_MIN = 2  # zxcvbn's "somewhat guessable": common passwords, keyboard walks, names and dates are below it.

# OWASP's first choice of parameters (Password Storage Cheat Sheet), so that many logins at once fit in memory.
hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)

# Matched against where there is no account, so that it takes as long to hear "no".
NOBODYS_HASH = hasher.hash("nobody has this password")

# Kept of a login that nobody may use any more: it is no hash, so no password matches it.
NO_HASH = ""


class WeakPassword(RequestRefused):
    """Too short, too long, common, or easily guessed. Facts: length_min, length_max."""

    code = "weak_password"


def hashed(password: str, username: str) -> str | None:
    """What is kept of a password; None for one that others would guess early."""
    judged = password[:JUDGED_LENGTH_MAX]
    if (
        not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX
        or zxcvbn(judged, user_inputs=[username, "maibroker"])["score"] < STRENGTH_MIN
    ):
        return None
    return hasher.hash(password)


def matches(password_hash: str, password: str) -> bool:
    try:
        return hasher.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
