"""A message as spans: every run of tokens that a lexicon or the catalogue knows, with all that it may mean."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import cached_property, lru_cache, partial
from operator import attrgetter
from threading import Lock
from typing import NamedTuple

from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc

from nlp.catalogue import Catalogue
from nlp.lexicon import Entry, Lexicon
from nlp.reading import Spelling
from nlp.tokens import Token, blank_pipeline, fold, lengths, normalise, parts, tokens_of

_GLUED_KINDS = frozenset({"side", "month", "unit", "asset"})
_HEARD_KINDS = frozenset({"side", "quote", "month", "cue"})
# The shortest phrases that a glued token is taken apart into: "to" and "or" are found in too many words.
_GLUED_LENGTH_MIN = 3
_PHRASE_MIN = 2
# Of so many words, what follows from their meanings alone is kept: messages are made of the same few thousand.
WORDS_KEPT = 8192


class Meaning(NamedTuple):
    """One thing that a phrase may stand for; `language` is empty where every language says it so."""

    kind: str
    value: str
    language: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number as read: `whole` is the same digits read as a whole number, where the writing leaves both open."""

    value: Decimal
    whole: Decimal | None = None
    ambiguous: bool = False
    negative: bool = False
    spoken: bool = False
    plain: bool = False  # bare digits, as an order number is written
    counts: bool = False  # said in dozens or pairs, as no price is

    @property
    def as_whole(self) -> Decimal:
        return self.value if self.whole is None else self.whole


@dataclass(slots=True, eq=False)
class Span:
    """Tokens start..end of the message and what they may mean; the readers add a number, a contract or assets."""

    start: int
    end: int
    text: str
    meanings: tuple[Meaning, ...] = ()
    number: Number | None = None
    contract: str | None = None
    asset: str | None = None
    sure: bool = True
    reasons: tuple[str, ...] = ()
    punctuation: bool = False
    unknown: bool = False
    glued: bool = False
    taken_for: Spelling | None = None
    may_be_past: bool = False  # "compre" is "compré" too, where the writer leaves the accents out
    # What follows from the meanings, and the meanings that it was drawn from: a message asks for it thousands of times.
    _drawn: "_Drawn" = field(init=False, repr=False, compare=False)
    _by_kind: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    _drawn_from: tuple[Meaning, ...] | None = field(default=None, init=False, repr=False, compare=False)

    def has(self, kind: str, *values: str) -> bool:
        """Whether the span may mean this kind, and one of `values` if any are given."""
        if self._drawn_from is not self.meanings:
            self._draw()
        found = self._by_kind.get(kind)
        if not values or found is None:
            return found is not None
        return any(value in found for value in values)

    def has_any(self, kinds: Iterable[str]) -> bool:
        """Whether the span may mean one of these kinds."""
        if self._drawn_from is not self.meanings:
            self._draw()
        return not self._by_kind.keys().isdisjoint(kinds)

    def value(self, kind: str) -> str | None:
        """The first value of this kind that the span may have."""
        if self._drawn_from is not self.meanings:
            self._draw()
        found = self._by_kind.get(kind)
        return found[0] if found is not None else None

    @property
    def kinds(self) -> Iterable[str]:
        """All kinds that the span may mean."""
        if self._drawn_from is not self.meanings:
            self._draw()
        return self._by_kind

    def values(self, kind: str) -> frozenset[str]:
        if self._drawn_from is not self.meanings:
            self._draw()
        return frozenset(self._by_kind.get(kind, ()))

    def _draw(self) -> None:
        self._mean(_draw(self.meanings))

    def _mean(self, drawn: "_Drawn") -> None:
        self._drawn, self._by_kind = drawn, drawn.by_kind
        self.meanings = self._drawn_from = drawn.meanings

    def copy(self) -> "Span":
        """Another span that says the same."""
        return Span(*_given(self))

    def prefer(self, language: str, *, before_foreign_number: bool = False) -> None:
        """Forget what the span asks for in other languages, if `language` knows it.

        What leads in or joins a number that is not in `language` is as foreign as the number.
        """
        if self._drawn_from is not self.meanings:
            self._draw()
        self._mean(self._drawn.preferred(language, before_foreign_number))

    @property
    def spoken_in(self) -> frozenset[str]:
        """The languages that the span speaks for."""
        if self._drawn_from is not self.meanings:
            self._draw()
        return self._drawn.spoken_in

    def languages(self, kind: str, value: str | None = None) -> frozenset[str]:
        """The languages in which the span has this meaning."""
        if not self.has(kind):
            return frozenset()
        return frozenset(m.language for m in self.meanings if m.kind == kind and value in (None, m.value))


_given = attrgetter(*(field.name for field in fields(Span) if field.init))


class Spans(tuple[Span, ...]):
    """All spans of a message, once nothing more is read into them, and where those of each kind stand.

    The readers ask for one kind after another, and a message has few of them.
    """

    _places: Mapping[str, Sequence[int]]

    def __new__(cls, spans: Iterable[Span]) -> "Spans":
        new = super().__new__(cls, spans)
        places: dict[str, list[int]] = defaultdict(list)
        for place, span in enumerate(new):
            for kind in span.kinds:
                places[kind].append(place)
        new._places = dict(places)
        return new

    def places(self, *kinds: str) -> Sequence[int]:
        """Where the spans stand that may mean one of these kinds."""
        if len(kinds) == 1:
            return self._places.get(kinds[0], ())
        return sorted({place for kind in kinds for place in self._places.get(kind, ())})

    def of(self, *kinds: str) -> list[Span]:
        """The spans that may mean one of these kinds, in the order of the message."""
        return [self[place] for place in self.places(*kinds)]

    def first(self, kind: str, *values: str) -> int | None:
        """Where the first span stands that may mean this kind, and one of `values` if any are given."""
        return next((place for place in self._places.get(kind, ()) if self[place].has(kind, *values)), None)

    def has(self, kind: str, *values: str) -> bool:
        """Whether a span may mean this kind, and one of `values` if any are given."""
        return self.first(kind, *values) is not None

    @cached_property
    def words(self) -> list[Span]:
        """The spans without the marks between them."""
        return [span for span in self if not span.punctuation]


def _ends_in_month_code(tokens: Sequence[Token], start: int, end: int) -> bool:
    """ "24 h26": the letter and the digits glued to it are March, and no 24 hours."""
    if end - start < _PHRASE_MIN or end >= len(tokens):
        return False
    last, after = tokens[end - 1], tokens[end]
    return len(last.norm) == 1 and not last.glued and after.glued and after.is_digits


# What a word asks for in one language does not count where the message's own language uses the word otherwise.
_LOCAL_KINDS = frozenset(
    {
        "side",
        "quote",
        "pay",
        "cancel",
        "amend",
        "place",
        "ask",
        "whole",
        "orders_of",
        "all",
        "last",
        "market",
        "product",
        "status",
        "number",
    }
)


# What says nothing about the language of a message.
_EVIDENCE_KINDS_IGNORED = frozenset(
    {"asset", "heard_number", "heard_asset", "heard_side", "heard_month", "heard_quote", "heard_cue", "repeat"}
)


class _Drawn:
    """What follows from a word's meanings alone."""

    def __init__(self, meanings: tuple[Meaning, ...]) -> None:
        self.meanings = meanings
        self._preferred: dict[tuple[str, bool], _Drawn] = {}
        values: dict[str, list[str]] = {}
        for meaning in meanings:
            values.setdefault(meaning.kind, []).append(meaning.value)
        self.by_kind: Mapping[str, tuple[str, ...]] = {kind: tuple(found) for kind, found in values.items()}
        self.spoken_in = self._spoken_in()

    def preferred(self, language: str, before_foreign_number: bool) -> "_Drawn":
        """What follows from the meanings that count in a message of `language`."""
        case = (language, before_foreign_number)
        if case not in self._preferred:
            self._preferred[case] = _draw(self._in(language, before_foreign_number))
        return self._preferred[case]

    def _spoken_in(self) -> frozenset[str]:
        if "heard_asset" in self.by_kind and "asset" not in self.by_kind:
            return frozenset()  # a word that may be a misspelt asset speaks for no language
        ignored = _EVIDENCE_KINDS_IGNORED
        if "asset" in self.by_kind:  # "Soy" is a product in English; who introduces himself with it names none.
            ignored |= {"introducing"}
        languages = frozenset(m.language for m in self.meanings if m.language and m.kind not in ignored)
        borrowed = len(languages) == 2 and "en" in languages  # a word that a language took from English: "trades"
        return frozenset() if borrowed else languages

    def _in(self, language: str, before_foreign_number: bool) -> tuple[Meaning, ...]:
        if not any(m.language in ("", language) for m in self.meanings):
            return self.meanings
        # The English article "a" leads in no price, though the same letter does in Spanish.
        article = any(m.kind == "number" and m.value == "one" and m.language == language for m in self.meanings)
        return tuple(
            m
            for m in self.meanings
            if m.language in ("", language)
            or (before_foreign_number and m.kind in ("cue", "number"))
            or (m.kind not in _LOCAL_KINDS and not (article and m.kind == "cue"))
        )


_draw = lru_cache(maxsize=WORDS_KEPT)(_Drawn)


@dataclass(frozen=True, slots=True)
class _Known:
    spelling: str
    meaning: Meaning


class _Phrase:
    """What the letters of `key` mean in any spelling, and in each that is listed: "compré" is not "compre".

    What only sounds like a word hides none: "ate" is heard for eight, and typed for "até".
    """

    def __init__(self, key: str, known: Sequence[_Known]) -> None:
        self.key = key
        self.meanings = tuple(dict.fromkeys(one.meaning for one in known))
        self.spelt = {
            spelling: tuple(dict.fromkeys(one.meaning for one in known if one.spelling == spelling))
            for spelling in {one.spelling for one in known if not one.meaning.kind.startswith("heard")}
        }
        # The past of the first person is told from such an imperative by nothing but its accent.
        self.may_be_past = key.endswith("e") and any((m.kind, m.value) == ("guard", "past") for m in self.meanings)


class SpanFinder:
    """Finds the known phrases of a message, the longest first. Built once per catalogue; threads may share it."""

    def __init__(self, lexicons: Sequence[Lexicon], catalogue: Catalogue) -> None:
        self._pipeline = blank_pipeline()
        self._lock = Lock()
        # The same chunks come again in every message, and spaCy keeps none of those that it met in a zone.
        self._lengths = lru_cache(maxsize=WORDS_KEPT)(partial(lengths, self._pipeline))
        self._known: dict[str, list[_Known]] = defaultdict(list)
        for lexicon in lexicons:
            for entry in lexicon.entries:
                self._learn(entry.phrase, Meaning(entry.kind, entry.value, entry.language))
        for code, aliases in catalogue.assets.items():
            for alias in aliases:
                self._learn(alias, Meaning("asset", code, ""))
        self.asset_words = {key: self._assets(key) for key in list(self._known) if self._assets(key)}
        for lexicon in lexicons:
            for word in {entry.value for entry in (*lexicon.nicknames, *lexicon.homophones)}:
                # A language that has other words for an alias is one in which the alias is said.
                if self._key(word) in self.asset_words:
                    self._learn(word, Meaning("said", "asset", lexicon.language))
        for lexicon in lexicons:
            for entry in lexicon.nicknames:
                self._learn_nickname(entry)
        for lexicon in lexicons:
            for entry in lexicon.homophones:
                self._learn_homophone(entry)
        self.near: dict[str, tuple[str, ...]] = defaultdict(tuple)
        for lexicon in lexicons:
            for entry in lexicon.near:
                self.near[self._key(entry.phrase)] += self.asset_words.get(self._key(entry.value), ())
        self._phrases = {key: _Phrase(key, known) for key, known in self._known.items()}
        self._matcher = PhraseMatcher(self._pipeline.vocab, attr="ORTH")
        for key in self._known:
            self._matcher.add(key, [self._pipeline.make_doc(key)])
        self._words = frozenset(word for key in self._known for word in key.split())
        self._gluable = frozenset(
            key
            for key, known in self._known.items()
            if len(key) >= _GLUED_LENGTH_MIN
            and key.isalpha()
            and any(one.meaning.kind in _GLUED_KINDS for one in known)
        )

    @property
    def known(self) -> Mapping[str, tuple[Meaning, ...]]:
        """Every phrase, folded, with its meanings."""
        return {key: tuple(one.meaning for one in known) for key, known in self._known.items()}

    def find(self, text: str) -> list[Span]:
        """The spans of a message, in its order, covering every token."""
        text = normalise(text)
        # The zone gives back after each message the memory that spaCy keeps for words; it admits one thread at a time.
        with self._lock, self._pipeline.memory_zone():
            tokens = self._tokens(text)
            apart = [self._apart(token) for token in tokens]
            if any(len(words) > 1 for _, words in apart):
                text = "".join(("" if token.glued else " ") + " ".join(words) for token, words in apart).strip()
                tokens = self._tokens(text)
            doc = Doc(self._pipeline.vocab, words=[token.norm for token in tokens])
            matches = [(start, end) for _, start, end in self._matcher(doc)]
        return list(self._cover(tokens, matches))

    def _tokens(self, text: str) -> list[Token]:
        return tokens_of(text, fold(text), self._lengths)

    def _apart(self, token: Token) -> tuple[Token, list[str]]:
        if not token.is_word or token.norm in self._words or len(token.norm) < 2 * _GLUED_LENGTH_MIN:
            return token, [token.text]
        words = parts(token.norm, self._gluable)
        kinds = {one.meaning.kind for word in words for one in self._known[word]}
        # "Vendene" is no "vend ene": a month is glued to its product, and alone to nothing.
        return token, [token.text] if not words or ("month" in kinds and "asset" not in kinds) else words

    def _cover(self, tokens: Sequence[Token], matches: Iterable[tuple[int, int]]) -> Iterable[Span]:
        free = [True] * len(tokens)
        chosen: dict[int, int] = {}
        for start, end in sorted(matches, key=lambda match: (match[0] - match[1], match[0])):
            if all(free[start:end]) and not _ends_in_month_code(tokens, start, end):
                free[start:end] = [False] * (end - start)
                chosen[start] = end
        position = 0
        while position < len(tokens):
            end = chosen.get(position, position + 1)
            yield self._span(tokens, position, end, known=position in chosen)
            position = end

    def _span(self, tokens: Sequence[Token], start: int, end: int, known: bool) -> Span:
        token = tokens[start]
        if known:
            phrase = self._phrases[" ".join([one.norm for one in tokens[start:end]])]
            meanings = phrase.spelt.get(" ".join([one.text for one in tokens[start:end]]), phrase.meanings)
            return Span(start, end, phrase.key, meanings, glued=token.glued, may_be_past=phrase.may_be_past)
        span = Span(start, end, token.norm, glued=token.glued)
        if not token.is_digits:
            span.unknown = token.is_word
            span.punctuation = not span.unknown
        return span

    def _learn(self, phrase: str, meaning: Meaning) -> None:
        spelling = self._spaced(phrase)
        self._known[fold(spelling)].append(_Known(spelling, meaning))

    def _spaced(self, phrase: str) -> str:
        """The phrase normalised, with a space between its tokens."""
        return " ".join(token.text for token in self._tokens(normalise(phrase)))

    def _assets(self, key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.meaning.value for one in self._known[key] if one.meaning.kind == "asset"))

    def _key(self, phrase: str) -> str:
        return fold(self._spaced(phrase))

    def _learn_nickname(self, entry: Entry) -> None:
        for code in self.asset_words.get(self._key(entry.value), ()):
            self._learn(entry.phrase, Meaning("asset", code, entry.language))

    def _learn_homophone(self, entry: Entry) -> None:
        key = self._key(entry.value)
        spelling = normalise(entry.phrase)
        heard_as_guard = any(
            one.meaning.kind == "guard"
            and one.meaning.language == entry.language
            and one.spelling == spelling
            and one.meaning.value != "question"
            for one in self._known.get(self._key(entry.phrase), ())
        )
        if heard_as_guard:
            return  # what sounds like a warning is taken as one
        if entry.value.isdecimal():
            self._learn(entry.phrase, Meaning("heard_number", entry.value, entry.language))
            return
        for code in self.asset_words.get(key, ()):
            self._learn(entry.phrase, Meaning("heard_asset", code, entry.language))
        for one in list(self._known.get(key, ())):
            if one.meaning.kind in _HEARD_KINDS and one.meaning.language == entry.language:
                self._learn(entry.phrase, one.meaning._replace(kind=f"heard_{one.meaning.kind}"))
