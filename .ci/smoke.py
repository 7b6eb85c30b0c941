"""Start everything with `make run`, trade between two phones by signed webhooks, stop it, and find nothing left."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import requests
from honcho.environ import parse
from twilio.request_validator import RequestValidator

PROJECT = Path(__file__).resolve().parent.parent
BUYER, SELLER = "+15550100", "+15550101"
START_SECONDS_MAX, REPLY_SECONDS_MAX, STOP_SECONDS_MAX = 900, 60, 60
OURS = ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "TWILIO_", "SECRET_KEY", "MAKE", "MFLAGS")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        # The database server may run as a user of its own, which has to reach its directory.
        Path(scratch).chmod(0o755)
        directory, port = Path(scratch) / "var", free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        make = subprocess.Popen(
            ["make", "run", f"VAR={directory}"],
            cwd=PROJECT,
            # Whisper's weights are large, so the tests' copy is used.
            env={"WHISPER_MODEL_DIR": str(PROJECT / "var" / "models")} | environment | {"PORT": str(port)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            trade(make, directory, f"http://127.0.0.1:{port}")
        finally:
            family = psutil.Process(make.pid).children(recursive=True)
            os.killpg(make.pid, signal.SIGINT)
            make.wait(STOP_SECONDS_MAX)
        _, left = psutil.wait_procs(family, timeout=5)
        assert not left, f"left running: {left}"
    print("The run traded, answered both sides and stopped clean.")


def trade(make: subprocess.Popen[bytes], directory: Path, address: str) -> None:
    wait_for("a ready server", START_SECONDS_MAX, lambda: answers(make, f"{address}/ready"))
    post_signed(directory, address, BUYER, "Buy 100 Dec25 Wheat at 150")
    wait_for("the buyer's confirmation", REPLY_SECONDS_MAX, lambda: has_reply(address, BUYER, "100", "150"))
    post_signed(directory, address, SELLER, "Sell 40 Dec25 Wheat at 149")
    wait_for("the seller's fill", REPLY_SECONDS_MAX, lambda: has_reply(address, SELLER, "40", "150"))
    wait_for("the buyer's fill", REPLY_SECONDS_MAX, lambda: has_reply(address, BUYER, "40", "150"))


def post_signed(directory: Path, address: str, number: str, body: str) -> None:
    kept = parse((directory / "secrets.env").read_text())
    form = {
        "MessageSid": f"SM{secrets.token_hex(16)}",
        "AccountSid": kept["TWILIO_ACCOUNT_SID"],
        "From": f"whatsapp:{number}",
        "To": "whatsapp:+14155238886",
        "Body": body,
        "NumMedia": "0",
    }
    url = f"{address}/webhook/whatsapp"
    signature = RequestValidator(kept["TWILIO_AUTH_TOKEN"]).compute_signature(url, form)
    answer = requests.post(url, data=form, headers={"X-Twilio-Signature": signature}, timeout=10)
    assert answer.status_code == 200, answer.status_code


def has_reply(address: str, number: str, *words: str) -> bool:
    answer = requests.get(f"{address}/phone/messages", params={"numbers": number}, timeout=10)
    bodies = [message["body"] for message in answer.json()["messages"] if message["direction"] == "outbound"]
    return any(all(word in body for word in words) for body in bodies)


def answers(make: subprocess.Popen[bytes], url: str) -> bool:
    assert make.poll() is None, "make run ended by itself"
    try:
        return requests.get(url, timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def wait_for(what: str, seconds: float, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"There was no {what} within {seconds} seconds.")
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
