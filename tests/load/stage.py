"""One stage of a load: the whole stack of a local run, so many users, and what came of it."""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO

import msgspec
import sqlalchemy as sa
from honcho.environ import parse
from sqlalchemy.orm import Session

from bot import credentials, login_sessions, passwords, tables
from bot.clock import utc_now
from bot.migrate import upgrade
from bot.servers import local_servers
from engine import catalogue
from engine.tables import assets, instruments, orders
from tests.flows.conftest import PASSWORD, LocalRun
from tests.load import population
from tests.load.population import Acted, Load, Market, Percentiles, Trader, Watched
from tests.load.processes import Used, Watch
from tests.load.times import percentiles
from tests.web.live import engine_worker
from web import tokens
from web.tokens import Caller

WEB_WORKERS = 2
WARM_UP_SECONDS = 20
ANSWER_SECONDS_MAX = 60
UNLIMITED = "1000000"
LIMITS = ("LOGINS_PER_QUARTER_HOUR", "ORDERS_PER_MINUTE", "REQUESTS_PER_MINUTE", "SOCKETS_PER_ADDRESS")
SEED = 20251206


class Result(msgspec.Struct, frozen=True):
    """All that is known of a stage. `answers` are from a message's posting to its reply's handing over to Twilio."""

    users: int
    shards: int
    seconds: int
    opened_seconds: float
    watched: Watched
    acted: Acted
    answers: Percentiles
    unanswered: int
    lost_orders: int
    used: Used


def run(users: int, shards: int, seconds: int) -> Result:
    with ExitStack() as started:
        directory = Path(started.enter_context(tempfile.TemporaryDirectory()))
        # The database server may run as a user of its own, which has to reach its directory.
        directory.chmod(0o755)
        servers = started.enter_context(local_servers(directory))
        upgrade(servers.database_url)
        database = sa.create_engine(servers.database_url)
        started.callback(database.dispose)
        with Session(database) as session, session.begin():
            catalogue.load(session, as_of=utc_now().date(), shard_count=shards, now=utc_now())
        kept = directory / "run"
        kept.mkdir()
        for shard_id in range(1, shards):  # The first is the local run's own.
            log = directory / f"engine-{shard_id}.log"
            started.enter_context(engine_worker(servers.database_url, servers.redis_url, log, shard_id, shards))
        local_run = LocalRun(
            kept,
            DATABASE_URL=servers.database_url,
            REDIS_URL=servers.redis_url,
            WEB_CONCURRENCY=str(WEB_WORKERS),
            ENGINE_SHARDS=str(shards),
            **dict.fromkeys(LIMITS, UNLIMITED),
        )
        started.callback(local_run.stop)
        local_run.wait_until_ready()
        secrets = parse((kept / "secrets.env").read_text())
        load = populate(database, local_run.port, secrets, users)
        return measure(database, directory, load, users=users, shards=shards, seconds=seconds)


def populate(database: sa.Engine, port: int, secrets: Mapping[str, str], users: int) -> Load:
    """The users, with accounts and logins for those who trade on the web."""
    chance, sizes = random.Random(SEED), population.sizes(users)
    with Session(database) as session, session.begin():
        listed = markets(session)
        places = range(len(listed))

        def follow(count: int) -> list[int]:
            return chance.choices(places, population.POPULARITY, k=count)

        # One hash for all: what passwords cost is none of what is measured.
        password_hash, now = passwords.hasher.hash(PASSWORD), utc_now()
        traders = []
        for number, market in enumerate(follow(sizes.traders)):
            account_id = credentials.register(
                session,
                username=f"load-{number}",
                password_hash=password_hash,
                display_name=f"Load {number}",
                language="en",
                now=now,
            )
            login = login_sessions.begin(session, account_id, user_agent="load", ip_address="127.0.0.1", now=now)
            token = tokens.issue(secrets["SECRET_KEY"], Caller(account_id, login.session_id), now)
            traders.append(Trader(token, market))
    return Load(
        port=port,
        twilio_token=secrets["TWILIO_AUTH_TOKEN"],
        markets=listed,
        watchers=follow(sizes.watchers),
        traders=traders,
        chat_traders=sizes.chat_traders,
        seed=SEED,
    )


def markets(session: Session) -> list[Market]:
    """The markets of the load, the most popular first."""
    symbols = [f"{population.CONTRACT}-{asset}" for asset in population.ASSETS]
    found = session.execute(
        sa.select(instruments, assets.c.names)
        .join(assets, assets.c.code == instruments.c.asset)
        .where(instruments.c.symbol.in_(symbols))
    ).mappings()
    by_symbol = {row["symbol"]: row for row in found}
    return [
        Market(
            symbol,
            Decimal(row["reference_ticks"]) * row["tick_size"],
            row["tick_size"],
            (row["names"]["en"], row["names"]["es"], row["names"]["pt"]),
        )
        for symbol, row in ((symbol, by_symbol[symbol]) for symbol in symbols)
    ]


def measure(database: sa.Engine, directory: Path, load: Load, *, users: int, shards: int, seconds: int) -> Result:
    with client("tests.load.watching", load) as watching:
        begun = time.monotonic()
        assert watching.stdout is not None
        assert watching.stdout.readline() == b"open\n"
        opened_seconds = time.monotonic() - begun
        with client("tests.load.people", load) as people:
            measured_from = time.time() + WARM_UP_SECONDS
            for process in (watching, people):
                say(process.stdin, f"{measured_from} {measured_from + seconds}\n".encode())
            time.sleep(measured_from - time.time())
            watch = Watch(directory)
            time.sleep(measured_from + seconds - time.time())
            used = watch.end()
            acted = msgspec.json.decode(people.communicate()[0], type=Acted)
        watched = msgspec.json.decode(watching.communicate()[0], type=Watched)
    answered = answers(database, acted.posted)
    return Result(
        users=users,
        shards=shards,
        seconds=seconds,
        opened_seconds=opened_seconds,
        watched=watched,
        acted=acted,
        answers=percentiles([answered[sid] - at for sid, at in acted.posted.items() if sid in answered]),
        unanswered=len(acted.posted.keys() - answered.keys()),
        lost_orders=lost(database, acted.order_numbers),
        used=used,
    )


@contextmanager
def client(module: str, load: Load) -> Iterator[subprocess.Popen[bytes]]:
    """A client process that has been given the load."""
    process = subprocess.Popen([sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        say(process.stdin, msgspec.json.encode(load) + b"\n")
        try:
            yield process
        except BaseException:
            process.kill()
            raise
    assert process.returncode == 0, module


def say(pipe: IO[bytes] | None, line: bytes) -> None:
    assert pipe is not None
    pipe.write(line)
    pipe.flush()


def answers(database: sa.Engine, posted: Mapping[str, float]) -> dict[str, float]:
    """When the first answer to each message was taken by Twilio's double; waits for those that are still to come."""
    query = (
        sa.select(tables.inbox.c.message_sid, sa.func.min(tables.outbox.c.sent_at).label("sent_at"))
        .join(tables.outbox, tables.outbox.c.inbox_id == tables.inbox.c.id)
        .where(tables.outbox.c.sent_at.is_not(None))
        .group_by(tables.inbox.c.message_sid)
    )
    end = time.monotonic() + ANSWER_SECONDS_MAX
    while True:
        with database.connect() as connection:
            found = {row.message_sid: row.sent_at.timestamp() for row in connection.execute(query)}
        if posted.keys() <= found.keys() or time.monotonic() > end:
            return found
        time.sleep(1)


def lost(database: sa.Engine, numbers: list[int]) -> int:
    """How many of the orders that were acknowledged the market does not have, or has been asked for twice."""
    with database.connect() as connection:
        stored = connection.scalars(sa.select(orders.c.id).where(orders.c.id.in_(numbers))).all()
    return len(numbers) - len(stored)
