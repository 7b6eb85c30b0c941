"""Looking things up, and one message's whole way on one page: why did it do that?"""

import sqlalchemy as sa
from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from bot import bad_readings, lookup, message_trace, queues, retries
from bot.clock import utc_now
from bot.languages import translations
from bot.security_events import SecurityEvent
from bot.tables import inbox, recordings
from engine import queries
from web import staff_access
from web.pages import language

messages = Blueprint("messages", __name__)


@messages.get("/search")
def search() -> str:
    """Chats, people, orders and messages that the words may mean."""
    asked = request.args.get("q", "")
    with current_app.extensions["reads"]() as session:
        listed = {found.instrument_id: found for found in queries.listed_instruments(session)}
        return render_template(
            "support/search.html", asked=asked, found=lookup.search(session, asked), instruments=listed
        )


@messages.get("/messages/<int:inbox_id>")
def show(inbox_id: int) -> str:
    """The story that the message is part of, from its arrival to the deliveries."""
    with current_app.extensions["reads"]() as session:
        return render_template(
            "support/message.html",
            inbox_id=inbox_id,
            trace=message_trace.trace(session, inbox_id),
            label=bad_readings.of_message(session, inbox_id),
            intents=bad_readings.INTENTS,
            slots=bad_readings.SLOTS,
            instruments={found.instrument_id: found for found in queries.listed_instruments(session)},
        )


@messages.post("/messages/<int:inbox_id>/retry")
def retry(inbox_id: int) -> AnyResponse:
    """Have a message that waits or was given up handled again."""
    redis = current_app.extensions["redis"]
    with current_app.extensions["sessions"].begin() as session:
        message = retries.retry_message(session, inbox_id, utc_now())
        staff_access.audit(session, SecurityEvent.MESSAGE_RETRIED, inbox_id=inbox_id)
    if message["media_url"] is not None and message["transcript"] is None:
        queues.wake(redis, queues.TRANSCRIBE, inbox_id)
    else:
        queues.wake(redis, queues.HANDLE_MESSAGE, message["conversation_id"])
    _ = translations(language()).gettext
    flash(_("The message is being handled again. Whatever it asks for, its sender is asked first."))
    return redirect(url_for("support.messages.show", inbox_id=inbox_id))


@messages.post("/messages/<int:inbox_id>/label")
def mark(inbox_id: int) -> AnyResponse:
    """Keep what a badly read message should have been understood as."""
    expect = {name: request.form.get(name, "").strip() for name in ("intent", *bad_readings.SLOTS)}
    with current_app.extensions["sessions"].begin() as session:
        bad_readings.mark(session, inbox_id, staff_access.current().staff_id, expect, utc_now())
        staff_access.audit(session, SecurityEvent.READING_MARKED, inbox_id=inbox_id)
    flash(translations(language()).gettext("Marked as a bad reading."))
    return redirect(url_for("support.messages.show", inbox_id=inbox_id))


@messages.get("/messages/<int:inbox_id>/recording")
def recording(inbox_id: int) -> Response:
    """The voice note itself, while it is kept; who listens is kept in the audit."""
    with current_app.extensions["sessions"].begin() as session:
        kept = session.execute(
            sa.select(recordings.c.audio, inbox.c.media_type)
            .join(inbox, inbox.c.id == recordings.c.inbox_id)
            .where(recordings.c.inbox_id == inbox_id)
        ).one_or_none()
        if kept is None:
            abort(404)
        staff_access.audit(session, SecurityEvent.RECORDING_HEARD, inbox_id=inbox_id)
    media_type = kept.media_type if (kept.media_type or "").startswith("audio/") else "application/octet-stream"
    return Response(kept.audio, mimetype=media_type, headers={"Cache-Control": "no-store"})
