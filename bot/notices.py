"""What the market did to a trader's orders, worded from the engine's events (pure).

A trade's figures are those of the record: price, notional, and the commission stored with it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from bot import figures, reasons, replies
from bot.languages import base, translations
from bot.listings import Listing, Listings
from engine.events import (
    AmendRejected,
    CancelAllDone,
    CancelRejected,
    CommandRejected,
    Event,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    Trade,
)
from engine.money import CENT
from engine.orders import Amend, Cancel, CancelAll, Command, Place, Side

ORDER_NUMBERS_MAX = 20


def command_result(
    command: Command | None, events: Sequence[Event], listings: Listings, language: str, zone: ZoneInfo
) -> str:
    """The answer to what a trader asked in chat: all that the command led to, for this trader.

    No command is one that malfunctioned so badly that only its refusal is left.
    """
    if isinstance(events[-1], CommandRejected) and not isinstance(command, CancelAll):
        return reasons.order_reason(events[-1].reason, language)
    if isinstance(command, Place):
        return _placed(command, events, listings.by_id[command.instrument_id], language, zone)
    if isinstance(command, Amend):
        return _amended(command, events, listings, language)
    if isinstance(command, Cancel):
        return _canceled(events, listings, language)
    assert isinstance(command, CancelAll), "chat asks for nothing else"
    return _canceled_all(command, events, language)


def own_order(order_id: int, language: str) -> str:
    """Which of the trader's own orders a trade would have met."""
    _ = translations(language).gettext
    return _("Your own order on the other side is %(number)s.") % {"number": order_id}


def was_refused(events: Sequence[Event]) -> bool:
    return any(isinstance(event, OrderRejected | AmendRejected | CancelRejected | CommandRejected) for event in events)


def order_news(
    order_id: int, events: Sequence[Trade | OrderCanceled | OrderExpired], listings: Listings, language: str
) -> str:
    """What became of an order without its trader having just asked: its fills, and its end if it ended."""
    trades = [event for event in events if isinstance(event, Trade)]
    ended = [event for event in events if isinstance(event, OrderCanceled | OrderExpired)]
    lines = []
    if trades:
        listing = listings.by_id[trades[0].instrument_id]
        lines = [_head(order_id, language), *_fills(order_id, trades, listing, language)]
        if not ended:
            lines.append(rest(order_id, trades, listing, language))
    return "\n".join(lines + [order_ended(event, listings, language) for event in ended])


def order_ended(event: OrderCanceled | OrderExpired, listings: Listings, language: str) -> str:
    """An order that ended without its trader having just asked for it."""
    _ = translations(language).gettext
    return "\n".join(
        [
            _head(event.order_id, language) + " " + unfilled(event, listings.by_id[event.instrument_id], language),
            reasons.order_reason(event.reason, language),
        ]
    )


def halted(products: Sequence[str], language: str) -> str:
    """Trading was halted where the trader has open orders."""
    _ = translations(language).gettext
    return "\n".join(
        [
            _("*Trading is halted*: %(products)s.") % {"products": ", ".join(products)},
            _("Your open orders there stay, and can be canceled. Nothing trades until it goes on."),
        ]
    )


def resumed(products: Sequence[str], language: str) -> str:
    """Trading goes on where the trader has open orders."""
    _ = translations(language).gettext
    return _("*Trading goes on*: %(products)s.") % {"products": ", ".join(products)}


def alert_fired(alert: Mapping[str, object], listing: Listing, traded: Decimal, language: str) -> str:
    """A price alert that a trade has reached; `alert` is its row, `traded` the price of the trade."""
    _ = translations(language).gettext
    facts = {"product": product(listing, language), "price": figures.price(traded, language, listing.tick_size)}
    if alert["direction"] == "above":
        return _("*Alert %(number)s*") % {"number": alert["id"]} + ": " + _("%(product)s rose to %(price)s.") % facts
    return _("*Alert %(number)s*") % {"number": alert["id"]} + ": " + _("%(product)s fell to %(price)s.") % facts


def _head(order_id: int, language: str) -> str:
    _ = translations(language).gettext
    return "*" + _("Order %(number)s") % {"number": order_id} + "*"


def _placed(command: Place, events: Sequence[Event], listing: Listing, language: str, zone: ZoneInfo) -> str:
    _ = translations(language).gettext
    line = _place_line(command, listing, language)
    first = events[0]
    if isinstance(first, OrderRejected):
        lines = [_("Not placed: %(order)s") % {"order": line}, reasons.order_reason(first.reason, language)]
        if (allowed := replies.allowed_range(first.facts, listing, language)) is not None:
            lines.append(allowed)
        return "\n".join(lines)
    assert isinstance(first, OrderAccepted)
    lines = [f"{_head(command.order_id, language)}: {line}, {replies.time_in_force(command.time_in_force, language)}."]
    if command.expires_at is not None and command.time_in_force == "GTT":
        lines[0] = f"{_head(command.order_id, language)}: {line}, " + (
            _("until %(time)s.") % {"time": figures.moment(command.expires_at.astimezone(zone), language)}
        )
    return "\n".join(lines + _outcome(command.order_id, events, listing, language, resting=command.quantity_lots))


def _place_line(command: Place, listing: Listing, language: str) -> str:
    _ = translations(language).gettext
    words = [
        _("Buy") if command.side == Side.BUY else _("Sell"),
        figures.quantity(command.quantity_lots * listing.lot_size, language),
        product(listing, language),
        _("at market")
        if command.price_ticks is None
        else _("at %(price)s") % {"price": _price(command.price_ticks, listing, language)},
    ]
    return " ".join(words)


def _outcome(order_id: int, events: Sequence[Event], listing: Listing, language: str, *, resting: int) -> list[str]:
    """The fills of an order that came in, and what became of the rest."""
    _ = translations(language).gettext
    trades = [event for event in events if isinstance(event, Trade) and event.taker_order_id == order_id]
    lines = _fills(order_id, trades, listing, language)
    ended = [event for event in events if isinstance(event, OrderCanceled) and event.order_id == order_id]
    if ended:
        unfilled = figures.quantity(ended[0].leaves_lots * listing.lot_size, language)
        lines.append(_("Not filled: %(quantity)s.") % {"quantity": unfilled})
        lines.append(reasons.order_reason(ended[0].reason, language))
    elif trades:
        lines.append(rest(order_id, trades, listing, language))
    else:
        lines.append(
            _("Waiting in the book: %(quantity)s.")
            % {"quantity": figures.quantity(resting * listing.lot_size, language)}
            + " "
            + _("To take it back: *cancel %(number)s*") % {"number": order_id}
        )
    others = [event for event in events if isinstance(event, OrderCanceled) and event.order_id != order_id]
    lines += [
        _head(event.order_id, language)
        + " "
        + unfilled(event, listing, language)
        + " "
        + reasons.order_reason(event.reason, language)
        for event in others
    ]
    return lines


def _fills(order_id: int, trades: Sequence[Trade], listing: Listing, language: str) -> list[str]:
    """One line a price: Bought 40 Wheat Dec25 at 150.00 = 6,000.00, commission 6.00."""
    _ = translations(language).gettext
    lines = []
    for price_ticks, fills in groupby(trades, key=lambda trade: trade.price_ticks):
        at_price = list(fills)
        lots = sum(trade.quantity_lots for trade in at_price)
        cents = sum(commission_cents(order_id, trade) for trade in at_price)
        facts = {
            "quantity": figures.quantity(lots * listing.lot_size, language),
            "product": product(listing, language),
            "price": _price(price_ticks, listing, language),
            "notional": figures.money(price_ticks * listing.tick_size * lots * listing.lot_size, language),
            "commission": figures.money(cents * CENT, language),
        }
        sentence = (
            _("Bought %(quantity)s %(product)s at %(price)s = %(notional)s, commission %(commission)s.")
            if is_bought(order_id, at_price[0])
            else _("Sold %(quantity)s %(product)s at %(price)s = %(notional)s, commission %(commission)s.")
        )
        lines.append(sentence % facts)
    return lines


def traded_in_all(bought: bool, lots: int, tick_lots: int, cents: int, listing: Listing, language: str) -> str:
    """The sum of many fills; `tick_lots` is that of price times quantity."""
    _ = translations(language).gettext
    facts = {
        "quantity": figures.quantity(lots * listing.lot_size, language),
        "product": product(listing, language),
        "notional": figures.money(tick_lots * listing.tick_size * listing.lot_size, language),
        "commission": figures.money(cents * CENT, language),
    }
    sentence = (
        _("Bought in all: %(quantity)s %(product)s = %(notional)s, commission %(commission)s.")
        if bought
        else _("Sold in all: %(quantity)s %(product)s = %(notional)s, commission %(commission)s.")
    )
    return sentence % facts


def is_bought(order_id: int, trade: Trade) -> bool:
    return (trade.taker_side == Side.BUY) == (trade.taker_order_id == order_id)


def commission_cents(order_id: int, trade: Trade) -> int:
    """What this order's side paid; an order may take at first and make later."""
    return trade.taker_commission_cents if trade.taker_order_id == order_id else trade.maker_commission_cents


def rest(order_id: int, trades: Sequence[Trade], listing: Listing, language: str) -> str:
    _ = translations(language).gettext
    last = trades[-1]
    leaves = last.taker_leaves_lots if last.taker_order_id == order_id else last.maker_leaves_lots
    if leaves == 0:
        return _("Filled completely.")
    return _("Still waiting: %(quantity)s.") % {"quantity": figures.quantity(leaves * listing.lot_size, language)}


def unfilled(event: OrderCanceled | OrderExpired, listing: Listing, language: str) -> str:
    _ = translations(language).gettext
    facts = {
        "quantity": figures.quantity(event.leaves_lots * listing.lot_size, language),
        "product": product(listing, language),
    }
    if isinstance(event, OrderExpired):
        return _("expired: %(quantity)s %(product)s not filled.") % facts
    return _("canceled: %(quantity)s %(product)s not filled.") % facts


def _amended(command: Amend, events: Sequence[Event], listings: Listings, language: str) -> str:
    _ = translations(language).gettext
    first = events[0]
    if isinstance(first, AmendRejected):
        return "\n".join(
            [
                _("Order %(number)s is unchanged.") % {"number": command.order_id},
                reasons.order_reason(first.reason, language),
            ]
        )
    if isinstance(first, OrderCanceled):
        return order_ended(first, listings, language)
    assert isinstance(first, OrderAmended)
    listing = listings.by_id[first.instrument_id]
    line = _("%(order)s is now: %(side)s %(quantity)s %(product)s at %(price)s.") % {
        "order": _head(first.order_id, language),
        "side": _("Buy") if first.side == Side.BUY else _("Sell"),
        "quantity": figures.quantity(first.quantity_lots * listing.lot_size, language),
        "product": product(listing, language),
        "price": _price(first.price_ticks, listing, language),
    }
    return "\n".join([line, *_outcome(first.order_id, events[1:], listing, language, resting=first.leaves_lots)])


def _canceled(events: Sequence[Event], listings: Listings, language: str) -> str:
    first = events[0]
    if isinstance(first, CancelRejected):
        return reasons.order_reason(first.reason, language)
    assert isinstance(first, OrderCanceled)
    return _head(first.order_id, language) + " " + unfilled(first, listings.by_id[first.instrument_id], language)


def _canceled_all(command: CancelAll, events: Sequence[Event], language: str) -> str:
    catalog = translations(language)
    _ = catalog.gettext
    last = events[-1]
    if isinstance(last, CommandRejected):
        return reasons.order_reason(last.reason, language)
    assert isinstance(last, CancelAllDone)
    canceled = [event for event in events if isinstance(event, OrderCanceled)]
    text = _("There was no open order to cancel.")
    if canceled:
        numbers = ", ".join(str(event.order_id) for event in canceled[:ORDER_NUMBERS_MAX])
        if len(canceled) > ORDER_NUMBERS_MAX:
            numbers += ", …"
        text = catalog.ngettext(
            "Canceled %(count)s order: %(numbers)s.", "Canceled %(count)s orders: %(numbers)s.", len(canceled)
        ) % {"count": figures.quantity(len(canceled), language), "numbers": numbers}
    return text


def product(listing: Listing, language: str) -> str:
    name = listing.names[base(language)]
    return f"{name[:1].upper()}{name[1:]} {figures.contract(listing.contract, language)}"


def _price(price_ticks: int, listing: Listing, language: str) -> str:
    return figures.price(price_ticks * listing.tick_size, language, listing.tick_size)
