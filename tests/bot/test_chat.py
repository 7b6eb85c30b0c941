"""A phone in the terminal, as scripts use it."""

import json
import os
import subprocess
import sys


def test_each_line_is_answered_by_one_line_of_json_and_nothing_else_is_written():
    without_servers = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "bot.chat", "--json", "--as-of", "2025-11-03"],
        input="buy 10 dec25 wheat at 150\nmake it 4\nyes\n",
        capture_output=True,
        text=True,
        check=True,
        env=without_servers,
    )
    assert done.stderr == ""
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["outcome"] for answer in answers] == ["placed", "ask_confirm", "amended"]
    assert answers[2]["order"]["quantity"] == "4"
