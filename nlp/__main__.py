"""`python -m nlp`: messages in as JSON lines, one reading a line out."""

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from nlp.catalogue import Catalogue
from nlp.parser import Parser
from nlp.reading import Intent, Reading

_DEFAULT_CATALOGUE = Path(__file__).parent.parent / "engine" / "demo_catalogue.toml"
# The day a row without one is sent.
_DEFAULT_AS_OF = "2025-11-03"


def main() -> None:
    """Read rows `{"id","text","lang"?,"channel"?,"as_of"?}` and write what they mean."""
    arguments = argparse.ArgumentParser(prog="python -m nlp", description=__doc__)
    arguments.add_argument(
        "--catalogue", type=Path, default=_DEFAULT_CATALOGUE, help="the assets and their aliases, as TOML"
    )
    parser = Parser(Catalogue.from_toml(arguments.parse_args().catalogue))
    for number, line in enumerate(sys.stdin, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            sys.exit(
                f'Line {number} is not JSON; a message is written as {{"id": "1", "text": "buy 10 wheat at 150"}}.'
            )
        reading = parser.read(
            row["text"],
            as_of=date.fromisoformat(row.get("as_of") or _DEFAULT_AS_OF),
            last_language=row.get("lang"),
            channel=row.get("channel") or "text",
        )
        print(json.dumps({"id": row["id"], **alone(reading).to_json()}, ensure_ascii=False))


def alone(reading: Reading) -> Reading:
    """The reading where nobody can be asked: an order for what is not listed is then no order at all."""
    if reading.intent != Intent.INCOMPLETE_ORDER or reading.unlisted is None:
        return reading
    return Reading(
        intent=Intent.UNKNOWN,
        lang=reading.lang,
        unlisted=reading.unlisted,
        nearest=reading.nearest,
        certain=False,
        reasons=reading.reasons,
    )


if __name__ == "__main__":
    main()
