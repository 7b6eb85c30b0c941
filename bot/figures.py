"""How numbers, money, times, contracts and products look in the trader's language."""

from datetime import datetime
from decimal import Decimal

from babel.dates import format_datetime, get_month_names
from babel.numbers import format_decimal

LOCALES = {"en": "en_US", "es": "es_AR", "pt": "pt_BR"}
CENT = Decimal("0.01")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def quantity(value: Decimal | int, language: str) -> str:
    """1500 as 1,500 or 1.500."""
    return format_decimal(value, format="#,##0.######", locale=LOCALES[language])


def price(value: Decimal, language: str, tick_size: Decimal | None = None) -> str:
    """With the decimals of the tick and at least two, as in 150.00, and never fewer than it has: 150.005."""
    places = max(_places(tick_size or CENT), _places(value), 2)
    return format_decimal(value, format="#,##0." + "0" * places, locale=LOCALES[language])


def _places(value: Decimal) -> int:
    """How many decimals the value has, trailing zeros aside."""
    return -int(value.normalize().as_tuple().exponent)


def money(value: Decimal, language: str) -> str:
    return format_decimal(value, format="#,##0.00", locale=LOCALES[language])


def signed_money(value: Decimal, language: str) -> str:
    """With its sign, but for zero."""
    return format_decimal(value, format="+#,##0.00;-#,##0.00" if value else "0.00", locale=LOCALES[language])


def contract(code: str, language: str) -> str:
    """Dec25 as Dec25, Dic25 or Dez25."""
    name = get_month_names("abbreviated", context="stand-alone", locale=LOCALES[language])[MONTHS.index(code[:3]) + 1]
    return name.rstrip(".")[:3].capitalize() + code[3:]


def moment(value: datetime, language: str) -> str:
    """A time in UTC, as short as it can be read."""
    return format_datetime(value, format="d MMM HH:mm", locale=LOCALES[language]) + " UTC"
