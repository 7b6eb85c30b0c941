"""Our staff: who may open the desk, in which role; also a command: `python -m bot.staff add ana --role risk`."""

import argparse
import getpass
import sys
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import pyotp
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot import passwords, security_events, staff_sessions
from bot.clock import utc_now
from bot.credentials import UsernameTaken
from bot.database import connect
from bot.refusals import RequestRefused
from bot.security_events import SecurityEvent
from bot.settings import Settings, SettingsError
from bot.tables import staff

TOTP_ISSUER = "MaiBroker"
TOTP_STEP_SECONDS = 30
TOTP_STEPS_LATE = (0, -1)  # The code of now, and the one before it: people type slowly.


class Role(StrEnum):
    """What one of our staff may do; each may also do what those before it may."""

    SUPPORT = "support"  # Look, help, and have things tried again.
    RISK = "risk"  # Halt, cancel, limit, list.
    ADMIN = "admin"  # Staff accounts.

    def may(self, needed: "Role") -> bool:
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


class StaffNotFound(RequestRefused):
    """Nobody of that name works here. Facts: username."""

    code = "staff_not_found"


def add(session: Session, *, username: str, password_hash: str, role: Role, now: datetime) -> int:
    """A new account; returns its id. Raises UsernameTaken."""
    staff_id = session.execute(
        insert(staff)
        .values(username=username.lower(), password_hash=password_hash, role=role, created_at=now)
        .on_conflict_do_nothing(index_elements=[staff.c.username])
        .returning(staff.c.id)
    ).scalar()
    if staff_id is None:
        raise UsernameTaken(username=username)
    security_events.record(session, SecurityEvent.STAFF_ADDED, now, subject_id=staff_id, role=role)
    return staff_id


def find(session: Session, username: str) -> sa.RowMapping | None:
    """The account's row by its name, in any capitals; None too for one that is disabled."""
    query = sa.select(staff).where(staff.c.username == username.lower(), staff.c.disabled_at.is_(None))
    return session.execute(query).mappings().one_or_none()


def everyone(session: Session) -> list[sa.RowMapping]:
    """Every account, by name."""
    return list(session.execute(sa.select(staff).order_by(staff.c.username)).mappings())


def disable(session: Session, username: str, now: datetime, *, by: int | None = None) -> None:
    """Shut an account and end its sessions; what it did stays in the audit. Raises StaffNotFound."""
    _change(session, username, disabled_at=now)
    staff_id = _id_of(session, username)
    staff_sessions.end_all(session, staff_id)
    security_events.record(session, SecurityEvent.STAFF_DISABLED, now, staff_id=by, subject_id=staff_id)


def set_password(session: Session, username: str, password_hash: str, now: datetime) -> None:
    """A new password for an account, which opens it again if it was shut. Raises StaffNotFound."""
    _change(session, username, password_hash=password_hash, disabled_at=None)
    staff_id = _id_of(session, username)
    staff_sessions.end_all(session, staff_id)
    security_events.record(session, SecurityEvent.STAFF_PASSWORD_SET, now, subject_id=staff_id)


def set_totp(session: Session, username: str, now: datetime) -> str:
    """Ask this account for a second factor from now on; returns the address that an authenticator app reads.

    Raises StaffNotFound.
    """
    secret = pyotp.random_base32()
    _change(session, username, totp_secret=secret, totp_step=None)
    staff_id = _id_of(session, username)
    security_events.record(session, SecurityEvent.STAFF_TOTP_SET, now, subject_id=staff_id)
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=TOTP_ISSUER)


def takes_code(session: Session, account: sa.RowMapping, code: str, now: datetime) -> bool:
    """Whether the account needs no code or this is its code, which is then used up (RFC 6238, section 5.2)."""
    if account["totp_secret"] is None:
        return True
    totp = pyotp.TOTP(account["totp_secret"])
    current = int(now.timestamp()) // TOTP_STEP_SECONDS
    for step in (current + late for late in TOTP_STEPS_LATE):
        if totp.verify(code.replace(" ", ""), for_time=step * TOTP_STEP_SECONDS):
            unused = sa.or_(staff.c.totp_step.is_(None), staff.c.totp_step < step)
            taken = sa.update(staff).where(staff.c.id == account["id"], unused).values(totp_step=step)
            return session.execute(taken.returning(staff.c.id)).scalar() is not None
    return False


def _change(session: Session, username: str, **values: object) -> None:
    changed = sa.update(staff).where(staff.c.username == username.lower()).values(**values).returning(staff.c.id)
    if session.execute(changed).scalar() is None:
        raise StaffNotFound(username=username)


def _id_of(session: Session, username: str) -> int:
    return session.execute(sa.select(staff.c.id).where(staff.c.username == username.lower())).scalar_one()


def main(arguments: list[str], ask: Callable[[str], str] = getpass.getpass) -> None:
    """The command: add, password, totp, disable, list."""
    parser = argparse.ArgumentParser(prog="python -m bot.staff", description="Who may open the support desk.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("add", "make an account; its password is asked for, or read from standard input"),
        ("password", "set another password, which opens a disabled account again"),
        ("totp", "ask for a second factor; prints what to give to the authenticator app"),
        ("disable", "shut an account"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("username")
        if name == "add":
            command.add_argument("--role", choices=list(Role), type=Role, default=Role.SUPPORT)
    commands.add_parser("list", help="every account")
    given = parser.parse_args(arguments)
    try:
        settings = Settings.from_env()
    except SettingsError as problem:
        sys.exit(f"{problem}.")
    now = utc_now()
    with Session(connect(settings)) as session, session.begin():
        try:
            run(session, given, ask, now)
        except UsernameTaken:
            sys.exit(f"{given.username} has an account already.")
        except StaffNotFound:
            sys.exit(f"{given.username} has no account.")


def run(session: Session, given: argparse.Namespace, ask: Callable[[str], str], now: datetime) -> None:
    """Raises UsernameTaken, StaffNotFound."""
    match given.command:
        case "add":
            password_hash = hash_of(asked_password(ask), given.username)
            add(session, username=given.username, password_hash=password_hash, role=given.role, now=now)
        case "password":
            set_password(session, given.username, hash_of(asked_password(ask), given.username), now)
        case "totp":
            print(set_totp(session, given.username, now))
        case "disable":
            disable(session, given.username, now)
        case "list":
            for account in everyone(session):
                factors = "password and code" if account["totp_secret"] else "password"
                print(account["username"], account["role"], factors, "disabled" if account["disabled_at"] else "")


def asked_password(ask: Callable[[str], str]) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = ask("Password: ")
    if ask("Again: ") != password:
        sys.exit("The two differ.")
    return password


def hash_of(password: str, username: str) -> str:
    password_hash = passwords.hashed(password, username)
    if password_hash is None:
        sys.exit(f"The password is too easy to guess, or has fewer than {passwords.PASSWORD_LENGTH_MIN} characters.")
    return password_hash


if __name__ == "__main__":
    main(sys.argv[1:])
