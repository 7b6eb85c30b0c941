"""What Whisper is told was said before the voice note, in each language; and whether it merely said that again."""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nlp.spoken_numbers import in_digits

PROMPTS = Path(__file__).with_name("speech_prompts.toml")
SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[^\W\d_])")
NOT_WORDS = re.compile(r"[^\w]+")

AssetNames = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Prompts:
    """One language's two prompts: they differ in how they write numbers, and so does what Whisper then writes."""

    words: str
    digits: str

    def echoed_by(self, transcript: str, language: str) -> bool:
        """Whether the transcript only repeats the prompts' sentences, as Whisper does when there is nothing to hear."""
        examples = {outline(sentence, language) for sentence in SENTENCE_END.split(f"{self.words} {self.digits}")}
        return all(outline(sentence, language) in examples for sentence in SENTENCE_END.split(transcript.strip()))


def prompts(language: str, asset_names: AssetNames) -> Prompts:
    """The prompts with the listed assets' names; `asset_names` gives each asset its name by language."""
    texts = load()[language]
    assets = ", ".join(names[language] for names in asset_names.values() if language in names)
    return Prompts(words=texts["words"].format(assets=assets), digits=texts["digits"].format(assets=assets))


def read_asset_names(catalogue: Path) -> dict[str, dict[str, str]]:
    """The names in a catalogue file: each asset's, by language."""
    with catalogue.open("rb") as file:
        return {code: asset["names"] for code, asset in tomllib.load(file)["asset"].items()}


@functools.cache
def load() -> dict[str, dict[str, str]]:
    with PROMPTS.open("rb") as file:
        return tomllib.load(file)


def outline(sentence: str, language: str) -> str:
    """The sentence without what two spellings of it may differ in."""
    return NOT_WORDS.sub(" ", in_digits(sentence, language).lower()).strip()
