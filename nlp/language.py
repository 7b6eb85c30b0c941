"""Which language a message is in: its words decide, the last language used breaks ties."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nlp.lexicon import LANGUAGES
from nlp.spans import Span

DEFAULT_LANGUAGE = "en"

# Spanish and Portuguese write 1.500,25 where English writes 1,500.25.
COMMA_LANGUAGES = frozenset({"es", "pt"})
_LETTERS = {
    "ñ": "es",
    "¿": "es",
    "¡": "es",
    "ã": "pt",
    "õ": "pt",
    "ç": "pt",
    "ê": "pt",
    "â": "pt",
    "ô": "pt",
    "à": "pt",
}
# Sounds ("mmm") and the shortest of the words that carry nothing ("te", "as") are written in every language.
_VOWELS = frozenset("aeiou")
_SLIGHT_LENGTH_MAX = 2
_SLIGHT_KINDS = frozenset({"filler", "answer", "cue", "clock", "link", "number", "validity"})


@dataclass(frozen=True, slots=True)
class Tongue:
    """`language` to answer in; `comma` is how it writes numbers: True 1.500,25, False 1,500.25, None cannot be told.

    `decided` is whether the words, or the last language used, left only one language; `mixed`, whether
    there are words of the languages that write numbers the other way.
    """

    language: str
    comma: bool | None
    decided: bool
    mixed: bool


def detect(spans: Iterable[Span], text: str, last: str | None) -> Tongue:
    """The language of the spans, of the letters in the original `text`, and how its numbers are written."""
    votes = dict.fromkeys(LANGUAGES, 0)
    clear = False
    said: dict[frozenset[str], int] = defaultdict(int)
    spans = list(spans)
    for position, span in enumerate(spans):
        languages = span.spoken_in
        if span.text == "a":
            following = next((one for one in spans[position + 1 :] if not one.punctuation), span)
            if following.text[-1].isdecimal():
                languages -= {"en"}  # an article, but never before digits
        if not languages:
            continue
        clear = clear or not _is_slight(span)
        said[languages] += 1
    for languages, count in said.items():
        for language in languages:
            votes[language] += count * (len(LANGUAGES) + 1 - len(languages))
    english = sum(count for languages, count in said.items() if languages == {"en"})
    latin = sum(count for languages, count in said.items() if languages <= COMMA_LANGUAGES)
    lower = text.lower()
    for letter, language in _LETTERS.items():
        if letter in lower:
            votes[language] += 2
            latin += 1
            clear = True
    comma = None if last is None else last in COMMA_LANGUAGES
    if english or latin:
        comma = latin > english if latin != english else None
    leaders = _leaders(votes, comma)
    language = last if last is not None and (last in leaders or not clear) else leaders[0]
    if english and latin and last is not None and comma != (last in COMMA_LANGUAGES):
        comma = None  # who wrote the other language before may write numbers as that one does
    return Tongue(
        language,
        comma,
        decided=comma is not None and (len(leaders) == 1 or last in leaders),
        mixed=bool(english and latin),
    )


def _is_slight(span: Span) -> bool:
    """Whether the span alone tells too little of a language to leave the one that was spoken last."""
    if not _VOWELS & set(span.text):
        return span.text.isalpha()
    return len(span.text) <= _SLIGHT_LENGTH_MAX and all(meaning.kind in _SLIGHT_KINDS for meaning in span.meanings)


def _leaders(votes: Mapping[str, int], comma: bool | None) -> list[str]:
    """The languages with the most votes among those that write numbers so."""
    candidates = LANGUAGES if comma is None else ("es", "pt") if comma else ("en",)
    best = max(votes[language] for language in candidates)
    return [language for language in candidates if votes[language] == best]
