"""The people of a load who act: they read, trade and write by HTTP. This is one client process.

It is given the load on its standard input, then a line with two moments: from when to when to measure. It acts from the
first line on, and writes what came of it as JSON. A request's time runs from the moment at which it was due.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import msgspec
from twilio.request_validator import RequestValidator

from tests.bench.http_load import request
from tests.load import population
from tests.load.population import Acted, Load
from tests.load.times import percentiles
from tests.load.wire import HEAD_END, Unanswered, Wire

WEBHOOK = "/webhook/whatsapp"
ORDER, CHANGE, PUBLIC, WHOLE, OWN = "order", "change", "market data", "whole market", "own data"
MESSAGE = "webhook"
# As the terminal asks: the whole market as the page is opened, and then what is shown of the chosen one.
WHOLE_MARKET = "/api/market"
PUBLIC_READS = (
    "/api/market?asset={asset}",
    "/api/orderbook/{symbol}?levels=10",
    "/api/candles/{symbol}?interval=1m",
    "/api/trades?symbol={symbol}&limit=60",
)
OWN_READS = ("/api/orders?status=open", "/api/account/positions", "/api/account/summary", "/api/account/trades")
LANGUAGES = 3
CHAT_ORDERS = (
    ("buy {quantity} {contract} {asset} at {price}", "sell {quantity} {contract} {asset} at {price}"),
    ("compra {quantity} {asset} {contract} a {price}", "vende {quantity} {asset} {contract} a {price}"),
    ("compre {quantity} {asset} {contract} a {price}", "venda {quantity} {asset} {contract} a {price}"),
)
CHAT_QUESTIONS = (
    ("price of {contract} {asset}", "my orders", "my positions", "help"),
    ("precio de {asset} {contract}", "mis órdenes", "mis posiciones", "ayuda"),
    ("preço de {asset} {contract}", "minhas ordens", "minhas posições", "ajuda"),
)
SETTLED, TAKEN, REFUSED = (200, 201), 202, 409


class People:
    """All of them. `measured_from` and `measured_to` are moments of the clock, and may still come."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.wire = Wire(load.port)
        self.chance = random.Random(load.seed)
        self.measured_from = self.measured_to = float("inf")
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self.wrong: Counter[str] = Counter()
        self.unsettled = 0
        self.order_numbers: list[int] = []
        self.posted: dict[str, float] = {}
        self._open: defaultdict[int, list[int]] = defaultdict(list)
        self._count = 0
        self._validator = RequestValidator(load.twilio_token)

    async def act(self) -> None:
        """Act until the end of what is measured; then wait for what is under way."""
        kinds: tuple[tuple[Callable[[float], Awaitable[None]], float], ...] = (
            (self._read_market, len(self.load.watchers) / population.WATCHER_READS_EVERY_SECONDS),
            (self._trade, len(self.load.traders) / population.TRADER_ORDERS_EVERY_SECONDS),
            (self._read_own, len(self.load.traders) / population.TRADER_READS_EVERY_SECONDS),
            (self._write, self.load.chat_traders / population.CHAT_WRITES_EVERY_SECONDS),
        )
        acts, rates = zip(*kinds, strict=True)
        due, under_way = time.time(), set[asyncio.Task[None]]()
        while due < self.measured_to:
            due += self.chance.expovariate(sum(rates))
            # In a thread, as asyncio's own clock wakes up to a millisecond late, which no server can help.
            await asyncio.to_thread(time.sleep, max(0, due - time.time()))
            [act] = self.chance.choices(acts, rates)
            task = asyncio.ensure_future(act(due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        self.wire.close()

    def result(self) -> Acted:
        return Acted(
            times={name: percentiles(found) for name, found in self.times.items()},
            wrong=dict(self.wrong),
            unsettled=self.unsettled,
            order_numbers=self.order_numbers,
            posted=self.posted,
        )

    async def _ask(self, what: str, due: float, asked: bytes, accepted: tuple[int, ...]) -> tuple[int, bytes]:
        """Ask and note how long it took; what is not accepted, or not answered, is wrong."""
        try:
            status, body = await self.wire.ask(asked)
        except (Unanswered, OSError):
            status, body = 0, b""
        if self._is_measured(due):
            self.times[what].append(time.time() - due)
        if status not in accepted:
            self.wrong[f"{what} {status}"] += 1
        return status, body

    def _is_measured(self, due: float) -> bool:
        return self.measured_from <= due < self.measured_to

    async def _read_market(self, due: float) -> None:
        symbol = self.load.markets[self.chance.choice(self.load.watchers)].symbol
        what, path = PUBLIC, self.chance.choice(PUBLIC_READS)
        if self.chance.random() < population.PAGES_OPENED:
            what, path = WHOLE, WHOLE_MARKET
        path = path.format(symbol=symbol, asset=symbol.partition("-")[2].lower())
        await self._ask(what, due, as_browsers_do(request("GET", path)), SETTLED)

    async def _read_own(self, due: float) -> None:
        trader = self.chance.choice(self.load.traders)
        asked = request("GET", self.chance.choice(OWN_READS), token=trader.token)
        await self._ask(OWN, due, as_browsers_do(asked), SETTLED)

    async def _trade(self, due: float) -> None:
        number = self.chance.randrange(len(self.load.traders))
        drawn, own = self.chance.random(), self._open[number]
        if drawn < population.PLACED or not own:
            await self._place(due, number)
        elif drawn < population.PLACED + population.CANCELED:
            await self._change(due, number, "DELETE", own.pop(), b"")
        else:
            price = self._price(self.load.traders[number].market)
            await self._change(due, number, "PATCH", own[-1], json.dumps({"price": price}).encode())

    async def _place(self, due: float, number: int) -> None:
        trader = self.load.traders[number]
        self._count += 1
        order = {
            "symbol": self.load.markets[trader.market].symbol,
            "side": self.chance.choice(("buy", "sell")),
            "quantity": str(self.chance.randint(1, population.QUANTITY_MAX)),
            "price": self._price(trader.market),
            "client_order_id": f"at:{due:.6f}:{self._count}",
        }
        asked = self._waiting(request("POST", "/api/orders", json.dumps(order).encode(), trader.token))
        status, body = await self._ask(ORDER, due, asked, (*SETTLED, TAKEN))
        self.unsettled += status == TAKEN
        if status in (*SETTLED, TAKEN):
            placed = json.loads(body)
            self.order_numbers.append(int(placed["id"]))
            if placed["state"] in ("new", "partially_filled"):
                self._open[number].append(int(placed["id"]))

    async def _change(self, due: float, number: int, method: str, order_id: int, body: bytes) -> None:
        asked = self._waiting(request(method, f"/api/orders/{order_id}", body, self.load.traders[number].token))
        status, _ = await self._ask(CHANGE, due, asked, (*SETTLED, TAKEN, REFUSED))
        self.unsettled += status == TAKEN

    def _waiting(self, asked: bytes) -> bytes:
        """As the terminal asks: wait for the market, and a repetition does no harm."""
        self._count += 1
        head, _, body = asked.partition(HEAD_END)
        return head + b"\r\nPrefer: wait=5\r\nIdempotency-Key: %d" % self._count + HEAD_END + body

    def _price(self, market: int) -> str:
        chosen = self.load.markets[market]
        ticks = self.chance.randint(-population.PRICE_TICKS_MAX, population.PRICE_TICKS_MAX)
        return format(chosen.middle + ticks * chosen.tick_size, "f")

    async def _write(self, due: float) -> None:
        trader = self.chance.randrange(self.load.chat_traders)
        [market] = self.chance.choices(range(len(self.load.markets)), population.POPULARITY)
        language = trader % LANGUAGES
        phrases = CHAT_ORDERS if self.chance.random() < population.CHAT_ORDERS else CHAT_QUESTIONS
        body = self.chance.choice(phrases[language]).format(
            quantity=self.chance.randint(1, population.QUANTITY_MAX),
            asset=self.load.markets[market].words[language],
            contract=population.CONTRACT,
            price=self._price(market),
        )
        sid = f"SM{self.chance.getrandbits(128):032x}"
        form = {"MessageSid": sid, "From": f"whatsapp:+1555{trader:07d}", "Body": body}
        address = f"http://127.0.0.1:{self.load.port}{WEBHOOK}"
        signature = self._validator.compute_signature(address, form)
        if self._is_measured(due):
            self.posted[sid] = due
        await self._ask(MESSAGE, due, posted(self.load.port, form, signature), SETTLED)


def as_browsers_do(asked: bytes) -> bytes:
    """Let the answer be compressed."""
    return asked.removesuffix(HEAD_END) + b"\r\nAccept-Encoding: gzip, deflate, br" + HEAD_END


def posted(port: int, form: dict[str, str], signature: str) -> bytes:
    """A webhook as Twilio sends it."""
    body = urlencode(form).encode()
    head = (
        f"POST {WEBHOOK} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Twilio-Signature: {signature}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}"
    )
    return head.encode() + HEAD_END + body


async def main() -> None:
    loop = asyncio.get_running_loop()
    people = People(msgspec.json.decode(sys.stdin.readline(), type=Load))
    acting = asyncio.ensure_future(people.act())
    moments = await loop.run_in_executor(None, sys.stdin.readline)
    people.measured_from, people.measured_to = map(float, moments.split())
    await acting
    sys.stdout.buffer.write(msgspec.json.encode(people.result()))


if __name__ == "__main__":
    asyncio.run(main())
