"""The rules of a market as a trader asks for them: currency, lot, tick, commission, band, hours and last day."""

from collections.abc import Iterable
from decimal import Decimal

from bot import figures, replies
from bot.asker import Asker
from engine import queries
from engine.listing import Listing as Rules
from engine.money import ticks_from_price
from engine.orders import Instrument, InstrumentStatus
from nlp.reading import Intent, Reading


def facts(asker: Asker, reading: Reading) -> str:
    """Of one contract, or of what all have in common; what was asked for stands first. Raises UnknownMarket."""
    _ = asker.catalog.gettext
    listed = {one.instrument_id: one for one in queries.listed_instruments(asker.session)}
    if reading.asset is None:
        lines = _of_all(asker, [one for one in listed.values() if one.status != InstrumentStatus.EXPIRED])
        title, last = (
            _("*In every market*"),
            _("Of one market: *%(example)s*") % {"example": asker.examples[Intent.FACTS][0]},
        )
        return "\n".join([title, *_first(reading.topic, lines), last])
    chosen = asker.chosen(reading)
    if not chosen:
        return _("Nothing is open for trading there.")
    return "\n".join(
        [
            f"*{asker.product(chosen[0])}*",
            *_first(reading.topic, _of_one(asker, listed[chosen[0].instrument_id])),
        ]
    )


def _first(topic: str | None, lines: dict[str, str]) -> list[str]:
    return [lines[name] for name in sorted(lines, key=lambda name: name != topic)]


def _of_all(asker: Asker, instruments: Iterable[Instrument]) -> dict[str, str]:
    """Sizes that differ between products are given from the smallest to the largest."""
    ticks = sorted({one.tick_size for one in instruments})
    lots = sorted({one.lot_size for one in instruments})
    _ = asker.catalog.gettext
    lines = {
        "tick": _("Price step (tick): %(tick)s. Prices are for one lot.") % {"tick": _range(ticks, asker.language)},
        "lot": _("Smallest order: %(lot)s. Quantities are multiples of it.") % {"lot": _range(lots, asker.language)},
    }
    return lines | _common(asker)


def _range(sizes: list[Decimal], language: str) -> str:
    return " – ".join(figures.quantity(size, language) for size in dict.fromkeys([*sizes[:1], *sizes[-1:]]))


def _common(asker: Asker) -> dict[str, str]:
    """What no market has otherwise."""
    _ = asker.catalog.gettext
    return {
        "commission": replies.commission_rule(asker.language),
        "currency": _("All prices and amounts are in the one currency of your account. I have no name for it."),
        "hours": _("There are no trading hours: it goes on day and night, unless a market is halted."),
    }


def _of_one(asker: Asker, instrument: Instrument) -> dict[str, str]:
    _ = asker.catalog.gettext
    language, tick_size = asker.language, instrument.tick_size
    lines = _of_all(asker, [instrument])
    last_price = queries.last_price(asker.session, instrument.symbol)
    rules = Rules(instrument, None if last_price is None else ticks_from_price(last_price, tick_size))
    if rules.is_banded:
        lines["band"] = _("Prices allowed now: %(low)s to %(high)s.") % {
            "low": figures.price(rules.low_ticks * tick_size, language, tick_size),
            "high": figures.price(rules.high_ticks * tick_size, language, tick_size),
        }
    else:
        lines["band"] = _("Any price above zero is allowed.")
    if instrument.last_trading_at is None:
        lines["last_day"] = _("No last trading day is set.")
    else:
        lines["last_day"] = _("Trading ends: %(time)s.") % {"time": asker.moment(instrument.last_trading_at)}
    if instrument.status == InstrumentStatus.HALTED:
        lines["hours"] = _("Trading in this contract is halted. You can still cancel.")
    return lines
