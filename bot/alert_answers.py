"""Price alerts as a trader sets, lists and deletes them in chat."""

from bot import alerts, figures, notification_answers, replies
from bot.asker import LINES_MAX, Asker
from bot.listings import Listing
from engine.money import ticks_from_price
from nlp.reading import Intent, Reading


def alert(asker: Asker, reading: Reading) -> str:
    """Keeps an alert; raises UnknownMarket, TooManyAlerts and what a price can be refused for."""
    _ = asker.catalog.gettext
    if reading.unlisted is not None:
        return replies.unlisted(reading, asker.listings, asker.language)
    if reading.asset is None or reading.price is None:
        return _("An alert needs a product and a price. For example: %(example)s") % {
            "example": asker.examples[Intent.ALERT][0]
        }
    listing = asker.chosen(reading)[0]
    price_ticks = ticks_from_price(reading.price, listing.tick_size)
    direction = reading.direction or alerts.direction_towards(asker.session, listing.symbol, reading.price)
    number = alerts.add(
        asker.session, asker.conversation["id"], listing.instrument_id, direction, price_ticks, asker.now
    )
    line = _("Set: %(alert)s") % {"alert": _alert_line(asker, number, listing, direction, price_ticks)}
    return "\n".join([line, *notification_answers.alerts_are_muted(asker)])


def _alert_line(asker: Asker, number: int, listing: Listing, direction: str, price_ticks: int) -> str:
    _ = asker.catalog.gettext
    facts = {"number": number, "product": asker.product(listing), "price": asker.ticks(price_ticks, listing)}
    if direction == "above":
        return _("*Alert %(number)s*: %(product)s at %(price)s or above") % facts
    return _("*Alert %(number)s*: %(product)s at %(price)s or below") % facts


def alert_list(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    found = alerts.open_ones(asker.session, asker.conversation["id"])
    if not found:
        return _("You have no alerts.")
    lines = [
        _alert_line(asker, row["id"], asker.listings.by_id[row["instrument_id"]], row["direction"], row["price_ticks"])
        for row in found[:LINES_MAX]
    ]
    return "\n".join([*lines, *asker.more(len(found))])


def delete_alert(asker: Asker, reading: Reading) -> str:
    """Deletes one, or all where none is named; raises AlertNotFound."""
    alert_id = None if reading.order_id is None or not reading.order_id.isdecimal() else int(reading.order_id)
    count = alerts.delete(asker.session, asker.conversation["id"], alert_id, asker.now)
    if count == 0:
        raise alerts.AlertNotFound(alert_id=reading.order_id)
    shown = figures.quantity(count, asker.language)
    return asker.catalog.ngettext("%(count)s alert deleted.", "%(count)s alerts deleted.", count) % {"count": shown}
