"""The channels `market:SYMBOL`: one contract's trades, each once and in order, and its state after them.

News come through Redis. Where some are missing, and now and then in any case, the record is read instead. A position is
twice the number of a trade's event; the state after an event has the odd number that follows, so that positions grow
from message to message and mean the same in every process.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from gevent.lock import RLock
from sqlalchemy.orm import Session, sessionmaker

from bot.clock import utc_now
from bot.feed import LEVELS_SHOWN, News
from engine import following, intake, queries, store
from engine.errors import TradingError
from engine.following import NumberedTrade
from engine.orders import Instrument, InstrumentStatus
from web import live_messages
from web.catalogue import price
from web.live_messages import MarketSnapshot, MarketState, MarketTrade, MarketUpdate
from web.schemas import Trade
from web.sockets import Socket, frame

PREFIX = "market:"
TRADES_REMEMBERED = 1000
TRADES_RESUMED_MAX = 5000
TRADES_PER_READ = 500
TRADES_PER_SEND = 200
# The range and volume of 24 hours also change as time goes by.
READ_AGAIN_AFTER = timedelta(minutes=5)


class UnknownMarket(Exception):
    """No such contract, or one that has expired."""


@dataclass(slots=True)
class Shard:
    """How far this process has heard, and the contracts of this shard that anyone here has asked for."""

    shard_id: int
    position: int
    read_at: datetime
    is_behind: bool = False  # The books of the last news are still to come.
    channels: dict[int, "MarketChannel"] = field(default_factory=dict)
    # Held while anything is read and told: what is heard meanwhile waits.
    lock: RLock = field(default_factory=RLock)


@dataclass(slots=True, eq=False, kw_only=True)
class MarketChannel:
    """One contract and the sockets that follow it.

    It was read as of event `number` of its shard and has all news since. `seq` is the last position that was told or is
    in `untold`. `trades` are the latest, and all that follow event `trades_since`.
    """

    instrument: Instrument
    name: str
    number: int
    seq: int
    bids: Sequence[tuple[int, int]]  # Price in ticks, quantity in lots; the best first.
    offers: Sequence[tuple[int, int]]
    status: InstrumentStatus
    last_ticks: int | None
    high_ticks: int | None
    low_ticks: int | None
    volume_lots: int
    as_of: datetime
    trades: deque[NumberedTrade]
    trades_since: int
    untold: list[bytes] = field(default_factory=list)
    has_changed: bool = False
    sockets: dict[Socket, None] = field(default_factory=dict)

    def apply(self, quote: queries.Quote) -> None:
        self.last_ticks, self.volume_lots = quote.last_ticks, quote.volume_lots
        self.high_ticks, self.low_ticks = quote.high_ticks, quote.low_ticks

    def trade(self, trade: NumberedTrade) -> None:
        ticks = trade.price_ticks
        self.last_ticks = ticks
        self.high_ticks = ticks if self.high_ticks is None else max(ticks, self.high_ticks)
        self.low_ticks = ticks if self.low_ticks is None else min(ticks, self.low_ticks)
        self.volume_lots += trade.quantity_lots
        if len(self.trades) == TRADES_REMEMBERED:
            self.trades_since = self.trades[0].number
        self.trades.append(trade)

    def state(self) -> MarketState:
        instrument = self.instrument
        sides = [
            [(ticks * instrument.tick_size, lots * instrument.lot_size) for ticks, lots in side]
            for side in (self.bids, self.offers)
        ]
        texts = [[(format(amount, "f"), format(quantity, "f")) for amount, quantity in side] for side in sides]
        return MarketState.model_construct(
            symbol=instrument.symbol,
            status=self.status,
            bids=sides[0],
            asks=sides[1],
            last=price(self.last_ticks, instrument),
            high=price(self.high_ticks, instrument),
            low=price(self.low_ticks, instrument),
            volume=self.volume_lots * instrument.lot_size,
            checksum=live_messages.checksum(bids=texts[0], asks=texts[1]),
            as_of=self.as_of,
        )


class MarketChannels:
    """Those that sockets of this process have asked for; they are kept once they are asked for."""

    def __init__(self, reads: sessionmaker[Session]) -> None:
        self._reads = reads
        self._shards: dict[int, Shard] = {}
        self._by_symbol: dict[str, tuple[Shard, MarketChannel]] = {}
        self._changed: dict[MarketChannel, None] = {}

    def find(self, symbol: str) -> MarketChannel:
        """Raises UnknownMarket."""
        _, channel = self._by_symbol.get(symbol) or self._open(symbol)
        if channel.status is InstrumentStatus.EXPIRED:
            raise UnknownMarket(symbol)
        return channel

    def join(self, socket: Socket, channel: MarketChannel, after: int | None) -> None:
        """Send what was missed and a snapshot, then all that happens."""
        shard, _ = self._by_symbol[channel.instrument.symbol]
        with shard.lock:
            self._tell(channel)
            resumed = None if after is None else self._resume(shard, channel, socket, after)
            snapshot = MarketSnapshot(channel=channel.name, seq=channel.seq, resumed=resumed, data=channel.state())
            socket.send(frame(snapshot.text()))
            channel.sockets[socket] = None
        socket.channels[channel.name] = lambda: channel.sockets.pop(socket, None)

    def hear(self, news: News) -> None:
        """Take in what a batch did; `tell` then tells it."""
        shard = self._shards.get(news.shard_id)
        if shard is None:
            return
        with shard.lock:
            if news.before > shard.position:
                self._read(shard)
            if news.last <= shard.position:
                return
            for trade in news.trades:
                self._take(shard, NumberedTrade(*msgspec.structs.astuple(trade), news.occurred_at))
            for book in news.books or ():
                channel = shard.channels.get(book.instrument_id)
                if channel is not None and news.last > channel.number:
                    channel.bids, channel.offers, channel.status = book.bids, book.offers, book.status
                    self._note_change(channel, news.committed_at)
            shard.position = news.last
            shard.is_behind = news.books is None

    def tell(self) -> None:
        """Send everything heard: each trade, and of each contract that has changed its latest state."""
        for channel in list(self._changed):
            shard, _ = self._by_symbol[channel.instrument.symbol]
            with shard.lock:
                self._tell(channel)

    def check(self, last_events: Mapping[int, int], now: datetime) -> None:
        """Read the record where it is ahead of what was heard, or was last read a while ago."""
        for shard in list(self._shards.values()):
            is_old = now - shard.read_at > READ_AGAIN_AFTER
            if last_events.get(shard.shard_id, 0) > shard.position or shard.is_behind or is_old:
                with shard.lock:
                    self._read(shard)
        self.tell()

    def _open(self, symbol: str) -> tuple[Shard, MarketChannel]:
        """Read a contract that nobody here has asked for yet."""
        now = utc_now()
        with following.one_moment(self._reads) as session:
            try:
                row = intake.find_instrument(session, symbol=symbol)
            except TradingError as error:
                raise UnknownMarket(symbol) from error
            if row["symbol"] != symbol:
                raise UnknownMarket(symbol)
            number = following.last_events(session)[row["shard_id"]]
            instrument = store.instrument_from_row(row)
            depth = queries.depth(session, instrument.instrument_id, LEVELS_SHOWN)
            [quote] = queries.quotes(session, [instrument.instrument_id], now)
            trades = following.latest_trades(session, instrument.instrument_id, limit=TRADES_REMEMBERED)
        if symbol in self._by_symbol:  # Another socket was as quick.
            return self._by_symbol[symbol]
        channel = MarketChannel(
            instrument=instrument,
            name=PREFIX + symbol,
            number=number,
            seq=2 * number + 1,
            bids=levels(depth.bids),
            offers=levels(depth.offers),
            status=instrument.status,
            last_ticks=quote.last_ticks,
            high_ticks=quote.high_ticks,
            low_ticks=quote.low_ticks,
            volume_lots=quote.volume_lots,
            as_of=now,
            trades=deque(trades, TRADES_REMEMBERED),
            trades_since=trades[0].number - 1 if len(trades) == TRADES_REMEMBERED else 0,
        )
        shard = self._shards.setdefault(row["shard_id"], Shard(row["shard_id"], number, now))
        with shard.lock:
            if shard.position > number:
                # News came between the reading and now, and were not this channel's yet.
                shard.channels[instrument.instrument_id] = channel
                self._read(shard, since=number)
            shard.channels[instrument.instrument_id] = channel
        self._by_symbol[symbol] = shard, channel
        return shard, channel

    def _read(self, shard: Shard, since: int | None = None) -> None:
        """Bring every channel of the shard to where the record is."""
        now = utc_now()
        since = shard.position if since is None else since
        with following.one_moment(self._reads) as session:
            last_event = following.last_events(session)[shard.shard_id]
            while True:
                trades = following.trades_of_shard_after(session, shard.shard_id, since, limit=TRADES_PER_READ)
                for trade in trades:
                    self._take(shard, trade)
                if len(trades) < TRADES_PER_READ:
                    break
                since = trades[-1].number
            channels = shard.channels
            depths = queries.depths(session, list(channels), LEVELS_SHOWN)
            quotes = queries.quotes(session, list(channels), now)
            statuses = {listed.instrument_id: listed.status for listed in queries.listed_instruments(session)}
        shard.position, shard.is_behind, shard.read_at = last_event, False, now
        for channel, quote in zip(channels.values(), quotes, strict=True):
            depth = depths[quote.instrument_id]
            book = (levels(depth.bids), levels(depth.offers), statuses[quote.instrument_id])
            differs = book != (list(channel.bids), list(channel.offers), channel.status)
            channel.bids, channel.offers, channel.status = book
            channel.apply(quote)
            channel.number = last_event
            if differs:
                self._note_change(channel, now)

    def _take(self, shard: Shard, trade: NumberedTrade) -> None:
        """A trade of the news or the record, told only once."""
        channel = shard.channels.get(trade.instrument_id)
        if channel is None or 2 * trade.number <= channel.seq:
            return
        channel.trade(trade)
        if channel.sockets:
            channel.untold.append(trade_frame(channel, shard.shard_id, trade, channel.seq))
        channel.seq = 2 * trade.number
        self._note_change(channel, trade.occurred_at)

    def _note_change(self, channel: MarketChannel, at: datetime) -> None:
        channel.has_changed, channel.as_of = True, at
        self._changed[channel] = None

    def _tell(self, channel: MarketChannel) -> None:
        """Everything that waits to be told of one contract, in one piece for all who follow it."""
        self._changed.pop(channel, None)
        shard, _ = self._by_symbol[channel.instrument.symbol]
        seq = 2 * max(shard.position, channel.number) + 1
        # A state whose book is still to come is not told; its trades are.
        if channel.has_changed and not shard.is_behind:
            channel.has_changed = False
            if channel.sockets and seq > channel.seq:
                update = MarketUpdate(channel=channel.name, seq=seq, prev=channel.seq, data=channel.state())
                channel.untold.append(frame(update.text()))
                channel.seq = seq
        frames, channel.untold = b"".join(channel.untold), []
        if frames:
            for socket in list(channel.sockets):
                socket.send(frames)

    def _resume(self, shard: Shard, channel: MarketChannel, socket: Socket, after: int) -> bool:
        """Send the trades that were missed; False if there are too many, or the position is not one of ours."""
        if after > 2 * shard.position + 1:
            # Another process has heard more than this one.
            self._read(shard)
            self._tell(channel)
        heard = max(shard.position, channel.number)
        if after > 2 * heard + 1:
            return False
        if after > channel.seq:
            # It has followed elsewhere, where more was told; nobody may see a position go back.
            channel.has_changed = True
            self._tell(channel)
            channel.seq = max(channel.seq, after)
        missed = [trade for trade in channel.trades if 2 * trade.number > after]
        if after // 2 < channel.trades_since:
            instrument_id = channel.instrument.instrument_id
            with self._reads() as session:
                found = following.trades_after(session, instrument_id, after // 2, limit=TRADES_RESUMED_MAX + 1)
            missed = [trade for trade in found if trade.number <= heard]
        if len(missed) > TRADES_RESUMED_MAX:
            return False
        for first in range(0, len(missed), TRADES_PER_SEND):
            frames = []
            for trade in missed[first : first + TRADES_PER_SEND]:
                frames.append(trade_frame(channel, shard.shard_id, trade, after))
                after = 2 * trade.number
            socket.send(b"".join(frames), is_counted=False)
        return True


def levels(side: Sequence[queries.Level]) -> list[tuple[int, int]]:
    return [(level.price_ticks, level.quantity_lots) for level in side]


def trade_frame(channel: MarketChannel, shard_id: int, trade: NumberedTrade, prev: int) -> bytes:
    instrument = channel.instrument
    shown = Trade.model_construct(
        id=f"{shard_id}-{trade.number}",
        symbol=instrument.symbol,
        price=price(trade.price_ticks, instrument),
        quantity=trade.quantity_lots * instrument.lot_size,
        taker_side=trade.taker_side,
        occurred_at=trade.occurred_at,
    )
    return frame(MarketTrade(channel=channel.name, seq=2 * trade.number, prev=prev, data=shown).text())
