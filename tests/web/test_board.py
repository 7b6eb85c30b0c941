"""The board shows what a first look would find, whatever happened between its looks."""

import random
from datetime import timedelta

import pytest
from flask import Flask
from msgspec.structs import replace
from sqlalchemy import Engine as Database
from sqlalchemy import event
from sqlalchemy.orm import Session

from bot.clock import utc_now
from bot.instruments import Rules, list_contract
from engine import intake, store
from engine.submission import Source
from tests.web.api import ApiCaller, Market
from web.board import Board
from web.schemas import Markets

DAY = timedelta(hours=24)
ASSETS = ("Wheat", "Corn")
NEW_RULES = Rules(
    tick_size="0.01",
    max_quantity="1000",
    max_notional="",
    reference_price="150",
    band_percent="20",
    last_trading_on="",
)


@pytest.mark.parametrize("seed", range(5))
def test_after_any_run_of_orders_it_shows_what_a_first_look_finds(
    api: Flask, market: Market, database: Database, seed: int
):
    chance, board = random.Random(seed), Board()
    callers = [ApiCaller(api), ApiCaller(api)]
    placed: list[tuple[ApiCaller, int]] = []
    for _ in range(12):
        for _ in range(chance.randint(0, 6)):
            who = chance.choice(callers)
            if placed and chance.random() < 0.3:
                who, order_id = chance.choice(placed)
                change = chance.choice(({"method": "DELETE"}, {"method": "PATCH", "json": {"price": "151"}}))
                who.send(path=f"/api/orders/{order_id}", **change)
                continue
            symbol = f"Dec25-{chance.choice(ASSETS)}"
            answer = who.place(
                symbol=symbol, side=chance.choice(("buy", "sell")), price=str(chance.randint(148, 152)), quantity="1"
            )
            if answer.status_code == 202:
                placed.append((who, answer.json["id"]))
        if chance.random() < 0.8:
            market.settle()
        now = utc_now() + chance.choice((timedelta(), DAY, -timedelta(minutes=5)))
        with Session(database) as session:
            assert board.markets(session, None, now) == Board().markets(session, None, now)
    with Session(database) as session:
        assert '"last":"1' in board.markets(session, None, utc_now()), "nothing was traded"


def test_a_trade_leaves_the_figures_of_the_day_when_it_is_a_day_old(api: Flask, market: Market, database: Database):
    ana, ben, board = ApiCaller(api), ApiCaller(api), Board()
    ana.place(price="150", quantity="10")
    ben.place(side="sell", price="150", quantity="10")
    market.settle()
    with Session(database) as session:
        shown = [
            Markets.model_validate_json(board.markets(session, "wheat", utc_now() + later)).markets[0]
            for later in (timedelta(), DAY, timedelta())
        ]
    assert [(one.symbol, one.last, one.volume, one.high) for one in shown] == [
        ("Dec25-Wheat", 150, 10, 150),
        ("Dec25-Wheat", 150, 0, None),
        ("Dec25-Wheat", 150, 10, 150),
    ]


def test_halts_rules_and_new_contracts_are_shown(market: Market, database: Database):
    board, now = Board(), utc_now()
    with Session(database) as session:
        board.markets(session, None, now)
    with Session(database) as session, session.begin():
        intake.halt(session, symbol="Dec25-Wheat", request_key="halt", now=now)
        gold = store.instrument_from_row(intake.find_instrument(session, symbol="Dec25-Gold"))
        banded = replace(gold, band_percent=5)
        intake.set_instrument(session, instrument=banded, source=Source.STAFF, request_key="band", now=now)
        list_contract(session, "wheat", "Oct25", NEW_RULES, now)
    market.settle()
    with Session(database) as session:
        wheat = Markets.model_validate_json(board.markets(session, "wheat", now)).markets
        gold_shown = Markets.model_validate_json(board.markets(session, "gold", now)).markets
        assert board.markets(session, None, now) == Board().markets(session, None, now)
    assert [(one.symbol, one.status) for one in wheat[:2]] == [("Oct25-Wheat", "open"), ("Dec25-Wheat", "halted")]
    assert gold_shown[0].high_limit is not None


def test_what_stands_is_not_read_again(api: Flask, market: Market, database: Database):
    board, read = Board(), []
    with Session(database) as session:
        board.markets(session, None, utc_now())
    ApiCaller(api).place(price="150")
    market.settle()
    event.listen(database, "before_cursor_execute", lambda *call: read.append(call[2:4]))
    with Session(database) as session:
        wheat = intake.find_instrument(session, symbol="Dec25-Wheat")["id"]
        read.clear()
        board.markets(session, None, utc_now())
        wanted = [asked["wanted"] for _, asked in read if "wanted" in asked]
        assert wanted == [[wheat]]
        read.clear()
        board.markets(session, None, utc_now())
        assert len(read) == 1
