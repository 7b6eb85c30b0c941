"""The listed words that are spelt most like another; what cannot be like it is left out before any is compared."""

from collections.abc import Sequence

import numpy
from rapidfuzz import process
from rapidfuzz.distance import OSA

_LETTER_BITS = 31


class Likeness:
    """Words of `letters_max` letters at most are compared with a list, down to `similarity_min` (0 to 1)."""

    def __init__(self, words: Sequence[str], similarity_min: float, letters_max: int) -> None:
        self._similarity_min = similarity_min
        listed = numpy.array(words, dtype=object)
        lengths = numpy.array([len(word) for word in words])
        letters = numpy.array([_letters(word) for word in words], dtype=numpy.uint32)
        # By the length of the word that is compared: the words that are near it in length, their letters, and how
        # many slips make each too unlike.
        self._of_length = []
        for length in range(letters_max + 1):
            slips_max = numpy.maximum(lengths, length) * (1 - similarity_min)
            near = numpy.abs(lengths - length) <= slips_max
            self._of_length.append((listed[near], letters[near], slips_max[near]))

    def nearest(self, word: str, limit: int) -> list[tuple[str, float]]:
        """The most like words, best first, each with its similarity."""
        words, letters, slips_max = self._of_length[len(word)]
        own = numpy.uint32(_letters(word))
        # One slip takes one letter away and brings another one at most.
        missing, more = numpy.bitwise_count(own & ~letters), numpy.bitwise_count(letters & ~own)
        alike = words[numpy.maximum(missing, more) <= slips_max]
        return nearest(word, alike.tolist(), self._similarity_min, limit)


def nearest(
    word: str, words: Sequence[str], similarity_min: float, limit: int | None = None
) -> list[tuple[str, float]]:
    """The most like of the words, best first, each with its similarity."""
    scored = process.extract(word, words, scorer=OSA.normalized_similarity, limit=limit, score_cutoff=similarity_min)
    return [(key, similarity) for key, similarity, _ in scored]


def _letters(word: str) -> int:
    """One bit for each letter that the word has; of other alphabets some share theirs."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & _LETTER_BITS)
    return bits
