"""The way to a person of our staff, as a trader asks for it in chat."""

from bot import person_requests
from bot.asker import Asker
from nlp.reading import Reading


def person(asker: Asker, reading: Reading) -> str:
    """Shows the chat to our staff as one that waits for them, and says what follows: nobody promised a time."""
    _ = asker.catalog.gettext
    before = person_requests.ask(asker.session, asker.conversation["id"], asker.now)
    if before is None:
        told = _("I have told our support that you want a person. They can answer you here; I cannot say when.")
    else:
        told = _("Our support has known since %(time)s that you want a person. Nobody has answered yet.") % {
            "time": asker.moment(before)
        }
    return "\n".join([told, _("Until then I take your orders as usual, and those that you have keep working.")])
