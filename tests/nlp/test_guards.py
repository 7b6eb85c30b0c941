"""What must never be carried out, however it is typed."""

import random
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nlp.lexicon import LANGUAGES
from nlp.parser import Parser
from nlp.reading import Intent
from tests.nlp import disturb, labelled, salad

_AS_OF = date(2025, 11, 3)
_ORDERS = {
    "en": "buy 100 dec25 wheat at 150",
    "es": "compra 100 trigo dic25 a 150",
    "pt": "compra 100 trigo dez25 a 150",
}
_BEFORE = {
    "en": (
        "don't", "dont", "do not", "never", "if it drops", "should i", "he said", "maybe", "yesterday i",
        "why", "when it falls", "ignore the rules and", "i was going to", "not", "unless it rains",
    ),
    "es": (
        "no", "nunca", "si baja", "cuando suba", "debería", "deberia", "dice juan que", "tal vez", "ayer",
        "por qué", "por que", "ignora las reglas y", "iba a", "no sé si", "no se si", "ni se te ocurra",
    ),
    "pt": (
        "não", "nao", "nunca", "se cair", "quando subir", "devo", "meu chefe disse", "talvez", "ontem",
        "por que", "ignore as regras e", "ia", "não sei se", "nao sei se", "nem pensar",
    ),
}  # fmt: skip
_AFTER = {
    "en": (
        "jk", "lol", "if it breaks out", "when it opens", "what do you think", "or not", "?", "tomorrow",
        "or sell", "said mike",
    ),
    "es": (
        "jaja", "es broma", "si baja", "cuando abra", "qué opinas", "o no", "?", "mañana", "dijo ana",
        "o vende",
    ),
    "pt": (
        "kkk", "brincadeira", "se cair", "quando abrir", "o que acha", "ou não", "?", "amanhã", "disse a ana",
        "ou vende",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", sorted(_ORDERS))
def test_the_plain_order_alone_is_placed(parser: Parser, language: str) -> None:
    reading = parser.read(_ORDERS[language], as_of=_AS_OF, last_language=language)
    assert (reading.intent, reading.certain, reading.reasons) == (Intent.PLACE_ORDER, True, ())


@pytest.mark.parametrize(("language", "guard"), [(one, guard) for one in sorted(_BEFORE) for guard in _BEFORE[one]])
def test_a_warning_before_an_order_keeps_it_from_being_placed(parser: Parser, language: str, guard: str) -> None:
    for text in (
        f"{guard} {_ORDERS[language]}",
        f"{guard} {_ORDERS[language]}".upper(),
        f"{guard}, {_ORDERS[language]}",
    ):
        assert not parser.read(text, as_of=_AS_OF, last_language=language).acts, text


@pytest.mark.parametrize(("language", "guard"), [(one, guard) for one in sorted(_AFTER) for guard in _AFTER[one]])
def test_a_warning_after_an_order_keeps_it_from_being_placed(parser: Parser, language: str, guard: str) -> None:
    for text in (f"{_ORDERS[language]} {guard}", f"{_ORDERS[language]}, {guard}", f"{_ORDERS[language]} {guard}!"):
        assert not parser.read(text, as_of=_AS_OF, last_language=language).acts, text


@pytest.mark.parametrize("extra", ["7", "at 160", "and 20", "gold", "mar26", "xyzzy", "5%", "+10", "sell", "1042", "-"])
def test_nothing_that_was_said_is_silently_dropped(parser: Parser, extra: str) -> None:
    reading = parser.read(f"{_ORDERS['en']} {extra}", as_of=_AS_OF, last_language="en")
    assert reading.acts == (extra == "-")


@pytest.mark.parametrize("guard", ["don't", "if it falls", "he said", "did you", "should i", "maybe"])
@pytest.mark.parametrize("command", ["cancel 1042", "cancel all", "cancel my last order", "move 1042 to 151.5"])
def test_a_warning_keeps_orders_as_they_are(parser: Parser, guard: str, command: str) -> None:
    assert not parser.read(f"{guard} {command}", as_of=_AS_OF, last_language="en").acts


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "forget about cancel 1042"),
        ("en", "Don't cancel my last order."),
        ("en", "I think move the price of 1042 to 151"),
        ("en", "or maybe move the price of 1042 to 151"),
        ("en", "move the price of 1042 to 151, no wait"),
        ("en", "hold it for 10 minutes then buy 100 dec25 wheat at 150"),
        ("en", "I'm going to buy 100 dec25 wheat at 150"),
        ("en", "sell feb bueno  26 brent at 64"),
        ("en", "buy to december... 25 wheat at 150"),
        ("en", "sell pls good morning me 10 jan26 gold at 4020"),
        ("en", "comprá soja and 45 jan26 soybeans at 1119"),
        ("en", "buy 20 cocoa, buy mar26 at 5900"),
        ("en", "@ 438 then cancel"),
        ("en", "agregale. 45 1117 jan26 soybeans sell"),
        ("en", "quiero comprar y mar26 rice, 20 lots, limit 14"),
        ("en", "buy 10 dec25 wheat at 155 five"),
        ("en", "buy 10 front month wheat at 150 and jan26"),
        ("en", "sell 30 30 gold for december"),
        ("en", "buy 10 dec25 wheat at 150 leave it until"),
        ("es", "de ninguna manera cancele la 1042"),
        ("es", "no canceles mi última orden"),
        ("es", "no me canceles la orden 1042"),
        ("es", "no era cambiar el precio de 1042 a 151"),
        ("es", "pagaría hasta 150 por 100 trigo dic25"),
        ("es", "voy comprado 100 trigo dic25 a 150"),
        ("es", "compra 100 trigo dic25 a 150 hasta mañana"),
        ("es", "buy oro febrero a cuatro 👍 mil."),
        ("es", "just, just, vende 10 oro feb26 at 4,015"),
        ("es", "compra oro, febrero a 4. 1000."),
        ("es", "vende algodón marzo a sesenta y y seis"),
        ("es", "compra oro febrero a cuatro mil, veinte"),
        ("es", "compra oro febrero a 4 4000"),
        ("en", "sell everything i've got, then cancel"),
        ("en", "buy for may 26 cocoa at 5,940 and 436"),
        ("es", "compra oro febrero a cuatro agora cuatro mil"),
        ("pt", "queria buy 35 lotes de arroz, março ya de 2026"),
        ("pt", "vende ouro fevereiro, a 4. 1050."),
        ("pt", "vende ouro fevereiro a 4, 1050."),
        ("es", "No No, cancele la, 1310."),
        ("es", "pon un; plata mar26 15 48,5 vender"),
        ("es", "Compa, digo, vende 12 de cobre marzo a 5,08."),
        ("es", "good morning, Commpra, digo, sell 12 de de cobre marzo a 5,08."),
        ("en", "Cancel Sell everything I've got."),
        ("pt", "cê é que compra 10 de trigo dez25 a 150"),
        ("pt", "é que compra 10 de trigo dez25 a 150"),
        ("en", "sell silver march at 4, 105"),
        ("pt", "compra trigo dez\ndez 25 a 540"),
        ("pt", "compra trigo dez, por favor, dez 25 a 540"),
        ("pt", "queria comprar 35 lotes de arroz, march good morning de 2026"),
        ("pt", "vende ouro fevereiro a 4000 e, 50."),
        ("pt", "né não cancela a mil e cinquenta e um"),
        ("es", "cancela y sell everything I've got."),
        ("es", "cancelar. Sell everything I've got."),
        ("es", "compra oro febrero a, 4 4000"),
        ("es", "dic25 entró a 150 trigo 20 lotes"),
        ("en", "sell 20 january soya at eeven twenty"),
        ("en", "sell 20 january soya at even twenty"),
        ("en", "sell 20 january soya at eleven ta twnty"),
        ("pt", "né não vende os 20 de prata mar26 a 48"),
        ("es", "compra oro febrero a... cuatro. cuatro mil"),
        ("es", "compra 10 oro dic25 mínimo 4.000"),
        ("es", "vende 10 oro dic25 con tope de 4.000"),
        ("pt", "de modo algum cancele a 1042"),
        ("pt", "quero sell 30 mate"),
        ("pt", "quero mate sell 30"),
        ("pt", "compra, vinte né vinte de milho... maio"),
        ("pt", "vende cobre maio a 5,dois"),
        ("pt", "num quero que cancele a 1042"),
        ("pt", "não é pra mudar o preço da 1042 para 151"),
        ("pt", "de novo não compra 100 trigo dez25 a 150"),
        ("pt", "comprado em 100 trigo dez25 a 150"),
        ("pt", "vê se vende 100 trigo dez25 a 150"),
    ],
)
def test_no_longer_phrase_hides_a_warning_within_it(parser: Parser, language: str, text: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language)
    assert not reading.acts
    assert reading.intent != Intent.LAST_ORDER


@pytest.mark.parametrize(
    ("language", "text", "intent"),
    [
        ("en", "don't ask me above 5", Intent.UNKNOWN),
        ("en", "don't confirm everything", Intent.UNKNOWN),
        ("en", "don't always ask", Intent.CONFIRM_UNSURE),
        ("en", "no, always ask me", Intent.CONFIRM_ALWAYS),
        ("es", "no pregunta por encima de 5", Intent.UNKNOWN),
        ("es", "no confirma todo", Intent.UNKNOWN),
        ("pt", "não me pergunte acima de 5", Intent.UNKNOWN),
    ],
)
def test_what_is_not_to_be_asked_sets_no_limit(parser: Parser, language: str, text: str, intent: Intent) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language=language).intent == intent


@settings(max_examples=150, deadline=None)
@given(row=st.sampled_from(labelled.traps()), chance=st.randoms(use_true_random=False))
def test_a_disturbed_trap_is_not_executed(parser: Parser, row: dict[str, Any], chance: random.Random) -> None:
    text = disturb.disturbed(row, chance)
    assert disturb.executed(parser, row, text) is None, text


@settings(max_examples=100, deadline=None)
@given(
    first=st.sampled_from(labelled.traps()),
    second=st.sampled_from(labelled.traps()),
    chance=st.randoms(use_true_random=False),
)
def test_two_traps_in_one_message_are_not_executed(
    parser: Parser, first: dict[str, Any], second: dict[str, Any], chance: random.Random
) -> None:
    assume(not disturb.complete_each_other(first, second))
    text = disturb.joined(first, second, chance)
    assert disturb.executed(parser, first, text) is None, text


@settings(max_examples=150, deadline=None)
@given(language=st.sampled_from(LANGUAGES), chance=st.randoms(use_true_random=False))
def test_a_salad_of_words_is_not_executed(parser: Parser, language: str, chance: random.Random) -> None:
    text = salad.tossed(language, chance)
    assert not parser.read(text, as_of=_AS_OF, last_language=language).acts, text


@settings(max_examples=150, deadline=None)
# Letter by letter, since whole texts are drawn from our own sources too, which name "PARA".
@given(text=st.lists(st.characters(), max_size=400).map("".join))
def test_random_text_executes_nothing(parser: Parser, text: str) -> None:
    assert not parser.read(text, as_of=_AS_OF).acts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("buy 100 dec25 wheat at 150 " * 400, "too_long"),
        ("🚀" * 1_000_000, "too_long"),
        ("\u202e\u200f\u200b\u0007", "empty"),
        ("   \n\t ", "empty"),
        ("", "empty"),
    ],
)
def test_a_message_that_says_nothing_is_unknown_for_a_reason(parser: Parser, text: str, reason: str) -> None:
    reading = parser.read(text, as_of=_AS_OF)
    assert (reading.intent, reading.certain, reading.reasons) == (Intent.UNKNOWN, False, (reason,))


def test_marks_of_right_to_left_text_and_control_characters_change_nothing(parser: Parser) -> None:
    text = "\u200fbuy\u202e 100\u0000 dec25 \u200bwheat at 150\u202c"
    reading = parser.read(text, as_of=_AS_OF)
    assert (reading.intent, reading.quantity, reading.price) == (Intent.PLACE_ORDER, 100, 150)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pt", "põe uma compra de 20 no café mar26 a 372,5"),
        ("pt", "no milho mai26 quero comprar 120 lotes a 441,5"),
        ("pt", "Oxente, vende 33 de milho setembro a 451, visse"),
        ("pt", "compra 9 de prata jul26 a 49,15, se não se importa"),
        ("es", "Pues nada, compra 12 de brent mar26 a 63,75"),
        ("es", "qué tal, compra 12 de brent mar26 a 63,75"),
        ("en", "Hope you're well. Buy 12 mar26 brent at 63.75"),
    ],
)
def test_what_only_sounds_like_a_warning_is_none(parser: Parser, language: str, text: str) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language=language).intent == Intent.PLACE_ORDER


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pt", "compraria 10 platina abr26 a 1.500 se tivesse margem"),
        ("pt", "enviei uma compra de 20 milho mar26 a 430"),
        ("es", "envié una compra de 20 maíz mar26 a 430"),
        ("es", "dejó 20 maíz mar26 en compra a 430"),
        ("es", "me llevaría 20 de maíz mar26 a 430"),
        ("en", "we went long 20 mar26 corn at 430"),
        ("en", "should've bought 20 mar26 corn at 430"),
    ],
)
def test_what_was_done_or_would_be_done_is_not_placed(parser: Parser, language: str, text: str) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language=language).intent == Intent.UNKNOWN


@pytest.mark.parametrize(
    "text", ["A firma compra 300 milho mar26 a 430", "A firma pra fazenda compra 300 milho mar26 a 430"]
)
def test_who_stands_before_the_verb_is_who_does_it(parser: Parser, text: str) -> None:
    assert not parser.read(text, as_of=_AS_OF, last_language="pt").acts


def test_a_year_behind_a_pause_is_no_sure_price(parser: Parser) -> None:
    text = "Queria please comprar 35 lotes de arroz, março ... de 2026"
    assert not parser.read(text, as_of=_AS_OF, last_language="pt").acts


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Não é para comprar o ouro de fevereiro.", "pt"),
        ("não é pra comprar 10 ouro dez25 a 4000", "pt"),
        ("no es para comprar 10 oro dic25 a 4000", "es"),
    ],
)
def test_a_no_in_the_phrase_before_the_verb_denies_it(parser: Parser, text: str, language: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language)
    assert reading.intent == Intent.UNKNOWN
    assert "negation" in reading.reasons


@pytest.mark.parametrize("text", ["COMPRA TRRIGO DEZ DEZ 25 A 540", "compra trigo dez dez25 a 540"])
def test_a_month_said_twice_may_be_no_quantity(parser: Parser, text: str) -> None:
    assert not parser.read(text, as_of=_AS_OF, last_language="pt").acts


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("please vende 10 trigo dic25 a 540", "es"),
        ("hola compra 10 trigo dez25 a 540", "pt"),
        ("ok then vende 10 trigo dez25 a 540", "pt"),
    ],
)
def test_courtesy_in_another_language_is_nobody_who_trades(parser: Parser, text: str, language: str) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language=language).intent == Intent.PLACE_ORDER


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Sell 20 December silver at 49, let me sleep on it", "en"),
        ("Sell 20 December silver at 49, let me, sleep on it", "en"),
        ("vende 20 plata dic25 a 49, lo consulto con la almohada", "es"),
        ("vende 20 prata dez25 a 49, vou dormir com isso", "pt"),
    ],
)
def test_who_sleeps_on_it_does_not_trade_yet(parser: Parser, text: str, language: str) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language=language).intent == Intent.UNKNOWN


def test_a_word_that_is_like_another_languages_yes_is_not_understood(parser: Parser) -> None:
    # "seep" is a Spanish yes.
    assert not parser.read("Sell 20 December silver at 49, let me sleep", as_of=_AS_OF, last_language="en").acts
