"""What a process knows of the catalogue and its words, built anew when staff have edited them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bot.listings import Listings
from nlp.catalogue import Catalogue
from nlp.parser import Parser

CATALOGUE_AGE_MAX = timedelta(seconds=5)


class Understanding:
    """The current listings and a parser for them."""

    def __init__(self, make_parser: Callable[[Catalogue], Parser] = Parser) -> None:
        self._make_parser = make_parser
        self._loaded_at: datetime | None = None
        self.listings: Listings
        self.parser: Parser

    def refresh(self, session: Session, now: datetime) -> "Understanding":
        """Look at the catalogue again if the last look is old; returns itself."""
        if self._loaded_at is not None and timedelta() <= now - self._loaded_at < CATALOGUE_AGE_MAX:
            return self
        listings = Listings.load(session, now)
        if self._loaded_at is None or listings.catalogue != self.listings.catalogue:
            self.parser = self._make_parser(listings.catalogue)
        self.listings = listings
        self._loaded_at = now
        return self
