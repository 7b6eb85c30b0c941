"""The command that makes staff accounts."""

import io

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot import passwords, staff, tables


@pytest.fixture
def command(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:1",
        "SECRET_KEY": "k" * 32,
        "TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
        "TWILIO_AUTH_TOKEN": "0" * 32,
        "TWILIO_WHATSAPP_NUMBER": "whatsapp:+14155238886",
        "WHATSAPP_VERIFY_TOKEN": "verify me",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, typed: str = "") -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        staff.main(list(arguments))
        return capsys.readouterr().out

    return run


def test_an_account_is_made_listed_and_shut(command, database: Engine):
    command("add", "Ana", "--role", "risk", typed="nine yellow harvesters\n")
    assert command("list").split() == ["ana", "risk", "password"]
    assert command("totp", "ana").startswith("otpauth://totp/MaiBroker:ana?secret=")
    command("disable", "ana")
    assert command("list").split() == ["ana", "risk", "password", "and", "code", "disabled"]
    with Session(database) as session:
        [account] = session.execute(sa.select(tables.staff)).mappings()
        kinds = session.scalars(sa.select(tables.security_events.c.kind).order_by(tables.security_events.c.id)).all()
    assert passwords.matches(account["password_hash"], "nine yellow harvesters")
    assert kinds == ["staff_added", "staff_totp_set", "staff_disabled"]


def test_another_password_opens_a_shut_account_again(command, database: Engine):
    command("add", "ana", typed="nine yellow harvesters\n")
    command("disable", "ana")
    command("password", "ana", typed="ten green combine cars\n")
    with Session(database) as session:
        account = staff.find(session, "ANA")
    assert account is not None
    assert passwords.matches(account["password_hash"], "ten green combine cars")


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (("add", "ana"), "password1\n", "too easy"),
        (("add", "ben"), "nine yellow harvesters\n", "an account already"),
        (("disable", "nobody"), "", "has no account"),
        (("totp", "nobody"), "", "has no account"),
    ],
)
def test_what_cannot_be_done_is_said(command, arguments: tuple[str, ...], typed: str, said: str):
    command("add", "ben", typed="nine yellow harvesters\n")
    with pytest.raises(SystemExit, match=said):
        command(*arguments, typed=typed)


def test_each_role_may_what_those_before_it_may():
    roles = list(staff.Role)
    assert [[role.may(needed) for needed in roles] for role in roles] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
