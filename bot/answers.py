"""Answers to what traders ask to know: the market, their orders, trades, positions, account, help, settings."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.listings import Listings
from nlp.reading import Intent, Reading

LINES_MAX = 8
MARKET_MONTHS = 3
BOOK_LEVELS = 5
HELP_TOPICS = (
    Intent.PLACE_ORDER,
    Intent.MARKET,
    Intent.BOOK,
    Intent.ORDERS,
    Intent.CANCEL_ORDER,
    Intent.CANCEL_ALL,
    Intent.AMEND_ORDER,
    Intent.MY_TRADES,
    Intent.POSITIONS,
    Intent.ACCOUNT,
    Intent.ALERT,
    Intent.LANGUAGE,
    Intent.PANIC,
)


class Answers:
    """One information request of one trader."""

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
        self.trader_id = conversation["trader_id"]

    def to(self, reading: Reading) -> str:
        """The answer; raises TradingError where what is asked about is not there."""
        handlers = {
            Intent.GREETING: self._greeting,
            Intent.THANKS: self._thanks,
            Intent.HELP: self._help,
            Intent.LANGUAGE: self._language,
            Intent.MARKET: self._market,
            Intent.BOOK: self._book,
            Intent.ORDERS: self._orders,
            Intent.TRADES: self._trades,
            Intent.MY_TRADES: self._my_trades,
            Intent.STATUS: self._status,
            Intent.LAST_ORDER: self._status,
            Intent.POSITIONS: self._positions,
            Intent.ACCOUNT: self._account,
        }
        return handlers[reading.intent](reading)
