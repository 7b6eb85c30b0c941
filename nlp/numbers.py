"""Numbers however they are written or spoken: "1.000,50", "2 mil", "562 1/4", "sixty-one and a half"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from text_to_num import text2num

from nlp import compositions
from nlp.language import COMMA_LANGUAGES, Tongue
from nlp.spans import WORDS_KEPT, Number, Span

_DIGITS = re.compile(r"\d*(?:[.,]\d+)*$")
_FRACTION_DENOMINATORS = frozenset({2, 4, 8, 16, 32})
_DIGITS_MAX = 15
_ZEROS = frozenset({"zero", "cero", "oh"})
_HUNDRED, _THOUSAND, _MILLION = Decimal(100), Decimal(1000), Decimal(1_000_000)
# Few outside India know these, so what was meant is asked.
_INDIAN_SCALES = {"lakh": Decimal(100_000), "crore": Decimal(10_000_000)}
_HALF, _QUARTER, _THREE_QUARTERS = Decimal("0.5"), Decimal("0.25"), Decimal("0.75")
# Spans carry no accents, without which text2num does not know the first two; the third is said before a noun. The
# rest are slips of those who hear no difference between c, s and z, or between b and v, and of English spelling.
_SPELT_OUT = {
    "veintidos": "veintidós", "veintitres": "veintitrés", "veintiun": "veintiuno",
    "sien": "cien", "dies": "diez", "onse": "once", "trese": "trece", "catorse": "catorce", "quinse": "quince",
    "beinte": "veinte", "veintisinco": "veinticinco", "beintisinco": "veinticinco", "trenta": "treinta",
    "sincuenta": "cincuenta", "sinquenta": "cincuenta", "ochoenta": "ochenta", "nobenta": "noventa",
    "dosientos": "doscientos", "tresientos": "trescientos", "trecientos": "trescientos",
    "cuatrosientos": "cuatrocientos", "kinientos": "quinientos", "seisientos": "seiscientos",
    "seicientos": "seiscientos", "setesientos": "setecientos", "ochosientos": "ochocientos",
    "novesientos": "novecientos", "sinco": "cinco", "nuebe": "nueve", "diesiseis": "dieciséis",
    "diesisiete": "diecisiete", "diesiocho": "dieciocho", "diesinueve": "diecinueve",
    "cincoenta": "cinquenta", "sincoenta": "cinquenta", "treis": "três", "doiz": "dois", "desesseis": "dezesseis",
    "dezesete": "dezessete", "desessete": "dezessete", "desoito": "dezoito", "desenove": "dezenove",
    "quatrosentos": "quatrocentos", "seissentos": "seiscentos", "setessentos": "setecentos",
    "fourty": "forty", "ninty": "ninety", "forteen": "fourteen", "fiveteen": "fifteen", "twelth": "twelve",
    "hunderd": "hundred", "hundrd": "hundred", "thosand": "thousand", "thousend": "thousand",
}  # fmt: skip
_MILLIONS = frozenset({"million", "millon", "millones", "milhao", "milhoes"})
_CONTINUING = _MILLIONS | {"mil", "thousand", "o", "/", "-"}
_OTHER_LANGUAGES = {"en": ("en", "es", "pt"), "es": ("es", "pt", "en"), "pt": ("pt", "es", "en")}


@lru_cache(maxsize=WORDS_KEPT)
def parse_digits(text: str, comma: bool | None) -> Number | None:
    """A number in digits. `comma` says how the message's language writes it; None where that cannot be told.

    A number written the other way that could mean two things is ambiguous: `value` is then the likelier reading,
    `whole` that with the mark between thousands.
    """
    if not _DIGITS.match(text) or len(text) > _DIGITS_MAX + 6:
        return None
    marks = [character for character in text if character in ".,"]
    if not marks:
        return Number(Decimal(text), plain=True)
    if text[0] in ".,":
        return Number(Decimal("0." + text[1:])) if len(marks) == 1 else None
    if len(set(marks)) == 2:
        return _two_marks(text, marks)
    mark, groups = marks[0], text.split(marks[0])
    grouped = all(len(group) == 3 for group in groups[1:]) and 1 <= len(groups[0]) <= 3 and groups[0][0] != "0"
    if len(marks) > 1:
        return Number(Decimal("".join(groups))) if grouped else None
    decimal = Decimal(".".join(groups))
    if not grouped:
        return Number(decimal, ambiguous=_is_slipped(mark, groups, comma))
    whole = Decimal("".join(groups))
    if comma is not None and (mark == ".") == comma:
        return Number(whole)
    # Thousands end in zeros far more often than prices do, though gas is quoted so in English: "4.310".
    return Number(whole if whole % 100 == 0 or comma is not False else decimal, whole=whole, ambiguous=True)


def _is_slipped(mark: str, groups: Sequence[str], comma: bool | None) -> bool:
    """Whether a decimal written the other language's way may be thousands with a digit slipped: "4,00" for "4,000".

    Nobody writes decimals that are all zeros so, nor so many of them; "64.25" and "5,08" are clear.
    """
    if comma is None or (mark == ",") == comma:
        return False
    head, tail = groups
    return len(tail) > 3 or (len(head) == 1 and not tail.strip("0"))


def _two_marks(text: str, marks: Sequence[str]) -> Number | None:
    if marks.count(marks[-1]) > 1:
        return None
    head, _, tail = text.rpartition(marks[-1])
    groups = head.split(marks[0])
    if set(marks[:-1]) != {marks[0]} or not all(len(group) == 3 for group in groups[1:]):
        return None
    return Number(Decimal("".join(groups) + "." + tail))


def mark(spans: Sequence[Span], tongue: Tongue) -> list[Span]:
    """The spans with every number joined into one span of its own."""
    joined: list[Span] = []
    position = 0
    while position < len(spans):
        first = spans[position]
        found = _read(spans, position, tongue) if _may_be_number(first) else None
        if found is None:
            joined.append(first)
            position += 1
        else:
            number, end = found
            text = " ".join(span.text for span in spans[position:end])
            if _is_negative(joined, first):
                number = replace(number, negative=True)
            if _says_again(joined, number) and end < len(spans) and spans[end].text == ")":
                joined.pop()
                position = end + 1
                continue
            span = first.copy()
            span.end, span.text, span.number, span.meanings = spans[end - 1].end, text, number, ()
            joined.append(span)
            if number.negative:
                joined[-2].punctuation = True
            position = end
    return joined


def _may_be_number(span: Span) -> bool:
    return span.text[-1:].isdecimal() or span.has_any(("number", "count"))


def _may_continue(span: Span) -> bool:
    """Whether what stands behind digits may belong to their number, as it seldom does."""
    return span.text in _CONTINUING or span.text[-1:].isdecimal() or span.has("number") or span.has("currency")


def _read(spans: Sequence[Span], position: int, tongue: Tongue) -> tuple[Number, int] | None:
    comma = tongue.comma if not tongue.mixed or _led_in(spans, position, tongue) else None
    return _Reader(spans, position, tongue.language, comma).read()


def _says_again(before: Sequence[Span], number: Number) -> bool:
    """ "12 (twelve)": the same number once more, in brackets."""
    if len(before) < 2 or before[-1].text != "(":
        return False
    said = before[-2].number
    return said is not None and said.value == number.value and number.spoken and not said.ambiguous


def _led_in(spans: Sequence[Span], position: int, tongue: Tongue) -> bool:
    """Whether the word before a number belongs to the languages that write numbers as this one is: "a 1.121"."""
    if position == 0 or tongue.comma is None:
        return False
    languages = spans[position - 1].languages("cue", "price")
    return bool(languages) and languages <= (COMMA_LANGUAGES if tongue.comma else {"en"})


def _is_negative(before: Sequence[Span], first: Span) -> bool:
    if not before:
        return False
    last = before[-1]
    if last.text in ("minus", "menos", "negative", "negativo"):
        return True
    if last.text != "-":
        return False
    behind = before[-2] if len(before) > 1 else None
    # "dec25-150" and "20-30" part two things; "a -5" and "at - 5" take away.
    return not (last.glued and first.glued) and (behind is None or behind.number is None)


@dataclass(slots=True)
class _Reader:
    spans: Sequence[Span]
    position: int
    language: str
    comma: bool | None

    def read(self) -> tuple[Number, int] | None:
        """The number that starts here and where it ends."""
        span = self.spans[self.position]
        if span.contract is not None or span.number is not None:
            return None
        if span.text[-1:].isdecimal() and not span.meanings:
            return self._from_digits()
        count = span.value("count")
        if count is not None:
            return Number(Decimal(count), spoken=True), self.position + 1
        if span.has("number", "half_dozen"):
            return Number(Decimal(6), spoken=True, counts=True), self.position + 1
        if span.has("number", "pair"):
            return Number(Decimal(2), spoken=True, counts=True), self.position + 1
        if span.has("number", "dozen"):
            return self._dozens(Decimal(1), self.position + 1)
        if span.has("number", "word"):
            return self._from_words()
        return None

    def _at(self, position: int) -> Span | None:
        return self.spans[position] if position < len(self.spans) else None

    def _is(self, position: int, *values: str) -> bool:
        span = self._at(position)
        return span is not None and span.has("number", *values)

    def _digits_at(self, position: int) -> Number | None:
        span = self._at(position)
        if span is None or span.meanings or span.contract or not span.text[-1:].isdecimal():
            return None
        return parse_digits(span.text, self.comma)

    def _from_digits(self) -> tuple[Number, int] | None:
        number = self._digits_at(self.position)
        if number is None:
            return None
        after = self._at(self.position + 1)
        if after is None or not _may_continue(after):
            return number, self.position + 1
        if number.plain and after.glued and after.text == "o" and not self._glued(2):
            # The letter next to the zero: "55O" is rather 550 than 55, but it is asked.
            return Number(number.value * 10, ambiguous=True), self.position + 2
        fraction = self._fraction_at(self.position)
        if fraction is not None:
            return self._in_thousands(Number(fraction), self.position + 3)
        end = self.position + 1
        if after.has("number", "thousand"):
            return self._scaled(number, _THOUSAND), end + 1
        if after.text in ("mil", "thousand"):
            number, end = self._scaled(number, _THOUSAND), end + 1
            rest = self._below_thousand(end)
            return (replace(number, value=number.value + rest[0]), rest[1]) if rest else (number, end)
        if after.text in _MILLIONS:
            return self._scaled(number, _MILLION), end + 1
        for unit, scale in _INDIAN_SCALES.items():
            if self._is(end, unit):
                return replace(self._scaled(number, scale), ambiguous=True), end + 1
        if after.glued and after.has("number", "million"):
            return self._scaled(number, _MILLION), end + 1
        if self._is(end, "dozen"):
            return self._dozens(number.value, end + 1)
        grouped = self._grouped(number)
        if grouped is not None:
            return grouped, end + 1
        decimals = self._decimals(end + 1) if number.plain and self._is(end, "point") else None
        if decimals is not None:  # "47 point 9"
            return Number(Decimal(f"{number.value:f}.{decimals[0]}"), spoken=True), decimals[1]
        number, end = self._with_fraction(number, end)
        return self._in_thousands(number, end)

    def _in_thousands(self, number: Number, end: int) -> tuple[Number, int]:
        """ "½k", "2 1/2 mil": the scale after a fraction."""
        if self._is(end, "thousand") or self._text(end) in ("mil", "thousand"):
            return replace(number, value=number.value * _THOUSAND, plain=False), end + 1
        return number, end

    def _dozens(self, count: Decimal, end: int) -> tuple[Number, int]:
        """So many dozen, and perhaps half of one: "docena y media"."""
        if self._is(end, "and") and self._is(end + 1, "half") and not self._followed_by_hour(end + 1):
            return Number(count * 12 + 6, spoken=True, counts=True), end + 2
        return Number(count * 12, spoken=True, counts=True), end

    def _grouped(self, number: Number) -> Number | None:
        """ "4 020" where a price is led in: thousands parted by a space, or a price and a quantity."""
        after, before = self._digits_at(self.position + 1), self._at(self.position - 1) if self.position else None
        if after is None or before is None or not (number.plain and after.plain):
            return None
        head, tail, behind = (
            self.spans[self.position].text,
            self.spans[self.position + 1].text,
            self._at(self.position + 2),
        )
        if len(head) > 3 or len(tail) != 3 or head.startswith("0") or (behind is not None and behind.has("unit")):
            return None
        led_in = before.has("cue", "price") or before.has("currency")
        priced_later = before.has("side") and any(span.has("cue", "price") for span in self.spans[self.position + 2 :])
        if not (led_in or priced_later):
            return None
        return Number(number.value * _THOUSAND + after.value, ambiguous=True)

    def _glued(self, distance: int) -> bool:
        span = self._at(self.position + distance)
        return span is not None and span.glued and not span.punctuation

    def _scaled(self, number: Number, scale: Decimal) -> Number:
        # "1,5k" and "1.250k": with a scale after it the mark can only be the decimal one, or the number is unclear.
        return Number(number.value * scale, ambiguous=number.ambiguous)

    def _below_thousand(self, position: int) -> tuple[Decimal, int] | None:
        start = position + 1 if self._is(position, "and") else position
        digits = self._digits_at(start)
        if digits is not None and digits.plain and digits.value < _THOUSAND and start > position:
            return digits.value, start + 1
        if self._is(start, "word"):
            words = self._words(start)
            if words is not None and len(words[0]) == 1 and words[0][0] < _THOUSAND:
                return words[0][0], words[1]
        return None

    def _fraction_at(self, position: int) -> Decimal | None:
        over, slash, under = self._digits_at(position), self._at(position + 1), self._digits_at(position + 2)
        if over is None or under is None or slash is None or slash.text != "/":
            return None
        if (
            not (over.plain and under.plain)
            or int(under.value) not in _FRACTION_DENOMINATORS
            or over.value >= under.value
        ):
            return None
        return over.value / under.value

    def _with_fraction(self, number: Number, end: int) -> tuple[Number, int]:
        start = end + 1 if self._is(end, "and", "cents") or self._text(end) == "-" else end
        fraction = self._fraction_at(start)
        if fraction is not None and (start == end or self._text(end) == "-"):
            return replace(number, value=number.value + fraction, plain=False), start + 3
        for value, names in ((_HALF, "half"), (_QUARTER, "quarter"), (_THREE_QUARTERS, "three_quarters")):
            if start > end and self._is(start, names) and not self._followed_by_hour(start):
                return replace(number, value=number.value + value, plain=False), start + 1
        if self._has_currency(end) and (self._is(end + 1, "and") or self._is(end + 1, "cents")):
            named = self._cents_named(number, end + 2)
            if named is not None:
                return named
        cents = self._digits_at(end + 1) if self._is(end, "cents") else None
        if cents is not None and cents.plain and number.plain and cents.value < _HUNDRED:
            return self._cents(number.value, cents.value, end + 2)
        if self._is(end, "cents") and self._is(end + 1, "word"):
            words = self._words(end + 1)
            if words is not None and len(words[0]) == 1 and words[0][0] < _HUNDRED:
                return self._cents(number.value, words[0][0], words[1])
        return number, end

    def _has_currency(self, position: int) -> bool:
        span = self._at(position)
        return span is not None and span.has("currency")

    def _cents_named(self, number: Number, position: int) -> tuple[Number, int] | None:
        """ "sixty dollars and fifty cents", once the "and" is passed."""
        digits = self._digits_at(position)
        if digits is not None and digits.plain:
            cents, end = digits.value, position + 1
        else:
            words = self._words(position) if self._is(position, "word") else None
            if words is None or len(words[0]) != 1:
                return None
            cents, end = words[0][0], words[1]
        if cents >= _HUNDRED or not self._has_currency(end):
            return None
        return replace(number, value=number.value + cents / _HUNDRED, plain=False, spoken=True), end + 1

    def _cents(self, units: Decimal, cents: Decimal, end: int) -> tuple[Number, int]:
        # "48 con 5" may be 48.05 or 48.50; two digits leave no doubt.
        if cents < 10:
            return Number(units + cents / 10, ambiguous=True, spoken=True), end
        return Number(units + cents / _HUNDRED, spoken=True), end

    def _text(self, position: int) -> str:
        span = self._at(position)
        return span.text if span is not None else ""

    def _followed_by_hour(self, position: int) -> bool:
        after = self._at(position + 1)
        return after is not None and after.has("time_unit")

    def _from_words(self) -> tuple[Number, int] | None:
        if self._is(self.position, "one") and self._alone(self.position):
            return None
        words = self._words(self.position)
        if words is None:
            return None
        values, end, joined_by_and = words
        number = compositions.composed(values, joined_by_and, self.language)
        if number is None:
            return None
        if self._is(end, "thousand") and len(values) == 1:
            return Number(values[0] * _THOUSAND, spoken=True), end + 1
        for unit, scale in _INDIAN_SCALES.items():
            if self._is(end, unit) and len(values) == 1:
                return Number(values[0] * scale, ambiguous=True, spoken=True), end + 1
        if self._is(end, "dozen") and len(values) == 1:
            return self._dozens(values[0], end + 1)
        if self._is(end, "point"):
            decimals = self._decimals(end + 1)
            if decimals is not None and not number.ambiguous:
                return Number(Decimal(f"{number.value:f}.{decimals[0]}"), spoken=True), decimals[1]
            return replace(number, ambiguous=True), end
        return self._with_fraction(number, end)

    def _alone(self, position: int) -> bool:
        """Whether "um", "una" is an article here: nothing makes a number of it."""
        after = self._at(position + 1)
        if after is None:
            return True
        return not (
            after.has("unit")
            or after.has("number", "point", "half", "cents")
            or after.text in ("mil", "millon", "milhao")
        )

    def _words(self, start: int) -> tuple[list[Decimal], int, bool] | None:
        """The values of the number words that stand together, where they end, and whether an "and" parts them.

        Each value is as long as its language lets it be.
        """
        end = start
        while self._is(end, "word", "digit") or (
            self._joins(end) and self._is(end + 1, "word", "digit") and end > start
        ):
            end += 1
        for language in _OTHER_LANGUAGES[self.language]:
            values = self._values(start, end, language)
            if values is not None:
                return values[0], end, values[1]
        return None

    def _joins(self, position: int) -> bool:
        return self._is(position, "and") or self._text(position) == "-"

    def _values(self, start: int, end: int, language: str) -> tuple[list[Decimal], bool] | None:
        values: list[Decimal] = []
        joined_by_and = False
        while start < end:
            if values and self._joins(start):
                joined_by_and |= self._is(start, "and")
                start += 1
                continue
            for stop in range(end, start, -1):
                value = self._value(start, stop, language)
                if value is not None:
                    values.append(value)
                    start = stop
                    break
            else:
                return None
        return values, joined_by_and

    def _value(self, start: int, stop: int, language: str) -> Decimal | None:
        words = [_SPELT_OUT.get(span.text, span.text) for span in self.spans[start:stop] if span.text != "-"]
        if words == ["oh"]:
            return Decimal(0)
        if len(words) > 1 and words[0] in _ZEROS:
            return None  # "zero five" is two digits
        return _spoken(" ".join(words), language)

    def _decimals(self, position: int) -> tuple[str, int] | None:
        digits = self._digits_at(position)
        if digits is not None and digits.plain:
            return self.spans[position].text, position + 1
        zeros = 0
        while self._text(position + zeros) in _ZEROS:
            zeros += 1
        words = self._words(position + zeros) if self._is(position + zeros, "word", "digit") else None
        if words is None:
            return ("0" * zeros, position + zeros) if zeros else None
        values, end, _ = words
        if len(values) == 1 or all(value < 10 for value in values):
            return "0" * zeros + "".join(str(value) for value in values), end
        return None


@lru_cache(maxsize=WORDS_KEPT)
def _spoken(words: str, language: str) -> Decimal | None:
    try:
        return Decimal(text2num(words, language))
    except ValueError:
        return None
