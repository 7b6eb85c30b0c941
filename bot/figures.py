"""How numbers, money, times, contracts and products look in the trader's language."""

from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_time, get_month_names, get_timezone_location
from babel.numbers import format_decimal, format_percent

LOCALES = {"en": "en_US", "es": "es_AR", "pt": "pt_BR"}
CENT = Decimal("0.01")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def locale_of(language: str) -> str:
    """The language's own locale, unless it comes with its country: "es_MX"."""
    return LOCALES.get(language, language)


def quantity(value: Decimal | int, language: str) -> str:
    """1500 as 1,500 or 1.500."""
    return format_decimal(value, format="#,##0.######", locale=locale_of(language))


def price(value: Decimal, language: str, tick_size: Decimal | None = None) -> str:
    """With the decimals of the tick and at least two, as in 150.00, and never fewer than it has: 150.005."""
    places = max(_places(tick_size or CENT), _places(value), 2)
    return format_decimal(value, format="#,##0." + "0" * places, locale=locale_of(language))


def _places(value: Decimal) -> int:
    """How many decimals the value has, trailing zeros aside."""
    return -int(value.normalize().as_tuple().exponent)


def money(value: Decimal, language: str) -> str:
    return format_decimal(value, format="#,##0.00", locale=locale_of(language))


def percent(value: Decimal, language: str) -> str:
    """0.001 as 0.1%."""
    return format_percent(value, format="#,##0.##%", locale=locale_of(language))


def signed_percent(value: Decimal, language: str) -> str:
    """-0.001 as -0.1%."""
    return format_percent(value, format="+#,##0.##%;-#,##0.##%", locale=locale_of(language))


def signed_money(value: Decimal, language: str) -> str:
    """With its sign, but for zero."""
    return format_decimal(value, format="+#,##0.00;-#,##0.00" if value else "0.00", locale=locale_of(language))


def contract(code: str, language: str) -> str:
    """Dec25 as Dec25, Dic25 or Dez25."""
    name = get_month_names("abbreviated", context="stand-alone", locale=locale_of(language))[MONTHS.index(code[:3]) + 1]
    return name.rstrip(".")[:3].capitalize() + code[3:]


def moment(value: datetime, language: str) -> str:
    """A time by the clock that it is given in, which is named: 7 Nov 15:00 (Mexico City), 7 Nov 21:00 UTC."""
    shown = format_datetime(value, format="d MMM HH:mm", locale=locale_of(language), tzinfo=value.tzinfo)
    if not isinstance(value.tzinfo, ZoneInfo) or value.tzinfo.key == "UTC":
        return shown + " UTC"
    return f"{shown} ({zone_name(value.tzinfo, language)})"


def clock(value: time, language: str) -> str:
    """A time of day on the clock that traders read: 18:00."""
    return format_time(value, format="HH:mm", locale=locale_of(language))


def zone_name(zone: ZoneInfo, language: str) -> str:
    """The city whose clock it is: Mexico City, Ciudad de México; or UTC."""
    if zone.key == "UTC":
        return "UTC"
    return get_timezone_location(zone, locale=locale_of(language), return_city=True)
