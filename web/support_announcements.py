"""Telling everyone something, each in their own language."""

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bot import announcements as announcing
from bot import queues
from bot.clock import utc_now
from bot.languages import LANGUAGES, translations
from bot.security_events import SecurityEvent
from bot.staff import Role
from web import staff_access
from web.pages import language
from web.staff_access import needs

SHOWN_MAX = 20

announcements = Blueprint("announcements", __name__)


@announcements.get("/announcements")
def show() -> str:
    with current_app.extensions["reads"]() as session:
        return render_template(
            "support/announcements.html",
            newest=announcing.newest(session, SHOWN_MAX),
            length_max=announcing.BODY_LENGTH_MAX,
        )


@announcements.post("/announcements")
@needs(Role.RISK)
def announce() -> Response:
    bodies = {code: request.form.get(f"body_{code}", "") for code in LANGUAGES}
    staff_id, key = staff_access.current().staff_id, staff_access.form_key()
    with current_app.extensions["sessions"].begin() as session:
        recipients = announcing.announce(session, staff_id, bodies, key, utc_now())
        staff_access.audit(session, SecurityEvent.ANNOUNCED, recipients=recipients)
    queues.wake(current_app.extensions["redis"], queues.DELIVER)
    sentence = translations(language()).ngettext(
        "%(count)s trader is being told.", "%(count)s traders are being told.", recipients
    )
    flash(sentence % {"count": recipients})
    return redirect(url_for("support.announcements.show"))
