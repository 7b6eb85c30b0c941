"""The one-command runner of local runs: servers, data, the double of Twilio, and every process of the Procfile."""

import argparse
import fcntl
import os
import re
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import requests
import sqlalchemy as sa
from flask import Flask
from honcho.environ import parse, parse_procfile
from honcho.manager import Manager
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from bot import market_maker, passwords, staff
from bot.clock import utc_now
from bot.database import connect
from bot.languages import LANGUAGES
from bot.migrate import upgrade
from bot.servers import local_postgres, local_valkey
from bot.settings import Settings, SettingsError
from bot.templates import question_template
from engine import catalogue
from web import app as web_app
from web.phone import phone_pages
from web.phone_messages import PhoneMessages
from web.twilio_double import TwilioDouble, twilio_api

PROJECT = Path(__file__).parent.parent
HOST = "127.0.0.1"
OUR_NUMBER = "whatsapp:+14155238886"
QUESTION_TEMPLATES = {language: f"HX{number:032x}" for number, language in enumerate(LANGUAGES)}
READY_SECONDS_MAX = 60
RESTART_SECONDS = 1
ADMIN = "admin"
PASSWORD_FILE = "desk-password"
SETTINGS_FILE = "settings.env"
LOGINS_PER_QUARTER_HOUR = "100"  # Everyone is at this machine's one address, and signs in at every door in turn.
NOT_A_PROCESS = "release"  # What a host runs once before it starts the others.


class CannotStart(Exception):
    """What a person has to put right before a local run, in one line."""


def main() -> None:
    """Run until interrupted; whatever was started is stopped before this ends."""
    # A shell's background job comes with its interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    arguments = argparse.ArgumentParser(prog="python -m web.local", description=__doc__)
    arguments.add_argument("--var", type=Path, default=PROJECT / "var", help="where everything is kept between runs")
    directory: Path = arguments.parse_args().var.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    dotenv = PROJECT / ".env"
    given = (parse(dotenv.read_text()) if dotenv.exists() else {}) | dict(os.environ)
    try:
        sys.exit(run(directory, given))
    except CannotStart as reason:
        sys.exit(f"MaiBroker cannot start: {reason}.")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def run(directory: Path, given: Mapping[str, str]) -> int:
    """Everything of one local run; returns the exit code. Raises CannotStart."""
    with ExitStack() as started:
        started.enter_context(only_run_in(directory))
        environment = local_environment(directory, given)
        check_port(environment["PORT"])
        print("Starting the database and the queue...", flush=True)
        with interrupts_held_back():
            environment["DATABASE_URL"] = given.get("DATABASE_URL") or started.enter_context(local_postgres(directory))
            environment["REDIS_URL"] = given.get("REDIS_URL") or started.enter_context(local_valkey(directory))
        try:
            settings = Settings.from_env(environment)
        except SettingsError as problem:
            raise CannotStart(str(problem)) from problem
        check_servers(settings)
        keep_settings(directory, environment)
        prepare_data(settings)
        open_desk(directory, settings)
        return run_processes(directory, settings, environment)


@contextmanager
def only_run_in(directory: Path) -> Iterator[None]:
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(f"another run is using {directory}; stop it, or choose another VAR") from error
        yield


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Ctrl-C reaches every process of the terminal; servers begun in here leave it to us, and stop last."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def local_environment(directory: Path, given: Mapping[str, str]) -> dict[str, str]:
    """What the processes are told; a Twilio account that is given is used, and otherwise its double."""
    ours = {"PORT": "8000", "LOGINS_PER_QUARTER_HOUR": LOGINS_PER_QUARTER_HOUR}
    environment = kept_secrets(directory) | ours | {name: value for name, value in given.items() if value}
    address = f"http://{HOST}:{environment['PORT']}"
    programs = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    environment |= {"HOST": HOST, "PATH": programs, "PYTHONUNBUFFERED": "1"}
    environment.setdefault("WHISPER_MODEL_DIR", str(directory / "models"))
    if not has_twilio(given):
        environment |= {"TWILIO_API_URL": address, "PUBLIC_URL": address, "TWILIO_WHATSAPP_NUMBER": OUR_NUMBER}
        environment["CHAT_URL"] = f"{address}/phone"
        environment |= {
            f"TWILIO_QUESTION_CONTENT_SID_{language.upper()}": sid for language, sid in QUESTION_TEMPLATES.items()
        }
    return environment


def kept_secrets(directory: Path) -> dict[str, str]:
    """Secrets of this machine's own, made at the first run."""
    path = directory / "secrets.env"
    if not path.exists():
        made = {
            "SECRET_KEY": secrets.token_hex(32),
            "TWILIO_ACCOUNT_SID": "AC" + secrets.token_hex(16),
            "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
            "WHATSAPP_VERIFY_TOKEN": secrets.token_hex(16),
            "METRICS_TOKEN": secrets.token_hex(16),
        }
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in made.items()))
    return parse(path.read_text())


def keep_settings(directory: Path, environment: Mapping[str, str]) -> None:
    """This run's settings in a file, so that commands can be run against it."""
    names = re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE)
    kept = directory / SETTINGS_FILE
    kept.touch(mode=0o600)
    kept.write_text("".join(f"{name}={environment[name]}\n" for name in names if name in environment))


def has_twilio(given: Mapping[str, str]) -> bool:
    return bool(given.get("TWILIO_ACCOUNT_SID") and given.get("TWILIO_AUTH_TOKEN"))


def check_port(port: str) -> None:
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CannotStart(f"PORT must be a number from 1 to 65535, not {port!r}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(port)))
        except OSError as error:
            raise CannotStart(f"port {port} is taken; choose another with PORT=8001") from error


def check_servers(settings: Settings) -> None:
    """Raises CannotStart where a server cannot be reached; a URL's password is not shown."""
    try:
        if sa.make_url(settings.database_url).get_backend_name() != "postgresql":
            raise CannotStart("DATABASE_URL is not the address of a PostgreSQL database")
        database = sa.create_engine(settings.database_url, connect_args={"connect_timeout": 5})
        with database.connect():
            pass
        database.dispose()
    except ArgumentError as error:
        raise CannotStart("DATABASE_URL is not the address of a PostgreSQL database") from error
    except OperationalError as error:
        raise CannotStart("PostgreSQL does not answer at DATABASE_URL") from error
    try:
        with Redis.from_url(settings.redis_url, socket_connect_timeout=5) as redis:
            redis.ping()
    except ValueError as error:
        raise CannotStart("REDIS_URL is not the address of a Redis server") from error
    except RedisError as error:
        raise CannotStart("Redis does not answer at REDIS_URL") from error


def prepare_data(settings: Settings) -> None:
    """The schema, the instruments and the market maker's quotes, as far as they are not there yet."""
    print("Bringing the database up to date...", flush=True)
    upgrade(settings.database_url)
    database = connect(settings)
    now = utc_now()
    with Session(database) as session, session.begin():
        catalogue.load(session, as_of=now.date(), shard_count=settings.engine_shards, now=now)
    print("Quoting every instrument...", flush=True)
    with Session(database) as session, session.begin():
        market_maker.quote(session, now)
    database.dispose()


def open_desk(directory: Path, settings: Settings) -> None:
    """An admin for the support desk where nobody works yet, with a password that only this machine's user can read."""
    database, now = connect(settings), utc_now()
    with Session(database) as session, session.begin():
        if not staff.everyone(session):
            password = secrets.token_urlsafe(12)
            staff.add(
                session,
                username=ADMIN,
                password_hash=passwords.hasher.hash(password),
                role=staff.Role.ADMIN,
                now=now,
            )
            kept = directory / PASSWORD_FILE
            kept.touch(mode=0o600)
            kept.write_text(f"{password}\n")
    database.dispose()


def run_processes(directory: Path, settings: Settings, environment: dict[str, str]) -> int:
    """Run the Procfile until a signal comes, then stop all of it; returns the exit code."""
    manager = Manager()
    for name, line in parse_procfile((PROJECT / "Procfile").read_text()).processes.items():
        if name == NOT_A_PROCESS:
            continue
        command = line
        if name == "web" and settings.twilio_api_url == settings.public_url:
            command = line.replace("web.app:create_app()", f"web.local:create_app({str(directory / 'phone')!r})")
        # A host starts again what has died, and so do we.
        kept_up = f"while :; do {command}; echo 'It ended, and is started again.'; sleep {RESTART_SECONDS}; done"
        manager.add_process(name, kept_up, env=environment, cwd=str(PROJECT))
    Thread(target=announce, args=(directory, settings), daemon=True).start()
    manager.loop()
    interrupted = manager.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    return 0 if interrupted else manager.returncode or 1


def announce(directory: Path, settings: Settings) -> None:
    """Say where to click once the application answers."""
    address = f"http://{HOST}:{settings.port}"
    for _ in range(READY_SECONDS_MAX * 2):
        time.sleep(0.5)
        try:
            ready = requests.get(f"{address}/ready", timeout=5).ok
        except requests.RequestException:
            continue
        if ready:
            print(welcome(directory, settings, address), flush=True)
            return


def welcome(directory: Path, settings: Settings, address: str) -> str:
    number = settings.twilio_whatsapp_number.removeprefix("whatsapp:")
    chat = f"{settings.chat_url}  (" if settings.chat_url else f"WhatsApp to {number}  ("
    lines = [
        "MaiBroker is ready. Ctrl-C stops everything.",
        f"  chat      {chat}write: buy 10 wheat at market)",
        f"  terminal  {address}/",
        f"  desk      {address}/support/  (name {ADMIN}, password in {directory / PASSWORD_FILE})",
    ]
    if not any(Path(settings.whisper_model_dir).glob("*.pt")) and not Path(settings.whisper_model).is_file():
        lines.append(
            "Voice notes wait for Whisper's model, which is fetched now, once; the lines of `voice` say how far it is."
        )
    return "\n" + "".join(f"  {line}\n" for line in lines)


def create_app(phone_directory: str) -> Flask:
    """The application with the double of Twilio and its phone beside it."""
    settings = Settings.from_env()
    app = web_app.create_app(settings)
    double = TwilioDouble(settings, PhoneMessages(Path(phone_directory)))
    for language, sid in settings.twilio_question_templates.items():
        double.messages.add_template(question_template(language), sid)
    app.register_blueprint(phone_pages(double))
    app.register_blueprint(twilio_api(double))
    return app


if __name__ == "__main__":
    main()
