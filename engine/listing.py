"""An instrument as it trades now: its status, its reference price, and what they allow an order to ask."""

from decimal import ROUND_FLOOR, Decimal

from engine.money import PRICE_TICKS_MAX, Commission
from engine.orders import Instrument

HUNDRED_PERCENT = Decimal(100)


class Listing:
    """`low_ticks` and `high_ticks` bound a price, both allowed; without a band they are the bounds of any price.

    The band is the reference price plus and minus the instrument's percentage, rounded outward to whole ticks.
    Everything here follows from the record: the instrument's rules, what changed its status, and its last trade.
    """

    __slots__ = (
        "_band_basis",
        "_band_width",
        "commission",
        "high_ticks",
        "instrument",
        "last_price_ticks",
        "low_ticks",
        "max_notional_ticks",
        "status",
    )

    def __init__(self, instrument: Instrument, last_price_ticks: int | None = None) -> None:
        self.status = instrument.status
        self.last_price_ticks = last_price_ticks
        self.set_rules(instrument)

    def set_rules(self, instrument: Instrument) -> None:
        """Take new rules; the status stays as it is."""
        self.instrument = instrument
        self.commission = Commission(instrument.tick_size, instrument.lot_size)
        self.max_notional_ticks: int | None = None
        if instrument.max_notional is not None:
            tick_value = instrument.tick_size * instrument.lot_size
            self.max_notional_ticks = int((instrument.max_notional / tick_value).to_integral_value(ROUND_FLOOR))
        # Kept as a ratio of integers, so that the band can follow every trade without a decimal.
        self._band_width = self._band_basis = 0
        if instrument.band_percent is not None:
            self._band_width, self._band_basis = (instrument.band_percent / HUNDRED_PERCENT).as_integer_ratio()
        self._move_band()

    @property
    def is_banded(self) -> bool:
        return self._band_basis > 0

    @property
    def reference_ticks(self) -> int | None:
        """The last trade's price, else the listed reference."""
        return self.instrument.reference_ticks if self.last_price_ticks is None else self.last_price_ticks

    def traded_at(self, price_ticks: int) -> None:
        if price_ticks != self.last_price_ticks:
            self.last_price_ticks = price_ticks
            self._move_band()

    def notional_price_ticks(self, price_ticks: int | None) -> int | None:
        """The price at which an order's size is measured: its own, or the most that a market order can meet."""
        if price_ticks is not None:
            return price_ticks
        return self.high_ticks if self.is_banded else self.reference_ticks

    def _move_band(self) -> None:
        self.low_ticks, self.high_ticks = 1, PRICE_TICKS_MAX
        reference = self.reference_ticks
        if self.is_banded:
            assert reference is not None  # An Instrument with a band has a reference price.
            basis, width = self._band_basis, self._band_width
            self.low_ticks = max(1, reference * (basis - width) // basis)
            self.high_ticks = min(PRICE_TICKS_MAX, -(-reference * (basis + width) // basis))
