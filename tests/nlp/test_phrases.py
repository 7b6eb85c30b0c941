"""The phrases of each language, as its speakers say them, mean what phrases/*.toml says they mean."""

import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from nlp.lexicon import LANGUAGES
from nlp.parser import Parser
from nlp.reading import Intent

_FOLDER = Path(__file__).parent / "phrases"
_AS_OF = "2025-11-03"


def _phrases() -> Iterator[Any]:
    for language in LANGUAGES:
        data = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
        for phrase in data["phrase"]:
            for text in phrase["says"]:
                yield pytest.param(text, language, phrase, id=f"{language}: {text}")


@pytest.mark.parametrize(("text", "language", "phrase"), list(_phrases()))
def test_a_phrase_means_what_its_speakers_mean(
    parser: Parser, text: str, language: str, phrase: dict[str, Any]
) -> None:
    reading = parser.read(
        text,
        as_of=date.fromisoformat(phrase.get("as_of", _AS_OF)),
        last_language=language,
        channel=phrase.get("channel", "text"),
    )
    means = phrase["means"]
    line = {key: value for key, value in reading.to_json().items() if key in means}
    got = {key: sorted(value) if isinstance(value, list) else str(value) for key, value in line.items()}
    assert got == {key: sorted(value) if isinstance(value, list) else value for key, value in means.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_example_of_the_help_is_understood(parser: Parser, language: str) -> None:
    for intent, sentences in parser.examples(language).items():
        for sentence in sentences:
            reading = parser.read(sentence, as_of=date(2025, 11, 3), last_language=language)
            assert (reading.intent, reading.certain) == (intent, True), sentence


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_help_has_examples_of_everything_that_can_be_asked_for(parser: Parser, language: str) -> None:
    wordless = {Intent.INCOMPLETE_ORDER, Intent.CONFIRM_ORDER, Intent.UNKNOWN}
    in_context = {Intent.ANSWER, Intent.REPEAT, Intent.ADJUST}
    talk = {Intent.GREETING, Intent.THANKS, Intent.YES, Intent.NO}
    assert set(parser.examples(language)) == set(Intent) - wordless - in_context - talk
