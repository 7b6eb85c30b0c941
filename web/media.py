"""The files that replies carry, for whoever was given their address: Twilio fetches them there."""

from flask import Blueprint, Response, abort, current_app

from bot import attachments
from bot.clock import utc_now

media = Blueprint("media", __name__, url_prefix="/media")


@media.get("/<token>.<extension>")
def file(token: str, extension: str) -> Response:
    """A file while it is kept. Nobody guesses its token, and no store on the way is to keep what it shows."""
    with current_app.extensions["reads"]() as session:
        found = attachments.find(session, token, extension, utc_now()) or abort(404)
    return Response(found.content, mimetype=found.content_type, headers={"Cache-Control": "no-store"})
