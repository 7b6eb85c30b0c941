"""Why a message must not be executed: negations, questions, conditions, hearsay, jokes, talk to the machine."""

from collections.abc import Iterable

from nlp.spans import Span

# Such a message asks for nothing: it is no order, not even an uncertain one.
FORBIDDING = frozenset(
    {
        "negation",
        "opinion",
        "conditional",
        "past",
        "reported",
        "hesitation",
        "joke",
        "machine",
        "later",
        "question_word",
    }
)
# Such a message asks, but not plainly enough to be carried out at once.
DOUBTING = frozenset({"question", "request", "relative", "either_side"})

# These forbid in whatever language the rest of the message is: a "no" is not overheard for standing in Portuguese.
_IN_ANY_LANGUAGE = frozenset({"negation", "conditional", "past", "joke", "machine"})
_NEUTRAL_KINDS = frozenset(
    {
        "filler",
        "polite",
        "cue",
        "number",
        "unit",
        "place",
        "yes",
        "greeting",
        "thanks",
        "validity",
        "my",
        "contract",
        "link",
    }
)
_QUESTION_MARKS = frozenset({"?", "¿", "؟"})


def find(spans: Iterable[Span], language: str) -> list[str]:
    """The reasons, in the order of the message, against executing the spans that no slot has used."""
    reasons: list[str] = []
    for span in spans:
        if span.text in _QUESTION_MARKS:
            reasons.append("question")
        else:
            reasons += _of(span, language)
    return list(dict.fromkeys(reasons))


def _of(span: Span, language: str) -> list[str]:
    found: list[str] = []
    values = span.values("guard")
    for value in sorted({"request"} if "request" in values else values):
        spoken_in = span.languages("guard", value)
        neutral_in = {m.language for m in span.meanings if m.kind in _NEUTRAL_KINDS}
        if value not in _IN_ANY_LANGUAGE and language not in spoken_in and language in neutral_in:
            continue
        if value == "question":
            if language in neutral_in:
                continue
            value = "question_word"
        found.append(value)
    return found
