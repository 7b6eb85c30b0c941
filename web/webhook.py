"""Twilio's requests: what traders sent, and how our replies fared. They are stored; workers do the thinking."""

import hmac

import structlog
from flask import Blueprint, Response, abort, current_app, request

from bot import inbox, outbox, queues, whatsapp
from bot.clock import utc_now
from bot.whatsapp import BadSignature

log = structlog.get_logger(__name__)

webhook = Blueprint("webhook", __name__, url_prefix="/webhook")

EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@webhook.post("/whatsapp")
def receive() -> Response:
    """Store the message in one transaction and leave the thinking to a worker."""
    check_signature()
    settings, redis = current_app.extensions["settings"], current_app.extensions["redis"]
    message = whatsapp.read_message(request.form)
    with current_app.extensions["sessions"].begin() as session:
        recorded = inbox.record(session, message, utc_now(), settings.default_language)
    if recorded is not None:
        log.info("message_received", message=recorded.inbox_id)
    if recorded is not None and message.media_url is not None:
        queues.wake(redis, queues.TRANSCRIBE, recorded.inbox_id)
    elif recorded is not None:
        queues.wake(redis, queues.HANDLE_MESSAGE, recorded.conversation_id)
    return Response(EMPTY_TWIML, mimetype="text/xml")


@webhook.get("/whatsapp")
def verify() -> Response:
    """Answer the challenge by which WhatsApp's platform checks whose address this is."""
    token = request.args.get("hub.verify_token", "")
    expected = current_app.extensions["settings"].whatsapp_verify_token
    if request.args.get("hub.mode") != "subscribe" or not hmac.compare_digest(token.encode(), expected.encode()):
        abort(403)
    return Response(request.args.get("hub.challenge", ""), mimetype="text/plain")


@webhook.post("/status")
def status() -> Response:
    """Keep how far a reply has got: sent, delivered, read, or not."""
    check_signature()
    outbox_id, attempt = request.args.get("outbox", type=int), request.args.get("attempt", 0, type=int)
    if outbox_id is None:
        abort(400)
    form, settings = request.form, current_app.extensions["settings"]
    message_sid, reached, error_code = form["MessageSid"], form["MessageStatus"], form.get("ErrorCode") or None
    with current_app.extensions["sessions"].begin() as session:
        outbox.record_status(session, settings, outbox_id, attempt, message_sid, reached, error_code, utc_now())
    return Response(status=204)


def check_signature() -> None:
    """Raises BadSignature unless Twilio signed this very address and form.

    What Twilio signed is never counted; whoever sends the rest is, and in the end shut out: RateLimited.
    """
    path = request.path
    if request.query_string:
        path += "?" + request.query_string.decode()
    try:
        whatsapp.check_signature(current_app.extensions["settings"], path, request.form, request.headers)
    except BadSignature:
        limits = current_app.extensions["limits"]
        limits.take(limits.policies.webhooks)
        limits.offence("bad_signature")
        raise
