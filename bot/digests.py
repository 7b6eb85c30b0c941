"""Much news at once: what the market did to several orders of one trader, short and with nothing left out (pure)."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from bot import figures, notices
from bot.languages import translations
from bot.listings import Listing, Listings
from bot.notifications import MarketNews, OrderNews
from engine.events import InstrumentHalted, OrderCanceled, OrderExpired, Trade

FULL_ORDERS_MAX = 3  # Up to so many orders are told as each would be alone.


def digest(told: Mapping[int, Sequence[OrderNews]], listings: Listings, language: str) -> str:
    """The news of each order, by its number, in the order in which they began."""
    if len(told) <= FULL_ORDERS_MAX:
        parts = [notices.order_news(order_id, events, listings, language) for order_id, events in told.items()]
        return "\n\n".join(parts)
    _ = translations(language).gettext
    lines = ["*" + _("News of %(count)s orders") % {"count": figures.quantity(len(told), language)} + "*"]
    lines += _totals(told, listings, language)
    lines += [_order_line(order_id, events, listings, language) for order_id, events in told.items()]
    return "\n".join(lines)


def markets(news: Sequence[MarketNews], listings: Listings, language: str) -> str:
    """Where trading was halted or goes on, in the order in which it happened."""
    parts = []
    for halted, events in groupby(news, key=lambda event: isinstance(event, InstrumentHalted)):
        ids = dict.fromkeys(event.instrument_id for event in events)
        names = [notices.product(listings.by_id[instrument_id], language) for instrument_id in ids]
        parts.append(notices.halted(names, language) if halted else notices.resumed(names, language))
    return "\n\n".join(parts)


def _totals(told: Mapping[int, Sequence[OrderNews]], listings: Listings, language: str) -> list[str]:
    """One line for each product and side: what was traded of it in all."""
    sums: dict[tuple[int, bool], tuple[int, int, int]] = {}
    for order_id, events in told.items():
        for trade in events:
            if not isinstance(trade, Trade):
                continue
            key = (trade.instrument_id, notices.is_bought(order_id, trade))
            lots, tick_lots, cents = sums.get(key, (0, 0, 0))
            sums[key] = (
                lots + trade.quantity_lots,
                tick_lots + trade.quantity_lots * trade.price_ticks,
                cents + notices.commission_cents(order_id, trade),
            )
    lines = []
    for (instrument_id, bought), (lots, tick_lots, cents) in sums.items():
        lines.append(notices.traded_in_all(bought, lots, tick_lots, cents, listings.by_id[instrument_id], language))
    return lines


def _order_line(order_id: int, events: Sequence[OrderNews], listings: Listings, language: str) -> str:
    """*1042*: 10 at 150.00, 5 at 150.25. Filled completely."""
    trades = [event for event in events if isinstance(event, Trade)]
    ended = [event for event in events if isinstance(event, OrderCanceled | OrderExpired)]
    words = [f"*{order_id}*:"]
    if trades:
        listing = listings.by_id[trades[0].instrument_id]
        words.append(_fills(trades, listing, language))
        if not ended:
            words.append(notices.rest(order_id, trades, listing, language))
    words += [notices.unfilled(event, listings.by_id[event.instrument_id], language) for event in ended]
    return " ".join(words)


def _fills(trades: Sequence[Trade], listing: Listing, language: str) -> str:
    _ = translations(language).gettext
    shown = []
    for price_ticks, fills in groupby(trades, key=lambda trade: trade.price_ticks):
        lots = sum(trade.quantity_lots for trade in fills)
        facts = {
            "quantity": figures.quantity(lots * listing.lot_size, language),
            "price": figures.price(price_ticks * listing.tick_size, language, listing.tick_size),
        }
        shown.append(_("%(quantity)s at %(price)s") % facts)
    return ", ".join(shown) + "."
