"""A client of the live feed that was let in: what it asks, and the channels that it has."""

from collections.abc import Callable
from functools import partial

import structlog
from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.clock import utc_now
from web.live_messages import (
    Code,
    Error,
    Message,
    Ping,
    Pong,
    RefusalCode,
    RefusedChannel,
    Subscribe,
    Subscribed,
    Time,
    Unsubscribe,
    Unsubscribed,
)
from web.market_channels import PREFIX, MarketChannels, UnknownMarket
from web.order_channels import NAME as ORDERS
from web.order_channels import OrdersChannels, read_position
from web.sockets import Socket, frame
from web.tokens import Caller

log = structlog.get_logger(__name__)

CHANNELS_MAX = 100


class Refused(Exception):
    """The channel is not given."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code = code


class Member:
    """A socket that was let in, what it may ask, and the names that it is counted by."""

    __slots__ = ("_markets", "_orders", "caller", "counted", "socket", "trader_id")

    def __init__(
        self,
        socket: Socket,
        markets: MarketChannels,
        orders: OrdersChannels,
        caller: Caller | None,
        trader_id: int | None,
        counted: tuple[str, ...],
    ) -> None:
        self.socket, self._markets, self._orders = socket, markets, orders
        self.caller, self.trader_id, self.counted = caller, trader_id, counted

    def answer(self, text: str) -> None:
        """Do what a message asks."""
        try:
            asked = from_json(text, allow_inf_nan=False)
        except ValueError:
            return self._say_error(Code.INVALID_JSON)
        op, named = (asked.get("op"), asked.get("id")) if isinstance(asked, dict) else (None, None)
        try:
            match op:
                case "subscribe":
                    self._subscribe(Subscribe.model_validate(asked))
                case "unsubscribe":
                    self._unsubscribe(Unsubscribe.model_validate(asked))
                case "ping":
                    ping = Ping.model_validate(asked)
                    self._say(Pong(id=ping.id, data=Time(time=utc_now())))
                case str():
                    self._say_error(Code.UNKNOWN_OP, named)
                case _:
                    self._say_error(Code.INVALID_MESSAGE, named)
        except ValidationError:
            self._say_error(Code.INVALID_MESSAGE, named)
        except (OperationalError, PoolTimeoutError) as problem:
            log.warning("channel_not_read", problem=type(problem).__name__)
            self._say_error(Code.UNAVAILABLE, named)
        return None

    def _subscribe(self, asked: Subscribe) -> None:
        accepted: dict[str, Callable[[], None]] = {}
        refused = []
        for name in dict.fromkeys(asked.channels):
            try:
                if len(accepted.keys() | self.socket.channels.keys() | {name}) > CHANNELS_MAX:
                    raise Refused(RefusalCode.TOO_MANY_CHANNELS)
                after = asked.after.get(name) if isinstance(asked.after, dict) else asked.after
                accepted[name] = self._joining(name, after)
            except Refused as refusal:
                refused.append(RefusedChannel(channel=name, code=refusal.code))
        self._say(Subscribed(id=asked.id, accepted=list(accepted), refused=refused))
        for name, join in accepted.items():
            self._leave(name)
            join()

    def _joining(self, name: str, after: int | str | None) -> Callable[[], None]:
        """How to join a channel; raises Refused."""
        if name == ORDERS:
            if self.trader_id is None:
                raise Refused(RefusalCode.TICKET_NEEDED)
            position = None if after is None else read_position(after)
            return partial(self._orders.join, self.socket, self.trader_id, position)
        if isinstance(after, str):
            raise Refused(RefusalCode.INVALID_AFTER)
        try:
            if not name.startswith(PREFIX):
                raise UnknownMarket(name)
            return partial(self._markets.join, self.socket, self._markets.find(name.removeprefix(PREFIX)), after)
        except UnknownMarket as error:
            raise Refused(RefusalCode.UNKNOWN_CHANNEL) from error

    def _unsubscribe(self, asked: Unsubscribe) -> None:
        left = [name for name in dict.fromkeys(asked.channels) if self._leave(name)]
        self._say(Unsubscribed(id=asked.id, channels=left))

    def _leave(self, name: str) -> bool:
        leave = self.socket.channels.pop(name, None)
        if leave is not None:
            leave()
        return leave is not None

    def _say(self, message: Message) -> None:
        self.socket.send(frame(message.text()))

    def _say_error(self, code: Code, named: object = None) -> None:
        try:
            self._say(Error(code=code, id=named))  # type: ignore[arg-type]
        except ValidationError:  # What stands there is no id.
            self._say(Error(code=code))
