"""Spoken orders are read as they were spoken; noises are not read at all."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from nlp.audio import Refusal
from nlp.parser import Parser
from nlp.reading import Reading
from nlp.speech import Transcriber, Transcript

VOICE = Path(__file__).parents[2] / "data" / "voice"
CLIPS = [json.loads(line) for line in (VOICE / "manifest.jsonl").read_text().splitlines()]
AS_OF = date(2025, 11, 3)

Heard = dict[str, tuple[Transcript, Reading]]


@pytest.fixture(scope="module")
def heard(transcriber: Transcriber, parser: Parser, asset_names: dict[str, dict[str, str]]) -> Heard:
    """Every clip's transcript, and what the parser makes of it."""
    found: Heard = {}
    for clip in CLIPS:
        note = (VOICE / clip["file"]).read_bytes()
        transcript = transcriber.transcribe(note, as_of=AS_OF, parser=parser, asset_names=asset_names)
        reading = parser.read(transcript.text, as_of=AS_OF, last_language=transcript.lang, channel="voice")
        found[clip["file"]] = transcript, reading
    return found


def read_slots(reading: Reading, expected: dict[str, str]) -> dict[str, object]:
    """The slots that a clip names; a spoken order that has to be confirmed is still that order."""
    line = reading.to_json()
    line["intent"] = "place_order" if line["intent"] == "confirm_order" else line["intent"]
    return {slot: line.get(slot) for slot in expected}


def test_nearly_every_clip_is_read_with_every_slot_right(heard: Heard) -> None:
    wrong = {
        clip["spoken"]: heard[clip["file"]][0].text
        for clip in CLIPS
        if read_slots(heard[clip["file"]][1], clip["expect"]) != clip["expect"]
    }
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip["file"])
def test_no_clip_is_read_as_another_order(clip: dict[str, dict[str, str]], heard: Heard) -> None:
    _, reading = heard[str(clip["file"])]
    acts = reading.acts or reading.intent == "confirm_order"
    assert not acts or read_slots(reading, clip["expect"]) == clip["expect"]


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip["file"])
def test_the_language_of_a_clip_is_told(clip: dict[str, str], heard: Heard) -> None:
    assert heard[clip["file"]][0].lang == clip["lang"]


def test_a_heard_note_has_a_confidence_and_a_refused_one_has_none(heard: Heard) -> None:
    assert all(0.0 < transcript.confidence <= 1.0 for transcript, _ in heard.values())


@pytest.mark.parametrize(
    ("file", "reasons"),
    [
        ("silence.ogg", {Refusal.SILENCE}),
        ("noise.ogg", {Refusal.NOISE}),
        ("tones.ogg", {Refusal.NOISE}),
    ],
)
def test_where_nobody_speaks_nothing_is_heard(
    file: str,
    reasons: set[Refusal],
    transcriber: Transcriber,
    parser: Parser,
    asset_names: dict[str, dict[str, str]],
) -> None:
    note = VOICE / "junk" / file
    transcript = transcriber.transcribe(note, as_of=AS_OF, parser=parser, asset_names=asset_names)
    assert transcript.refused in reasons
    assert transcript.text == ""
    assert transcript.confidence == 0.0


def test_the_command_line_writes_one_json_line_a_note(transcriber: Transcriber) -> None:
    files = [str(VOICE / "d-en-04.ogg"), str(VOICE / "junk" / "silence.ogg")]
    command = [sys.executable, "-m", "nlp.speech", f"--model-dir={transcriber.model_dir}", *files]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    spoken, silent = (json.loads(line) for line in run.stdout.splitlines())
    assert spoken["file"] == files[0]
    assert (spoken["text"], spoken["lang"]) == ("How is December rice trading?", "en")
    assert silent == {"file": files[1], "text": "", "lang": None, "confidence": 0.0, "refused": "silence"}
