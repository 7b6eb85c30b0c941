"""Stories as text: `play` tells a market what its traders do, a line each, and returns what happens, a sentence each.

- `ana sells 10 at 100`: an order; orders are numbered from 1 in the order of the story
- `ana buys 10 at market`: either may end in `ioc`, `fok`, `post only`, `until 10:00`, `cancel_maker` or `cancel_both`
- `ana amends 1 to 5 at 101`: a new total, a new price, or both
- `ana cancels 1`, or `cancels all`, `cancels all buys`, `cancels all sells`
- `staff halts`, or `resumes`, `expires`
- `it is 10:00`: the clock moves on
"""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from engine.events import (
    AmendRejected,
    CancelAllDone,
    CancelRejected,
    CommandRejected,
    Event,
    InstrumentExpired,
    InstrumentHalted,
    InstrumentResumed,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    Trade,
)
from engine.matching import Market
from engine.orders import (
    Amend,
    Cancel,
    CancelAll,
    Command,
    ExpireInstrument,
    HaltInstrument,
    Instrument,
    OrderType,
    Place,
    ResumeInstrument,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TraderLimits,
)

WHEAT = 1
ORDER = re.compile(r"(?P<side>buys|sells) +(?P<quantity>-?\d+) at +(?P<price>-?\d+|market)(?P<rest>.*)")
AMEND = re.compile(r"amends (?P<order>\d+)(?: to (?P<quantity>-?\d+))?(?: at (?P<price>-?\d+))?")
CANCEL = re.compile(r"cancels (?P<order>\d+)")
CANCEL_ALL = re.compile(r"cancels all(?: (?P<side>buys|sells))?")
SIDES = {"buys": Side.BUY, "sells": Side.SELL}


def wheat(**rules: Any) -> Instrument:
    return Instrument(
        **{
            "instrument_id": WHEAT,
            "symbol": "Dec25-Wheat",
            "asset": "wheat",
            "contract": "Dec25",
            "tick_size": Decimal(1),
            "lot_size": Decimal(1),
            **rules,
        }
    )


def moment(clock: str) -> datetime:
    return datetime.combine(date(2025, 6, 2), time.fromisoformat(clock), UTC)


class Story:
    def __init__(self, instrument: Instrument | None = None, limits: TraderLimits | None = None) -> None:
        """`limits` are everybody's."""
        self.market = Market()
        self.market.list_instrument(instrument or wheat())
        self.limits = limits
        self.now = moment("09:00")
        self.traders: dict[str, int] = {}
        self.orders_told = 0
        self.commands_told = 0

    def tell(self, text: str) -> list[Event]:
        return [event for line in text.strip().splitlines() if line.strip() for event in self.line(line.strip())]

    def line(self, line: str) -> list[Event]:
        if line.startswith("it is "):
            self.now = moment(line.removeprefix("it is "))
            return self.market.expire(self.now)
        return self.market.apply(self.command(line), self.now)

    def command(self, line: str) -> Command:
        self.commands_told += 1
        number = self.commands_told
        name, words = line.split(maxsplit=1)
        if name == "staff":
            return {"halts": HaltInstrument, "resumes": ResumeInstrument, "expires": ExpireInstrument}[words](
                number, WHEAT
            )
        trader_id = self.trader(name)
        if found := ORDER.fullmatch(words):
            return self.order(number, trader_id, found)
        if found := AMEND.fullmatch(words):
            price, quantity = found["price"], found["quantity"]
            return Amend(number, int(found["order"]), trader_id, price and int(price), quantity and int(quantity))
        if found := CANCEL.fullmatch(words):
            return Cancel(number, int(found["order"]), trader_id)
        found = CANCEL_ALL.fullmatch(words)
        assert found, line
        return CancelAll(number, trader_id, side=SIDES[found["side"]] if found["side"] else None)

    def order(self, number: int, trader_id: int, found: re.Match[str]) -> Place:
        self.orders_told += 1
        is_market = found["price"] == "market"
        time_in_force = TimeInForce.IOC if is_market else TimeInForce.GTC
        rules: dict[str, Any] = {}
        rest = found["rest"].replace("post only", "post_only").split()
        while rest:
            match rest.pop(0):
                case "ioc" | "fok" as word:
                    time_in_force = TimeInForce(word.upper())
                case "post_only":
                    rules["post_only"] = True
                case "until":
                    time_in_force = TimeInForce.GTT
                    rules["expires_at"] = moment(rest.pop(0))
                case mode:
                    rules["self_trade_prevention"] = SelfTradePrevention(mode)
        return Place(
            number,
            self.orders_told,
            trader_id,
            WHEAT,
            SIDES[found["side"]],
            OrderType.MARKET if is_market else OrderType.LIMIT,
            int(found["quantity"]),
            None if is_market else int(found["price"]),
            time_in_force,
            **rules,
        )

    def trader(self, name: str) -> int:
        if name not in self.traders:
            self.traders[name] = len(self.traders) + 1
            if self.limits is not None:
                self.market.set_limits(self.traders[name], self.limits)
        return self.traders[name]

    def sentences(self, events: list[Event]) -> list[str]:
        names = {trader_id: name for name, trader_id in self.traders.items()}
        return [sentence for event in events if (sentence := _sentence(event, names))]


def play(text: str, instrument: Instrument | None = None, limits: TraderLimits | None = None) -> list[str]:
    """What happens, except that orders come in as they were told to."""
    story = Story(instrument, limits)
    return story.sentences(story.tell(text))


def _sentence(event: Event, names: dict[int, str]) -> str:
    match event:
        case OrderAccepted():
            return ""
        case Trade():
            taker, maker = names[event.taker_trader_id], names[event.maker_trader_id]
            verb, towards = ("gets", "from") if event.taker_side is Side.BUY else ("gives", "to")
            return f"{taker} {verb} {event.quantity_lots} {towards} {maker} at {event.price_ticks}"
        case OrderCanceled() | OrderExpired():
            verb = "canceled" if isinstance(event, OrderCanceled) else "expired"
            return f"{names[event.trader_id]}'s {event.order_id} is {verb}, {event.leaves_lots} left: {event.reason}"
        case OrderAmended():
            place = "goes to the back" if event.requeued else "keeps its place"
            return f"{names[event.trader_id]}'s {event.order_id} {place}: {event.leaves_lots} at {event.price_ticks}"
        case OrderRejected() | AmendRejected():
            facts = "".join(f", {key} {value}" for key, value in event.facts.items())
            return f"{names[event.trader_id]}'s {event.order_id} is refused: {event.reason}{facts}"
        case CancelRejected():
            return f"{names[event.trader_id]}'s {event.order_id} is refused: {event.reason}"
        case CancelAllDone():
            return f"{names[event.trader_id]} canceled {event.count}"
        case InstrumentHalted() | InstrumentResumed() | InstrumentExpired():
            return type(event).__name__
        case CommandRejected():
            return f"refused: {event.reason}"
    raise AssertionError(event)
