"""Thousands of lean WebSocket clients in one process: epoll, raw frames, and of each message only its numbers.

Every client checks the chains of its channels and notes how long after the commit each update arrives; what it reads is
never parsed as JSON, so that the clients leave the processors to what is measured.
"""

import json
import re
import selectors
import socket
import struct
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

UPGRADE = (
    b"GET /ws%b HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
READ_BYTES = 1 << 16
# A number, or a text where several engines run the market.
CHAIN = re.compile(rb'"channel":"([^"]+)".*?"seq":("[^"]+"|\d+),"prev":("[^"]+"|\d+)')
SNAPSHOT = re.compile(rb'"channel":"([^"]+)".*?"seq":("[^"]+"|\d+)')
# Whoever places an order may write the moment into its client_order_id.
ASKED_AT = re.compile(rb'"client_order_id":"at:([\d.]+):')
COMMITTED_AT = re.compile(rb'"as_of":"([^"]+)"')
OCCURRED_AT = re.compile(rb'"occurred_at":"([^"]+)"')
CONNECT_SECONDS_MAX = 30
SILENCE_SECONDS_MAX = 0.5
OPENING_AT_ONCE = 50
STOPPED_BUFFER_BYTES = 4096
SLOW_READER = b"\x88\x0d\x11\x38slow_reader"  # A close frame with 4408.


class Subscription(NamedTuple):
    """What a client follows; `ticket` gets the one that opens its private channels."""

    channels: Sequence[str]
    ticket: Callable[[], str] | None = None


class Client:
    """One socket: its position in each channel, and what it has been told."""

    __slots__ = ("awaited", "buffer", "close_code", "is_open", "positions", "sock", "trades")

    def __init__(self, sock: socket.socket, awaited: int) -> None:
        self.sock = sock
        self.awaited = awaited  # Snapshots that are still to come.
        self.buffer = b""
        self.positions: dict[bytes, bytes] = {}
        self.trades = 0
        self.is_open = True
        self.close_code: int | None = None


class Clients:
    """All of them, read by `poll` in one thread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.EpollSelector()
        self._moments: dict[bytes, float] = {}
        self.clients: list[Client] = []
        self._stopped: list[socket.socket] = []
        # In seconds, at every client: of an update since its commit, of a trade since it was decided on, of an order
        # since it was asked for.
        self.latencies = array("d")
        self.trade_latencies = array("d")
        self.order_latencies = array("d")
        self.out_of_order = 0

    def open(self, subscriptions: Sequence[Subscription]) -> None:
        """Connect them all and wait until each has its snapshots."""
        for first in range(0, len(subscriptions), OPENING_AT_ONCE):
            for subscription in subscriptions[first : first + OPENING_AT_ONCE]:
                self._open_one(subscription)
            end = time.monotonic() + CONNECT_SECONDS_MAX
            while any(client.awaited for client in self.clients[-OPENING_AT_ONCE:]):
                assert time.monotonic() < end, "the server does not let them in"
                self.poll(0.1)
        self.forget()

    def forget(self) -> None:
        """What was measured so far was not meant."""
        for measured in (self.latencies, self.trade_latencies, self.order_latencies):
            del measured[:]

    def poll(self, seconds: float) -> None:
        """Read what is there, for so long at most when there is nothing."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            client = key.data
            try:
                data = client.sock.recv(READ_BYTES)
            except OSError:
                data = b""
            if not data:
                client.is_open = False
                self._selector.unregister(client.sock)
                continue
            self._take(client, client.buffer + data if client.buffer else data, time.time())

    def close(self) -> None:
        for sock in [*self._stopped, *(client.sock for client in self.clients)]:
            sock.close()
        self._selector.close()

    def open_stopped(self, count: int, channel: str) -> None:
        """So many follow too, and read nothing."""
        following = Subscription([channel])
        self._stopped += [self._connected(following, STOPPED_BUFFER_BYTES)[0] for _ in range(count)]

    def closed_as_slow(self) -> int:
        """How many of those that stopped find, reading on, that they were closed for it."""
        return sum(read_on(sock).endswith(SLOW_READER) for sock in self._stopped)

    def _open_one(self, subscription: Subscription) -> None:
        sock, begun = self._connected(subscription, READ_BYTES)
        sock.setblocking(False)
        client = Client(sock, len(subscription.channels))
        client.buffer = begun
        self.clients.append(client)
        self._selector.register(sock, selectors.EVENT_READ, client)

    def _connected(self, subscription: Subscription, receive_buffer_bytes: int) -> tuple[socket.socket, bytes]:
        """A socket that has subscribed, and what came behind the answer to its handshake."""
        sock = socket.socket()
        sock.settimeout(CONNECT_SECONDS_MAX)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        sock.connect(("127.0.0.1", self._port))
        query = b"" if subscription.ticket is None else b"?ticket=" + subscription.ticket().encode()
        sock.sendall(UPGRADE % query)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += sock.recv(1024)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        sock.sendall(masked(json.dumps({"op": "subscribe", "channels": subscription.channels}).encode()))
        return sock, answer.partition(b"\r\n\r\n")[2]

    def _take(self, client: Client, data: bytes, now: float) -> None:
        at, end = 0, len(data)
        while end - at >= 2:
            length, head = data[at + 1], 2
            if length == 126:
                if end - at < 4:
                    break
                length, head = data[at + 2] << 8 | data[at + 3], 4
            elif length == 127:
                if end - at < 10:
                    break
                (length,), head = struct.unpack_from("!Q", data, at + 2), 10
            begin = at + head
            if end - begin < length:
                break
            if data[at] == 0x81:
                self._message(client, data[begin : begin + length], now)
            elif data[at] == 0x88:
                client.close_code = data[begin] << 8 | data[begin + 1]
            at = begin + length
        client.buffer = data[at:]

    def _message(self, client: Client, text: bytes, now: float) -> None:
        # The event's name is the first field of every message.
        if text.startswith(b'{"event":"market:update"'):
            self._follow(client, text)
            self.latencies.append(now - self._moment(COMMITTED_AT, text))
        elif text.startswith(b'{"event":"trade:executed","channel":"market:'):
            self._follow(client, text)
            client.trades += 1
            self.trade_latencies.append(now - self._moment(OCCURRED_AT, text))
        elif text.startswith((b'{"event":"order:', b'{"event":"trade:executed"')):
            self._follow(client, text)
            is_new = text.startswith((b'{"event":"order:created"', b'{"event":"order:rejected"'))
            # A change that was refused is no new order.
            if is_new and b'"refused":' not in text and (asked_at := ASKED_AT.search(text)) is not None:
                self.order_latencies.append(now - float(asked_at[1]))
        elif text.startswith(b'{"event":"snapshot"'):
            found = SNAPSHOT.search(text)
            assert found is not None
            client.positions[found[1]] = found[2]
            client.awaited -= 1

    def _moment(self, pattern: re.Pattern[bytes], text: bytes) -> float:
        """The time that stands at the end of a message; each is read once for all clients."""
        found = pattern.search(text, len(text) - 60)
        assert found is not None
        moment = self._moments.get(found[1])
        if moment is None:
            moment = self._moments[found[1]] = datetime.fromisoformat(found[1].decode()).timestamp()
        return moment

    def _follow(self, client: Client, text: bytes) -> None:
        found = CHAIN.search(text, 0, 160)
        assert found is not None, text
        if found[3] != client.positions[found[1]]:
            self.out_of_order += 1
        client.positions[found[1]] = found[2]


def read_on(sock: socket.socket) -> bytes:
    """Everything that is there, to the end or until nothing more comes."""
    sock.settimeout(SILENCE_SECONDS_MAX)
    received = b""
    with suppress(TimeoutError):
        while data := sock.recv(READ_BYTES):
            received += data
    return received


def masked(payload: bytes) -> bytes:
    """A text frame of a client, with the mask that changes nothing."""
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload)]) + b"\0\0\0\0" + payload
