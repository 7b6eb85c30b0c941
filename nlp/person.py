"""Messages that ask for a person instead of the machine: "let me talk to a human", "quiero hablar con alguien"."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from nlp.commands import Command
from nlp.lexicon import Lexicon
from nlp.own_words import OwnWords, is_known
from nlp.reading import Intent
from nlp.spans import Span

_SECTION = "person"
_SHARED = frozenset({"polite", "greeting", "thanks", "complaint"})
_TELLING = frozenset({"staff", "anyone", "complain"})


class PersonReader:
    """Reads what asks for one of our staff."""

    def __init__(self, lexicons: Sequence[Lexicon]) -> None:
        self._words = OwnWords(lexicons, _SECTION, telling=_TELLING, shared=_SHARED)

    def read(self, text: str, last_language: str | None) -> tuple[Command, str] | None:
        """A message that says nothing else, and its language."""
        found = self._words.whole(text, last_language)
        if found is None or not any(map(_asks, _clauses(found[0]))):
            return None
        return Command(Intent.PERSON), found[1]

    def is_asked_for(self, text: str, last_language: str | None) -> bool:
        """Whether a stretch of the message, which says other things too, asks to reach our staff in so many words."""
        if not self._words.tells(text):
            return False
        spans, _language = self._words.spans(text, last_language)
        stretches = (list(run) for known, run in groupby(spans, is_known) if known)
        clauses = (clause for stretch in stretches for clause in _clauses(stretch))
        return any(_reaches(clause) and _says(clause, "staff") and not _denies(clause) for clause in clauses)


def _clauses(spans: Sequence[Span]) -> Iterator[list[Span]]:
    for parts, run in groupby(spans, lambda span: span.punctuation or span.has("link", "and")):
        if not parts:
            yield list(run)


def _asks(clause: Sequence[Span]) -> bool:
    """What is denied is no request, unless it is the machine that nobody wants."""
    if _denies(clause):
        return False
    alone = _says(clause, "staff") and not any(span.has(_SECTION, "machine") for span in clause)
    return _says(clause, "complain") or alone or (_reaches(clause) and _says(clause, "anyone"))


def _says(clause: Sequence[Span], value: str) -> bool:
    return any(span.has(_SECTION, value) for span in clause)


def _reaches(clause: Sequence[Span]) -> bool:
    return _says(clause, "reach")


def _denies(clause: Sequence[Span]) -> bool:
    return _says(clause, "deny")
