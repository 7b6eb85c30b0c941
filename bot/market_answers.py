"""What the markets are at: prices, books and the latest trades."""

from collections.abc import Sequence

from bot import figures, replies
from bot.asker import LINES_MAX, Asker
from bot.attachments import Kind
from bot.listings import Listing
from engine import candles, queries
from nlp.reading import Intent, Reading

BOOK_LEVELS = 5


def market(asker: Asker, reading: Reading) -> str:
    """Last, bid and offer of a contract, of an asset's nearest months, or of every asset's nearest month."""
    _ = asker.catalog.gettext
    if reading.unlisted is not None:
        return replies.unlisted(reading, asker.listings, asker.language)
    return "\n".join(_quotes(asker, asker.chosen(reading), with_volume=reading.asset is not None)) or _(
        "Nothing is open for trading there."
    )


def _quotes(asker: Asker, listings: Sequence[Listing], *, with_volume: bool) -> list[str]:
    _ = asker.catalog.gettext
    lines = []
    for quote in queries.quotes(asker.session, [found.instrument_id for found in listings], asker.now):
        listing = asker.listings.by_id[quote.instrument_id]
        parts = [f"*{asker.product(listing)}*"]
        if quote.last_ticks is not None:
            parts.append(_("last %(price)s") % {"price": asker.ticks(quote.last_ticks, listing)})
        parts.append(
            _("bid %(bid)s / offer %(offer)s")
            % {
                "bid": asker.ticks_or_dash(quote.bid_ticks, listing),
                "offer": asker.ticks_or_dash(quote.offer_ticks, listing),
            }
        )
        if with_volume and quote.volume_lots:
            volume = figures.quantity(quote.volume_lots * listing.lot_size, asker.language)
            parts.append(_("24 h volume %(volume)s") % {"volume": volume})
        lines.append(" · ".join(parts))
    return lines


def chart(asker: Asker, reading: Reading) -> str:
    """Where a contract stands, below a picture of how it came there; in words where nothing was traded to draw."""
    _ = asker.catalog.gettext
    if reading.unlisted is not None:
        return replies.unlisted(reading, asker.listings, asker.language)
    if reading.asset is None:
        return _("Which product's chart? For example: %(example)s") % {"example": asker.examples[Intent.CHART][0]}
    listing = asker.chosen(reading)[0]
    lines = _quotes(asker, [listing], with_volume=True)
    last = queries.recent_trades(asker.session, [listing.instrument_id], limit=1)
    if last and last[0].occurred_at > asker.now - candles.LONGEST:
        asker.want_picture(Kind.CHART, listing)
    else:
        lines.append(
            _("There is nothing to draw yet: it was not traded in the last %(days)s days.")
            % {"days": figures.quantity(candles.LONGEST.days, asker.language)}
        )
    return "\n".join(lines)


def book(asker: Asker, reading: Reading) -> str:
    """Bids and offers line by line, in words that a proportional font cannot put out of order."""
    _ = asker.catalog.gettext
    if reading.unlisted is not None:
        return replies.unlisted(reading, asker.listings, asker.language)
    if reading.asset is None:
        return _("Which product's book? For example: %(example)s") % {"example": asker.examples[Intent.BOOK][0]}
    listing = asker.chosen(reading)[0]
    depth = queries.depth(asker.session, listing.instrument_id, BOOK_LEVELS)
    lines = [f"*{asker.product(listing)}*", _("Offers")]
    lines += [_level(asker, level, listing) for level in reversed(depth.offers)] or ["—"]
    lines.append(_("Bids"))
    lines += [_level(asker, level, listing) for level in depth.bids] or ["—"]
    if depth.offers or depth.bids:
        asker.want_picture(Kind.DEPTH, listing)
    return "\n".join(lines)


def _level(asker: Asker, level: queries.Level, listing: Listing) -> str:
    quantity = figures.quantity(level.quantity_lots * listing.lot_size, asker.language)
    return f"{asker.ticks(level.price_ticks, listing)} × {quantity}"


def trades(asker: Asker, reading: Reading) -> str:
    """The market's latest trades."""
    _ = asker.catalog.gettext
    chosen = [found.instrument_id for found in asker.chosen(reading)] if reading.asset is not None else None
    found = queries.recent_trades(asker.session, chosen, limit=LINES_MAX)
    lines = []
    for trade in found:
        listing = asker.listings.by_id[trade.instrument_id]
        lines.append(
            _("%(time)s: %(quantity)s %(product)s at %(price)s")
            % {
                "time": asker.moment(trade.occurred_at),
                "quantity": figures.quantity(trade.quantity_lots * listing.lot_size, asker.language),
                "product": asker.product(listing),
                "price": asker.ticks(trade.price_ticks, listing),
            }
        )
    return "\n".join([_("Latest trades:"), *lines]) if lines else _("No trades yet.")
