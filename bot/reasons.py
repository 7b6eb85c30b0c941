"""Why an order ended or was refused, in the trader's language: the same words by chat and on the web (pure)."""

from bot.languages import translations
from engine.orders import Reason


def order_reason(reason: Reason, language: str) -> str:
    """Why an order ended or was refused, as a sentence without figures."""
    _ = translations(language).gettext
    return {
        Reason.IOC_REMAINDER: _("What could not trade at once was canceled."),
        Reason.FOK_UNFILLED: _("It could not be filled whole at once, so nothing was traded."),
        Reason.SELF_TRADE: _("Nobody trades with themselves: what would have met your own order was canceled."),
        Reason.POST_ONLY_WOULD_CROSS: _("It would have traded at once, so it was not placed."),
        Reason.CANCELED_BY_TRADER: _("You canceled it."),
        Reason.CANCELED_BY_STAFF: _("Our staff canceled it."),
        Reason.CANCELED_BY_PANIC: _("Canceled with all your orders, as you asked."),
        Reason.AMENDED_BELOW_FILLED: _("The new quantity is already filled, so it is closed."),
        Reason.ORDER_EXPIRED: _("Its time is over."),
        Reason.INSTRUMENT_EXPIRED: _("Trading in this contract has ended."),
        Reason.UNKNOWN_INSTRUMENT: _("This contract is not listed."),
        Reason.INSTRUMENT_HALTED: _("Trading in this contract is halted. You can still cancel."),
        Reason.INSTRUMENT_IN_USE: _("This contract has open orders."),
        Reason.INVALID_QUANTITY: _("The quantity must be a number above zero."),
        Reason.INVALID_PRICE: _("The price must be a number above zero."),
        Reason.OUTSIDE_BAND: _("The price is too far from the market."),
        Reason.ABOVE_MAX_QUANTITY: _("The quantity is above the most that one order may have."),
        Reason.ABOVE_MAX_NOTIONAL: _("The value is above the most that one order may have."),
        Reason.ORDER_SIZE_LIMIT: _("The quantity is above your limit."),
        Reason.OPEN_ORDERS_LIMIT: _("You have as many open orders as your limit allows."),
        Reason.POSITION_LIMIT: _("Your position would go above your limit."),
        Reason.TRADER_FROZEN: _("Your trading is frozen. You can still cancel."),
        Reason.ORDER_NOT_FOUND: _("You have no such order."),
        Reason.ORDER_CLOSED: _("The order is already closed."),
        Reason.NOTHING_TO_CHANGE: _("It has that price and quantity already."),
        Reason.MALFUNCTION: _("Something went wrong on our side, and nothing was done. Our staff has been told."),
    }[reason]
