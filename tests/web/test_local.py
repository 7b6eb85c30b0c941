"""A local run that cannot start says why in one line; everything else about it is shown by tests/flows."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from honcho.environ import parse
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot import passwords, staff
from bot.settings import Settings
from tests.web.conftest import settings_for
from web.local import PROJECT, keep_settings, kept_secrets, local_environment, open_desk, welcome

STOP_SECONDS_MAX = 60


def start(directory: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """`make run` with these settings, which is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "web.local", "--var", str(directory)],
        env=os.environ | {"PORT": free_port()} | settings,
        capture_output=True,
        text=True,
        timeout=STOP_SECONDS_MAX,
        check=False,
    )


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def assert_refused(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith("MaiBroker cannot start: ")
    for word in words:
        assert word in line


def test_a_python_that_is_not_there_is_told_with_how_to_name_another(tmp_path: Path):
    ended = subprocess.run(
        ["make", "run", f"VENV={tmp_path / 'venv'}", "PYTHON=python-of-nobody"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    for word in ("Python 3.11 or newer", "no python-of-nobody", "PYTHON="):
        assert word in ended.stderr


def test_a_taken_port_is_named(tmp_path: Path, taken_port: int):
    assert_refused(start(tmp_path, PORT=str(taken_port)), f"port {taken_port} is taken")


@pytest.mark.parametrize("port", ["http", "0", "70000"])
def test_a_port_that_is_none_is_named(tmp_path: Path, port: str):
    assert_refused(start(tmp_path, PORT=port), "PORT", port)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody:hidden@127.0.0.1:1/none", "does not answer"),
        ("not a url", "is not the address"),
        ("mysql://127.0.0.1/x", "is not the address"),
        ("sqlite:///x.db", "is not the address"),
    ],
)
def test_a_database_that_cannot_be_had_is_told_without_its_password(tmp_path: Path, redis_url: str, url: str, words):
    ended = start(tmp_path, DATABASE_URL=url, REDIS_URL=redis_url)
    assert_refused(ended, "DATABASE_URL", words)
    assert "hidden" not in ended.stderr


@pytest.mark.parametrize(
    ("url", "words"), [("redis://127.0.0.1:1", "does not answer"), ("http://127.0.0.1", "is not the address")]
)
def test_a_redis_that_cannot_be_had_is_told(tmp_path: Path, database_url: str, url: str, words: str):
    assert_refused(start(tmp_path, DATABASE_URL=database_url, REDIS_URL=url), "REDIS_URL", words)


def test_a_bad_setting_is_named(tmp_path: Path, database_url: str, redis_url: str):
    ended = start(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url, ENGINE_SHARDS="none")
    assert_refused(ended, "ENGINE_SHARDS")


def test_secrets_are_made_once_and_kept_to_their_owner(tmp_path: Path):
    made = kept_secrets(tmp_path)
    assert made == kept_secrets(tmp_path)
    assert len(set(made.values())) == len(made) == 5
    assert (tmp_path / "secrets.env").stat().st_mode & 0o077 == 0


def test_the_desk_has_one_admin_whose_password_is_kept_to_the_owner(
    tmp_path: Path, database_url: str, database: Engine
):
    settings = settings_for(database_url, "redis://127.0.0.1:1", "http://127.0.0.1:8000")
    for _ in range(2):
        open_desk(tmp_path, settings)
    with Session(database) as session:
        [account] = staff.everyone(session)
    kept = tmp_path / "desk-password"
    assert kept.stat().st_mode & 0o077 == 0
    assert (account["username"], account["role"]) == ("admin", "admin")
    assert passwords.matches(account["password_hash"], kept.read_text().strip())


def test_a_twilio_account_that_is_given_is_used_instead_of_the_double(tmp_path: Path):
    account = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t", "PUBLIC_URL": "https://broker.example"}
    given = local_environment(tmp_path, account)
    assert "TWILIO_API_URL" not in given
    assert account.items() <= given.items()
    doubled = local_environment(tmp_path, {"PORT": "8123"})
    assert doubled["TWILIO_API_URL"] == doubled["PUBLIC_URL"] == "http://127.0.0.1:8123"
    assert given["HOST"] == doubled["HOST"] == "127.0.0.1"


def test_whoever_tries_every_door_of_a_local_run_is_let_in(tmp_path: Path):
    assert int(local_environment(tmp_path, {})["LOGINS_PER_QUARTER_HOUR"]) >= 100
    assert local_environment(tmp_path, {"LOGINS_PER_QUARTER_HOUR": "3"})["LOGINS_PER_QUARTER_HOUR"] == "3"


def test_commands_find_a_runs_settings_in_a_file_of_the_owners(tmp_path: Path, database_url: str, redis_url: str):
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    environment = local_environment(tmp_path, servers | {"PORT": "8123", "NOT_A_SETTING": "x"})
    keep_settings(tmp_path, environment)
    kept = tmp_path / "settings.env"
    assert kept.stat().st_mode & 0o077 == 0
    assert Settings.from_env(parse(kept.read_text())) == Settings.from_env(environment)
    assert "NOT_A_SETTING" not in kept.read_text()


def test_a_run_says_where_to_write_and_where_the_desks_password_is(tmp_path: Path):
    servers = {"DATABASE_URL": "postgresql://127.0.0.1/none", "REDIS_URL": "redis://127.0.0.1"}
    doubled = Settings.from_env(local_environment(tmp_path, servers | {"PORT": "8123"}))
    said = welcome(tmp_path, doubled, "http://127.0.0.1:8123")
    assert "http://127.0.0.1:8123/phone" in said
    assert str(tmp_path / "desk-password") in said
    assert "Whisper" in said
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "base.pt").touch()
    assert "Whisper" not in welcome(tmp_path, doubled, "http://127.0.0.1:8123")
    usual = Settings.from_env(local_environment(tmp_path, servers))
    readme = (PROJECT / "README.md").read_text()
    for line in welcome(Path(".../var"), usual, "http://127.0.0.1:8000").split("\n"):
        assert line in readme
    account = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t", "TWILIO_WHATSAPP_NUMBER": "whatsapp:+14155238886"}
    theirs = Settings.from_env(local_environment(tmp_path, servers | account))
    said = welcome(tmp_path, theirs, "http://127.0.0.1:8000")
    assert "WhatsApp to +14155238886" in said
    assert "/phone" not in said
