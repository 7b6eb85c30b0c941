"""The pages' languages, and the front page: the trading terminal, and which number to text."""

from urllib.parse import urlencode

from babel.numbers import format_percent
from flask import Blueprint, Flask, current_app, g, render_template, request

from bot import figures
from bot.languages import LANGUAGES, translations
from engine.candles import Interval
from engine.money import COMMISSION_RATE
from web.sentences import lifetimes, sentences

LANGUAGE_NAMES = {"en": "English", "es": "Español", "pt": "Português"}

pages = Blueprint("pages", __name__)


def register(app: Flask) -> None:
    """Give the application its pages and the languages that they are in."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(
        lambda message: translations(language()).gettext(message),
        lambda one, many, count: translations(language()).ngettext(one, many, count),
        newstyle=True,
    )
    app.jinja_env.globals.update(language=language, language_names=LANGUAGE_NAMES, same_page_in=same_page_in)
    app.register_blueprint(pages)


def language() -> str:
    """The reader's language: that of the address, else what staff chose, else the browser's first that we speak."""
    asked = request.args.get("lang") or g.get("staff_language")
    if asked in LANGUAGES:
        return asked
    spoken = request.accept_languages.best_match(LANGUAGES)
    return spoken or current_app.extensions["settings"].default_language


def same_page_in(code: str) -> str:
    """This page's address in another language."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    return "?" + urlencode([*kept, ("lang", code)])


@pages.get("/")
def front() -> str:
    """The trading terminal; all that it shows of the market and of an account its scripts get from the public API."""
    spoken, settings = language(), current_app.extensions["settings"]
    number = settings.twilio_whatsapp_number.removeprefix("whatsapp:")
    return render_template(
        "terminal.html",
        number=number,
        chat_url=settings.chat_url or f"https://wa.me/{number.removeprefix('+')}",
        sentences=sentences(spoken),
        lifetimes=lifetimes(spoken),
        intervals=[interval.value for interval in Interval],
        locale=figures.LOCALES[spoken].replace("_", "-"),
        commission_rate=COMMISSION_RATE,
        commission_percent=format_percent(COMMISSION_RATE, "0.### %", figures.LOCALES[spoken]),
    )
