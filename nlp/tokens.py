"""A message as tokens: one spelling for what phones write in many ways, then spaCy's tokenizer with our own rules."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import spacy
from spacy.attrs import LENGTH
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.vocab import Vocab

CHARACTERS_MAX = 1000  # a longer text is no order; reading it would only cost time
# The readers of one message ask for the same text, and for clauses of it.
TEXTS_KEPT = 64

_FRACTIONS = {character: f" {value}" for character, value in (
    ("½", "1/2"), ("¼", "1/4"), ("¾", "3/4"), ("⅛", "1/8"), ("⅜", "3/8"), ("⅝", "5/8"), ("⅞", "7/8"),
)}  # fmt: skip
# Typographers put a hard or thin space between the thousands; it must not part the number.
_GROUP_SPACE = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
_ORDINAL_SIGN = re.compile(r"\bn\s?\.?\s?[º°]", re.IGNORECASE)
_ARROW = re.compile(r"[-=]+>|[→➡⇒]")
_PLAIN = dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("‘’´`ʼ", "'") | dict.fromkeys("“”«»", '"')
_TYPOGRAPHIC = re.compile(f"[{''.join(_PLAIN)}]")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
# A word drawn out: "buenasss", "boa tardeee"; "kkk" and "mmm" are words of their own.
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
_ONE_LETTER = re.compile(r"([^\W\d_])\1*$")
_WORD = re.compile(r"[^\W\d_]+")
_QUE = re.compile(r"\bq\b(?! ?\d)")
# A list: two lines at least that open with such a mark, which is then no minus.
_BULLET = re.compile(r"^[ \t]*[-•*·‣▪●◦–—][ \t]+", re.MULTILINE)
_BULLETS_MIN = 2
# "Ordem de compra – 14 cacau": a long dash behind a word, which is no preposition, parts as a comma does.
_PARTING_DASH = re.compile(r"\b(?!(?:at?|for|por|e[nm]|ao|al|to)\b)([^\W\d_]+\s)[–—―](?=\s)", re.IGNORECASE)
# What may be invisible or a space of some kind; letters, digits and the marks on a keyboard are neither.
_CONTROLS = re.compile(r"[^\w!-~ ]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

# Most of what stands between two spaces is a word or a number, perhaps with a mark behind it.
_WORD_OR_NUMBER = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_END_MARKS = frozenset(".,;:!?")

_SYMBOL = r"[^\w\s'.,]|_"
_PREFIX = re.compile(rf"(?:{_SYMBOL}|'|,|\.(?!\d))")
_SUFFIX = re.compile(rf"(?:{_SYMBOL}|'|,|\.)$")
_INFIX = re.compile(
    rf"{_SYMBOL}"
    r"|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])"  # 100wheat, dec25wheat
    r"|(?<!\d)[.,]|[.,](?!\d)"
    r"|(?<=\d)'|'(?=\d)"
)


class Token(NamedTuple):
    """`norm` is the text without accents; `glued` says that no space stands before it."""

    text: str
    norm: str
    glued: bool

    @property
    def is_digits(self) -> bool:
        return self.text[0].isdecimal() or (len(self.text) > 1 and self.text[1].isdecimal())

    @property
    def is_word(self) -> bool:
        return self.text[0].isalpha()


@lru_cache(maxsize=TEXTS_KEPT)
def normalise(text: str) -> str:
    """Lower case, NFKC, plain dashes, quotes and spaces; nothing invisible."""
    text = _GROUP_SPACE.sub("", text)
    if "\n" in text and len(_BULLET.findall(text)) >= _BULLETS_MIN:
        text = _BULLET.sub("", text)
    text = _PARTING_DASH.sub(r"\1,", text)
    for character, value in _FRACTIONS.items():
        text = text.replace(character, value)
    text = _ARROW.sub(" , ", _ORDINAL_SIGN.sub(" # ", text))
    text = _TYPOGRAPHIC.sub(lambda mark: _PLAIN[mark.group()], unicodedata.normalize("NFKC", text))
    text = _CONTROLS.sub(_visible, text)
    text = _INITIALS.sub(lambda initials: initials.group().replace(".", ""), text.lower())
    if _DRAWN_OUT.search(text):
        text = _WORD.sub(_drawn_in, text)
    text = _QUE.sub("que", text)  # as Spanish and Portuguese thumbs write it
    return " ".join(text.split())


def _drawn_in(found: re.Match[str]) -> str:
    word = found.group()
    return word if _ONE_LETTER.match(word) else _DRAWN_OUT.sub(r"\1", word)


def _visible(found: re.Match[str]) -> str:
    character = found.group()
    if character in "\r\n":
        return " , "  # a line break parts as much as a comma
    category = unicodedata.category(character)
    if category in ("Cf", "Mn"):
        return ""
    return " " if category[0] in "CZ" else character


def fold(text: str) -> str:
    """The text without its accents, letter by letter, so that places in it stay the same."""
    return _NOT_ASCII.sub(lambda found: unicodedata.normalize("NFD", found.group())[0], text)


def accented(text: str) -> bool:
    """Whether a letter of the text carries an accent."""
    return any(letter.isalpha() and letter != fold(letter) for letter in _NOT_ASCII.findall(text))


def blank_pipeline() -> Language:
    """A spaCy pipeline that only tokenizes, by rules made for what traders type."""
    # A vocabulary of its own, since spaCy's works out a dozen attributes of every new word that nobody asks for.
    pipeline = spacy.blank("xx", vocab=Vocab())
    pipeline.tokenizer = Tokenizer(
        pipeline.vocab, prefix_search=_PREFIX.match, suffix_search=_SUFFIX.search, infix_finditer=_INFIX.finditer
    )
    return pipeline


def lengths(pipeline: Language, chunk: str) -> tuple[int, ...]:
    """How long each token is of what stands between two spaces."""
    if _WORD_OR_NUMBER.fullmatch(chunk):
        return (len(chunk),)  # nothing in it ends a token
    if chunk[-1] in _END_MARKS and _WORD_OR_NUMBER.fullmatch(chunk, 0, len(chunk) - 1):
        return (len(chunk) - 1, 1)
    return tuple(pipeline.make_doc(chunk).to_array(LENGTH).tolist())


def tokens_of(text: str, folded: str, lengths_of: Callable[[str], Sequence[int]]) -> list[Token]:
    """Our tokens of a normalised text; `folded` is the same without accents, and is what is taken apart."""
    tokens: list[Token] = []
    start = 0
    for chunk in folded.split():
        glued = False
        for length in lengths_of(chunk):
            end = start + length
            tokens.append(Token(text[start:end], folded[start:end], glued))
            start, glued = end, True
        start += 1
    return tokens


def parts(word: str, vocabulary: frozenset[str]) -> list[str]:
    """The words that stand glued in `word` ("algodonmar"), or none when it does not fall apart into known words."""
    ends: dict[int, tuple[int, ...]] = {0: (0,)}
    for end in range(3, len(word) + 1):
        for start in range(end - 2):
            if start in ends and word[start:end] in vocabulary:
                candidate = (*ends[start], end)
                if end not in ends or len(candidate) < len(ends[end]):
                    ends[end] = candidate
    cuts = ends.get(len(word), ())
    return [word[start:end] for start, end in pairwise(cuts)] if len(cuts) > 2 else []
