"""One parser for all tests of the language folder: building it is the slow part."""

from pathlib import Path

import pytest

from nlp.catalogue import Catalogue
from nlp.parser import Parser

_CATALOGUE = Path(__file__).parents[2] / "engine" / "demo_catalogue.toml"


@pytest.fixture(scope="session")
def parser() -> Parser:
    return Parser(Catalogue.from_toml(_CATALOGUE))
