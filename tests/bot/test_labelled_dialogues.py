"""The labelled conversations: every turn's outcome and order, and not one wrong execution."""

from decimal import Decimal

import pytest

from tests.bot.conftest import Traders
from tests.nlp import labelled

DIALOGUES = [dialogue for name in labelled.DIALOGUES for dialogue in labelled.rows(name)]
SLOTS = ("side", "quantity", "asset", "contract", "price")


def canonical(slot: str, value: object) -> object:
    return Decimal(str(value)) if slot in ("quantity", "price") and value is not None else value


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: dialogue["id"])
def test_every_turn_comes_out_as_labelled(traders: Traders, dialogue: dict[str, object]):
    turns = dialogue["turns"]
    assert isinstance(turns, list)
    for turn in turns:
        answer = traders.say("+15550100", turn["user"])
        want, order = turn["expect"], answer["order"]
        assert isinstance(order, dict)
        assert answer["outcome"] == want["outcome"], turn["user"]
        for slot, value in want.get("order", {}).items():
            if slot in SLOTS:
                assert canonical(slot, order.get(slot)) == canonical(slot, value), (turn["user"], slot)
