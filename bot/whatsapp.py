"""Twilio's WhatsApp edge, and the only file that knows Twilio: signatures and forms in, messages out."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.content.v1.content import ContentList
from twilio.rest.content.v1.content.approval_create import ApprovalCreateList

from bot.settings import TWILIO_API_URL, Settings

T = TypeVar("T")

SIGNATURE_HEADER = "X-Twilio-Signature"
SERVICE_WINDOW = timedelta(hours=24)  # How long after a trader's message WhatsApp takes free text.
QUESTION_CHARACTERS_MAX = 1024  # WhatsApp's limit for a message with buttons.
NOTICE_CHARACTERS_MAX = 900  # So that a template has room for its own words.
FOUND_MAX = 200
CONTENT_API_URL = "https://content.twilio.com"
STATUS_PATH = "/webhook/status"
MEDIA_BYTES_MAX = 16 * 1024 * 1024
MEDIA_CHUNK_BYTES = 64 * 1024
MEDIA_SECONDS_MAX = 20
MEDIA_READ_SECONDS_MAX = 5
REQUESTS_MAX = 5  # A token that is being replaced, and redirects.
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
    """Twilio did not take the message this time: busy, broken or out of reach; without an answer it may have.

    One that is `under_way` had no answer in time, and may be taken yet.
    """

    def __init__(self, problem: str, *, may_be_sent: bool, under_way: bool = False) -> None:
        super().__init__(problem)
        self.may_be_sent, self.under_way = may_be_sent, under_way


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
    tokens = list(settings.twilio_auth_tokens)
    auth: tuple[str, str] | None = (settings.twilio_account_sid, tokens.pop(0))
    deadline = time.monotonic() + MEDIA_SECONDS_MAX
    try:
        for _ in range(REQUESTS_MAX):
            if not _is_media_host(settings, url):
                raise MediaRefused("wrong_host")
            with requests.get(
                url, auth=auth, stream=True, allow_redirects=False, timeout=MEDIA_READ_SECONDS_MAX
            ) as answer:
                if answer.status_code == 401 and auth is not None and tokens:
                    auth = (settings.twilio_account_sid, tokens.pop(0))
                    continue
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
        if self.base_url != TWILIO_API_URL:
            for address in (TWILIO_API_URL, CONTENT_API_URL):
                url = url.replace(address, self.base_url, 1)
        return super().request(method, url, *args, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One attempt to send a message; `number` in E.164, `button_nonce` that of the question it asks, if it asks one."""

    outbox_id: int
    attempt: int
    number: str
    body: str
    language: str
    button_nonce: str | None = None
    window_is_open: bool = True
    media_url: str | None = None


class Sender:
    """Sends messages from one WhatsApp number through pooled connections; any number of threads may use it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        http_client = LocalHttpClient(settings.twilio_api_url, timeout=settings.twilio_seconds_max)
        self.clients = [
            Client(settings.twilio_account_sid, token, http_client=http_client) for token in settings.twilio_auth_tokens
        ]

    def send(self, outgoing: Outgoing) -> str:
        """Hands one message to Twilio and returns its SID; raises SendRefused or SendFailed."""
        callback = f"{STATUS_PATH}?outbox={outgoing.outbox_id}&attempt={outgoing.attempt}"
        message = self._ask(
            lambda client: client.messages.create(
                from_=self.settings.twilio_whatsapp_number,
                to=f"whatsapp:{outgoing.number}",
                status_callback=self.settings.public_url + callback,
                **self._content(outgoing),
            )
        )
        assert message.sid is not None
        return message.sid

    def _content(self, outgoing: Outgoing) -> dict[str, object]:
        """As an approved template outside the 24-hour window, with buttons where a template has them, or plain."""
        settings, body = self.settings, outgoing.body
        notice_sid = settings.twilio_notice_templates.get(outgoing.language)
        if notice_sid is not None and not outgoing.window_is_open:
            return {
                "content_sid": notice_sid,
                "content_variables": json.dumps({"1": one_line(body)}, ensure_ascii=False),
            }
        question_sid = settings.twilio_question_templates.get(outgoing.language)
        if outgoing.media_url is not None:
            return {"body": body, "media_url": [outgoing.media_url]}
        if question_sid is None or outgoing.button_nonce is None or len(body) > QUESTION_CHARACTERS_MAX:
            return {"body": body}
        return content(question_sid, {"1": body, "2": outgoing.button_nonce})

    def find_sent(self, outgoing: Outgoing, after: datetime, known_sids: frozenset[str]) -> str | None:
        """The SID of this very message where Twilio took it after that time and has not failed; raises SendFailed.

        Those known to be other messages are passed over: they may say the same.
        """
        found = self._ask(
            lambda client: client.messages.list(
                to=f"whatsapp:{outgoing.number}", date_sent_after=after - timedelta(minutes=1), limit=FOUND_MAX
            )
        )
        for message in found:
            said = message.body or ""
            is_it = said == outgoing.body if outgoing.window_is_open else one_line(outgoing.body) in said
            if is_it and message.sid not in known_sids and message.status not in ("failed", "undelivered"):
                return message.sid
        return None

    def status_of(self, message_sid: str) -> tuple[str, str | None]:
        """How far a message has got, and its error code; raises SendRefused or SendFailed."""
        message = self._ask(lambda client: client.messages(message_sid).fetch())
        return str(message.status), None if message.error_code is None else str(message.error_code)

    def make_template(self, template: dict[str, object]) -> str:
        """Makes a content template at Twilio and returns its SID; raises SendRefused or SendFailed."""
        made = self._ask(lambda client: client.content.v1.contents.create(ContentList.ContentCreateRequest(template)))
        assert made.sid is not None
        return made.sid

    def ask_approval(self, template_sid: str, name: str) -> None:
        """Hands a template to WhatsApp for approval; raises SendRefused or SendFailed."""
        asked = ApprovalCreateList.ContentApprovalRequest({"name": name, "category": "UTILITY"})
        self._ask(lambda client: client.content.v1.contents(template_sid).approval_create.create(asked))

    def _ask(self, request: Callable[[Client], T]) -> T:
        """What Twilio answers to the token in use, or to the one that it replaces while Twilio knows only that."""
        for client in self.clients:
            try:
                return request(client)
            except TwilioRestException as problem:
                if problem.status == 401:
                    continue
                if problem.status == 429 or problem.status >= 500:
                    raise SendFailed(f"status {problem.status}", may_be_sent=problem.status >= 500) from problem
                raise SendRefused(problem.code or problem.status) from problem
            except OSError as problem:  # What requests raises for a connection that fails or times out.
                under_way = isinstance(problem, requests.ReadTimeout)
                raise SendFailed(type(problem).__name__, may_be_sent=True, under_way=under_way) from problem
        # Our own settings are wrong, which is no reason to drop what we owe a trader.
        raise SendFailed("status 401", may_be_sent=False)


def content(sid: str, variables: dict[str, str]) -> dict[str, object]:
    return {"content_sid": sid, "content_variables": json.dumps(variables, ensure_ascii=False)}


def one_line(text: str) -> str:
    """As a template's variable must be: without line ends."""
    return " · ".join(line.strip() for line in text.splitlines() if line.strip())
