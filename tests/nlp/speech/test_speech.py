"""What is decided around Whisper: languages, refusals, echoes of the prompts, and notes longer than its window."""

import numpy
import pytest

from nlp.audio import SAMPLE_RATE, Refusal
from nlp.hypotheses import Heard
from nlp.speech import (
    PIECE_SECONDS_MAX,
    Transcript,
    cut,
    join,
    likeliest_language,
    reason_to_refuse,
    refusal,
)
from nlp.speech_decoder import LANGUAGES, Hearing, repeat_length, without_repeat
from nlp.speech_prompts import prompts

NAMES = {"wheat": {"en": "Wheat", "es": "trigo", "pt": "trigo"}, "rice": {"en": "Rice", "es": "arroz", "pt": "arroz"}}


@pytest.mark.parametrize(
    ("probabilities", "last_language", "language"),
    [
        ({"en": 0.1, "es": 0.5, "pt": 0.4}, None, "es"),
        ({"en": 0.1, "es": 0.5, "pt": 0.4}, "pt", "pt"),
        ({"en": 0.01, "es": 0.95, "pt": 0.04}, "pt", "es"),
    ],
)
def test_the_last_language_breaks_only_near_ties(
    probabilities: dict[str, float], last_language: str | None, language: str
) -> None:
    assert likeliest_language(probabilities, last_language) == language


def hearing(no_speech: float = 0.01, mean: float = -0.2, compression: float = 1.0) -> Hearing:
    return Hearing((Heard("Buy 5 copper.", -1.0),), no_speech, mean, compression)


@pytest.mark.parametrize(
    ("in_words", "in_digits", "reason"),
    [
        (hearing(), hearing(), None),
        (hearing(no_speech=0.7), hearing(), Refusal.NOISE),
        (hearing(), hearing(no_speech=0.7), Refusal.NOISE),
        (hearing(mean=-1.4), hearing(), Refusal.LOW_CONFIDENCE),
        (hearing(), hearing(mean=-1.2), Refusal.LOW_CONFIDENCE),
        (hearing(compression=3.0), hearing(compression=2.6), Refusal.LOOP),
        (hearing(compression=3.0), hearing(), None),
    ],
)
def test_what_is_not_to_be_believed_is_refused(in_words: Hearing, in_digits: Hearing, reason: Refusal | None) -> None:
    assert reason_to_refuse(in_words, in_digits) == reason


@pytest.mark.parametrize("language", LANGUAGES)
def test_repeating_the_prompt_is_an_echo_however_it_is_spelt(language: str) -> None:
    prompt = prompts(language, NAMES)
    assert NAMES["wheat"][language] in prompt.words
    assert NAMES["rice"][language] in prompt.digits
    for text in (prompt.words, prompt.digits):
        last_sentence = text.split(". ")[-1]
        assert prompt.echoed_by(last_sentence.upper(), language)
        assert not prompt.echoed_by(f"{last_sentence} 5 copper", language)
    assert not prompt.echoed_by("Cancel order 315.", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_prompts_of_a_language_give_the_same_orders(language: str) -> None:
    prompt = prompts(language, NAMES)
    assert prompt.echoed_by(prompt.words, language)
    assert not any(character.isdigit() for character in prompt.words)
    assert any(character.isdigit() for character in prompt.digits)


@pytest.mark.parametrize(
    ("tokens", "once"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4]),
        ([1, 2, 1, 2], [1, 2, 1, 2]),
        ([9, 1, 2, 3, 4, 1, 2, 3, 4], [9, 1, 2, 3, 4]),
        ([1, 2, 3, 4] * 4, [1, 2, 3, 4]),
    ],
)
def test_what_was_said_twice_over_is_kept_once(tokens: list[int], once: list[int]) -> None:
    assert list(without_repeat(tokens)) == once
    assert repeat_length(once) == 0


def test_a_long_note_is_cut_in_its_pauses_and_nothing_is_lost() -> None:
    samples = numpy.ones(70 * SAMPLE_RATE, dtype=numpy.float32)
    pauses = [22 * SAMPLE_RATE, 45 * SAMPLE_RATE]
    for pause in pauses:
        samples[pause : pause + SAMPLE_RATE // 2] = 0.0
    pieces = cut(samples)
    assert numpy.array_equal(numpy.concatenate(pieces), samples)
    assert all(len(piece) <= PIECE_SECONDS_MAX * SAMPLE_RATE for piece in pieces)
    assert len(pieces[0]) in range(pauses[0], pauses[0] + SAMPLE_RATE // 2)
    assert len(pieces[0]) + len(pieces[1]) in range(pauses[1], pauses[1] + SAMPLE_RATE // 2)


def test_a_short_note_is_not_cut() -> None:
    assert len(cut(numpy.ones(5 * SAMPLE_RATE, dtype=numpy.float32))) == 1


def piece(text: str, confidence: float, unclear: tuple[str, ...] = ()) -> Transcript:
    return Transcript(text=text, lang="en", confidence=confidence, unclear=unclear, seconds=20.0)


def test_pieces_are_joined_with_the_least_of_their_confidence_and_all_of_their_doubts() -> None:
    silence = refusal(Refusal.NOISE, "en", 20.0)
    joined = join([piece("Buy 5 copper", 0.9), silence, piece("at 410.", 0.6, ("price",))], 55.0)
    assert (joined.text, joined.confidence, joined.unclear) == ("Buy 5 copper at 410.", 0.6, ("price",))
    assert joined.seconds == 55.0
    assert join([silence, silence], 40.0).refused == Refusal.NOISE
