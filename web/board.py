"""Every contract's quote in this process, as the market stands: read anew only for those that may have changed.

The record says which those are: an event changes the contract that it is about, and a trade that becomes older than a
day leaves the day's figures. All others stand as they are, and are not even encoded again.
"""

import threading
from datetime import datetime

from sqlalchemy.orm import Session

from engine import queries
from engine.orders import Instrument
from web import schemas
from web.catalogue import market, open_instruments


class Board:
    """The process's own, as `current_app.extensions["board"]`."""

    def __init__(self) -> None:
        # Held while anything is read: what was read first would otherwise be kept over what was read later.
        self._lock = threading.Lock()
        self._last_events: dict[int, int] = {}
        self._read_at: datetime | None = None
        self._instruments: dict[int, Instrument] = {}  # By asset and month.
        self._texts: dict[int, str] = {}

    def markets(self, session: Session, asset: str | None, now: datetime) -> str:
        """The JSON of all contracts that have not expired, or of one asset's; raises UnknownMarket."""
        with self._lock:
            self._read_changed(session, now)
            shown = open_instruments(list(self._instruments.values()), asset)
            return schemas.Markets.of([self._texts[instrument.instrument_id] for instrument in shown], now)

    def _read_changed(self, session: Session, now: datetime) -> None:
        # Read first: what happens while the rest is read is found by whoever comes next.
        changed, last_events = queries.changes(
            session, list(self._instruments), self._last_events, since=self._read_at or now, until=now
        )
        instruments = self._instruments
        if not instruments.keys() >= changed:  # A new contract has its place among the others.
            instruments = {found.instrument_id: found for found in queries.listed_instruments(session)}
        quoted = queries.listed_quotes(session, changed, now) if changed else []
        self._instruments = instruments | {instrument.instrument_id: instrument for instrument, _ in quoted}
        self._texts |= {
            quote.instrument_id: market(instrument, quote).model_dump_json() for instrument, quote in quoted
        }
        self._last_events, self._read_at = last_events, now
