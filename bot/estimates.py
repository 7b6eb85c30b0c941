"""What a market order would come to by the book as it stands, which may change before it trades (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from bot.listings import Listing
from engine.queries import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`traded` and `lacking` are quantities; the average price is None where nothing would trade."""

    traded: Decimal
    lacking: Decimal
    average_price: Decimal | None
    notional: Decimal
    commission: Decimal


def of_market_order(quantity: Decimal, opposite: Sequence[Level], listing: Listing) -> Estimate:
    """Take the best levels of the other side until there is enough."""
    wanted = int(quantity / listing.lot_size)
    left, notional_ticks = wanted, 0
    for level in opposite:
        lots = min(left, level.quantity_lots)
        notional_ticks += lots * level.price_ticks
        left -= lots
    traded = wanted - left
    notional = notional_ticks * listing.tick_size * listing.lot_size
    average = None
    if traded:
        average = (notional / (traded * listing.lot_size)).quantize(listing.tick_size, ROUND_HALF_UP)
    return Estimate(
        traded=traded * listing.lot_size,
        lacking=left * listing.lot_size,
        average_price=average,
        notional=notional,
        commission=listing.commission(notional),
    )
