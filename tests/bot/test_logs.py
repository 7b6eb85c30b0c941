"""What is logged can be read by machines and tells nobody's number or words."""

import json
import subprocess
import sys

import pytest

from bot.logs import masked

LOGGED = """
import logging
import structlog
from bot import logs

logs.configure()
structlog.get_logger("ours").info("reply_sent", message=7, to="whatsapp:+15550100123")
logging.getLogger("theirs").warning("GET /phone?number=%s", "%2B15550100123")
try:
    raise ValueError("no such number: +15550100123")
except ValueError:
    structlog.get_logger("ours").exception("broken")
"""


def test_every_line_is_an_object_without_a_phone_number():
    said = subprocess.run([sys.executable, "-c", LOGGED], check=True, capture_output=True, text=True).stdout
    ours, theirs, broken = (json.loads(line) for line in said.splitlines())
    assert (ours["event"], ours["message"], ours["level"], ours["to"]) == ("reply_sent", 7, "info", "whatsapp:…123")
    assert ours["at"].endswith("Z")
    assert (theirs["event"], theirs["level"]) == ("GET /phone?number=…123", "warning")
    assert "ValueError: no such number: …123" in broken["exception"]


@pytest.mark.parametrize(
    "text", ["order 1042", "12345678", "2026-11-22T20:00:00.123456Z", "SM0123456789abcdef0123", "150.00"]
)
def test_other_numbers_are_left_alone(text: str):
    assert masked(text) == text
