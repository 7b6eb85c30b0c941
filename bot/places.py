"""Where a number is from: the time zone of its clock, what is spoken there, and how figures are written."""

from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from babel.languages import get_official_languages
from babel.localedata import exists
from phonenumbers import timezone

from bot.languages import LANGUAGES

# A number tells its zone in most countries; where it does not, this is where most of the country lives.
MAIN_ZONES = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CL": "America/Santiago",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "GB": "Europe/London",
    "MX": "America/Mexico_City",
    "PT": "Europe/Lisbon",
    "US": "America/New_York",
}
UTC = ZoneInfo("UTC")
NUMBERS_REMEMBERED = 20_000


@lru_cache(maxsize=NUMBERS_REMEMBERED)
def zone_of(number: str) -> ZoneInfo:
    """The zone of a number in E.164; UTC where the number is of no country that we can tell."""
    region, zones = _found(number)
    if region in MAIN_ZONES and MAIN_ZONES[region] in zones:
        return ZoneInfo(MAIN_ZONES[region])
    if len(zones) == 1 and zones[0] != timezone.UNKNOWN_TIMEZONE:
        return ZoneInfo(zones[0])
    return ZoneInfo(MAIN_ZONES[region]) if region in MAIN_ZONES else UTC


@lru_cache(maxsize=NUMBERS_REMEMBERED)
def locale_of(language: str, number: str) -> str:
    """The language as it is written in the number's country, "es_MX"; the language alone where none is known."""
    region, _zones = _found(number)
    locale = f"{language}_{region}"
    return locale if region is not None and exists(locale) else language


@lru_cache(maxsize=NUMBERS_REMEMBERED)
def language_of(number: str) -> str | None:
    """The language of ours that the number's country speaks first; None where it speaks another, or is not known."""
    region, _zones = _found(number)
    spoken = () if region is None else get_official_languages(region, de_facto=True)
    return next((language for language in spoken if language in LANGUAGES), None)


def _found(number: str) -> tuple[str | None, tuple[str, ...]]:
    """The country and the zones that a number may be from; nothing of one whose country code nobody has."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None, ()
    return phonenumbers.region_code_for_number(parsed), timezone.time_zones_for_number(parsed)
