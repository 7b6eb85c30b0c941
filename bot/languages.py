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


@cache
def translations(language: str) -> NullTranslations:
    """The sentences of one language; English is the source and needs no file. Raises KeyError for another language."""
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
