"""One number's chat, read and, once it is taken over from the bot, answered."""

import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bot import person_requests, queues, stops, takeover
from bot.clock import utc_now
from bot.languages import translations
from bot.outbox import State
from bot.security_events import SecurityEvent
from bot.staff import Role
from bot.tables import conversations, inbox, outbox, staff
from engine.tables import traders
from web import staff_access
from web.pages import language
from web.staff_access import needs, polling

LINES_MAX = 100

chats = Blueprint("chats", __name__)


@chats.get("/chats/<int:conversation_id>")
def show(conversation_id: int) -> str:
    with current_app.extensions["reads"]() as session:
        chat = takeover.find(session, conversation_id)
        owner = session.execute(sa.select(staff.c.username).where(staff.c.id == chat["taken_over_by"])).scalar()
        name = session.execute(
            sa.select(traders.c.display_name)
            .join(conversations, conversations.c.trader_id == traders.c.id)
            .where(conversations.c.id == conversation_id)
        ).scalar()
    return render_template("support/chat.html", chat=chat, owner=owner, name=name, length_max=takeover.TEXT_LENGTH_MAX)


@chats.get("/chats/<int:conversation_id>/lines")
@polling
def lines(conversation_id: int) -> str:
    """What was said, the newest first; a frame that loads itself again, so that nothing typed beside it is lost."""
    with current_app.extensions["reads"]() as session:
        received = session.execute(
            sa.select(inbox)
            .where(inbox.c.conversation_id == conversation_id)
            .order_by(inbox.c.id.desc())
            .limit(LINES_MAX)
        )
        said = session.execute(
            sa.select(outbox)
            .where(outbox.c.conversation_id == conversation_id, outbox.c.state != State.GROUPED)
            .order_by(outbox.c.id.desc())
            .limit(LINES_MAX)
        )
        lines = [("received", row["received_at"], row) for row in received.mappings()]
        lines += [("said", row["created_at"], row) for row in said.mappings()]
    newest = sorted(lines, key=lambda line: line[1], reverse=True)[:LINES_MAX]
    return render_template("support/chat_lines.html", lines=newest)


@chats.post("/chats/<int:conversation_id>/take-over")
def take_over(conversation_id: int) -> Response:
    with current_app.extensions["sessions"].begin() as session:
        event_id = staff_access.audit(session, SecurityEvent.CHAT_TAKEN_OVER, conversation_id=conversation_id)
        takeover.take_over(session, conversation_id, staff_access.current().staff_id, event_id, utc_now())
    return _back(conversation_id, translations(language()).gettext("The chat is yours; the bot keeps still."))


@chats.post("/chats/<int:conversation_id>/write")
def write(conversation_id: int) -> Response:
    text, staff_id = request.form.get("text", ""), staff_access.current().staff_id
    with current_app.extensions["sessions"].begin() as session:
        takeover.write(session, conversation_id, staff_id, text, staff_access.form_key(), utc_now())
        staff_access.audit(session, SecurityEvent.CHAT_WRITTEN, conversation_id=conversation_id)
    return _back(conversation_id, translations(language()).gettext("Sent."))


@chats.post("/chats/<int:conversation_id>/hand-back")
def hand_back(conversation_id: int) -> Response:
    with current_app.extensions["sessions"].begin() as session:
        event_id = staff_access.audit(session, SecurityEvent.CHAT_HANDED_BACK, conversation_id=conversation_id)
        takeover.hand_back(session, conversation_id, event_id, utc_now())
    return _back(conversation_id, translations(language()).gettext("The bot answers this chat again."))


@chats.post("/chats/<int:conversation_id>/close-request")
def close_request(conversation_id: int) -> Response:
    """The trader needs no person any more, or was helped otherwise."""
    with current_app.extensions["sessions"].begin() as session:
        takeover.find(session, conversation_id)
        if person_requests.close(session, conversation_id, utc_now()):
            staff_access.audit(session, SecurityEvent.PERSON_REQUEST_CLOSED, conversation_id=conversation_id)
    return _back(conversation_id, translations(language()).gettext("The request is closed, and the trader is told."))


@chats.post("/chats/<int:conversation_id>/lift-stop")
@needs(Role.RISK)
def lift_stop(conversation_id: int) -> Response:
    """Open chat trading again for a trader who asked us to: whoever has no account on the web cannot."""
    with current_app.extensions["sessions"].begin() as session:
        takeover.find(session, conversation_id)
        if stops.lift(session, conversation_id, utc_now()):
            staff_access.audit(session, SecurityEvent.FREEZE_LIFTED, conversation_id=conversation_id)
    return _back(conversation_id, translations(language()).gettext("The trader may trade by chat again, and is told."))


def _back(conversation_id: int, sentence: str) -> Response:
    queues.wake(current_app.extensions["redis"], queues.DELIVER)
    flash(sentence)
    return redirect(url_for("support.chats.show", conversation_id=conversation_id))
