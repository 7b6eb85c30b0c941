"""Answers to what traders ask to know: the market, their orders, trades, positions and account, help and settings."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import alerts, figures, last_orders, linking, reasons, replies, tables
from bot.languages import translations
from bot.listings import Listing, Listings
from engine import queries
from engine.errors import UnknownMarket
from engine.money import CENT, ticks_from_price
from engine.orders import OrderState, Side
from nlp.reading import Intent, Reading

LINES_MAX = 10
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
)


class Answers:
    """What one trader asks to know, in one language."""

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
        self.trader_id: int = conversation["trader_id"]
        self.catalog = translations(language)

    def answer(self, reading: Reading) -> str:
        """Raises TradingError where what is asked about is not there."""
        handlers = {
            Intent.GREETING: self._greeting,
            Intent.THANKS: self._thanks,
            Intent.HELP: self._help,
            Intent.LANGUAGE: self._language,
            Intent.MARKET: self._market,
            Intent.BOOK: self._book,
            Intent.CHART: self._market,
            Intent.ORDERS: self._orders,
            Intent.TRADES: self._trades,
            Intent.MY_TRADES: self._my_trades,
            Intent.STATUS: self._status,
            Intent.LAST_ORDER: self._status,
            Intent.POSITIONS: self._positions,
            Intent.ACCOUNT: self._account,
            Intent.ALERT: self._alert,
            Intent.ALERTS: self._alerts,
            Intent.DELETE_ALERT: self._delete_alert,
            Intent.LIMITS: self._limits,
            Intent.UNDO: self._undo,
            Intent.CONFIRM_ALWAYS: self._confirm_always,
            Intent.CONFIRM_UNSURE: self._confirm_unsure,
            Intent.LINK: self._link,
        }
        return handlers[reading.intent](reading)

    def _greeting(self, reading: Reading) -> str:
        _ = self.catalog.gettext
        return "\n".join(
            [
                _("Hello! I am MaiBroker: tell me what to buy or sell."),
                _("For example: %(example)s") % {"example": self.examples[Intent.PLACE_ORDER][0]},
                _("Say *help* to see what else I can do."),
            ]
        )

    def _thanks(self, reading: Reading) -> str:
        _ = self.catalog.gettext
        return _("You're welcome!")

    def _language(self, reading: Reading) -> str:
        _ = self.catalog.gettext
        return _("I will speak English from now on.")

    def _help(self, reading: Reading) -> str:
        """One example a topic, or all the examples of the topic that was asked about; each is what the parser reads."""
        _ = self.catalog.gettext
        titles = self._help_titles()
        topic = next((intent for intent in HELP_TOPICS if intent == reading.topic), None)
        if topic is not None:
            return "\n".join([f"*{titles[topic]}*", *(f"• {example}" for example in self.examples[topic])])
        lines = [f"*{titles[intent]}*: {self.examples[intent][0]}" for intent in HELP_TOPICS if intent in self.examples]
        return "\n".join(
            [
                _("Write or speak as you like. For example:"),
                *lines,
                _("*STOP* cancels all your orders and freezes chat trading."),
                _("More on one of them: “help orders”."),
            ]
        )

    def _help_titles(self) -> dict[Intent, str]:
        _ = self.catalog.gettext
        return {
            Intent.PLACE_ORDER: _("Buy and sell"),
            Intent.MARKET: _("Prices"),
            Intent.BOOK: _("Order book"),
            Intent.ORDERS: _("Your orders"),
            Intent.CANCEL_ORDER: _("Cancel one"),
            Intent.CANCEL_ALL: _("Cancel several"),
            Intent.AMEND_ORDER: _("Change"),
            Intent.MY_TRADES: _("Your trades"),
            Intent.POSITIONS: _("Positions"),
            Intent.ACCOUNT: _("Account"),
            Intent.ALERT: _("Alerts"),
            Intent.LANGUAGE: _("Language"),
        }

    def _market(self, reading: Reading) -> str:
        """Last, bid and offer of a contract, of an asset's nearest months, or of every asset's nearest month."""
        _ = self.catalog.gettext
        if reading.unlisted is not None:
            return replies.unlisted(reading, self.listings, self.language)
        lines = []
        for quote in queries.quotes(self.session, [found.instrument_id for found in self._chosen(reading)], self.now):
            listing = self.listings.by_id[quote.instrument_id]
            parts = [f"*{self._product(listing)}*"]
            if quote.last_ticks is not None:
                parts.append(_("last %(price)s") % {"price": self._ticks(quote.last_ticks, listing)})
            parts.append(
                _("bid %(bid)s / offer %(offer)s")
                % {
                    "bid": self._ticks_or_dash(quote.bid_ticks, listing),
                    "offer": self._ticks_or_dash(quote.offer_ticks, listing),
                }
            )
            if reading.asset is not None and quote.volume_lots:
                volume = figures.quantity(quote.volume_lots * listing.lot_size, self.language)
                parts.append(_("24 h volume %(volume)s") % {"volume": volume})
            lines.append(" · ".join(parts))
        return "\n".join(lines) or _("Nothing is open for trading there.")

    def _chosen(self, reading: Reading) -> list[Listing]:
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
            nearest = [self.listings.by_name[asset, code] for code in self.listings.contracts(asset)]
            # What trades most comes first, then what ends first.
            ranked = list(dict.fromkeys([*(found for found in active if found.asset == asset), *nearest]))
            chosen += [found for found in ranked if reading.contract in (None, found.contract)][:months]
        return chosen

    def _book(self, reading: Reading) -> str:
        """Bids and offers line by line, in words that a proportional font cannot put out of order."""
        _ = self.catalog.gettext
        if reading.unlisted is not None:
            return replies.unlisted(reading, self.listings, self.language)
        if reading.asset is None:
            return _("Which product's book? For example: %(example)s") % {"example": self.examples[Intent.BOOK][0]}
        listing = self._chosen(reading)[0]
        depth = queries.depth(self.session, listing.instrument_id, BOOK_LEVELS)
        lines = [f"*{self._product(listing)}*", _("Offers")]
        lines += [self._level(level, listing) for level in reversed(depth.offers)] or ["—"]
        lines.append(_("Bids"))
        lines += [self._level(level, listing) for level in depth.bids] or ["—"]
        return "\n".join(lines)

    def _level(self, level: queries.Level, listing: Listing) -> str:
        quantity = figures.quantity(level.quantity_lots * listing.lot_size, self.language)
        return f"{self._ticks(level.price_ticks, listing)} × {quantity}"

    def _orders(self, reading: Reading) -> str:
        _ = self.catalog.gettext
        found = queries.open_orders(self.session, self.trader_id)
        found = [order for order in found if self._matches(reading, order.instrument_id)]
        if not found:
            return _("You have no open orders.")
        return "\n".join([_("Your open orders:"), *(self._order_line(order) for order in found)])

    def _matches(self, reading: Reading, instrument_id: int) -> bool:
        listing = self.listings.by_id[instrument_id]
        return reading.asset in (None, listing.asset) and reading.contract in (None, listing.contract)

    def _more(self, count: int) -> list[str]:
        if count <= LINES_MAX:
            return []
        more = count - LINES_MAX
        shown = figures.quantity(more, self.language)
        return [self.catalog.ngettext("… and %(count)s more", "… and %(count)s more", more) % {"count": shown}]

    def _order_line(self, order: queries.OrderView) -> str:
        """1042: Buy 100 Wheat Dec25 at 150.00, 40 filled."""
        _ = self.catalog.gettext
        listing = self.listings.by_id[order.instrument_id]
        words = [
            f"*{order.order_id}*:",
            _("Buy") if order.side == Side.BUY else _("Sell"),
            figures.quantity(order.quantity_lots * listing.lot_size, self.language),
            self._product(listing),
            _("at market")
            if order.price_ticks is None
            else _("at %(price)s") % {"price": self._ticks(order.price_ticks, listing)},
        ]
        line = " ".join(words)
        if order.filled_lots:
            filled = figures.quantity(order.filled_lots * listing.lot_size, self.language)
            line += ", " + _("%(quantity)s filled") % {"quantity": filled}
        return line

    def _status(self, reading: Reading) -> str:
        """One order as it stands now, or the last one; raises OrderNotFound, NoOrders."""
        _ = self.catalog.gettext
        order = self._order(reading.order_id)
        listing = self.listings.by_id[order.instrument_id]
        lines = [self._order_line(order), state_sentence(order.state, self.language)]
        if order.filled_lots:
            average = Decimal(order.notional_ticks) / order.filled_lots * listing.tick_size
            lines[1] += " " + _("Average price %(price)s.") % {
                "price": figures.price(average.quantize(listing.tick_size), self.language, listing.tick_size)
            }
        if order.reason is not None:
            lines.append(reasons.order_reason(order.reason, self.language))
        elif order.expires_at is not None and order.leaves_lots:
            lines.append(_("Good until %(time)s.") % {"time": figures.moment(order.expires_at, self.language)})
        return "\n".join(lines)

    def _order(self, named: str | None) -> queries.OrderView:
        return queries.order(self.session, self.trader_id, last_orders.order_id(self.session, self.trader_id, named))

    def _trades(self, reading: Reading) -> str:
        """The market's latest trades."""
        _ = self.catalog.gettext
        chosen = [found.instrument_id for found in self._chosen(reading)] if reading.asset is not None else None
        found = queries.recent_trades(self.session, chosen, limit=LINES_MAX)
        lines = []
        for trade in found:
            listing = self.listings.by_id[trade.instrument_id]
            lines.append(
                _("%(time)s: %(quantity)s %(product)s at %(price)s")
                % {
                    "time": figures.moment(trade.occurred_at, self.language),
                    "quantity": figures.quantity(trade.quantity_lots * listing.lot_size, self.language),
                    "product": self._product(listing),
                    "price": self._ticks(trade.price_ticks, listing),
                }
            )
        return "\n".join([_("Latest trades:"), *lines]) if lines else _("No trades yet.")

    def _my_trades(self, reading: Reading) -> str:
        _ = self.catalog.gettext
        lines = []
        for fill in queries.fills(self.session, self.trader_id, limit=LINES_MAX):
            listing = self.listings.by_id[fill.instrument_id]
            facts = {
                "number": fill.order_id,
                "quantity": figures.quantity(fill.quantity_lots * listing.lot_size, self.language),
                "product": self._product(listing),
                "price": self._ticks(fill.price_ticks, listing),
                "commission": figures.money(fill.commission_cents * CENT, self.language),
            }
            sentence = (
                _("*%(number)s*: bought %(quantity)s %(product)s at %(price)s, commission %(commission)s")
                if fill.side == Side.BUY
                else _("*%(number)s*: sold %(quantity)s %(product)s at %(price)s, commission %(commission)s")
            )
            lines.append(sentence % facts)
        return "\n".join([_("Your latest trades:"), *lines]) if lines else _("You have no trades yet.")

    def _positions(self, reading: Reading) -> str:
        _ = self.catalog.gettext
        lines = []
        for held in queries.holdings(self.session, self.trader_id):
            listing = self.listings.by_id[held.instrument_id]
            if held.lots == 0 or not self._matches(reading, held.instrument_id):
                continue
            facts = {
                "quantity": figures.quantity(abs(held.lots) * listing.lot_size, self.language),
                "product": self._product(listing),
                "price": figures.price(
                    held.average_price.quantize(listing.tick_size), self.language, listing.tick_size
                ),
                "profit": figures.signed_money(held.unrealised, self.language),
            }
            sentence = (
                _("Long %(quantity)s %(product)s at %(price)s, open profit %(profit)s")
                if held.lots > 0
                else _("Short %(quantity)s %(product)s at %(price)s, open profit %(profit)s")
            )
            lines.append(sentence % facts)
        if not lines:
            return _("You have no open positions.")
        return "\n".join([_("Your positions:"), *lines[:LINES_MAX], *self._more(len(lines))])

    def _account(self, reading: Reading) -> str:
        _ = self.catalog.gettext
        summary = queries.account(self.session, self.trader_id)
        return "\n".join(
            [
                _("*Your account*"),
                _("Closed profit: %(amount)s") % {"amount": figures.signed_money(summary.realised, self.language)},
                _("Open profit: %(amount)s") % {"amount": figures.signed_money(summary.unrealised, self.language)},
                _("Commission paid: %(amount)s") % {"amount": figures.money(summary.commission, self.language)},
                _("Open orders: %(count)s") % {"count": figures.quantity(summary.open_orders, self.language)},
                _("Open positions: %(count)s") % {"count": figures.quantity(summary.open_positions, self.language)},
            ]
        )

    def _alert(self, reading: Reading) -> str:
        """Keeps an alert; raises UnknownMarket, TooManyAlerts and what a price can be refused for."""
        _ = self.catalog.gettext
        if reading.unlisted is not None:
            return replies.unlisted(reading, self.listings, self.language)
        if reading.asset is None or reading.price is None:
            return _("An alert needs a product and a price. For example: %(example)s") % {
                "example": self.examples[Intent.ALERT][0]
            }
        listing = self._chosen(reading)[0]
        price_ticks = ticks_from_price(reading.price, listing.tick_size)
        direction = reading.direction or alerts.direction_towards(self.session, listing.symbol, reading.price)
        number = alerts.add(
            self.session, self.conversation["id"], listing.instrument_id, direction, price_ticks, self.now
        )
        return _("I will tell you: %(alert)s") % {"alert": self._alert_line(number, listing, direction, price_ticks)}

    def _alert_line(self, number: int, listing: Listing, direction: str, price_ticks: int) -> str:
        _ = self.catalog.gettext
        facts = {"number": number, "product": self._product(listing), "price": self._ticks(price_ticks, listing)}
        if direction == "above":
            return _("*alert %(number)s*, %(product)s at %(price)s or above") % facts
        return _("*alert %(number)s*, %(product)s at %(price)s or below") % facts

    def _alerts(self, reading: Reading) -> str:
        _ = self.catalog.gettext
        found = alerts.open_ones(self.session, self.conversation["id"])
        if not found:
            return _("You have no alerts.")
        lines = [
            self._alert_line(row["id"], self.listings.by_id[row["instrument_id"]], row["direction"], row["price_ticks"])
            for row in found[:LINES_MAX]
        ]
        return "\n".join([*lines, *self._more(len(found))])

    def _delete_alert(self, reading: Reading) -> str:
        """Deletes one, or all where none is named; raises AlertNotFound."""
        alert_id = None if reading.order_id is None or not reading.order_id.isdecimal() else int(reading.order_id)
        count = alerts.delete(self.session, self.conversation["id"], alert_id, self.now)
        if count == 0:
            raise alerts.AlertNotFound(alert_id=reading.order_id)
        shown = figures.quantity(count, self.language)
        return self.catalog.ngettext("%(count)s alert deleted.", "%(count)s alerts deleted.", count) % {"count": shown}

    def _limits(self, reading: Reading) -> str:
        _ = self.catalog.gettext
        lines = []
        limits = queries.trader_limits(self.session, self.trader_id)
        shown = {
            _("Most per order: %(count)s"): limits.order_quantity_lots_max,
            _("Most open orders: %(count)s"): limits.open_orders_max,
            _("Largest position: %(count)s"): limits.position_lots_max,
        }
        lines = [
            sentence % {"count": figures.quantity(value, self.language)}
            for sentence, value in shown.items()
            if value is not None
        ]
        above = self.conversation["confirm_above_quantity"]
        if self.conversation["confirm_always"]:
            lines.append(_("I ask before every order."))
        elif above is not None:
            lines.append(_("I ask before orders above %(count)s.") % {"count": figures.quantity(above, self.language)})
        else:
            lines.append(_("I ask when I am not sure."))
        return "\n".join(lines)

    def _undo(self, reading: Reading) -> str:
        """What can still be taken back; raises NoOrders."""
        _ = self.catalog.gettext
        order = self._order("last")
        if order.leaves_lots == 0:
            return _("Order %(number)s is closed: a trade cannot be undone.") % {"number": order.order_id}
        return _("To take back what has not traded, say: *cancel %(number)s*") % {"number": order.order_id}

    def _confirm_always(self, reading: Reading) -> str:
        return self._set_confirmation(always=True, above=None)

    def _confirm_unsure(self, reading: Reading) -> str:
        return self._set_confirmation(always=False, above=reading.quantity)

    def _link(self, reading: Reading) -> str:
        """Joins this number and the account that showed the code; raises what `linking.link` does."""
        _ = self.catalog.gettext
        if reading.order_id is None:
            return _("To link this number, send the six digits that the web shows you, for example: *link 123456*")
        username = linking.link(self.session, self.conversation, reading.order_id, self.now)
        return _("This number now trades for the account *%(username)s*.") % {"username": username}

    def _set_confirmation(self, *, always: bool, above: Decimal | None) -> str:
        _ = self.catalog.gettext
        self.session.execute(
            sa.update(tables.conversations)
            .where(tables.conversations.c.id == self.conversation["id"])
            .values(confirm_always=always, confirm_above_quantity=above)
        )
        if always:
            return _("I will ask before every order.")
        if above is not None:
            return _("I will ask before orders above %(count)s.") % {"count": figures.quantity(above, self.language)}
        return _("I will ask when I am not sure.")

    def _product(self, listing: Listing) -> str:
        name = self.listings.asset_name(listing.asset, self.language)
        return f"{name} {figures.contract(listing.contract, self.language)}"

    def _ticks(self, price_ticks: int, listing: Listing) -> str:
        return figures.price(price_ticks * listing.tick_size, self.language, listing.tick_size)

    def _ticks_or_dash(self, price_ticks: int | None, listing: Listing) -> str:
        return "—" if price_ticks is None else self._ticks(price_ticks, listing)


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
