"""A trader's statement in words and figures: its tables as people read them, and as a spreadsheet does."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from bot import figures
from bot.languages import base, translations
from bot.periods import Period
from engine.money import CENT
from engine.orders import OrderState, Side
from engine.statements import Statement


@dataclass(frozen=True, slots=True)
class Table:
    """One part of a statement; the columns named in `left` hold words, the others figures."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    left: int
    empty: str


class StatementText:
    """One statement in one language, by the clock of one zone."""

    def __init__(self, statement: Statement, period: Period, holder: str, language: str, zone: ZoneInfo) -> None:
        self.statement, self.period, self.holder = statement, period, holder
        self.instruments, self.language, self.zone = statement.instruments, language, zone
        self._ = translations(language).gettext

    @property
    def title(self) -> str:
        return self._("Statement of %(period)s") % {"period": self.period.words(self.language)}

    @property
    def subtitle(self) -> str:
        return self._("Account %(holder)s · times by the clock of %(zone)s") % {
            "holder": self.holder,
            "zone": figures.zone_name(self.zone, self.language),
        }

    def totals(self) -> list[tuple[str, str]]:
        """Each sum with its name."""
        _, statement = self._, self.statement
        return [
            (_("Trades"), figures.quantity(len(statement.fills), self.language)),
            (_("Bought for"), self._money(statement.notional(Side.BUY))),
            (_("Sold for"), self._money(statement.notional(Side.SELL))),
            (_("Realised profit"), self._signed(statement.realised)),
            (_("Commission"), self._money(statement.commission)),
            (_("Profit after commission"), self._signed(statement.realised - statement.commission)),
        ]

    def tables(self) -> list[Table]:
        return [self._trades(), self._orders(), self._positions()]

    def _trades(self) -> Table:
        _ = self._
        rows = [
            (
                self._time(fill.occurred_at),
                str(fill.order_id),
                self._side(fill.side),
                self._product(fill.instrument_id),
                self._quantity(fill.quantity_lots, fill.instrument_id),
                self._price(fill.price_ticks, fill.instrument_id),
                self._money(notional),
                self._money(fill.commission_cents * CENT),
            )
            for fill, notional in zip(self.statement.fills, self.statement.notionals, strict=True)
        ]
        head = (
            _("Time"), _("Order no."), _("Side"), _("Product"), _("Quantity"), _("Price"), _("Amount"), _("Commission"),
        )  # fmt: skip
        return Table(_("Trades"), head, rows, 4, _("Nothing was traded."))

    def _orders(self) -> Table:
        _ = self._
        rows = [
            (
                self._time(order.updated_at),
                str(order.order_id),
                self._side(order.side),
                self._product(order.instrument_id),
                self._state(order.state),
                self._quantity(order.quantity_lots, order.instrument_id),
                self._quantity(order.filled_lots, order.instrument_id),
                "" if order.price_ticks is None else self._price(order.price_ticks, order.instrument_id),
            )
            for order in self.statement.closed_orders
        ]
        head = (
            _("Time"), _("Order no."), _("Side"), _("Product"), _("State"), _("Quantity"), _("Filled"),
            _("Limit price"),
        )  # fmt: skip
        return Table(_("Orders that ended"), head, rows, 5, _("No order ended."))

    def _positions(self) -> Table:
        _ = self._
        rows = [
            (
                self._product(held.instrument_id),
                self._quantity(held.lots, held.instrument_id),
                "" if held.average_price is None else self._average(held.average_price, held.instrument_id),
                self._signed(held.realised),
            )
            for held in self.statement.positions
        ]
        head = (_("Product"), _("Held"), _("Average price"), _("Realised profit"))
        return Table(_("Positions at the end"), head, rows, 1, _("Nothing was held."))

    def csv(self) -> bytes:
        """One row a trade, order, position and sum; plain figures and times in UTC, as programs take them."""
        _, statement = self._, self.statement
        text = StringIO()
        write = csv.writer(text).writerow
        write(
            (
                _("Kind"), _("Time (UTC)"), _("Order no."), _("Side"), _("Product"), _("Quantity"), _("Price"),
                _("Amount"), _("Commission"), _("Realised profit"), _("State"),
            )
        )  # fmt: skip
        for fill, notional in zip(statement.fills, statement.notionals, strict=True):
            instrument = self.instruments[fill.instrument_id]
            write(
                (
                    _("trade"), stamp(fill.occurred_at), fill.order_id, self._side(fill.side), instrument.symbol,
                    plain(fill.quantity_lots * instrument.lot_size), plain(fill.price_ticks * instrument.tick_size),
                    plain(notional), plain(fill.commission_cents * CENT), "", "",
                )
            )  # fmt: skip
        for order in statement.closed_orders:
            instrument = self.instruments[order.instrument_id]
            price = "" if order.price_ticks is None else plain(order.price_ticks * instrument.tick_size)
            write(
                (
                    _("order"), stamp(order.updated_at), order.order_id, self._side(order.side), instrument.symbol,
                    plain(order.quantity_lots * instrument.lot_size), price, "", "", "",
                    self._state(order.state),
                )
            )  # fmt: skip
        for held in statement.positions:
            instrument = self.instruments[held.instrument_id]
            average = "" if held.average_price is None else plain(held.average_price)
            write(
                (
                    _("position"), stamp(statement.until), "", "", instrument.symbol,
                    plain(held.lots * instrument.lot_size), average, "", "", plain(held.realised), "",
                )
            )  # fmt: skip
        amount = plain(statement.notional(Side.BUY) + statement.notional(Side.SELL))
        write((_("total"), "", "", "", "", "", "", amount, plain(statement.commission), plain(statement.realised), ""))
        # Spreadsheets take a file for UTF-8 by its mark.
        return text.getvalue().encode("utf-8-sig")

    def _side(self, side: Side) -> str:
        return self._("Buy") if side == Side.BUY else self._("Sell")

    def _state(self, state: OrderState) -> str:
        _ = self._
        return {
            OrderState.FILLED: _("filled"),
            OrderState.CANCELED: _("canceled"),
            OrderState.REJECTED: _("refused"),
            OrderState.EXPIRED: _("expired"),
        }[state]

    def _product(self, instrument_id: int) -> str:
        instrument = self.instruments[instrument_id]
        name = instrument.names[base(self.language)]
        return f"{name[:1].upper()}{name[1:]} {figures.contract(instrument.contract, self.language)}"

    def _time(self, at: datetime) -> str:
        return format_datetime(at, "d MMM HH:mm:ss", tzinfo=self.zone, locale=figures.locale_of(self.language))

    def _quantity(self, lots: int, instrument_id: int) -> str:
        return figures.quantity(lots * self.instruments[instrument_id].lot_size, self.language)

    def _price(self, ticks: int, instrument_id: int) -> str:
        tick_size = self.instruments[instrument_id].tick_size
        return figures.price(ticks * tick_size, self.language, tick_size)

    def _average(self, price: Decimal, instrument_id: int) -> str:
        tick_size = self.instruments[instrument_id].tick_size
        return figures.price(price.quantize(tick_size / 100), self.language, tick_size)

    def _money(self, amount: Decimal) -> str:
        """To the cent, and further where there is more: what is listed adds up to what is summed."""
        return figures.price(amount, self.language)

    def _signed(self, amount: Decimal) -> str:
        return ("+" if amount > 0 else "") + figures.price(amount, self.language)


def plain(value: Decimal) -> str:
    """1500.5 without an exponent."""
    return format(value, "f")


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
