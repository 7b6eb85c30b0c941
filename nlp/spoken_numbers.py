"""The numbers of a transcript in digits and in words, so that one order heard in two spellings is known for one."""

import functools
import re

from babel.dates import get_month_names
from num2words import num2words
from rapidfuzz import fuzz, process
from text_to_num import alpha2digit

POINT = {"en": "point", "es": "coma", "pt": "vírgula"}
DIALECT = {"en": "en", "es": "es", "pt": "pt_BR"}

# Above this, a misheard "veinticéis" is a number word; "venta", two letters short of "noventa", never is.
SIMILARITY_MIN = 85.0
LENGTH_DIFFERENCE_MAX = 1
WORD_LENGTH_MIN = 5

DIGITS_MAX = 9

# Only the language's own mark: the other one may be a decimal point, which the parser asks about.
GROUPED = {"en": re.compile(r"(?<=\d),(?=\d{3}\b)")} | dict.fromkeys(("es", "pt"), re.compile(r"(?<=\d)\.(?=\d{3}\b)"))
MULTIPLIED = re.compile(r"\b(\d{1,3}) (?=(?:mil|thousand)\b)")
JOINED = re.compile(r"\b(\d+) (?:e|y|and) (\d+)\b")
SPLIT_HUNDREDS = re.compile(r"\b(\w+) ([cz]?ientos|centos)\b")
NUMBER = re.compile(r"(?<![\d.,])(\d+)(?:[.,](\d{1,2}))?(?![\d]|[.,]\d)")
ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|[ªº])")
LETTERS = re.compile(r"[^\W\d_]+")


def in_digits(text: str, language: str) -> str:
    """Number words, nearly well spelled too, become digits without thousands marks; "março, 20 e 6" is "março 26"."""
    text = SPLIT_HUNDREDS.sub(r"\1\2", text)
    text = LETTERS.sub(lambda word: nearest_number_word(word[0], language), text)
    text = MULTIPLIED.sub(lambda number: spell(int(number[1]), language) + " ", text)
    converted = alpha2digit(text, language)
    # A Brazilian "quarta" is a Wednesday, no 4ª: a transcript with ordinals keeps its words.
    text = GROUPED[language].sub("", text if ORDINAL.search(converted) else converted)
    text = month_pause(language).sub(r"\1 ", JOINED.sub(join, text))
    return " ".join(text.split())


def in_words(text: str, language: str) -> str:
    """Digits become the words that a speaker of the language says."""
    return NUMBER.sub(lambda number: number_words(number[1], number[2], language), text)


def number_words(whole: str, fraction: str | None, language: str) -> str:
    if len(whole) > DIGITS_MAX:
        return whole if fraction is None else f"{whole}.{fraction}"
    words = spell(int(whole), language)
    if fraction is None:
        return words
    # English spells the fraction by its digits; so do all when it starts with a nought.
    digits = [fraction] if language != "en" and not fraction.startswith("0") else list(fraction)
    return " ".join([words, POINT[language], *(spell(int(digit), language) for digit in digits)])


def spell(number: int, language: str) -> str:
    return str(num2words(number, lang=DIALECT[language])).replace(",", "")


def join(numbers: re.Match[str]) -> str:
    """Tens and units, or hundreds and tens, that were written apart; two numbers that cannot be one stay two."""
    greater, lesser = numbers[1], numbers[2]
    fits = int(lesser) > 0 and len(greater) > len(lesser) and greater.endswith("0" * len(lesser))
    return str(int(greater) + int(lesser)) if fits else numbers[0]


@functools.cache
def month_pause(language: str) -> re.Pattern[str]:
    """A month and the comma that Whisper puts before its year, which would make the year a number of its own."""
    months = "|".join(get_month_names("wide", locale=language).values())
    return re.compile(rf"\b({months}),\s*(?=\d\d\b)", re.IGNORECASE)


def nearest_number_word(word: str, language: str) -> str:
    """The number word that this is a slip of, or the word itself."""
    known = number_vocabulary(language)
    lower = word.lower()
    if len(word) < WORD_LENGTH_MIN or lower in known:
        return word
    near = [entry for entry in known if abs(len(entry) - len(word)) <= LENGTH_DIFFERENCE_MAX]
    found = process.extractOne(lower, near, scorer=fuzz.ratio, score_cutoff=SIMILARITY_MIN)
    return word if found is None else str(found[0])


@functools.cache
def number_vocabulary(language: str) -> frozenset[str]:
    """Every word that numbers below a thousand are made of, and the thousand."""
    words = {word for number in range(1001) for word in LETTERS.findall(spell(number, language))}
    return frozenset(word for word in words if len(word) >= WORD_LENGTH_MIN - 1)
