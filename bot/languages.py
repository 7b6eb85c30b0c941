"""The three languages that we speak, and the sentences of each, read from `locales/`."""

from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LANGUAGES = ("en", "es", "pt")
LOCALES_DIR = Path(__file__).parent.parent / "locales"
DOMAIN = "messages"


def base(language: str) -> str:
    """The language without the country whose figures go with it: "es" of "es_MX"."""
    return language.partition("_")[0]


def translations(language: str) -> NullTranslations:
    """The sentences of a language, "es" or "es_MX"; English is the source and needs no file.

    Raises KeyError for another language.
    """
    return _sentences(base(language))


@cache
def _sentences(language: str) -> NullTranslations:
    if language not in LANGUAGES:
        raise KeyError(language)
    if language == "en":
        return NullTranslations()
    # Compiled as a process starts: a few milliseconds, and never a stale .mo file.
    compiled = BytesIO()
    with (LOCALES_DIR / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)
