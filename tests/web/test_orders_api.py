"""Orders by HTTP: placed once, through the same market as everyone's, and shown to nobody else."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Engine

from engine.tables import commands, orders
from tests.web.api import ApiCaller, Market, code

WAIT = {"Prefer": "wait=10"}


@pytest.fixture
def ana(api: Flask, market: Market) -> ApiCaller:
    return ApiCaller(api)


@pytest.fixture
def ben(api: Flask, market: Market) -> ApiCaller:
    return ApiCaller(api)


def placed_commands(database: Engine) -> int:
    with database.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).where(commands.c.kind == "place")).scalar_one()


def test_an_order_is_new_until_the_market_has_taken_it(ana: ApiCaller, market: Market):
    answer = ana.place(client_order_id="first")
    assert answer.status_code == 202
    order = answer.json
    assert {name: order[name] for name in ("state", "symbol", "side", "quantity", "price", "client_order_id")} == {
        "state": "new",
        "symbol": "Dec25-Wheat",
        "side": "buy",
        "quantity": "10",
        "price": "150.00",
        "client_order_id": "first",
    }
    assert ana.get(f"/api/orders/{order['id']}").json == order
    assert ana.get("/api/orders").json == {"orders": [order], "next_cursor": None}
    market.settle()
    settled = ana.get(f"/api/orders/{order['id']}").json
    assert (settled["state"], settled["leaves_quantity"], settled["client_order_id"]) == ("new", "10", "first")
    assert [found["id"] for found in ana.get("/api/orders").json["orders"]] == [order["id"]]


def test_two_orders_that_meet_trade_at_the_resting_price(ana: ApiCaller, ben: ApiCaller, market: Market):
    ana.place(quantity="100", price="150")
    with market.running():
        sold = ben.place(WAIT, side="sell", quantity="40", price="149")
    assert sold.status_code == 201
    order = sold.json
    assert (order["state"], order["filled_quantity"], order["average_price"]) == ("filled", "40", "150.000000")
    [resting] = ana.get("/api/orders", status="open").json["orders"]
    assert (resting["state"], resting["filled_quantity"], resting["leaves_quantity"]) == (
        "partially_filled",
        "40",
        "60",
    )
    [fill] = ana.get("/api/account/trades").json["trades"]
    assert (fill["side"], fill["price"], fill["quantity"], fill["commission"]) == ("buy", "150.00", "40", "6.00")
    [position] = ben.get("/api/account/positions").json["positions"]
    assert (position["quantity"], position["average_price"]) == ("-40", "150.000000")
    assert ben.get("/api/account/summary").json["commission"] == "6.00"


def test_a_market_may_be_named_by_asset_and_contract(ana: ApiCaller):
    by_name = ana.place(symbol=None, asset="Wheat", contract="dec25")
    assert by_name.json["symbol"] == "Dec25-Wheat"


@pytest.mark.parametrize("names", [{}, {"asset": "wheat"}, {"symbol": "Dec25-Wheat", "asset": "wheat"}])
def test_a_market_that_is_half_named_or_named_twice_is_refused(ana: ApiCaller, names: dict[str, str]):
    answer = ana.place(**({"symbol": None} | names))
    assert (answer.status_code, code(answer)) == (422, "invalid_request")


def test_an_amount_with_too_many_digits_is_told_how_many_there_may_be(ana: ApiCaller):
    answer = ana.place(quantity=str(10**30))
    assert (answer.status_code, code(answer)) == (422, "invalid_request")
    assert "at most 15 digits and 10 decimals" in str(answer.json["facts"])


@pytest.mark.parametrize(
    ("changes", "status", "refusal", "facts"),
    [
        ({"symbol": "Dec25-Whaet"}, 404, "unknown_market", {"symbol": "Dec25-Whaet"}),
        ({"price": "150.001"}, 422, "off_tick", {"below": "150.00", "above": "150.01"}),
        ({"price": None}, 422, "invalid_price", {}),
        ({"quantity": "0"}, 422, "invalid_quantity", {"quantity": "0"}),
        ({"quantity": "1.5"}, 422, "off_lot", {"below": "1", "above": "2"}),
        ({"time_in_force": "GTT"}, 422, "invalid_time_in_force", {}),
        ({"type": "market", "price": None, "time_in_force": "GTC"}, 422, "invalid_time_in_force", {}),
    ],
)
def test_what_cannot_be_an_order_is_refused_with_the_codes_of_the_chat(
    ana: ApiCaller, database: Engine, changes: dict[str, object], status: int, refusal: str, facts: dict[str, object]
):
    answer = ana.place(**changes)
    assert (answer.status_code, code(answer)) == (status, refusal)
    assert answer.get_json(force=True).get("facts", {}).items() >= facts.items()
    assert placed_commands(database) == 0


def test_an_order_that_the_market_refuses_is_an_order_with_a_reason(ana: ApiCaller, market: Market):
    with market.running():
        answer = ana.place(WAIT, quantity="999999999")
    assert (answer.status_code, answer.json["state"], answer.json["reason"]) == (201, "rejected", "above_max_quantity")


@pytest.mark.parametrize(
    ("mode", "states"),
    [
        ({}, ("new", "canceled")),
        ({"self_trade_prevention": "cancel_maker"}, ("canceled", "new")),
        ({"self_trade_prevention": "cancel_both"}, ("canceled", "canceled")),
    ],
)
def test_an_order_that_would_meet_ones_own_ends_what_it_says(
    ana: ApiCaller, market: Market, mode: dict[str, str], states: tuple[str, str]
):
    resting = ana.place(price="150").json["id"]
    incoming = ana.place(side="sell", price="150", **mode).json["id"]
    market.settle()
    assert tuple(ana.get(f"/api/orders/{number}").json["state"] for number in (resting, incoming)) == states


def test_a_client_order_id_names_one_order_of_a_trader(ana: ApiCaller, ben: ApiCaller, database: Engine):
    first = ana.place(client_order_id="x-1").json
    again = ana.place(client_order_id="x-1", quantity="20")
    assert (again.status_code, code(again)) == (409, "client_order_id_taken")
    assert again.get_json(force=True)["facts"]["order_id"] == first["id"]
    assert ben.place(client_order_id="x-1").status_code == 202
    assert placed_commands(database) == 2
    [found] = ana.get("/api/orders", client_order_id="x-1").json["orders"]
    assert found["id"] == first["id"]


def test_the_same_request_with_its_idempotency_key_gets_the_first_answer(
    ana: ApiCaller, ben: ApiCaller, database: Engine, market: Market
):
    key = {"Idempotency-Key": "k-1"}
    first = ana.place(key)
    market.settle()
    again = ana.place(key)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    other = ana.place(key, quantity="11")
    assert (other.status_code, code(other)) == (422, "idempotency_key_reused")
    assert ben.place(key).json["id"] != first.json["id"]
    assert placed_commands(database) == 2


def test_a_waiting_request_replays_what_it_was_answered_in_the_end(ana: ApiCaller, market: Market):
    both = WAIT | {"Idempotency-Key": "k-2"}
    with market.running():
        first = ana.place(both)
        again = ana.place(both)
    assert first.status_code == 201
    assert (again.status_code, again.data) == (201, first.data)


def test_fifty_callers_at_once_with_one_idempotency_key_make_one_order(ana: ApiCaller, database: Engine):
    def place(_: int) -> int:
        own = ana.client.application.test_client()
        return own.post(
            "/api/orders",
            json={"symbol": "Dec25-Wheat", "side": "buy", "quantity": "1", "price": "150"},
            headers=ana.headers | {"Idempotency-Key": "one"},
        ).status_code

    with ThreadPoolExecutor(50) as callers:
        answers = list(callers.map(place, range(50)))
    assert set(answers) <= {202, 409}
    assert 202 in answers
    assert placed_commands(database) == 1


def test_a_key_is_not_used_up_by_a_request_that_was_refused(ana: ApiCaller):
    key = {"Idempotency-Key": "k-3"}
    assert ana.place(key, price="150.001").status_code == 422
    assert ana.place(key, price="150").status_code == 202


def test_an_order_is_changed_and_canceled(ana: ApiCaller, market: Market):
    with market.running():
        number = ana.place(WAIT).json["id"]
        amended = ana.send("PATCH", f"/api/orders/{number}", WAIT, json={"quantity": "5", "price": "151"})
        assert (amended.status_code, amended.json["quantity"], amended.json["price"]) == (200, "5", "151.00")
        canceled = ana.send("DELETE", f"/api/orders/{number}", WAIT)
        assert (canceled.status_code, canceled.json["state"]) == (200, "canceled")
        assert canceled.json["reason"] == "canceled_by_trader"
        again = ana.send("DELETE", f"/api/orders/{number}", WAIT)
    assert (again.status_code, code(again)) == (409, "order_closed")


def test_a_change_that_the_market_refuses_says_why(ana: ApiCaller, market: Market):
    with market.running():
        number = ana.place(WAIT).json["id"]
        refused = ana.send("PATCH", f"/api/orders/{number}", WAIT, json={"quantity": "999999999"})
    assert (refused.status_code, code(refused)) == (409, "order_refused")
    facts = refused.get_json(force=True)["facts"]
    assert (facts["order_id"], facts["reason"]) == (number, "above_max_quantity")


def test_all_orders_or_those_of_a_market_are_canceled_at_once(ana: ApiCaller, market: Market):
    with market.running():
        for symbol, price in (("Dec25-Wheat", "150"), ("Jan26-Wheat", "150"), ("Dec25-Gold", "2000")):
            assert ana.place(WAIT, symbol=symbol, price=price).status_code == 201
        one = ana.send("DELETE", "/api/orders", WAIT, query_string={"symbol": "Dec25-Wheat"})
        assert (one.status_code, one.json) == (200, {"settled": True, "canceled": 1})
        rest = ana.send("DELETE", "/api/orders", WAIT)
        assert rest.json == {"settled": True, "canceled": 2}
    assert ana.get("/api/orders", status="open").json["orders"] == []


def test_orders_come_in_pages_that_neither_repeat_nor_skip(ana: ApiCaller, market: Market):
    numbers = [ana.place(price=str(100 + count)).json["id"] for count in range(7)]
    market.settle()
    numbers += [ana.place(price=str(100 + count)).json["id"] for count in range(2)]
    seen, cursor = [], None
    while True:
        page = ana.get("/api/orders", limit=2, **({} if cursor is None else {"cursor": cursor})).json
        seen += [order["id"] for order in page["orders"]]
        ana.place(price="99")
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(numbers, reverse=True)


def test_orders_are_filtered_by_state_symbol_side_and_time(ana: ApiCaller, market: Market):
    wheat = ana.place().json
    gold = ana.place(symbol="Dec25-Gold", side="sell", price="2000").json
    market.settle()
    ana.send("DELETE", f"/api/orders/{wheat['id']}")
    market.settle()

    def found(**query: object) -> list[int]:
        return [order["id"] for order in ana.get("/api/orders", **query).json["orders"]]

    assert found(status="open") == [gold["id"]]
    assert found(status="closed") == [wheat["id"]]
    assert found(status="canceled") == [wheat["id"]]
    assert found(symbol="dec25-gold") == [gold["id"]]
    assert found(side="buy") == [wheat["id"]]
    changed_at = ana.get(f"/api/orders/{wheat['id']}").json["updated_at"]
    assert found(updated_since=changed_at) == [wheat["id"]]


def test_another_traders_order_is_not_there(ana: ApiCaller, ben: ApiCaller, database: Engine, market: Market):
    number = ana.place().json["id"]
    market.settle()
    asked = [
        ben.get(f"/api/orders/{number}"),
        ben.send("PATCH", f"/api/orders/{number}", json={"quantity": "1"}),
        ben.send("DELETE", f"/api/orders/{number}"),
    ]
    nowhere = ben.get("/api/orders/999999")
    assert [(answer.status_code, code(answer)) for answer in (*asked, nowhere)] == [(404, "order_not_found")] * 4
    ben.send("DELETE", "/api/orders")
    market.settle()
    with database.connect() as connection:
        assert connection.execute(sa.select(orders.c.state)).scalars().all() == ["new"]


def test_events_tell_what_happened_to_the_callers_orders_and_nothing_of_the_other_side(
    ana: ApiCaller, ben: ApiCaller, market: Market
):
    bought = ana.place(quantity="10", price="150").json["id"]
    market.settle()
    sold = ben.place(side="sell", quantity="4", price="150").json["id"]
    market.settle()
    first = ana.get("/api/events").json
    assert [(event["event"], event["order_id"]) for event in first["events"]] == [
        ("order_accepted", bought),
        ("trade", bought),
    ]
    assert (first["events"][1]["side"], first["events"][1]["leaves_quantity"]) == ("buy", "6")
    assert str(sold) not in str(first)
    ana.send("DELETE", f"/api/orders/{bought}")
    market.settle()
    later = ana.get("/api/events", after=first["next_after"]).json
    assert [event["event"] for event in later["events"]] == ["order_canceled"]
    assert ana.get("/api/events", after=later["next_after"]).json == {"events": [], "next_after": later["next_after"]}
