"""How soon a voice note's readback is handed to Twilio, and text's meanwhile, with every real process running.

`python -m tests.bench.bench_voice_flow`: one sender speaks five-second notes one after another, another one writes.
"""

import os
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import requests

from tests.flows.conftest import LocalRun

CLIPS = Path(__file__).parent.parent / "data" / "voice"
NOTES = ("d-en-01.ogg", "d-en-02.ogg", "d-es-01.ogg", "d-es-02.ogg", "d-pt-01.ogg", "d-pt-02.ogg")
ROUNDS = 5
POLL_SECONDS = 0.2
REPLY_SECONDS_MAX = 120
TEXT_PAUSE_SECONDS = 1


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        # The database server may run as a user of its own, which has to reach its directory.
        Path(scratch).chmod(0o755)
        directory = Path(scratch) / "var"
        directory.mkdir()
        models = os.environ.get("WHISPER_MODEL_DIR", str(Path("var/models").resolve()))
        run = LocalRun(directory, WHISPER_MODEL_DIR=models)
        try:
            run.wait_until_ready()
            measure(run)
        finally:
            run.stop()


def measure(run: LocalRun) -> None:
    with requests.Session() as session:
        speak(run, session, "+15550250000", NOTES[0])  # The model is loaded once this is answered.
        texts: list[float] = []
        done = threading.Event()
        writer = threading.Thread(target=write_meanwhile, args=(run, texts, done))
        writer.start()
        spoken = [
            speak(run, session, f"+155502500{round_number:02}", note)
            for round_number in range(ROUNDS)
            for note in NOTES
        ]
        done.set()
        writer.join()
    show("voice note to readback", spoken, "p50 under 3 s, p95 under 5 s")
    show("text meanwhile", texts, "p50 under 0.2 s")
    family = psutil.Process(run.process.pid).children(recursive=True)
    [voice] = [one for one in family if one.name().startswith("python") and "voice" in one.cmdline()]
    print(f"voice worker: {voice.memory_info().rss / 2**20:.0f} MiB resident, one process")


def speak(run: LocalRun, session: requests.Session, number: str, note: str) -> float:
    """Send one clip; returns the seconds until its readback was handed to Twilio's double."""
    content = (CLIPS / note).read_bytes()
    headers = {"Content-Type": "audio/ogg"}
    uploaded = session.post(f"{run.address}/phone/media", data=content, headers=headers, timeout=30).json()
    return answered(run, session, {"number": number, "body": "", "media_sid": uploaded["sid"]})


def write_meanwhile(run: LocalRun, texts: list[float], done: threading.Event) -> None:
    with requests.Session() as session:
        count = 0
        while not done.wait(TEXT_PAUSE_SECONDS):
            count += 1
            body = f"buy 1 wheat dec25 at {140 + count / 100}"
            texts.append(answered(run, session, {"number": f"+155502600{count % 20:02}", "body": body}))


def answered(run: LocalRun, session: requests.Session, message: dict[str, str]) -> float:
    number = message["number"]
    before = len(outbound(run, session, number))
    begun = datetime.now(UTC)
    session.post(f"{run.address}/phone/messages", json=message, timeout=30).raise_for_status()
    end = time.monotonic() + REPLY_SECONDS_MAX
    while time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        replies = [reply for reply in outbound(run, session, number)[before:] if "…" not in reply["body"]]
        if replies:
            return (datetime.fromisoformat(str(replies[0]["created_at"])) - begun).total_seconds()
    raise AssertionError(f"no reply to {number}")


def outbound(run: LocalRun, session: requests.Session, number: str) -> list[dict[str, object]]:
    found = session.get(f"{run.address}/phone/messages", params={"numbers": number}, timeout=10).json()["messages"]
    return [message for message in found if message["direction"] == "outbound"]


def show(what: str, seconds: list[float], target: str) -> None:
    cuts = statistics.quantiles(seconds, n=100)
    print(f"{what}: p50 {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s over {len(seconds)} (target: {target})")


if __name__ == "__main__":
    main()
