"""A sender's own name, as in "soy Julián" or "aqui é o Roberto": who writes, and nothing that is ordered."""

from collections.abc import Callable, Sequence

from nlp.spans import Meaning, Span
from nlp.spelling import Guess

# A misspelt word that may be one of these is no name.
WARNING_KINDS = frozenset({"guard", "cancel", "amend", "no", "link"})
_NAME_WORDS_MAX = 5
_TITLES = frozenset({"don", "dona", "seu", "sr", "sra", "senhor", "senhora", "dr", "dra", "mr", "mrs", "ms", "miss"})
_NAME_PARTICLES = frozenset({"from", "of", "at", "de", "da", "do", "del", "la", "y", "e", "and"})


def leave_out(spans: Sequence[Span], language: str, guess_word: Callable[[str, str], Guess | None]) -> None:
    """Make fillers of an introduction and the name in it; must run before unknown words are taken for misspelt ones.

    It stands before the order and ends with a mark, and no word of the name is one that is known, or like a warning.
    """
    for position, span in enumerate(spans):
        introducing = language in span.languages("introducing")
        if introducing or (span.unknown and _is_greeted(spans, position)):
            name = _name(spans, position + introducing)
            if any(_is_like_warning(guess_word(one.text, language), language) for one in name if one.unknown):
                return
            if _is_corrected(spans[position + introducing + len(name) :]):
                return
            for one in (span, *name) if name else ():
                one.meanings, one.unknown = (Meaning("filler", "word", language),), False
            return
        if not (span.punctuation or span.has("greeting") or span.has("polite") or span.text in _TITLES):
            return


def _is_greeted(spans: Sequence[Span], position: int) -> bool:
    """ "Morning Pat, ...", "Buen día don Ernesto: ..."."""
    before = position - 1
    if before > 0 and spans[before].text == "," and spans[before - 1].has("greeting"):
        before -= 1  # "Boa tarde, Marcão. Vende ..."
    if before > 0 and (spans[before].text in _TITLES or spans[before].has("polite")):
        before -= 1
    return before >= 0 and spans[before].has("greeting")


def _is_corrected(following: Sequence[Span]) -> bool:
    """ "Good morning, Commpra, digo, vende ...": what is put right at once is no name."""
    said = next((span for span in following if not span.punctuation), None)
    return said is not None and said.has("link", "correction")


def _name(spans: Sequence[Span], start: int) -> Sequence[Span]:
    end = start
    while end < len(spans) and not spans[end].punctuation:
        end += 1
    name = spans[start:end]
    named = any(span.unknown for span in name) and all(
        span.unknown or span.has("filler") or span.text in _NAME_PARTICLES for span in name
    )
    return name if named and end < len(spans) and len(name) <= _NAME_WORDS_MAX else ()


def _is_like_warning(guess: Guess | None, language: str) -> bool:
    return guess is not None and any(
        meaning.kind in WARNING_KINDS and meaning.language == language for meaning in guess.meanings
    )
