"""A misspelt word made out: the nearest known word, and whether it is near enough, and no other as near."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA, Prefix

from nlp.likeness import Likeness, nearest
from nlp.reading import Spelling
from nlp.spans import WORDS_KEPT, Meaning, Span

_SIMILARITY_MIN = 0.65  # below, it is no misspelling but another word
_MARGIN_MIN = 0.12  # the next best word must be this much farther
_NEAREST_MAX = 12
_ASSET_SIMILARITY_MIN = 0.5
_LETTERS_MAX = 20
_CORRECTABLE = frozenset(
    {
        "asset", "side", "month", "unit", "guard", "quote", "cancel", "amend", "ask", "yes", "no", "place", "order",
        "all", "last", "greeting", "thanks", "orders_of",
        "filler", "polite",
    }
)  # fmt: skip
# Words of questions are too short and too many: "whaet" is rather wheat than what.
_UNCORRECTABLE_VALUES = frozenset({"question", "reported", "later", "relative"})
# A doubtful guess at these is worth a question; at anything else it is worth nothing.
_WORTH_ASKING = frozenset({"asset", "side", "quote", "guard"})
_SAYING_MUCH = frozenset({"asset", "side", "month", "guard", "quote", "cancel", "amend", "ask", "no"})
# A guess never carries out what a word says all by itself: "cancella" is not "cancélala".
_ACTING_VALUES = frozenset({"spoken_of"})
_LENGTH_MIN = {"asset": 3, "side": 3, "month": 5, "quote": 4}
_LENGTH_MIN_OTHERS = 4
_GUARDS_THAT_WIN = frozenset({"negation", "conditional", "past", "hesitation", "opinion", "joke", "machine"})
_GUARDS_AT_HOME = frozenset({"opinion", "hesitation", "request", "either_side"})
_UNDOUBLED = re.compile(r"([^\W\d_])\1")
_NEUTRAL_LENGTH_MIN = 6  # shorter words that say nothing are too like words that do
_SHORT = 4
_PREFIX_MIN = 3
_LONG = 8  # a word this long bears two slips
# Letters that one writes for another without missing the key.
_SOUNDS = str.maketrans({"z": "s", "c": "k", "v": "b", "y": "i", "q": "k"})
_SILENT_H = re.compile("(?<![cln])h")  # ch, lh and nh are sounds of their own
_NASAL = re.compile("a(?:um|un)$")  # as thumbs write "ão"
_ALIKE = ({"c", "k", "q"}, {"b", "v"}, {"s", "z", "c"}, {"g", "j"}, {"i", "y"})


@dataclass(frozen=True, slots=True)
class Guess:
    """The nearest known word, how like it is (0 to 1), and its meanings."""

    word: str
    similarity: float
    meanings: tuple[Meaning, ...]
    sure: bool
    reason: str


class Speller:
    """Corrects words that no lexicon knows."""

    def __init__(self, known: Mapping[str, tuple[Meaning, ...]], asset_words: Mapping[str, tuple[str, ...]]) -> None:
        self._words: dict[str, tuple[Meaning, ...]] = {}
        self._numbers: list[str] = []
        for key, meanings in known.items():
            kept = tuple(
                m for m in meanings if m.kind in _CORRECTABLE and m.value not in _UNCORRECTABLE_VALUES | _ACTING_VALUES
            )
            if any(m.kind == "number" and m.value == "word" for m in meanings) and len(key) >= _LENGTH_MIN_OTHERS:
                self._numbers.append(key)
            if kept and key.isalpha() and any(len(key) >= _LENGTH_MIN.get(m.kind, _LENGTH_MIN_OTHERS) for m in kept):
                self._words[key] = kept
        keys = list(self._words)
        self._likeness = Likeness(keys, _SIMILARITY_MIN - _MARGIN_MIN, _LETTERS_MAX)
        self._assets = {key: codes for key, codes in asset_words.items() if key.isalpha()}
        self._asset_keys = [key for key in keys if key in self._assets]
        begun: dict[str, set[str]] = defaultdict(set)
        for key, codes in self._assets.items():
            for end in range(1, len(key) + 1):
                begun[key[:end]].update(codes)
        self._cutting_short_two = frozenset(start for start, codes in begun.items() if len(codes) > 1)
        # Names, slang and the slips of hurried thumbs come again, and finding what is nearest takes long.
        self._guess = lru_cache(maxsize=WORDS_KEPT)(self._nearest)

    def guess(self, word: str, language: str) -> Guess | None:
        """What `word` most likely misspells, or None."""
        return self._guess(word, language)

    def _nearest(self, word: str, language: str) -> Guess | None:
        if len(word) < 3 or not word.isalpha() or len(word) > _LETTERS_MAX:
            return None
        found = self._likeness.nearest(word, _NEAREST_MAX)
        # However many words are nearer: another asset that may be meant is never overlooked.
        found += [one for one in nearest(word, self._asset_keys, _ASSET_SIMILARITY_MIN) if one not in found]
        prefixed = self.cuts_short_two(word)
        doubled = _UNDOUBLED.sub(r"\1", word)
        if doubled != word and doubled in self._words:
            similarity = OSA.normalized_similarity(word, doubled)
            sure = not prefixed and not self._may_be_number(word, similarity)
            return Guess(doubled, similarity, self._words[doubled], sure, reason="typo_fits_two_assets")
        found = [one for one in found if not self._is_abroad(one[0], language, "guard")]
        if not found or found[0][1] < _SIMILARITY_MIN:
            return None
        found.sort(key=lambda one: (-one[1], not self._is(one[0], "asset")))
        best, similarity = found[0]
        if self._is(best, "guard") and OSA.distance(word, best) > (2 if len(best) >= _LONG else 1):
            return None  # what is only somewhat like a warning is a word of its own
        guards = [key for key, near in found if near >= similarity - 0.01 and self._is_guard(key, word, language)]
        if guards and not self._is(best, "side"):
            return Guess(guards[0], similarity, self._words[guards[0]], sure=False, reason="misspelt")
        meanings = self._words[best]
        rivals: tuple[str, ...] = ("asset", "side", "guard")
        if self._is(best, "side") and sorted(word) != sorted(best):
            # "agorra" is rather "agora" than "agarra"; letters that only changed places leave no doubt.
            rivals += ("filler", "polite")
        others = [
            near
            for key, near in found[1:]
            if self._is(key, *rivals)
            and not self._same(meanings, self._words[key])
            and not self._is_abroad(key, language, "filler", "polite")
        ]
        # Letters that only changed places are no other word, unless it is as near.
        margin = _MARGIN_MIN / 2 if sorted(word) == sorted(best) else _MARGIN_MIN
        close_other = bool(others) and others[0] > similarity - margin
        close_other = close_other or bool(guards)
        as_spoken = _as_spoken(word) == _as_spoken(best)
        neutral = all(m.kind in ("filler", "polite") for m in meanings) and len(best) < _NEUTRAL_LENGTH_MIN
        mine = self._assets.get(best, ())
        rival = any(
            self._assets[key] != mine and (near > similarity - _MARGIN_MIN or _starts_rather(word, key, best))
            for key, near in found
            if key in self._assets
        )
        close_other = close_other or bool(mine and rival)
        like = (as_spoken and not (mine and rival)) or (not close_other and _slip(word, best))
        says_little = not any(m.kind in _SAYING_MUCH for m in meanings)
        abroad = self._is_abroad(best, language, "side", "quote", "pay", "orders_of", "topic", "filler", "yes", "no")
        sure = (
            not prefixed
            and not neutral
            and not abroad
            and like
            and not (says_little and self._may_be_number(word, similarity))
        )
        assets = {code for key, _ in found for code in self._assets.get(key, ())}
        reason = "typo_fits_two_assets" if prefixed or len(assets) > 1 else "misspelt"
        return Guess(best, similarity, meanings, sure, reason)

    def _may_be_number(self, word: str, similarity: float) -> bool:
        """Whether a number word is as near, which must not be lost for a word that says little."""
        return (
            process.extractOne(
                word, self._numbers, scorer=OSA.normalized_similarity, score_cutoff=similarity - _MARGIN_MIN
            )
            is not None
        )

    def nearest_assets(self, word: str) -> tuple[str, ...]:
        """Up to three listed assets whose names are spelt most like `word`, best first."""
        found = nearest(word, list(self._assets), 0.4, limit=6)
        return tuple(dict.fromkeys(code for key, _ in found for code in self._assets[key]))[:3]

    def cuts_short_two(self, word: str) -> bool:
        """Whether the word cuts short the names of two assets ("plat": plata, platino)."""
        return word in self._cutting_short_two

    def _is(self, key: str, *kinds: str) -> bool:
        return any(m.kind in kinds for m in self._words[key])

    def _is_abroad(self, key: str, language: str, *kinds: str) -> bool:
        """Whether the word is only of another language, and of these kinds, which say nothing outside of it."""
        return all(
            m.language not in ("", language) and m.kind in kinds and (m.kind != "guard" or m.value in _GUARDS_AT_HOME)
            for m in self._words[key]
        )

    def _is_guard(self, key: str, word: str, language: str) -> bool:
        meant = any(
            m.kind == "guard" and m.value in _GUARDS_THAT_WIN and m.language == language for m in self._words[key]
        )
        if len(key) <= _SHORT and sorted(word) != sorted(key):
            return False  # another short word rather than a slip: "bala" is not "bata"
        return meant and OSA.distance(word, key) <= (2 if len(key) >= _LONG else 1)

    def _same(self, meanings: Iterable[Meaning], others: Iterable[Meaning]) -> bool:
        mine = {(m.kind, m.value) for m in meanings}
        return any((m.kind, m.value) in mine for m in others)


def correct(spans: Iterable[Span], guess_word: Callable[[str, str], Guess | None], language: str) -> None:
    """Give every unknown word the meanings of its best guess in a message of `language`, and say how sure that is."""
    for span in spans:
        if not span.unknown:
            continue
        guess = guess_word(span.text, language)
        if guess is not None and (guess.sure or _is_worth_asking(span.text, guess)):
            span.meanings, span.sure, span.unknown = guess.meanings, guess.sure, False
            span.reasons = () if guess.sure else (guess.reason,)
            span.taken_for = Spelling(span.text, guess.word, round(guess.similarity, 2))


def _is_worth_asking(word: str, guess: Guess) -> bool:
    kinds = {m.kind for m in guess.meanings} & _WORTH_ASKING
    return bool(kinds - {"side"}) or bool(kinds and len(word) > 3)


def _slip(word: str, known: str) -> bool:
    """Whether one slip made the word: a letter more, less, wrong or swapped, in a word that can bear it."""
    swapped = sorted(word) == sorted(known)
    distance = OSA.distance(word, known)
    if distance > (2 if len(known) >= _LONG else 1):
        return False
    if not swapped and not _starts_alike(word, known):
        return False
    if len(known) <= 3:
        return swapped or word[-1] == word[-2]
    if len(word) == len(known) <= 4:
        return swapped
    return True


def _starts_rather(word: str, rival: str, best: str) -> bool:
    """ "cafau" ends like cacau, but starts like café."""
    shared = Prefix.similarity(word, rival)
    return shared >= _PREFIX_MIN and shared > Prefix.similarity(word, best)


def _as_spoken(word: str) -> str:
    """The word with the letters folded that Spanish and Portuguese speakers write for one another."""
    return _SILENT_H.sub("", _NASAL.sub("ao", word.replace("qu", "k"))).translate(_SOUNDS)


def _starts_alike(word: str, known: str) -> bool:
    return word[0] == known[0] or any({word[0], known[0]} <= letters for letters in _ALIKE)
