"""Checks that every sentence is there in every language: `python -m bot.locales_check`; with --update, adds new ones.

A message must be translated, still used, not fuzzy, and have the placeholders of its source.
"""

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from bot.languages import DOMAIN, LANGUAGES, LOCALES_DIR

PROJECT = Path(__file__).parent.parent
SOURCES = {"bot": [("**.py", "python")], "web": [("**.py", "python"), ("**/templates/**.html", "jinja2")]}


def source_messages() -> Catalog:
    """Every message in the code and the pages, in English."""
    catalog = Catalog(project="MaiBroker", charset="utf-8")
    for folder, methods in SOURCES.items():
        found = extract_from_dir(PROJECT / folder, methods, options_map={"**.html": {"newstyle_gettext": "true"}})
        for file_name, _line, message, comments, context in found:
            # Line numbers are left out, so that moving code changes no translation file.
            catalog.add(message, None, [(f"{folder}/{file_name}", None)], auto_comments=comments, context=context)
    return catalog


def problems(language: str, source: Catalog) -> list[str]:
    """What is wrong with one language's file."""
    with path_of(language).open("rb") as file:
        translated = read_po(file, locale=language)
    found = [
        f"{language}: not used: {message.id!r}" for message in translated if message.id and message.id not in source
    ]
    for message in source:
        if not message.id:
            continue
        ours = translated.get(message.id)
        texts = () if ours is None else ours.string if isinstance(ours.string, tuple) else (ours.string,)
        if ours is None or not texts or not all(texts):
            found.append(f"{language}: not translated: {message.id!r}")
            continue
        if ours.fuzzy:
            found.append(f"{language}: fuzzy: {message.id!r}")
        found += [f"{language}: {message.id!r}: {error}" for error in ours.check(translated)]
    return found


def update(language: str, source: Catalog) -> None:
    """Add what is new, drop what is gone; nothing is guessed."""
    path = path_of(language)
    translated = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as file:
            translated = read_po(file, locale=language)
    translated.update(source, no_fuzzy_matching=True)
    translated.obsolete.clear()
    written = BytesIO()
    write_po(
        written, translated, width=120, sort_output=True, no_location=False, include_lineno=False, omit_header=False
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.getvalue())


def path_of(language: str) -> Path:
    return LOCALES_DIR / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def main(arguments: list[str]) -> int:
    source = source_messages()
    languages = [language for language in LANGUAGES if language != "en"]
    if "--update" in arguments:
        for language in languages:
            update(language, source)
    found = [problem for language in languages for problem in problems(language, source)]
    print("\n".join(found) or f"{len(source)} messages, each in {', '.join(LANGUAGES)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
