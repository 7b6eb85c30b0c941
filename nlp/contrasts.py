"""A figure or a side put right by naming the wrong one beside it: "no, I said 40, not 50", "sorry, buy not sell"."""

from collections.abc import Sequence
from decimal import Decimal

from nlp.reading import Reading
from nlp.spans import Span

_SLOTS = ("quantity", "price")
_SIDES = ("buy", "sell")
_DENYING = frozenset(
    {
        "not",
        "no",
        "nao",
        "and not",
        "y no",
        "e nao",
        "instead of",
        "rather than",
        "en vez de",
        "en lugar de",
        "em vez de",
        "ao inves de",
        "no lugar de",
        "no es",
        "no era",
        "no son",
        "no eran",
        "nao e",
        "nao era",
        "isn't",
        "wasn't",
    }
)
# A side that is one phrase with its denial.
_DENIED_SIDES = {"buy": "buy", "compra": "buy", "compre": "buy", "compres": "buy"} | dict.fromkeys(
    ("sell", "vende", "venda", "vendas"), "sell"
)
_AROUND = ("filler", "polite", "answer", "no", "link", "unit", "currency", "cue", "insist", "order", "apology", "yes")


def read(spans: Sequence[Span], old: Reading) -> tuple[str, Decimal] | None:
    """The slot of the order `old` that is put right, and its new value; None where the message says anything else."""
    figures = [position for position, span in enumerate(spans) if span.number is not None]
    if len(figures) != 2 or not all(_is_idle(span) for span in spans):
        return None
    wrong = [position for position in figures if _is_denied(spans, position) and _slots_of(spans[position], old)]
    if len(wrong) != 1:
        return None
    right = spans[figures[0] if wrong[0] == figures[1] else figures[1]].number
    slots = _slots_of(spans[wrong[0]], old)
    if len(slots) != 1 or right is None or right.ambiguous or right.negative or right.value <= 0:
        return None
    value = right.as_whole if slots[0] == "quantity" else right.value
    if value == getattr(old, slots[0]) or (slots[0] == "quantity" and value != int(value)):
        return None
    return slots[0], value


def side(spans: Sequence[Span], old: Reading) -> str | None:
    """The side of the order `old` as it is put right; None where the message says anything else."""
    named = {position: value for position, span in enumerate(spans) if (value := _side_of(span)) is not None}
    denials = {position: value for position, span in enumerate(spans) if (value := _denied_side(span)) is not None}
    others = [span for position, span in enumerate(spans) if position not in named | denials]
    if old.side is None or any(span.number is not None for span in others) or not all(map(_is_idle, others)):
        return None
    denied = [*denials.values(), *(value for position, value in named.items() if _is_denied(spans, position))]
    meant = {value for position, value in named.items() if not _is_denied(spans, position)}
    if denied != [old.side] or len(meant) != 1 or len(named | denials) != len(_SIDES) or old.side in meant:
        return None
    return meant.pop()


def _side_of(span: Span) -> str | None:
    values = span.values("side") | span.values("quote") | span.values("orders_of")
    return next(iter(values)) if len(values) == 1 and span.sure and not span.asset else None


def _denied_side(span: Span) -> str | None:
    """ "Não venda": the side of a phrase that denies it."""
    words = span.text.split()
    return _DENIED_SIDES.get(words[-1]) if len(words) > 1 and span.has("guard", "negation") else None


def _is_idle(span: Span) -> bool:
    if span.number is not None or span.punctuation:
        return span.text not in ("?", "¿")
    return (span.text in _DENYING or span.has_any(_AROUND)) and span.sure


def _is_denied(spans: Sequence[Span], position: int) -> bool:
    """Whether the figure has a "not" before it, perhaps with "at" or "era" between."""
    for span in reversed(spans[:position]):
        if span.text in _DENYING:
            return True
        if span.number is not None or span.punctuation or not span.has_any(("cue", "answer", "filler", "insist")):
            return False
    return False


def _slots_of(span: Span, old: Reading) -> list[str]:
    assert span.number is not None
    return [slot for slot in _SLOTS if getattr(old, slot) in (span.number.value, span.number.whole)]
