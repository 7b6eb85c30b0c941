"""Market data by HTTP: public, the same for everyone, and made once for many."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from sqlalchemy import Engine

from bot.clock import utc_now
from engine.tables import instruments
from tests.web.api import ApiCaller, Market, code
from tests.web.conftest import PUBLIC_URL, close, settings_for
from web import cache
from web.app import create_app


@pytest.fixture
def traded(api: Flask, market: Market) -> ApiCaller:
    """40 wheat at 150 and 10 at 151 were traded; 50 are left to buy at 149, 10 at 148 and 5 to sell at 152."""
    ana, ben = ApiCaller(api), ApiCaller(api)
    for price, quantity in (("149", "50"), ("148", "10"), ("150", "40")):
        ana.place(price=price, quantity=quantity)
    ben.place(side="sell", price="150", quantity="40")
    ben.place(side="sell", price="151", quantity="10")
    ana.place(price="151", quantity="10")
    ben.place(side="sell", price="152", quantity="5")
    market.settle()
    return ana


def test_the_market_shows_last_best_range_and_volume(api: Flask, traded: ApiCaller):
    answer = api.test_client().get("/api/market?asset=Wheat").json
    shown = {market["symbol"]: market for market in answer["markets"]}
    wheat = shown["Dec25-Wheat"]
    names = ("last", "bid", "offer", "high", "low", "volume", "status", "tick_size")
    assert [wheat[name] for name in names] == ["151.00", "149.00", "152.00", "151.00", "150.00", "50", "open", "0.01"]
    assert shown["Jan26-Wheat"]["last"] is None
    assert {market["asset"] for market in answer["markets"]} == {"wheat"}
    assert (wheat["open"], wheat["low_limit"], wheat["high_limit"]) == ("150.00", None, None)


def test_a_price_band_is_told_and_follows_the_last_trade(api: Flask, traded: ApiCaller, database: Engine):
    with database.begin() as connection:
        connection.execute(sa.update(instruments).values(band_percent=20))
    shown = {market["symbol"]: market for market in api.test_client().get("/api/market?asset=wheat").json["markets"]}
    assert (shown["Dec25-Wheat"]["low_limit"], shown["Dec25-Wheat"]["high_limit"]) == ("120.80", "181.20")
    assert (shown["Jan26-Wheat"]["low_limit"], shown["Jan26-Wheat"]["high_limit"]) == ("120.00", "180.00")


def test_assets_are_told_by_their_names_and_the_words_for_them(api: Flask, market: Market):
    assets = {asset["asset"]: asset for asset in api.test_client().get("/api/assets").json["assets"]}
    assert len(assets) == 16
    assert assets["corn"]["names"] == {"en": "Corn", "es": "maíz", "pt": "milho"}
    assert "maize" in assets["corn"]["aliases"]


def test_a_book_is_found_by_symbol_and_an_asset_has_all_its_books(api: Flask, traded: ApiCaller):
    client = api.test_client()
    [book] = client.get("/api/orderbook/dec25-wheat?levels=1").json["books"]
    assert book == {
        "symbol": "Dec25-Wheat",
        "bids": [{"price": "149.00", "quantity": "50"}],
        "offers": [{"price": "152.00", "quantity": "5"}],
    }
    books = client.get("/api/orderbook/wheat").json["books"]
    assert len(books) > 1
    assert [level["price"] for level in books[0]["bids"]] == ["149.00", "148.00"]
    for nowhere in ("Dec25-Sand", "sand"):
        answer = client.get(f"/api/orderbook/{nowhere}")
        assert (answer.status_code, code(answer)) == (404, "unknown_market")


def test_trades_come_newest_first_in_pages(api: Flask, traded: ApiCaller):
    client = api.test_client()
    first = client.get("/api/trades?symbol=Dec25-Wheat&limit=1").json
    assert [(trade["price"], trade["quantity"], trade["taker_side"]) for trade in first["trades"]] == [
        ("151.00", "10", "buy")
    ]
    second = client.get("/api/trades", query_string={"limit": 1, "cursor": first["next_cursor"]}).json
    assert [(trade["price"], trade["taker_side"]) for trade in second["trades"]] == [("150.00", "sell")]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["x", "1.2", "1.2.3.4", "9" * 60 + ".1.1", "1.1.b"])
def test_a_cursor_that_we_never_gave_is_refused(api: Flask, market: Market, cursor: str):
    answer = api.test_client().get("/api/trades", query_string={"cursor": cursor})
    assert (answer.status_code, code(answer)) == (422, "invalid_cursor")


@pytest.mark.parametrize("interval", ["1m", "5m", "1h", "1d"])
def test_candles_sum_up_the_trades_of_each_interval(api: Flask, traded: ApiCaller, interval: str):
    query = {"interval": interval, "until": (utc_now() + timedelta(minutes=1)).isoformat()}
    [candle] = api.test_client().get("/api/candles/Dec25-Wheat", query_string=query).json["candles"]
    names = ("open", "high", "low", "close", "volume", "trades")
    assert [candle[name] for name in names] == ["150.00", "151.00", "150.00", "151.00", "50", 2]


def test_answers_are_made_once_for_many_and_both_are_counted(api: Flask, market: Market, redis_client: Redis):
    client = api.test_client()
    answers = {client.get("/api/market").data for _ in range(20)}
    rate = cache.hit_rate(redis_client)
    assert rate.requests == 20
    assert len(answers) == rate.misses < 20


def test_a_stale_answer_is_made_anew_by_one_caller_while_the_others_are_given_it(redis_client: Redis):
    made = []

    def make() -> bytes:
        made.append(len(made))
        if len(made) == 2:
            # While this one is at work, another caller comes.
            assert cache.through(redis_client, "key", make) == b"0"
        return b"%d" % made[-1]

    assert cache.through(redis_client, "key", make) == b"0"
    redis_client.set("cache:key", b"%013d" % 0 + b"0")
    assert cache.through(redis_client, "key", make) == b"1"
    assert cache.through(redis_client, "key", make) == b"1"
    assert made == [0, 1]


def test_without_redis_the_market_is_still_shown(database_url: str, market: Market):
    app = create_app(settings_for(database_url, "redis://127.0.0.1:1", PUBLIC_URL))
    assert app.test_client().get("/api/market?asset=gold").json["markets"][0]["asset"] == "gold"
    close(app)
