"""The application as it is served: gunicorn with its real configuration, over sockets."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

PROJECT = Path(__file__).parent.parent.parent
START_SECONDS_MAX = 30


class WebServer:
    """One gunicorn of some workers; its settings are the environment's."""

    def __init__(self, database_url: str, redis_url: str, log: Path, workers: int, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = log
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PORT": str(self.port),
            "SECRET_KEY": "k" * 32,
            "TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
            "TWILIO_AUTH_TOKEN": "0" * 32,
            "TWILIO_WHATSAPP_NUMBER": "whatsapp:+14155238886",
            "WHATSAPP_VERIFY_TOKEN": "verify me",
        }
        command = [
            "-m",
            "gunicorn",
            "--config",
            "python:web.serving",
            "--workers",
            str(workers),
            "web.app:create_app()",
        ]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=PROJECT, env=environment | settings, stdout=output, stderr=output
            )

    def wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS_MAX
        while True:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if requests.get(f"{self.address}/health", timeout=5).ok:
                    return
            except requests.RequestException:  # Also where a busy machine answers late.
                assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
