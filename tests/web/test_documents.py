"""What the project's files say of each other stays true."""

import re
import subprocess
from pathlib import Path

from honcho.environ import parse_procfile

from bot import queues
from bot.settings import Settings

PROJECT = Path(__file__).parent.parent.parent


class Asked(dict[str, str]):
    """An empty environment that remembers what was looked for."""

    def __init__(self) -> None:
        super().__init__(DATABASE_URL="x", REDIS_URL="x", SECRET_KEY="k" * 32, TWILIO_ACCOUNT_SID="x")
        self |= {"TWILIO_AUTH_TOKEN": "x", "TWILIO_WHATSAPP_NUMBER": "x", "WHATSAPP_VERIFY_TOKEN": "x"}
        self.names: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:
        self.names.add(name)
        return super().get(name, default)


def test_the_sample_of_settings_holds_every_setting_and_no_other():
    asked = Asked()
    Settings.from_env(asked)
    sample = set(re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))
    assert sample == asked.names


def test_every_queue_has_a_process_that_empties_it():
    commands = parse_procfile((PROJECT / "Procfile").read_text()).processes.values()
    worked = {command.rpartition("bot.worker ")[2] for command in commands if "bot.worker" in command}
    assert worked == {job.queue_name(0) for job in queues.JOBS}


def test_every_make_command_in_the_documents_is_there():
    said = {
        command
        for document in (PROJECT / "README.md", PROJECT / "docs" / "ARCHITECTURE.md")
        for command in re.findall(r"`make ([a-z]+)", document.read_text())
    }
    assert {"run", "test", "check", "bench"} <= said
    for command in said:
        subprocess.run(["make", "--dry-run", command], cwd=PROJECT, check=True, capture_output=True)


def test_an_unknown_make_command_is_told_in_one_line():
    ended = subprocess.run(["make", "nothing"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "nothing" in ended.stderr


def test_every_file_that_the_image_copies_is_there():
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert {"bot", "engine", "nlp", "web", "locales", "requirements.txt"} <= set(copied)
    assert all((PROJECT / name).exists() for name in copied)
