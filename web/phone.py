"""The WhatsApp-like page of local runs, on which anyone can be any trader; what it sends takes the whole real path."""

import io
from dataclasses import asdict

import av
from flask import Blueprint, Response, abort, render_template, request, url_for

from web.phone_messages import OUTBOUND, PhoneMessage
from web.twilio_double import API_VERSION, E164, TwilioDouble, inbound

NUMBERS = tuple(f"+155501{digits:02d}" for digits in range(10))
MEDIA_BYTES_MAX = 16 * 1024 * 1024  # WhatsApp's own limit for audio.
SIMPLE_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


def phone_pages(double: TwilioDouble) -> Blueprint:
    """The page and the requests that it makes."""
    phone = Blueprint("phone", __name__, url_prefix="/phone")

    @phone.get("")
    def page() -> str:
        """One chat for each number in the address, side by side; two numbers where it names none.

        `text` is what the first of them is about to write, as in WhatsApp's own links.
        """
        shown = asked_numbers() or list(NUMBERS[:2])
        offered = [number for number in NUMBERS if number not in shown]
        return render_template("phone.html", numbers=shown, offered=offered, text=request.args.get("text", ""))

    @phone.get("/messages")
    def messages() -> dict[str, object]:
        """What is new or has changed on these numbers' phones after a version."""
        changed = double.messages.changed_since(asked_numbers(), request.args.get("after", 0, int))
        return {"messages": [shown_message(message) for message in changed]}

    @phone.post("/messages")
    def send() -> tuple[dict[str, object], int]:
        """Send what a trader typed, spoke or tapped."""
        asked = request.get_json()
        number, media = str(asked["number"]), None
        if not E164.fullmatch(number):
            abort(400)
        message = inbound(number, str(asked.get("body", "")), asked.get("replied_sid"), None)
        if asked.get("media_sid"):
            kept = double.messages.media(asked["media_sid"]) or abort(404)
            settings = double.settings
            address = f"{settings.twilio_api_url}/{API_VERSION}/Accounts/{settings.twilio_account_sid}/Messages"
            media = (f"{address}/{message.sid}/Media/{asked['media_sid']}", kept[1])
            message = PhoneMessage(**asdict(message) | {"media_url": media[0], "media_type": media[1]})
        double.receive(message, asked.get("button_payload"))
        sent = double.messages.find(message.sid)
        assert sent is not None
        return shown_message(sent), 201

    @phone.post("/media")
    def upload() -> tuple[dict[str, str], int]:
        """Keep a file that the next message carries. Another site's page cannot send these types unasked."""
        request.max_content_length = MEDIA_BYTES_MAX
        content_type = request.content_type or "application/octet-stream"
        if content_type.partition(";")[0].strip() in SIMPLE_TYPES:
            abort(415)
        content = request.get_data()
        if content_type.startswith("audio/webm"):
            content, content_type = whatsapp_voice_note(content), "audio/ogg"
        return {"sid": double.messages.keep_media(content, content_type)}, 201

    @phone.get("/media/<sid>")
    def media(sid: str) -> Response:
        kept = double.messages.media(sid) or abort(404)
        return Response(kept[0], mimetype=kept[1])

    @phone.post("/read")
    def read() -> tuple[str, int]:
        """The trader has seen these messages."""
        for sid in request.get_json()["sids"]:
            message = double.messages.find(sid)
            if message is not None and message.direction == OUTBOUND:
                double.advance(message, "read")
        return "", 204

    @phone.get("/faults")
    def faults() -> dict[str, int]:
        """How often each fault of Twilio strikes, in percent, and the seed."""
        return double.faults.switched_on()

    @phone.put("/faults")
    def switch_faults() -> dict[str, int]:
        """Switch the faults that are named to that many percent."""
        try:
            for name, percent in request.get_json().items():
                double.faults.switch(name, int(percent))
        except ValueError:
            abort(400)
        return double.faults.switched_on()

    return phone


def asked_numbers() -> list[str]:
    """The well-formed numbers of the address, in its order; a plus sign that came as a space is meant."""
    listed = ",".join(request.args.getlist("numbers")).split(",")
    numbers = ["+" + number.strip().removeprefix("+") for number in listed]
    return list(dict.fromkeys(number for number in numbers if E164.fullmatch(number)))


def shown_message(message: PhoneMessage) -> dict[str, object]:
    """A message as the page's script takes it."""
    media_url = message.media_url
    if media_url:
        media_url = url_for("phone.media", sid=media_url.rpartition("/")[2])
    return asdict(message) | {"media_url": media_url}


def whatsapp_voice_note(recording: bytes) -> bytes:
    """A browser's WebM recording as the Ogg that WhatsApp makes of it: the same Opus packets in another container."""
    ogg = io.BytesIO()
    with av.open(io.BytesIO(recording)) as source, av.open(ogg, "w", format="ogg") as target:
        spoken = source.streams.audio[0]
        stream = target.add_stream_from_template(spoken)
        for packet in source.demux(spoken):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return ogg.getvalue()
