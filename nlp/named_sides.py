"""A side that is named by its noun: "quero travar a venda de 15 soja", "tramítame la compra de 20 trigo"."""

from collections.abc import Sequence

from nlp.spans import Meaning, Span

_SIDE_NOUNS = frozenset({"compra", "venta", "venda", "purchase", "sale"})


def mark(spans: Sequence[Span], language: str) -> None:
    """Take "the sale of" for the side where a verb that places leads it in and a quantity follows.

    Without such a verb it may be an order that stands: "a venda de ouro".
    """
    for position, span in enumerate(spans[:-1]):
        if not position or not span.has("orders_of") or not _SIDE_NOUNS & set(span.text.split()):
            continue
        verb = _before(spans, position)
        if verb is None or language not in verb.languages("place") or verb.has_any(("cancel", "amend")):
            continue
        if spans[position + 1].number is not None:
            span.meanings = (Meaning("side", span.value("orders_of") or "", language),)


def _before(spans: Sequence[Span], position: int) -> Span | None:
    return next((span for span in reversed(spans[:position]) if not span.has("polite")), None)
