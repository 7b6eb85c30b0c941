"""A lean HTTP client that asks on many kept connections at once, and tells how long each answer took."""

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


@dataclass(slots=True)
class Load:
    """What came of it: milliseconds of every answer, how many had another status, and the client's processor time."""

    seconds: float
    milliseconds: list[float] = field(default_factory=list)
    unexpected: int = 0
    client_seconds: float = 0

    @property
    def rate(self) -> float:
        return len(self.milliseconds) / self.seconds


class Connection(asyncio.Protocol):
    """One kept connection, with one request on its way at a time."""

    def __init__(self, next_request: Callable[[], bytes], expected_status: bytes, load: Load, end: float) -> None:
        self.next_request = next_request
        self.expected_status = expected_status
        self.load = load
        self.end = end
        self.received = b""
        self.transport: asyncio.Transport
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.begun = time.perf_counter()
        self.transport.write(self.next_request())

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(HEAD_END)
        if not found or len(body) < int(head.lower().split(LENGTH, 1)[1].split(b"\r\n", 1)[0]):
            return
        self.load.milliseconds.append((time.perf_counter() - self.begun) * 1000)
        self.load.unexpected += not head.startswith(self.expected_status)
        self.received = b""
        self.ask_again()

    def ask_again(self) -> None:
        if time.perf_counter() < self.end:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, problem: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


class SteadyConnection(Connection):
    """Asks at its own times, however late the answers; what waits for its turn is measured from when it was due."""

    def __init__(self, *arguments: object, first: float, interval: float) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.due, self.interval = first, interval

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.ask_when_due()

    def ask_again(self) -> None:
        self.due += self.interval
        if self.due < self.end:
            self.ask_when_due()
        else:
            self.transport.close()

    def ask_when_due(self) -> None:
        asyncio.get_running_loop().call_later(max(0, self.due - time.perf_counter()), self.ask)

    def ask(self) -> None:
        self.begun = self.due
        self.transport.write(self.next_request())


def request(method: str, path: str, body: bytes = b"", token: str | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + HEAD_END + body


def run(
    port: int,
    connections: int,
    next_request: Callable[[], bytes],
    *,
    status: int,
    seconds: float,
    per_second: float | None = None,
) -> Load:
    """So many connections asking for so long, all together so often or each as soon as it is answered."""
    return asyncio.run(_run(port, connections, next_request, status, seconds, per_second))


async def _run(
    port: int,
    connections: int,
    next_request: Callable[[], bytes],
    status: int,
    seconds: float,
    per_second: float | None,
) -> Load:
    load, begun = Load(seconds), time.perf_counter()
    processor_before = resource.getrusage(resource.RUSAGE_SELF)
    shared = (next_request, b"HTTP/1.1 %d" % status, load, begun + seconds)

    def connection(number: int) -> Connection:
        if per_second is None:
            return Connection(*shared)
        return SteadyConnection(*shared, first=begun + number / per_second, interval=connections / per_second)

    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda number=number: connection(number), "127.0.0.1", port)
        for number in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _transport, protocol in opened))
    processor_after = resource.getrusage(resource.RUSAGE_SELF)
    load.client_seconds = sum(processor_after[:2]) - sum(processor_before[:2])
    return load
