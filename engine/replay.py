"""Play a recorded stream again, from the command line.

`python -m engine.replay` reads JSON objects from standard input, one a line or one alone over several lines:

    {"orders": [{"op": "new|cancel|amend", "id", "account", "side", "quantity", "price", "tif", "post_only"?}],
     "self_trade_prevention"?: "cancel_taker|cancel_maker|cancel_both"}

and writes for each, on a line, `{"trades": [{"maker", "taker", "price", "quantity"}], "book": {"bids": [[price,
quantity]], "asks": [...]}, "states": {id: state}}`. Each starts from an empty book. Prices are whole ticks, null for a
market order.

`python -m engine.replay --verify` plays all that a database has recorded instead: see engine.verify.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain

import msgspec

from engine.events import OrderRejected, Trade
from engine.matching import Market
from engine.orders import (
    Amend,
    Cancel,
    Command,
    Instrument,
    OrderState,
    OrderType,
    Place,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

INSTRUMENT_ID = 1
# Nothing in a stream expires, so that any one moment serves.
MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
MALFORMED = 2
DIFFERENT = 1

Identifier = str | int


class New(msgspec.Struct, frozen=True, tag_field="op", tag="new"):
    id: Identifier
    account: Identifier
    side: Side
    quantity: int
    price: int | None
    tif: TimeInForce | None = None
    post_only: bool = False


class CancelOne(msgspec.Struct, frozen=True, tag_field="op", tag="cancel"):
    id: Identifier
    account: Identifier


class AmendOne(msgspec.Struct, frozen=True, tag_field="op", tag="amend"):
    id: Identifier
    account: Identifier
    price: int | None = None
    quantity: int | None = None


class Stream(msgspec.Struct, frozen=True):
    orders: list[New | CancelOne | AmendOne]
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_TAKER


class Outcome(msgspec.Struct, frozen=True):
    """`trades` as {"maker", "taker", "price", "quantity"}; `book` as [price, quantity] per level, best first."""

    trades: list[dict[str, Identifier]]
    book: dict[str, list[tuple[int, int]]]
    states: dict[str, str]


class MalformedInput(Exception):
    """Input that is not a stream in the format above; says where."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.replay", description="Play a recorded stream again.")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="replay all that the database of DATABASE_URL has recorded instead, and compare it with what is stored",
    )
    if parser.parse_args(arguments).verify:
        return verify(os.environ)
    try:
        for stream in read_streams(sys.stdin.buffer):
            sys.stdout.buffer.write(msgspec.json.encode(replay(stream)) + b"\n")
            sys.stdout.flush()
    except MalformedInput as error:
        print(f"engine.replay: {error}", file=sys.stderr)
        return MALFORMED
    return 0


def verify(environment: Mapping[str, str]) -> int:
    """Print every difference between what is stored and what its record gives; non-zero if there is any."""
    # Streams need no database, nor what it takes to reach one.
    from engine.verify import verify_database

    if not environment.get("DATABASE_URL"):
        print("engine.replay: DATABASE_URL does not say which database to verify", file=sys.stderr)
        return MALFORMED
    differences = verify_database(environment["DATABASE_URL"])
    for difference in differences:
        print(f"engine.replay: {difference}", file=sys.stderr)
    print(f"engine.replay: {len(differences)} differences")
    return DIFFERENT if differences else 0


def replay(stream: Stream) -> Outcome:
    """Play one stream on an empty book. A repeated order id, and what names no order at all, is ignored."""
    market = Market()
    market.list_instrument(
        Instrument(
            instrument_id=INSTRUMENT_ID,
            symbol="replay",
            asset="replay",
            contract="replay",
            tick_size=Decimal(1),
            lot_size=Decimal(1),
        )
    )
    trades: list[dict[str, Identifier]] = []
    rejected: set[int] = set()
    ids: dict[int, Identifier] = {}
    for command in _commands(stream, ids):
        for event in market.apply(command, MOMENT):
            match event:
                case Trade():
                    trades.append(
                        {
                            "maker": ids[event.maker_order_id],
                            "taker": ids[event.taker_order_id],
                            "price": event.price_ticks,
                            "quantity": event.quantity_lots,
                        }
                    )
                case OrderRejected():
                    rejected.add(event.order_id)
    book = market.books[INSTRUMENT_ID]
    return Outcome(
        trades,
        {"bids": book.depth(Side.BUY), "asks": book.depth(Side.SELL)},
        {
            str(given): _state(OrderState.REJECTED if order_id in rejected else market.changed_orders[order_id].state)
            for order_id, given in ids.items()
        },
    )


def read_streams(lines: Iterable[bytes]) -> Iterator[Stream]:
    """One stream a line; if the first line is no JSON by itself, all lines are one object. Raises MalformedInput."""
    numbered = enumerate(lines, start=1)
    first_number, first_line = next(((number, line) for number, line in numbered if line.strip()), (0, b""))
    if not first_line:
        return
    try:
        json.loads(first_line)
    except (ValueError, RecursionError):
        yield _read_whole(first_line + b"".join(line for _, line in numbered), first_number)
        return
    for number, line in chain([(first_number, first_line)], numbered):
        if line.strip():
            yield _read(line, f"line {number}")


def _read_whole(text: bytes, line_number: int) -> Stream:
    """`text` began on line `line_number` of the input."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise MalformedInput(f"line {line_number + error.lineno - 1}: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise MalformedInput(f"line {line_number}: {error}") from error
    return _read(text, f"line {line_number}")


def _read(text: bytes, where: str) -> Stream:
    try:
        return msgspec.json.decode(text, type=Stream)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedInput(f"{where}: {error}") from error


def _commands(stream: Stream, ids: dict[int, Identifier]) -> Iterator[Command]:
    """Number the stream's orders and accounts, and fill `ids` with what each order number was called."""
    order_numbers: dict[Identifier, int] = {}
    trader_numbers: dict[Identifier, int] = {}
    for command_id, asked in enumerate(stream.orders, start=1):
        trader_id = trader_numbers.setdefault(asked.account, len(trader_numbers) + 1)
        order_id = order_numbers.get(asked.id)
        match asked:
            case New() if order_id is None:
                order_id = order_numbers[asked.id] = len(order_numbers) + 1
                ids[order_id] = asked.id
                yield Place(
                    command_id,
                    order_id,
                    trader_id,
                    INSTRUMENT_ID,
                    asked.side,
                    OrderType.LIMIT if asked.price is not None else OrderType.MARKET,
                    asked.quantity,
                    asked.price,
                    asked.tif or (TimeInForce.GTC if asked.price is not None else TimeInForce.IOC),
                    post_only=asked.post_only,
                    self_trade_prevention=stream.self_trade_prevention,
                )
            case CancelOne() if order_id is not None:
                yield Cancel(command_id, order_id, trader_id)
            case AmendOne() if order_id is not None:
                yield Amend(command_id, order_id, trader_id, asked.price, asked.quantity)


def _state(state: OrderState) -> str:
    """The format's own words where they differ from FIX's."""
    return {OrderState.NEW: "open", OrderState.CANCELED: "cancelled"}.get(state, state.value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
