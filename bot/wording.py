"""The reply to a message that carries nothing out: what is asked, answered or refused, and what it leaves open."""

from dataclasses import replace

import sqlalchemy as sa

from bot import answers, estimates, examples, last_orders, order_answers, replies, tables
from bot.asker import Asker
from bot.dialogue import ASKING_REASONS, Outcome, Question, Step
from bot.estimates import Estimate
from engine import queries
from engine.errors import TradingError
from engine.orders import OrderType, Side
from nlp.reading import Intent, Reading

COMPLAINT = "complaint"
# What else than an order is worth trying, and how far back it matters what was tried.
TO_TRY = (Intent.MARKET, Intent.BOOK, Intent.ORDERS, Intent.ALERT, Intent.PERSON)
MESSAGES_LOOKED_BACK = 20
LEVELS_MAX = 100  # So deep an order at market is estimated.


class Wording:
    """The words for one step; `question` is what was awaited before it, `message` the row of the message."""

    def __init__(self, asker: Asker, message: sa.RowMapping, question: Question | None) -> None:
        self.asker, self.message, self.question = asker, message, question
        self.listings, self.language = asker.listings, asker.language
        self.live = question is not None and asker.now < question.expires_at

    def of(self, taken: Step) -> str:
        """Raises TradingError where an order that is asked about is not there."""
        reading = taken.reading
        if taken.outcome == Outcome.ASK_MISSING:
            assert taken.shown is not None
            shown = replace(taken.shown, unlisted=reading.unlisted, nearest=reading.nearest)
            return replies.ask_missing(shown, taken.missing, self.listings, self.language)
        if taken.outcome == Outcome.ASK_CONFIRM:
            assert taken.shown is not None
            return self.readback(taken.shown, why=replies.why_asked(taken.reasons, self.language))
        if taken.outcome == Outcome.DISCARDED:
            return replies.discarded(taken.shown, self.language)
        if taken.outcome == Outcome.NOT_UNDERSTOOD:
            return self._not_understood(taken)
        try:
            text = answers.answer(self.asker, reading)
        except TradingError as refusal:
            text = replies.refused(refusal.code, refusal.facts, self.listings, self.language)
        if self.live and taken.question is None:
            text += "\n" + replies.question_dropped(self.language)
        return self._with_question(text, taken)

    def readback(self, asked: Reading, *, why: str | None = None) -> str:
        """The question for a yes, with the order that is to be changed or canceled as it stands now."""
        about = None
        if asked.intent in (Intent.AMEND_ORDER, Intent.CANCEL_ORDER):
            session, trader_id = self.asker.session, self.asker.trader_id
            order_id = last_orders.order_id(session, trader_id, asked.order_id)
            about = last_orders.reading_of(session, trader_id, order_id, self.listings, self.language)
        return replies.ask_confirm(
            asked, self.listings, self.language, why=why, about=about, estimate=self._estimate(asked)
        )

    def _estimate(self, asked: Reading) -> Estimate | None:
        """What an order at market would come to now."""
        listing = self.listings.find(asked.asset, asked.contract)
        at_market = asked.intent == Intent.PLACE_ORDER and asked.order_type == OrderType.MARKET
        if not at_market or listing is None or asked.quantity is None:
            return None
        depth = queries.depth(self.asker.session, listing.instrument_id, LEVELS_MAX)
        opposite = depth.offers if asked.side == Side.BUY else depth.bids
        return estimates.of_market_order(asked.quantity, opposite, listing)

    def _not_understood(self, taken: Step) -> str:
        reading = taken.reading
        if not self.live and reading.intent == Intent.NO and self.question is None:
            last_order = self._last_order()
            if last_order is not None:
                return replies.nothing_to_drop(last_order, self.language)
        if not self.live and reading.intent in (Intent.YES, Intent.NO, Intent.ANSWER):
            expired = self.question is not None
            example = examples.order(self.asker)
            return replies.nothing_open(reading.intent, self.language, expired=expired, example=example)
        if COMPLAINT in reading.reasons:
            person = self.asker.examples[Intent.PERSON][0]
            return self._with_question(replies.complaint(self._last_order(), self.language, person=person), taken)
        if taken.question is not None and ASKING_REASONS & set(reading.reasons):
            return self._about_draft(taken.question)
        example = None if self._repeats_itself() or taken.question is not None else self._example()
        dropped = self.live and taken.question is None
        words = replies.not_understood(reading, self.listings, self.language, example=example, dropped=dropped)
        return self._with_question(words, taken)

    def _about_draft(self, question: Question) -> str:
        """A question about the open order is answered by all that is known of it."""
        asked = Reading.from_json(question.reading)
        if question.kind == "confirm":
            return self.readback(asked, why=replies.nothing_done_yet(self.language))
        draft = replies.about_draft(asked, self.listings, self.language)
        return draft + "\n" + replies.slot_question(question.missing, self.listings, self.language)

    def _with_question(self, text: str, taken: Step) -> str:
        """The text, and below it the question that it left standing."""
        if taken.question is None:
            return text
        asked = Reading.from_json(taken.question.reading)
        if taken.question.kind == "missing":
            words = replies.ask_missing(asked, taken.question.missing, self.listings, self.language)
        else:
            words = self.readback(asked)
        return text + "\n\n" + replies.still_open(words, self.language)

    def _last_order(self) -> str | None:
        """How the trader's newest order stands, and how to take it back."""
        order_id = queries.newest_order_id(self.asker.session, self.asker.trader_id)
        return None if order_id is None else order_answers.standing(self.asker, order_id)

    def _repeats_itself(self) -> bool:
        """Whether the message before this one was not understood either, so that our example did not help."""
        return self._outcomes_before(1) == [Outcome.NOT_UNDERSTOOD]

    def _outcomes_before(self, count: int) -> list[str | None]:
        """What the messages before this one led to, the newest first."""
        inbox = tables.inbox
        before = sa.select(inbox.c.outcome).where(
            inbox.c.conversation_id == self.message["conversation_id"], inbox.c.id < self.message["id"]
        )
        return list(self.asker.session.execute(before.order_by(inbox.c.id.desc()).limit(count)).scalars())

    def _example(self) -> str:
        """An order that could be placed; another thing to try after each message that was not understood lately."""
        others = [self.asker.examples[intent][0] for intent in TO_TRY]
        turn = self._outcomes_before(MESSAGES_LOOKED_BACK).count(Outcome.NOT_UNDERSTOOD) % (len(others) + 1)
        return examples.order(self.asker) if turn == 0 else others[turn - 1]
