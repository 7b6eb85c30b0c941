"""The checker finds nothing wrong where nothing is, and finds each thing that can go wrong."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.orders import Side
from tests.faults.checker import check
from tests.faults.history import Answered, Asked, History
from tests.faults.plan import Action, Deed, Trader
from tests.faults.stored import Command, Event, Instrument, Message, Order, Position, Reply, Stored, Trade

NUMBER = "+525512340000"
ANA, BEN = Trader("es0", "es", NUMBER), Trader("api0", "en")
BOUGHT = Action(at=0, trader=ANA, deed=Deed.PLACE, key="SM1", side=Side.BUY, quantity=5, cents=15_025)
SOLD = Action(at=0, trader=BEN, deed=Deed.PLACE, key="k-1", side=Side.SELL, quantity=4, cents=15_000)
TOLD = "*Orden 1001*: Compra 5 Trigo Dic25 a 150.25.\nCompraste 4 Trigo Dic25 a 150.00 = 600.00, comisión 0.60."


class World:
    """A run in which Ben's request to sell and Ana's message to buy became orders that met."""

    def __init__(self) -> None:
        self.history = History(
            asked=[
                Asked(action=BOUGHT, answered=Answered.TAKEN),
                Asked(action=SOLD, answered=Answered.TAKEN, order_ids={1000}),
            ],
            phones=Counter({(NUMBER, TOLD): 1}),
            shown={BEN.name: {1000: "filled"}},
            heard={BEN.name: Counter({"3": 1})},
        )
        common = {"instrument_id": 7, "kind": "place"}
        sold = {"order_id": 1000, "side": "sell", "quantity_lots": 4, "price_ticks": 15_000}
        bought = {"order_id": 1001, "side": "buy", "quantity_lots": 5, "price_ticks": 15_025}
        self.stored = Stored(
            traders={NUMBER: 1, BEN.name: 2},
            instruments={7: Instrument(id=7, symbol="Dec25-Wheat", tick_size=Decimal("0.01"), lot_size=Decimal(1))},
            messages=[Message(id=3, sid="SM1", number=NUMBER, outcome="placed", handled=True)],
            replies=[Reply(id=4, number=NUMBER, cause="message:3", inbox_id=3, body=TOLD, state="delivered")],
            commands=[
                Command(id=10, trader_id=2, source="api", request_key="key:1.5:k-1", **common, **sold),
                Command(id=11, trader_id=1, source="chat", request_key="message:3", **common, **bought),
            ],
            orders=[
                Order(
                    id=1000,
                    trader_id=2,
                    instrument_id=7,
                    side="sell",
                    price_ticks=15_000,
                    quantity_lots=4,
                    filled_lots=4,
                    leaves_lots=0,
                    state="filled",
                    closed=True,
                ),
                Order(
                    id=1001,
                    trader_id=1,
                    instrument_id=7,
                    side="buy",
                    price_ticks=15_025,
                    quantity_lots=5,
                    filled_lots=4,
                    leaves_lots=1,
                    state="partially_filled",
                    closed=False,
                ),
            ],
            trades=[
                Trade(
                    number=3,
                    instrument_id=7,
                    price_ticks=15_000,
                    quantity_lots=4,
                    taker_side="buy",
                    maker_order_id=1000,
                    maker_trader_id=2,
                    maker_commission_cents=60,
                    taker_order_id=1001,
                    taker_trader_id=1,
                    taker_commission_cents=60,
                )
            ],
            positions=[
                position(trader_id=1, lots=4, open_cost_ticks=60_000),
                position(trader_id=2, lots=-4, open_cost_ticks=-60_000),
            ],
            events=[
                Event(number=1, kind="order_accepted", command_id=10, order_id=1000),
                Event(number=2, kind="order_accepted", command_id=11, order_id=1001),
                Event(number=3, kind="trade", command_id=11, order_id=1001),
            ],
        )

    def problems(self) -> list[str]:
        return check(self.history, self.stored)

    def change(self, table: str, place: int, **values: Any) -> None:
        rows = getattr(self.stored, table)
        rows[place] = replace(rows[place], **values)

    def also(self, table: str, place: int, **values: Any) -> None:
        """A second row like another, but for these values."""
        rows = getattr(self.stored, table)
        rows.append(replace(rows[place], **values))

    def drop(self, table: str, place: int) -> None:
        getattr(self.stored, table).pop(place)


def position(trader_id: int, lots: int, open_cost_ticks: int) -> Position:
    return Position(
        trader_id=trader_id,
        instrument_id=7,
        lots=lots,
        open_cost_ticks=open_cost_ticks,
        realised_ticks=0,
        commission_cents=60,
    )


def asks_more(world: World) -> None:
    """Ben has changed and canceled nothing, but Ana asked for a change of her order, which was made."""
    action = replace(BOUGHT, deed=Deed.AMEND, key="SM2", cents=15_100)
    world.history.asked.append(Asked(action=action, about=1001, answered=Answered.TAKEN))
    world.also("messages", 0, id=5, sid="SM2", outcome="amended")
    world.also("replies", 0, id=6, cause="message:5", inbox_id=5, body="ok")
    world.history.phones[NUMBER, "ok"] += 1
    world.also(
        "commands", 1, id=12, request_key="message:5", kind="amend", price_ticks=15_100, side=None, quantity_lots=None
    )
    world.stored.events.append(Event(number=4, kind="order_amended", command_id=12, order_id=1001))


def speaks(world: World) -> None:
    """Ana also asked for an order by voice, agreed twice, and got one order, which rests."""
    for place, (deed, sid) in enumerate(((Deed.SPEAK, "SM3"), (Deed.YES, "SM4"), (Deed.YES, "SM5")), 20):
        world.history.asked.append(Asked(action=replace(BOUGHT, deed=deed, key=sid), answered=Answered.TAKEN))
        world.also("messages", 0, id=place, sid=sid, outcome="placed" if sid == "SM4" else "info")
        world.also("replies", 0, id=place, cause=f"message:{place}", inbox_id=place, body=sid)
        world.history.phones[NUMBER, sid] += 1
    world.also("commands", 1, id=30, request_key="message:21", order_id=1002)
    world.also("orders", 1, id=1002, filled_lots=0, leaves_lots=5, state="new")
    world.stored.events.append(Event(number=4, kind="order_accepted", command_id=30, order_id=1002))


Change = Callable[[World], object]
WRONG: dict[str, Change] = {
    "acknowledged and is lost": lambda world: world.drop("messages", 0),
    "is stored 2 times": lambda world: world.also("messages", 0, id=9),
    "message SM9 was never sent": lambda world: world.change("messages", 0, sid="SM9"),
    "was never handled": lambda world: world.change("messages", 0, handled=False),
    "has 0 answers": lambda world: world.drop("replies", 0),
    "has 2 answers": lambda world: world.also("replies", 0, id=5),
    "the answer to message 3 is failed": lambda world: world.change("replies", 0, state="failed"),
    "message 3 () had 2 effects": lambda world: world.also("commands", 1, id=12),
    "is placed, but has no such command": lambda world: world.drop("commands", 1),
    "acted for trader 2": lambda world: world.change("commands", 1, trader_id=2),
    "became sell 5 at 150.25": lambda world: world.change("commands", 1, side="sell"),
    "became buy 6 at 150.25": lambda world: world.change("commands", 1, quantity_lots=6),
    "became buy 5 at 150.26": lambda world: world.change("commands", 1, price_ticks=15_026),
    "became a cancel": lambda world: world.change("commands", 1, kind="cancel"),
    "request k-1 () had 2 effects": lambda world: world.also("commands", 0, id=12, request_key="key:2.5:k-1"),
    "request k-1 () was acknowledged and is lost": lambda world: world.drop("commands", 0),
    "refused as order_closed and had an effect": lambda world: world.history.asked.__setitem__(
        1, Asked(action=SOLD, answered=Answered.REFUSED, refusal="order_closed")
    ),
    "answered with orders [1000, 1003]": lambda world: world.history.asked[1].order_ids.add(1003),
    "made order 1000, which is nowhere": lambda world: world.drop("orders", 0),
    "(message:8) was asked for by nobody": lambda world: world.change("commands", 1, request_key="message:8"),
    "(key:1.5:k-9) was asked for by nobody": lambda world: world.change("commands", 0, request_key="key:1.5:k-9"),
    "(message:3) was never settled": lambda world: world.change("commands", 1, waits=True),
    "(key:1.5:k-1) was never settled": lambda world: world.drop("events", 0),
    "order 1001 came in 2 times": lambda world: world.also("events", 1, number=4),
    "order 1000 is filled by 3, but traded 4": lambda world: world.change("orders", 0, filled_lots=3),
    "order 1001 is new with 4 of 5 filled": lambda world: world.change("orders", 1, state="new"),
    "order 1000 is filled with 4 of 4 filled": lambda world: world.change("orders", 0, closed=False),
    "order 1001 is canceled and has ended 0 times": lambda world: world.change(
        "orders", 1, state="canceled", leaves_lots=0, closed=True
    ),
    "order 1000 is filled and has ended 1 times": lambda world: world.also(
        "events", 0, number=4, kind="order_canceled"
    ),
    "not those that are recorded": lambda world: world.drop("events", 2),
    "lacks an order": lambda world: world.drop("orders", 1),
    "names other traders": lambda world: world.change("trades", 0, maker_trader_id=1),
    "traded with themselves": lambda world: world.change("orders", 0, trader_id=1),
    "not a buyer and a seller": lambda world: world.change("orders", 0, side="buy"),
    "another instrument": lambda world: world.change("orders", 0, instrument_id=8),
    "order 1001 to buy at 14999 traded at 15000": lambda world: world.change("orders", 1, price_ticks=14_999),
    "order 1000 to sell at 15001 traded at 15000": lambda world: world.change("orders", 0, price_ticks=15_001),
    "costs 60 cents a side": lambda world: world.change("trades", 0, taker_commission_cents=61),
    "has no position": lambda world: world.drop("positions", 0),
    "is 5 lots, but its trades make 4": lambda world: world.change("positions", 0, lots=5),
    "is not what its trades made": lambda world: world.change("positions", 0, realised_ticks=1),
    "is 59 cents, but its trades took 60": lambda world: world.change("positions", 0, commission_cents=59),
    "make -4 lots": lambda world: world.drop("positions", 0),
    "1 more of this is on the phone": lambda world: world.history.phones.update([(NUMBER, TOLD)]),
    "1 more of this should be on the phone": lambda world: world.history.phones.clear(),
    "reply 4 (message:3) is waiting": lambda world: world.change("replies", 0, state="waiting"),
    "and its trader was told of 0": lambda world: world.change("replies", 0, body="Something else."),
    "and its trader was told of 8": lambda world: world.also("replies", 0, id=5, cause="event:0:3:1001"),
    "made trade 3 1 times and heard of it 0 times": lambda world: world.history.heard[BEN.name].clear(),
    "made trade 3 1 times and heard of it 2 times": lambda world: world.history.heard[BEN.name].update(["3"]),
    "order 1000 is filled, and api0 is shown new": lambda world: world.history.shown[BEN.name].update({1000: "new"}),
    "order 1000 is filled, and api0 is shown None": lambda world: world.history.shown[BEN.name].clear(),
    "1 commands malfunctioned": lambda world: setattr(world.stored, "malfunctions", 1),
    "1 reactions are owed": lambda world: setattr(world.stored, "owed_reactions", 1),
}
WRONG_CHANGES: dict[str, Change] = {
    "is amended, but has no such command": lambda world: world.drop("commands", 2),
    "became a amend of 1000": lambda world: world.change("commands", 2, order_id=1000),
    "became a price of 151.01": lambda world: world.change("commands", 2, price_ticks=15_101),
    "message 3 was handled after 5": lambda world: world.change("commands", 2, id=9),
}


def test_a_run_in_which_all_went_well_has_no_problems():
    world = World()
    assert world.problems() == []
    asks_more(world)
    assert world.problems() == []
    world = World()
    speaks(world)
    assert world.problems() == []


def test_a_voice_note_that_is_agreed_to_twice_and_had_two_effects_is_found():
    world = World()
    speaks(world)
    world.also("commands", 2, id=31, request_key="message:22", order_id=1003)
    assert f"1 voice notes of {NUMBER} had 2 effects" in world.problems()


@pytest.mark.parametrize("problem", WRONG)
def test_whatever_is_lost_doubled_or_wrong_is_found(problem: str):
    world = World()
    WRONG[problem](world)
    assert [found for found in world.problems() if problem in found] != []


@pytest.mark.parametrize("problem", WRONG_CHANGES)
def test_whatever_is_wrong_with_a_change_is_found(problem: str):
    world = World()
    asks_more(world)
    WRONG_CHANGES[problem](world)
    assert [found for found in world.problems() if problem in found] != []


def test_a_request_that_was_never_acknowledged_may_have_had_its_effect_or_none():
    world = World()
    world.history.asked[1] = Asked(action=SOLD)
    assert world.problems() == []
    world.history = History(asked=[Asked(action=BOUGHT), Asked(action=SOLD)])
    world.stored = Stored(traders={NUMBER: 1, BEN.name: 2}, instruments=world.stored.instruments)
    assert world.problems() == ["of 2 orders that were asked for only 0 came about", "nobody traded"]
