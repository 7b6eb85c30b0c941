"""The content templates that WhatsApp wants for buttons and outside its 24-hour window.

`python -m bot.templates` makes at Twilio those that the settings lack, and prints the settings to keep.
"""

import sys

from bot.languages import LANGUAGES, translations
from bot.settings import Settings, SettingsError
from bot.whatsapp import Sender


def question_template(language: str) -> dict[str, object]:
    """A readback, {{1}}, with its buttons, whose payloads carry the question's nonce, {{2}}."""
    _ = translations(language).gettext
    buttons = {"confirm": _("Confirm"), "change": _("Change"), "cancel": _("Cancel")}
    actions = [{"type": "QUICK_REPLY", "title": title, "id": f"{verb}:{{{{2}}}}"} for verb, title in buttons.items()]
    return {
        "friendly_name": f"maibroker_question_{language}",
        "language": language,
        "variables": {"1": _("Buy 100 Wheat at 150.00"), "2": "nonce"},
        "types": {"twilio/quick-reply": {"body": "{{1}}", "actions": actions}},
    }


def notice_template(language: str) -> dict[str, object]:
    """News, {{1}}, to a trader who has not written for a day; WhatsApp has to approve its words."""
    _ = translations(language).gettext
    body = _("News of your orders: {{1}}") + "\n" + _("Reply to this message to go on.")
    return {
        "friendly_name": f"maibroker_notice_{language}",
        "language": language,
        "variables": {"1": _("Buy 100 Wheat at 150.00")},
        "types": {"twilio/text": {"body": body}},
    }


def make_missing(settings: Settings) -> dict[str, str]:
    """Make the templates that the settings lack; returns the settings that name them. Raises what Sender does."""
    sender, made = Sender(settings), {}
    for language in LANGUAGES:
        if language not in settings.twilio_question_templates:
            made[f"TWILIO_QUESTION_CONTENT_SID_{language.upper()}"] = sender.make_template(question_template(language))
        if language not in settings.twilio_notice_templates:
            sid = sender.make_template(notice_template(language))
            sender.ask_approval(sid, f"maibroker_notice_{language}")
            made[f"TWILIO_NOTICE_CONTENT_SID_{language.upper()}"] = sid
    return made


def main() -> None:
    try:
        settings = Settings.from_env()
    except SettingsError as problem:
        sys.exit(f"The templates cannot be made: {problem}.")
    for name, sid in make_missing(settings).items():
        print(f"{name}={sid}")


if __name__ == "__main__":
    main()
