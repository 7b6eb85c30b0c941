"""A sender's own name, as in "soy Julián" or "aqui é o Roberto": who writes, and nothing that is ordered."""

from collections.abc import Sequence

from nlp.spans import Meaning, Span

_NAME_WORDS_MAX = 4


def leave_out(spans: Sequence[Span], language: str) -> None:
    """Make fillers of an introduction and the name in it; must run before unknown words are taken for misspelt ones.

    It stands before the order and ends with a mark, and no word of the name is one that is known.
    """
    for position, span in enumerate(spans):
        introducing = language in span.languages("introducing")
        if introducing or (span.unknown and position and spans[position - 1].has("greeting")):
            # "Morning Pat, ...": somebody is greeted by name.
            name = _name(spans, position + introducing)
            for one in (span, *name) if name else ():
                one.meanings, one.unknown = (Meaning("filler", "word", language),), False
            return
        if not (span.punctuation or span.has("greeting") or span.has("polite")):
            return


def _name(spans: Sequence[Span], start: int) -> Sequence[Span]:
    end = start
    while end < len(spans) and not spans[end].punctuation:
        end += 1
    name = spans[start:end]
    named = any(span.unknown for span in name) and all(span.unknown or span.has("filler") for span in name)
    return name if named and end < len(spans) and len(name) <= _NAME_WORDS_MAX else ()
