"""What a handled message adds to the figures that operators watch, once it is committed."""

from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from bot import metrics
from bot.dialogue import Question, Step
from nlp.reading import Intent, Reading

log = structlog.get_logger(__name__)


def count(
    session: Session, message: sa.RowMapping, question: Question | None, taken: Step, language: str, now: datetime
) -> None:
    """Count one message and, if an order had been shown for confirmation, what was made of it."""
    channel = "text" if message["transcript"] is None else "voice"
    waited = max(0.0, (now - message["received_at"]).total_seconds())
    answer = confirmation_answer(question, taken, now)

    def add(_: Session) -> None:
        log.info("message_handled", message=message["id"], intent=taken.reading.intent, outcome=taken.outcome)
        metrics.messages_handled.labels(channel, language, taken.outcome).inc()
        metrics.message_seconds.labels(channel).observe(waited)
        if answer is not None:
            metrics.confirmations.labels(answer).inc()

    sa.event.listen(session, "after_commit", add, once=True)


def confirmation_answer(question: Question | None, taken: Step, now: datetime) -> str | None:
    """What became of an order that was shown: yes, no, wrong_number or left; None if it still stands or none was."""
    if question is None or question.kind != "confirm" or taken.question == question:
        return None
    if now >= question.expires_at:
        return "left"
    if taken.reading.intent in (Intent.YES, Intent.NO):
        return str(taken.reading.intent)
    asked = Reading.from_json(question.reading)
    if taken.shown is not None and is_same_but_for_numbers(asked, taken.shown):
        return "wrong_number"
    return "left"


def is_same_but_for_numbers(asked: Reading, corrected: Reading) -> bool:
    same = ("side", "asset", "contract", "order_id")
    numbers = ("quantity", "price")
    return all(getattr(asked, slot) == getattr(corrected, slot) for slot in same) and any(
        getattr(asked, slot) != getattr(corrected, slot) for slot in numbers
    )
