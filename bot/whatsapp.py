"""Twilio's WhatsApp edge, and the only file that knows Twilio: signatures and forms in, messages out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from bot.settings import TWILIO_API_URL, Settings

SIGNATURE_HEADER = "X-Twilio-Signature"
REQUEST_SECONDS_MAX = 15
STATUS_PATH = "/webhook/status"
MEDIA_BYTES_MAX = 16 * 1024 * 1024
MEDIA_CHUNK_BYTES = 64 * 1024
MEDIA_SECONDS_MAX = 20
MEDIA_READ_SECONDS_MAX = 5
REDIRECTS_MAX = 3
# Where Twilio keeps media: https://www.twilio.com/docs/messaging/guides/accepted-mime-types and the redirects it sends.
MEDIA_HOSTS = ("twilio.com", "twiliocdn.com", "s3-external-1.amazonaws.com")
MEDIA_TYPES = frozenset(
    {
        "audio/ogg",
        "audio/opus",
        "audio/mpeg",
        "audio/mp3",
        "audio/mp4",
        "audio/aac",
        "audio/x-m4a",
        "audio/amr",
        "audio/wav",
        "audio/x-wav",
        "audio/webm",
        "application/ogg",
    }
)


class BadSignature(Exception):
    """The request does not come from Twilio."""


class SendRefused(Exception):
    """Twilio will not take this message, now or later; `code` is Twilio's own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Twilio refused the message with code {code}")
        self.code = code


class SendFailed(Exception):
    """Twilio did not take the message this time: busy, broken or out of reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """One WhatsApp message as Twilio delivers it; `number` is the sender's in E.164."""

    message_sid: str
    number: str
    body: str
    profile_name: str = ""
    media_url: str | None = None
    media_type: str | None = None
    button_payload: str | None = None
    replied_message_sid: str | None = None


def check_signature(settings: Settings, path: str, form: Mapping[str, object], headers: Mapping[str, str]) -> None:
    """Raises BadSignature unless one of our tokens signed this form for our configured public address.

    `path` carries the query string where there is one. Rule: Twilio's "Validating requests".
    """
    signature = headers.get(SIGNATURE_HEADER, "")
    url = settings.public_url + path
    if not any(RequestValidator(token).validate(url, form, signature) for token in settings.twilio_auth_tokens):
        raise BadSignature


def read_message(form: Mapping[str, str]) -> IncomingMessage:
    """The message in Twilio's form; raises KeyError where a field that Twilio always sends is absent."""
    return IncomingMessage(
        message_sid=form["MessageSid"],
        number=form["From"].removeprefix("whatsapp:"),
        body=form.get("Body", ""),
        profile_name=form.get("ProfileName", ""),
        media_url=form.get("MediaUrl0") or None,
        media_type=form.get("MediaContentType0") or None,
        button_payload=form.get("ButtonPayload") or None,
        replied_message_sid=form.get("OriginalRepliedMessageSid") or None,
    )


class MediaRefused(Exception):
    """The media can never be had, or not be taken: `reason` is too_large, wrong_type, wrong_host or gone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MediaUnavailable(Exception):
    """The media could not be fetched this time."""


def download(settings: Settings, url: str) -> bytes:
    """The bytes of a message's media, asked for with our credentials, which no redirect gets to see.

    Raises MediaRefused or MediaUnavailable. Twilio answers with a redirect to its media store.
    """
    auth: tuple[str, str] | None = (settings.twilio_account_sid, settings.twilio_auth_tokens[0])
    deadline = time.monotonic() + MEDIA_SECONDS_MAX
    try:
        for _ in range(REDIRECTS_MAX + 1):
            if not _is_media_host(settings, url):
                raise MediaRefused("wrong_host")
            with requests.get(
                url, auth=auth, stream=True, allow_redirects=False, timeout=MEDIA_READ_SECONDS_MAX
            ) as answer:
                if not answer.is_redirect:
                    return _body(answer, deadline)
                url, auth = urljoin(url, answer.headers["Location"]), None
    except requests.RequestException as problem:
        raise MediaUnavailable(type(problem).__name__) from problem
    raise MediaRefused("wrong_host")


def _is_media_host(settings: Settings, url: str) -> bool:
    parts, ours = urlsplit(url), urlsplit(settings.twilio_api_url)
    if (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc):
        return True
    host = parts.hostname or ""
    return parts.scheme == "https" and any(host == name or host.endswith("." + name) for name in MEDIA_HOSTS)


def _body(answer: requests.Response, deadline: float) -> bytes:
    if answer.status_code in (401, 403, 404, 410):
        raise MediaRefused("gone")
    if answer.status_code != 200:
        raise MediaUnavailable(f"status {answer.status_code}")
    if answer.headers.get("Content-Type", "").split(";")[0].strip().lower() not in MEDIA_TYPES:
        raise MediaRefused("wrong_type")
    body = bytearray()
    for chunk in answer.iter_content(MEDIA_CHUNK_BYTES):
        body += chunk
        if len(body) > MEDIA_BYTES_MAX:
            raise MediaRefused("too_large")
        if time.monotonic() > deadline:
            raise MediaUnavailable("too slow")
    return bytes(body)


class LocalHttpClient(TwilioHttpClient):
    """Sends what is meant for Twilio to another address that speaks its protocol."""

    def __init__(self, base_url: str, **options: object) -> None:
        super().__init__(**options)
        self.base_url = base_url

    def request(self, method: str, url: str, *args: object, **options: object):
        return super().request(method, url.replace(TWILIO_API_URL, self.base_url, 1), *args, **options)


class Sender:
    """Sends messages to one WhatsApp number after another through one pooled connection."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = Client(
            settings.twilio_account_sid,
            settings.twilio_auth_tokens[0],
            http_client=LocalHttpClient(settings.twilio_api_url, timeout=REQUEST_SECONDS_MAX),
        )

    def send(self, *, outbox_id: int, number: str, body: str) -> str:
        """Hands one message to Twilio and returns its SID; raises SendRefused or SendFailed."""
        try:
            message = self.client.messages.create(
                from_=self.settings.twilio_whatsapp_number,
                to=f"whatsapp:{number}",
                body=body,
                status_callback=f"{self.settings.public_url}{STATUS_PATH}?outbox={outbox_id}",
            )
        except TwilioRestException as problem:
            if problem.status == 429 or problem.status >= 500:
                raise SendFailed(f"status {problem.status}") from problem
            raise SendRefused(problem.code or problem.status) from problem
        except OSError as problem:  # What requests raises for a connection that fails or times out.
            raise SendFailed(type(problem).__name__) from problem
        assert message.sid is not None
        return message.sid

    def find_sent(self, *, number: str, body: str, after: datetime) -> str | None:
        """The SID of the message with this body that Twilio took after that time, if it did; raises SendFailed."""
        try:
            messages = self.client.messages.list(
                to=f"whatsapp:{number}", date_sent_after=after - timedelta(minutes=1), limit=50
            )
        except (TwilioRestException, OSError) as problem:
            raise SendFailed(type(problem).__name__) from problem
        return next((message.sid for message in messages if message.body == body), None)
