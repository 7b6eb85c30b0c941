"""What a trader can try today: the parser's examples with months that are listed, and an order near the market."""

import re
from collections.abc import Mapping
from decimal import Decimal

from bot import figures, replies
from bot.asker import Asker
from bot.listings import Listings
from engine import queries
from engine.orders import OrderType, Side
from nlp.reading import Intent, Reading

CONTRACT = re.compile(r"\b[a-z]{3}\d\d\b", re.IGNORECASE)
QUANTITY = Decimal(10)


def current(
    examples: Mapping[Intent, tuple[str, ...]], listings: Listings, language: str
) -> Mapping[Intent, tuple[str, ...]]:
    """The examples with every month that is over moved to the nearest one of which each asset has a contract."""
    ahead = [figures.contract(code, language) for code in listings.months_ahead]
    if not ahead:
        return examples

    def dated(found: re.Match[str]) -> str:
        return found[0] if found[0].capitalize() in ahead else ahead[0]

    return {intent: tuple(CONTRACT.sub(dated, text) for text in texts) for intent, texts in examples.items()}


def order(asker: Asker) -> str:
    """An order that could be placed now: of what trades most, else of what the parser's example names."""
    for instrument_id in queries.most_active(asker.session, asker.now):
        listing = asker.listings.by_id.get(instrument_id)
        if listing is None or listing.contract not in asker.listings.contracts(listing.asset):
            continue
        price = queries.last_price(asker.session, listing.symbol)
        reading = Reading(
            intent=Intent.PLACE_ORDER,
            lang=asker.language,
            side=Side.BUY,
            quantity=QUANTITY * listing.lot_size,
            asset=listing.asset,
            contract=listing.contract,
            price=price,
            order_type=OrderType.LIMIT,
        )
        return replies.order_words(reading, asker.listings, asker.language)
    return asker.examples[Intent.PLACE_ORDER][0]
