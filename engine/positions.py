"""What trades do to a trader's position: average price, realised profit and commission, in exact integers.

A position keeps its open cost, not its average, so that nothing is lost to rounding: over all traders of an instrument,
realised plus unrealised profit is always zero.
"""

from decimal import Decimal

import msgspec


class Position(msgspec.Struct, gc=False):
    """What one trader holds of one instrument.

    `lots` is negative for a short position. `open_cost_ticks` is the sum of price times signed quantity of what is
    held. `realised_ticks` is the profit of what was closed, before commission. One tick here is tick size x lot size
    in money.
    """

    trader_id: int
    instrument_id: int
    lots: int = 0
    open_cost_ticks: int = 0
    realised_ticks: int = 0
    commission_cents: int = 0

    def fill(self, lots: int, price_ticks: int, commission_cents: int) -> None:
        """Add a trade of `lots`, negative when sold.

        The average-cost method: what is closed gives up its share of the open cost, rounded half-up to the whole tick.
        The same share is realised, so that realised profit is always the cash received plus the open cost, exactly.
        """
        held = self.lots
        self.commission_cents += commission_cents
        self.lots = held + lots
        if held == 0 or (held > 0) == (lots > 0):
            self.open_cost_ticks += lots * price_ticks
            return
        closed = lots if abs(lots) < abs(held) else -held
        share = (2 * abs(self.open_cost_ticks * closed) + abs(held)) // (2 * abs(held))
        if self.open_cost_ticks < 0:
            share = -share
        self.realised_ticks += -closed * price_ticks - share
        self.open_cost_ticks += (lots - closed) * price_ticks - share

    def average_price(self, tick_size: Decimal) -> Decimal | None:
        """The open cost per unit, to the context's 28 digits; None when flat."""
        return self.open_cost_ticks * tick_size / self.lots if self.lots else None

    def unrealised_ticks(self, mark_ticks: int) -> int:
        """The profit of closing all at `mark_ticks`, before commission."""
        return self.lots * mark_ticks - self.open_cost_ticks
