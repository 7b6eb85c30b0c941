"""How much one address and one account may ask, and which addresses are shut out for a while; counted in Redis.

One script checks and counts everything that a request is measured by, in one round trip and atomically, so that the
limits are exact over any number of processes. A window begins with its first request.
Headers: draft-ietf-httpapi-ratelimit-headers.
"""

import hashlib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, ParamSpec, TypeVar

import structlog
from flask import Flask, Response, current_app, g, request
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError

from bot import security_events
from bot.clock import utc_now
from bot.refusals import RequestRefused
from bot.security_events import SecurityEvent
from bot.settings import Settings
from web import bodies, caller

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

OFFENCES_MAX = 50
OFFENCES_WITHIN = timedelta(minutes=15)
BLOCK_FIRST = timedelta(minutes=1)
BLOCK_LONGEST = timedelta(days=1)
BLOCKS_REMEMBERED = timedelta(days=1)

# KEYS: the address's block, then a window for each that is counted. ARGV: limit, window in milliseconds.
# Answers: how long the block lasts, what remains (-1 where it is used up), when the fullest window ends.
TAKE = """
local blocked = redis.call('PTTL', KEYS[1])
if blocked > 0 then return {blocked, -1, 0} end
local limit, remaining, resets = tonumber(ARGV[1]), tonumber(ARGV[1]), 0
for i = 2, #KEYS do
    if tonumber(redis.call('GET', KEYS[i]) or '0') >= limit then
        return {0, -1, redis.call('PTTL', KEYS[i])}
    end
end
for i = 2, #KEYS do
    local count = redis.call('INCR', KEYS[i])
    if count == 1 then redis.call('PEXPIRE', KEYS[i], ARGV[2]) end
    if limit - count < remaining then
        remaining, resets = limit - count, redis.call('PTTL', KEYS[i])
    end
end
return {0, remaining, resets}
"""

# KEYS: offences, blocks, block. ARGV: offences to a block, and in seconds: their window, memory of blocks, first and
# longest block. Answers the length of the block that this offence led to, or 0.
OFFEND = """
local offences = redis.call('INCR', KEYS[1])
if offences == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
if offences < tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
local blocks = redis.call('INCR', KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
local seconds = math.min(tonumber(ARGV[4]) * 2 ^ (blocks - 1), tonumber(ARGV[5]))
redis.call('SET', KEYS[3], '1', 'EX', string.format('%d', seconds))
return seconds
"""


class RateLimited(RequestRefused):
    """Too many requests. Facts: retry_after_seconds."""

    code = "rate_limited"


class AddressBlocked(RateLimited):
    """The address is shut out for a while. Facts: retry_after_seconds."""

    code = "address_blocked"


class LimitsUnavailable(RequestRefused):
    """Requests cannot be counted, and these are not taken uncounted."""

    code = "limits_unavailable"


@dataclass(frozen=True, slots=True)
class Policy:
    """`needs_counting`: refused while Redis is away, where others are let through."""

    name: str
    limit: int
    window: timedelta
    needs_counting: bool = False


@dataclass(frozen=True, slots=True)
class Policies:
    auth: Policy
    orders: Policy
    api: Policy
    webhooks: Policy

    @classmethod
    def of(cls, settings: Settings) -> "Policies":
        minute = timedelta(minutes=1)
        return cls(
            auth=Policy("auth", settings.logins_per_quarter_hour, timedelta(minutes=15), needs_counting=True),
            orders=Policy("orders", settings.orders_per_minute, minute),
            api=Policy("api", settings.requests_per_minute, minute),
            webhooks=Policy("webhooks", settings.webhooks_per_minute, minute),
        )


class Block(NamedTuple):
    """An address, or an IPv6 network, and for how many seconds more it is shut out."""

    address: str
    seconds: int


class Limits:
    """The application's limits, as `current_app.extensions["limits"]`."""

    def __init__(self, app: Flask, policies: Policies) -> None:
        self.policies = policies
        self._redis: Redis = app.extensions["redis"]
        self._take: Script = self._redis.register_script(TAKE)
        self._offend: Script = self._redis.register_script(OFFEND)

    def take(self, policy: Policy, *counted: str) -> None:
        """Count one request against the address and whatever else is `counted`; raises what is wrong with it."""
        address = address_key()
        keys = [f"block:{address}", *(f"limit:{policy.name}:{name}" for name in (f"address:{address}", *counted))]
        milliseconds = int(policy.window.total_seconds() * 1000)
        try:
            blocked, remaining, resets = self._take(keys=keys, args=[policy.limit, milliseconds])
        except RedisError as problem:
            log.warning("limits_unavailable", policy=policy.name, problem=type(problem).__name__)
            if policy.needs_counting:
                raise LimitsUnavailable from problem
            return
        if blocked > 0:
            raise AddressBlocked(retry_after_seconds=seconds(blocked))
        g.rate_limit = (policy, max(remaining, 0), seconds(resets))
        if remaining < 0:
            self.offence("rate_limited")
            raise RateLimited(retry_after_seconds=seconds(resets))

    def offence(self, kind: str) -> None:
        """Something suspicious came from this address; enough of it shuts the address out, longer each time."""
        address = address_key()
        durations = (OFFENCES_WITHIN, BLOCKS_REMEMBERED, BLOCK_FIRST, BLOCK_LONGEST)
        arguments = [OFFENCES_MAX, *(int(duration.total_seconds()) for duration in durations)]
        try:
            block_seconds = self._offend(
                keys=[f"offences:{address}", f"blocks:{address}", f"block:{address}"], args=arguments
            )
        except RedisError as problem:
            log.warning("offence_not_counted", kind=kind, problem=type(problem).__name__)
            return
        if block_seconds:
            with current_app.extensions["sessions"].begin() as session:
                security_events.record(
                    session,
                    SecurityEvent.ADDRESS_BLOCKED,
                    utc_now(),
                    ip_address=address,
                    cause=kind,
                    block_seconds=int(block_seconds),
                )

    def blocked(self) -> list[Block]:
        """Every address that is shut out now, the one for longest first; raises RedisError."""
        found = []
        for key in self._redis.scan_iter(match="block:*"):
            if (milliseconds := self._redis.pttl(key)) > 0:
                found.append(Block(key.decode().removeprefix("block:"), seconds(milliseconds)))
        return sorted(found, key=lambda block: block.seconds, reverse=True)

    def unblock(self, address: str) -> None:
        """Let an address in again, and forget what it did; raises RedisError."""
        self._redis.delete(f"block:{address}", f"blocks:{address}", f"offences:{address}")


def register(app: Flask, settings: Settings) -> None:
    app.extensions["limits"] = Limits(app, Policies.of(settings))
    app.before_request(count_request)
    app.after_request(tell_limits)


def count_request() -> None:
    """Measure every call of the API by its address and, if it names one, its account."""
    limits: Limits = current_app.extensions["limits"]
    if not request.path.startswith("/api/") or request.method == "OPTIONS":
        return
    if request.url_rule is None:
        limits.take(limits.policies.api)
        limits.offence("probing")
        return
    known = caller.claimed()
    counted = [] if known is None else [f"account:{known.account_id}"]
    policy = limits.policies.api
    if getattr(current_app.view_functions[request.endpoint], "is_counted_as_auth", False):
        policy = limits.policies.auth
        counted += named_account()
    elif request.blueprint == "orders" and request.method != "GET":
        policy = limits.policies.orders
    limits.take(policy, *counted)
    if caller.is_forged():
        limits.offence("forged_token")


def counted_as_auth(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that tries a password or a code, of which few tries are allowed."""
    view.is_counted_as_auth = True
    return view


def named_account() -> list[str]:
    """The account that a login names, which is counted whether or not it exists."""
    bodies.read_body()
    body = request.get_json(force=True, silent=True)
    username = body.get("username") if isinstance(body, dict) else None
    if not isinstance(username, str):
        return []
    return ["username:" + hashlib.sha256(username.lower().encode(errors="surrogatepass")).hexdigest()]


def tell_limits(response: Response) -> Response:
    if (told := g.get("rate_limit")) is not None:
        policy, remaining, resets = told
        window = int(policy.window.total_seconds())
        response.headers["RateLimit-Policy"] = f'"{policy.name}";q={policy.limit};w={window}'
        response.headers["RateLimit"] = f'"{policy.name}";r={remaining};t={resets}'
    return response


def address_key() -> str:
    """Who is counted: an IPv4 address, or the network of an IPv6 one, of which one caller has as many as it likes."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:  # A proxy that is set up wrongly; all that it passes on is counted together.
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def seconds(milliseconds: int) -> int:
    """Rounded up: who waits that long is let in."""
    return max(1, -(-milliseconds // 1000))
