"""What may have been said: the ways in which a voice note was heard, weighed against each other by sound and by sense.

Each note is heard twice, once expecting numbers in words and once in digits, because the two go wrong differently:
digits turn "ciento noventa y dos" into 195, words misspell. What both ways hear is one hypothesis, and counts twice.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from nlp.parser import Parser
from nlp.reading import Intent, Reading
from nlp.spoken_numbers import in_digits, in_words

# Log-probabilities (natural), summed over both ways of hearing.
SENSE_MARGIN = 5.0  # A hypothesis that reads whole is taken before one so much more likely that does not.
DOUBT_MARGIN = 3.0  # A whole order so close behind the chosen one leaves its numbers in doubt.
HYPOTHESES_MAX = 5

NUMBER_SLOTS = ("quantity", "price", "contract", "order_id")
NOT_WHOLE = frozenset({Intent.UNKNOWN, Intent.INCOMPLETE_ORDER})

NOT_WORDS = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|[^\w.,]+")

Scorer = Callable[[Sequence[str]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One way in which a note was heard: its text, and the logarithm of its probability."""

    text: str
    log_probability: float


@dataclass(slots=True)
class Hypothesis:
    """One thing that may have been said, numbers in digits, with how likely each way of hearing finds it."""

    text: str
    in_words: float | None = None
    in_digits: float | None = None
    reading: Reading | None = field(default=None)

    @property
    def log_probability(self) -> float:
        """Of both ways of hearing together; one that was not asked counts for nothing."""
        return (self.in_words or 0.0) + (self.in_digits or 0.0)

    @property
    def reads_whole(self) -> bool:
        return self.reading is not None and self.reading.intent not in NOT_WHOLE and not self.reading.missing


@dataclass(frozen=True, slots=True)
class Choice:
    """What was most probably said, what else may have been, and the slots whose number is in doubt."""

    best: Hypothesis
    others: tuple[Hypothesis, ...]
    unclear: tuple[str, ...]


def weigh(
    heard_in_words: Iterable[Heard],
    heard_in_digits: Iterable[Heard],
    language: str,
    score_in_words: Scorer,
    score_in_digits: Scorer,
) -> list[Hypothesis]:
    """The likeliest hypotheses, best first; the scorers say how likely the sound makes a text that was not heard so."""
    found: dict[str, Hypothesis] = {}
    for heard in heard_in_words:
        hypothesis = found.setdefault(outline(heard.text, language), Hypothesis(in_digits(heard.text, language)))
        hypothesis.in_words = greatest(hypothesis.in_words, heard.log_probability)
    for heard in heard_in_digits:
        hypothesis = found.setdefault(outline(heard.text, language), Hypothesis(in_digits(heard.text, language)))
        hypothesis.in_digits = greatest(hypothesis.in_digits, heard.log_probability)
    likeliest = most_promising(found.values())
    unheard = [hypothesis for hypothesis in likeliest if hypothesis.in_words is None]
    scores = score_in_words([in_words(hypothesis.text, language) for hypothesis in unheard])
    for hypothesis, score in zip(unheard, scores, strict=True):
        hypothesis.in_words = score
    unheard = [hypothesis for hypothesis in likeliest if hypothesis.in_digits is None]
    scores = score_in_digits([hypothesis.text for hypothesis in unheard])
    for hypothesis, score in zip(unheard, scores, strict=True):
        hypothesis.in_digits = score
    return sorted(likeliest, key=lambda hypothesis: hypothesis.log_probability, reverse=True)


def most_promising(hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
    """The few that stand highest in either way of hearing; digits are fewer tokens, so each way has its own scale."""
    hypotheses = list(hypotheses)
    best_in_words = max((item.in_words for item in hypotheses if item.in_words is not None), default=0.0)
    best_in_digits = max((item.in_digits for item in hypotheses if item.in_digits is not None), default=0.0)

    def behind(hypothesis: Hypothesis) -> float:
        in_words_behind = math.inf if hypothesis.in_words is None else best_in_words - hypothesis.in_words
        in_digits_behind = math.inf if hypothesis.in_digits is None else best_in_digits - hypothesis.in_digits
        return min(in_words_behind, in_digits_behind)

    return sorted(hypotheses, key=behind)[:HYPOTHESES_MAX]


def choose(hypotheses: Sequence[Hypothesis], parser: Parser | None, as_of: date, last_language: str | None) -> Choice:
    """The likeliest hypothesis, or one close behind it that reads as a whole where the likeliest does not."""
    if parser is not None:
        for hypothesis in hypotheses:
            hypothesis.reading = parser.read(hypothesis.text, as_of=as_of, last_language=last_language, channel="voice")
    floor = hypotheses[0].log_probability - SENSE_MARGIN
    whole = [item for item in hypotheses if item.reads_whole and item.log_probability >= floor]
    best = whole[0] if whole else hypotheses[0]
    others = tuple(item for item in hypotheses if item is not best)
    return Choice(best, others, unclear_slots(best, others))


def unclear_slots(best: Hypothesis, others: Iterable[Hypothesis]) -> tuple[str, ...]:
    """The slots in which another whole order, nearly as likely, has another number."""
    if best.reading is None or not best.reads_whole:
        return ()
    rivals = [
        other.reading
        for other in others
        if other.reading is not None
        and other.reads_whole
        and other.log_probability > best.log_probability - DOUBT_MARGIN
    ]
    return tuple(
        slot for slot in NUMBER_SLOTS if any(getattr(rival, slot) != getattr(best.reading, slot) for rival in rivals)
    )


def greatest(score: float | None, other: float) -> float:
    return other if score is None else max(score, other)


def outline(text: str, language: str) -> str:
    """What two spellings of one hypothesis have in common: its words and its numbers."""
    return " ".join(NOT_WORDS.sub(" ", in_digits(text, language).lower()).split())
