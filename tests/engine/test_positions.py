"""Positions: average cost, realised profit, commission, and that no run of trades makes or loses money."""

import random
from decimal import Decimal

import pytest

from engine.events import Trade
from engine.orders import Side
from engine.positions import Position
from tests.engine.story import WHEAT, Story, wheat


def position(*fills: tuple[int, int]) -> Position:
    held = Position(1, WHEAT)
    for lots, price_ticks in fills:
        held.fill(lots, price_ticks, 0)
    return held


def test_buying_more_averages_the_price():
    held = position((10, 100), (30, 108))
    assert (held.lots, held.average_price(Decimal("0.5")), held.realised_ticks) == (40, Decimal(53), 0)


def test_selling_part_realises_profit_at_the_average_cost():
    held = position((10, 100), (30, 108), (-10, 110))
    assert (held.lots, held.average_price(Decimal(1)), held.realised_ticks) == (30, Decimal(106), 40)


def test_a_short_position_profits_from_a_lower_price():
    held = position((-10, 100), (4, 90))
    assert (held.lots, held.open_cost_ticks, held.realised_ticks) == (-6, -600, 40)
    assert held.unrealised_ticks(95) == 30


def test_selling_more_than_is_held_turns_the_position_at_the_new_price():
    held = position((10, 100), (-15, 120))
    assert (held.lots, held.average_price(Decimal(1)), held.realised_ticks) == (-5, Decimal(120), 200)


def test_a_flat_position_has_no_average_and_no_open_cost():
    held = position((3, 100), (-3, 101))
    assert (held.average_price(Decimal(1)), held.open_cost_ticks, held.unrealised_ticks(7)) == (None, 0, 0)


def test_a_share_that_is_no_whole_tick_is_rounded_half_up_and_nothing_is_lost():
    held = position((1, 100), (1, 101), (-1, 100))
    assert (held.open_cost_ticks, held.realised_ticks) == (100, -1)
    held.fill(-1, 100, 0)
    assert (held.open_cost_ticks, held.realised_ticks) == (0, -1)


@pytest.mark.parametrize("seed", range(50))
def test_realised_profit_is_the_cash_received_plus_the_open_cost(seed: int):
    numbers = random.Random(seed)
    held, cash = Position(1, WHEAT), 0
    for _ in range(200):
        lots = numbers.choice((-1, 1)) * numbers.randint(1, 30)
        price_ticks = numbers.randint(1, 500)
        held.fill(lots, price_ticks, 0)
        cash -= lots * price_ticks
        assert held.realised_ticks == cash + held.open_cost_ticks
        assert (held.lots > 0) == (held.open_cost_ticks > 0)


@pytest.mark.parametrize("seed", range(20))
def test_no_run_of_commands_makes_or_loses_money(seed: int):
    numbers = random.Random(seed)
    story = Story(wheat(tick_size=Decimal("0.01")))
    commission_cents = 0
    for number in range(1, 300):
        name = numbers.choice(("ana", "ben", "cleo", "dora"))
        side = numbers.choice(("buys", "sells"))
        events = story.tell(f"{name} {side} {numbers.randint(1, 90)} at {numbers.randint(900, 1100)}")
        events += story.tell(f"{name} cancels {numbers.randint(1, number)}")
        commission_cents += sum(
            event.maker_commission_cents + event.taker_commission_cents for event in events if isinstance(event, Trade)
        )
        positions = story.market.positions.values()
        assert sum(held.lots for held in positions) == 0
        assert sum(held.realised_ticks + held.unrealised_ticks(1234) for held in positions) == 0
        assert sum(held.commission_cents for held in positions) == commission_cents
        book = story.market.books[WHEAT]
        bids, offers = book.depth(Side.BUY), book.depth(Side.SELL)
        assert not bids or not offers or bids[0][0] < offers[0][0]
    assert commission_cents > 0
