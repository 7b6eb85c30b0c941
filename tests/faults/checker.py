"""Holds what is stored after a run to what was asked and answered during it (pure).

Everything that was acknowledged has exactly one effect, nothing has an effect that nobody asked for, every order is in
one state, both sides of every trade agree, money adds up, and every trader was told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from tests.faults.history import Answered, Asked, History
from tests.faults.plan import Deed
from tests.faults.stored import Command, Order, Reply, Stored, Trade
from tests.faults.told import fills_told

REACHED = ("queued", "sent", "delivered", "read")
OPEN = ("new", "partially_filled")
ENDS = ("order_canceled", "order_expired")
# What a request of each deed may have become, if anything. A yes agrees to whatever was asked.
KINDS = {
    Deed.PLACE: ("place",),
    Deed.AMEND: ("amend",),
    Deed.CANCEL: ("cancel",),
    Deed.CANCEL_ALL: ("cancel_all",),
    Deed.YES: ("place", "amend", "cancel", "cancel_all"),
    Deed.ASK: (),
    Deed.CHART: (),
    Deed.SPEAK: (),
}
# Outcomes of a message that has a command, and exactly one.
CARRIED_OUT = {"placed": "place", "amended": "amend"}
PLACED_MIN = 0.7  # Of the orders that were asked for.
COMMISSION = Decimal("0.001")
CENT = Decimal("0.01")


def check(history: History, stored: Stored) -> list[str]:
    """Everything that is wrong, in words."""
    return [
        *messages_arrived_once(history, stored),
        *messages_were_answered_once(stored),
        *messages_had_one_effect(history, stored),
        *voice_notes_had_one_effect(history, stored),
        *requests_had_one_effect(history, stored),
        *commands_were_asked_for(history, stored),
        *commands_were_settled_once(stored),
        *messages_were_handled_in_order(stored),
        *orders_are_in_one_state(stored),
        *trades_agree(stored),
        *commissions_are_right(stored),
        *positions_add_up(stored),
        *phones_show_what_was_sent(history, stored),
        *fills_were_told_once(stored),
        *the_api_shows_what_is_stored(history, stored),
        *followers_heard_their_trades(history, stored),
        *nothing_broke(stored),
        *enough_happened(history, stored),
    ]


def messages_arrived_once(history: History, stored: Stored) -> Iterator[str]:
    kept = Counter(message.sid for message in stored.messages)
    sent = {asked.action.key: asked for asked in _by_chat(history)}
    for sid, asked in sent.items():
        if asked.answered == Answered.TAKEN and kept[sid] == 0:
            yield f"message {sid} ({asked.text}) was acknowledged and is lost"
        if kept[sid] > 1:
            yield f"message {sid} is stored {kept[sid]} times"
    yield from (f"message {sid} was never sent" for sid in kept if sid not in sent)


def messages_were_answered_once(stored: Stored) -> Iterator[str]:
    replies = defaultdict(list)
    for reply in stored.replies:
        # What is too long for one message has pages, whose causes end in their numbers.
        if reply.inbox_id is not None and reply.cause == f"message:{reply.inbox_id}":
            replies[reply.inbox_id].append(reply)
    for message in stored.messages:
        if not message.handled or message.outcome is None:
            yield f"message {message.id} was never handled"
        elif len(replies[message.id]) != 1:
            yield f"message {message.id} has {len(replies[message.id])} answers"
        elif replies[message.id][0].state not in (*REACHED, "grouped"):
            yield f"the answer to message {message.id} is {replies[message.id][0].state}"


def messages_had_one_effect(history: History, stored: Stored) -> Iterator[str]:
    sent = {asked.action.key: asked for asked in _by_chat(history)}
    effects = _by_message(stored)
    for message in stored.messages:
        asked, commands = sent.get(message.sid), effects[message.id]
        if asked is None:
            continue
        if len(commands) > 1:
            yield f"message {message.id} ({asked.text}) had {len(commands)} effects"
        if message.outcome in CARRIED_OUT and [command.kind for command in commands] != [CARRIED_OUT[message.outcome]]:
            yield f"message {message.id} ({asked.text}) is {message.outcome}, but has no such command"
        for command in commands:
            yield from _differs(asked, command, stored, f"message {message.id} ({asked.text})")
            if command.trader_id != stored.traders.get(asked.action.trader.number or ""):
                yield f"message {message.id} acted for trader {command.trader_id}"


def voice_notes_had_one_effect(history: History, stored: Stored) -> Iterator[str]:
    """However often its sender agrees to it."""
    said: Counter[tuple[str, Deed]] = Counter()
    deeds = {asked.action.key: asked.action.deed for asked in _by_chat(history)}
    effects = _by_message(stored)
    for message in stored.messages:
        deed = deeds.get(message.sid)
        if deed == Deed.SPEAK:
            said[message.number, deed] += 1
        elif deed == Deed.YES:
            said[message.number, deed] += len(effects[message.id])
    for number in {number for number, _ in said}:
        if said[number, Deed.YES] > said[number, Deed.SPEAK]:
            yield f"{said[number, Deed.SPEAK]} voice notes of {number} had {said[number, Deed.YES]} effects"


def requests_had_one_effect(history: History, stored: Stored) -> Iterator[str]:
    effects = _by_key(stored)
    orders = {order.id for order in stored.orders}
    for asked in _by_api(history):
        trader, key = asked.action.trader.name, asked.action.key
        commands, name = effects[stored.traders.get(trader), key], f"request {key} ({asked.text})"
        if len(commands) > 1:
            yield f"{name} had {len(commands)} effects"
        if asked.answered == Answered.TAKEN and not commands:
            yield f"{name} was acknowledged and is lost"
        if asked.answered == Answered.REFUSED and commands and asked.refusal != "order_refused":
            yield f"{name} was refused as {asked.refusal} and had an effect"
        for command in commands:
            yield from _differs(asked, command, stored, name)
        if asked.action.deed != Deed.PLACE:
            continue
        placed = {command.order_id for command in commands}
        if asked.order_ids - placed:
            yield f"{name} was answered with orders {sorted(asked.order_ids)}, not {placed}"
        yield from (f"{name} made order {number}, which is nowhere" for number in placed if number not in orders)


def _differs(asked: Asked, command: Command, stored: Stored, name: str) -> Iterator[str]:
    """Where a command is not what was asked for."""
    action = asked.action
    if command.kind not in KINDS[action.deed]:
        yield f"{name} became a {command.kind}"
    elif action.deed in (Deed.AMEND, Deed.CANCEL) and command.order_id != asked.about:
        yield f"{name} was about order {asked.about} and became a {command.kind} of {command.order_id}"
    elif action.deed == Deed.PLACE:
        price = stored.price_of(command)
        if (command.side, command.quantity_lots, price) != (action.side, action.quantity, _price(action.cents)):
            yield f"{name} became {command.side} {command.quantity_lots} at {price}"
    elif action.deed == Deed.AMEND and stored.price_of(command) != _price(action.cents):
        yield f"{name} became a price of {stored.price_of(command)}"


def commands_were_asked_for(history: History, stored: Stored) -> Iterator[str]:
    """Nothing comes from nowhere."""
    messages = {message.id: message for message in stored.messages}
    sent = {asked.action.key for asked in _by_chat(history)}
    requested = {(stored.traders.get(asked.action.trader.name), asked.action.key) for asked in _by_api(history)}
    for command in stored.commands:
        if command.source == "chat":
            message = messages.get(_inbox_id(command))
            if message is None or message.sid not in sent:
                yield f"command {command.id} ({command.request_key}) was asked for by nobody"
        elif command.source == "api" and (command.trader_id, _api_key(command)) not in requested:
            yield f"command {command.id} ({command.request_key}) was asked for by nobody"


def commands_were_settled_once(stored: Stored) -> Iterator[str]:
    begun = Counter(
        event.order_id
        for event in stored.events
        if event.kind in ("order_accepted", "order_rejected") and event.order_id is not None
    )
    settled = {event.command_id for event in stored.events}
    for command in stored.commands:
        if command.waits or command.id not in settled:
            yield f"command {command.id} ({command.request_key}) was never settled"
        elif command.kind == "place" and begun[command.order_id] != 1:
            yield f"order {command.order_id} came in {begun[command.order_id]} times"


def messages_were_handled_in_order(stored: Stored) -> Iterator[str]:
    """Commands of one sender have the order of the messages that asked for them."""
    number_of = {message.id: message.number for message in stored.messages}
    latest: dict[str | None, int] = defaultdict(int)
    for command in sorted(stored.commands, key=lambda command: command.id):
        if command.source != "chat":
            continue
        inbox_id = _inbox_id(command)
        number = number_of.get(inbox_id)
        if inbox_id < latest[number]:
            yield f"message {inbox_id} was handled after {latest[number]}"
        latest[number] = max(latest[number], inbox_id)


def orders_are_in_one_state(stored: Stored) -> Iterator[str]:
    traded: Counter[int] = Counter()
    for trade in stored.trades:
        traded[trade.maker_order_id] += trade.quantity_lots
        traded[trade.taker_order_id] += trade.quantity_lots
    ended = Counter(event.order_id for event in stored.events if event.kind in ENDS)
    for order in stored.orders:
        if order.filled_lots != traded[order.id]:
            yield f"order {order.id} is filled by {order.filled_lots}, but traded {traded[order.id]}"
        if not _is_whole(order):
            yield f"order {order.id} is {order.state} with {order.filled_lots} of {order.quantity_lots} filled"
        if ended[order.id] != (order.state in ("canceled", "expired")):
            yield f"order {order.id} is {order.state} and has ended {ended[order.id]} times"


def _is_whole(order: Order) -> bool:
    """Whether the order's figures are those of its state."""
    filled, leaves, quantity = order.filled_lots, order.leaves_lots, order.quantity_lots
    by_state = {
        "new": filled == 0 and leaves == quantity,
        "partially_filled": 0 < filled < quantity and filled + leaves == quantity,
        "filled": filled == quantity and leaves == 0,
        "canceled": filled <= quantity and leaves == 0,
        "expired": filled <= quantity and leaves == 0,
        "rejected": filled == 0 and leaves == 0,
    }
    return by_state.get(order.state, False) and order.closed == (order.state not in OPEN)


def trades_agree(stored: Stored) -> Iterator[str]:
    orders = {order.id: order for order in stored.orders}
    amended = {event.order_id for event in stored.events if event.kind == "order_amended"}
    recorded = Counter(event.number for event in stored.events if event.kind == "trade")
    if recorded != Counter(trade.number for trade in stored.trades):
        yield "the trades are not those that are recorded"
    for trade in stored.trades:
        maker, taker = orders.get(trade.maker_order_id), orders.get(trade.taker_order_id)
        if maker is None or taker is None:
            yield f"trade {trade.number} lacks an order"
            continue
        if (maker.trader_id, taker.trader_id) != (trade.maker_trader_id, trade.taker_trader_id):
            yield f"trade {trade.number} names other traders than its orders"
        if maker.trader_id == taker.trader_id:
            yield f"trader {maker.trader_id} traded with themselves in trade {trade.number}"
        if taker.side != trade.taker_side or maker.side == taker.side:
            yield f"both sides of trade {trade.number} are not a buyer and a seller"
        if {maker.instrument_id, taker.instrument_id} != {trade.instrument_id}:
            yield f"trade {trade.number} is of another instrument than its orders"
        for order in (maker, taker):
            if order.id not in amended and not _is_within(order, trade):
                yield f"order {order.id} to {order.side} at {order.price_ticks} traded at {trade.price_ticks}"


def _is_within(order: Order, trade: Trade) -> bool:
    if order.price_ticks is None:
        return True
    if order.side == "buy":
        return trade.price_ticks <= order.price_ticks
    return trade.price_ticks >= order.price_ticks


def commissions_are_right(stored: Stored) -> Iterator[str]:
    for trade in stored.trades:
        instrument = stored.instruments[trade.instrument_id]
        worth = trade.price_ticks * instrument.tick_size * trade.quantity_lots * instrument.lot_size
        due = int((worth * COMMISSION / CENT).quantize(Decimal(1), ROUND_HALF_UP))
        if (trade.maker_commission_cents, trade.taker_commission_cents) != (due, due):
            yield f"trade {trade.number} of {worth} costs {due} cents a side, and not what it took"


def positions_add_up(stored: Stored) -> Iterator[str]:
    """A position is the sum of its trades, and what one trader has of an instrument the others lack."""
    lots: Counter[tuple[int, int]] = Counter()
    cash: Counter[tuple[int, int]] = Counter()
    paid: Counter[tuple[int, int]] = Counter()
    for trade in stored.trades:
        bought = trade.quantity_lots if trade.taker_side == "buy" else -trade.quantity_lots
        taker, maker = (
            (trader_id, trade.instrument_id) for trader_id in (trade.taker_trader_id, trade.maker_trader_id)
        )
        for side, held in ((taker, bought), (maker, -bought)):
            lots[side] += held
            cash[side] -= held * trade.price_ticks
        paid[taker] += trade.taker_commission_cents
        paid[maker] += trade.maker_commission_cents
    held = {(position.trader_id, position.instrument_id): position for position in stored.positions}
    for trader_id, instrument_id in lots.keys() - held.keys():
        yield f"trader {trader_id} traded instrument {instrument_id} and has no position"
    for side, position in held.items():
        name = f"the position of trader {side[0]} in instrument {side[1]}"
        if position.lots != lots[side]:
            yield f"{name} is {position.lots} lots, but its trades make {lots[side]}"
        if position.realised_ticks - position.open_cost_ticks != cash[side]:
            yield f"the profit of {name} is not what its trades made"
        if position.commission_cents != paid[side]:
            yield f"the commission of {name} is {position.commission_cents} cents, but its trades took {paid[side]}"
    for instrument_id in {instrument_id for _, instrument_id in held}:
        if total := sum(position.lots for side, position in held.items() if side[1] == instrument_id):
            yield f"all positions in instrument {instrument_id} make {total} lots"


def phones_show_what_was_sent(history: History, stored: Stored) -> Iterator[str]:
    """What we believe to have told is what the phones got, each message once."""
    told = Counter((reply.number, reply.body) for reply in stored.replies if reply.state in REACHED)
    for (number, body), count in ((history.phones | told) - (history.phones & told)).items():
        where = "is on the phone" if history.phones[number, body] > told[number, body] else "should be on the phone"
        yield f"{count} more of this {where} of {number}: {body[:80]!r}"
    for reply in stored.replies:
        if reply.state not in (*REACHED, "grouped"):
            yield f"reply {reply.id} ({reply.cause}) is {reply.state}: {reply.error_code}"


def fills_were_told_once(stored: Stored) -> Iterator[str]:
    """Everyone who writes from a number was told every fill of every order of theirs."""
    writers = {trader_id for name, trader_id in stored.traders.items() if name.startswith("+")}
    owners = {order.id: order.trader_id for order in stored.orders}
    due: Counter[tuple[int, int]] = Counter()
    for trade in stored.trades:
        cents = int(trade.price_ticks * stored.instruments[trade.instrument_id].tick_size / CENT)
        for order_id in (trade.maker_order_id, trade.taker_order_id):
            if owners.get(order_id) in writers:
                due[order_id, cents] += trade.quantity_lots
    told = fills_told(_told(stored.replies))
    for order_id, cents in sorted(due.keys() | told.keys()):
        if due[order_id, cents] != told[order_id, cents]:
            yield (
                f"order {order_id} was filled by {due[order_id, cents]} at {_price(cents)}, "
                f"and its trader was told of {told[order_id, cents]}"
            )


def the_api_shows_what_is_stored(history: History, stored: Stored) -> Iterator[str]:
    for trader, shown in history.shown.items():
        kept = {order.id: order.state for order in stored.orders if order.trader_id == stored.traders[trader]}
        for order_id in sorted(kept.keys() | shown.keys()):
            if kept.get(order_id) != shown.get(order_id):
                yield f"order {order_id} is {kept.get(order_id)}, and {trader} is shown {shown.get(order_id)}"


def followers_heard_their_trades(history: History, stored: Stored) -> Iterator[str]:
    for trader, heard in history.heard.items():
        trader_id = stored.traders[trader]
        made = Counter(
            str(trade.number)
            for trade in stored.trades
            for side in (trade.maker_trader_id, trade.taker_trader_id)
            if side == trader_id
        )
        for number in sorted(made.keys() | heard.keys(), key=int):
            if made[number] != heard[number]:
                yield f"{trader} made trade {number} {made[number]} times and heard of it {heard[number]} times"


def nothing_broke(stored: Stored) -> Iterator[str]:
    if stored.malfunctions:
        yield f"{stored.malfunctions} commands malfunctioned"
    if stored.owed_reactions:
        yield f"{stored.owed_reactions} reactions are owed"


def enough_happened(history: History, stored: Stored) -> Iterator[str]:
    """A run in which most orders never came about would prove nothing."""
    wanted = sum(asked.action.deed == Deed.PLACE for asked in history.asked)
    placed = sum(command.kind == "place" and command.source in ("chat", "api") for command in stored.commands)
    if placed < wanted * PLACED_MIN:
        yield f"of {wanted} orders that were asked for only {placed} came about"
    if not stored.trades:
        yield "nobody traded"


def _told(replies: list[Reply]) -> Iterator[str]:
    return (reply.body for reply in replies if reply.state in REACHED)


def _by_chat(history: History) -> list[Asked]:
    return [asked for asked in history.asked if asked.action.trader.number is not None]


def _by_api(history: History) -> list[Asked]:
    return [asked for asked in history.asked if asked.action.trader.number is None]


def _by_message(stored: Stored) -> dict[int, list[Command]]:
    found: dict[int, list[Command]] = defaultdict(list)
    for command in stored.commands:
        if command.source == "chat":
            found[_inbox_id(command)].append(command)
    return found


def _by_key(stored: Stored) -> dict[tuple[int | None, str], list[Command]]:
    found: dict[tuple[int | None, str], list[Command]] = defaultdict(list)
    for command in stored.commands:
        if command.source == "api":
            found[command.trader_id, _api_key(command)].append(command)
    return found


def _inbox_id(command: Command) -> int:
    """A request of chat is known by its message: `message:12`, or `message:12:wheat` of one in parts."""
    return int(command.request_key.split(":")[1])


def _api_key(command: Command) -> str:
    """The caller's own key, which stands last: `key:1764.5:k-12`, `client:k-12`."""
    return command.request_key.rpartition(":")[2]


def _price(cents: int) -> Decimal:
    return cents * CENT
