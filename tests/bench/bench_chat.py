"""How soon a written message is answered while 200 people write 20 messages a second.

`python -m tests.bench.bench_chat`. Every real process of a local run takes part. A message's time runs from the moment
at which it is posted, signed, to the webhook until the double of Twilio has taken the answer to it.
"""

import argparse
import random
import secrets
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import requests
import sqlalchemy as sa
from honcho.environ import parse
from twilio.request_validator import RequestValidator

from bot import tables
from bot.clock import utc_now
from bot.servers import local_servers
from tests.flows.conftest import LocalRun

SENDERS = 200
MESSAGES_PER_SECOND = 20
SECONDS = 20
WARM_UP_MESSAGES = 20
ANSWER_SECONDS_MAX = 30
CONNECTIONS = 16
SEED = 20251205


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.bench_chat", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=SECONDS)
    seconds: int = arguments.parse_args().seconds
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        # The database server may run as a user of its own, which has to reach its directory.
        directory.chmod(0o755)
        with local_servers(directory) as servers:
            kept = directory / "run"
            kept.mkdir()
            run = LocalRun(kept, DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url)
            try:
                run.wait_until_ready()
                token = parse((kept / "secrets.env").read_text())["TWILIO_AUTH_TOKEN"]
                database = sa.create_engine(servers.database_url)
                posted = write(run, RequestValidator(token), seconds)
                report(posted, answered(database, len(posted)))
                database.dispose()
            finally:
                run.stop()


def write(run: LocalRun, validator: RequestValidator, seconds: int) -> dict[str, datetime]:
    """Post the messages at an even pace, whatever the answers take; returns when each was posted, by its SID."""
    numbers = random.Random(SEED)
    url = f"{run.address}/webhook/whatsapp"
    posted: dict[str, datetime] = {}

    def post(count: int) -> None:
        side, quantity, cents = numbers.choice(["buy", "sell"]), numbers.randint(1, 9), numbers.randint(14_800, 15_200)
        form = {
            "MessageSid": f"SM{secrets.token_hex(16)}",
            "From": f"whatsapp:+1555070{count % SENDERS:04d}",
            "Body": f"{side} {quantity} wheat dec25 at {cents // 100}.{cents % 100:02d}",
        }
        headers = {"X-Twilio-Signature": validator.compute_signature(url, form)}
        posted[form["MessageSid"]] = utc_now()
        requests.post(url, data=form, headers=headers, timeout=ANSWER_SECONDS_MAX).raise_for_status()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for count in range(WARM_UP_MESSAGES):
            post(count)
        posted.clear()
        begin = time.monotonic()
        under_way = []
        for count in range(seconds * MESSAGES_PER_SECOND):
            time.sleep(max(0.0, begin + count / MESSAGES_PER_SECOND - time.monotonic()))
            under_way.append(pool.submit(post, count))
        for one in under_way:
            one.result()
    return posted


def answered(database: sa.Engine, count: int) -> dict[str, datetime]:
    """When the answer to each message was taken, by the message's SID."""
    query = (
        sa.select(tables.inbox.c.message_sid, tables.outbox.c.sent_at)
        .join(tables.outbox, tables.outbox.c.inbox_id == tables.inbox.c.id)
        .where(tables.outbox.c.sent_at.is_not(None))
    )
    end = time.monotonic() + ANSWER_SECONDS_MAX
    while True:
        with database.connect() as connection:
            found = {row.message_sid: row.sent_at for row in connection.execute(query)}
        if len(found) >= count + WARM_UP_MESSAGES or time.monotonic() > end:
            return found
        time.sleep(0.5)


def report(posted: dict[str, datetime], sent: dict[str, datetime]) -> None:
    times = sorted((sent[sid] - at).total_seconds() * 1000 for sid, at in posted.items() if sid in sent)
    cuts = statistics.quantiles(times, n=100)
    print(
        f"{len(posted)} messages from {SENDERS} senders, {MESSAGES_PER_SECOND} a second: answered {len(times)}; "
        f"p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f} ms, p99 {cuts[98]:.0f} ms (target: p50 under 200 ms)"
    )


if __name__ == "__main__":
    main()
