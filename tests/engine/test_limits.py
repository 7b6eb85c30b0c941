"""What is refused: bands, sizes, traders' limits, halts and times, each with the facts that put it right."""

import random
from decimal import Decimal

import pytest

from engine.events import CommandRejected, InstrumentSet, OrderRejected, TraderLimitsSet
from engine.orders import (
    Cancel,
    CancelAll,
    HaltInstrument,
    OrderType,
    Place,
    Reason,
    SetInstrument,
    SetTraderLimits,
    Side,
    TraderLimits,
)
from tests.engine.story import Story, moment, play, wheat

BANDED = wheat(reference_ticks=105, band_percent=Decimal(10))


def test_a_price_outside_the_band_is_refused_with_the_band_rounded_outward():
    # 105 +- 10 % is 94.5 to 115.5.
    assert play(
        """
        ana buys  1 at 93
        ana buys  1 at 94
        ana sells 1 at 117
        ana sells 1 at 116
        ana amends 2 at 93
    """,
        BANDED,
    ) == [
        "ana's 1 is refused: outside_band, low_ticks 94, high_ticks 116",
        "ana's 3 is refused: outside_band, low_ticks 94, high_ticks 116",
        "ana's 2 is refused: outside_band, low_ticks 94, high_ticks 116",
    ]


def test_the_band_follows_the_last_trade():
    assert play(
        """
        ana sells 1 at 116
        ben buys  1 at 116
        ana buys  1 at 104
        ana sells 1 at 128
        ana buys  1 at 103
    """,
        BANDED,
    ) == [
        "ben gets 1 from ana at 116",
        "ana's 5 is refused: outside_band, low_ticks 104, high_ticks 128",
    ]


def test_a_market_order_never_trades_beyond_the_band():
    story = Story(BANDED)
    story.tell("""
        ana sells 1 at 110
        ana sells 5 at 116
        ben buys  1 at 94
        dora sells 1 at 94
    """)
    # The trade at 94 moved the band to 84..104: both offers now lie above it.
    story.tell("cleo buys 1 at 104")
    assert story.sentences(story.tell("ben buys 5 at market")) == ["ben's 6 is canceled, 5 left: ioc_remainder"]
    assert story.sentences(story.tell("ben sells 5 at market")) == [
        "ben gives 1 to cleo at 104",
        "ben's 7 is canceled, 4 left: ioc_remainder",
    ]


def test_without_a_band_any_possible_price_is_allowed():
    assert play("""
        ana buys 1 at 1
        ana sells 1 at 1000000000
        ana sells 1 at 1000000001
        ana buys 1 at 0
        ana buys 1 at -5
    """) == [
        "ana's 3 is refused: invalid_price, price_ticks 1000000001",
        "ana's 4 is refused: invalid_price, price_ticks 0",
        "ana's 5 is refused: invalid_price, price_ticks -5",
    ]


def test_quantities_must_be_positive_and_within_the_maximum():
    assert play(
        """
        ana buys 0 at 5
        ana buys -1 at 5
        ana buys 101 at 5
        ana buys 100 at 5
        ana amends 4 to 101
    """,
        wheat(max_quantity_lots=100),
    ) == [
        "ana's 1 is refused: invalid_quantity, quantity_lots 0",
        "ana's 2 is refused: invalid_quantity, quantity_lots -1",
        "ana's 3 is refused: above_max_quantity, max_quantity_lots 100",
        "ana's 4 is refused: above_max_quantity, max_quantity_lots 100",
    ]


def test_the_maximum_notional_counts_a_market_order_at_the_worst_price_it_can_meet():
    instrument = wheat(
        reference_ticks=100, band_percent=Decimal(10), max_notional=Decimal(1000), tick_size=Decimal("0.5")
    )
    # 1000 in money is 2000 tick-lots: 20 lots at 100 ticks, 18 at the band's 110.
    assert play(
        """
        ana buys 21 at 100
        ana buys 20 at 100
        ben sells 19 at market
        ben sells 18 at market
    """,
        instrument,
    ) == [
        "ana's 1 is refused: above_max_notional, max_notional 1000, max_quantity_lots 20",
        "ben's 3 is refused: above_max_notional, max_notional 1000, max_quantity_lots 18",
        "ben gives 18 to ana at 100",
    ]


def test_a_traders_order_size_and_open_orders_are_limited():
    assert play(
        """
        ana buys 11 at 50
        ana buys 10 at 50
        ana buys 1 at 51
        ana buys 1 at 52
        ana buys 1 at 52 ioc
        ana amends 2 to 11
        ana cancels 3
        ana buys 1 at 53
    """,
        limits=TraderLimits(order_quantity_lots_max=10, open_orders_max=2),
    ) == [
        "ana's 1 is refused: order_size_limit, order_quantity_lots_max 10",
        "ana's 4 is refused: open_orders_limit, open_orders_max 2",
        "ana's 5 is canceled, 1 left: ioc_remainder",
        "ana's 2 is refused: order_size_limit, order_quantity_lots_max 10",
        "ana's 3 is canceled, 1 left: canceled_by_trader",
    ]


def test_the_position_limit_counts_what_is_held_and_what_may_still_be_bought():
    assert play(
        """
        ana buys 6 at 100
        ben sells 6 at 100
        ana buys 3 at 99
        ana buys 2 at 98
        ana buys 1 at 98
        ana sells 16 at 101
        ana sells 17 at 101
        ana amends 3 to 4
        ana cancels 5
        ana amends 3 to 4
    """,
        limits=TraderLimits(position_lots_max=10),
    ) == [
        "ben gives 6 to ana at 100",
        "ana's 4 is refused: position_limit, position_lots 6, position_lots_max 10, allowed_lots 1",
        "ana's 7 is refused: position_limit, position_lots 6, position_lots_max 10, allowed_lots 0",
        "ana's 3 is refused: position_limit, position_lots 6, position_lots_max 10, allowed_lots 3",
        "ana's 5 is canceled, 1 left: canceled_by_trader",
        "ana's 3 goes to the back: 4 at 99",
    ]


def test_a_frozen_trader_can_only_cancel():
    story = Story()
    story.tell("ana buys 5 at 100")
    frozen = TraderLimits(frozen=True)
    command = SetTraderLimits(9, story.trader("ana"), frozen)
    assert story.market.apply(command, story.now) == [TraderLimitsSet(story.trader("ana"), frozen)]
    assert story.sentences(
        story.tell("""
        ana buys 1 at 100
        ana amends 1 to 6
        ana amends 1 to 4
        ana cancels 1
    """)
    ) == [
        "ana's 2 is refused: trader_frozen",
        "ana's 1 is refused: trader_frozen",
        "ana's 1 is refused: trader_frozen",
        "ana's 1 is canceled, 5 left: canceled_by_trader",
    ]


def test_while_halted_orders_rest_and_can_be_canceled_but_nothing_new_comes_in():
    assert play("""
        ana sells 5 at 100
        ana sells 5 at 101
        staff halts
        staff halts
        ben buys 5 at 100
        ana amends 1 at 99
        ana amends 1 to 4
        ana cancels 2
        staff resumes
        staff resumes
        ben buys 5 at 100
    """) == [
        "InstrumentHalted",
        "refused: nothing_to_change",
        "ben's 3 is refused: instrument_halted",
        "ana's 1 is refused: instrument_halted",
        "ana's 1 is refused: instrument_halted",
        "ana's 2 is canceled, 5 left: canceled_by_trader",
        "InstrumentResumed",
        "refused: nothing_to_change",
        "ben gets 5 from ana at 100",
    ]


def test_an_order_whose_time_is_over_leaves_before_it_could_be_met():
    assert play("""
        ana sells 5 at 100 until 10:00
        ben sells 5 at 100 until 10:01
        it is 09:59
        cleo buys 1 at 100
        it is 10:00
        cleo buys 1 at 100
        cleo buys 1 at 100 until 10:00
    """) == [
        "cleo gets 1 from ana at 100",
        "ana's 1 is expired, 4 left: order_expired",
        "cleo gets 1 from ben at 100",
        "cleo's 5 is refused: order_expired",
    ]


def test_a_command_after_the_hour_expires_what_is_due_first_even_if_no_clock_came_by():
    story = Story()
    story.tell("ana sells 5 at 100 until 10:00")
    story.now = moment("10:00")
    assert story.sentences(story.tell("ben buys 5 at 100 ioc")) == [
        "ana's 1 is expired, 5 left: order_expired",
        "ben's 2 is canceled, 5 left: ioc_remainder",
    ]


def test_an_amended_order_keeps_its_expiry():
    assert play("""
        ana sells 5 at 100 until 10:00
        ana amends 1 at 101
        it is 10:00
    """) == ["ana's 1 goes to the back: 5 at 101", "ana's 1 is expired, 5 left: order_expired"]


def test_expiries_are_kept_while_thousands_of_orders_come_and_go():
    story = Story(wheat(last_trading_at=moment("10:30")))
    lines = ["ana sells 5 at 100 until 10:00"]
    for number in range(2, 400):
        lines += ["ben buys 1 at 50 until 11:00", f"ben cancels {number}"]
    story.tell("\n".join(lines))
    assert story.sentences(story.tell("it is 10:00")) == ["ana's 1 is expired, 5 left: order_expired"]
    assert story.sentences(story.tell("it is 10:30")) == ["InstrumentExpired"]


@pytest.mark.parametrize("seed", range(5))
def test_every_order_expires_at_its_minute_and_none_that_was_canceled_before(seed: int):
    numbers = random.Random(seed)
    story = Story()
    ends: dict[int, int] = {}
    for order_id in range(1, 500):
        ends[order_id] = numbers.randint(0, 59)
        story.tell(f"ana sells 5 at 100 until 10:{ends[order_id]:02}")
        if numbers.random() < 0.8:
            story.tell(f"ana cancels {order_id}")
            del ends[order_id]
    for minute in range(60):
        expired = [event.order_id for event in story.tell(f"it is 10:{minute:02}")]
        assert expired == [order_id for order_id, end in ends.items() if end == minute]
    assert story.market.open_orders == {}


def test_a_contract_expires_at_its_last_trading_time_with_all_that_rests():
    assert play(
        """
        ana sells 5 at 101
        ben buys  5 at 100
        it is 17:00
        cleo buys 5 at 101
        staff resumes
        ana cancels 1
    """,
        wheat(last_trading_at=moment("17:00")),
    ) == [
        "ben's 2 is expired, 5 left: instrument_expired",
        "ana's 1 is expired, 5 left: instrument_expired",
        "InstrumentExpired",
        "cleo's 3 is refused: instrument_expired",
        "refused: instrument_expired",
        "ana's 1 is refused: order_closed",
    ]


def test_staff_can_expire_a_contract_once():
    assert play("""
        ana sells 5 at 101
        staff expires
        staff expires
    """) == ["ana's 1 is expired, 5 left: instrument_expired", "InstrumentExpired", "refused: instrument_expired"]


def test_a_later_last_trading_time_replaces_the_earlier_one():
    story = Story(wheat(last_trading_at=moment("17:00")))
    later = wheat(last_trading_at=moment("18:00"))
    assert story.market.apply(SetInstrument(1, later), story.now) == [InstrumentSet(later)]
    assert story.tell("it is 17:30") == []
    assert story.sentences(story.tell("it is 18:00")) == ["InstrumentExpired"]


def test_rules_change_for_new_orders_but_not_the_status_nor_the_tick():
    story = Story()
    story.tell("ana buys 50 at 100\nstaff halts")
    smaller = wheat(max_quantity_lots=10)
    assert story.market.apply(SetInstrument(1, smaller), story.now) == [InstrumentSet(smaller)]
    assert story.sentences(story.tell("ana buys 5 at 100")) == ["ana's 2 is refused: instrument_halted"]
    story.tell("staff resumes")
    assert story.sentences(story.tell("ana buys 11 at 100")) == [
        "ana's 3 is refused: above_max_quantity, max_quantity_lots 10"
    ]
    coarser = wheat(tick_size=Decimal(2))
    assert story.market.apply(SetInstrument(2, coarser), story.now) == [
        CommandRejected(Reason.INSTRUMENT_IN_USE, instrument_id=1)
    ]


def test_an_instrument_can_be_listed_while_running_and_is_unknown_before():
    story = Story()
    corn = wheat(instrument_id=2, symbol="Dec25-Corn", asset="corn")
    order = Place(1, 1, story.trader("ana"), 2, Side.BUY, OrderType.LIMIT, 5, 100)
    assert story.market.apply(order, story.now) == [OrderRejected(order, Reason.UNKNOWN_INSTRUMENT)]
    assert story.market.apply(HaltInstrument(2, 2), story.now) == [
        CommandRejected(Reason.UNKNOWN_INSTRUMENT, instrument_id=2)
    ]
    story.market.apply(SetInstrument(3, corn), story.now)
    story.market.apply(order, story.now)
    assert story.market.books[2].depth(Side.BUY) == [(100, 5)]


@pytest.mark.parametrize(
    ("narrowing", "left"),
    [({"asset": "corn"}, [1]), ({"instrument_id": 1}, [2]), ({"asset": "rice"}, [1, 2]), ({}, [])],
)
def test_cancel_all_can_be_for_one_asset_or_instrument(narrowing: dict[str, object], left: list[int]):
    story = Story()
    story.market.list_instrument(wheat(instrument_id=2, symbol="Dec25-Corn", asset="corn"))
    ana = story.trader("ana")
    for order_id in (1, 2):
        story.market.apply(Place(order_id, order_id, ana, order_id, Side.BUY, OrderType.LIMIT, 5, 100), story.now)
    story.market.apply(CancelAll(3, ana, **narrowing), story.now)
    assert list(story.market.open_orders) == left


def test_the_reason_of_a_cancel_is_kept():
    story = Story()
    story.tell("ana buys 5 at 100")
    story.market.apply(Cancel(2, 1, story.trader("ana"), Reason.CANCELED_BY_STAFF), story.now)
    assert story.market.changed_orders[1].reason is Reason.CANCELED_BY_STAFF


@pytest.mark.parametrize(
    "rules", [{"band_percent": Decimal(5)}, {"max_notional": Decimal(5)}, {"tick_size": Decimal(0)}]
)
def test_an_instrument_that_could_not_be_traded_by_its_rules_cannot_be_made(rules: dict[str, Decimal]):
    with pytest.raises(ValueError, match="Dec25-Wheat"):
        wheat(**rules)
