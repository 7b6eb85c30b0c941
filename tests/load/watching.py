"""The sockets of a load: `python -m tests.load.watching` is one client process.

It is given the load on its standard input, says "open" when all its sockets follow what they should, and after a line
with two moments writes what was seen between them as JSON.
"""

import json
import select
import sys
import time
from contextlib import closing
from http.client import HTTPConnection

import msgspec

from tests.load.population import Load, Trader, Watched
from tests.load.sockets import Clients, Subscription
from tests.load.times import percentiles

POLL_SECONDS = 0.05
LISTEN_SECONDS = 3  # After the end, for what is on its way.


def main() -> None:
    load = msgspec.json.decode(sys.stdin.readline(), type=Load)
    clients = Clients(load.port)
    channels = [f"market:{market.symbol}" for market in load.markets]

    def subscription(trader: Trader) -> Subscription:
        return Subscription([channels[trader.market], "orders"], lambda: ticket(load.port, trader))

    clients.open([Subscription([channels[market]]) for market in load.watchers])
    clients.open([subscription(trader) for trader in load.traders])
    print("open", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        clients.poll(POLL_SECONDS)
    measured_from, measured_to = map(float, sys.stdin.readline().split())
    poll_until(clients, measured_from)
    clients.forget()
    poll_until(clients, measured_to + LISTEN_SECONDS)
    seen = Watched(
        sockets=len(clients.clients),
        updates=percentiles(clients.latencies),
        orders=percentiles(clients.order_latencies),
        out_of_order=clients.out_of_order,
        closed=sum(not client.is_open for client in clients.clients),
    )
    clients.close()
    sys.stdout.buffer.write(msgspec.json.encode(seen))


def poll_until(clients: Clients, moment: float) -> None:
    while time.time() < moment:
        clients.poll(POLL_SECONDS)


def ticket(port: int, trader: Trader) -> str:
    """What opens the trader's private channel once."""
    with closing(HTTPConnection("127.0.0.1", port)) as api:
        api.request("POST", "/api/auth/ticket", headers={"Authorization": f"Bearer {trader.token}"})
        issued: str = json.loads(api.getresponse().read())["ticket"]
    return issued


if __name__ == "__main__":
    main()
