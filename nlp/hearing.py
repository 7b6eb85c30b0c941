"""What Whisper mishears: a word taken for one that sounds like it, but only where the message lacks exactly that."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise

from nlp.language import Tongue
from nlp.spans import Meaning, Number, Span
from nlp.spelling import Guess

_REASON = "misheard"


def hear(spans: Sequence[Span], voice: bool, tongue: Tongue, guess: Callable[[str, str], Guess | None]) -> None:
    """Take misheard words for what is missing.

    Typed, they are misspelt rather than misheard: `guess` says how surely. A spoken message is confirmed in any case.
    """
    if not voice:
        for span in spans:
            if span.has("heard_asset") and _is_nothing_else(span, tongue.language) and not span.contract:
                _spell(span, guess(span.text, tongue.language), tongue.decided)
    _hear_asset(spans, voice, tongue.language)
    _hear_side(spans, voice, lambda word: guess(word, tongue.language))
    _hear_number(spans)


def _spell(span: Span, guess: Guess | None, decided: bool) -> None:
    asset = next((m.value for m in guess.meanings if m.kind == "asset"), None) if guess is not None else None
    if guess is not None and asset is not None:
        alone = all(m.kind.startswith("heard") for m in span.meanings)
        # "mais" misspells maize in Spanish, but means "more" in Portuguese: which of them it is must be known.
        span.sure = guess.sure and (alone or decided)
        span.asset, span.meanings = asset, guess.meanings
        span.reasons = () if span.sure else (guess.reason,)


def _hear_asset(spans: Sequence[Span], voice: bool, language: str) -> None:
    if any(span.asset for span in spans):
        return
    ordered = voice and any(span.has("side") or span.has("heard_side") or span.has("quote") for span in spans)
    candidates = [
        span
        for span in spans
        if span.has("heard_asset")
        and not span.number
        and not span.contract
        and (_is_nothing_else(span, language) or (ordered and language in span.languages("heard_asset")))
    ]
    if len(candidates) > 1:
        candidates = [span for span in candidates if not span.has("filler")]
    if len(candidates) == 1:
        span = candidates[0]
        span.asset = span.value("heard_asset")
        _take(span, "asset", voice)


def _is_nothing_else(span: Span, language: str) -> bool:
    """Whether the word has no meaning of its own in the message's language, in which it sounds like an asset."""
    own = [m for m in span.meanings if m.language in ("", language)]
    return bool(span.meanings) and all(m.kind.startswith("heard") for m in own or span.meanings)


def _hear_side(spans: Sequence[Span], voice: bool, guess: Callable[[str], Guess | None]) -> None:
    if any(span.has("side") or span.has("quote") or span.has("pay") for span in spans if not span.asset):
        return
    for position, span in enumerate(spans):
        kind = "side" if span.has("heard_side") else "quote" if span.has("heard_quote") else None
        if kind is None or span.asset or span.contract or span.number:
            continue
        if span.has("amend", "by") and any(
            one.has("amend") and not one.has("place") for one in spans if one is not span
        ):
            continue  # "raise 1042 by 2"
        if position + 1 < len(spans) and spans[position + 1].number is not None:
            value = span.value(f"heard_{kind}") or ""
            span.meanings = (Meaning(kind, value, ""),)
            spelt = None if voice else guess(span.text)
            slip = spelt is not None and spelt.sure and any((m.kind, m.value) == (kind, value) for m in spelt.meanings)
            _take(span, kind, voice or slip)
            return


def _hear_number(spans: Sequence[Span]) -> None:
    """ "Buy to December wheat": two sounds like to. It may be neither, so it is always asked."""
    counted = sum(span.number is not None for span in spans) > 1
    for position, (before, span) in enumerate(pairwise(spans)):
        if before.has("side") and span.has("heard_number"):
            after = next((one for one in spans[position + 2 :] if not one.punctuation), span)
            led_in = after.number is not None and not span.has("cue", "price")
            if led_in or (counted and (after.contract or after.asset)):
                after.sure, after.reasons = False, (_REASON,)  # "buy to two ..." may be twenty-two
    if counted:
        return
    for position, span in enumerate(spans):
        if not span.has("heard_number") or span.number or span.contract or position == 0 or position + 1 >= len(spans):
            continue
        if not spans[position - 1].has("side"):
            continue
        if spans[position + 1].contract or spans[position + 1].asset or spans[position + 1].has("unit"):
            span.number = Number(Decimal(span.value("heard_number") or 0), ambiguous=True, spoken=True)
            span.meanings, span.unknown = (), False
            span.sure, span.reasons = False, (_REASON,)
            return


def _take(span: Span, kind: str, voice: bool) -> None:
    span.unknown = False
    if kind == "asset":
        span.meanings = ()
    if not voice:
        span.sure, span.reasons = False, (_REASON,)
