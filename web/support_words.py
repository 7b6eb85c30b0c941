"""How the desk words what happened: codes as sentences, ticks as prices, times in UTC, in the reader's language."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from babel.dates import format_datetime, format_timedelta
from flask import Flask
from werkzeug.exceptions import HTTPException

from bot import figures
from bot.clock import utc_now
from bot.languages import translations
from bot.reasons import order_reason
from bot.refusals import RequestRefused
from engine.errors import TradingError
from engine.events import Event
from engine.events import kind as event_kind
from engine.money import CENT
from engine.orders import Instrument, Reason
from web.errors import title_of
from web.pages import language


def register(app: Flask) -> None:
    app.jinja_env.filters.update(
        moment=moment,
        age=age,
        price=price,
        quantity=quantity,
        money=money,
        cents=cents,
        plain=plain,
        word=word,
        event=event,
        reason=reason,
    )


def moment(value: datetime | None) -> str:
    """A time to the second, in UTC."""
    if value is None:
        return "–"
    return format_datetime(value, format="d MMM y, HH:mm:ss", locale=figures.LOCALES[language()]) + " UTC"


def age(value: datetime) -> str:
    """How long ago that was."""
    return format_timedelta(utc_now() - value, locale=figures.LOCALES[language()])


def price(ticks: int | None, instrument: Instrument) -> str:
    """A price in ticks; none is that of a market order."""
    if ticks is None:
        return translations(language()).gettext("market")
    return figures.price(ticks * instrument.tick_size, language(), instrument.tick_size)


def quantity(lots: int, instrument: Instrument) -> str:
    return figures.quantity(lots * instrument.lot_size, language())


def money(value: Decimal) -> str:
    return figures.money(value, language())


def cents(value: int) -> str:
    return figures.money(value * CENT, language())


def plain(value: Decimal | None) -> str:
    """A decimal as it is typed into a field: no exponent, no trailing zeros."""
    return "" if value is None else f"{value.normalize():f}"


def reason(code: str) -> str:
    """Why an order ended or a command was refused."""
    return order_reason(Reason(code), language())


def event(happened: Event, instruments: Mapping[int, Instrument]) -> str:
    """One event of the record in a line: what, how much, at which price, and why."""
    instrument_id = getattr(happened, "instrument_id", None)
    instrument = None if instrument_id is None else instruments[instrument_id]
    order = getattr(happened, "order", happened)
    parts = [word(event_kind(happened))]
    if instrument is not None:
        if (side := getattr(order, "side", None) or getattr(order, "taker_side", None)) is not None:
            parts.append(word(side))
        if (lots := getattr(order, "quantity_lots", None)) is not None:
            parts.append(quantity(lots, instrument))
        parts.append(instrument.symbol)
        if hasattr(order, "price_ticks"):
            parts.append("@ " + price(order.price_ticks, instrument))
        if (leaves := getattr(happened, "leaves_lots", None)) is not None:
            parts.append(
                translations(language()).gettext("%(quantity)s left") % {"quantity": quantity(leaves, instrument)}
            )
    if (count := getattr(happened, "count", None)) is not None:
        parts.append(str(count))
    if (code := getattr(happened, "reason", None)) is not None:
        parts.append("· " + reason(code))
    return " ".join(parts)


def http_refusal(error: HTTPException) -> str:
    _ = translations(language()).gettext
    sentences = {
        400: _("The page was too old, or the form did not come from here. Go back, load the page again and retry."),
        401: _("Sign in first."),
        403: _("Your role does not allow this. It was kept in the audit."),
        404: _("There is no such page."),
        405: _("This needs the button on the page."),
    }
    return sentences.get(error.code or 500, error.name)


def refusal(error: TradingError | RequestRefused) -> str:
    """What a person at the desk can put right."""
    _ = translations(language()).gettext
    sentences = {
        "rate_limited": _("Too many requests. Please wait %(retry_after_seconds)s seconds."),
        "address_blocked": _("This address is blocked for a while."),
        "limits_unavailable": _("Sign-ins cannot be counted just now, so none is taken."),
        "message_not_found": _("There is no such message."),
        "message_handled": _("That message was understood and answered: handling it twice would be one time too many."),
        "question_open": _("The trader is being asked something, which this message might answer. Wait two minutes."),
        "reply_not_failed": _("That reply is on its way or has arrived."),
        "chat_not_found": _("There is no such chat."),
        "chat_taken": _("Somebody else answers this chat."),
        "chat_not_taken": _("The bot answers this chat. Take it over before you write."),
        "empty_text": _("There is nothing to send, or it is longer than one message."),
        "trader_not_found": _("There is no such trader."),
        "order_not_found": _("There is no such order."),
        "order_closed": _("That order is closed already."),
        "unknown_market": _("There is no such instrument."),
        "invalid_rules": _("An instrument cannot have these rules. Look again at the numbers and dates."),
        "already_listed": _("That contract is listed already."),
        "invalid_alias": _("A word for a product has 3 to 40 letters."),
        "alias_taken": _("That word means another product, or is too like one that does."),
        "invalid_limits": _("A limit is a whole number, or empty for none."),
        "invalid_label": _("Say what the message meant."),
        "incomplete_announcement": _("Write a text in each language, of 900 characters at most."),
        "staff_not_found": _("Nobody of that name works here."),
    }
    return sentences[error.code] % error.facts if error.code in sentences else title_of(error)


def word(code: str) -> str:
    """A state, a kind or an outcome as a person says it."""
    _ = translations(language()).gettext
    words = {
        "buy": _("Buy"),
        "sell": _("Sell"),
        # Roles.
        "support": _("support"),
        "risk": _("risk"),
        "admin": _("admin"),
        # Orders and instruments.
        "new": _("open"),
        "partially_filled": _("partly filled"),
        "filled": _("filled"),
        "canceled": _("canceled"),
        "rejected": _("rejected"),
        "expired": _("expired"),
        "open": _("open"),
        "halted": _("halted"),
        # Deliveries.
        "waiting": _("waiting"),
        "sending": _("being sent"),
        "grouped": _("told with another"),
        "muted": _("muted by the trader"),
        "outdated": _("too late to be sent"),
        "queued": _("queued"),
        "sent": _("sent"),
        "delivered": _("delivered"),
        "read": _("read"),
        "failed": _("failed"),
        # What a message led to.
        "ask_missing": _("asked for what was missing"),
        "ask_confirm": _("asked to confirm"),
        "placed": _("placed an order"),
        "cancelled": _("canceled"),
        "amended": _("changed an order"),
        "discarded": _("dropped the question"),
        "info": _("answered a question"),
        "help": _("helped"),
        "not_understood": _("not understood"),
        "refused": _("refused"),
        "with_staff": _("left to staff"),
        # Commands.
        "place": _("place an order"),
        "amend": _("change an order"),
        "cancel": _("cancel an order"),
        "cancel_all": _("cancel all orders"),
        # Events.
        "order_accepted": _("Order accepted"),
        "order_rejected": _("Order rejected"),
        "trade": _("Traded"),
        "order_amended": _("Order changed"),
        "amend_rejected": _("Change refused"),
        "order_canceled": _("Order canceled"),
        "cancel_rejected": _("Cancellation refused"),
        "cancel_all_done": _("Orders canceled"),
        "order_expired": _("Order expired"),
        "instrument_halted": _("Instrument halted"),
        "instrument_resumed": _("Instrument resumed"),
        "instrument_expired": _("Instrument expired"),
        "instrument_set": _("Instrument rules set"),
        "trader_limits_set": _("Trader limits set"),
        "command_rejected": _("Refused"),
        # Traders.
        "guest": _("guest"),
        "account": _("account"),
        "market_maker": _("market maker"),
    }
    return words.get(code, code)
