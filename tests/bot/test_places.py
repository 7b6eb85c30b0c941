"""A number's country decides the clock that times are told by and how figures are written."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot import figures, local_time, places
from tests.bot.conftest import Traders

NOW = datetime(2025, 11, 3, 12, tzinfo=UTC)
MEXICAN, BRAZILIAN, BRITON = "+525512345678", "+5511987654321", "+447400123456"


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        (MEXICAN, "America/Mexico_City"),
        ("+5215512345678", "America/Mexico_City"),
        (BRAZILIAN, "America/Sao_Paulo"),
        ("+5592987654321", "America/Manaus"),
        ("+34612345678", "Europe/Madrid"),
        ("+50255123456", "America/Guatemala"),
        ("+15550100", "UTC"),
        ("+99912345678", "UTC"),
    ],
)
def test_a_number_tells_the_time_zone(number: str, zone: str):
    assert places.zone_of(number).key == zone


@pytest.mark.parametrize(
    ("number", "language"),
    [
        (MEXICAN, "es"),
        (BRAZILIAN, "pt"),
        ("+351912345678", "pt"),
        (BRITON, "en"),
        ("+919812345678", "en"),
        ("+4915112345678", None),
        ("+15550100", None),
        ("+99912345678", None),
    ],
)
def test_a_number_tells_what_is_spoken_there(number: str, language: str | None):
    assert places.language_of(number) == language


def test_a_first_message_that_could_be_two_languages_is_answered_in_that_of_its_country(traders: Traders):
    assert "Vende 40 Cobre Jan26" in traders.reply(BRAZILIAN, "vende 40 cobre jan26 a 399")
    assert "Vende 40 Cobre Ene26" in traders.reply(MEXICAN, "vende 40 cobre jan26 a 399")


@pytest.mark.parametrize(
    ("language", "number", "shown"),
    [
        ("es", MEXICAN, "1,500.25"),
        ("es", "+50255123456", "1,500.25"),
        ("es", "+5491112345678", "1.500,25"),
        ("es", "+34612345678", "1.500,25"),
        ("pt", BRAZILIAN, "1.500,25"),
        ("en", BRITON, "1,500.25"),
        ("en", MEXICAN, "1,500.25"),
        ("es", "+15550100", "1.500,25"),
        ("es", "+99912345678", "1.500,25"),
    ],
)
def test_figures_are_written_as_in_the_country_of_the_number(language: str, number: str, shown: str):
    assert figures.money(Decimal("1500.25"), places.locale_of(language, number)) == shown


@pytest.mark.parametrize(
    ("phrase", "resolved"),
    [
        ("T20:00", "2025-11-03T20:00-06:00[America/Mexico_City]"),
        ("T05:30", "2025-11-04T05:30-06:00[America/Mexico_City]"),
        ("2025-11-07", "2025-11-07T23:59-06:00[America/Mexico_City]"),
        ("2025-11-07T15:00", "2025-11-07T15:00-06:00[America/Mexico_City]"),
    ],
)
def test_a_moment_is_the_next_one_by_the_traders_clock(phrase: str, resolved: str):
    kept = local_time.resolved(phrase, NOW, places.zone_of(MEXICAN))
    assert kept == resolved
    assert local_time.moment_of(kept) == datetime.fromisoformat(resolved.partition("[")[0])


@pytest.mark.parametrize(
    ("number", "order", "asked", "yes", "orders", "listed"),
    [
        (
            MEXICAN,
            "compra 10 trigo dic25 a 150 hasta las 20:00",
            "*Compra 10 Trigo Dic25 a 150.00*, hasta el 3 nov 20:00 (Ciudad de México).",
            "sí",
            "órdenes",
            "hasta el 3 nov 20:00 (Ciudad de México)",
        ),
        (
            BRAZILIAN,
            "compra 10 trigo dez25 a 150 até sexta às 15h",
            "*Compra 10 Trigo Dez25 a 150,00*, até 7 nov. 15:00 (São Paulo).",
            "sim",
            "ordens",
            "até 7 nov. 15:00 (São Paulo)",
        ),
        (
            "+447400123456",
            "buy 10 wheat dec25 at 150 good until friday",
            "*Buy 10 Wheat Dec25 at 150.00*, until 7 Nov 23:59 (London).",
            "yes",
            "orders",
            "until 7 Nov 23:59 (London)",
        ),
    ],
)
def test_an_order_until_a_moment_is_asked_with_its_zone_and_lasts_so_long(
    traders: Traders, number: str, order: str, asked: str, yes: str, orders: str, listed: str
):
    answer = traders.say(number, order)
    assert answer["outcome"] == "ask_confirm"
    assert asked in "".join(answer["replies"])
    assert listed in traders.reply(number, yes)
    assert listed in traders.reply(number, orders)


def test_a_moment_that_is_over_is_refused(traders: Traders):
    assert traders.outcome(BRAZILIAN, "compra 10 trigo dez25 a 150 até hoje às 8h") == "refused"


def test_a_readback_is_answered_with_a_new_moment(traders: Traders):
    traders.say(MEXICAN, "compra 10 trigo dic25 a 150 hasta las 20:00")
    assert "hasta el 3 nov 21:00 (Ciudad de México)" in traders.reply(MEXICAN, "no, hasta las 21:00")
