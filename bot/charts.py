"""Pictures of a market for a phone: candles with volume, and the book's depth, as PNG.

A point of the figure is about a pixel of a phone's page, so the sizes of type here are what a trader reads. Only the
workers that make pictures import this, because matplotlib is slow to load. Figures are kept: to make one is slow too.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from bot import figures
from bot.languages import translations
from bot.listings import Listing
from bot.notices import product
from engine.candles import Candle, Interval
from engine.queries import Depth, Level

WIDTH_INCHES, CANDLES_HEIGHT_INCHES, DEPTH_HEIGHT_INCHES = 4.2, 4.2, 4.4
DOTS_PER_INCH = 200
COLOURS = 48  # Enough for smooth letters, and a third of the bytes.
SMALL, TITLE = 10, 13
INK, QUIET, GRID, PAPER = "#15202b", "#4a5763", "#e3e7eb", "#ffffff"
RISE, FALL = "#0a7f5a", "#c7362f"
BID, BID_SUM, OFFER, OFFER_SUM = "#0a7f5a", "#bfe3d6", "#c7362f", "#f3cdca"
SLOTS_MIN = 12  # A few candles alone do not fill the picture.
CANDLE_WIDTH = 0.7
ROWS_MIN = 5
GAP = 2  # Rows between the best offer and the middle.
LAST_PRICE_SHARE = 0.07  # Of the height: so near to the last price no other is written.
TIME_LABELS_MAX = 4


class Charts:
    """Draws one picture after another on the same figure."""

    def __init__(self) -> None:
        self.figure = Figure(dpi=DOTS_PER_INCH, facecolor=PAPER)
        self.canvas = FigureCanvasAgg(self.figure)

    def candles(
        self, candles: Sequence[Candle], interval: Interval, listing: Listing, language: str, zone: ZoneInfo
    ) -> bytes:
        """What traded in each interval, the oldest first; one without a trade takes no room."""
        _ = translations(language).gettext
        begun, last = candles[0].open_ticks, candles[-1].close_ticks
        self._begin(CANDLES_HEIGHT_INCHES)
        prices, volumes = self.figure.subplots(2, 1, sharex=True, height_ratios=(3, 1), gridspec_kw={"hspace": 0.2})
        self.figure.subplots_adjust(left=0.04, right=0.81, top=0.83, bottom=0.115)
        self._title(
            product(listing, language),
            _price(last, listing, language)
            + " ("
            + figures.signed_percent(Decimal(last - begun) / begun, language)
            + ")",
            _interval_words(interval, language) + " · " + figures.zone_name(zone, language),
        )
        places = range(len(candles))
        colours = [RISE if candle.close_ticks >= candle.open_ticks else FALL for candle in candles]
        prices.vlines(
            places, [one.low_ticks for one in candles], [one.high_ticks for one in candles], color=colours, linewidth=1
        )
        bodies = [abs(one.close_ticks - one.open_ticks) for one in candles]
        bottoms = [min(one.close_ticks, one.open_ticks) for one in candles]
        # The edge alone shows a candle that closed where it opened.
        prices.bar(places, bodies, CANDLE_WIDTH, bottoms, color=colours, edgecolor=colours, linewidth=1)
        volumes.bar(places, [one.volume_lots for one in candles], CANDLE_WIDTH, color=colours)
        _plain(prices)
        _plain(volumes)
        self._price_axis(prices, candles, listing, language)
        volumes.set_title(_("Volume (lots)"), loc="left", fontsize=SMALL, color=QUIET, pad=3)
        volumes.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        volumes.yaxis.set_major_formatter(
            FuncFormatter(lambda lots, _place: figures.quantity(round(lots) * listing.lot_size, language))
        )
        volumes.set_ylim(bottom=0)
        _time_axis(volumes, candles, interval, language, zone)
        return self._png()

    def _price_axis(self, axes: Axes, candles: Sequence[Candle], listing: Listing, language: str) -> None:
        """Prices on the right, the last one marked; at least a few ticks high, so that one price is no cliff."""
        last = candles[-1].close_ticks
        low, high = min(one.low_ticks for one in candles), max(one.high_ticks for one in candles)
        margin = max((high - low) * 0.08, 2)
        axes.set_ylim(low - margin, high + margin)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        room = (high - low + 2 * margin) * LAST_PRICE_SHARE

        def label(ticks: float, _place: int) -> str:
            return "" if abs(ticks - last) < room else _price(round(ticks), listing, language)

        axes.yaxis.set_major_formatter(FuncFormatter(label))
        axes.axhline(last, color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
        axes.annotate(
            _price(last, listing, language),
            (1, last),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=PAPER,
            annotation_clip=False,
            bbox={"boxstyle": "round,pad=0.25", "facecolor": INK, "edgecolor": INK},
        )

    def depth(self, depth: Depth, listing: Listing, language: str, at: datetime, zone: ZoneInfo) -> bytes:
        """Offers above and bids below, the best in the middle: what rests at each price, and all up to it."""
        _ = translations(language).gettext
        self._begin(DEPTH_HEIGHT_INCHES)
        axes = self.figure.subplots()
        self.figure.subplots_adjust(left=0.21, right=0.96, top=0.83, bottom=0.1)
        self._title(
            product(listing, language),
            _("Order book"),
            format_time(at, "HH:mm", tzinfo=zone, locale=figures.locale_of(language))
            + " · "
            + figures.zone_name(zone, language),
        )
        rows = [(GAP + row, level, OFFER, OFFER_SUM) for row, level in enumerate(depth.offers)]
        rows += [(-GAP - row, level, BID, BID_SUM) for row, level in enumerate(depth.bids)]
        sums = running_sums(depth.offers) + running_sums(depth.bids)
        for (height, level, strong, light), total in zip(rows, sums, strict=True):
            axes.barh(height, total, 0.82, color=light)
            axes.barh(height, level.quantity_lots, 0.82, color=strong)
            axes.annotate(
                figures.quantity(total * listing.lot_size, language),
                (total, height),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
                color=INK,
            )
        axes.set_yticks(
            [height for height, *_rest in rows],
            [_price(level.price_ticks, listing, language) for _height, level, *_rest in rows],
            fontsize=SMALL,
            color=INK,
        )
        axes.axhline(0, color=QUIET, linewidth=0.8, linestyle=(0, (3, 3)))
        axes.set_xlim(0, max(sums, default=1) * 1.18)
        # A book with few prices keeps slim bars.
        axes.set_ylim(-GAP - max(len(depth.bids), ROWS_MIN), GAP + max(len(depth.offers), ROWS_MIN))
        axes.set_xticks([])
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        for words, height, colour in ((_("Offers"), GAP / 2, OFFER), (_("Bids"), -GAP / 2, BID)):
            axes.text(0, height, words, fontsize=SMALL, fontweight="bold", color=colour, va="center")
        self.figure.legend(
            handles=[Patch(color=GRID, label=_("summed up"))],
            loc="lower right",
            frameon=False,
            fontsize=SMALL,
            labelcolor=QUIET,
            handlelength=1,
            handletextpad=0.5,
        )
        return self._png()

    def _begin(self, height_inches: float) -> None:
        self.figure.clear()
        self.figure.set_size_inches(WIDTH_INCHES, height_inches)

    def _title(self, name: str, right: str, below: str) -> None:
        self.figure.text(0.04, 0.965, name, fontsize=TITLE, fontweight="bold", color=INK, va="top")
        self.figure.text(0.97, 0.962, right, fontsize=SMALL + 1, color=INK, va="top", ha="right")
        self.figure.text(0.04, 0.895, below, fontsize=SMALL, color=QUIET, va="top")

    def _png(self) -> bytes:
        self.canvas.draw()
        image = Image.frombuffer("RGBA", self.canvas.get_width_height(), self.canvas.buffer_rgba())
        drawn = BytesIO()
        # Without dithering, which would make noise of flat colours.
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(drawn, "PNG", optimize=True)
        return drawn.getvalue()


def running_sums(levels: Sequence[Level]) -> list[int]:
    """What rests at each level and all better ones."""
    total = 0
    return [total := total + level.quantity_lots for level in levels]


def _plain(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.yaxis.tick_right()
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=QUIET, pad=4)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _time_axis(axes: Axes, candles: Sequence[Candle], interval: Interval, language: str, zone: ZoneInfo) -> None:
    """A few times below the candles, each under the one that it is of."""
    count = len(candles)
    axes.set_xlim(min(-0.8, count - SLOTS_MIN), count - 0.2)
    step = max(-(-count // TIME_LABELS_MAX), 3)
    places = list(range(count - 1, -1, -step))[::-1]
    # At the left edge a label would be cut.
    places = [place for place in places if place >= step // 2 or count <= SLOTS_MIN]
    axes.set_xticks(places, [_time_words(candles[place].opens_at, interval, language, zone) for place in places])


def _time_words(opens_at: datetime, interval: Interval, language: str, zone: ZoneInfo) -> str:
    locale = figures.locale_of(language)
    if interval == Interval.DAY:  # A candle's day is counted in UTC.
        return format_date(opens_at.date(), "d MMM", locale=locale)
    at = opens_at.astimezone(zone)
    clock = format_time(at, "HH:mm", tzinfo=zone, locale=locale)
    return clock if interval != Interval.HOUR else format_date(at.date(), "d MMM", locale=locale) + "\n" + clock


def _interval_words(interval: Interval, language: str) -> str:
    _ = translations(language).gettext
    return {
        Interval.MINUTE: _("1-minute candles"),
        Interval.FIVE_MINUTES: _("5-minute candles"),
        Interval.HOUR: _("1-hour candles"),
        Interval.DAY: _("1-day candles"),
    }[interval]


def _price(ticks: int, listing: Listing, language: str) -> str:
    price: Decimal = ticks * listing.tick_size
    return figures.price(price, language, listing.tick_size)
