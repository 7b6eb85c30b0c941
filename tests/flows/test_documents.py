"""The documents' commands do what the documents show, on all that a local run starts."""

import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.flows.conftest import PROJECT, LocalRun

DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
SHOWN_AT = "http://127.0.0.1:8000"
MARK = "--- what the command said ends here ---"
SECONDS_MAX = 120


def sessions(document: Path) -> list[tuple[str, str]]:
    """Each command of the document's console blocks, with what it is shown to print; … stands for anything."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed.strip()))
    return found


def pattern(shown: str) -> str:
    return re.sub(r"[\[\]*?]", lambda special: f"[{special.group()}]", shown).replace("…", "*")


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if sessions(one)], ids=lambda path: path.name)
def test_every_command_prints_what_the_document_shows(terminal_run: LocalRun, document: Path, tmp_path: Path):
    (tmp_path / ".venv").symlink_to(PROJECT / ".venv")
    shown = sessions(document)
    script = "\n".join(f"{command}\necho '{MARK}'" for command, _ in shown).replace(SHOWN_AT, terminal_run.address)
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    printed = [part.strip() for part in ended.stdout.replace("\r", "").split(MARK)][: len(shown)]
    assert len(printed) == len(shown), ended.stderr
    for (command, expected), said in zip(shown, printed, strict=True):
        assert fnmatchcase(said, pattern(expected)), f"$ {command}\n{said}\n{ended.stderr}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_links_to_is_there(document: Path):
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", document.read_text())
    links += re.findall(r'<img src="([^"]+)"', document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_module_that_a_document_runs_is_there():
    named = {
        name
        for one in DOCUMENTS
        for name in re.findall(r"python -m ((?:bot|engine|nlp|web|tests)[.\w]*)", one.read_text())
    }
    assert {"nlp", "bot.chat", "engine.replay", "bot.migrate"} <= named
    for name in named:
        place = PROJECT.joinpath(*name.split("."))
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), name
