"""Traders by chat and by the API, who send again until they are answered, and who follow the live feed."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import requests
from twilio.request_validator import RequestValidator
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.faults.history import Answered, Asked
from tests.faults.plan import Action, Deed, Trader
from tests.faults.told import order_numbers
from tests.web.live import PASSWORD, Client
from web.twilio_double import API_VERSION

VOICE = Path(__file__).parent.parent / "data" / "voice"
SYMBOL = "Dec25-Wheat"
ALONE = {"Connection": "close"}  # A connection that was kept may be closed under our hands.
ANSWER_SECONDS_MAX = 8
PAUSE_SECONDS = 0.3
READBACK_SECONDS_MAX = 40
HEARD = "🎤"  # What an answer to a voice note begins with.
WORDS = {
    "en": {
        "buy": "buy {quantity} wheat dec25 at {price}",
        "sell": "sell {quantity} wheat dec25 at {price}",
        Deed.AMEND: "change the price of order {about} to {price}",
        Deed.CANCEL: "cancel {about}",
        Deed.CANCEL_ALL: "cancel all my orders",
        Deed.ASK: "my orders",
        Deed.CHART: "chart wheat dec25",
        Deed.YES: "yes",
    },
    "es": {
        "buy": "compra {quantity} trigo dic25 a {price}",
        "sell": "vende {quantity} trigo dic25 a {price}",
        Deed.AMEND: "cambia el precio de la orden {about} a {price}",
        Deed.CANCEL: "cancela la orden {about}",
        Deed.CANCEL_ALL: "cancela todas mis órdenes",
        Deed.ASK: "mis órdenes",
        Deed.CHART: "gráfico trigo dic25",
        Deed.YES: "sí",
    },
    "pt": {
        "buy": "compra {quantity} trigo dez25 a {price}",
        "sell": "vende {quantity} trigo dez25 a {price}",
        Deed.AMEND: "muda o preço da ordem {about} para {price}",
        Deed.CANCEL: "cancela a ordem {about}",
        Deed.CANCEL_ALL: "cancela todas as minhas ordens",
        Deed.ASK: "minhas ordens",
        Deed.CHART: "gráfico trigo dez25",
        Deed.YES: "sim",
    },
}


def worded(action: Action, about: int | None) -> str:
    """The action as its trader says it; a Brazilian writes 150,25."""
    price = f"{action.cents // 100}.{action.cents % 100:02d}"
    if action.trader.language == "pt":
        price = price.replace(".", ",")
    what = str(action.side) if action.deed == Deed.PLACE else action.deed
    return WORDS[action.trader.language][what].format(quantity=action.quantity, price=price, about=about)


class Chat:
    """Phones, and Twilio before them, which delivers until it is answered."""

    def __init__(self, address: str, twilio_address: str, kept: Mapping[str, str], media: dict[str, str]) -> None:
        self.address, self.twilio_address, self.kept, self.media = address, twilio_address, kept, media
        self.validator = RequestValidator(kept["TWILIO_AUTH_TOKEN"])

    def act(self, action: Action, until: float) -> Asked:
        asked = Asked(action=action)
        if action.deed in (Deed.AMEND, Deed.CANCEL):
            numbers = self.orders_of(action.trader)
            if not numbers:
                asked.action = action = as_question(action)
            else:
                asked.about = numbers[-min(action.nth, len(numbers))]
        if action.deed == Deed.YES:
            self.hear_readback(action)
        form = self.form(action, asked)
        time.sleep(action.held_back)
        end = until if action.patience is None else min(until, time.monotonic() + action.patience)
        while asked.answered == Answered.UNKNOWN and time.monotonic() < end:
            asked.attempts += 1
            if self.post(form, ANSWER_SECONDS_MAX if action.patience is None else action.patience):
                asked.answered = Answered.TAKEN
            else:
                time.sleep(PAUSE_SECONDS)
        for seconds in action.again_after:
            time.sleep(seconds)
            if self.post(form, ANSWER_SECONDS_MAX):
                asked.answered = Answered.TAKEN
        return asked

    def form(self, action: Action, asked: Asked) -> dict[str, str]:
        form = {"MessageSid": action.key, "From": f"whatsapp:{action.trader.number}"}
        if action.clip is not None:
            asked.text = action.clip
            account = f"{self.twilio_address}/{API_VERSION}/Accounts/{self.kept['TWILIO_ACCOUNT_SID']}"
            url = f"{account}/Messages/{action.key}/Media/{self.media[action.clip]}"
            return form | {"Body": "", "NumMedia": "1", "MediaUrl0": url, "MediaContentType0": "audio/ogg"}
        asked.text = worded(action, asked.about)
        return form | {"Body": asked.text, "NumMedia": "0"}

    def post(self, form: Mapping[str, str], seconds: float) -> bool:
        """Whether the message was acknowledged."""
        url = f"{self.address}/webhook/whatsapp"
        headers = ALONE | {"X-Twilio-Signature": self.validator.compute_signature(url, form)}
        try:
            return requests.post(url, data=form, headers=headers, timeout=seconds).status_code == HTTPStatus.OK
        except requests.RequestException:
            return False

    def hear_readback(self, action: Action) -> None:
        """Wait until the note that is agreed to is read back, but not for ever."""
        end = time.monotonic() + READBACK_SECONDS_MAX
        while time.monotonic() < end:
            if sum(body.startswith(HEARD) for body in self.bodies(action.trader)) >= action.nth:
                return
            time.sleep(PAUSE_SECONDS)

    def orders_of(self, trader: Trader) -> list[int]:
        """The orders that their phone tells of."""
        return order_numbers(self.bodies(trader))

    def bodies(self, trader: Trader) -> list[str]:
        """What stands on their phone that we sent; nothing where it cannot be looked at now."""
        query = {"numbers": trader.number}
        with suppress(requests.RequestException):
            answer = requests.get(f"{self.twilio_address}/phone/messages", params=query, headers=ALONE, timeout=3)
            if answer.ok:
                return [message["body"] for message in answer.json()["messages"] if message["direction"] == "outbound"]
        return []


def as_question(action: Action) -> Action:
    """What someone without an order does instead of changing one."""
    return Action(at=action.at, trader=action.trader, deed=Deed.ASK, key=action.key, again_after=action.again_after)


class Api:
    """One account of the HTTP API, which any number of threads use."""

    def __init__(self, address: str, trader: Trader) -> None:
        self.address, self.trader = address, trader
        self.order_ids: list[int] = []
        self.token = self.sign("register")

    def sign(self, how: str) -> str:
        credentials = {"username": self.trader.name, "password": PASSWORD}
        answer = requests.post(f"{self.address}/api/auth/{how}", json=credentials, timeout=ANSWER_SECONDS_MAX)
        answer.raise_for_status()
        token: str = answer.json()["access_token"]
        return token

    def act(self, action: Action, until: float) -> Asked:
        asked = Asked(action=action)
        if action.deed in (Deed.AMEND, Deed.CANCEL):
            if not self.order_ids:
                return asked  # It is never sent.
            asked.about = self.order_ids[-min(action.nth, len(self.order_ids))]
        end = until if action.patience is None else min(until, time.monotonic() + action.patience)
        while asked.answered == Answered.UNKNOWN and time.monotonic() < end:
            seconds = ANSWER_SECONDS_MAX if action.patience is None else action.patience
            self.send(asked, seconds)
            if asked.answered == Answered.UNKNOWN:
                time.sleep(PAUSE_SECONDS)
        for pause in action.again_after:
            time.sleep(pause)
            self.send(asked, ANSWER_SECONDS_MAX)
        self.order_ids += asked.order_ids
        return asked

    def send(self, asked: Asked, seconds: float) -> None:
        """One attempt, and what its answer tells."""
        action = asked.action
        method, path, content, query = request_of(action, asked.about)
        asked.text, asked.attempts = f"{method} {path} {content or ''}", asked.attempts + 1
        headers = ALONE | {"Authorization": f"Bearer {self.token}"}
        if not action.names_order:
            headers["Idempotency-Key"] = action.key
        if action.wait:
            headers["Prefer"] = f"wait={action.wait}"
        try:
            answer = requests.request(
                method, self.address + path, json=content, params=query, headers=headers, timeout=seconds
            )
        except requests.RequestException:
            return
        self.take(asked, answer)

    def shown(self) -> dict[int, str]:
        """The state of each of their orders as the API shows it."""
        found: dict[int, str] = {}
        query = {"limit": "200"}
        while True:
            headers = ALONE | {"Authorization": f"Bearer {self.token}"}
            answer = requests.get(f"{self.address}/api/orders", params=query, headers=headers, timeout=60)
            answer.raise_for_status()
            page = answer.json()
            found |= {order["id"]: order["state"] for order in page["orders"]}
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]

    def take(self, asked: Asked, answer: requests.Response) -> None:
        code = None if answer.ok else answer.json().get("code")
        if answer.ok:
            asked.answered = Answered.TAKEN
            if asked.action.deed == Deed.PLACE:
                asked.order_ids.add(int(answer.json()["id"]))
        elif code == "client_order_id_taken":
            asked.answered = Answered.TAKEN
            asked.order_ids.add(int(answer.json()["facts"]["order_id"]))
        elif answer.status_code == HTTPStatus.UNAUTHORIZED:
            with suppress(requests.RequestException):
                self.token = self.sign("login")
        elif answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and code not in (
            "request_in_flight",
            "rate_limited",
        ):
            asked.answered, asked.refusal = Answered.REFUSED, code


def request_of(action: Action, about: int | None) -> tuple[str, str, dict[str, str] | None, dict[str, str] | None]:
    """Method, path, content and query."""
    price = f"{action.cents // 100}.{action.cents % 100:02d}"
    if action.deed == Deed.PLACE:
        order = {"symbol": SYMBOL, "side": str(action.side), "quantity": str(action.quantity), "price": price}
        if action.names_order:
            order["client_order_id"] = action.key
        return "POST", "/api/orders", order, None
    if action.deed == Deed.AMEND:
        return "PATCH", f"/api/orders/{about}", {"price": price}, None
    if action.deed == Deed.CANCEL:
        return "DELETE", f"/api/orders/{about}", None, None
    return "DELETE", "/api/orders", None, {"symbol": SYMBOL}


class Follower:
    """Follows one account's orders on the live feed, and goes on where it was whenever it is cut off."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.heard: Counter[str] = Counter()
        self.position: object = None
        self.ended = threading.Event()
        self.problem: AssertionError | None = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                self.follow()
            except (requests.RequestException, OSError, WebSocketException, TimeoutError):
                time.sleep(PAUSE_SECONDS)
            except AssertionError as problem:  # A gap in the feed.
                self.problem = problem
                return

    def follow(self) -> None:
        headers = ALONE | {"Authorization": f"Bearer {self.api.token}"}
        answer = requests.post(f"{self.api.address}/api/auth/ticket", headers=headers, timeout=ANSWER_SECONDS_MAX)
        answer.raise_for_status()
        address = self.api.address.replace("http", "ws", 1) + f"/ws?ticket={answer.json()['ticket']}"
        with connect(address, compression=None, ping_interval=None, close_timeout=1) as connection:
            client = Client(connection)
            if self.position is not None:
                client.positions["orders"] = self.position
            client.say(
                op="subscribe", channels=["orders"], **({} if self.position is None else {"after": self.position})
            )
            while not self.ended.is_set():
                with suppress(TimeoutError):
                    message = client.hear(1)
                    self.take(message)

    def take(self, message: dict[str, object]) -> None:
        if message["event"] == "trade:executed":
            self.heard[str(message["data"]["id"]).partition("-")[2]] += 1
        if "seq" in message:
            self.position = message["seq"]

    def stop(self) -> Counter[str]:
        self.ended.set()
        self.thread.join()
        if self.problem is not None:
            raise self.problem
        return self.heard


def upload(address: str) -> dict[str, str]:
    """Every voice note, where the double of Twilio offers it; its media SID by the file's name."""
    media = {}
    for clip in sorted(VOICE.glob("*.ogg")):
        content = clip.read_bytes()
        answer = requests.post(
            f"{address}/phone/media", data=content, headers={"Content-Type": "audio/ogg"}, timeout=ANSWER_SECONDS_MAX
        )
        answer.raise_for_status()
        media[clip.name] = answer.json()["sid"]
    return media
