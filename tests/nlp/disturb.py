"""Disturbs the messages that must not be executed, as thumbs, phones and Whisper do, and joins them to each other.

`python -m tests.nlp.disturb --count 100000` counts what is executed of them and of salads, and prints every one.
"""

import argparse
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nlp.catalogue import Catalogue
from nlp.lexicon import load_all
from nlp.parser import Parser
from nlp.spoken_numbers import in_digits, in_words
from tests.nlp import labelled, salad

_CATALOGUE = Path(__file__).parents[2] / "engine" / "demo_catalogue.toml"

_FILLERS = (
    "please", "pls", "mate", "hey", "ok", "uh", "um", "so", "well", "now", "thanks", "good morning", "asap",
    "just", "yeah",
    "por favor", "porfa", "che", "oye", "bueno", "pues", "eh", "ya", "gracias", "hola", "dale", "este", "amigo",
    "pf", "mano", "cara", "então", "olha", "tipo", "né", "agora", "obrigado", "bom dia", "tá", "aí", "valeu",
    "🙏", "🚀", "👍", "...", "!!", "!",
)  # fmt: skip
_SWAPS = (
    {"buy", "compra"}, {"sell", "vende"}, {"buy", "comprar"}, {"sell", "vender"}, {"at", "a"}, {"wheat", "trigo"},
    {"gold", "oro", "ouro"}, {"silver", "plata", "prata"}, {"corn", "maíz", "milho"}, {"copper", "cobre"},
    {"please", "por favor"}, {"if", "si", "se"}, {"don't", "no", "não"}, {"and", "y", "e"}, {"or", "o", "ou"},
    {"coffee", "café"}, {"cotton", "algodón", "algodão"}, {"oil", "petróleo"}, {"soy", "soja"}, {"my", "mi", "meu"},
    {"cancel", "cancela"}, {"lots", "lotes"}, {"march", "marzo", "março"}, {"january", "enero", "janeiro"},
)  # fmt: skip
_KEYS = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl", "p": "o",
    "a": "qsz", "s": "adwx", "d": "sfec", "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum", "k": "jli", "l": "ko",
    "z": "asx", "x": "zsc", "c": "xdv", "v": "cfb", "b": "vgn", "n": "bhm", "m": "njk",
}  # fmt: skip
# A slip in a word shorter than this may make another word of it ("no", "goil"): the message then says something else.
_SLIP_LENGTH_MIN = 5
# By language, each word that is misheard, and for what.
_HOMOPHONES: dict[str, dict[str, list[str]]] = {lexicon.language: {} for lexicon in load_all()}
for _lexicon in load_all():
    for _entry in _lexicon.homophones:
        _HOMOPHONES[_lexicon.language].setdefault(_entry.value, []).append(_entry.phrase)
_JOINTS = (" ", " ", ", ", ". ", "\n", "; ", " - ", " and ", " then ", " y ", " e ", " luego ", " depois ")

_SLOTS = {"side", "quantity", "asset", "contract", "price"}

Disturbance = Callable[[str, random.Random], str]


def _slip(text: str, chance: random.Random) -> str:
    words = [found for found in re.finditer(r"[^\W\d_]+", text) if len(found.group()) >= _SLIP_LENGTH_MIN]
    if not words:
        return text
    word = chance.choice(words)
    place = chance.randrange(word.start(), word.end())
    letter = text[place]
    near = chance.choice(_KEYS.get(letter.lower(), letter))
    kind = chance.randrange(4)
    if kind == 0:
        return text[:place] + text[place + 1 :]
    if kind == 1:
        return text[:place] + letter + text[place:]
    if kind == 2:
        return text[:place] + near + text[place + 1 :]
    after = text[place + 1 : place + 2]
    return text[:place] + after + letter + text[place + 2 :] if after.isalpha() else text


def _case(text: str, chance: random.Random) -> str:
    return chance.choice((str.upper, str.lower, str.title, str.capitalize, str.swapcase))(text)


def _plain(text: str, _: random.Random) -> str:
    """Without accents, as on a phone that makes them hard to type."""
    return text.translate(str.maketrans("áéíóúâêôãõàüÁÉÍÓÚ", "aeiouaeoaoauAEIOU"))


def _spaces(text: str, chance: random.Random) -> str:
    places = [place for place, letter in enumerate(text) if letter == " "]
    if not places:
        return text
    place = chance.choice(places)
    return text[:place] + chance.choice(("  ", "\n", "\u00a0", "\t", " \u200f")) + text[place + 1 :]


def _filler(text: str, chance: random.Random) -> str:
    filler = chance.choice(_FILLERS)
    kind = chance.randrange(4)
    if kind == 0:
        return f"{filler} {text}"
    if kind == 1:
        return f"{filler}, {text}"
    if kind == 2:
        return f"{text} {filler}"
    words = text.split(" ")
    # Not between a number and its neighbours, which would part "1 1/4" or "dec 25".
    places = [
        place
        for place in range(1, len(words))
        if not any(letter.isdigit() for letter in words[place - 1] + words[place])
    ]
    if not places:
        return text
    place = chance.choice(places)
    return " ".join((*words[:place], filler, *words[place:]))


def _mix(text: str, chance: random.Random) -> str:
    words = re.split(r"(\W+)", text)
    for place in chance.sample(range(len(words)), len(words)):
        for group in _SWAPS:
            if words[place].lower() in group:
                words[place] = chance.choice(sorted(group - {words[place].lower()}))
                return "".join(words)
    return text


def _unmarked(text: str, _: random.Random) -> str:
    """Without the marks at the end, but for those that make it a question."""
    return text.rstrip(" .!")


def _twice(text: str, chance: random.Random) -> str:
    """A word said or typed twice; a number would become two."""
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if word.isalpha()]
    if not places:
        return text
    place = chance.choice(places)
    return " ".join((*words[: place + 1], *words[place:]))


def _emphasis(text: str, chance: random.Random) -> str:
    """As WhatsApp writes bold, italic, struck and quoted."""
    around = chance.choice(("*", "_", "~", '"', "“", ">"))
    return f"{around}{text}{'' if around == '>' else '”' if around == '“' else around}"


def _pause(text: str, chance: random.Random) -> str:
    """A comma, a full stop or dots where a voice pauses, though not within a number."""
    places = [found.start() for found in re.finditer(r"(?<=[^\W\d_]) | (?=[^\W\d_])", text)]
    if not places:
        return text
    place = chance.choice(places)
    return text[:place] + chance.choice((",", ",", ".", "...")) + text[place:]


def _misheard(language: str) -> Disturbance:
    def mishear(text: str, chance: random.Random) -> str:
        heard = _HOMOPHONES[language]
        words = [found for found in re.finditer(r"\w+", text) if found.group().lower() in heard]
        if not words:
            return text
        word = chance.choice(words)
        return text[: word.start()] + chance.choice(heard[word.group().lower()]) + text[word.end() :]

    return mishear


def _respelt(language: str) -> Disturbance:
    """With the numbers in words, or in digits, as Whisper writes them now so and now so; but "10/25" is one word."""

    def respell(text: str, chance: random.Random) -> str:
        return text if "/" in text else chance.choice((in_words, in_digits))(text, language)

    return respell


# Mixing languages stands here once: twice, and the message may be whole in another language, where it is no trap.
_DISTURBANCES: tuple[Disturbance, ...] = (
    _slip, _slip, _case, _plain, _spaces, _filler, _filler, _mix, _unmarked, _twice, _emphasis,
)  # fmt: skip
_IN_VOICE: dict[str, tuple[Disturbance, ...]] = {
    language: (_pause, _pause, _misheard(language), _respelt(language)) for language in _HOMOPHONES
}


def disturbed(row: dict[str, Any], chance: random.Random) -> str:
    """The row's text after one to four disturbances; those of a voice for a row that was spoken."""
    disturbances = _DISTURBANCES
    if row["channel"] == "voice":
        disturbances += _IN_VOICE[row["lang"]]
    text: str = row["text"]
    for disturb in chance.sample(disturbances, chance.randint(1, 4)):
        text = disturb(text, chance)
    return text


def joined(first: dict[str, Any], second: dict[str, Any], chance: random.Random) -> str:
    """Two messages in one, the second perhaps broken off or beginning in its middle.

    Not after what is incomplete: what is left of the second may be just what it lacks.
    """
    words = second["text"].split(" ")
    lacks = first["expect"]["intent"] == "incomplete_order" or "bare_command" in first.get("tags", ())
    if not lacks and chance.random() < 0.5:
        place = chance.randrange(len(words))
        words = words[: place + 1] if chance.random() < 0.5 else words[place:]
    one, other = first["text"], " ".join(words)
    if chance.random() < 0.3:
        one, other = other, one
    return f"{one}{chance.choice(_JOINTS)}{other}"


def complete_each_other(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether one says just what the other lacks, so that both are a whole order: "buy" and "20 jan26 oil at 60".

    What both say, both say alike: "quero vender 30" and "30 lots mar26 corn @ 430".
    """
    one, other = first["expect"], second["expect"]
    return one["intent"] == other["intent"] == "incomplete_order" and all(
        one[slot] == other[slot] for slot in _SLOTS & one.keys() & other.keys()
    )


def executed(parser: Parser, row: dict[str, Any], text: str) -> dict[str, object] | None:
    """The reading of a disturbed trap, where it would be carried out."""
    reading = labelled.read(parser, row, text)
    return reading.to_json() if reading.acts else None


def main() -> None:
    """Run the given number of disturbances from the given seed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    parser = Parser(Catalogue.from_toml(_CATALOGUE))
    chance = random.Random(given.seed)
    traps = labelled.traps()
    wrong = 0
    for _ in range(given.count):
        row = chance.choice(traps)
        kind = chance.choices(("disturbed", "joined", "salad"), (70, 15, 15))[0]
        other = chance.choice(traps)
        if kind == "joined" and not complete_each_other(row, other):
            text = joined(row, other, chance)
        elif kind != "salad":
            text = disturbed(row, chance)
        else:
            text = salad.tossed(row["lang"], chance)
        reading = executed(parser, row, text)
        if reading is not None:
            wrong += 1
            line = {"kind": kind, "row": row["id"], "was": row["text"], "text": text, "reading": reading}
            print(json.dumps(line, ensure_ascii=False))
    print(f"{given.count} disturbed messages, {wrong} executed")


if __name__ == "__main__":
    main()
