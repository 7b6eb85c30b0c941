"""What operators see of the conversations: outcomes, and how often an order was shown with a wrong number."""

from collections import Counter

import pytest

from bot import metrics
from tests.bot.conftest import Traders

ANA = "+15550100"


def confirmations() -> Counter[str]:
    [family] = metrics.confirmations.collect()
    return Counter({sample.labels["answer"]: int(sample.value) for sample in family.samples})


@pytest.mark.parametrize(
    ("says", "counted"),
    [
        (["yes"], {"yes": 1}),
        (["no"], {"no": 1}),
        (["no, 160", "yes"], {"wrong_number": 1, "yes": 1}),
        (["buy 5 gold dec25 at 2000"], {"left": 1}),
        (["help"], {}),
    ],
)
def test_what_is_made_of_an_order_that_is_shown_is_counted(traders: Traders, says: list[str], counted: dict[str, int]):
    assert traders.outcome(ANA, "can you buy 10 wheat dec25 at 150?") == "ask_confirm"
    before = confirmations()
    for text in says:
        traders.reply(ANA, text)
    assert confirmations() - before == Counter(counted)


def test_each_message_is_counted_once_by_its_outcome(traders: Traders):
    labels = {"channel": "text", "language": "es", "outcome": "placed"}
    before = metrics.registry.get_sample_value("maibroker_messages_handled_total", labels) or 0
    traders.reply(ANA, "compra 10 trigo dic25 a 150")
    traders.reply(ANA, "compra 11 trigo dic25 a 151")
    assert metrics.registry.get_sample_value("maibroker_messages_handled_total", labels) == before + 2
