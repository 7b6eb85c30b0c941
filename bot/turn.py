"""One message handled: read, decided, carried out through the engine's door and answered, in one transaction."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import (
    adjustments,
    attachments,
    examples,
    inbox,
    last_orders,
    linking,
    local_time,
    outbox,
    places,
    reasons,
    replies,
    tables,
    tally,
)
from bot.asker import Asker
from bot.attachments import Wanted
from bot.dialogue import ORDER_INTENTS, LastOrder, Outcome, Question, Situation, Step, step
from bot.listings import Listings
from bot.outbox import Reply
from bot.understanding import Understanding
from bot.wording import Wording
from engine import intake, queries
from engine.errors import TooLarge, TradingError, UnknownMarket
from engine.intake import OrderRequest, Receipt, Source
from engine.orders import OrderState, OrderType, Reason, Side, TimeInForce
from nlp.reading import Intent, Reading

BUTTON_INTENTS = {"confirm": Intent.YES, "cancel": Intent.NO}
FAILURES_MAX = 3


class NoOpenOrders(TradingError):
    """There is nothing open of what is to be canceled."""

    code = "no_open_orders"


class NoPosition(TradingError):
    """There is nothing to close of what is to be closed. Facts: asset, contract, side that would close it."""

    code = "no_position"


class NoSinglePosition(TradingError):
    """One position at a time is closed, and several may be meant. Facts: instruments, the ids of theirs."""

    code = "no_single_position"


class TradingFrozen(TradingError):
    """The trader said STOP, which holds until the web lifts it. Facts: web, its address; username of the account."""

    code = "trader_frozen"


def take(
    session: Session,
    understanding: Understanding,
    conversation_id: int,
    now: datetime,
    *,
    messages_per_minute_max: int,
    frontend_url: str,
) -> list[int] | None:
    """Handle the oldest waiting message of a conversation; returns the shards to wake, or None if nothing waited.

    The conversation is locked before the message is chosen, so that a "yes" never overtakes the order it confirms.
    Messages above the sender's rate are not read; the sender is told so once a minute.
    """
    inbox.lock_conversation(session, conversation_id)
    message = inbox.oldest_waiting(session, conversation_id)
    if message is None or (message["media_url"] is not None and message["transcript"] is None):
        return None
    understanding.refresh(session, now)
    conversation = (
        session.execute(sa.select(tables.conversations).where(tables.conversations.c.id == conversation_id))
        .mappings()
        .one()
    )
    turn = Turn(session, understanding, conversation, message, now, frontend_url)
    if inbox.count_minute_before(session, message) > messages_per_minute_max:
        return turn.refuse_flood(messages_per_minute_max)
    if conversation["taken_over_at"] is not None:
        return turn.leave_to_staff()
    return turn.handle()


def give_up(session: Session, conversation_id: int, now: datetime) -> None:
    """Count a failure of our own in handling the oldest message; after a few, say so and let the next one pass."""
    inbox.lock_conversation(session, conversation_id)
    message = inbox.oldest_waiting(session, conversation_id)
    if message is None:
        return
    values: dict[str, object] = {"failures": message["failures"] + 1}
    if message["failures"] + 1 >= FAILURES_MAX:
        values |= {"handled_at": now, "outcome": Outcome.REFUSED}
        language = session.execute(
            sa.select(tables.conversations.c.language).where(tables.conversations.c.id == conversation_id)
        ).scalar_one()
        body = reasons.order_reason(Reason.MALFUNCTION, language)
        reply = Reply(conversation_id=conversation_id, cause=cause_of(message["id"]), body=body, inbox_id=message["id"])
        outbox.add(session, [reply], now)
    session.execute(sa.update(tables.inbox).where(tables.inbox.c.id == message["id"]).values(values))


def cause_of(inbox_id: int) -> str:
    """What the one reply to this message is known by."""
    return f"message:{inbox_id}"


class StoredMarket:
    """What the markets of one trader's orders are at, as stored."""

    def __init__(self, session: Session, listings: Listings, trader_id: int) -> None:
        self.session, self.listings, self.trader_id = session, listings, trader_id

    def last_price(self, reading: Reading) -> Decimal | None:
        listing = self.listings.find(reading.asset, reading.contract)
        return None if listing is None else queries.last_price(self.session, listing.symbol)

    def usual_price(self, reading: Reading) -> Decimal | None:
        order = reading
        if reading.intent == Intent.AMEND_ORDER:
            try:
                order_id = last_orders.order_id(self.session, self.trader_id, reading.order_id)
                order = last_orders.reading_of(self.session, self.trader_id, order_id, self.listings, reading.lang)
            except TradingError:  # There is no such order, which carrying the amendment out will say.
                return None
        listing = self.listings.find(order.asset, order.contract)
        if listing is None or listing.reference_price is None:
            return None
        return queries.last_price(self.session, listing.symbol) or listing.reference_price


class Turn:
    """Everything one message needs while it is handled."""

    def __init__(
        self,
        session: Session,
        understanding: Understanding,
        conversation: sa.RowMapping,
        message: sa.RowMapping,
        now: datetime,
        frontend_url: str,
    ) -> None:
        self.session, self.now, self.frontend_url = session, now, frontend_url
        self.parser, self.listings = understanding.parser, understanding.listings
        self.conversation, self.message = conversation, message
        self.zone = places.zone_of(conversation["number"])
        stored = conversation["question"]
        self.question = None if stored is None else msgspec.convert(stored, Question)
        stored = conversation["last_order"]
        self.last_order = None if stored is None else msgspec.convert(stored, LastOrder)

    def handle(self) -> list[int]:
        transcript = self.message["transcript"]
        if transcript is not None and "refused" in transcript:
            return self._unheard(transcript["refused"])
        if self._tapped("change"):
            return self._ask_what_to_change()
        reading = self._in_time(about_quoted(self._read(), self.quoted, self.question))
        language = reading.lang
        receipts: list[Receipt] = []
        body: str | None = None
        asker: Asker | None = None
        taken = Step(outcome=Outcome.REFUSED, reading=reading, question=None)
        try:
            taken = step(self._worked_out(reading), self._situation())
            if taken.execute is not None:
                receipts, taken = self._carry_out(taken, taken.execute)
            else:
                self._check(taken)
                wording = self._wording(language)
                body = wording.of(taken)
                asker = wording.asker
        except TradingError as refusal:
            body = replies.refused(refusal.code, refusal.facts, self.listings, self._local(language))
            if isinstance(refusal, TooLarge) and taken.outcome == Outcome.ASK_CONFIRM:
                return self._ask_for_less(taken, body)
            # An order that is canceled already is as its trader wants it.
            if not (taken.outcome == Outcome.CANCELLED and refusal.facts.get("state") == OrderState.CANCELED):
                taken = replace(taken, outcome=Outcome.REFUSED, question=None)
        if body is not None:
            asked = taken.question if taken.outcome == Outcome.ASK_CONFIRM else None
            self._reply(body, button_nonce=None if asked is None else asked.nonce, asker=asker)
        self._remember(taken, language)
        return sorted({receipt.shard_id for receipt in receipts})

    def _ask_for_less(self, taken: Step, refusal: str) -> list[int]:
        """Ask for another number in place of one that no order can have; the rest of the order stands."""
        self._reply(refusal + "\n" + replies.ask_change(taken.reading.lang))
        self._remember(taken, taken.reading.lang)
        return []

    def refuse_flood(self, messages_per_minute_max: int) -> list[int]:
        """Leave the message unread, and say so once a minute; an open question is closed, as its answer may be lost."""
        language = self.conversation["language"]
        minute = self.message["received_at"].replace(second=0, microsecond=0)
        reply = Reply(
            conversation_id=self.conversation["id"],
            cause=f"flood:{self.conversation['id']}:{minute:%Y%m%d%H%M}",
            body=replies.too_many_messages(messages_per_minute_max, language),
        )
        outbox.add(self.session, [reply], self.now)
        reading = Reading(intent=Intent.UNKNOWN, lang=language, certain=False, reasons=("too_many_messages",))
        self._remember(Step(outcome=Outcome.REFUSED, reading=reading, question=None), language)
        return []

    def leave_to_staff(self) -> list[int]:
        """A chat that our staff have taken over is theirs to answer; only STOP is carried out as ever."""
        transcript, language = self.message["transcript"], self.conversation["language"]
        reading = Reading(intent=Intent.UNKNOWN, lang=language, certain=False, reasons=("with_staff",))
        if transcript is None or "refused" not in transcript:
            reading = self._read()
        if reading.intent == Intent.PANIC:
            return self.handle()
        self._remember(Step(outcome=Outcome.WITH_STAFF, reading=reading, question=None), reading.lang)
        return []

    def _read(self) -> Reading:
        """What the message means: the button that was tapped, or the text or transcript read by the parser."""
        language = self.conversation["language"]
        if self.message["button_payload"] is not None:
            for verb, intent in BUTTON_INTENTS.items():
                if self._tapped(verb):
                    return Reading(intent=intent, lang=language)
            return Reading(intent=Intent.UNKNOWN, lang=language, reasons=("no_such_button",))
        transcript = self.message["transcript"]
        question = self.question if self.question is not None and self.now < self.question.expires_at else None
        reading = self.parser.read(
            self.message["body"] if transcript is None else transcript["text"],
            as_of=self.now.astimezone(self.zone).date(),
            last_language=language,
            channel="text" if transcript is None else "voice",
            question=None if question is None else question.for_parser(),
            last_order=None if self.last_order is None else Reading.from_json(self.last_order.reading),
            quotes_order=self.quoted is not None and self.quoted.order_id is not None,
        )
        return reading if transcript is None else without_unclear(reading, transcript.get("unclear", ()))

    def _in_time(self, reading: Reading) -> Reading:
        """A yes that arrived before its question was asked agrees to what its sender had not read: ask again."""
        question = self.question
        if reading.intent != Intent.YES or question is None or self.message["received_at"] >= question.asked_at:
            return reading
        return replace(reading, intent=Intent.UNKNOWN, reasons=("too_early",))

    def _tapped(self, verb: str) -> bool:
        """Whether the message is a tap on this button of the question that is open now."""
        tapped, _, nonce = (self.message["button_payload"] or "").partition(":")
        question = self.question
        if tapped != verb or question is None or question.kind != "confirm" or self.now >= question.expires_at:
            return False
        return secrets.compare_digest(nonce.encode(), question.nonce.encode())

    def _ask_what_to_change(self) -> list[int]:
        """Leave the open question as it is, and say how to change what it is about."""
        language = self.conversation["language"]
        self._reply(replies.ask_change(language))
        reading = Reading(intent=Intent.UNKNOWN, lang=language, reasons=("change",))
        self._remember(Step(outcome=Outcome.INFO, reading=reading, question=self.question), language)
        return []

    def _unheard(self, reason: str) -> list[int]:
        """Answer a voice note that cannot be heard; an open question stands."""
        language = self.conversation["language"]
        self._reply(replies.unheard(reason, language))
        reading = Reading(intent=Intent.UNKNOWN, lang=language, certain=False, reasons=(reason,))
        self._remember(Step(outcome=Outcome.NOT_UNDERSTOOD, reading=reading, question=self.question), language)
        return []

    @cached_property
    def quoted(self) -> sa.Row | None:
        """Which order, and the answer to which message, the one of ours is about that this message is a reply to.

        One that tells of several orders is about none of them alone.
        """
        message_sid = self.message["replied_message_sid"]
        if message_sid is None:
            return None
        ours, told_too = tables.outbox, tables.outbox.alias()
        tells_more = sa.exists().where(
            told_too.c.conversation_id == ours.c.conversation_id,
            told_too.c.id > ours.c.id,
            told_too.c.told_by == ours.c.id,
        )
        order_id = sa.case((sa.or_(ours.c.told_by.is_not(None), tells_more), None), else_=ours.c.order_id)
        return self.session.execute(
            sa.select(order_id.label("order_id"), ours.c.inbox_id).where(
                ours.c.message_sid == message_sid, ours.c.conversation_id == self.conversation["id"]
            )
        ).one_or_none()

    def _worked_out(self, reading: Reading) -> Reading:
        """The message with its order numbered and its change worked out; raises TradingError for lack of an order.

        "The last one" gets its number here, so that a yes is about what was shown, whatever was placed meanwhile.
        """
        if reading.expires_at is not None:
            reading = replace(reading, expires_at=local_time.resolved(reading.expires_at, self.now, self.zone))
        trader_id = self.conversation["trader_id"]
        if reading.intent in (Intent.AMEND_ORDER, Intent.CANCEL_LAST):
            order_id = last_orders.order_id(self.session, trader_id, reading.order_id)
            intent = Intent.CANCEL_ORDER if reading.intent == Intent.CANCEL_LAST else reading.intent
            return replace(reading, intent=intent, order_id=str(order_id))
        if reading.intent != Intent.ADJUST:
            return reading
        if reading.topic in adjustments.CLOSING_TOPICS:
            held = self._position(reading)
            return adjustments.closing(held, self.listings.by_id[held.instrument_id], reading)
        order_id = last_orders.order_id(self.session, trader_id, reading.order_id)
        intake.check_open(self.session, trader_id=trader_id, order_id=order_id)
        return adjustments.amendment(self._order(order_id, reading.lang), reading)

    def _position(self, closing: Reading) -> queries.Holding:
        """The one position that is meant; raises NoPosition, NoSinglePosition."""
        found = [
            held
            for held in queries.holdings(self.session, self.conversation["trader_id"])
            if held.lots and adjustments.closes(closing, held, self.listings.by_id[held.instrument_id])
        ]
        if not found:
            raise NoPosition(asset=closing.asset, contract=closing.contract, side=closing.side)
        if len(found) > 1:
            raise NoSinglePosition(instruments=[held.instrument_id for held in found])
        return found[0]

    def _order(self, order_id: int, language: str) -> Reading:
        return last_orders.reading_of(self.session, self.conversation["trader_id"], order_id, self.listings, language)

    def _amended(self, order_id: int, change: Reading) -> Reading:
        """The order as the change makes it."""
        slots = {"price": change.price, "quantity": change.quantity}
        before = self._order(order_id, change.lang)
        return replace(before, **{slot: value for slot, value in slots.items() if value is not None})

    def _situation(self) -> Situation:
        return Situation(
            now=self.now,
            question=self.question,
            last_order=self.last_order,
            inbox_id=self.message["id"],
            nonce=secrets.token_urlsafe(9),
            is_voice=self.message["transcript"] is not None,
            is_retried=self.message["retries"] > 0,
            confirm_always=self.conversation["confirm_always"],
            confirm_above_quantity=self.conversation["confirm_above_quantity"],
            market=StoredMarket(self.session, self.listings, self.conversation["trader_id"]),
        )

    def _check(self, taken: Step) -> None:
        """Raises TradingError for what would be refused once it is confirmed: nobody is asked about it."""
        shown = taken.shown
        if shown is not None and taken.outcome in (Outcome.ASK_CONFIRM, Outcome.ASK_MISSING):
            self._check_not_frozen(shown)
        if taken.outcome != Outcome.ASK_CONFIRM or shown is None:
            return
        if shown.intent == Intent.PLACE_ORDER:
            try:
                intake.check(self.session, order_request(shown, self.now), self.now)
            except UnknownMarket:
                # The readback of a month that is over asks for another one.
                if "expired_contract" not in taken.reasons:
                    raise
        elif shown.intent in (Intent.AMEND_ORDER, Intent.CANCEL_ORDER):
            order_id = last_orders.order_id(self.session, self.conversation["trader_id"], shown.order_id)
            intake.check_open(self.session, trader_id=self.conversation["trader_id"], order_id=order_id)

    def _check_not_frozen(self, reading: Reading) -> None:
        """After STOP nothing is bought, sold or changed; to cancel is always possible. Raises TradingFrozen."""
        if self.conversation["frozen_at"] is not None and reading.intent in (Intent.PLACE_ORDER, Intent.AMEND_ORDER):
            username = linking.username_of(self.session, self.conversation["trader_id"])
            raise TradingFrozen(web=self.frontend_url, username=username)

    def _carry_out(self, taken: Step, reading: Reading) -> tuple[list[Receipt], Step]:
        """Hand the decision to the engine's door; raises TradingError where it cannot become a command."""
        trader_id = self.conversation["trader_id"]
        common = {"source": Source.CHAT, "request_key": cause_of(self.message["id"]), "now": self.now}
        self._check_not_frozen(reading)
        if reading.intent == Intent.PLACE_ORDER:
            request = order_request(reading, self.now)
            return [intake.place(self.session, trader_id=trader_id, request=request, **common)], taken
        if reading.intent in (Intent.CANCEL_ALL, Intent.PANIC):
            return self._cancel_all(reading), taken
        order_id = last_orders.order_id(self.session, trader_id, reading.order_id)
        if reading.intent == Intent.AMEND_ORDER:
            receipt = intake.amend(
                self.session,
                trader_id=trader_id,
                order_id=order_id,
                price=reading.price,
                quantity=reading.quantity,
                **common,
            )
            return [receipt], replace(taken, shown=self._amended(order_id, reading))
        shown = self._order(order_id, reading.lang)
        taken = replace(taken, shown=shown)
        return [intake.cancel(self.session, trader_id=trader_id, order_id=order_id, **common)], taken

    def _tell_how_to_lift(self) -> None:
        """A reply beside those that tell what was canceled, which every shard words by itself."""
        username = linking.username_of(self.session, self.conversation["trader_id"])
        reply = Reply(
            conversation_id=self.conversation["id"],
            cause=cause_of(self.message["id"]) + ":frozen",
            body=replies.frozen(self.frontend_url, username, self.conversation["language"]),
            inbox_id=self.message["id"],
        )
        outbox.add(self.session, [reply], self.now)

    def _cancel_all(self, reading: Reading) -> list[Receipt]:
        """Everything open, or what the message narrows it to; a month alone is that month of each asset."""
        panic = reading.intent == Intent.PANIC
        if panic:
            self._set(frozen_at=self.now)
            self._tell_how_to_lift()
        trader_id = self.conversation["trader_id"]
        assets: list[str | None] = [reading.asset]
        if reading.asset is None and reading.contract is not None:
            held = [self.listings.by_id[found.instrument_id] for found in queries.open_orders(self.session, trader_id)]
            assets = sorted({listing.asset for listing in held if listing.contract == reading.contract})
            if not assets:
                raise NoOpenOrders
        return [
            receipt
            for asset in assets
            for receipt in intake.cancel_all(
                self.session,
                trader_id=trader_id,
                asset=asset,
                contract=reading.contract,
                side=None if reading.side is None else Side(reading.side),
                reason=Reason.CANCELED_BY_PANIC if panic else Reason.CANCELED_BY_TRADER,
                source=Source.CHAT,
                request_key=cause_of(self.message["id"]) + (f":{asset}" if len(assets) > 1 else ""),
                now=self.now,
            )
        ]

    def _local(self, language: str) -> str:
        """The language with the country of the number, whose figures it is written with."""
        return places.locale_of(language, self.conversation["number"])

    def _wording(self, language: str) -> Wording:
        local = self._local(language)
        said = examples.current(self.parser.examples(language), self.listings, local)
        asker = Asker(self.session, self.conversation, self.listings, said, local, self.now)
        return Wording(asker, self.message, self.question)

    def _reply(self, body: str, *, button_nonce: str | None = None, asker: Asker | None = None) -> None:
        transcript = self.message["transcript"]
        if transcript is not None and "refused" not in transcript:
            body = replies.heard(transcript["text"]) + "\n" + body
        retries = self.message["retries"]
        # Its first answer said that something went wrong, and stays; this is another.
        cause = cause_of(self.message["id"]) + (f":retry{retries}" if retries else "")
        reply = Reply(
            conversation_id=self.conversation["id"],
            cause=cause,
            body=body,
            inbox_id=self.message["id"],
            button_nonce=button_nonce,
            attachment_id=None if asker is None else self._ask_for(asker.wanted),
        )
        added = [reply]
        if asker is not None and asker.document is not None:
            wanted, title = asker.document
            document = {"cause": f"{cause}:document", "body": title, "attachment_id": self._ask_for(wanted)}
            added.append(replace(reply, button_nonce=None, **document))
        outbox.add(self.session, added, self.now)

    def _ask_for(self, wanted: Wanted | None) -> int | None:
        """Have a file made; returns what the reply knows it by."""
        if wanted is None:
            return None
        return attachments.ask(self.session, self.conversation["trader_id"], wanted, self.now)

    def _remember(self, taken: Step, language: str) -> None:
        question = None if taken.question is None else msgspec.to_builtins(taken.question)
        values: dict[str, object] = {"question": question, "language": language}
        if taken.outcome == Outcome.PLACED and taken.execute is not None:
            last_order = LastOrder(reading=taken.execute.to_json(), placed_at=self.now)
            values["last_order"] = msgspec.to_builtins(last_order)
        self._set(**values)
        self.session.execute(
            sa.update(tables.inbox)
            .where(tables.inbox.c.id == self.message["id"])
            .values(
                reading=taken.reading.to_json(),
                outcome=taken.outcome,
                order_shown=self._order_shown(taken),
                in_answer_to=self._answered(taken),
                handled_at=self.now,
            )
        )
        tally.count(self.session, self.message, self.question, taken, language, self.now)

    def _order_shown(self, taken: Step) -> dict[str, object] | None:
        """The order that the message led to; of a change that is asked about, the order that it would make."""
        shown = taken.shown
        if shown is not None and shown.intent == Intent.AMEND_ORDER and taken.outcome == Outcome.ASK_CONFIRM:
            order_id = last_orders.order_id(self.session, self.conversation["trader_id"], shown.order_id)
            shown = self._amended(order_id, shown)
        return None if shown is None else shown.to_json()

    def _answered(self, taken: Step) -> int | None:
        """The message that had led to the question which this one closed or replaced."""
        if self.question is None or self.now >= self.question.expires_at or taken.question == self.question:
            return None
        return self.question.asked_by

    def _set(self, **values: object) -> None:
        self.session.execute(
            sa.update(tables.conversations).where(tables.conversations.c.id == self.conversation["id"]).values(**values)
        )


def about_quoted(reading: Reading, quoted: sa.Row | None, question: Question | None) -> Reading:
    """A message that quotes one of ours is about the order that ours was about; a yes to an old one is dead."""
    if quoted is None:
        return reading
    if reading.intent == Intent.YES and (question is None or quoted.inbox_id != question.asked_by):
        return replace(reading, intent=Intent.UNKNOWN, reasons=("no_such_button",))
    if quoted.order_id is None and reading.intent == Intent.CANCEL_LAST:
        return replace(reading, certain=False)  # "This one" is hardly the last order then.
    if quoted.order_id is not None and reading.order_id in (None, "last"):
        about = {Intent.CANCEL_LAST: Intent.CANCEL_ORDER, Intent.LAST_ORDER: Intent.STATUS}
        if reading.intent in (*about, Intent.AMEND_ORDER, Intent.ADJUST, Intent.STATUS, Intent.UNDO):
            return replace(reading, intent=about.get(reading.intent, reading.intent), order_id=str(quoted.order_id))
    return reading


def without_unclear(reading: Reading, unclear: Sequence[str]) -> Reading:
    """An order heard with a number in doubt lacks that number: it is asked for by itself."""
    if not unclear or reading.intent not in ORDER_INTENTS:
        return reading
    slots = {slot: None for slot in unclear if getattr(reading, slot) is not None}
    return replace(reading, intent=Intent.INCOMPLETE_ORDER, certain=False, **slots)


def order_request(reading: Reading, now: datetime) -> OrderRequest:
    """A whole order as the engine's door takes it."""
    assert reading.side is not None
    assert reading.quantity is not None
    time_in_force = None if reading.time_in_force is None else TimeInForce(reading.time_in_force)
    expires_at = None
    if reading.expires_at is not None:
        time_in_force, expires_at = TimeInForce.GTT, local_time.moment_of(reading.expires_at)
    elif reading.expires_in is not None:
        time_in_force, expires_at = TimeInForce.GTT, now + timedelta(minutes=reading.expires_in)
    return OrderRequest(
        side=Side(reading.side),
        quantity=reading.quantity,
        asset=reading.asset,
        contract=reading.contract,
        price=reading.price,
        order_type=OrderType(reading.order_type or OrderType.LIMIT),
        time_in_force=time_in_force,
        expires_at=expires_at,
    )
