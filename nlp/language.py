"""Which language a message is in: its words decide, the last language used breaks ties."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from nlp.spans import Span

DEFAULT_LANGUAGE = "en"

# Spanish and Portuguese write 1.500,25 where English writes 1,500.25.
_COMMA_LANGUAGES = frozenset({"es", "pt"})
_LETTERS = {"ñ": "es", "¿": "es", "¡": "es", "ã": "pt", "õ": "pt", "ç": "pt", "ê": "pt", "â": "pt", "ô": "pt", "à": "pt"}
_EVIDENCE_KINDS_IGNORED = frozenset({"heard_number", "heard_asset", "heard_side", "heard_month", "heard_quote", "heard_cue"})


@dataclass(frozen=True, slots=True)
class Tongue:
    """`language` to answer in; `comma` says how numbers are written: True 1.500,25, False 1,500.25, None cannot be told."""

    language: str
    comma: bool | None


def detect(spans: Iterable[Span], text: str, last: str | None) -> Tongue:
    """The language of the spans, of the letters in the original `text`, and how its numbers are written."""
    votes: Counter[str] = Counter()
    english = latin = 0
    for span in spans:
        languages = {m.language for m in span.meanings if m.language and m.kind not in _EVIDENCE_KINDS_IGNORED}
        if not languages:
            continue
        for language in languages:
            votes[language] += 3 if len(languages) == 1 else 2 if len(languages) == 2 else 1
        if languages == {"en"}:
            english += 1
        elif languages <= _COMMA_LANGUAGES:
            latin += 1
    for letter, language in _LETTERS.items():
        if letter in text.lower():
            votes[language] += 2
            latin += 1
    if english == latin:
        comma = None if english or last is None else last in _COMMA_LANGUAGES
    else:
        comma = latin > english
    return Tongue(_language(votes, comma, last), comma)


def _language(votes: Counter[str], comma: bool | None, last: str | None) -> str:
    if comma is None:
        candidates = {"en", *_COMMA_LANGUAGES}
    else:
        candidates = set(_COMMA_LANGUAGES) if comma else {"en"}
    best = max((votes[language] for language in candidates), default=0)
    leaders = [language for language in ("en", "es", "pt") if language in candidates and votes[language] == best]
    if last in leaders:
        return last
    return leaders[0] if leaders else DEFAULT_LANGUAGE
