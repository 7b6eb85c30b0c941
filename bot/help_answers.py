"""Greetings, and help made from what the parser itself reads."""

from decimal import Decimal

from bot import account_answers, figures, replies
from bot.asker import Asker
from engine.money import COMMISSION_RATE
from nlp.reading import Intent, Reading

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
    Intent.STATEMENT,
    Intent.ALERT,
    Intent.MUTE,
    Intent.DAILY_SUMMARY,
    Intent.FACTS,
    Intent.LANGUAGE,
    Intent.PERSON,
)
# What more there is to say on a topic: how it is undone, and how it is looked up.
BESIDE = {
    Intent.MUTE: (Intent.UNMUTE, Intent.NOTIFICATIONS),
    Intent.DAILY_SUMMARY: (Intent.NO_SUMMARY,),
}


def greeting(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    return "\n".join(
        [
            _("Hello! I am MaiBroker: tell me what to buy or sell."),
            _("For example: %(example)s") % {"example": asker.examples[Intent.PLACE_ORDER][0]},
            _("Say *help* to see what else I can do."),
        ]
    )


def thanks(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    return _("You're welcome!")


def language(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    return _("I will speak English from now on.")


def help_on(asker: Asker, reading: Reading) -> str:
    """One example a topic, or all the examples of the topic that was asked about; each is what the parser reads."""
    _ = asker.catalog.gettext
    terms = {
        "commission": _commission,
        "time_in_force": _time_in_force,
        "lots": _lots,
        "limits": account_answers.limits,
    }
    if reading.topic in terms:
        return terms[reading.topic](asker, reading)
    titles = _help_titles(asker)
    topic = next((intent for intent in HELP_TOPICS if intent == reading.topic), None)
    if topic is not None:
        examples = [example for intent in (topic, *BESIDE.get(topic, ())) for example in asker.examples[intent]]
        return "\n".join([f"*{titles[topic]}*", *(f"• {example}" for example in examples)])
    lines = [f"*{titles[intent]}*: {asker.examples[intent][0]}" for intent in HELP_TOPICS if intent in asker.examples]
    return "\n".join(
        [
            _("Write or speak as you like. For example:"),
            *lines,
            _("*STOP* cancels all your orders and freezes chat trading."),
            _("More on one of them: “help orders”."),
        ]
    )


def _commission(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    facts = {"rate": figures.percent(COMMISSION_RATE, asker.language)}
    return "\n".join(
        [
            replies.commission_rule(asker.language),
            _("Buyer and seller each pay %(rate)s, rounded to the cent, as a trade happens. An order costs nothing.")
            % facts,
        ]
    )


def _time_in_force(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    return "\n".join(
        [
            _("An order stands for 24 hours, unless you add one of these:"),
            "• " + _("*until canceled*"),
            "• " + _("*good for 2 hours*"),
            "• " + _("*until Friday 15:00*, by your own clock"),
            "• " + _("*immediate or cancel*: what can trade now, and no more"),
            "• " + _("*fill or kill*: all of it now, or nothing"),
            _("An order at market trades at once, and what cannot is canceled."),
        ]
    )


def _lots(asker: Asker, reading: Reading) -> str:
    """What a quantity counts, worked out for an order that could be placed."""
    _ = asker.catalog.gettext
    quantity, price = Decimal(10), Decimal(150)
    return "\n".join(
        [
            _("Quantities are whole lots, and prices are for one lot."),
            _("For example: %(quantity)s lots at %(price)s are worth %(notional)s.")
            % {
                "quantity": figures.quantity(quantity, asker.language),
                "price": figures.price(price, asker.language),
                "notional": figures.money(quantity * price, asker.language),
            },
        ]
    )


def _help_titles(asker: Asker) -> dict[Intent, str]:
    _ = asker.catalog.gettext
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
        Intent.STATEMENT: _("Statement"),
        Intent.ALERT: _("Alerts"),
        Intent.MUTE: _("Notifications"),
        Intent.DAILY_SUMMARY: _("Daily summary"),
        Intent.LANGUAGE: _("Language"),
        Intent.FACTS: _("Market rules"),
        Intent.PERSON: _("A person"),
    }
