"""The door into the market: what it takes, what it refuses, and that a repeated request is one request."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from engine import intake
from engine.errors import (
    InvalidPrice,
    InvalidQuantity,
    InvalidTimeInForce,
    OffLot,
    OffTick,
    OrderClosed,
    OrderNotFound,
    TooLarge,
    TradingError,
    UnknownMarket,
)
from engine.intake import OrderRequest, Source
from engine.orders import (
    Amend,
    Cancel,
    CancelAll,
    Command,
    OrderType,
    Place,
    Reason,
    Side,
    TimeInForce,
    TraderLimits,
    command_from_json,
)
from engine.tables import commands, orders, waiting_commands
from tests.engine.conftest import NOW

ANA, BEN = 1, 2
BUY = OrderRequest(side=Side.BUY, quantity=Decimal(10), symbol="Dec25-Wheat", price=Decimal("150.25"))


@pytest.fixture
def session(market: Engine) -> Iterator[Session]:
    with Session(market) as session:
        yield session


def place(session: Session, request: OrderRequest, key: str = "1", trader_id: int = ANA) -> intake.Receipt:
    return intake.place(session, trader_id=trader_id, request=request, source=Source.API, request_key=key, now=NOW)


def stored(session: Session, receipt: intake.Receipt) -> Command:
    return command_from_json(
        session.execute(select(commands.c.body).where(commands.c.id == receipt.command_id)).scalar_one()
    )


def count(session: Session) -> tuple[int, int]:
    return tuple(session.scalar(select(func.count()).select_from(table)) for table in (commands, waiting_commands))


def test_an_order_becomes_one_waiting_command_in_ticks_and_lots(session: Session) -> None:
    before = count(session)
    receipt = place(session, BUY)
    assert receipt.order_id == 1001
    assert receipt.instrument is not None
    assert receipt.instrument.symbol == "Dec25-Wheat"
    assert stored(session, receipt) == Place(
        receipt.command_id,
        1001,
        ANA,
        receipt.instrument.instrument_id,
        Side.BUY,
        OrderType.LIMIT,
        10,
        15025,
        TimeInForce.DAY,
        NOW + timedelta(hours=24),
    )
    assert count(session) == (before[0] + 1, before[1] + 1)


def test_an_order_may_name_its_market_by_asset_and_contract_or_by_symbol_in_any_case(session: Session) -> None:
    by_symbol = place(session, replace(BUY, symbol="DEC25-wheat"), "1")
    by_name = place(session, replace(BUY, symbol=None, asset="wheat", contract="Dec25"), "2")
    assert by_symbol.instrument == by_name.instrument


def test_a_market_order_is_immediate_or_cancel(session: Session) -> None:
    command = stored(session, place(session, replace(BUY, price=None, order_type=OrderType.MARKET)))
    assert isinstance(command, Place)
    assert (command.price_ticks, command.time_in_force, command.expires_at) == (None, TimeInForce.IOC, None)


def test_an_order_may_be_good_until_a_time(session: Session) -> None:
    end = NOW + timedelta(minutes=5)
    command = stored(session, place(session, replace(BUY, time_in_force=TimeInForce.GTT, expires_at=end)))
    assert isinstance(command, Place)
    assert (command.time_in_force, command.expires_at) == (TimeInForce.GTT, end)


REFUSALS: list[tuple[dict[str, Any], type[TradingError], dict[str, Any]]] = [
    ({"symbol": "Dec25-Weat"}, UnknownMarket, {"symbol": "Dec25-Weat"}),
    ({"symbol": None, "asset": "wheat", "contract": "Dec35"}, UnknownMarket, {"symbol": "Dec35-wheat"}),
    (
        {"price": Decimal("150.255")},
        OffTick,
        {
            "price": Decimal("150.255"),
            "tick_size": Decimal("0.01"),
            "below": Decimal("150.25"),
            "above": Decimal("150.26"),
        },
    ),
    (
        {"quantity": Decimal("10.5")},
        OffLot,
        {"quantity": Decimal("10.5"), "lot_size": Decimal(1), "below": Decimal(10), "above": Decimal(11)},
    ),
    ({"quantity": Decimal(10) ** 30}, TooLarge, {"value": Decimal(10) ** 30, "allowed_max": Decimal(10) ** 9}),
    ({"price": Decimal(10) ** 30}, TooLarge, {"value": Decimal(10) ** 30, "allowed_max": Decimal(10) ** 7}),
    ({"quantity": Decimal(0)}, InvalidQuantity, {"quantity": Decimal(0)}),
    ({"quantity": Decimal(-1)}, InvalidQuantity, {"quantity": Decimal(-1)}),
    ({"quantity": Decimal("Infinity")}, InvalidQuantity, {"quantity": Decimal("Infinity")}),
    ({"price": Decimal(0)}, InvalidPrice, {"price": Decimal(0)}),
    ({"price": Decimal("-150")}, InvalidPrice, {"price": Decimal("-150")}),
    ({"price": None}, InvalidPrice, {"price": None}),
    ({"order_type": OrderType.MARKET}, InvalidPrice, {"price": Decimal("150.25")}),
    ({"time_in_force": TimeInForce.GTT}, InvalidTimeInForce, {"time_in_force": TimeInForce.GTT}),
    (
        {"time_in_force": TimeInForce.GTT, "expires_at": NOW},
        InvalidTimeInForce,
        {"time_in_force": TimeInForce.GTT, "expires_at": NOW},
    ),
    ({"expires_at": NOW + timedelta(hours=1)}, InvalidTimeInForce, {"time_in_force": TimeInForce.DAY}),
    ({"time_in_force": TimeInForce.IOC, "post_only": True}, InvalidTimeInForce, {"time_in_force": TimeInForce.IOC}),
    (
        {"price": None, "order_type": OrderType.MARKET, "time_in_force": TimeInForce.GTC},
        InvalidTimeInForce,
        {"order_type": OrderType.MARKET},
    ),
]


@pytest.mark.parametrize(("changes", "error", "facts"), REFUSALS)
def test_a_bad_order_is_refused_with_the_facts_and_nothing_is_written(
    session: Session, changes: dict[str, Any], error: type[TradingError], facts: dict[str, Any]
) -> None:
    before = count(session)
    with pytest.raises(error) as refusal:
        place(session, replace(BUY, **changes))
    assert facts.items() <= refusal.value.facts.items()
    assert count(session) == before


def test_an_unknown_market_is_answered_with_the_nearest(session: Session) -> None:
    with pytest.raises(UnknownMarket) as refusal:
        place(session, replace(BUY, symbol="Dec25-Weat"))
    assert refusal.value.facts["nearest"][0] == "Dec25-Wheat"


def cancel(session: Session, order_id: int, key: str, trader_id: int = ANA) -> intake.Receipt:
    return intake.cancel(session, trader_id=trader_id, order_id=order_id, source=Source.API, request_key=key, now=NOW)


def amend(session: Session, order_id: int, key: str, trader_id: int = ANA, **changes: Decimal) -> intake.Receipt:
    return intake.amend(
        session, trader_id=trader_id, order_id=order_id, source=Source.API, request_key=key, now=NOW, **changes
    )


def test_an_order_that_still_waits_can_be_canceled_and_amended(session: Session) -> None:
    order_id = place(session, BUY).order_id
    assert order_id is not None
    amended = amend(session, order_id, "2", price=Decimal("151"))
    canceled = cancel(session, order_id, "3")
    assert stored(session, amended) == Amend(amended.command_id, order_id, ANA, price_ticks=15100)
    assert stored(session, canceled) == Cancel(canceled.command_id, order_id, ANA)
    assert amended.instrument is not None
    assert amended.instrument.symbol == "Dec25-Wheat"


@pytest.mark.parametrize("change", [cancel, amend])
def test_another_traders_order_is_not_found(session: Session, change: Callable[..., intake.Receipt]) -> None:
    order_id = place(session, BUY).order_id
    before = count(session)
    with pytest.raises(OrderNotFound) as refusal:
        change(session, order_id, "2", trader_id=BEN)
    assert refusal.value.facts == {"order_id": order_id}
    assert count(session) == before


def test_a_closed_order_is_refused_with_its_state(session: Session) -> None:
    order_id = place(session, BUY).order_id
    assert order_id is not None
    values = {
        "id": order_id,
        "shard_id": 0,
        "trader_id": ANA,
        "instrument_id": 1,
        "side": "buy",
        "order_type": "limit",
        "price_ticks": 15025,
        "quantity_lots": 10,
        "filled_lots": 10,
        "leaves_lots": 0,
        "notional_ticks": 150250,
        "time_in_force": "DAY",
        "post_only": False,
        "self_trade_prevention": "cancel_taker",
        "state": "filled",
        "priority": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "closed_at": NOW,
    }
    session.execute(orders.insert().values(values))
    with pytest.raises(OrderClosed) as refusal:
        cancel(session, order_id, "2")
    assert refusal.value.facts == {"order_id": order_id, "state": "filled"}


def test_a_repeated_request_returns_the_first_receipt_and_writes_nothing(session: Session) -> None:
    first = place(session, BUY)
    before = count(session)
    assert place(session, replace(BUY, quantity=Decimal(99))) == first
    assert count(session) == before


def test_the_same_key_of_another_trader_or_source_is_another_request(session: Session) -> None:
    receipts = [
        place(session, BUY, "1", ANA),
        place(session, BUY, "1", BEN),
        intake.place(session, trader_id=ANA, request=BUY, source=Source.CHAT, request_key="1", now=NOW),
    ]
    assert len({receipt.order_id for receipt in receipts}) == 3


def test_canceling_everything_reaches_every_shard_and_once(session: Session) -> None:
    def ask() -> list[intake.Receipt]:
        return intake.cancel_all(
            session,
            trader_id=ANA,
            source=Source.CHAT,
            request_key="stop",
            now=NOW,
            reason=Reason.CANCELED_BY_PANIC,
        )

    receipts = ask()
    assert [receipt.shard_id for receipt in receipts] == [0, 1]
    assert [stored(session, receipt) for receipt in receipts] == [
        CancelAll(receipt.command_id, ANA, reason=Reason.CANCELED_BY_PANIC) for receipt in receipts
    ]
    assert ask() == receipts


def test_canceling_an_asset_or_one_contract_reaches_its_shard_only(session: Session) -> None:
    of_asset = intake.cancel_all(session, trader_id=ANA, asset="wheat", source=Source.CHAT, request_key="1", now=NOW)
    of_contract = intake.cancel_all(
        session, trader_id=ANA, asset="wheat", contract="Dec25", source=Source.CHAT, request_key="2", now=NOW
    )
    assert [receipt.shard_id for receipt in of_asset] == [receipt.shard_id for receipt in of_contract]
    asset_command, contract_command = stored(session, of_asset[0]), stored(session, of_contract[0])
    assert isinstance(asset_command, CancelAll)
    assert isinstance(contract_command, CancelAll)
    assert (asset_command.asset, asset_command.instrument_id) == ("wheat", None)
    assert of_contract[0].instrument is not None
    assert contract_command.instrument_id == of_contract[0].instrument.instrument_id


def test_a_traders_limits_are_told_to_every_shard(session: Session) -> None:
    receipts = intake.set_trader_limits(
        session,
        trader_id=ANA,
        limits=TraderLimits(open_orders_max=3),
        source=Source.STAFF,
        request_key="1",
        now=NOW,
    )
    assert [receipt.shard_id for receipt in receipts] == [0, 1]
