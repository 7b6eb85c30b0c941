"""Disturbs the messages that must not be executed, as thumbs and phones do, and counts those that are executed.

`python -m tests.nlp.disturb --count 100000` prints every one of them and their number.
"""

import argparse
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nlp.catalogue import Catalogue
from nlp.parser import Parser
from tests.nlp import labelled

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


# Mixing languages stands here once: twice, and the message may be whole in another language, where it is no trap.
_DISTURBANCES: tuple[Callable[[str, random.Random], str], ...] = (
    _slip, _slip, _case, _plain, _spaces, _filler, _filler, _mix, _unmarked,
)  # fmt: skip


def disturbed(text: str, chance: random.Random) -> str:
    """The text after one to three disturbances."""
    for disturb in chance.sample(_DISTURBANCES, chance.randint(1, 3)):
        text = disturb(text, chance)
    return text


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
        text = disturbed(row["text"], chance)
        reading = executed(parser, row, text)
        if reading is not None:
            wrong += 1
            print(
                json.dumps({"row": row["id"], "was": row["text"], "text": text, "reading": reading}, ensure_ascii=False)
            )
    print(f"{given.count} disturbed messages, {wrong} executed")


if __name__ == "__main__":
    main()
