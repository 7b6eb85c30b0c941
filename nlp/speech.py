"""Voice note to text: what was said, in which language, how surely, and which numbers to ask about.

`python -m nlp.speech FILE...` writes one JSON line `{"file","text","lang","confidence"}` a note, with `refused` where
it cannot be heard and `unclear` where numbers are in doubt.
"""

import argparse
import json
import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import torch
import whisper
from whisper.model import Whisper

from nlp import audio, speech_model
from nlp.audio import SAMPLE_RATE, Refusal, Samples, Unhearable
from nlp.catalogue import Catalogue
from nlp.hypotheses import Choice, choose, weigh
from nlp.parser import Parser
from nlp.speech_decoder import LANGUAGES, MARGIN_SECONDS, WINDOW_SECONDS, Hearing, Recording, tokenizer_of
from nlp.speech_prompts import AssetNames, prompts, read_asset_names

DEMO_CATALOGUE = Path(__file__).parent.parent / "engine" / "demo_catalogue.toml"
THREADS = 2

# A trader mostly speaks the language of last time: it weighs so much more than each of the others.
LAST_LANGUAGE_WEIGHT = 3.0

# Measured on spoken notes against noises, with these prompts: see docs/VOICE.md.
NO_SPEECH_PROBABILITY_MAX = 0.4
MEAN_LOG_PROBABILITY_MIN = -1.0
COMPRESSION_RATIO_MAX = 2.4  # Whisper's own.

# Notes longer than Whisper's window are cut at their quietest moment in the last seconds of a window.
PIECE_SECONDS_MAX = WINDOW_SECONDS - MARGIN_SECONDS
PIECE_SEARCH_SECONDS = 8.0
QUIET_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was heard. `confidence` is from 0 to 1; `refused` says why there is no text.

    `alternatives` are the next likeliest texts; `unclear` names the slots of the order whose number is in doubt.
    """

    text: str
    lang: str | None
    confidence: float
    alternatives: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    seconds: float
    refused: Refusal | None = None

    def to_json(self) -> dict[str, object]:
        """The line of `python -m nlp.speech`, without the file's name."""
        line: dict[str, object] = {"text": self.text, "lang": self.lang, "confidence": round(self.confidence, 3)}
        if self.unclear:
            line["unclear"] = list(self.unclear)
        if self.refused is not None:
            line["refused"] = str(self.refused)
        return line


class Transcriber:
    """Whisper, loaded once and kept. `load` raises `ModelUnavailable` where the weights cannot be had."""

    def __init__(self, model_dir: Path, model_name: str = speech_model.MODEL_DEFAULT) -> None:
        self.model_dir = model_dir
        self.model_name = model_name
        self.model: Whisper | None = None

    def load(self, report: Callable[[str], None] = lambda line: None) -> None:
        """Fetch the weights if need be and read them. Raises `ModelUnavailable`."""
        if self.model is None:
            torch.set_num_threads(THREADS)
            path = speech_model.fetch(self.model_dir, self.model_name, report)
            self.model = whisper.load_model(str(path), device="cpu")
            with warnings.catch_warnings():
                # Whisper reads its vocabulary at the first use, and leaves the file for the garbage collector to close.
                warnings.simplefilter("ignore", ResourceWarning)
                tokenizer_of(self.model, LANGUAGES[0])

    def transcribe(
        self,
        note: bytes | Path,
        *,
        as_of: date,
        last_language: str | None = None,
        parser: Parser | None = None,
        asset_names: AssetNames | None = None,
    ) -> Transcript:
        """What the note says.

        The `parser` chooses between what may have been said; `asset_names`, each asset's name by language, are the
        names to listen for. Raises `ModelUnavailable`, and nothing on account of what is in the note.
        """
        self.load()
        try:
            samples = audio.decode(note if isinstance(note, bytes) else note.read_bytes())
        except Unhearable as unhearable:
            return refusal(unhearable.refusal, None, 0.0)
        seconds = len(samples) / SAMPLE_RATE
        if audio.is_silent(samples):
            return refusal(Refusal.SILENCE, None, seconds)
        listener = _Listener(self.model, as_of, last_language, parser, asset_names or {})
        pieces = [listener.listen(piece) for piece in cut(samples)]
        return join(pieces, seconds)


@dataclass(frozen=True, slots=True)
class _Listener:
    """One note's circumstances, the same for all of its pieces."""

    model: Whisper
    as_of: date
    last_language: str | None
    parser: Parser | None
    asset_names: AssetNames

    def listen(self, samples: Samples) -> Transcript:
        recording = Recording(self.model, samples)
        language = likeliest_language(recording.language_probabilities, self.last_language)
        prompt = prompts(language, self.asset_names)
        in_words = recording.hear(language, prompt.words)
        in_digits = recording.hear(language, prompt.digits)
        reason = reason_to_refuse(in_words, in_digits)
        if reason is not None:
            return refusal(reason, language, recording.seconds)
        hypotheses = weigh(
            in_words.transcripts,
            in_digits.transcripts,
            language,
            lambda texts: recording.score(language, prompt.words, texts),
            lambda texts: recording.score(language, prompt.digits, texts),
        )
        choice = choose(hypotheses, self.parser, self.as_of, language)
        if prompt.echoed_by(choice.best.text, language):
            return refusal(Refusal.PROMPT_ECHO, language, recording.seconds)
        return Transcript(
            text=choice.best.text,
            lang=language,
            confidence=confidence(choice, max(in_words.mean_log_probability, in_digits.mean_log_probability)),
            alternatives=tuple(other.text for other in choice.others),
            unclear=choice.unclear,
            seconds=recording.seconds,
        )


def refusal(reason: Refusal, language: str | None, seconds: float) -> Transcript:
    return Transcript(text="", lang=language, confidence=0.0, seconds=seconds, refused=reason)


def likeliest_language(probabilities: Mapping[str, float], last_language: str | None) -> str:
    """The language that the sound and the trader's last one together make likeliest."""
    return max(
        probabilities,
        key=lambda language: probabilities[language] * (LAST_LANGUAGE_WEIGHT if language == last_language else 1.0),
    )


def reason_to_refuse(in_words: Hearing, in_digits: Hearing) -> Refusal | None:
    """Why nothing of it is to be believed: Whisper writes fluent orders for noise, so fluency proves nothing."""
    if max(in_words.no_speech_probability, in_digits.no_speech_probability) > NO_SPEECH_PROBABILITY_MAX:
        return Refusal.NOISE
    if min(in_words.compression_ratio, in_digits.compression_ratio) > COMPRESSION_RATIO_MAX:
        return Refusal.LOOP
    if min(in_words.mean_log_probability, in_digits.mean_log_probability) < MEAN_LOG_PROBABILITY_MIN:
        return Refusal.LOW_CONFIDENCE
    return None


def confidence(choice: Choice, mean_log_probability: float) -> float:
    """How likely the choice is among all that may have been said, lowered by how unsure each of its words is."""
    best = choice.best.log_probability
    share = 1.0 / (1.0 + sum(math.exp(min(other.log_probability - best, 0.0)) for other in choice.others))
    return share * math.exp(min(mean_log_probability, 0.0))


def cut(samples: Samples) -> list[Samples]:
    """The note in pieces that fit Whisper's window, cut where it is quietest."""
    piece_samples = int(PIECE_SECONDS_MAX * SAMPLE_RATE)
    pieces = []
    while len(samples) > piece_samples:
        end = quietest_moment(samples, piece_samples - int(PIECE_SEARCH_SECONDS * SAMPLE_RATE), piece_samples)
        pieces.append(samples[:end])
        samples = samples[end:]
    return [*pieces, samples]


def quietest_moment(samples: Samples, start: int, end: int) -> int:
    """The middle of the quietest `QUIET_SECONDS` between two positions."""
    step = int(QUIET_SECONDS * SAMPLE_RATE)
    positions = range(start, end - step + 1, step)
    quietest = min(positions, key=lambda position: float((samples[position : position + step] ** 2).sum()))
    return quietest + step // 2


def join(pieces: Sequence[Transcript], seconds: float) -> Transcript:
    """One transcript of a note's pieces. Pauses are left out; where every piece is refused, so is the note."""
    heard = [piece for piece in pieces if piece.refused is None]
    if not heard:
        return refusal(pieces[0].refused or Refusal.NOISE, pieces[0].lang, seconds)
    if len(pieces) == 1:
        return heard[0]
    return Transcript(
        text=" ".join(piece.text for piece in heard),
        lang=heard[0].lang,
        confidence=min(piece.confidence for piece in heard),
        unclear=tuple(dict.fromkeys(slot for piece in heard for slot in piece.unclear)),
        seconds=seconds,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m nlp.speech", description="Voice notes to text.")
    arguments.add_argument("files", nargs="+", type=Path, metavar="FILE")
    arguments.add_argument("--last-language", choices=LANGUAGES, help="what the trader last wrote in")
    arguments.add_argument("--as-of", type=date.fromisoformat, default=datetime.now(UTC).date(), metavar="DATE")
    arguments.add_argument("--catalogue", type=Path, default=DEMO_CATALOGUE, help="the assets, as TOML")
    speech_model.add_model_options(arguments)
    options = arguments.parse_args()
    transcriber = Transcriber(options.model_dir, options.model)
    try:
        transcriber.load(lambda line: print(line, file=sys.stderr, flush=True))
    except speech_model.ModelUnavailable as unavailable:
        sys.exit(str(unavailable))
    parser = Parser(Catalogue.from_toml(options.catalogue))
    names = read_asset_names(options.catalogue)
    for file in options.files:
        transcript = transcriber.transcribe(
            file, as_of=options.as_of, last_language=options.last_language, parser=parser, asset_names=names
        )
        print(json.dumps({"file": str(file), **transcript.to_json()}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
