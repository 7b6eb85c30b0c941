"""The local double of Twilio: takes messages as its REST API does, and calls the application back, signed."""

import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from threading import Thread, Timer
from urllib.parse import urlsplit

import requests
from flask import Blueprint, Response, redirect, request, url_for
from twilio.request_validator import RequestValidator

from bot.clock import utc_now
from bot.settings import Settings
from web.phone_messages import INBOUND, OUTBOUND, PhoneMessage, PhoneMessages, new_sid
from web.twilio_faults import Fault, Faults

API_VERSION = "2010-04-01"
WEBHOOK_PATH = "/webhook/whatsapp"
BODY_CHARACTERS_MAX = 1600
REQUEST_SECONDS_MAX = 15
SERVICE_WINDOW = timedelta(hours=24)
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MESSAGES_PATH = f"/{API_VERSION}/Accounts/<account_sid>/Messages"
# Twilio's own codes and words: https://www.twilio.com/docs/api/errors
REFUSALS = {
    20003: (401, "Authenticate"),
    20429: (429, "Too Many Requests"),
    20503: (503, "Service Unavailable"),
    20404: (404, "The requested resource was not found"),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21211: (400, "Invalid 'To' Phone Number"),
    21609: (400, "The 'StatusCallback' URL is not a valid URL."),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21619: (400, "A text message body or media urls must be specified."),
    21656: (400, "The ContentVariables parameter is invalid."),
    63007: (400, "Twilio could not find a Channel with the specified From address"),
}
OUTSIDE_WINDOW, CHANNEL_BUSY, MEDIA_NOT_FETCHED = 63016, 63018, 63019
# What WhatsApp takes: https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages
MEDIA_TYPES = frozenset({"image/png", "image/jpeg", "application/pdf"})
# WhatsApp's limits for a message with quick replies: https://www.twilio.com/docs/content/twilio-quick-reply
QUICK_REPLY_BODY_CHARACTERS_MAX = 1024
BUTTONS_MAX = 10
BUTTON_TITLE_CHARACTERS_MAX = 20
BUTTON_ID_CHARACTERS_MAX = 200
LATE_SECONDS_MAX = 2  # How late a webhook or a callback is that a fault holds back.


class Refused(Exception):
    """What Twilio's API answers to a request that it does not take; `code` is Twilio's."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class TwilioDouble:
    """Both directions of one WhatsApp number: `receive` from a trader's phone, `send` to it."""

    def __init__(self, settings: Settings, messages: PhoneMessages) -> None:
        self.settings = settings
        self.messages = messages
        self.faults = Faults(messages.engine)
        self.validator = RequestValidator(settings.twilio_auth_tokens[0])
        self.session = requests.Session()
        self.session.trust_env = False  # Looking for a proxy takes longer than the request.

    def receive(self, message: PhoneMessage, button_payload: str | None) -> None:
        """Keep what a trader sent and post it to the application as Twilio does; it shows as failed if not taken."""
        self.messages.add(message)
        case = f"{message.number} {message.body}"
        if self.faults.strikes(Fault.REORDERED_WEBHOOKS, case):
            seconds = LATE_SECONDS_MAX * self.faults.chance(Fault.REORDERED_WEBHOOKS, "seconds " + case)
            self._later(seconds, self._post_message, message, button_payload)
        else:
            self._post_message(message, button_payload)
        if self.faults.strikes(Fault.DUPLICATE_WEBHOOKS, case):
            seconds = LATE_SECONDS_MAX * self.faults.chance(Fault.DUPLICATE_WEBHOOKS, "seconds " + case)
            self._later(seconds, self._post_message, message, button_payload)

    def _post_message(self, message: PhoneMessage, button_payload: str | None) -> None:
        taken = self._post(self.settings.public_url + WEBHOOK_PATH, self._webhook_form(message, button_payload))
        if taken:
            self.messages.set_status(message.sid, "delivered")
        else:
            self.messages.set_status(message.sid, "failed", 11200)  # Twilio's "HTTP retrieval failure".

    def _later(self, seconds: float, do: Callable[..., object], *arguments: object) -> None:
        timer = Timer(seconds, do, arguments)
        timer.daemon = True
        timer.start()

    def _webhook_form(self, message: PhoneMessage, button_payload: str | None) -> dict[str, str]:
        """The fields of Twilio's webhook: https://www.twilio.com/docs/messaging/guides/webhook-request"""
        form = {
            "MessageSid": message.sid,
            "SmsMessageSid": message.sid,
            "SmsSid": message.sid,
            "AccountSid": self.settings.twilio_account_sid,
            "ApiVersion": API_VERSION,
            "SmsStatus": "received",
            "MessageType": "text",
            "From": f"whatsapp:{message.number}",
            "To": self.settings.twilio_whatsapp_number,
            "WaId": message.number.removeprefix("+"),
            "ProfileName": f"Trader {message.number[-4:]}",
            "Body": message.body,
            "NumSegments": "1",
            "NumMedia": "0",
        }
        if message.media_url and message.media_type:
            form |= {
                "MessageType": message.media_type.partition("/")[0],
                "NumMedia": "1",
                "MediaUrl0": message.media_url,
                "MediaContentType0": message.media_type,
            }
        if button_payload is not None:
            form |= {"MessageType": "button", "ButtonText": message.body, "ButtonPayload": button_payload}
        if message.replied_sid is not None:
            form |= {
                "OriginalRepliedMessageSid": message.replied_sid,
                "OriginalRepliedMessageSender": self.settings.twilio_whatsapp_number,
            }
        return form

    def send(self, form: Mapping[str, str]) -> PhoneMessage:
        """Take a message for a trader's phone and deliver it in the background; raises Refused."""
        number = self._recipient(form)
        callback = form.get("StatusCallback") or None
        if callback is not None and not urlsplit(callback).netloc:
            raise Refused(21609)
        body, buttons = form.get("Body", ""), ()
        if form.get("ContentSid"):
            body, buttons = self._fill_template(form["ContentSid"], form.get("ContentVariables") or "{}")
        if not body and not form.get("MediaUrl"):
            raise Refused(21619)
        if len(body) > BODY_CHARACTERS_MAX:
            raise Refused(21617)
        case = callback or f"{number} {body}"
        self._refuse_by_fault(case)
        message = PhoneMessage(
            sid=new_sid("SM"),
            number=number,
            direction=OUTBOUND,
            body=body,
            status="queued",
            created_at=utc_now().isoformat(),
            buttons=buttons,
            callback_url=callback,
        )
        self.messages.add(message)
        # Twilio takes a message before it fetches what it carries.
        media_url = form.get("MediaUrl") or None
        Thread(target=self._deliver, args=(message, bool(form.get("ContentSid")), media_url, case)).start()
        if self.faults.strikes(Fault.LOST_ANSWERS, case):
            self._keep_waiting()
        return message

    def _fetch(self, message: PhoneMessage, url: str) -> bool:
        """Have the file as the phone will be shown it; says whether it was to be had."""
        try:
            answer = self.session.get(url, headers={"Connection": "close"}, timeout=REQUEST_SECONDS_MAX)
        except requests.RequestException:
            return False
        media_type = answer.headers.get("Content-Type", "").partition(";")[0]
        if not answer.ok or media_type not in MEDIA_TYPES:
            return False
        kept = f"{self.settings.twilio_api_url}/phone/media/{self.messages.keep_media(answer.content, media_type)}"
        self.messages.set_media(message.sid, kept, media_type)
        return True

    def _refuse_by_fault(self, case: str) -> None:
        if self.faults.strikes(Fault.LOST_REQUESTS, case):
            self._keep_waiting()
            raise Refused(20503)
        for fault, code in (
            (Fault.TOO_MANY_REQUESTS, 20429),
            (Fault.SERVER_ERRORS, 20503),
            (Fault.TOO_LONG, 21617),
        ):
            if self.faults.strikes(fault, case):
                raise Refused(code)

    def _keep_waiting(self) -> None:
        """Longer than the application has patience."""
        time.sleep(self.settings.twilio_seconds_max + 1)

    def _recipient(self, form: Mapping[str, str]) -> str:
        if not form.get("From"):
            raise Refused(21603)
        if form["From"] != self.settings.twilio_whatsapp_number:
            raise Refused(63007)
        if not form.get("To"):
            raise Refused(21604)
        number = form["To"].removeprefix("whatsapp:")
        if not form["To"].startswith("whatsapp:") or not E164.fullmatch(number):
            raise Refused(21211)
        return number

    def _fill_template(self, sid: str, variables_json: str) -> tuple[str, tuple[dict[str, str], ...]]:
        """A content template's body and quick replies with its {{1}}, {{2}} filled in."""
        content = self.messages.template(sid)
        if content is None:
            raise Refused(20404)
        try:
            variables = json.loads(variables_json)
        except ValueError as error:
            raise Refused(21656) from error

        def fill(text: str) -> str:
            return re.sub(r"\{\{(\w+)\}\}", lambda match: str(variables.get(match[1], "")), text)

        named = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(content["types"])))
        if (
            not isinstance(variables, dict)
            or not named <= variables.keys()
            or not all(isinstance(value, str) and value for value in variables.values())
        ):
            raise Refused(21656)
        kind = next(filled for filled in content["types"].values() if filled is not None)
        body = fill(kind["body"])
        buttons = [{"title": fill(action["title"]), "id": fill(action["id"])} for action in kind.get("actions", [])]
        if buttons and len(body) > QUICK_REPLY_BODY_CHARACTERS_MAX:
            raise Refused(21617)
        if len(buttons) > BUTTONS_MAX or any(
            len(button["title"]) > BUTTON_TITLE_CHARACTERS_MAX or len(button["id"]) > BUTTON_ID_CHARACTERS_MAX
            for button in buttons
        ):
            raise Refused(21656)
        return body, tuple(buttons)

    def _deliver(self, message: PhoneMessage, from_template: bool, media_url: str | None, case: str) -> None:
        # A number that never wrote through this page is one that a script writes for, as Twilio, on its own.
        last_inbound_at = self.messages.last_inbound_at(message.number)
        in_window = last_inbound_at is None or utc_now() - last_inbound_at < SERVICE_WINDOW
        if media_url is not None and not self._fetch(message, media_url):
            self.advance(message, "failed", MEDIA_NOT_FETCHED)
        elif self.faults.strikes(Fault.CHANNEL_BUSY, case):
            self.advance(message, "failed", CHANNEL_BUSY)
        elif self.faults.strikes(Fault.OUTSIDE_WINDOW, case):
            self.advance(message, "failed", OUTSIDE_WINDOW)
        elif in_window or from_template:
            self.advance(message, "sent")
            self.advance(message, "delivered")
        else:
            self.advance(message, "failed", OUTSIDE_WINDOW)

    def advance(self, message: PhoneMessage, status: str, error_code: int | None = None) -> None:
        """Move a message to the phone forward and tell the application."""
        if not self.messages.set_status(message.sid, status, error_code) or message.callback_url is None:
            return
        form = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "MessageStatus": status,
            "SmsStatus": status,
            "AccountSid": self.settings.twilio_account_sid,
            "ApiVersion": API_VERSION,
            "From": self.settings.twilio_whatsapp_number,
            "To": f"whatsapp:{message.number}",
        }
        if error_code is not None:
            form["ErrorCode"] = str(error_code)
        case = f"{message.callback_url} {status}"
        if self.faults.strikes(Fault.MISSING_STATUSES, case):
            return
        if self.faults.strikes(Fault.DUPLICATE_STATUSES, case):
            seconds = LATE_SECONDS_MAX * self.faults.chance(Fault.DUPLICATE_STATUSES, "seconds " + case)
            self._later(seconds, self._post, message.callback_url, form)
        if self.faults.strikes(Fault.LATE_STATUSES, case):
            seconds = LATE_SECONDS_MAX * self.faults.chance(Fault.LATE_STATUSES, "seconds " + case)
            self._later(seconds, self._post, message.callback_url, form)
            return
        self._post(message.callback_url, form)

    def _post(self, url: str, form: dict[str, str]) -> bool:
        signature = self.validator.compute_signature(url, form)
        try:
            # A connection that was kept may be closed under our hands.
            headers = {"X-Twilio-Signature": signature, "Connection": "close"}
            answer = self.session.post(url, data=form, headers=headers, timeout=REQUEST_SECONDS_MAX)
        except requests.RequestException:
            return False
        return answer.ok

    def resource(self, message: PhoneMessage) -> dict[str, object]:
        """A message as Twilio's API shows it: https://www.twilio.com/docs/messaging/api/message-resource"""
        created = format_datetime(datetime.fromisoformat(message.created_at))
        account_sid, ours = self.settings.twilio_account_sid, self.settings.twilio_whatsapp_number
        return {
            "sid": message.sid,
            "account_sid": account_sid,
            "api_version": API_VERSION,
            "body": message.body,
            "from": ours,
            "to": f"whatsapp:{message.number}",
            "direction": "outbound-api",
            "status": message.status,
            "error_code": message.error_code,
            "error_message": None,
            "messaging_service_sid": None,
            "num_media": "1" if message.media_url else "0",
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "date_created": created,
            "date_updated": created,
            "date_sent": created,
            "subresource_uris": {},
            "uri": f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message.sid}.json",
        }


def twilio_api(double: TwilioDouble) -> Blueprint:
    """The part of Twilio's REST API that the application uses, behind its HTTP basic authentication."""
    api = Blueprint("twilio", __name__)

    @api.before_request
    def authenticate() -> None:
        authorization, settings = request.authorization, double.settings
        user = (authorization.username if authorization else None) or ""
        password = (authorization.password if authorization else None) or ""
        if not hmac.compare_digest(user.encode(), settings.twilio_account_sid.encode()) or not any(
            hmac.compare_digest(password.encode(), token.encode()) for token in settings.twilio_auth_tokens
        ):
            raise Refused(20003)
        if (request.view_args or {}).get("account_sid", user) != user:
            raise Refused(20404)

    @api.errorhandler(Refused)
    def refuse(refusal: Refused) -> tuple[dict[str, object], int]:
        status, words = REFUSALS[refusal.code]
        more = f"https://www.twilio.com/docs/errors/{refusal.code}"
        return {"code": refusal.code, "message": words, "more_info": more, "status": status}, status

    @api.post(f"{MESSAGES_PATH}.json")
    def create(account_sid: str) -> tuple[dict[str, object], int]:
        return double.resource(double.send(request.form)), 201

    @api.get(f"{MESSAGES_PATH}.json")
    def list_sent(account_sid: str) -> dict[str, object]:
        to, after = request.args.get("To"), request.args.get("DateSent>")
        sent = double.messages.sent_to(
            to.removeprefix("whatsapp:") if to else None, datetime.fromisoformat(after) if after else None
        )
        return {"messages": [double.resource(message) for message in reversed(sent)], "next_page_uri": None}

    @api.get(f"{MESSAGES_PATH}/<message_sid>.json")
    def fetch(account_sid: str, message_sid: str) -> dict[str, object]:
        message = double.messages.find(message_sid)
        if message is None:
            raise Refused(20404)
        return double.resource(message)

    @api.get(f"{MESSAGES_PATH}/<message_sid>/Media/<media_sid>")
    def fetch_media(account_sid: str, message_sid: str, media_sid: str) -> Response:
        if double.faults.strikes(Fault.MEDIA_GONE, media_sid):
            raise Refused(20404)
        # Twilio redirects to a store that wants no credentials, and so does its double.
        return redirect(url_for("phone.media", sid=media_sid), 307)

    @api.post("/v1/Content")
    def create_template() -> tuple[dict[str, object], int]:
        content = request.get_json()
        return content | {"sid": double.messages.add_template(content)}, 201

    @api.post("/v1/Content/<sid>/ApprovalRequests/whatsapp")
    def approve(sid: str) -> tuple[dict[str, object], int]:
        if double.messages.template(sid) is None:
            raise Refused(20404)
        return request.get_json() | {"status": "received", "content_type": "twilio/text"}, 201

    return api


def inbound(number: str, body: str, replied_sid: str | None, media: tuple[str, str] | None) -> PhoneMessage:
    """A message from a trader's phone; `media` is its address and content type."""
    media_url, media_type = media or (None, None)
    return PhoneMessage(
        sid=new_sid("SM"),
        number=number,
        direction=INBOUND,
        body=body,
        status="sent",
        created_at=utc_now().isoformat(),
        media_url=media_url,
        media_type=media_type,
        replied_sid=replied_sid,
    )
