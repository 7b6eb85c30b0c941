"""Internet addresses that are shut out for a while, and letting them in again."""

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bot.languages import translations
from bot.security_events import SecurityEvent
from web import staff_access
from web.pages import language

addresses = Blueprint("addresses", __name__)


@addresses.get("/addresses")
def show() -> str:
    return render_template("support/addresses.html", blocked=current_app.extensions["limits"].blocked())


@addresses.post("/addresses/unblock")
def unblock() -> Response:
    address = request.form.get("address", "")
    with current_app.extensions["sessions"].begin() as session:
        staff_access.audit(session, SecurityEvent.ADDRESS_UNBLOCKED, address=address)
    current_app.extensions["limits"].unblock(address)
    flash(translations(language()).gettext("%(address)s is let in again.") % {"address": address})
    return redirect(url_for("support.addresses.show"))
