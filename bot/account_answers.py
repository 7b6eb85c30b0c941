"""A trader's positions, account and limits, and how the conversation is set up for them."""

from decimal import Decimal

import sqlalchemy as sa

from bot import figures, linking, notices, tables
from bot.asker import LINES_MAX, Asker
from bot.languages import translations
from bot.listings import Listings
from engine import queries
from nlp.reading import Reading


def positions(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    lines = []
    for held in queries.holdings(asker.session, asker.trader_id):
        if held.lots and asker.matches(reading, held.instrument_id):
            lines.append(position_line(held, asker.listings, asker.language))
    if not lines:
        return _("You have no open positions.")
    return "\n".join([_("Your positions:"), *lines[:LINES_MAX], *asker.more(len(lines))])


def position_line(held: queries.Holding, listings: Listings, language: str) -> str:
    """Long 40 Wheat Dec25 at 150.00, open profit +20.00."""
    _ = translations(language).gettext
    listing = listings.by_id[held.instrument_id]
    facts = {
        "quantity": figures.quantity(abs(held.lots) * listing.lot_size, language),
        "product": notices.product(listing, language),
        "price": figures.price(held.average_price.quantize(listing.tick_size), language, listing.tick_size),
        "profit": figures.signed_money(held.unrealised, language),
    }
    sentence = (
        _("Long %(quantity)s %(product)s at %(price)s, open profit %(profit)s")
        if held.lots > 0
        else _("Short %(quantity)s %(product)s at %(price)s, open profit %(profit)s")
    )
    return sentence % facts


def account(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    summary = queries.account(asker.session, asker.trader_id)
    return "\n".join(
        [
            _("*Your account*"),
            _("Closed profit: %(amount)s") % {"amount": figures.signed_money(summary.realised, asker.language)},
            _("Open profit: %(amount)s") % {"amount": figures.signed_money(summary.unrealised, asker.language)},
            _("Commission paid: %(amount)s") % {"amount": figures.money(summary.commission, asker.language)},
            _("Open orders: %(count)s") % {"count": figures.quantity(summary.open_orders, asker.language)},
            _("Open positions: %(count)s") % {"count": figures.quantity(summary.open_positions, asker.language)},
        ]
    )


def limits(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    lines = []
    limits = queries.trader_limits(asker.session, asker.trader_id)
    shown = {
        _("Most per order: %(count)s"): limits.order_quantity_lots_max,
        _("Most open orders: %(count)s"): limits.open_orders_max,
        _("Largest position: %(count)s"): limits.position_lots_max,
    }
    lines = [
        sentence % {"count": figures.quantity(value, asker.language)}
        for sentence, value in shown.items()
        if value is not None
    ]
    above = asker.conversation["confirm_above_quantity"]
    if asker.conversation["confirm_always"]:
        lines.append(_("I ask before every order."))
    elif above is not None:
        lines.append(
            asker.catalog.ngettext(
                "I ask before orders above %(count)s lot.", "I ask before orders above %(count)s lots.", int(above)
            )
            % {"count": figures.quantity(above, asker.language)}
        )
    else:
        lines.append(_("I ask when I am not sure."))
    return "\n".join(lines)


def confirm_always(asker: Asker, reading: Reading) -> str:
    return _set_confirmation(asker, always=True, above=None)


def confirm_unsure(asker: Asker, reading: Reading) -> str:
    return _set_confirmation(asker, always=False, above=reading.quantity)


def _set_confirmation(asker: Asker, *, always: bool, above: Decimal | None) -> str:
    _ = asker.catalog.gettext
    asker.session.execute(
        sa.update(tables.conversations)
        .where(tables.conversations.c.id == asker.conversation["id"])
        .values(confirm_always=always, confirm_above_quantity=above)
    )
    if always:
        return _("I will ask before every order.")
    if above is not None:
        return asker.catalog.ngettext(
            "I will ask before orders above %(count)s lot.",
            "I will ask before orders above %(count)s lots.",
            int(above),
        ) % {"count": figures.quantity(above, asker.language)}
    return _("I will ask when I am not sure.")


def link(asker: Asker, reading: Reading) -> str:
    """Joins this number and the account that showed the code; raises what `linking.link` does."""
    _ = asker.catalog.gettext
    if reading.order_id is None:
        return _("To link this number, send the six digits that the web shows you, for example: *link 123456*")
    username = linking.link(asker.session, asker.conversation, reading.order_id, asker.now)
    return _("This number now trades for the account *%(username)s*.") % {"username": username}
