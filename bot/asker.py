"""Who asks to know something, in which language and of which listings: what every answer starts from."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import figures, places
from bot.attachments import PNG, Kind, Wanted
from bot.languages import translations
from bot.listings import Listing, Listings
from engine import queries
from engine.errors import UnknownMarket
from engine.orders import InstrumentStatus
from nlp.reading import Intent, Reading

LINES_MAX = 10
MARKET_MONTHS = 3


class Asker:
    """One trader who asks, and how figures look to them."""

    def __init__(
        self,
        session: Session,
        conversation: sa.RowMapping,
        listings: Listings,
        examples: Mapping[Intent, tuple[str, ...]],
        language: str,
        now: datetime,
    ) -> None:
        self.session, self.conversation, self.listings = session, conversation, listings
        self.examples, self.language, self.now = examples, language, now
        self.zone = places.zone_of(conversation["number"])
        self.trader_id: int = conversation["trader_id"]
        self.wanted: Wanted | None = None  # The file that the answer is to carry.
        self.document: tuple[Wanted, str] | None = None  # What follows it as a message of its own, and its title.
        self.catalog = translations(language)

    def chosen(self, reading: Reading) -> list[Listing]:
        """The listings that a market request is about; raises UnknownMarket for a month that is not listed."""
        if reading.asset is not None and reading.contract is not None:
            listing = self.listings.find(reading.asset, reading.contract)
            if listing is None:
                raise UnknownMarket(symbol=f"{reading.contract}-{reading.asset}", asset=reading.asset)
            return [listing]
        months = MARKET_MONTHS if reading.asset is not None else 1
        active = [self.listings.by_id[found] for found in queries.most_active(self.session, self.now)]
        chosen: list[Listing] = []
        for asset in [reading.asset] if reading.asset is not None else self.listings.assets():
            if reading.contract is not None:
                named = self.listings.find(asset, reading.contract)
                chosen += [named] if named is not None and named.status == InstrumentStatus.OPEN else []
                continue
            nearest = [self.listings.by_name[asset, code] for code in self.listings.contracts(asset)]
            # What trades most comes first, then what ends first.
            chosen += list(dict.fromkeys([*(found for found in active if found in nearest), *nearest]))[:months]
        return chosen

    def matches(self, reading: Reading, instrument_id: int) -> bool:
        listing = self.listings.by_id[instrument_id]
        return reading.asset in (None, listing.asset) and reading.contract in (None, listing.contract)

    def more(self, count: int) -> list[str]:
        if count <= LINES_MAX:
            return []
        more = count - LINES_MAX
        shown = figures.quantity(more, self.language)
        return [self.catalog.ngettext("… and %(count)s more", "… and %(count)s more", more) % {"count": shown}]

    def want_picture(self, kind: Kind, listing: Listing) -> None:
        """Have the answer carry a picture of this market."""
        facts = {"instrument_id": listing.instrument_id}
        self.wanted = Wanted(kind=kind, content_type=PNG, facts=facts, language=self.language, zone=self.zone.key)

    def moment(self, value: datetime) -> str:
        """A time by the trader's own clock."""
        return figures.moment(value.astimezone(self.zone), self.language)

    def product(self, listing: Listing) -> str:
        name = self.listings.asset_name(listing.asset, self.language)
        return f"{name} {figures.contract(listing.contract, self.language)}"

    def ticks(self, price_ticks: int, listing: Listing) -> str:
        return figures.price(price_ticks * listing.tick_size, self.language, listing.tick_size)

    def ticks_or_dash(self, price_ticks: int | None, listing: Listing) -> str:
        return "—" if price_ticks is None else self.ticks(price_ticks, listing)
