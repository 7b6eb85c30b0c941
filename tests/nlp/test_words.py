"""The words: lexicons are checked, assets come from the catalogue alone, and the language is told by the words."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from nlp.catalogue import Catalogue
from nlp.lexicon import LexiconError, load
from nlp.parser import Parser

_AS_OF = date(2025, 11, 3)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('[sides]\nbuy = ["buy"]', "sides"),
        ('[side]\nhold = ["hold"]', "hold"),
        ('[month]\nfirst = ["jan"]', "first"),
        ('[side]\nbuy = ["  "]', "empty"),
        ('[examples]\nsing = ["la la"]', "sing"),
    ],
)
def test_a_lexicon_that_says_what_nobody_reads_is_refused(tmp_path: Path, lines: str, named: str) -> None:
    path = tmp_path / "en.toml"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(LexiconError, match=named):
        load(path)


def test_only_what_the_catalogue_lists_is_an_asset() -> None:
    parser = Parser(Catalogue(assets={"tea": ("tea", "té", "chá")}))
    assert parser.read("buy 5 dec25 tea at 30", as_of=_AS_OF).asset == "tea"
    reading = parser.read("buy 5 dec25 wheat at 30", as_of=_AS_OF)
    assert (reading.intent, reading.unlisted, reading.missing) == ("incomplete_order", "wheat", ("asset",))


def test_an_unlisted_product_is_named_with_what_is_nearest(parser: Parser) -> None:
    reading = parser.read("buy 20 platnium2 palladium dec25 at 900", as_of=_AS_OF)
    assert not reading.acts
    reading = parser.read("compra 20 paladio dic25 a 900", as_of=_AS_OF)
    assert (reading.intent, reading.unlisted, reading.missing) == ("incomplete_order", "paladio", ("asset",))
    assert (reading.quantity, reading.certain) == (20, False)
    assert "platinum" in reading.nearest


@pytest.mark.parametrize("word", ["goil", "plat", "gao"])
def test_a_word_that_may_be_two_assets_is_asked_about(parser: Parser, word: str) -> None:
    reading = parser.read(f"vende 15 {word} dic25 a 48", as_of=_AS_OF, last_language="es")
    assert (reading.intent, reading.reasons) == ("confirm_order", ("typo_fits_two_assets",))


@pytest.mark.parametrize(
    ("text", "last", "language"),
    [
        ("buy 100 dec25 wheat at 150", "es", "en"),
        ("vende 50 oro ene26 a 2000", "en", "es"),
        ("vende 50 ouro jan26 a 2000", "en", "pt"),
        ("compra 10 brent z25 a 64", "pt", "pt"),
        ("compra 10 brent z25 a 64", "es", "es"),
        ("1042", "pt", "pt"),
        ("100", None, "en"),
        ("mmm", "pt", "pt"),
        ("mmm", "en", "en"),
        ("te ligo as 10", "pt", "pt"),
        ("y", "pt", "pt"),
        ("hola", "pt", "es"),
        ("market", "pt", "en"),
    ],
)
def test_the_words_tell_the_language_and_the_last_one_breaks_ties(
    parser: Parser, text: str, last: str | None, language: str
) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language=last).lang == language


def test_the_command_line_writes_a_reading_for_each_row() -> None:
    rows = [
        {"id": "a", "text": "Buy 100 Dec25 Wheat at 150.50", "lang": "en"},
        {"id": "b", "text": "buy 35 December wheat at 588", "as_of": "2026-01-15"},
        {"id": "c", "text": "By 100 December 25 weed at 150.", "channel": "voice"},
    ]
    given = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run([sys.executable, "-m", "nlp"], input=given, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0] == {
        "id": "a", "lang": "en", "intent": "place_order", "side": "buy", "quantity": "100", "asset": "wheat",
        "contract": "Dec25", "price": "150.5", "order_type": "limit", "missing": [], "certain": True, "reasons": [],
    }  # fmt: skip
    assert [(line["id"], line["contract"], line["asset"]) for line in lines[1:]] == [
        ("b", "Dec26", "wheat"),
        ("c", "Dec25", "wheat"),
    ]


@pytest.mark.parametrize(
    ("text", "language", "topic"),
    [
        ("help orders", "en", "orders"),
        ("help prices", "en", "market"),
        ("how do I cancel an order?", "en", "cancel_order"),
        ("help cancel all", "en", "cancel_all"),
        ("help with alerts", "en", "alert"),
        ("what can you do?", "en", None),
        ("ayuda órdenes", "es", "orders"),
        ("ayuda posiciones", "es", "positions"),
        ("ayuda comprar", "es", "place_order"),
        ("ajuda ordens", "pt", "orders"),
        ("ajuda idioma", "pt", "language"),
        ("ajuda conta", "pt", "account"),
    ],
)
def test_help_is_about_what_it_is_asked_about(parser: Parser, text: str, language: str, topic: str | None) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language)
    assert (reading.intent, reading.topic, reading.certain) == ("help", topic, True)


def test_a_line_that_is_no_json_is_named_with_what_it_should_be():
    given = '{"id": "1", "text": "orders"}\nbuy 10 wheat\n'
    done = subprocess.run([sys.executable, "-m", "nlp"], input=given, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    [line] = done.stderr.splitlines()
    assert line.startswith("Line 2 is not JSON")


@pytest.mark.parametrize(
    ("language", "text", "intent"),
    [
        ("en", "where is my order?", "last_order"),
        ("en", "are my orders filled?", "orders"),
        ("en", "what happened to my order 1088", "status"),
        ("en", "do you have soy?", "market"),
        ("en", "got any corn?", "market"),
        ("en", "what did I sell this week?", "my_trades"),
        ("en", "am I net short anything?", "positions"),
        ("es", "¿dónde está mi orden?", "last_order"),
        ("es", "¿tienen café?", "market"),
        ("es", "¿qué he operado hoy?", "my_trades"),
        ("es", "cuánto gastaría en 20 de platino abr26?", "market"),
        ("pt", "cadê a minha ordem?", "last_order"),
        ("pt", "tem soja?", "market"),
        ("pt", "o q eu já negociei hj", "my_trades"),
        ("pt", "quanto eu gastaria pra comprar 20 platina abr26?", "market"),
    ],
)
def test_what_is_asked_is_told_by_the_question_and_its_verb(
    parser: Parser, language: str, text: str, intent: str
) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language=language).intent == intent


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pt", "Venda:\n- 20 lotes\n- Brent Jan26\n- US$ 64,40"),
        ("pt", "quero travar a venda de 20 brent jan26 em 64,4"),
        ("pt", "no brent jan26 quero vender 20 a 64,4"),
        ("pt", "Bom dia seu Jorge, vende 20 brent jan26 a 64,4. Obrigado, Renato"),
        ("es", "Vender: brent ene26 / 20 contratos / $64,40"),
        ("es", "tramítame la venta de 20 brent ene26 a 64,4"),
        ("es", "Buen día don Ernesto, vende 20 brent ene26 a 64,4. Saludos, Mariana López"),
        ("en", "Morning Pat, sell 20 jan26 brent at 64.4. Thanks, Tom"),
        ("en", "Hey, it's Tom from Riverside Farms. Sell 20 jan26 brent at 64.4"),
        ("en", "kindly arrange the sale of 20 jan26 brent at 64.4"),
    ],
)
def test_an_order_is_the_same_in_a_list_by_its_noun_and_among_names(parser: Parser, language: str, text: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language)
    assert reading.intent == "place_order", reading
    assert (reading.side, reading.quantity, reading.asset) == ("sell", 20, "brent")
    assert (reading.contract, str(reading.price).rstrip("0")) == ("Jan26", "64.4")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pt", "vende brent jan26 a\n- 20"),
        ("en", "hey yestreday, sell 20 jan26 brent at 64.4"),
        ("en", "sell 20 jan26 brent at 64.4, thanks, jokng"),
        ("en", "sell 20 jan26 brent at 64.4 thanks, cancl it"),
        ("es", "cierra la venta de 20 brent ene26 a 64,4"),
        ("en", "did you arrange the sale of 20 jan26 brent at 64.4"),
    ],
)
def test_what_only_looks_like_a_list_a_name_or_a_noun_is_not_placed(parser: Parser, language: str, text: str) -> None:
    assert not parser.read(text, as_of=_AS_OF, last_language=language).acts
