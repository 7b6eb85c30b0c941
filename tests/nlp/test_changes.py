"""Changes to standing orders: a new value is taken, a distance from the old one is not."""

from datetime import date
from decimal import Decimal

import pytest

from nlp.parser import Parser
from nlp.reading import Intent, Reading

_LAST = Reading(
    intent=Intent.PLACE_ORDER,
    lang="en",
    side="buy",
    quantity=Decimal(10),
    asset="wheat",
    contract="Dec25",
    price=Decimal(420),
    order_type="limit",
)


def _read(parser: Parser, language: str, text: str) -> Reading:
    return parser.read(text, as_of=date(2025, 11, 3), last_language=language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "move 1042 up 2"),
        ("en", "move 1042 by 2"),
        ("en", "move 1042 down 5"),
        ("en", "raise 1042 by 2"),
        ("en", "raise 1042 2"),
        ("en", "cut 1042 by 20 lots"),
        ("en", "move the price up 2"),
        ("es", "sube la 1042 en 2"),
        ("es", "sube el precio en 2"),
        ("es", "baja la 1042 5"),
        ("es", "reduce la 1042 en 20 lotes"),
        ("pt", "sobe a 1042 em 2"),
        ("pt", "reduz a 1042 em 20 lotes"),
        ("pt", "aumenta a 1042 em mais 2"),
    ],
)
def test_a_distance_is_no_new_value(parser: Parser, language: str, text: str) -> None:
    reading = _read(parser, language, text)
    assert (reading.intent, reading.reasons) == (Intent.UNKNOWN, ("relative",))


@pytest.mark.parametrize(
    ("language", "text", "order_id", "slot", "value"),
    [
        ("en", "move 1042 up to 152", "1042", "price", "152"),
        ("en", "raise 1042 to 155", "1042", "price", "155"),
        ("en", "cut 1042 to 20 lots", "1042", "quantity", "20"),
        ("en", "change the qty to 30", "last", "quantity", "30"),
        ("es", "sube la 1042 a 155", "1042", "price", "155"),
        ("es", "baja la 1042 a 20 lotes", "1042", "quantity", "20"),
        ("es", "cambia la cantidad a 30", "last", "quantity", "30"),
        ("pt", "sobe a 1042 pra 155", "1042", "price", "155"),
    ],
)
def test_a_value_led_in_as_one_is_taken(
    parser: Parser, language: str, text: str, order_id: str, slot: str, value: str
) -> None:
    reading = _read(parser, language, text)
    assert (reading.intent, reading.order_id, str(getattr(reading, slot))) == (Intent.AMEND_ORDER, order_id, value)


@pytest.mark.parametrize(
    ("text", "language", "side"),
    [
        ("cancel all my sell orders", "en", "sell"),
        ("cancel my bids", "en", "buy"),
        ("cancela todas mis ventas", "es", "sell"),
        ("quita mis órdenes de compra", "es", "buy"),
        ("cancela todas as minhas ordens de venda", "pt", "sell"),
        ("tira minhas compras", "pt", "buy"),
    ],
)
def test_orders_of_one_side_leave_those_of_the_other(parser: Parser, text: str, language: str, side: str) -> None:
    reading = _read(parser, language, text)
    assert (reading.intent, reading.side, reading.certain) == (Intent.CANCEL_ALL, side, True)


@pytest.mark.parametrize("text", ["pon la 1042 en 30 y no en 40 lotes", "make 1042 30 lots and not 40"])
def test_the_old_value_is_not_the_new_one(parser: Parser, text: str) -> None:
    reading = _read(parser, "es", text)
    assert (reading.quantity in (None, 30), reading.price) == (True, None)


@pytest.mark.parametrize("text", ["mate quero buy boi", "mate Quiero buy agnado de febrero."])
def test_a_verb_of_buying_is_no_order_to_be_cancelled(parser: Parser, text: str) -> None:
    assert not _read(parser, "pt", text).acts


@pytest.mark.parametrize(
    ("text", "language"),
    [("sobe para 421", "pt"), ("baixa pra 419", "pt"), ("súbela a 421", "es"), ("raise it to 421", "en")],
)
def test_where_a_price_is_moved_to_is_not_how_far(parser: Parser, text: str, language: str) -> None:
    reading = parser.read(text, as_of=date(2025, 11, 3), last_language=language, last_order=_LAST)
    assert reading.intent in (Intent.ADJUST, Intent.AMEND_ORDER)
    assert (reading.topic, reading.price) in (("set", Decimal(text.split()[-1])), (None, Decimal(text.split()[-1])))


@pytest.mark.parametrize(
    ("text", "language"),
    [("quero ser avisado quando o café subir 5%", "pt"), ("alert me when coffee rises 5%", "en")],
)
def test_how_far_a_price_moves_is_no_price_of_an_alert(parser: Parser, text: str, language: str) -> None:
    assert (_read(parser, language, text).intent, _read(parser, language, text).price) == (Intent.ALERT, None)


@pytest.mark.parametrize(
    ("language", "text", "intent"),
    [
        ("en", "cancel all my alerts", Intent.DELETE_ALERT),
        ("en", "delete my alerts please", Intent.DELETE_ALERT),
        ("en", "remove the gold alert", Intent.ALERTS),
        ("en", "cancel all alerts and orders", Intent.ALERTS),
        ("en", "don't delete my alerts", Intent.UNKNOWN),
        ("es", "cancela mis alertas", Intent.DELETE_ALERT),
        ("es", "quita la alerta del trigo", Intent.ALERTS),
        ("pt", "exclui todos os meus alertas", Intent.DELETE_ALERT),
        ("pt", "não apaga meus alertas", Intent.UNKNOWN),
    ],
)
def test_alerts_are_deleted_where_all_are_meant_and_else_listed(
    parser: Parser, language: str, text: str, intent: Intent
) -> None:
    reading = _read(parser, language, text)
    assert (reading.intent, reading.order_id) == (intent, None)


@pytest.mark.parametrize(
    ("language", "text", "order_id", "quantity", "price"),
    [
        ("es", "ponle 15,2 de precio a mi última orden", "last", None, "15.2"),
        ("es", "el precio de la 1051 pásalo a 48,35", "1051", None, "48.35"),
        ("pt", "corrige a ordem 1066 aí: agora são 30 lotes a 552,5", "1066", "30", "552.5"),
    ],
)
def test_a_new_value_is_known_by_the_word_behind_it_too(
    parser: Parser, language: str, text: str, order_id: str, quantity: str | None, price: str | None
) -> None:
    reading = _read(parser, language, text)
    assert (reading.intent, reading.order_id) == (Intent.AMEND_ORDER, order_id)
    assert reading.quantity == (None if quantity is None else Decimal(quantity))
    assert reading.price == (None if price is None else Decimal(price))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "changed my mind, cancel the last one"),
        ("en", "actually I don't want it anymore, cancel the last order"),
        ("es", "al final ya no la quiero, anula la última"),
        ("es", "me arrepentí, cancela la última orden"),
        ("pt", "Afinal já não quero, cancela a última ordem."),
        ("pt", "mudei de ideia, cancela a última"),
        ("pt", "desisti, cancela a última"),
        ("en", "cancel the last one my brother"),
        ("pt", "cancela a última aí mermão"),
        ("pt", "cancela a última aí, meu irmão"),
    ],
)
def test_a_change_of_mind_and_who_is_spoken_to_leave_a_cancel_plain(parser: Parser, language: str, text: str) -> None:
    assert _read(parser, language, text).intent == Intent.CANCEL_LAST


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I haven't changed my mind, don't cancel the last one"),
        ("en", "changed my mind, don't cancel the last one"),
        ("pt", "mudei de ideia, não cancela a última"),
        ("pt", "se eu mudar de ideia cancela a última"),
        ("en", "my brother says cancel the last one"),
        ("en", "do NOT\ncancel anything anything"),
        ("en", "I don't want to\ncancel everything"),
        ("en", "don't say I changed my mind, cancel the last one"),
        ("es", "ya no\ncancela todo"),
        ("es", "ya no quiero\ncancelar todo"),
        ("es", "al final no\ncancela la última"),
        ("pt", "já não quero\ncancelar tudo"),
        ("pt", "desisti\nde cancelar a última"),
        ("pt", "afinal não\ncancela a última"),
    ],
)
def test_a_change_of_mind_that_keeps_the_order_cancels_nothing(parser: Parser, language: str, text: str) -> None:
    assert not _read(parser, language, text).acts


@pytest.mark.parametrize(
    ("language", "text", "price"),
    [
        ("en", "knock the price down to 415", "415"),
        ("en", "bring the price up to 425", "425"),
        ("es", "súbele el precio a 379,5 porfis", "379.5"),
        ("pt", "abaixa o preço dela pra 415", "415"),
    ],
)
def test_a_new_price_right_after_an_order_is_its_price(parser: Parser, language: str, text: str, price: str) -> None:
    reading = parser.read(text, as_of=date(2025, 11, 3), last_language=language, last_order=_LAST)
    assert (reading.intent, reading.order_id, reading.price) == (Intent.AMEND_ORDER, "last", Decimal(price))


@pytest.mark.parametrize("text", ["sobe mais 2 no preço dela", "aumenta 2 no preço dela"])
def test_how_much_higher_a_price_goes_is_asked_back(parser: Parser, text: str) -> None:
    reading = parser.read(text, as_of=date(2025, 11, 3), last_language="pt", last_order=_LAST)
    assert (reading.intent, reading.price, reading.certain) == (Intent.ADJUST, Decimal(2), False)


@pytest.mark.parametrize(
    ("language", "text", "slots"),
    [
        ("pt", "reduz pra 22 lotes", {"quantity": 22}),
        ("es", "bájala a 22 lotes", {"quantity": 22}),
        ("en", "cut it to 22 lots", {"quantity": 22}),
        ("en", "make my last order 35 lots instead", {"quantity": 35}),
        ("es", "mueve el precio a 425", {"price": 425}),
        ("en", "set the quantity to 8 and the price to 392", {"quantity": 8, "price": 392}),
        ("es", "cambia la cantidad a 8 y el precio a 392", {"quantity": 8, "price": 392}),
        ("pt", "Passe a quantidade para 8 e o preço para 392", {"quantity": 8, "price": 392}),
        ("es", "bájala a 90 lotes a 442,5", {"quantity": 90, "price": Decimal("442.5")}),
    ],
)
def test_a_new_value_that_names_its_slot_is_of_the_last_order(
    parser: Parser, language: str, text: str, slots: dict[str, int | Decimal]
) -> None:
    reading = parser.read(text, as_of=date(2025, 11, 3), last_language=language, last_order=_LAST)
    assert (reading.intent, reading.order_id, reading.certain) == (Intent.AMEND_ORDER, "last", True)
    assert {slot: value for slot in ("quantity", "price") if (value := getattr(reading, slot)) is not None} == slots


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "halve my last order"),
        ("en", "cut my last order by half"),
        ("pt", "reduz a quantidade da última ordem pela metade"),
    ],
)
def test_half_of_the_last_order_is_a_change_of_it(parser: Parser, language: str, text: str) -> None:
    reading = parser.read(text, as_of=date(2025, 11, 3), last_language=language, last_order=_LAST)
    assert (reading.intent, reading.topic, reading.certain) == (Intent.ADJUST, "half", False)


@pytest.mark.parametrize(
    ("language", "text"), [("en", "stop stop, cancel the last one"), ("es", "para para, cancela la última")]
)
def test_a_stop_before_a_cancel_is_about_the_order(parser: Parser, language: str, text: str) -> None:
    assert _read(parser, language, text).intent == Intent.CANCEL_LAST


def test_the_portuguese_at_the_denies_no_cancel(parser: Parser) -> None:
    reading = _read(parser, "pt", "cancela tudo no milho")
    assert (reading.intent, reading.asset) == (Intent.CANCEL_ALL, "corn")


def test_a_name_behind_the_greeting_and_a_comma_is_nobody_elses_order(parser: Parser) -> None:
    reading = _read(parser, "pt", "Boa tarde, Marcão. Vende 120 soja mar26 a 1.136")
    assert (reading.intent, reading.certain) == (Intent.PLACE_ORDER, True)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "increase the last one then 2 lots"),
        ("es", "sube la última entonces 2 lotes"),
        ("pt", "sobe a última uai 2 lotes"),
    ],
)
def test_a_word_before_a_distance_makes_no_new_value_of_it(parser: Parser, language: str, text: str) -> None:
    reading = parser.read(text, as_of=date(2025, 11, 3), last_language=language, last_order=_LAST)
    assert not reading.acts
