"""Who works here; an admin shuts an account. They are made by a command: `python -m bot.staff`."""

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from bot import staff as accounts
from bot.clock import utc_now
from bot.languages import translations
from bot.staff import Role
from web import staff_access
from web.pages import language
from web.staff_access import needs

staff = Blueprint("staff", __name__)


@staff.get("/staff")
@needs(Role.ADMIN)
def show() -> str:
    with current_app.extensions["reads"]() as session:
        return render_template("support/staff.html", everyone=accounts.everyone(session))


@staff.post("/staff/<username>/disable")
@needs(Role.ADMIN)
def disable(username: str) -> Response:
    """Shut an account at once, wherever it is signed in."""
    with current_app.extensions["sessions"].begin() as session:
        accounts.disable(session, username, utc_now(), by=staff_access.current().staff_id)
    flash(translations(language()).gettext("The account is shut."))
    return redirect(url_for("support.staff.show"))
