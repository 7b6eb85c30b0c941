"""What the terminal's scripts say in the reader's language: they fill in figures and know no sentence themselves."""

from bot.languages import translations
from bot.reasons import order_reason
from engine.orders import OrderState, Reason, TimeInForce


def sentences(language: str) -> dict[str, dict[str, str]]:
    """By what they are about: `said`, and by the API's own codes `problems`, `reasons`, `states` and `lifetimes`."""
    return {
        "said": _said(language),
        "problems": _problems(language),
        "reasons": {reason.value: order_reason(reason, language) for reason in Reason},
        "states": _states(language),
        "lifetimes": lifetimes(language),
    }


def lifetimes(language: str) -> dict[str, str]:
    """How long an order stands, by its time in force."""
    _ = translations(language).gettext
    return {
        TimeInForce.DAY.value: _("24 hours"),
        TimeInForce.GTC.value: _("Until canceled"),
        TimeInForce.GTT.value: _("Until a time"),
        TimeInForce.IOC.value: _("Now, rest canceled"),
        TimeInForce.FOK.value: _("All now or nothing"),
    }


def _states(language: str) -> dict[str, str]:
    _ = translations(language).gettext
    return {
        OrderState.NEW.value: _("in the book"),
        OrderState.PARTIALLY_FILLED.value: _("partly filled"),
        OrderState.FILLED.value: _("filled"),
        OrderState.CANCELED.value: _("canceled"),
        OrderState.REJECTED.value: _("rejected"),
        OrderState.EXPIRED.value: _("expired"),
    }


def _said(language: str) -> dict[str, str]:
    _ = translations(language).gettext
    return {
        # The connection.
        "connecting": _("Connecting…"),
        "live": _("Live"),
        "lost": _("No connection. Trying again…"),
        # The list of markets, and the chosen one.
        "no_market": _("No market is called that."),
        "more": _("%(count)s more"),
        "fewer": _("Fewer"),
        "halted": _("Trading is halted"),
        "spread": _("Spread %(spread)s"),
        "one_sided": _("One side only"),
        "empty_book": _("The book is empty"),
        "bid_level": _("Bid %(price)s for %(quantity)s"),
        "offer_level": _("Offer %(price)s for %(quantity)s"),
        "own_level": _("with an order of yours"),
        "bought": _("bought at the offer"),
        "sold": _("sold at the bid"),
        # The ticket.
        "buy": _("Buy"),
        "sell": _("Sell"),
        "at_market": _("at market"),
        "at_price": _("at %(price)s"),
        "band": _("Allowed now: %(low)s to %(high)s."),
        "total": _("Total"),
        "about_total": _("About"),
        "thin_book": _("The book as shown lacks %(quantity)s of that."),
        "far_above": _("%(percent)s above the best offer, %(best)s."),
        "far_below": _("%(percent)s below the best bid, %(best)s."),
        "sign_in_to_trade": _("Sign in to trade"),
        "no_quantity": _("How many?"),
        "no_price": _("At what price?"),
        "no_until": _("Until when?"),
        "unreadable": _("Please write the number in digits only."),
        "order_number": _("Order %(number)s"),
        "filled_at": _("Filled %(filled)s at %(price)s."),
        # Orders.
        "no_orders": _("No open orders. Place one with the ticket, or by chat."),
        "sign_in_for_orders": _("Sign in to see your orders."),
        "amend": _("Change"),
        "cancel": _("Cancel"),
        "amend_order": _("Change order %(number)s"),
        "cancel_order": _("Cancel order %(number)s"),
        "open_count": _("Open orders: %(count)s"),
        "canceled_count": _("Orders canceled: %(count)s"),
        "taken": _("Taken. The market has not answered yet."),
        "fill_bought": _("Bought %(quantity)s %(market)s at %(price)s, commission %(commission)s."),
        "while_away": _("While you were away"),
        "left_out": _("And %(count)s more; see History and My trades."),
        "fill_sold": _("Sold %(quantity)s %(market)s at %(price)s, commission %(commission)s."),
        # Alerts.
        "or_above": _("%(price)s or above"),
        "or_below": _("%(price)s or below"),
        "delete": _("Delete"),
        "delete_alert": _("Delete alert %(number)s"),
        # The account.
        "sign_in": _("Sign in"),
        "register": _("Make an account"),
        "to_register": _("New here? Make an account"),
        "to_sign_in": _("You have an account? Sign in"),
        "both_needed": _("Please give a username and a password."),
        "link_message": _("link %(code)s"),
        "good_until": _("Good until %(time)s."),
        "linked": _("The number %(phone)s now trades for this account."),
        "unfrozen": _("Chat trading is open for you again."),
        "close": _("Close"),
    }


def _problems(language: str) -> dict[str, str]:
    """By the `code` of a problem; `nearest` are the allowed values on either side of one between them."""
    _ = translations(language).gettext
    return {
        "unreachable": _("We could not be reached. Send it again: it will count once."),
        "other": _("Something went wrong (%(code)s). Please try again."),
        "rate_limited": _("Too many requests. Please wait %(retry_after_seconds)s seconds."),
        "address_blocked": _("Too many requests. Please wait %(retry_after_seconds)s seconds."),
        "database_unavailable": _("We cannot answer now. Please try again in a moment."),
        "limits_unavailable": _("We cannot answer now. Please try again in a moment."),
        "request_in_flight": _("That request is being handled already."),
        "not_signed_in": _("Please sign in again."),
        "token_expired": _("Please sign in again."),
        "invalid_refresh_token": _("Please sign in again."),
        "invalid_credentials": _("The username or the password is wrong."),
        "username_taken": _("That username is taken."),
        "weak_password": _("That password is too easy to guess. Take at least %(length_min)s characters."),
        "invalid_request": _("Something in that is not written as it must be."),
        "already_linked": _("This account has a number already."),
        "no_linked_number": _("Link a WhatsApp number first."),
        "unknown_market": _("This contract is not listed."),
        "invalid_price": _("The price must be a number above zero."),
        "invalid_quantity": _("The quantity must be a number above zero."),
        "off_tick": _("Prices here move in steps of %(tick_size)s. Nearest: %(nearest)s."),
        "off_lot": _("Quantities are multiples of %(lot_size)s. Nearest: %(nearest)s."),
        "too_large": _("That number is too large. The most is %(allowed_max)s."),
        "invalid_time_in_force": _("This order cannot have that lifetime."),
        "order_not_found": _("You have no such order."),
        "order_closed": _("The order is already closed."),
        "too_many_alerts": _("You have as many alerts as one may: %(allowed_max)s. Delete one first."),
        "alert_not_found": _("You have no such alert."),
    }
