"""Runs repeat exactly, a restored market goes on as the first would, and the record survives its JSON."""

import random
from collections import Counter
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from engine import events, orders
from engine.book import DEAD_ORDERS_MIN
from engine.matching import Market, match_batch, rejection
from tests.engine.story import WHEAT, Story, moment, wheat

INSTRUMENTS = [
    wheat(reference_ticks=100, band_percent=Decimal(20), max_notional=Decimal(5000)),
    wheat(instrument_id=2, symbol="Jan26-Corn", asset="corn", last_trading_at=moment("09:20")),
]
TRADERS = 5


def commands_of(seed: int, count: int = 400) -> list[orders.Command]:
    """A seeded day of everything that a market can be asked."""
    numbers = random.Random(seed)
    asked: list[orders.Command] = []
    for number in range(1, count + 1):
        trader_id, instrument_id = numbers.randint(1, TRADERS), numbers.randint(1, 2)
        order_id = numbers.randint(1, number)
        match numbers.choices(
            ("place", "amend", "cancel", "cancel_all", "halt", "resume", "limits", "instrument", "expire"),
            (70, 15, 10, 1, 1, 3, 1, 1, 0.1),
        )[0]:
            case "place":
                is_market = numbers.random() < 0.1
                time_in_force = numbers.choice([orders.TimeInForce.IOC, orders.TimeInForce.FOK])
                if not is_market and numbers.random() < 0.8:
                    time_in_force = numbers.choice([orders.TimeInForce.GTC, orders.TimeInForce.DAY])
                asked.append(
                    orders.Place(
                        number,
                        number,
                        trader_id,
                        instrument_id,
                        numbers.choice(list(orders.Side)),
                        orders.OrderType.MARKET if is_market else orders.OrderType.LIMIT,
                        numbers.randint(0, 60),
                        None if is_market else numbers.randint(70, 130),
                        time_in_force,
                        moment("09:00") + timedelta(minutes=numbers.randint(0, 30))
                        if time_in_force is orders.TimeInForce.DAY
                        else None,
                        numbers.random() < 0.1,
                        numbers.choice(list(orders.SelfTradePrevention)),
                    )
                )
            case "amend":
                price_ticks = numbers.choice((None, numbers.randint(70, 130)))
                quantity_lots = numbers.choice((None, numbers.randint(1, 60)))
                asked.append(orders.Amend(number, order_id, trader_id, price_ticks, quantity_lots))
            case "cancel":
                asked.append(orders.Cancel(number, order_id, trader_id))
            case "cancel_all":
                asked.append(orders.CancelAll(number, trader_id, asset=numbers.choice((None, "wheat"))))
            case "halt":
                asked.append(orders.HaltInstrument(number, instrument_id))
            case "resume":
                asked.append(orders.ResumeInstrument(number, instrument_id))
            case "expire":
                asked.append(orders.ExpireInstrument(number, instrument_id))
            case "limits":
                limits = orders.TraderLimits(
                    frozen=numbers.random() < 0.2,
                    order_quantity_lots_max=numbers.choice((None, 40)),
                    open_orders_max=numbers.choice((None, 5)),
                    position_lots_max=numbers.choice((None, 100)),
                )
                asked.append(orders.SetTraderLimits(number, trader_id, limits))
            case "instrument":
                instrument = wheat(reference_ticks=100, band_percent=Decimal(numbers.randint(10, 30)))
                asked.append(orders.SetInstrument(number, instrument))
    return asked


def time_of(command: orders.Command) -> datetime:
    return moment("09:00") + timedelta(seconds=4 * command.command_id)


def new_market() -> Market:
    market = Market()
    for instrument in INSTRUMENTS:
        market.list_instrument(instrument)
    return market


def run(market: Market, commands: list[orders.Command]) -> list[str]:
    return [events.to_json(event) for command in commands for event in match_batch(market, [command], time_of(command))]


def restored(market: Market) -> Market:
    """Another market with what a database keeps of this one: each object a copy, in no order but that of the queues."""
    again = Market()
    for book in market.books.values():
        listing = book.listing
        instrument = msgspec.structs.replace(listing.instrument, status=listing.status)
        again.list_instrument(instrument, listing.last_price_ticks)
    for trader_id, limits in market.limits.items():
        again.set_limits(trader_id, limits)
    for position in reversed(market.positions.values()):
        again.restore_position(copy(position))
    for book in market.books.values():
        for order in book.resting():
            again.restore_order(copy(order))
    return again


@pytest.mark.parametrize("seed", range(30))
def test_the_same_commands_and_times_give_the_same_events(seed: int):
    first = run(new_market(), commands_of(seed))
    assert first == run(new_market(), [orders.command_from_json(orders.command_to_json(c)) for c in commands_of(seed)])
    assert len(first) >= 400


@pytest.mark.parametrize("seed", range(30))
def test_a_market_restored_at_any_moment_goes_on_as_the_first_would(seed: int):
    commands = commands_of(seed)
    market = new_market()
    cut = random.Random(seed).randrange(len(commands))
    run(market, commands[:cut])
    again = restored(market)
    assert run(again, commands[cut:]) == run(market, commands[cut:])
    assert again.open_orders == market.open_orders
    assert again.positions == market.positions


@pytest.mark.parametrize("seed", range(30))
def test_every_event_and_command_survives_its_json(seed: int):
    market = new_market()
    for command in commands_of(seed):
        assert orders.command_from_json(orders.command_to_json(command)) == command
        for event in match_batch(market, [command], time_of(command)):
            again = events.from_json(events.to_json(event))
            assert again == event
            assert type(again) is type(event)


def test_the_seeded_days_bring_about_every_kind_of_event():
    seen: set[str] = set()
    for seed in range(30):
        market = new_market()
        for command in commands_of(seed):
            seen.update(events.kind(event) for event in match_batch(market, [command], time_of(command)))
    assert seen == {kind.__struct_config__.tag for kind in events.Event.__args__}


@pytest.mark.parametrize("seed", range(30))
def test_what_changed_is_all_that_changed(seed: int):
    """A store that writes `changed_orders` and `changed_positions` after each batch has the whole market."""
    market = new_market()
    stored_orders: dict[int, orders.Order] = {}
    stored_positions = {}
    for command in commands_of(seed):
        match_batch(market, [command], time_of(command))
        stored_orders.update({order_id: copy(order) for order_id, order in market.changed_orders.items()})
        stored_positions.update({key: copy(position) for key, position in market.changed_positions.items()})
        market.changed_orders.clear()
        market.changed_positions.clear()
    still_open = {order_id: order for order_id, order in stored_orders.items() if order.leaves_lots}
    assert still_open == market.open_orders
    assert stored_positions == market.positions
    for order in stored_orders.values():
        open_states = (orders.OrderState.NEW, orders.OrderState.PARTIALLY_FILLED)
        assert (order.state in open_states) == (order.leaves_lots > 0)
        assert (order.state is orders.OrderState.FILLED) == (order.filled_lots == order.quantity_lots)
        assert (order.reason is not None) == (order.state in (orders.OrderState.CANCELED, orders.OrderState.EXPIRED))


@pytest.mark.parametrize("seed", range(30))
def test_an_orders_own_figures_are_the_sums_of_its_trades(seed: int):
    market = new_market()
    filled: Counter[int] = Counter()
    notional: Counter[int] = Counter()
    for command in commands_of(seed):
        for event in match_batch(market, [command], time_of(command)):
            if isinstance(event, events.Trade):
                for order_id in (event.maker_order_id, event.taker_order_id):
                    filled[order_id] += event.quantity_lots
                    notional[order_id] += event.quantity_lots * event.price_ticks
    assert filled
    for order_id, order in market.changed_orders.items():
        assert (order.filled_lots, order.notional_ticks) == (filled[order_id], notional[order_id])


@pytest.mark.parametrize("seed", range(5))
def test_canceled_orders_are_counted_where_they_stand_and_cleared_before_they_outnumber_the_open_ones(seed: int):
    numbers = random.Random(seed)
    story = Story()
    book = story.market.books[WHEAT]
    dead_before = clearings = 0
    for number in range(1, 1_000):
        name, side, price_ticks = numbers.choice(
            (("ana", "buys", numbers.randint(50, 101)), ("ben", "sells", numbers.randint(99, 150)))
        )
        story.tell(f"{name} {side} 5 at {price_ticks}")
        if numbers.random() < 0.8:
            story.tell(f"{name} cancels {number}")
        for book_side in (book._bids, book._offers):
            standing = [order for queue in book_side.levels.values() for order in queue]
            assert book_side.dead == sum(order.leaves_lots == 0 for order in standing)
            assert sorted(book_side.keys) == sorted(book_side.levels)
        dead = book._bids.dead + book._offers.dead
        assert dead <= 2 * max(DEAD_ORDERS_MIN, len(story.market.open_orders) + 2)
        clearings += dead < dead_before - DEAD_ORDERS_MIN / 2
        dead_before = dead
    assert clearings > 0


@pytest.mark.parametrize("seed", range(3))
def test_any_command_can_be_rejected_whole(seed: int):
    for command in commands_of(seed):
        event = rejection(command, orders.Reason.MALFUNCTION)
        assert event.reason is orders.Reason.MALFUNCTION
        assert events.from_json(events.to_json(event)) == event
