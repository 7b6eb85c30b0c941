"""Leaving out what cannot be like a word leaves out nothing that is like it."""

import random

import pytest

from nlp.lexicon import load_all
from nlp.likeness import Likeness, nearest

_WORDS = sorted({entry.phrase for lexicon in load_all() for entry in lexicon.entries if entry.phrase.isalpha()})
_SIMILARITY_MIN = 0.53
_LETTERS_MAX = 20


@pytest.mark.parametrize("seed", range(10))
def test_the_words_most_like_a_slip_are_those_of_comparing_it_with_all(seed: int) -> None:
    chance = random.Random(seed)
    likeness = Likeness(_WORDS, _SIMILARITY_MIN, _LETTERS_MAX)
    for word in chance.sample(_WORDS, 20):
        slip = _slipped(word, chance)[:_LETTERS_MAX]
        assert likeness.nearest(slip, len(_WORDS)) == nearest(slip, _WORDS, _SIMILARITY_MIN)


def _slipped(word: str, chance: random.Random) -> str:
    """The word with up to half of its letters wrong, lost, doubled or swapped."""
    letters = list(word)
    for _ in range(chance.randint(0, len(word) // 2)):
        place = chance.randrange(len(letters))
        kind = chance.choice(("wrong", "lost", "doubled", "swapped"))
        if kind == "wrong":
            letters[place] = chance.choice("abcdefghijklmnopqrstuvwxyzñãé")
        elif kind == "lost" and len(letters) > 1:
            del letters[place]
        elif kind == "doubled":
            letters.insert(place, letters[place])
        else:
            letters.insert(0, letters.pop(place))
    return "".join(letters)
