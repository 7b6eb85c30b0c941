"""The public matching cases: trades, final book and order states that follow from the rules each case names."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.differential import play_ours

CASES = json.loads((Path(__file__).parents[1] / "data" / "matching_cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_public_case(case: dict[str, Any]):
    stream = {"orders": case["orders"]}
    if mode := case.get("requires", {}).get("self_trade_prevention"):
        stream["self_trade_prevention"] = mode
    played = play_ours(stream)
    expected = case["expect"]
    assert played["trades"] == expected["trades"]
    assert played["book"] == expected["book"]
    for order_id, state in expected["states"].items():
        assert played["states"][order_id] in [state, *case.get("accept_states", {}).get(order_id, [])]


def test_there_are_thirty_cases():
    assert len(CASES) == 30
