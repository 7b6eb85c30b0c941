"""Random streams: the engine agrees with a list-scan book and with two engines that are not ours."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import plain_book
from tests.engine.differential import OTHERS, difference, play_ours
from tests.engine.streams import Stream

STREAMS = 200


@pytest.mark.parametrize("name", OTHERS)
def test_random_streams_give_the_same_trades_and_book(name: str):
    for seed in range(STREAMS):
        assert difference(name, seed) is None


names = st.sampled_from([f"o{number}" for number in range(12)])
accounts = st.sampled_from("ABC")
prices = st.integers(98, 102)
new_orders = st.fixed_dictionaries(
    {
        "op": st.just("new"),
        "id": names,
        "account": accounts,
        "side": st.sampled_from(("buy", "sell")),
        "quantity": st.integers(-1, 8),
        "price": st.none() | prices,
        "tif": st.sampled_from(("GTC", "GTC", "IOC", "FOK")),
        "post_only": st.booleans(),
    }
).map(lambda order: order if order["price"] is not None or order["tif"] != "GTC" else order | {"tif": "IOC"})
cancels = st.fixed_dictionaries({"op": st.just("cancel"), "id": names, "account": accounts})
amends = st.fixed_dictionaries(
    {
        "op": st.just("amend"),
        "id": names,
        "account": accounts,
        "price": st.none() | prices,
        "quantity": st.none() | st.integers(0, 12),
    }
)
streams = st.fixed_dictionaries(
    {
        "orders": st.lists(st.one_of(new_orders, new_orders, cancels, amends), max_size=40),
        "self_trade_prevention": st.sampled_from(("cancel_taker", "cancel_maker", "cancel_both")),
    }
)


@settings(max_examples=300, deadline=None)
@given(streams)
def test_any_stream_gives_what_the_list_scan_book_gives(stream: Stream):
    assert play_ours(stream) == plain_book.replay(stream)
