"""A trader's orders as they stand, what was traded of them, and what can still be taken back."""

from decimal import Decimal

from bot import figures, last_orders, notices, reasons
from bot.asker import LINES_MAX, Asker
from bot.languages import translations
from bot.listings import Listings
from engine import queries
from engine.money import CENT
from engine.orders import OrderState, Side
from nlp.reading import Reading


def orders(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    found = queries.open_orders(asker.session, asker.trader_id)
    found = [order for order in found if asker.matches(reading, order.instrument_id)]
    if not found:
        return _("You have no open orders.")
    lines = []
    for order in found:
        until = None if order.expires_at is None else asker.moment(order.expires_at)
        lines.append(
            order_line(order, asker.listings, asker.language)
            + (", " + _("until %(time)s") % {"time": until} if until else "")
        )
    return "\n".join([_("Your open orders:"), *lines])


def order_line(order: queries.OrderView, listings: Listings, language: str) -> str:
    """1042: Buy 100 Wheat Dec25 at 150.00, 40 filled."""
    _ = translations(language).gettext
    listing = listings.by_id[order.instrument_id]
    words = [
        f"*{order.order_id}*:",
        _("Buy") if order.side == Side.BUY else _("Sell"),
        figures.quantity(order.quantity_lots * listing.lot_size, language),
        notices.product(listing, language),
        _("at market")
        if order.price_ticks is None
        else _("at %(price)s")
        % {"price": figures.price(order.price_ticks * listing.tick_size, language, listing.tick_size)},
    ]
    line = " ".join(words)
    if order.filled_lots:
        filled = figures.quantity(order.filled_lots * listing.lot_size, language)
        line += ", " + _("%(quantity)s filled") % {"quantity": filled}
    if order.filled_lots and order.leaves_lots:
        left = figures.quantity(order.leaves_lots * listing.lot_size, language)
        line += ", " + _("%(quantity)s left") % {"quantity": left}
    return line


def standing(asker: Asker, order_id: int) -> str:
    """An order, what became of it, and how to take back what has not traded; raises OrderNotFound."""
    _ = asker.catalog.gettext
    order = queries.order(asker.session, asker.trader_id, order_id)
    lines = [order_line(order, asker.listings, asker.language), state_sentence(order.state, asker.language)]
    if order.leaves_lots:
        lines.append(_("To take it back: *cancel %(number)s*") % {"number": order.order_id})
    return "\n".join(lines)


def status(asker: Asker, reading: Reading) -> str:
    """One order as it stands now, or the last one; raises OrderNotFound, NoOrders."""
    _ = asker.catalog.gettext
    order = _order(asker, reading.order_id)
    listing = asker.listings.by_id[order.instrument_id]
    lines = [order_line(order, asker.listings, asker.language), state_sentence(order.state, asker.language)]
    if order.filled_lots:
        average = Decimal(order.notional_ticks) / order.filled_lots * listing.tick_size
        lines[1] += " " + _("Average price %(price)s.") % {
            "price": figures.price(average.quantize(listing.tick_size), asker.language, listing.tick_size)
        }
    if order.reason is not None:
        lines.append(reasons.order_reason(order.reason, asker.language))
    elif order.expires_at is not None and order.leaves_lots:
        lines.append(_("Good until %(time)s.") % {"time": asker.moment(order.expires_at)})
    return "\n".join(lines)


def _order(asker: Asker, named: str | None) -> queries.OrderView:
    return queries.order(asker.session, asker.trader_id, last_orders.order_id(asker.session, asker.trader_id, named))


def my_trades(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    lines = []
    for fill in queries.fills(asker.session, asker.trader_id, limit=LINES_MAX):
        listing = asker.listings.by_id[fill.instrument_id]
        facts = {
            "number": fill.order_id,
            "quantity": figures.quantity(fill.quantity_lots * listing.lot_size, asker.language),
            "product": asker.product(listing),
            "price": asker.ticks(fill.price_ticks, listing),
            "commission": figures.money(fill.commission_cents * CENT, asker.language),
        }
        sentence = (
            _("*%(number)s*: bought %(quantity)s %(product)s at %(price)s, commission %(commission)s")
            if fill.side == Side.BUY
            else _("*%(number)s*: sold %(quantity)s %(product)s at %(price)s, commission %(commission)s")
        )
        lines.append(sentence % facts)
    return "\n".join([_("Your latest trades:"), *lines]) if lines else _("You have no trades yet.")


def undo(asker: Asker, reading: Reading) -> str:
    """What can still be taken back; raises NoOrders."""
    _ = asker.catalog.gettext
    order = _order(asker, reading.order_id)
    if order.leaves_lots == 0:
        return _("Order %(number)s is closed: a trade cannot be undone.") % {"number": order.order_id}
    return _("To take back what has not traded, say: *cancel %(number)s*") % {"number": order.order_id}


def state_sentence(state: OrderState, language: str) -> str:
    """What an order's state means to its trader."""
    _ = translations(language).gettext
    return {
        OrderState.NEW: _("Waiting in the book."),
        OrderState.PARTIALLY_FILLED: _("Partly filled, the rest is waiting."),
        OrderState.FILLED: _("Filled completely."),
        OrderState.CANCELED: _("Canceled."),
        OrderState.REJECTED: _("Refused."),
        OrderState.EXPIRED: _("Expired."),
    }[state]
