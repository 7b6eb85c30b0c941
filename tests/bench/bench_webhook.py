"""How soon a webhook is answered, and how soon its reply is handed to Twilio, with every real process running.

`python -m tests.bench.bench_webhook`: one trader writes, waits for the reply, and writes again.
"""

import secrets
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import requests
from honcho.environ import parse
from twilio.request_validator import RequestValidator

from tests.flows.conftest import LocalRun

MESSAGES = 100
WARM_UP_MESSAGES = 10
REPLY_SECONDS_MAX = 60
POLL_SECONDS = 0.25
ANSWER_TARGET_MILLISECONDS, REPLY_TARGET_MILLISECONDS = 20, 150


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        # The database server may run as a user of its own, which has to reach its directory.
        Path(scratch).chmod(0o755)
        directory = Path(scratch) / "var"
        directory.mkdir()
        run = LocalRun(directory)
        try:
            run.wait_until_ready()
            measure(run, directory)
        finally:
            run.stop()


def measure(run: LocalRun, directory: Path) -> None:
    kept = parse((directory / "secrets.env").read_text())
    session, answered, replied = requests.Session(), [], []
    seen: set[str] = set()
    for count in range(WARM_UP_MESSAGES + MESSAGES):
        # A new price each time, so that no order repeats the one before and is asked back.
        number, body = f"+155502{count % 10:05d}", f"buy 1 wheat dec25 at {100 + count / 100}"
        begun = datetime.now(UTC)
        post_signed(session, run.address, kept, number, body)
        answer = datetime.now(UTC) - begun
        reply = wait_for_reply(session, run.address, number, seen) - begun
        if count >= WARM_UP_MESSAGES:
            answered.append(answer.total_seconds() * 1000)
            replied.append(reply.total_seconds() * 1000)
    show("webhook answered", answered, ANSWER_TARGET_MILLISECONDS)
    show("reply handed to Twilio", replied, REPLY_TARGET_MILLISECONDS)


def post_signed(session: requests.Session, address: str, kept: dict[str, str], number: str, body: str) -> None:
    form = {"MessageSid": f"SM{secrets.token_hex(16)}", "From": f"whatsapp:{number}", "Body": body}
    url = f"{address}/webhook/whatsapp"
    signature = RequestValidator(kept["TWILIO_AUTH_TOKEN"]).compute_signature(url, form)
    session.post(url, data=form, headers={"X-Twilio-Signature": signature}, timeout=10).raise_for_status()


def wait_for_reply(session: requests.Session, address: str, number: str, seen: set[str]) -> datetime:
    """Until a message that is not among those `seen` is on the phone; returns when Twilio's double was handed it."""
    for _ in range(int(REPLY_SECONDS_MAX / POLL_SECONDS)):
        # Seldom enough to take no part in what is measured.
        time.sleep(POLL_SECONDS)
        messages = session.get(f"{address}/phone/messages", params={"numbers": number}, timeout=10).json()["messages"]
        fresh = [message for message in messages if message["sid"] not in seen]
        if fresh:
            seen |= {message["sid"] for message in fresh}
            return datetime.fromisoformat(fresh[0]["created_at"])
    raise AssertionError(f"no reply to {number}")


def show(what: str, milliseconds: list[float], target: int) -> None:
    percentiles = statistics.quantiles(milliseconds, n=100)
    print(f"{what}: p50 {percentiles[49]:.1f} ms, p99 {percentiles[98]:.1f} ms (target: p50 under {target} ms)")


if __name__ == "__main__":
    main()
