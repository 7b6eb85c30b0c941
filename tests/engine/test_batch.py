"""Settling in batches: one transaction, fenced, with every failure contained."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg2
import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy import Engine as Database

from engine.batch import Engine, NotActive, React, StaleBooks
from engine.events import CommandRejected, OrderRejected
from engine.orders import Cancel, OrderState, Place, Reason, Side, command_from_json, command_to_json
from engine.record import Settled
from engine.tables import commands, events, instruments, malfunctions, orders, shards, waiting_commands
from tests.engine.conftest import NOW
from tests.engine.trading import SHARDS, Floor, differences, kinds, settle_all

FIRST_WAITING = 10_000


@pytest.fixture
def floor(market: Database) -> Floor:
    return Floor(market)


@pytest.fixture
def engine(market: Database) -> Iterator[Engine]:
    engine = Engine(market)
    yield engine
    engine.close()


def states(database: Database) -> dict[int, str]:
    with database.connect() as connection:
        return {row.id: row.state for row in connection.execute(select(orders.c.id, orders.c.state))}


def test_orders_that_meet_trade_and_everything_is_stored(floor: Floor, engine: Engine) -> None:
    ana = floor.place("ana", Side.BUY, 100, "150")
    ben = floor.place("ben", Side.SELL, 40, "149")
    settled = settle_all(engine, NOW)
    assert kinds(settled) == ["OrderAccepted", "OrderAccepted", "Trade"]
    assert [one.command_id for one in settled] == [ana.command_id, ben.command_id]
    assert states(floor.database) == {ana.order_id: "partially_filled", ben.order_id: "filled"}
    assert differences(floor.database) == []


def test_a_restarted_worker_keeps_time_priority(floor: Floor, market: Database) -> None:
    first = Engine(market)
    ana = floor.place("ana", Side.BUY, 10, "150")
    ben = floor.place("ben", Side.BUY, 10, "150")
    settle_all(first, NOW)
    # More quantity sends Ana's order behind Ben's.
    floor.amend("ana", ana.order_id, quantity=20)
    settle_all(first, NOW)
    first.close()
    second = Engine(market)
    for shard_id in SHARDS:
        second.wait_until_active(shard_id)
    floor.place("cleo", Side.SELL, 10, "150")
    settle_all(second, NOW)
    second.close()
    assert states(market)[ben.order_id] == "filled"
    assert states(market)[ana.order_id] == "new"
    assert differences(market) == []


def test_batches_are_bounded_and_say_whether_more_waits(floor: Floor, market: Database) -> None:
    for _ in range(5):
        floor.place("ana", Side.BUY, 1, "150")
    shard_id = floor.receipts[0].shard_id
    engine = Engine(market, batch_max=2)
    sizes = [(len(batch), more) for batch, more, *_ in (engine.settle(shard_id, NOW) for _ in range(3))]
    engine.close()
    assert sizes == [(2, True), (2, True), (1, False)]


def backlog(database: Database, count: int) -> int:
    """Have `count` cancellations of orders that never were wait; returns their shard."""
    rows = [
        {
            "id": FIRST_WAITING + n,
            "shard_id": SHARDS[0],
            "trader_id": 1,
            "source": "api",
            "request_key": f"backlog {n}",
            "part": 0,
            "kind": "cancel",
            "order_id": 1,
            "instrument_id": 1,
            "body": command_to_json(Cancel(FIRST_WAITING + n, 1, 1)),
            "created_at": NOW,
        }
        for n in range(count)
    ]
    with database.begin() as connection:
        connection.execute(commands.insert(), rows)
        queued = select(commands.c.shard_id, commands.c.id, commands.c.created_at).where(commands.c.id >= FIRST_WAITING)
        connection.execute(waiting_commands.insert().from_select(["shard_id", "command_id", "created_at"], queued))
    return SHARDS[0]


def drain(engine: Engine, shard_id: int, react: React | None = None) -> None:
    while engine.settle(shard_id, NOW, react=react).more_waiting:
        pass


def test_what_was_read_ahead_of_a_failure_is_settled_in_its_turn(market: Database, engine: Engine) -> None:
    shard_id = backlog(market, count=4_000)
    order: list[int | None] = []
    batches = 0

    def react(connection: Connection, settled: list[Settled]) -> None:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise RuntimeError("the reaction fails")
        order.extend(one.command_id for one in settled)

    assert engine.settle(shard_id, NOW, react=react).more_waiting
    with pytest.raises(RuntimeError, match="the reaction fails"):
        engine.settle(shard_id, NOW, react=react)
    drain(engine, shard_id, react)
    assert order == list(range(FIRST_WAITING, FIRST_WAITING + 4_000))


def test_a_worker_that_can_read_no_more_connects_anew(market: Database, engine: Engine) -> None:
    shard_id = backlog(market, count=4_000)
    engine.settle(shard_id, NOW)
    with market.begin() as connection:
        pid = engine._shards[shard_id].reader.get_backend_pid()
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    with pytest.raises(psycopg2.OperationalError):
        drain(engine, shard_id)
    engine.wait_until_active(shard_id)
    drain(engine, shard_id)
    with market.connect() as connection:
        assert connection.execute(select(func.count()).select_from(waiting_commands)).scalar_one() == 0
    assert differences(market) == []


def test_time_alone_expires_orders(floor: Floor, engine: Engine) -> None:
    receipt = floor.place("ana", Side.BUY, 10, "150")
    settle_all(engine, NOW)
    floor.pass_time(hours=24)
    assert kinds(settle_all(engine, floor.now)) == ["OrderExpired"]
    assert states(floor.database) == {receipt.order_id: OrderState.EXPIRED}
    assert differences(floor.database) == []


def test_an_order_that_is_over_cannot_be_met(floor: Floor, engine: Engine) -> None:
    resting = floor.place("ana", Side.BUY, 10, "150")
    settle_all(engine, NOW)
    floor.pass_time(hours=24)
    incoming = floor.place("ben", Side.SELL, 10, "150")
    settle_all(engine, floor.now)
    assert states(floor.database) == {resting.order_id: "expired", incoming.order_id: "new"}


def test_a_contract_ends_with_its_month(floor: Floor, engine: Engine) -> None:
    receipt = floor.place("ana", Side.BUY, 10, "150", "Feb26-Wheat")
    settle_all(engine, NOW)
    floor.pass_time(days=0.9)
    settle_all(engine, floor.now)
    march = NOW.replace(year=2026, month=3, day=1, hour=0)
    settle_all(engine, march - timedelta(microseconds=1))
    with floor.database.connect() as connection:
        status = select(instruments.c.status).where(instruments.c.symbol == "Feb26-Wheat")
        assert connection.execute(status).scalar_one() == "open"
    settle_all(engine, march)
    with floor.database.connect() as connection:
        assert connection.execute(status).scalar_one() == "expired"
    assert states(floor.database)[receipt.order_id] == "expired"
    assert differences(floor.database) == []


def test_reactions_are_written_with_the_batch_or_not_at_all(floor: Floor, engine: Engine) -> None:
    receipt = floor.place("ana", Side.BUY, 10, "150")
    seen: list[Settled] = []

    def react(connection: Connection, settled: list[Settled]) -> None:
        # The batch is written, though nobody else sees it yet.
        assert connection.execute(select(orders.c.id)).scalars().all() == [receipt.order_id]
        assert states(floor.database) == {}
        seen.extend(settled)
        if len(seen) == 1:
            raise RuntimeError("the reaction fails")

    with pytest.raises(RuntimeError, match="the reaction fails"):
        engine.settle(receipt.shard_id, NOW, react=react)
    assert states(floor.database) == {}
    engine.settle(receipt.shard_id, NOW, react=react)
    assert [one.request_key for one in seen] == ["1", "1"]
    assert states(floor.database) == {receipt.order_id: "new"}
    assert differences(floor.database) == []


def test_only_one_worker_of_a_shard_is_active_and_the_next_takes_over(floor: Floor, market: Database) -> None:
    first, second = Engine(market), Engine(market)
    receipt = floor.place("ana", Side.BUY, 10, "150")
    first.settle(receipt.shard_id, NOW)
    with pytest.raises(NotActive):
        second.settle(receipt.shard_id, NOW)
    floor.place("ben", Side.SELL, 10, "150")
    first.close()
    second.wait_until_active(receipt.shard_id)
    assert kinds(second.settle(receipt.shard_id, NOW).settled) == ["OrderAccepted", "Trade"]
    second.close()
    assert differences(market) == []


def test_a_worker_with_old_books_writes_nothing(floor: Floor, market: Database) -> None:
    stale, active = Engine(market), Engine(market)
    shard_id = floor.place("ana", Side.BUY, 10, "150").shard_id
    stale.settle(shard_id, NOW)
    with market.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
    active.wait_until_active(shard_id)
    # The old worker believes that it still holds the shard, on a connection of its own.
    own = market.connect().execution_options(isolation_level="AUTOCOMMIT")
    stale._shards[shard_id].connection, stale._shards[shard_id].driver = own, own.connection.driver_connection
    ben = floor.place("ben", Side.SELL, 10, "150")
    active.settle(shard_id, NOW)
    floor.place("cleo", Side.SELL, 10, "150")
    before = states(market)
    with pytest.raises(StaleBooks):
        stale.settle(shard_id, NOW)
    assert states(market) == before
    assert before[ben.order_id] == "filled"
    # Its books are dropped: what it does next, it does on what is stored.
    assert kinds(stale.settle(shard_id, NOW).settled) == ["OrderAccepted"]
    stale.close()
    active.close()
    assert differences(market) == []


def poison(database: Database, command_id: int, order_id: int, shard_id: int, body: str) -> None:
    with database.begin() as connection:
        values = {
            "id": command_id,
            "shard_id": shard_id,
            "trader_id": 4,
            "source": "api",
            "request_key": f"poison {command_id}",
            "part": 0,
            "kind": "place",
            "order_id": order_id,
            "instrument_id": 1,
            "body": body,
            "created_at": NOW,
        }
        connection.execute(commands.insert().values(values))
        connection.execute(waiting_commands.insert().values(shard_id=shard_id, command_id=command_id, created_at=NOW))


FIRST_POISON = 1_000_000


def poisons(open_order: Place, closed_order: Place) -> dict[str, str]:
    return {
        "no JSON": "{",
        "no command": '{"type":"plunder","command_id":7}',
        "a price that is no number": command_to_json(open_order).replace("15000", '"\\u0000"'),
        "an open order's number again": command_to_json(open_order),
        "a closed order's number again": command_to_json(closed_order),
        "a quantity beyond what can be stored": command_to_json(open_order)
        .replace(f'"order_id":{open_order.order_id}', '"order_id":999')
        .replace('"quantity_lots":10,', '"quantity_lots":' + "9" * 18 + "0" * 3 + ","),
    }


def test_a_command_that_cannot_be_carried_out_is_refused_alone(floor: Floor, market: Database, engine: Engine) -> None:
    resting = floor.place("ana", Side.BUY, 10, "150")
    closed = floor.place("ana", Side.BUY, 10, "149")
    floor.cancel("ana", closed.order_id)
    settle_all(engine, NOW)
    with market.connect() as connection:
        asked = select(commands.c.order_id, commands.c.body).where(commands.c.kind == "place")
        placed = {row.order_id: row.body for row in connection.execute(asked)}
    open_order, closed_order = command_from_json(placed[resting.order_id]), command_from_json(placed[closed.order_id])
    assert isinstance(open_order, Place)
    assert isinstance(closed_order, Place)
    before = floor.place("ben", Side.SELL, 4, "150")
    bad = poisons(open_order, closed_order)
    for number, body in enumerate(bad.values()):
        poison(market, FIRST_POISON + number, 999, resting.shard_id, body)
    with market.begin() as connection:
        connection.execute(text(f"SELECT setval('command_ids', {FIRST_POISON + 1000})"))
    after = floor.place("cleo", Side.SELL, 6, "150")
    settled = settle_all(engine, NOW)
    refused = {one.command_id: one.events for one in settled if (one.command_id or 0) >= FIRST_POISON}
    for number, name in enumerate(bad):
        (event,) = refused[FIRST_POISON + number]
        assert isinstance(event, CommandRejected | OrderRejected), name
        assert event.reason is Reason.MALFUNCTION, name
    assert states(market)[resting.order_id] == "filled"
    assert states(market)[before.order_id] == "filled"
    assert states(market)[after.order_id] == "filled"
    with market.connect() as connection:
        traced = {row.command_id: row.trace for row in connection.execute(select(malfunctions))}
        assert connection.execute(select(func.count()).select_from(waiting_commands)).scalar_one() == 0
    assert traced.keys() == {FIRST_POISON + number for number in range(len(bad))}
    assert all("Error" in trace or "Violation" in trace or "OutOfRange" in trace for trace in traced.values())
    assert differences(market) == []


def test_an_idle_worker_says_that_it_lives(floor: Floor, engine: Engine) -> None:
    later = NOW + timedelta(minutes=1)
    assert engine.settle(0, later).settled == []
    with floor.database.connect() as connection:
        assert connection.execute(select(shards.c.heartbeat_at).where(shards.c.id == 0)).scalar_one() == later


def test_a_request_is_settled_once_though_the_worker_is_called_again(floor: Floor, engine: Engine) -> None:
    receipt = floor.place("ana", Side.BUY, 10, "150")
    assert kinds(settle_all(engine, NOW)) == ["OrderAccepted"]
    assert settle_all(engine, NOW) == []
    with floor.database.connect() as connection:
        count = select(func.count()).select_from(events).where(events.c.command_id == receipt.command_id)
        assert connection.execute(count).scalar_one() == 1


def test_a_batch_shows_the_books_it_changed_as_they_were_at_its_end(floor: Floor, market: Database) -> None:
    """The next batch is decided before this one is told of, and must not be seen in it."""
    floor.place("ana", Side.BUY, 10, "150")
    floor.place("ben", Side.BUY, 5, "149")
    floor.place("cleo", Side.SELL, 4, "150")
    shard_id = floor.receipts[0].shard_id
    engine = Engine(market, batch_max=2, levels_shown=1)
    first = engine.settle(shard_id, NOW)
    floor.pass_time(seconds=1)
    second = engine.settle(shard_id, floor.now)
    third = engine.settle(shard_id, floor.now)
    engine.close()
    assert first.books is not None
    [before] = first.books.values()
    assert [quantity for _, quantity in before.bids] == [10]
    assert second.books is not None
    # What was decided ahead, a moment after the last, is shown with the batch that comes when nothing more waits.
    [after] = second.books.values()
    assert ([quantity for _, quantity in after.bids], after.offers) == ([6], [])
    assert (third.settled, third.books) == ([], {})


def test_a_backlog_shows_its_books_now_and_then_and_at_its_end(floor: Floor, market: Database) -> None:
    for _ in range(6):
        floor.place("ana", Side.BUY, 1, "150")
    shard_id = floor.receipts[0].shard_id
    engine = Engine(market, batch_max=2, levels_shown=10)
    shown = [engine.settle(shard_id, NOW).books for _ in range(3)]
    engine.close()
    quantities = [
        None if books is None else [quantity for book in books.values() for _, quantity in book.bids] for books in shown
    ]
    assert quantities == [[2], None, [6]]


def test_no_book_is_shown_to_whom_did_not_ask(floor: Floor, engine: Engine) -> None:
    receipt = floor.place("ana", Side.BUY, 10, "150")
    assert engine.settle(receipt.shard_id, NOW).books is None
