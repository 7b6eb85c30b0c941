"""What a message means to a question that stands open, and as a repetition of the last order."""

from datetime import date
from decimal import Decimal

import pytest

from nlp.parser import Parser
from nlp.reading import Intent, Question, Reading

_AS_OF = date(2025, 11, 3)
_WHEAT = Reading(intent=Intent.INCOMPLETE_ORDER, lang="en", side="buy", asset="wheat")
_GOLD = Reading(
    intent=Intent.PLACE_ORDER,
    lang="en",
    side="sell",
    quantity=Decimal(50),
    asset="gold",
    contract="Jan26",
    price=Decimal(4000),
    order_type="limit",
)


def _answer(parser: Parser, text: str, question: Question, language: str = "en") -> dict[str, object]:
    line = parser.read(text, as_of=_AS_OF, last_language=language, question=question).to_json()
    return {key: value for key, value in line.items() if key not in ("lang", "missing", "reasons", "spellings")}


@pytest.mark.parametrize(
    ("text", "language", "missing", "slots"),
    [
        ("100", "en", ("quantity", "contract", "price"), {"quantity": "100"}),
        ("100 lots", "en", ("quantity", "contract", "price"), {"quantity": "100"}),
        ("cien", "es", ("quantity",), {"quantity": "100"}),
        ("150", "en", ("price",), {"price": "150"}),
        ("dec25 at 150", "en", ("contract", "price"), {"contract": "Dec25", "price": "150"}),
        ("ok mar26 at 378.5", "en", ("contract", "price"), {"contract": "Mar26", "price": "378.5"}),
        ("a 1.560", "es", ("price",), {"price": "1560"}),
        ("a mercado", "pt", ("price",), {"order_type": "market"}),
        ("20 lotes, fev26", "pt", ("quantity", "contract"), {"quantity": "20", "contract": "Feb26"}),
        ("hang on, make it 60 lots", "en", ("contract",), {"quantity": "60"}),
        ("jan26", "en", ("contract",), {"contract": "Jan26"}),
        ("então jan26 a 1.118", "pt", ("contract", "price"), {"contract": "Jan26", "price": "1118"}),
        ("100 at 150 gtc", "en", ("quantity", "price"), {"quantity": "100", "price": "150", "time_in_force": "GTC"}),
    ],
)
def test_an_answer_fills_what_was_asked_for(
    parser: Parser, text: str, language: str, missing: tuple[str, ...], slots: dict[str, str]
) -> None:
    got = _answer(parser, text, Question("missing", _WHEAT, missing), language)
    assert got == {"intent": "answer", "certain": True, **slots}


def test_a_preposition_that_also_stops_corrects_nothing(parser: Parser) -> None:
    asked = Question("missing", _WHEAT, ("quantity", "contract", "price"))
    assert _answer(parser, "para marzo, a 377", asked, "es") == {
        "intent": "answer",
        "certain": True,
        "contract": "Mar26",
        "price": "377",
    }


def test_a_side_that_was_asked_for_is_an_answer(parser: Parser) -> None:
    asked = Reading(intent=Intent.INCOMPLETE_ORDER, lang="en", quantity=Decimal(30), asset="corn", contract="Mar26")
    got = _answer(parser, "buy", Question("missing", asked, ("side", "price")))
    assert got == {"intent": "answer", "certain": True, "side": "buy"}


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("no, 4010", {"price": "4010"}),
        ("no, at 4010", {"price": "4010"}),
        ("no, 60 lots", {"quantity": "60"}),
        ("no, silver", {"asset": "silver"}),
        ("no, dec25", {"contract": "Dec25"}),
    ],
)
def test_a_correction_changes_only_what_it_names(parser: Parser, text: str, slots: dict[str, str]) -> None:
    assert _answer(parser, text, Question("confirm", _GOLD)) == {"intent": "answer", "certain": True, **slots}


@pytest.mark.parametrize(
    ("text", "language", "slots"),
    [
        ("no, I said 40 not 50", "en", {"quantity": "40"}),
        ("40 lots, not 50 lots", "en", {"quantity": "40"}),
        ("that should be 40 instead of 50", "en", {"quantity": "40"}),
        ("not 4000 but 4010", "en", {"price": "4010"}),
        ("no, dije 40, no 50", "es", {"quantity": "40"}),
        ("no eran 50 sino 40", "es", {"quantity": "40"}),
        ("no a 4.000, a 4.010", "es", {"price": "4010"}),
        ("não, eu disse 40, não 50", "pt", {"quantity": "40"}),
        ("40 em vez de 50", "pt", {"quantity": "40"}),
    ],
)
def test_a_figure_is_put_right_by_naming_the_wrong_one(
    parser: Parser, text: str, language: str, slots: dict[str, str]
) -> None:
    got = _answer(parser, text, Question("confirm", _GOLD), language)
    assert got == {"intent": "answer", "certain": False, **slots}
    later = parser.read(text, as_of=_AS_OF, last_language=language, last_order=_GOLD).to_json()
    assert {key: later[key] for key in ("intent", "certain", *slots)} == {"intent": "adjust", "certain": False, **slots}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("sorry, buy not sell", "en"),
        ("not sell, buy", "en"),
        ("buy instead of sell", "en"),
        ("perdón, compra, no venta", "es"),
        ("no es venta, es compra", "es"),
        ("desculpa, compra, não venda", "pt"),
        ("não é venda, é compra", "pt"),
    ],
)
def test_a_side_is_put_right_by_naming_the_wrong_one(parser: Parser, text: str, language: str) -> None:
    got = _answer(parser, text, Question("confirm", _GOLD), language)
    assert got == {"intent": "answer", "certain": False, "side": "buy"}


@pytest.mark.parametrize("text", ["sell, not buy", "not sell", "buy not sell 10", "buy, don't sell, if it drops"])
def test_a_not_beside_another_side_puts_nothing_right(parser: Parser, text: str) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language="en", question=Question("confirm", _GOLD)).side is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("no!! my phone sent it twice", "en"),
        ("no I already sent that one", "en"),
        ("nah leave it", "en"),
        ("nope, didn't mean to send that", "en"),
        ("no, that was from before", "en"),
        ("no, se mandó dos veces", "es"),
        ("nel, ya la había mandado", "es"),
        ("no che, se me duplicó el mensaje", "es"),
        ("no, perdón, fue un error", "es"),
        ("não, foi sem querer uai", "pt"),
        ("não cara, foi repetida", "pt"),
        ("não, deixa como tá", "pt"),
        ("oxe, não, foi o menino que mexeu", "pt"),
    ],
)
def test_a_no_is_one_whatever_is_remarked_behind_it(parser: Parser, text: str, language: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language, question=Question("confirm", _GOLD))
    assert reading.intent == Intent.NO


@pytest.mark.parametrize(
    ("text", "language", "slots"),
    [
        ("eish no, 90 lots", "en", {"quantity": "90"}),
        ("nah mate, 15 lots", "en", {"quantity": "15"}),
        ("oh no no, 18 lots", "en", {"quantity": "18"}),
        ("uy no, 15 lotes", "es", {"quantity": "15"}),
        ("eita, não, 77 lotes", "pt", {"quantity": "77"}),
        ("não cara, 20 lotes", "pt", {"quantity": "20"}),
        ("vixe não, 15 lotes", "pt", {"quantity": "15"}),
    ],
)
def test_a_no_before_a_slot_corrects_it(parser: Parser, text: str, language: str, slots: dict[str, str]) -> None:
    got = _answer(parser, text, Question("confirm", _GOLD), language)
    assert {key: got[key] for key in ("intent", *slots)} == {"intent": "answer", **slots}


@pytest.mark.parametrize("text", ["40, not 60", "not 50", "40 not 50?", "if 40, not 50", "40, not 50, maybe"])
def test_a_not_beside_another_figure_puts_nothing_right(parser: Parser, text: str) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language="en", last_order=_GOLD).intent == Intent.UNKNOWN


@pytest.mark.parametrize("text", ["20 lots", "20 lotes", "368"])
def test_a_figure_that_answers_nothing_changes_no_order(parser: Parser, text: str) -> None:
    assert parser.read(text, as_of=_AS_OF, last_language="en", last_order=_GOLD).intent == Intent.UNKNOWN


def test_a_correction_that_may_be_price_or_quantity_is_not_certain(parser: Parser) -> None:
    reading = parser.read("no, 60", as_of=_AS_OF, last_language="en", question=Question("confirm", _GOLD))
    assert (reading.intent, reading.certain, reading.reasons) == (Intent.ANSWER, False, ("ambiguous_number",))


def test_a_number_of_two_meanings_is_not_certain(parser: Parser) -> None:
    asked = Question("missing", _WHEAT, ("quantity",))
    reading = parser.read("1,500", as_of=_AS_OF, last_language="es", question=asked)
    assert (reading.quantity, reading.certain) == (Decimal(1500), False)


@pytest.mark.parametrize(
    ("text", "language", "intent"),
    [
        ("yes", "en", Intent.YES),
        ("dale", "es", Intent.YES),
        ("isso mesmo", "pt", Intent.YES),
        ("mejor no", "es", Intent.NO),
        ("olvídalo", "es", Intent.NO),
        ("cancel", "en", Intent.NO),
        ("forget it", "en", Intent.NO),
        ("how's march coffee trading?", "en", Intent.MARKET),
        ("ayuda", "es", Intent.HELP),
        ("en español por favor", "en", Intent.LANGUAGE),
        ("can we do this in English?", "pt", Intent.LANGUAGE),
        ("buy 10 feb26 brent at 64.2", "en", Intent.PLACE_ORDER),
        ("sell silver", "en", Intent.INCOMPLETE_ORDER),
        ("esquece o trigo, vende 50 ouro jan26 a 4.010", "pt", Intent.PLACE_ORDER),
        ("cancel 1042", "en", Intent.CANCEL_ORDER),
        ("if it drops to 140", "en", Intent.UNKNOWN),
        ("maybe 100", "en", Intent.UNKNOWN),
        ("please don't cancel it", "en", Intent.UNKNOWN),
        ("no la canceles", "es", Intent.UNKNOWN),
        ("cancela", "es", Intent.NO),
        ("cancela", "pt", Intent.NO),
        ("what can I buy here?", "en", Intent.MARKET),
    ],
)
def test_what_is_no_answer_reads_as_itself(parser: Parser, text: str, language: str, intent: Intent) -> None:
    question = Question("missing", _WHEAT, ("quantity", "contract", "price"))
    assert parser.read(text, as_of=_AS_OF, last_language=language, question=question).intent == intent


@pytest.mark.parametrize(
    ("text", "language", "slots", "certain"),
    [
        ("same again but 50", "en", {"quantity": "50"}, False),
        ("otra igual pero 5", "es", {"quantity": "5"}, False),
        ("mais uma igual, só que 10 lotes", "pt", {"quantity": "10"}, True),
        ("repete a 64,9", "pt", {"price": "64.9"}, True),
        ("and another 50 lots at 148.5", "en", {"quantity": "50", "price": "148.5"}, True),
        ("same again", "en", {}, True),
        ("same again but 15 lots", "en", {"quantity": "15"}, False),
        ("the same again but at 4010", "en", {"price": "4010"}, False),
        ("la misma pero 15 lotes", "es", {"quantity": "15"}, False),
        ("igual pero 10 lotes", "es", {"quantity": "10"}, False),
        ("a mesma coisa só que a 4.010", "pt", {"price": "4010"}, False),
        ("otra más de 12 lotes a 4.010", "es", {"quantity": "12", "price": "4010"}, True),
    ],
)
def test_a_repetition_holds_what_changes(
    parser: Parser, text: str, language: str, slots: dict[str, str], certain: bool
) -> None:
    line = parser.read(text, as_of=_AS_OF, last_language=language, last_order=_GOLD).to_json()
    got = {key: value for key, value in line.items() if key in ("quantity", "price", "contract")}
    assert (line["intent"], line["certain"], got) == ("repeat", certain, slots)


@pytest.mark.parametrize("text", ["25", "64,5", "15 lotes", "yes", "same again but 50"])
def test_without_a_question_or_a_last_order_a_fragment_executes_nothing(parser: Parser, text: str) -> None:
    assert not parser.read(text, as_of=_AS_OF, last_language="en").acts


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("melhor 25", "pt"),
        ("não, 25", "pt"),
        ("desculpa, são 25", "pt"),
        ("que sejam 25", "pt"),
        ("não 20, 25", "pt"),
        ("troca por 25", "pt"),
        ("make it 25", "en"),
        ("25 instead", "en"),
        ("change it to 25", "en"),
        ("mejor 25", "es"),
        ("perdón, 25", "es"),
        ("cámbialo a 25", "es"),
    ],
)
def test_a_number_that_takes_back_another_never_fills_the_price_that_is_missing(
    parser: Parser, text: str, language: str
) -> None:
    asked = Reading(
        intent=Intent.INCOMPLETE_ORDER,
        lang=language,
        side="buy",
        quantity=Decimal(20),
        asset="silver",
        contract="Mar26",
    )
    got = _answer(parser, text, Question("missing", asked, ("price",)), language)
    assert got == {"intent": "answer", "certain": False, "quantity": "25"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("10, no sorry, 12 lots", "en"),
        ("10, no wait 12", "en"),
        ("10 lots, sorry, 12 lots", "en"),
        ("10 or rather 12", "en"),
        ("diez, no, doce", "es"),
        ("10, no perdón, 12 lotes", "es"),
        ("10, não, desculpa, 12 lotes", "pt"),
        ("10, aliás 12", "pt"),
    ],
)
def test_figures_that_correct_each_other_stay_in_the_slot_that_is_asked_for(
    parser: Parser, text: str, language: str
) -> None:
    asked = Reading(
        intent=Intent.INCOMPLETE_ORDER,
        lang=language,
        side="sell",
        asset="cocoa",
        contract="May26",
        price=Decimal(6150),
    )
    got = _answer(parser, text, Question("missing", asked, ("quantity",)), language)
    assert got == {"intent": "answer", "certain": False, "quantity": "12"}


def test_a_bare_figure_beside_the_one_that_is_asked_for_replaces_nothing(parser: Parser) -> None:
    asked = Reading(intent=Intent.INCOMPLETE_ORDER, lang="en", side="buy", asset="silver", price=Decimal(48))
    assert _answer(parser, "10 12", Question("missing", asked, ("quantity",)))["intent"] == "unknown"


def test_a_second_price_in_place_of_the_first_is_not_certain(parser: Parser) -> None:
    asked = Reading(intent=Intent.INCOMPLETE_ORDER, lang="en", side="buy", asset="silver", price=Decimal(48))
    got = _answer(parser, "at 49", Question("missing", asked, ("quantity", "contract")))
    assert got == {"intent": "answer", "certain": False, "price": "49"}


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (
            "en",
            ("yes, wait", "wait yes", "no, hold on, yes", "yeah hold on", "yeah nah", "nah yeah", "no yes", "yes sorry",
             "yes, one sec", "yes maybe", "hmm yes", "ok no", "ok stop", "yes stop", "yes just a moment", "hold on"),
        ),
        (
            "es",
            ("sí, no, espera", "sí, espera", "ok, no, espera", "no, espera, sí", "sí aguanta", "sí, aguarda",
             "sí, ya va", "calma, sí", "sí... un momento", "sí, perdón", "sí, quizás", "tal vez sí", "no, sí",
             "dale, pará", "sí, para", "sí, detente", "pará", "espera"),
        ),
        (
            "pt",
            ("sim, espera", "sim, não", "calma, sim", "sim, peraí", "não espera sim", "não, sim",
             "sim, um momento", "sim, desculpa", "sim, talvez", "ok, pera", "beleza, não", "sim, para", "isso, não",
             "sim, aguarda", "pera aí"),
        ),
    ],
)  # fmt: skip
def test_a_yes_with_anything_that_takes_it_back_agrees_to_nothing_and_drops_nothing(
    parser: Parser, language: str, texts: tuple[str, ...]
) -> None:
    asked = Question("confirm", _GOLD)
    readings = [parser.read(text, as_of=_AS_OF, last_language=language, question=asked) for text in texts]
    got = [(text, reading.intent, reading.reasons) for text, reading in zip(texts, readings, strict=True)]
    assert got == [(text, Intent.UNKNOWN, ("yes_and_no",)) for text in texts]


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("yes please", "yes, go ahead", "well, yes", "yeah sure", "ok", "yes, thank you")),
        ("es", ("sí, dale", "dale nomás", "sí por favor", "bueno, sí", "sí, gracias", "listo", "ok dale")),
        ("pt", ("sim, pode mandar", "sim por favor", "sim né", "isso, manda", "beleza", "claro, confirma")),
    ],
)
def test_a_yes_with_courtesies_is_a_yes(parser: Parser, language: str, texts: tuple[str, ...]) -> None:
    asked = Question("confirm", _GOLD)
    got = [parser.read(text, as_of=_AS_OF, last_language=language, question=asked).intent for text in texts]
    assert got == [Intent.YES] * len(texts)


@pytest.mark.parametrize(
    ("text", "language"),
    [("STOP", "en"), ("stop please", "en"), ("PARA", "es"), ("pare", "es"), ("pará todo", "es"), ("PARE", "pt")],
)
def test_stop_alone_stays_stop_whatever_is_asked(parser: Parser, text: str, language: str) -> None:
    asked = Question("confirm", _GOLD)
    assert parser.read(text, as_of=_AS_OF, last_language=language, question=asked).intent == Intent.PANIC


@pytest.mark.parametrize(
    ("text", "language"),
    [("ok stop", "en"), ("well, stop", "en"), ("dale, pará", "es"), ("bueno, para", "es"), ("tá, pare", "pt")],
)
def test_a_stop_among_other_words_freezes_nothing(parser: Parser, text: str, language: str) -> None:
    assert not parser.read(text, as_of=_AS_OF, last_language=language).acts


@pytest.mark.parametrize(
    ("text", "language", "slots"),
    [
        ("10 more", "en", {"quantity": "60"}),
        ("sell 10 more", "en", {"quantity": "60"}),
        ("10 less", "en", {"quantity": "40"}),
        ("double it", "en", {"quantity": "100"}),
        ("raise it by 10", "en", {"price": "4010"}),
        ("súbela en 10", "es", {"price": "4010"}),
        ("agrégale 10 más", "es", {"quantity": "60"}),
        ("vende 10 más", "es", {"quantity": "60"}),
        ("la mitad", "es", {"quantity": "25"}),
        ("coloca mais 10", "pt", {"quantity": "60"}),
        ("vende mais 10", "pt", {"quantity": "60"}),
    ],
)
def test_a_change_of_the_open_draft_by_how_much_is_worked_out_and_never_certain(
    parser: Parser, text: str, language: str, slots: dict[str, str]
) -> None:
    for kind in ("confirm", "missing"):
        got = _answer(parser, text, Question(kind, _GOLD, ("contract",) if kind == "missing" else ()), language)
        assert got == {"intent": "answer", "certain": False, **slots}


@pytest.mark.parametrize(("text", "language"), [("Cámbiala a 50 nada más", "es"), ("muda para 50 nada mais", "pt")])
def test_nothing_more_adds_nothing(parser: Parser, text: str, language: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language, last_order=_GOLD)
    assert (reading.intent, reading.topic, reading.quantity) == (Intent.ADJUST, "set", Decimal(50))


@pytest.mark.parametrize(("text", "language"), [("no, 50", "en"), ("mejor 50", "es"), ("Cámbiala a 50 nada más", "es")])
def test_a_bare_figure_for_an_amendment_is_left_to_what_the_order_says(
    parser: Parser, text: str, language: str
) -> None:
    asked = Reading(intent=Intent.AMEND_ORDER, lang="en", order_id="1042", quantity=Decimal(120))
    reading = parser.read(text, as_of=_AS_OF, last_language=language, question=Question("confirm", asked))
    assert (reading.intent, reading.order_id, reading.certain) == (Intent.ADJUST, "1042", False)
    assert (reading.quantity, reading.price) == (Decimal(50), Decimal(50))


@pytest.mark.parametrize(
    ("text", "language"), [("raise it to 4010", "en"), ("súbela a 4010", "es"), ("sobe para 4010", "pt")]
)
def test_a_change_of_the_open_draft_to_a_figure_adds_nothing(parser: Parser, text: str, language: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language, question=Question("confirm", _GOLD))
    assert reading.price in (None, Decimal(4010))


_MARKET_WANTED = Question("missing", Reading(intent=Intent.PLACE_ORDER, lang="pt", side="buy", quantity=Decimal(1),
                                             asset="wheat", contract="Nov26"), ("price",))  # fmt: skip
_MONTH_WANTED = Question("missing", Reading(intent=Intent.PLACE_ORDER, lang="pt", side="buy", quantity=Decimal(1),
                                            asset="wheat", price=Decimal(150)), ("contract",))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "language", "question"),
    [
        ("tô no mercado", "pt", _MARKET_WANTED),
        ("to aqui no mercado", "pt", _MARKET_WANTED),
        ("estoy en el mercado", "es", _MARKET_WANTED),
        ("i'm here at the market", "en", _MARKET_WANTED),
        ("good market today", "en", _MARKET_WANTED),
        ("lindo mercado", "es", _MARKET_WANTED),
        ("em novembro eu te falo", "pt", _MONTH_WANTED),
        ("en noviembre te cuento", "es", _MONTH_WANTED),
    ],
)
def test_what_is_said_beside_the_question_completes_no_order_without_a_yes(
    parser: Parser, text: str, language: str, question: Question
):
    reading = parser.read(text, as_of=_AS_OF, last_language=language, question=question)
    assert not (reading.intent == Intent.ANSWER and reading.certain), reading


@pytest.mark.parametrize(
    ("text", "language"),
    [("a mercado", "pt"), ("no mercado por favor", "pt"), ("at market please", "en"), ("a mercado", "es")],
)
def test_an_answer_and_no_more_is_taken_at_once(parser: Parser, text: str, language: str):
    answer = _answer(parser, text, _MARKET_WANTED, language)
    assert answer == {"intent": "answer", "order_type": "market", "certain": True}


def test_an_order_with_its_quantity_and_product_said_anew_is_a_new_one(parser: Parser):
    reading = parser.read("compra 1 trigo jan", as_of=_AS_OF, last_language="pt", question=_MARKET_WANTED)
    assert (reading.intent, reading.quantity, reading.price) == (Intent.INCOMPLETE_ORDER, Decimal(1), None)


def test_a_price_that_is_asked_for_changes_no_product(parser: Parser):
    question = Question("confirm", _MARKET_WANTED.reading)
    reading = parser.read("pode mandar o preço do milho", as_of=_AS_OF, last_language="pt", question=question)
    assert (reading.intent, reading.asset) == (Intent.MARKET, "corn")


def test_who_says_wait_starts_no_order(parser: Parser):
    question = Question("confirm", _MARKET_WANTED.reading)
    assert parser.read("pode esperar", as_of=_AS_OF, last_language="pt", question=question).intent == Intent.UNKNOWN


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("drop the wheat, sell 8 feb26 gold at 4055", "en"),
        ("deja el trigo, vende 8 oro feb26 a 4.055", "es"),
        ("dejá el trigo, vendé 8 oro feb26 a 4.055", "es"),
        ("deixa o trigo, vende 8 ouro fev26 a 4.055", "pt"),
    ],
)
def test_the_product_that_is_asked_about_is_left_for_another_order(parser: Parser, text: str, language: str) -> None:
    got = _answer(parser, text, Question("missing", _WHEAT, ("quantity", "contract", "price")), language)
    slots = {"side": "sell", "quantity": "8", "asset": "gold", "contract": "Feb26", "price": "4055"}
    assert got == {"intent": "place_order", "certain": True, "order_type": "limit", **slots}


@pytest.mark.parametrize(
    ("text", "language"), [("lol sorry, 10 lots", "en"), ("jaja perdón, 10 lotes", "es"), ("kkk, 10 lotes", "pt")]
)
def test_who_laughs_before_an_answer_gives_it_and_is_asked(parser: Parser, text: str, language: str) -> None:
    got = _answer(parser, text, Question("missing", _WHEAT, ("quantity", "contract", "price")), language)
    assert got == {"intent": "answer", "certain": False, "quantity": "10"}


@pytest.mark.parametrize(
    ("text", "language"), [("mmm no, mejor no", "es"), ("hmm, no thanks", "en"), ("hum, não", "pt")]
)
def test_a_no_is_a_no_behind_a_hesitation_too(parser: Parser, text: str, language: str) -> None:
    assert _answer(parser, text, Question("confirm", _GOLD), language)["intent"] == "no"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the same again but 20 lots", "en"),
        ("la misma de nuevo pero 20 lotes", "es"),
        ("a mesma ordem de novo, só que 20 lotes", "pt"),
    ],
)
def test_the_same_once_more_with_a_change_is_asked(parser: Parser, text: str, language: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language, last_order=_GOLD)
    assert (reading.intent, reading.quantity, reading.certain) == (Intent.REPEAT, 20, False)


@pytest.mark.parametrize(
    ("text", "language", "slots"),
    [
        ("whoops, feb I mean", "en", {"contract": "Feb26"}),
        ("price should be 4120 actually", "en", {"price": "4120"}),
        ("que sean 18 mejor", "es", {"quantity": "18"}),
        ("around 20 lots", "en", {"quantity": "20"}),
        ("hasta 4.100", "es", {"price": "4100"}),
        ("4.100 no máximo", "pt", {"price": "4100"}),
    ],
)
def test_a_correction_behind_or_a_rough_figure_is_taken_and_asked_again(
    parser: Parser, text: str, language: str, slots: dict[str, str]
) -> None:
    got = _answer(parser, text, Question("confirm", _GOLD), language)
    assert got == {"intent": "answer", "certain": False, **slots}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("pull it", "en"),
        ("cancel the order", "en"),
        ("perdón, cancélala", "es"),
        ("cancela a ordem", "pt"),
        ("no no", "es"),
    ],
)
def test_what_is_canceled_while_an_order_is_asked_about_is_that_order(parser: Parser, text: str, language: str) -> None:
    assert _answer(parser, text, Question("confirm", _GOLD), language) == {"intent": "no", "certain": True}


@pytest.mark.parametrize(
    ("text", "language"), [("esquece, pode", "pt"), ("forget it, yes", "en"), ("olvídalo, dale", "es")]
)
def test_a_yes_behind_a_dismissal_agrees_to_nothing(parser: Parser, text: str, language: str) -> None:
    assert _answer(parser, text, Question("confirm", _GOLD), language)["intent"] in ("no", "unknown")


def test_a_yes_that_is_only_guessed_is_asked_for_again(parser: Parser) -> None:
    got = _answer(parser, "precede", Question("confirm", _GOLD), "es")
    assert (got["intent"], got["certain"]) == ("yes", False)


def test_a_no_right_before_a_month_leaves_open_what_it_denies(parser: Parser) -> None:
    got = _answer(parser, "não março", Question("missing", _WHEAT, ("contract",)), "pt")
    assert (got["contract"], got["certain"]) == ("Mar26", False)


@pytest.mark.parametrize("text", ["May", "may please", "let's go with May"])
def test_may_is_a_month_where_the_month_is_asked_for(parser: Parser, text: str) -> None:
    got = _answer(parser, text, Question("missing", _WHEAT, ("quantity", "contract", "price")))
    assert got == {"intent": "answer", "certain": True, "contract": "May26"}


@pytest.mark.parametrize("text", ["I may", "maybe", "may be"])
def test_who_may_or_may_not_names_no_month(parser: Parser, text: str) -> None:
    got = _answer(parser, text, Question("missing", _WHEAT, ("quantity", "contract", "price")))
    assert got["intent"] == "unknown"


def test_a_remark_behind_a_no_turns_no_order_round(parser: Parser) -> None:
    got = _answer(parser, "no no, my thumb hit twice", Question("confirm", _GOLD))
    assert got == {"intent": "no", "certain": True}
    assert _answer(parser, "no, buy", Question("confirm", _GOLD))["side"] == "buy"


@pytest.mark.parametrize(
    ("text", "language"),
    [("set the quantity to 40 and the price to 4010", "en"), ("cámbiala a 40 lotes a 4.010", "es")],
)
def test_two_new_values_are_of_the_order_that_is_asked_about(parser: Parser, text: str, language: str) -> None:
    reading = parser.read(text, as_of=_AS_OF, last_language=language, question=Question("confirm", _GOLD))
    assert (reading.intent, reading.quantity, reading.price) == (Intent.ANSWER, 40, 4010)


_SEVERAL_WANTED = Question("missing", Reading(intent=Intent.PLACE_ORDER, lang="en", side="buy", asset="corn"),
                           ("quantity", "contract", "price"))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "language", "slots"),
    [
        ("30, sorry for the delay kids are screaming", "en", {"quantity": "30"}),
        ("30, my boss is shouting", "en", {"quantity": "30"}),
        ("uy perdon, estaba arriba del tractor. ene26", "es", {"contract": "Jan26"}),
        ("30 lotes che, acá lloviendo a baldes", "es", {"quantity": "30"}),
        ("mar26, e hoje tá um calor danado aqui", "pt", {"contract": "Mar26"}),
        ("30 lots, been a long day", "en", {"quantity": "30"}),
    ],
)
def test_small_talk_beside_an_answer_takes_nothing_from_it(
    parser: Parser, text: str, language: str, slots: dict[str, str]
):
    reading = parser.read(text, as_of=_AS_OF, last_language=language, question=_SEVERAL_WANTED).to_json()
    assert reading["intent"] == "answer"
    assert not reading["certain"]
    assert {slot: reading[slot] for slot in ("quantity", "contract", "price", "asset") if slot in reading} == slots


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("30, if it drops", "en"),
        ("30, what is the price?", "en"),
        ("30, cancela todo", "es"),
        ("30, se cair", "pt"),
        ("30, or sell 20 gold", "en"),
    ],
)
def test_what_stands_beside_an_answer_and_may_concern_the_order_is_no_small_talk(
    parser: Parser, text: str, language: str
):
    assert parser.read(text, as_of=_AS_OF, last_language=language, question=_SEVERAL_WANTED).intent != Intent.ANSWER


@pytest.mark.parametrize("text", ["mar26, danado", "não, danado mar26", "muda pra danado mar26 por favor"])
def test_a_misspelt_product_that_answers_is_no_remark(parser: Parser, text: str):
    reading = parser.read(text, as_of=_AS_OF, last_language="pt", question=_SEVERAL_WANTED)
    assert (reading.asset, reading.certain) == ("cattle", False)


@pytest.mark.parametrize("text", ["mar26, pls canccel that order now", "mar26, pls stpo the whole thing now"])
def test_a_misspelt_warning_beside_an_answer_is_no_small_talk(parser: Parser, text: str):
    assert parser.read(text, as_of=_AS_OF, last_language="en", question=_SEVERAL_WANTED).intent != Intent.ANSWER


def test_to_a_question_the_unaccented_si_before_a_pause_is_a_yes_and_no_if(parser: Parser):
    question = Question("confirm", parser.read("vende 12 cobre feb26 a 5,15", as_of=_AS_OF, last_language="es"), ())
    reading = parser.read("si, pero que sean 16 lotes", as_of=_AS_OF, last_language="es", question=question)
    assert (reading.intent, reading.quantity, reading.certain) == (Intent.ANSWER, Decimal(16), False)
