"""What did not come through: messages that wait or were given up, commands that broke, replies that failed."""

from datetime import timedelta

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from bot import queues, retries
from bot.clock import utc_now
from bot.languages import translations
from bot.security_events import SecurityEvent
from web import staff_access
from web.pages import language

STUCK_AFTER = timedelta(seconds=30)

troubles = Blueprint("troubles", __name__)


@troubles.get("/troubles")
def show() -> str:
    with current_app.extensions["reads"]() as session:
        return render_template(
            "support/troubles.html",
            waiting=retries.waiting_messages(session, utc_now() - STUCK_AFTER),
            given_up=retries.given_up_messages(session),
            undelivered=retries.undelivered_replies(session),
            held=retries.held_replies(session, utc_now() - STUCK_AFTER),
            malfunctions=retries.newest_malfunctions(session),
        )


@troubles.post("/replies/<int:outbox_id>/send-again")
def send_again(outbox_id: int) -> Response:
    """One more attempt for a reply that failed."""
    with current_app.extensions["sessions"].begin() as session:
        retries.send_again(session, outbox_id, utc_now())
        staff_access.audit(session, SecurityEvent.REPLY_SENT_AGAIN, outbox_id=outbox_id)
    queues.wake(current_app.extensions["redis"], queues.DELIVER)
    flash(translations(language()).gettext("The reply is being sent again."))
    return redirect(url_for("support.troubles.show"))
