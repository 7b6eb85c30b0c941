"""Words of the lexicons thrown together so that they ask for nothing clear, however near to an order they come."""

import random
from collections import defaultdict
from collections.abc import Callable

from nlp.lexicon import LANGUAGES, load_all
from nlp.tokens import fold

# What such a word stands beside is not to be carried out, whatever else the message says.
_WARNINGS = frozenset({"negation", "conditional", "past", "hesitation", "joke", "opinion"})
_ACTING = frozenset({"side", "quote", "pay", "cancel", "amend", "whole"})
_FILLING = frozenset({"number", "count", "month", "market", "cue", "unit", "orders_of", "order"})
_WORDS_MAX = 12

_ENTRIES = [entry for lexicon in load_all() for entry in lexicon.entries]
_KINDS: dict[str, set[str]] = defaultdict(set)
for _entry in _ENTRIES:
    _KINDS[fold(_entry.phrase)].add(_entry.kind)
_PHRASES = {one: sorted(e.phrase for e in _ENTRIES if e.language == one) for one in LANGUAGES}
_HARMLESS = {one: [phrase for phrase in _PHRASES[one] if not _KINDS[fold(phrase)] & _ACTING] for one in LANGUAGES}
# A harmless phrase that fills no slot of an order either.
_HOMOPHONES = {fold(e.phrase) for lexicon in load_all() for e in lexicon.homophones}
_EMPTY = {
    one: [
        phrase
        for phrase in _HARMLESS[one]
        if not _KINDS[fold(phrase)] & _FILLING and fold(phrase) not in _HOMOPHONES  # a voice may mean what it fills
    ]
    for one in LANGUAGES
}
# Only words that warn and are nothing else: "stop" alone is a command, and "no" a Portuguese "in the".
_WARNING = {
    one: [
        e.phrase
        for e in _ENTRIES
        if e.language == one and e.kind == "guard" and e.value in _WARNINGS and _KINDS[fold(e.phrase)] == {"guard"}
    ]
    for one in LANGUAGES
}
_BUYS = {
    "en": ("buy", "take", "get me"),
    "es": ("compra", "cómprame", "quiero comprar"),
    "pt": ("compra", "compre", "quero comprar"),
}
_SELLS = {
    "en": ("sell", "offload", "dump"),
    "es": ("vende", "véndeme", "quiero vender"),
    "pt": ("vende", "venda", "quero vender"),
}
_ASSETS = {
    "en": ("wheat", "gold", "corn", "cocoa", "brent"),
    "es": ("trigo", "oro", "maíz", "cacao", "brent"),
    "pt": ("trigo", "ouro", "milho", "cacau", "brent"),
}
_MONTHS = {
    "en": ("dec25", "Mar 26", "january", "Z25"),
    "es": ("dic25", "mar 26", "enero", "Z25"),
    "pt": ("dez25", "mar 26", "janeiro", "Z25"),
}
_UNITS = {"en": "lots", "es": "lotes", "pt": "lotes"}
_AT = {"en": "at", "es": "a", "pt": "a"}


def tossed(language: str, chance: random.Random) -> str:
    """Words of one language, in one of the ways below."""
    return chance.choice(_WAYS)(language, chance)


def _number(chance: random.Random) -> str:
    return str(chance.choice((5, 10, 20, 40, 75, 100, 150, 430, 1042, 4010)))


def _warned(language: str, chance: random.Random) -> str:
    """Anything at all, and a warning anywhere in it."""
    words = [_any(language, chance) for _ in range(chance.randint(2, _WORDS_MAX))]
    words.insert(chance.randint(0, len(words)), chance.choice(_WARNING[language]))
    return " ".join(words)


def _any(language: str, chance: random.Random) -> str:
    kind = chance.randrange(8)
    if kind == 0:
        return _number(chance)
    if kind == 1:
        return chance.choice(_ASSETS[language])
    if kind == 2:
        return chance.choice(_MONTHS[language])
    if kind == 3:
        return chance.choice(_BUYS[language] + _SELLS[language])
    return chance.choice(_PHRASES[language])


def _idle(language: str, chance: random.Random) -> str:
    """Numbers, products and words, none of which asks to trade, to change or to cancel."""
    words = [chance.choice(_HARMLESS[language]) for _ in range(chance.randint(1, _WORDS_MAX))]
    words += [_number(chance), chance.choice(_ASSETS[language]), chance.choice(_MONTHS[language])]
    chance.shuffle(words)
    return " ".join(words)


def _order(language: str, chance: random.Random) -> list[str]:
    return [
        chance.choice(_BUYS[language]),
        f"{chance.choice((10, 20, 30))} {_UNITS[language]}",
        _ASSETS[language][0],
        _MONTHS[language][0],
        f"{_AT[language]} {chance.choice((145, 150, 155))}",
    ]


def _crowded(language: str, chance: random.Random) -> str:
    """A whole order, with one of its slots said once more and otherwise."""
    words = _order(language, chance)
    other = chance.choice(
        (
            chance.choice(_SELLS[language]),
            f"70 {_UNITS[language]}",
            chance.choice(_ASSETS[language][1:]),
            _MONTHS[language][1],
            f"{_AT[language]} 160",
            "160",
        )
    )
    if chance.random() < 0.5:
        chance.shuffle(words)
    words.insert(chance.randint(0, len(words)), other)
    return " ".join(words)


def _gapped(language: str, chance: random.Random) -> str:
    """A whole order but for one slot, in any order, with words between that say nothing of it."""
    words = _order(language, chance)
    del words[chance.randrange(len(words))]
    chance.shuffle(words)
    for _ in range(chance.randint(0, 3)):
        words.insert(chance.randint(0, len(words)), chance.choice(_EMPTY[language]))
    return " ".join(words)


_WAYS: tuple[Callable[[str, random.Random], str], ...] = (_warned, _warned, _idle, _crowded, _gapped)
