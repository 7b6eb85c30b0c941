"""How orders meet: priority, time in force, amends, cancels and self-trade prevention."""

from tests.engine.story import play


def test_at_one_price_the_older_order_trades_first():
    assert play("""
        ana  sells 10 at 100
        ben  sells 10 at 100
        cleo buys  15 at 100
    """) == ["cleo gets 10 from ana at 100", "cleo gets 5 from ben at 100"]


def test_a_better_price_trades_before_an_older_order_and_at_the_makers_price():
    assert play("""
        ana  buys  5 at 100
        ben  buys  5 at 101
        cleo sells 7 at 99
    """) == ["cleo gives 5 to ben at 101", "cleo gives 2 to ana at 100"]


def test_what_an_ioc_order_cannot_fill_is_canceled():
    assert play("""
        ana sells 4 at 100
        ben buys  10 at 100 ioc
        ana sells 1 at 100
    """) == ["ben gets 4 from ana at 100", "ben's 2 is canceled, 6 left: ioc_remainder"]


def test_a_fok_order_fills_whole_or_leaves_the_book_as_it_was():
    assert play("""
        ana  sells 4 at 100
        ben  sells 4 at 101
        cleo buys  9 at 101 fok
        cleo buys  8 at 100 fok
        cleo buys  8 at 101 fok
    """) == [
        "cleo's 3 is canceled, 9 left: fok_unfilled",
        "cleo's 4 is canceled, 8 left: fok_unfilled",
        "cleo gets 4 from ana at 100",
        "cleo gets 4 from ben at 101",
    ]


def test_a_market_order_takes_level_after_level_and_never_rests():
    assert play("""
        ana  sells 1 at 100
        ana  sells 1 at 250
        cleo buys  3 at market
        ana  sells 1 at 1
        cleo buys  3 at market fok
    """) == [
        "cleo gets 1 from ana at 100",
        "cleo gets 1 from ana at 250",
        "cleo's 3 is canceled, 1 left: ioc_remainder",
        "cleo's 5 is canceled, 3 left: fok_unfilled",
    ]


def test_a_market_order_without_an_opposite_side_ends_at_once():
    assert play("ben sells 3 at market") == ["ben's 1 is canceled, 3 left: ioc_remainder"]


def test_post_only_rests_or_is_stopped_whole_also_by_an_own_order():
    assert play("""
        ana sells 5 at 100
        ben buys  9 at 100 post only
        ana buys  9 at 100 post only
        ben buys  9 at 99 post only
        cleo sells 9 at 99
    """) == [
        "ben's 2 is canceled, 9 left: post_only_would_cross",
        "ana's 3 is canceled, 9 left: post_only_would_cross",
        "cleo gives 9 to ben at 99",
    ]


def test_less_quantity_keeps_the_place():
    assert play("""
        ana  sells 10 at 100
        ben  sells 10 at 100
        ana  amends 1 to 6
        cleo buys  7 at 100
    """) == ["ana's 1 keeps its place: 6 at 100", "cleo gets 6 from ana at 100", "cleo gets 1 from ben at 100"]


def test_more_quantity_goes_to_the_back():
    assert play("""
        ana  sells 10 at 100
        ben  sells 10 at 100
        ana  amends 1 to 11
        cleo buys  12 at 100
    """) == ["ana's 1 goes to the back: 11 at 100", "cleo gets 10 from ben at 100", "cleo gets 2 from ana at 100"]


def test_another_price_goes_to_the_back_even_with_less_quantity_and_may_trade():
    assert play("""
        ana  sells 10 at 102
        ben  sells 10 at 101
        cleo buys  3 at 100
        ana  amends 1 to 9 at 101
        cleo buys  11 at 101
        ana  amends 1 at 100
    """) == [
        "ana's 1 goes to the back: 9 at 101",
        "cleo gets 10 from ben at 101",
        "cleo gets 1 from ana at 101",
        "ana's 1 goes to the back: 8 at 100",
        "ana gives 3 to cleo at 100",
    ]


def test_the_amended_quantity_is_the_total_with_what_has_traded():
    assert play("""
        ana  sells 10 at 100
        cleo buys  4 at 100
        ana  amends 1 to 5
        ana  amends 1 to 4
        cleo buys  9 at 100 ioc
    """) == [
        "cleo gets 4 from ana at 100",
        "ana's 1 keeps its place: 1 at 100",
        "ana's 1 is canceled, 1 left: amended_below_filled",
        "cleo's 3 is canceled, 9 left: ioc_remainder",
    ]


def test_an_amend_to_what_it_is_changes_nothing_and_keeps_the_place():
    assert play("""
        ana  sells 10 at 100
        ben  sells 10 at 100
        ana  amends 1 to 10 at 100
        cleo buys  5 at 100
    """) == ["ana's 1 is refused: nothing_to_change", "cleo gets 5 from ana at 100"]


def test_an_amended_post_only_order_is_stopped_when_it_would_cross():
    assert play("""
        ana sells 5 at 100
        ben buys  5 at 99 post only
        ben amends 2 at 100
    """) == ["ben's 2 goes to the back: 5 at 100", "ben's 2 is canceled, 5 left: post_only_would_cross"]


def test_an_amended_order_can_be_amended_and_canceled_again():
    assert play("""
        ana sells 5 at 100
        ana amends 1 at 101
        ana amends 1 at 100
        ana cancels 1
        ben buys 5 at 101 ioc
    """) == [
        "ana's 1 goes to the back: 5 at 101",
        "ana's 1 goes to the back: 5 at 100",
        "ana's 1 is canceled, 5 left: canceled_by_trader",
        "ben's 2 is canceled, 5 left: ioc_remainder",
    ]


def test_a_closed_order_can_be_neither_amended_nor_canceled():
    assert play("""
        ana sells 5 at 100
        ben buys  5 at 100
        ana cancels 1
        ana amends 1 to 9
    """) == ["ben gets 5 from ana at 100", "ana's 1 is refused: order_closed", "ana's 1 is refused: order_closed"]


def test_anothers_order_seems_not_to_exist():
    assert play("""
        ana sells 5 at 100
        ben cancels 1
        ben amends 1 to 1
        cleo buys 5 at 100
    """) == [
        "ben's 1 is refused: order_not_found",
        "ben's 1 is refused: order_not_found",
        "cleo gets 5 from ana at 100",
    ]


def test_cancel_all_takes_ones_own_orders_and_nobody_elses():
    assert play("""
        ana buys  1 at 90
        ana sells 2 at 110
        ben sells 3 at 110
        ana cancels all
        cleo buys 5 at 110
    """) == [
        "ana's 1 is canceled, 1 left: canceled_by_trader",
        "ana's 2 is canceled, 2 left: canceled_by_trader",
        "ana canceled 2",
        "cleo gets 3 from ben at 110",
    ]


def test_cancel_all_can_be_for_one_side_and_counts_what_it_canceled():
    assert play("""
        ana buys  1 at 90
        ana sells 2 at 110
        ana sells 2 at 111
        ben buys  2 at 110
        ana cancels all sells
        ana cancels all sells
    """) == [
        "ben gets 2 from ana at 110",
        "ana's 3 is canceled, 2 left: canceled_by_trader",
        "ana canceled 1",
        "ana canceled 0",
    ]


def test_a_self_trade_stops_the_incoming_rest_and_earlier_fills_stand():
    assert play("""
        ben sells 2 at 99
        ana sells 5 at 100
        ana buys  9 at 100
        cleo buys 5 at 100
    """) == [
        "ana gets 2 from ben at 99",
        "ana's 3 is canceled, 7 left: self_trade",
        "cleo gets 5 from ana at 100",
    ]


def test_cancel_maker_removes_the_own_order_and_goes_on():
    assert play("""
        ana sells 5 at 100
        ben sells 5 at 100
        ana buys  7 at 100 cancel_maker
        cleo sells 2 at 100
    """) == [
        "ana's 1 is canceled, 5 left: self_trade",
        "ana gets 5 from ben at 100",
        "cleo gives 2 to ana at 100",
    ]


def test_cancel_both_ends_both():
    assert play("""
        ana sells 5 at 100
        ben sells 5 at 100
        ana buys  7 at 100 cancel_both
        cleo buys 5 at 100
    """) == [
        "ana's 1 is canceled, 5 left: self_trade",
        "ana's 3 is canceled, 7 left: self_trade",
        "cleo gets 5 from ben at 100",
    ]


def test_a_fok_order_that_meets_its_own_trader_first_trades_nothing():
    assert play("""
        ben sells 2 at 99
        ana sells 5 at 100
        ben sells 5 at 101
        ana buys  4 at 101 fok
        ana buys  7 at 101 fok cancel_maker
    """) == [
        "ana's 4 is canceled, 4 left: self_trade",
        "ana gets 2 from ben at 99",
        "ana's 2 is canceled, 5 left: self_trade",
        "ana gets 5 from ben at 101",
    ]


def test_canceled_orders_never_trade_however_many_stand_before():
    lines = [f"ana sells 1 at {100 + number % 3}" for number in range(300)]
    lines += [f"ana cancels {number}" for number in range(1, 300)]
    lines += ["ben buys 300 at 102"]
    assert play("\n".join(lines))[-1:] == ["ben gets 1 from ana at 102"]
