"""The labelled messages: nearly all are read exactly, and none is executed wrongly."""

import pytest

from nlp.parser import Parser
from tests.nlp import labelled

_EXACT_SHARE_MIN = {"commands.jsonl": 0.97, "more_commands.jsonl": 0.97}


@pytest.mark.parametrize("file", sorted(_EXACT_SHARE_MIN))
def test_nearly_every_labelled_message_is_read_exactly(parser: Parser, file: str) -> None:
    rows = labelled.rows(file)
    misses = [row["text"] for row in rows if not labelled.agrees(row, labelled.read(parser, row))]
    assert len(misses) <= (1 - _EXACT_SHARE_MIN[file]) * len(rows), misses


@pytest.mark.parametrize("file", sorted(_EXACT_SHARE_MIN))
def test_no_labelled_message_is_executed_otherwise_than_meant(parser: Parser, file: str) -> None:
    readings = [(row, labelled.read(parser, row)) for row in labelled.rows(file)]
    wrong = [
        (row["text"], reading.to_json())
        for row, reading in readings
        if reading.acts and (row.get("must_not_execute") or not labelled.agrees(row, reading))
    ]
    assert wrong == []
