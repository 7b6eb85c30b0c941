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
HYPOTHESES_MAX = 6

NUMBER_SLOTS = ("quantity", "price", "contract", "order_id")
NOT_WHOLE = frozenset({Intent.UNKNOWN, Intent.INCOMPLETE_ORDER})

NOT_WORDS = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|[^\w.,]+")

# Not between two numbers, which would become one.
PAUSE = re.compile(r"(?<!\d),\s|,\s(?!\d)")

Scorer = Callable[[Sequence[str]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One way in which a note was heard: its text, and the logarithm of its probability."""

    text: str
    log_probability: float


@dataclass(slots=True)
class Hypothesis:
    """One thing that may have been said, numbers in digits, with how likely each way of hearing finds it.

    `spellings` differ in marks and capitals only; `text` is the one that makes most sense, by `reading`.
    """

    spellings: list[str]
    in_words: float | None = None
    in_digits: float | None = None
    reading: Reading | None = None
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = self.spellings[0]

    def read(self, parser: Parser, as_of: date, language: str) -> None:
        """Let the parser read the spellings, also without Whisper's commas, which fall wherever a voice pauses."""
        spellings = dict.fromkeys([*self.spellings, *(PAUSE.sub(" ", spelling) for spelling in self.spellings)])
        readings = {
            spelling: parser.read(spelling, as_of=as_of, last_language=language, channel="voice")
            for spelling in spellings
        }
        self.text = max(readings, key=lambda spelling: sense(readings[spelling]))
        self.reading = readings[self.text]

    @property
    def log_probability(self) -> float:
        """Of both ways of hearing together; one that was not asked counts for nothing."""
        return (self.in_words or 0.0) + (self.in_digits or 0.0)

    @property
    def sense(self) -> int:
        return 0 if self.reading is None else sense(self.reading)


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
        hypothesis = hypothesis_of(heard, language, found)
        hypothesis.in_words = greatest(hypothesis.in_words, heard.log_probability)
    for heard in heard_in_digits:
        hypothesis = hypothesis_of(heard, language, found)
        hypothesis.in_digits = greatest(hypothesis.in_digits, heard.log_probability)
    likeliest = most_promising(found.values())
    unheard = [hypothesis for hypothesis in likeliest if hypothesis.in_words is None]
    scores = score_in_words([in_words(hypothesis.spellings[0], language) for hypothesis in unheard])
    for hypothesis, score in zip(unheard, scores, strict=True):
        hypothesis.in_words = score
    unheard = [hypothesis for hypothesis in likeliest if hypothesis.in_digits is None]
    scores = score_in_digits([hypothesis.spellings[0] for hypothesis in unheard])
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


def hypothesis_of(heard: Heard, language: str, found: dict[str, Hypothesis]) -> Hypothesis:
    """The hypothesis that was heard, new or known."""
    spelling = in_digits(heard.text, language)
    hypothesis = found.setdefault(outline(spelling), Hypothesis([spelling]))
    if spelling not in hypothesis.spellings:
        hypothesis.spellings.append(spelling)
    return hypothesis


def choose(hypotheses: Sequence[Hypothesis], parser: Parser | None, as_of: date, language: str) -> Choice:
    """The likeliest hypothesis, or one close behind it that makes more sense."""
    if parser is not None:
        for hypothesis in hypotheses:
            hypothesis.read(parser, as_of, language)
    floor = hypotheses[0].log_probability - SENSE_MARGIN
    near = [hypothesis for hypothesis in hypotheses if hypothesis.log_probability >= floor]
    best = max(near, key=lambda hypothesis: (hypothesis.sense, hypothesis.log_probability))
    others = tuple(hypothesis for hypothesis in hypotheses if hypothesis is not best)
    return Choice(best, others, unclear_slots(best, others))


def unclear_slots(best: Hypothesis, others: Iterable[Hypothesis]) -> tuple[str, ...]:
    """The slots in which another whole order, nearly as likely, has another number."""
    if best.sense == 0:
        return ()
    floor = best.log_probability - DOUBT_MARGIN
    rivals = [other.reading for other in others if other.sense > 0 and other.log_probability >= floor]
    return tuple(
        slot for slot in NUMBER_SLOTS if any(getattr(rival, slot) != getattr(best.reading, slot) for rival in rivals)
    )


def sense(reading: Reading) -> int:
    """2 for what reads whole and surely, 1 for what reads whole, 0 for the rest."""
    if reading.intent in NOT_WHOLE or reading.missing:
        return 0
    return 2 if reading.certain else 1


def greatest(score: float | None, other: float) -> float:
    return other if score is None else max(score, other)


def outline(spelling: str) -> str:
    """What two spellings of one hypothesis have in common: its words and its numbers."""
    return " ".join(NOT_WORDS.sub(" ", spelling.lower()).split())
