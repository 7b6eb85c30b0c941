"""The live feed, `/ws`: who may open a socket, what it may ask, and the greenlets that keep it told.

A socket is no request: it is answered before Flask, so that thousands of them keep no request's context alive. One
greenlet a process tells the news, and one looks twice a second whether the record is ahead of what was heard.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import gevent
import structlog
from flask import Flask
from gevent.queue import Full, Queue
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot import login_sessions, metrics
from bot.clock import utc_now
from bot.feed import News
from bot.settings import Settings
from engine import following
from web import errors, limits, tickets
from web.limits import RateLimited
from web.live_members import Member
from web.live_messages import Heartbeat, Time
from web.market_channels import MarketChannels
from web.order_channels import OrdersChannels
from web.sockets import CloseCode, NotAnUpgrade, Socket, frame
from web.tickets import InvalidTicket, TicketUsed

log = structlog.get_logger(__name__)

PATH = "/ws"
NEWS_WAITING_MAX = 1000
HEARD_AT_ONCE_MAX = 100
CHECK_SECONDS = 0.5
RETRY_SECONDS = 1
REST_PER_TELLING = 2
DRAIN_CHECK_SECONDS = 0.2
HEARTBEAT_EVERY = timedelta(seconds=5)
LOGINS_CHECKED_EVERY = timedelta(seconds=5)

Environment = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environment, StartResponse], Iterable[bytes]]


class NotAdmitted(Exception):
    """The socket is closed at once, with this code."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code)
        self.code = code


class LiveFeed:
    """Every socket of this process, and what they follow. `is_ending` says when the process is told to stop."""

    def __init__(self, app: Flask, settings: Settings, application: Application) -> None:
        self.is_ending: Callable[[], bool] = lambda: False
        self._app = app
        self._application = application
        self._settings = settings
        self._reads = app.extensions["reads"]
        self._redis = app.extensions["redis"]
        self._markets = MarketChannels(self._reads)
        self._orders = OrdersChannels(self._reads, app.extensions["catalogue"])
        self._members: dict[Socket, Member] = {}
        self._counts: Counter[str] = Counter()
        # By shard, the last event of which this process has news, and that stood in the record when it last looked.
        self._heard: dict[int, int] = {}
        self._recorded: dict[int, int] = {}
        self._news: Queue[News] = Queue(NEWS_WAITING_MAX)
        self._is_running = False

    def __call__(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return self._application(environ, start_response)
        with self._app.request_context(environ):
            address = limits.address_key()
            limiter: limits.Limits = self._app.extensions["limits"]
            try:
                limiter.take(limiter.policies.api)
            except RateLimited as refused:
                return errors.refusal(refused)(environ, start_response)
        connected = environ.get("gunicorn.socket")
        try:
            if connected is None or environ["REQUEST_METHOD"] != "GET":
                raise NotAnUpgrade
            socket = Socket(connected, environ)
        except NotAnUpgrade:
            answer = errors.problem(426, "upgrade_required", "This is a WebSocket.", headers={"Upgrade": "websocket"})
            return answer(environ, start_response)
        ticket = parse_qs(environ.get("QUERY_STRING", "")).get("ticket", [None])[0]
        with metrics.websocket_connections.track_inprogress():
            self._serve(socket, address, ticket)
        # gunicorn closes the connection, and writes no answer of its own.
        raise StopIteration

    def _serve(self, socket: Socket, address: str, ticket: str | None) -> None:
        """Let the socket in, or close it saying why, and answer it until it is over."""
        try:
            member = self._admit(socket, address, ticket)
        except NotAdmitted as refusal:
            socket.close(refusal.code)
            for _ in socket.messages():
                pass
            return
        self._start()
        try:
            for text in socket.messages():
                member.answer(text)
        finally:
            del self._members[socket]
            self._counts.subtract(member.counted)
            for name in member.counted:
                if not self._counts[name]:
                    del self._counts[name]
            for leave in list(socket.channels.values()):
                leave()

    def _admit(self, socket: Socket, address: str, ticket: str | None) -> Member:
        """Raises NotAdmitted."""
        caller = trader_id = None
        if ticket is not None:
            try:
                caller = tickets.redeem(self._redis, ticket)
                with self._reads() as session:
                    trader_id = login_sessions.trader_of(session, caller.account_id, caller.session_id, writing=False)
            except InvalidTicket as error:
                raise NotAdmitted(CloseCode.INVALID_TICKET) from error
            except TicketUsed as error:
                raise NotAdmitted(CloseCode.TICKET_USED) from error
            except (RedisError, OperationalError, PoolTimeoutError) as error:
                raise NotAdmitted(CloseCode.UNAVAILABLE) from error
            if trader_id is None:
                raise NotAdmitted(CloseCode.LOGIN_ENDED)
        bounds = {f"address:{address}": self._settings.sockets_per_address}
        if caller is not None:
            bounds[f"account:{caller.account_id}"] = self._settings.sockets_per_account
        if any(self._counts[name] >= bound for name, bound in bounds.items()):
            raise NotAdmitted(CloseCode.TOO_MANY_SOCKETS)
        self._counts.update(bounds.keys())
        member = self._members[socket] = Member(socket, self._markets, self._orders, caller, trader_id, tuple(bounds))
        return member

    def _start(self) -> None:
        """With the first socket, begin to hear and tell."""
        if not self._is_running:
            self._is_running = True
            for work in (self._tell_news, self._check, self._drain):
                gevent.spawn(work).link_exception(self._end_process)
            self._app.extensions["news"].add(self._take_news)

    def _end_process(self, greenlet: gevent.Greenlet) -> None:
        """Without one of its greenlets the feed would stand still: better that the process is replaced."""
        log.error("feed_broken", problem=repr(greenlet.exception))
        os.kill(os.getpid(), signal.SIGTERM)

    def _take_news(self, news: News) -> None:
        try:
            self._news.put_nowait(news)
        except Full:
            log.warning("news_dropped", shard=news.shard_id)  # What follows them shows the gap.

    def _tell_news(self) -> None:
        """Tell of every batch; of those that were not heard, `_check` finds in the record."""
        while True:
            try:
                self._hear(self._news.get())
                for _ in range(HEARD_AT_ONCE_MAX):
                    if self._news.empty():
                        break
                    self._hear(self._news.get())
                begun = time.monotonic()
                self._markets.tell()
                # Telling thousands takes its time; the rest of the machine gets its share, and the states that follow
                # meanwhile become one.
                gevent.sleep((time.monotonic() - begun) * REST_PER_TELLING)
            except (OperationalError, PoolTimeoutError) as problem:
                log.warning("feed_interrupted", problem=type(problem).__name__)
                gevent.sleep(RETRY_SECONDS)

    def _hear(self, news: News) -> None:
        is_next = self._heard.get(news.shard_id) == news.before
        self._heard[news.shard_id] = max(news.last, self._heard.get(news.shard_id, 0))
        self._orders.hear(news)
        if not is_next:
            self._orders.check(news_were_lost=True)
        self._markets.hear(news)

    def _check(self) -> None:
        """Time's own work: lost news, heartbeats, and logins that have ended."""
        beat_at = logins_checked_at = utc_now()
        while True:
            gevent.sleep(CHECK_SECONDS)
            now = utc_now()
            try:
                self._find_lost_news(now)
                if now - logins_checked_at >= LOGINS_CHECKED_EVERY:
                    logins_checked_at = now
                    self._end_with_logins()
            except (OperationalError, PoolTimeoutError) as problem:
                log.warning("record_not_read", problem=type(problem).__name__)
            if now - beat_at >= HEARTBEAT_EVERY:
                beat_at = now
                beat = frame(Heartbeat(data=Time(time=now)).text())
                for socket in list(self._members):
                    socket.send(beat)

    def _find_lost_news(self, now: datetime) -> None:
        # What stood in the record at the last look has been heard by now, or never will be.
        expected = self._recorded
        with self._reads() as session:
            self._recorded = following.last_events(session)
        ahead = {shard_id: last for shard_id, last in expected.items() if last > self._heard.get(shard_id, 0)}
        self._heard |= ahead
        self._orders.check(news_were_lost=bool(ahead))
        self._markets.check(expected, now)

    def _end_with_logins(self) -> None:
        """Close the sockets whose login has ended or acts for another trader now."""
        private = [member for member in self._members.values() if member.caller is not None]
        if not private:
            return
        with self._reads() as session:
            traders = login_sessions.traders_of(session, {member.caller.session_id for member in private})
        for member in private:
            if traders.get(member.caller.session_id) != member.trader_id:
                member.socket.close(CloseCode.LOGIN_ENDED)

    def _drain(self) -> None:
        """When the process is told to stop, send everyone to another."""
        while not self.is_ending():
            gevent.sleep(DRAIN_CHECK_SECONDS)
        for socket in list(self._members):
            socket.close(CloseCode.GOING_AWAY)
