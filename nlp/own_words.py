"""Words that are looked for only where a message, or a part of it, consists of nothing else.

No word of an order, a cancellation or STOP is read otherwise for them.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from nlp import language, numbers
from nlp.catalogue import Catalogue
from nlp.lexicon import Lexicon
from nlp.spans import Span, SpanFinder
from nlp.tokens import TEXTS_KEPT, fold, normalise

_WORD = re.compile(r"[^\W\d_]+")
_MARKS = frozenset(".,;:!¡?¿'\"()-…")


class OwnWords:
    """One such vocabulary: a section of every lexicon, and the kinds of general words that may stand beside its own.

    `telling` are the values without one of which no message is about its subject; a `catalogue` lets products be named.
    """

    def __init__(
        self,
        lexicons: Sequence[Lexicon],
        section: str,
        *,
        telling: Collection[str],
        shared: Collection[str],
        catalogue: Catalogue | None = None,
    ) -> None:
        own = [_only(lexicon, section, shared) for lexicon in lexicons]
        self._finder = SpanFinder(own, catalogue or Catalogue(assets={}))
        products = [] if catalogue is None else [alias for aliases in catalogue.assets.values() for alias in aliases]
        phrases = [*products, *(entry.phrase for lexicon in own for entry in lexicon.entries)]
        self._known = frozenset(word for phrase in phrases for word in _words(phrase))
        # One word of each phrase without which no message is about the subject: most messages hold none of them.
        entries = (entry for lexicon in lexicons for entry in lexicon.own_words[section] if entry.value in telling)
        self._telling = frozenset(max(_words(entry.phrase), key=len) for entry in entries)

    def tells(self, text: str) -> bool:
        """Whether a word of the text may be about the subject."""
        return not self._telling.isdisjoint(_words(text))

    def may_grow(self, clause: str) -> bool:
        """Whether a longer clause may still hold no other words; of initials one letter more makes another word."""
        return all(word in self._known or len(word) == 1 for word in _words(clause))

    def consists_of_them(self, text: str) -> bool:
        """Whether every word may be one of these, and one of them is about the subject."""
        words = _words(text)
        return not self._telling.isdisjoint(words) and self._known.issuperset(words)

    def whole(self, text: str, last_language: str | None) -> tuple[list[Span], str] | None:
        """The spans of a text that holds no other words, and its language."""
        if not self.consists_of_them(text):
            return None
        spans, written_in = self.spans(text, last_language)
        return (spans, written_in) if all(map(is_known, spans)) else None

    def spans(self, text: str, last_language: str | None) -> tuple[list[Span], str]:
        """The text by these words alone, and the language that they are in."""
        spans = self._finder.find(text)
        tongue = language.detect(spans, text, last_language)
        return numbers.mark(spans, tongue), tongue.language


def is_known(span: Span) -> bool:
    return bool(span.meanings) or span.number is not None or span.text in _MARKS


@lru_cache(maxsize=TEXTS_KEPT)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(fold(normalise(text))))


def _only(lexicon: Lexicon, section: str, shared: Collection[str]) -> Lexicon:
    general = (
        entry for entry in lexicon.entries if entry.kind in shared or (entry.kind, entry.value) == ("link", "and")
    )
    return replace(lexicon, entries=(*lexicon.own_words[section], *general), nicknames=(), homophones=(), near=())
