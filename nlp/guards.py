"""Why a message must not be executed: negations, questions, conditions, hearsay, jokes, talk to the machine."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

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
        "withdrawn",
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
_BESIDE_VERBS = (*_NEUTRAL_KINDS, "answer", "order", "side", "repeat", "last", "all", "day")
_QUESTION_MARKS = frozenset({"?", "¿", "؟"})
NOES = frozenset({"no", "nao"})
_NEGATIONS = NOES | {"not"}
_WOULD_YOU = frozenset({"would you", "would u", "wd you", "wd u"})
_FOR_ME = frozenset({"for me", "for us", "on my account", "for my account"})
_BEFORE_VOCATIVE = ("polite", "thanks", "last", "unit", "yes", "no", "greeting", "place")
_POSSESSIVES = frozenset({"my", "mi", "meu", "minha", "seu", "sua", "su", "nuestro", "nosso"})
_PURPOSES = frozenset({"pra", "para", "pro", "for"})
_ARTICLES = frozenset({"the", "el", "la", "los", "las", "un", "una", "o", "a", "os", "as", "um", "uma"})
# How a verb ends that may tell what somebody else does, where its imperative is the same word or sounds like it.
_THIRD_PERSON = {"en": ("s",), "es": ("a", "e", "n"), "pt": ("a", "e", "m")}


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
    if not span.has("guard"):
        return []
    found: list[str] = []
    values = span.values("guard")
    for value in sorted({"request"} if "request" in values else values):
        spoken_in = span.languages("guard", value)
        neutral_in = {m.language for m in span.meanings if m.kind in _NEUTRAL_KINDS}
        if value not in _IN_ANY_LANGUAGE and language not in spoken_in and language in neutral_in:
            continue
        if value == "request" and asks_elsewhere(span, language):
            continue
        if value == "question":
            if language in neutral_in:
                continue
            value = "question_word"
        found.append(value)
    return found


def asks_elsewhere(span: Span, language: str) -> bool:
    """ "Me compra" asks in Spanish, and orders in Portuguese."""
    asked_in = span.languages("guard", "request")
    return bool(asked_in) and language not in asked_in and language in span.languages("side")


def of_position(spans: Sequence[Span], verb: int | None, language: str) -> list[str]:
    """The reasons against an order that lie in where its words stand; `verb` is where its side is."""
    reasons: list[str] = []
    if verb is not None and _is_denied(spans, verb):
        reasons.append("negation")
    if verb is not None and _has_subject(spans, verb, language):
        reasons.append("reported")
    if is_withdrawn(spans):
        reasons.append("withdrawn")
    return reasons


def asks_a_favour(spans: Sequence[Span], verb: int | None) -> bool:
    """ "Would you sell 8 coffee at 395 for me?": asks to have it done, where without "for me" it asks for advice."""
    if not verb or spans[verb - 1].text not in _WOULD_YOU:
        return False
    return any(span.text in _FOR_ME for span in spans[verb:])


def denies_what_was_said(spans: Sequence[Span]) -> bool:
    """ "No, sell 20 corn": the no is to what was said before, and what follows stands for itself."""
    return len(spans) > 2 and spans[0].text in _NEGATIONS and spans[1].text == ","


def asks_for_assent(spans: Sequence[Span]) -> int | None:
    """Where the no of "..., no?" stands: it asks, and denies nothing."""
    if len(spans) < 4 or spans[-1].text != "?" or spans[-2].text not in _NEGATIONS:
        return None
    return len(spans) - 2 if spans[-3].text in (",", "¿") else None


def _is_denied(spans: Sequence[Span], verb: int) -> bool:
    """ "Wait, no buy", "né não vende": the no that ends the phrase before is to the very verb."""
    if not verb:
        return False
    words = spans[verb - 1].text.split()
    opens_with_no = words[0] in _NEGATIONS and spans[verb - 1].has("answer")  # "não é para comprar"
    return opens_with_no or words[-1] in _NEGATIONS


def _has_subject(spans: Sequence[Span], verb: int, language: str) -> bool:
    """ "Cargill compra 300 ...": somebody unknown right before the verb, but for a purpose, is who does it."""
    place = verb - 1
    while place > 0 and spans[place].has("filler") and spans[place].text.split()[0] in _PURPOSES:
        place -= 1  # "A firma pra fazenda compra ..."
    if place < 0:
        return False
    before, span = spans[place], spans[verb]
    if before.has("polite") and (
        before.text.split()[0] in _POSSESSIVES
        or (place and (spans[place - 1].has("my") or spans[place - 1].text in _ARTICLES))
    ):
        return True  # "mi compadre vende ...", "el jefe vende ..."
    if before.asset or before.number or before.contract:
        return False
    named = before.unknown or not before.sure or _is_foreign_noun(before, language)
    if not named or not before.text.isalpha() or " " in span.text:
        return False
    known_in = span.languages("side") | span.languages("quote") | span.languages("pay")
    return any(span.text.endswith(_THIRD_PERSON[one or language]) for one in known_in)


def _is_foreign_noun(span: Span, language: str) -> bool:
    """ "A firma compra ...": a word that only another language knows is as unknown, but for "please" and its like."""
    known = not span.meanings or any(m.language in ("", language) for m in span.meanings)
    return not known and not span.has_any(_BESIDE_VERBS)


def free_vocative(spans: Sequence[Span]) -> None:
    """ "Thank you my brother": who is named at the very end is spoken to, and has said nothing."""
    words = [span for span in spans if not (span.punctuation and span.text in ("!", ".", "…"))]
    if len(words) < 2 or not words[-1].has("polite"):
        return
    before = words[-2]
    if before.text == "," or (
        (before.number or before.contract or before.has_any(_BEFORE_VOCATIVE)) and not before.has("cue")
    ):
        words[-1].meanings = tuple(m for m in words[-1].meanings if (m.kind, m.value) != ("guard", "reported"))


def free_assent(spans: Sequence[Span]) -> None:
    """ "Si, pero que sean 16": to a question, the unaccented Spanish "si" before a pause is a yes and no "if"."""
    if len(spans) > 1 and spans[0].text == "si" and spans[1].text in (",", ".", "!"):
        spans[0].meanings = tuple(m for m in spans[0].meanings if (m.kind, m.value) != ("guard", "conditional"))


def free_contraction(spans: Sequence[Span], language: str) -> None:
    """The Portuguese "no", "at the": "compra no 5,21", "cancela tudo no milho"; before a verb it still denies."""
    if language != "pt":
        return
    for position, (span, after) in enumerate(pairwise(spans)):
        if span.text != "no":
            continue
        before = spans[position - 1] if position else None
        led_to_number = after.number and before is not None and not (before.number or before.punctuation)
        led_to_product = (after.asset and "pt" in after.languages("said")) or (after.contract and before is not None)
        if led_to_number or led_to_product:
            span.meanings = tuple(m for m in span.meanings if m.language == "pt")


def is_withdrawn(spans: Sequence[Span]) -> bool:
    """ "Buy 10 gold at 4000, scratch that": a correction that nothing follows takes back, as "cancel it" does."""
    last = _last_said(spans)
    return last is not None and (last.has("link", "correction") or last.has("cancel", "spoken_of"))


def takes_all_back(spans: Sequence[Span]) -> bool:
    """Whether the withdrawal at the end is of more than a figure: "scratch that", "cancel it"; not "..., I mean"."""
    last = _last_said(spans)
    return last is not None and (last.has_any(("no", "cancel")) or not last.has("link", "correction"))


def _last_said(spans: Sequence[Span]) -> Span | None:
    """The last word of several but for courtesies; None where it says nothing."""
    words = (span for span in reversed(spans) if not (span.punctuation or span.has_any(("polite", "thanks"))))
    last = next(words, None)
    return None if last is None or next(words, None) is None or last.has("filler") else last
