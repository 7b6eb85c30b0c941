"""One client's WebSocket on a gevent worker: framing, a bounded queue, and how it is closed.

What is sent goes straight to the kernel, which costs a broadcast one call a socket; only when the kernel takes no more
does it wait in the queue, from which a greenlet writes. The frames of a broadcast are made once for all sockets.
"""

import os
import socket as network
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import IntEnum
from typing import Any

import gevent
from gevent.socket import wait_write
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import FrameProtocol
from wsproto.utilities import RemoteProtocolError

MESSAGE_LENGTH_MAX = 16 * 1024
READ_BYTES = 16 * 1024
# Small, so that a reader who has stopped shows soon; the kernel doubles it.
SEND_BUFFER_BYTES = 64 * 1024
QUEUE_BYTES_MAX = 1024 * 1024
WRITE_SECONDS_MAX = 10
CLOSE_SECONDS_MAX = 2
# A peer that vanished is found by the kernel: idle seconds, seconds between probes, probes.
HANDSHAKE_HEADERS = ("connection", "upgrade", "sec-websocket-key", "sec-websocket-version")
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 10, 30
KEEPALIVE = ((network.TCP_KEEPIDLE, 30), (network.TCP_KEEPINTVL, 10), (network.TCP_KEEPCNT, 3))


class CloseCode(IntEnum):
    """Why we close a socket; docs/LIVE.md tells clients."""

    GOING_AWAY = 1001
    INVALID_TICKET = 4401
    LOGIN_ENDED = 4403
    SLOW_READER = 4408
    TICKET_USED = 4409
    MESSAGE_TOO_LARGE = 4413
    BINARY_MESSAGE = 4415
    TOO_MANY_MESSAGES = 4429
    TOO_MANY_SOCKETS = 4430
    UNAVAILABLE = 4503


class NotAnUpgrade(Exception):
    """The request does not ask for a WebSocket as RFC 6455 has it."""


# It makes whole frames from whole messages, keeps nothing between them, and as a server masks nothing: one for all.
_framing = FrameProtocol(client=False, extensions=[])


def frame(text: str) -> bytes:
    """A text message as it travels to any client."""
    return bytes(_framing.send_data(text, fin=True))


class Socket:
    """`channels` are those that it has, each with how to leave it."""

    __slots__ = (
        "_allowance",
        "_allowed_at",
        "_begun",
        "_connection",
        "_descriptor",
        "_network",
        "_queue",
        "_queued_bytes",
        "_writer",
        "channels",
        "is_closing",
    )

    def __init__(self, connected: network.socket, environ: dict[str, Any]) -> None:
        """Answer the handshake; raises NotAnUpgrade."""
        self._connection = _handshake(connected, environ)
        self._network = connected
        self._descriptor = connected.fileno()
        # What waits: bytes that are whole frames, of which the first may be begun, and whether they count.
        self._queue: deque[tuple[bytes, bool]] = deque()
        self._queued_bytes = 0
        self._begun = ""  # Of a message whose end is to come.
        self._allowance, self._allowed_at = float(MESSAGES_AT_ONCE), time.monotonic()
        self._writer: gevent.Greenlet | None = None
        self.channels: dict[str, Callable[[], None]] = {}
        self.is_closing = False

    def send(self, frames: bytes, *, is_counted: bool = True) -> None:
        """Never waits. A reader whom too much waits for is closed; what is not counted never closes one."""
        if self.is_closing:
            return
        if not self._queue:
            frames = self._write_now(frames)
            if not frames:
                return
        self._queue.append((frames, is_counted))
        self._queued_bytes += len(frames) * is_counted
        if self._queued_bytes > QUEUE_BYTES_MAX:
            self.close(CloseCode.SLOW_READER)
        elif self._writer is None:
            self._writer = gevent.spawn(self._write_queue)

    def close(self, code: CloseCode) -> None:
        """Say why, and give the client a moment to say goodbye before the line is cut."""
        if self.is_closing:
            return
        self._begin_closing(bytes(_framing.close(code, code.name.lower())))

    def messages(self) -> Iterator[str]:
        """What the client says, until the socket is over."""
        while data := self._read():
            if self.is_closing:
                # Read on and forget: cutting the line on unread data would take our goodbye with it.
                continue
            self._connection.receive_data(data)
            for event in self._connection.events():
                if self.is_closing:
                    break
                if getattr(event, "frame_finished", True) and not self._is_in_time():
                    self.close(CloseCode.TOO_MANY_MESSAGES)
                    break
                match event:
                    case TextMessage():
                        text = self._completed(event)
                        if text is not None:
                            yield text
                    case BytesMessage():
                        self.close(CloseCode.BINARY_MESSAGE)
                    case Ping():
                        self.send(self._connection.send(event.response()))
                    case CloseConnection():
                        # Also what is no WebSocket's message; wsproto says which code that is.
                        answers = self._connection.state is not ConnectionState.CLOSED
                        self._begin_closing(self._connection.send(event.response()) if answers else b"")
        self.is_closing = True

    def _completed(self, event: TextMessage) -> str | None:
        """The message, if this was the last of it."""
        self._begun += event.data
        if len(self._begun) > MESSAGE_LENGTH_MAX:
            self.close(CloseCode.MESSAGE_TOO_LARGE)
            return None
        if not event.message_finished:
            return None
        text, self._begun = self._begun, ""
        return text

    def _is_in_time(self) -> bool:
        """Whether another frame may come now: so many a second, and some more after a silence."""
        now = time.monotonic()
        self._allowance += (now - self._allowed_at) * MESSAGES_PER_SECOND
        self._allowance = min(self._allowance, MESSAGES_AT_ONCE) - 1
        self._allowed_at = now
        return self._allowance >= 0

    def _read(self) -> bytes:
        try:
            return self._network.recv(READ_BYTES)
        except OSError:
            return b""

    def _write_now(self, data: bytes) -> bytes:
        """Give the kernel what it takes; returns the rest."""
        try:
            written = os.write(self._descriptor, data)
        except BlockingIOError:
            return data
        except OSError:
            # The client is gone. Its reader finds that too, and cleans up.
            self.is_closing = True
            self._queue.clear()
            return b""
        return data[written:]

    def _write_queue(self) -> None:
        while self._queue:
            try:
                wait_write(self._descriptor, timeout=WRITE_SECONDS_MAX)
            except TimeoutError:
                self.close(CloseCode.SLOW_READER)
                break
            if not self._queue:
                break
            data, is_counted = self._queue[0]
            rest = self._write_now(data)
            self._queued_bytes -= (len(data) - len(rest)) * is_counted
            if not self._queue:
                break
            if rest:
                self._queue[0] = (rest, is_counted)
            else:
                self._queue.popleft()
        self._writer = None

    def _begin_closing(self, goodbye: bytes) -> None:
        self.is_closing = True
        if self._queue:
            # What was begun has to end before the goodbye; what waits behind it is for a resumption. The kernel is
            # given room for both, so that a client finds them whenever it reads on.
            goodbye = self._queue[0][0] + goodbye
            self._queue.clear()
            self._network.setsockopt(network.SOL_SOCKET, network.SO_SNDBUF, 2 * SEND_BUFFER_BYTES + len(goodbye))
        self._write_now(goodbye)
        try:
            self._network.shutdown(network.SHUT_WR)
        except OSError:
            return
        gevent.spawn_later(CLOSE_SECONDS_MAX, self._hang_up)

    def _hang_up(self) -> None:
        with suppress(OSError):  # It may be closed already.
            self._network.shutdown(network.SHUT_RDWR)


def _handshake(connected: network.socket, environ: dict[str, Any]) -> Connection:
    """Answer the request with 101; raises NotAnUpgrade."""
    asked = [(name, environ.get("HTTP_" + name.upper().replace("-", "_"))) for name in HANDSHAKE_HEADERS]
    headers = [(name.encode(), value.encode("latin-1")) for name, value in asked if value is not None]
    upgrade = WSConnection(ConnectionType.SERVER)
    try:
        upgrade.initiate_upgrade_connection([(b"host", b"localhost"), *headers], "/")
    except RemoteProtocolError as problem:
        raise NotAnUpgrade from problem
    answer = upgrade.send(AcceptConnection())
    connected.setsockopt(network.IPPROTO_TCP, network.TCP_NODELAY, 1)
    connected.setsockopt(network.SOL_SOCKET, network.SO_SNDBUF, SEND_BUFFER_BYTES)
    connected.setsockopt(network.SOL_SOCKET, network.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        connected.setsockopt(network.IPPROTO_TCP, option, value)
    connected.sendall(answer)
    # What made the handshake is not kept with it.
    assert upgrade.connection is not None
    return upgrade.connection
