"""HTTP on kept connections, as many as there are requests under way: what waits, waits for the server."""

import asyncio
from contextlib import suppress

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


class Unanswered(Exception):
    """The server closed the connection instead."""


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.received = b""
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(HEAD_END)
        if not found or self.answer is None:
            return
        length = head.lower().partition(LENGTH)[2].partition(b"\r\n")[0]
        if len(body) < int(length or 0):
            return
        self.received = b""
        answer, self.answer = self.answer, None
        answer.set_result((int(head[9:12]), body))

    def connection_lost(self, problem: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(Unanswered())


class Wire:
    """All connections to one server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and body of the answer; raises Unanswered."""
        # A kept connection that was closed just then is replaced, as browsers do.
        while (connection := self._kept()) is not None:
            with suppress(Unanswered):
                return await self._ask_on(connection, request)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        return await self._ask_on(connection, request)

    async def _ask_on(self, connection: Connection, request: bytes) -> tuple[int, bytes]:
        answer = await connection.ask(request)
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        for connection in self._idle:
            connection.transport.close()

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None
