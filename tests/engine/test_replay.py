"""`python -m engine.replay` as a program: lines in, lines out, and a clear error for what is no stream."""

import json
import subprocess
import sys

import pytest

SELL = {"op": "new", "id": "s1", "account": "A", "side": "sell", "quantity": 5, "price": 100, "tif": "GTC"}
BUY = {"op": "new", "id": 2, "account": "B", "side": "buy", "quantity": 7, "price": 101, "tif": "GTC"}
CROSSED = {
    "trades": [{"maker": "s1", "taker": 2, "price": 100, "quantity": 5}],
    "book": {"bids": [[101, 2]], "asks": []},
    "states": {"s1": "filled", "2": "partially_filled"},
}


def run(text: str | bytes) -> subprocess.CompletedProcess[bytes]:
    given = text.encode() if isinstance(text, str) else text
    return subprocess.run([sys.executable, "-m", "engine.replay"], input=given, capture_output=True, check=False)


def outcomes(text: str) -> list[dict[str, object]]:
    done = run(text)
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_is_a_stream_of_its_own_on_an_empty_book():
    streams = [{"orders": [SELL, BUY]}, {"orders": [SELL]}, {"orders": []}]
    played = outcomes("\n\n".join(json.dumps(stream) for stream in streams))
    assert played == [
        CROSSED,
        {"trades": [], "book": {"bids": [], "asks": [[100, 5]]}, "states": {"s1": "open"}},
        {"trades": [], "book": {"bids": [], "asks": []}, "states": {}},
    ]


def test_one_object_may_span_lines():
    assert outcomes("\n" + json.dumps({"orders": [SELL, BUY]}, indent=1)) == [CROSSED]


def test_nothing_in_gives_nothing_out():
    assert outcomes("\n \n") == []


def test_the_self_trade_mode_is_the_streams():
    orders = [SELL, BUY | {"account": "A"}]
    states = {
        mode: outcomes(json.dumps({"orders": orders, "self_trade_prevention": mode}))[0]["states"]
        for mode in ("cancel_taker", "cancel_maker", "cancel_both")
    }
    assert states == {
        "cancel_taker": {"s1": "open", "2": "cancelled"},
        "cancel_maker": {"s1": "cancelled", "2": "open"},
        "cancel_both": {"s1": "cancelled", "2": "cancelled"},
    }


def test_a_repeated_id_and_unknown_orders_are_ignored():
    orders = [
        SELL,
        SELL | {"price": 1},
        {"op": "cancel", "id": "nobody's", "account": "A"},
        {"op": "amend", "id": "nobody's", "account": "A", "quantity": 1},
    ]
    assert outcomes(json.dumps({"orders": orders}))[0]["book"] == {"bids": [], "asks": [[100, 5]]}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"orders": []}\n\n{"orders": [', b"line 3"),
        ('{"orders": []}\n{"orders": [{"op": "new"}]}', b"line 2"),
        ('{"orders": []}\n{"orders": [{"op": "fly", "id": 1, "account": 1}]}', b"line 2"),
        ('{"orders": [],\n"self_trade_prevention":\n}', b"line 3"),
        ("\n{nonsense", b"line 2"),
        ('{"orders": 5}', b"line 1"),
        ('{"self_trade_prevention": "cancel_taker"}', b"line 1"),
        ("[]", b"line 1"),
        ('{"orders": [{"op": "cancel", "id": 1.5, "account": 1}]}', b"line 1"),
        (json.dumps({"orders": [SELL | {"quantity": 1.5}]}), b"line 1"),
        (json.dumps({"orders": [SELL | {"side": "hold"}]}), b"line 1"),
        (b'{"orders": []}\n\xff\xfe', b"line 2"),
        ("[" * 100_000, b"line 1"),
    ],
)
def test_malformed_input_names_its_line_and_fails(text: str | bytes, where: bytes):
    done = run(text)
    assert done.returncode == 2
    assert done.stderr.startswith(b"engine.replay: " + where)
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
