"""One language's words: reads lexicons/*.toml, refuses what it does not know, and hands the phrases on."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nlp.reading import Intent

LANGUAGES = ("en", "es", "pt")

_ONE_SIDE = frozenset({"buy", "sell"})
_INTENTS = frozenset(str(intent) for intent in Intent)

# What each kind of phrase may stand for; None allows any whole number (minutes, months, counts).
KINDS: Mapping[str, frozenset[str] | None] = {
    "side": _ONE_SIDE,
    "quote": _ONE_SIDE,
    "pay": _ONE_SIDE,
    "place": frozenset({"order"}),
    "guard": frozenset(
        {
            "negation", "question", "opinion", "conditional", "past", "reported", "hesitation", "joke", "machine",
            "later", "relative", "request", "either_side",
        }
    ),
    "link": frozenset({"alternative", "correction", "and", "instead"}),
    "cue": frozenset({"price", "quantity", "target"}),
    "unit": frozenset({"lot"}),
    "measure": frozenset({"other"}),
    "currency": frozenset({"sign"}),
    "market": frozenset({"order"}),
    "time_in_force": frozenset({"IOC", "FOK", "GTC", "DAY"}),
    "validity": frozenset({"for", "until"}),
    "period": frozenset({"yesterday", "last_month"}),
    "day": frozenset({*"1234567", "today", "tomorrow"}),
    "clock": frozenset({"am", "pm", "hour", "noon", "at"}),
    "time_unit": None,
    "duration": None,
    "month": None,
    "year": frozenset({"this", "next", "coming"}),
    "contract": frozenset({"front", "prefix"}),
    "number": frozenset(
        {
            "word", "digit", "one", "point", "cents", "half", "quarter", "three_quarters", "thousand", "million",
            "dozen", "half_dozen", "pair", "lakh", "crore", "and",
        }
    ),
    "count": None,
    "order": frozenset({"noun"}),
    "last": frozenset({"last"}),
    "all": frozenset({"all"}),
    "my": frozenset({"my"}),
    "orders_of": _ONE_SIDE,
    "cancel": frozenset({"verb", "past", "spoken_of"}),
    "amend": frozenset({"price", "quantity", "either", "shift", "by"}),
    "status": frozenset({"word"}),
    "direction": frozenset({"above", "below"}),
    "ask": _INTENTS | {"cost"},
    "traded": frozenset({"word"}),
    "costs": frozenset({"word"}),
    "topic": _INTENTS,
    "terms": frozenset({"commission", "time_in_force", "lots", "limits"}),
    "whole": _INTENTS,
    "yes": frozenset({"yes", "noted"}),
    "no": frozenset({"no", "regret"}),
    "greeting": frozenset({"word"}),
    "thanks": frozenset({"word"}),
    "polite": frozenset({"word"}),
    "closing": frozenset({"word"}),
    "introducing": frozenset({"word"}),
    "apology": frozenset({"word"}),
    "insist": frozenset({"word"}),
    "bound": frozenset({"max", "min"}),
    "filler": frozenset({"word"}),
    "product": frozenset({"other"}),
    "language_name": frozenset(LANGUAGES),
    "language_word": frozenset({"word"}),
    "repeat": frozenset({"again", "same", "but"}),
    "answer": frozenset({"word", "change"}),
    "confirm": frozenset({"always", "unsure", "ask"}),
    "complaint": frozenset({"word"}),
    "connect": frozenset({"word"}),
}  # fmt: skip


# Words that are known only where a message or a part of it consists of nothing else: see nlp.own_words.
OWN_WORDS: Mapping[str, frozenset[str]] = {
    "notices": frozenset(
        {
            "fills", "full_fills", "partial_fills", "expiries", "cancellations", "alerts", "halts", "notifications",
            "messages", "everything", "nothing", "summary", "report", "each_day", "mute", "unmute", "off", "on", "tell",
            "send", "deny", "except", "only", "ask", "state", "at", "word",
        }
    ),
    "facts": frozenset({"currency", "lot", "tick", "hours", "last_day", "band", "commission", "word"}),
    "person": frozenset({"reach", "staff", "anyone", "complain", "machine", "deny", "word"}),
}  # fmt: skip


class LexiconError(ValueError):
    """A lexicon file says something that no reader understands; the text names the file, the section and the word."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One phrase, as its file spells it, and what it stands for."""

    phrase: str
    kind: str
    value: str
    language: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One file. The value of a nickname or homophone is the word that is meant by it, that of `near` a like product."""

    language: str
    entries: tuple[Entry, ...]
    nicknames: tuple[Entry, ...]
    homophones: tuple[Entry, ...]
    near: tuple[Entry, ...]
    own_words: Mapping[str, tuple[Entry, ...]]
    examples: Mapping[Intent, tuple[str, ...]]


def load_all() -> tuple[Lexicon, ...]:
    """The lexicons of all languages, checked."""
    folder = Path(__file__).parent / "lexicons"
    return tuple(load(folder / f"{language}.toml") for language in LANGUAGES)


def load(path: Path) -> Lexicon:
    """One language's lexicon; raises LexiconError on a section, value or phrase that means nothing."""
    language = path.stem
    with path.open("rb") as file:
        sections = tomllib.load(file)
    for section in sections:
        if section not in {*KINDS, *OWN_WORDS, "nicknames", "homophones", "near", "examples"}:
            raise LexiconError(f"{path.name}: [{section}] is not a kind of phrase")
    entries: list[Entry] = []
    for kind, allowed in KINDS.items():
        for value, phrases in sections.get(kind, {}).items():
            if not (value.isdecimal() if allowed is None else value in allowed):
                raise LexiconError(f"{path.name}: [{kind}] cannot be {value!r}")
            entries += _entries(path, kind, value, phrases, language)
    own_words: dict[str, tuple[Entry, ...]] = {}
    for kind, values in OWN_WORDS.items():
        found: list[Entry] = []
        for value, phrases in sections.get(kind, {}).items():
            if value not in values:
                raise LexiconError(f"{path.name}: [{kind}] cannot be {value!r}")
            found += _entries(path, kind, value, phrases, language)
        own_words[kind] = tuple(found)
    examples = sections.get("examples", {})
    for intent in examples:
        if intent not in _INTENTS:
            raise LexiconError(f"{path.name}: [examples] {intent!r} is not an intent")
    return Lexicon(
        language=language,
        entries=tuple(entries),
        nicknames=_spellings(path, "nicknames", sections, language),
        homophones=_spellings(path, "homophones", sections, language),
        near=_spellings(path, "near", sections, language),
        own_words=own_words,
        examples={Intent(intent): tuple(sentences) for intent, sentences in examples.items()},
    )


def _spellings(
    path: Path, kind: str, sections: Mapping[str, Mapping[str, list[str]]], language: str
) -> tuple[Entry, ...]:
    return tuple(
        entry
        for word, phrases in sections.get(kind, {}).items()
        for entry in _entries(path, kind, word, phrases, language)
    )


def _entries(path: Path, kind: str, value: str, phrases: list[str], language: str) -> list[Entry]:
    for phrase in phrases:
        if not phrase.strip():
            raise LexiconError(f"{path.name}: [{kind}] {value} holds an empty phrase")
    return [Entry(phrase, kind, value, language) for phrase in phrases]
