"""Decimals become whole numbers and back without loss, and commission in integers is what decimals say."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidPrice, InvalidQuantity, OffLot, OffTick, TooLarge
from engine.money import (
    CENT,
    COMMISSION_RATE,
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    Commission,
    lots_from_quantity,
    notional,
    price_from_ticks,
    quantity_from_lots,
    ticks_from_price,
)

steps = st.sampled_from([Decimal(text) for text in ("0.01", "0.25", "0.005", "1", "5", "100")])


@given(st.integers(1, PRICE_TICKS_MAX), steps)
def test_ticks_and_prices_are_the_same_thing(price_ticks: int, tick_size: Decimal):
    assert ticks_from_price(price_from_ticks(price_ticks, tick_size), tick_size) == price_ticks


@given(st.integers(1, QUANTITY_LOTS_MAX), steps)
def test_lots_and_quantities_are_the_same_thing(quantity_lots: int, lot_size: Decimal):
    assert lots_from_quantity(quantity_from_lots(quantity_lots, lot_size), lot_size) == quantity_lots


def test_a_price_off_the_tick_is_refused_with_its_neighbours():
    with pytest.raises(OffTick) as refused:
        ticks_from_price(Decimal("150.013"), Decimal("0.01"))
    assert refused.value.facts == {
        "price": Decimal("150.013"),
        "tick_size": Decimal("0.01"),
        "below": Decimal("150.01"),
        "above": Decimal("150.02"),
    }


def test_below_the_first_lot_there_is_none():
    with pytest.raises(OffLot) as refused:
        lots_from_quantity(Decimal("0.5"), Decimal(1))
    assert refused.value.facts == {
        "quantity": Decimal("0.5"),
        "lot_size": Decimal(1),
        "below": None,
        "above": Decimal(1),
    }


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_positive_number_is_refused(text: str):
    with pytest.raises(InvalidPrice):
        ticks_from_price(Decimal(text), Decimal("0.01"))
    with pytest.raises(InvalidQuantity):
        lots_from_quantity(Decimal(text), Decimal(1))


@pytest.mark.parametrize("text", ["1e30", "1000000001", "9" * 40 + ".5"])
def test_what_is_beyond_any_order_is_refused_with_the_maximum(text: str):
    with pytest.raises(TooLarge) as refused:
        lots_from_quantity(Decimal(text), Decimal(1))
    assert refused.value.facts == {"value": Decimal(text), "allowed_max": Decimal(QUANTITY_LOTS_MAX)}


@given(st.integers(1, PRICE_TICKS_MAX), st.integers(1, QUANTITY_LOTS_MAX), steps, steps)
def test_commission_is_a_thousandth_of_the_notional_rounded_half_up(
    price_ticks: int, quantity_lots: int, tick_size: Decimal, lot_size: Decimal
):
    value = notional(price_ticks, quantity_lots, tick_size, lot_size)
    assert value == price_ticks * tick_size * quantity_lots * lot_size
    expected = (value * COMMISSION_RATE).quantize(CENT, ROUND_HALF_UP)
    assert Commission(tick_size, lot_size).cents(price_ticks * quantity_lots) * CENT == expected


@pytest.mark.parametrize(("notional_ticks", "cents"), [(499, 0), (500, 1), (1499, 1), (1500, 2), (1_500_000, 1500)])
def test_half_a_cent_rounds_up(notional_ticks: int, cents: int):
    assert Commission(Decimal("0.01"), Decimal(1)).cents(notional_ticks) == cents
