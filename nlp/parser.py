"""Text to Reading: the one entry to the language folder, and the order in which its readers are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import zip_longest

from nlp import (
    answers,
    changes,
    commands,
    contracts,
    contrasts,
    guards,
    introductions,
    language,
    named_sides,
    numbers,
    spelling,
    statements,
    steps,
    tokens,
)  # fmt: skip
from nlp.catalogue import Catalogue
from nlp.commands import Command
from nlp.facts import FactsReader
from nlp.hearing import hear
from nlp.language import Tongue
from nlp.lexicon import load_all
from nlp.notifications import NotificationReader
from nlp.orders import Order, OrderReader
from nlp.person import PersonReader
from nlp.reading import Intent, Question, Reading
from nlp.spans import Span, SpanFinder, Spans

_DEFAULT_LANGUAGE = language.DEFAULT_LANGUAGE
# Whoever says please tells nothing that is past.
_PLEASE = frozenset({"por favor", "porfa", "porfavor", "favor", "favor de", "usted", "pls", "xfa", "si es tan amable"})
_DRAFTS = frozenset({Intent.PLACE_ORDER, Intent.INCOMPLETE_ORDER, Intent.CONFIRM_ORDER})
# What such a message says of orders is not lost for words about notifications beside it.
_ABOUT_ORDERS = _DRAFTS | {Intent.ANSWER, Intent.REPEAT, Intent.ADJUST, Intent.YES, Intent.NO}
# What the closing of a position is read as by those who know no positions.
_MAYBE_CLOSING = frozenset({Intent.UNKNOWN, Intent.INCOMPLETE_ORDER, Intent.POSITIONS})
# What an answer is taken for that small talk stands beside.
_BESIDE_THE_QUESTION = frozenset(
    {Intent.UNKNOWN, Intent.MARKET, Intent.TRADES, Intent.MY_TRADES, Intent.ORDERS, Intent.POSITIONS}
)
# In Portuguese "compre" is never "comprei".
_ACCENTLESS_PASTS = frozenset({"en", "pt"})


class Parser:
    """Reads messages against one catalogue. Building it takes a moment; reading is quick, and safe between threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        lexicons = load_all()
        self._catalogue = catalogue
        self._finder = SpanFinder(lexicons, catalogue)
        self._notifications = NotificationReader(lexicons)
        self._person = PersonReader(lexicons)
        self._facts = FactsReader(lexicons, catalogue)
        self._speller = spelling.Speller(self._finder.known, self._finder.asset_words)
        self._examples = {lexicon.language: lexicon.examples for lexicon in lexicons}

    def examples(self, lang: str) -> Mapping[Intent, tuple[str, ...]]:
        """For each intent, sentences in `lang` that this parser reads as that intent."""
        return self._examples[lang]

    def read(
        self,
        text: str,
        *,
        as_of: date,
        last_language: str | None = None,
        channel: str = "text",
        question: Question | None = None,
        last_order: Reading | None = None,
        quotes_order: bool = False,
    ) -> Reading:
        """What `text` means on the day `as_of`; `question` and `last_order` are what the conversation stands at.

        With `quotes_order` the message is a reply to what was said of one order, which is what "this one" means.
        """
        if len(text) > tokens.CHARACTERS_MAX:
            return Reading(
                intent=Intent.UNKNOWN, lang=last_language or _DEFAULT_LANGUAGE, certain=False, reasons=("too_long",)
            )
        if (asked := self._notifications.read(text, last_language)) is not None:
            return self._of_command(*asked)
        asked = self._person.read(text, last_language) or self._facts.read(text, last_language, as_of)
        if asked is not None:
            return self._of_command(*asked)
        standing = (as_of, last_language, channel == "voice", question, last_order, quotes_order)
        said = self._of_text(text, *standing)
        if said.acts or said.intent in _ABOUT_ORDERS:
            return said
        if said.asset is None and self._person.is_asked_for(text, last_language):
            # Why nothing else was done of it still tells whether an open question stands.
            return Reading(intent=Intent.PERSON, lang=said.lang, certain=False, reasons=said.reasons)
        for rest in self._notifications.beside(text, last_language):
            other = self._of_text(rest, *standing)
            if other.acts or other.intent in _DRAFTS:
                return _left_over(other)
        return said

    def _of_text(
        self,
        text: str,
        as_of: date,
        last_language: str | None,
        voice: bool,
        question: Question | None,
        last_order: Reading | None,
        quotes_order: bool,
    ) -> Reading:
        """What a message means that is not about notifications alone."""
        asks_month = question is not None and "contract" in question.missing
        spans, tongue = self._spans(text, as_of, last_language, voice, asks_month)
        if not any(span.meanings or span.number or span.contract or span.unknown for span in spans):
            return Reading(intent=Intent.UNKNOWN, lang=tongue, certain=False, reasons=("empty",))
        standing = (tongue, as_of, last_language, voice, question, last_order, quotes_order)
        reading = self._said(spans, *standing)
        if question is not None and question.kind == "missing" and reading.intent in _BESIDE_THE_QUESTION:
            clause = answers.clause_that_answers(spans, tongue)
            answer = reading if clause is None else self._said(clause, *standing)
            if answer.intent == Intent.ANSWER:
                reading = replace(answer, certain=False, reasons=(*answer.reasons, "unexplained_words"))
        spellings = tuple(span.taken_for for span in spans if span.taken_for is not None)
        return replace(reading, spellings=spellings) if spellings else reading

    def _said(
        self,
        spans: Spans,
        tongue: str,
        as_of: date,
        last_language: str | None,
        voice: bool,
        question: Question | None,
        last_order: Reading | None,
        quotes_order: bool,
    ) -> Reading:
        """What the spans mean where the conversation stands."""
        if question is not None:
            guards.free_assent(spans)
        if _is_one_letter(spans):
            return self._of_letter(spans, last_language or _DEFAULT_LANGUAGE)
        asked_of = None if question is None else question.reading.asset
        kept = answers.after_dismissal(spans, asked_of)
        if question is not None:
            if len(kept) < len(spans) and answers.refuses(spans, tongue):
                return Reading(intent=Intent.NO, lang=tongue)  # "no mate, it went twice": not a remark about the rest
            rest = commands.small_talk(kept) if len(kept) < len(spans) else None
            if rest is not None and rest.intent == Intent.YES:
                return Reading(intent=Intent.UNKNOWN, lang=tongue, certain=False, reasons=("yes_and_no",))
            spans = kept
        if (put_right := self._put_right(spans, tongue, question, last_order)) is not None:
            return put_right
        if quotes_order and (change := steps.read(spans, tongue, quotes_order=True)) is not None:
            return change
        if question is not None and question.reading.intent == Intent.AMEND_ORDER:
            change = steps.read(spans, tongue)
            if change is not None:
                return replace(change, order_id=question.reading.order_id) if change.order_id == "last" else change
        if question is not None and question.reading.intent in _DRAFTS and not (voice and question.kind == "missing"):
            change = steps.of_draft(spans, tongue, question.reading)  # A voice that says "at 10" is heard as "add 10".
            if change is not None:
                return change
        shrugged = answers.after_shrug(spans) if question is not None else None
        if shrugged is not None:
            order = self._order(shrugged, tongue, as_of, voice)
            answer = answers.read(shrugged, tongue, question, last_order, order)
            if answer is not None and answer.intent == Intent.ANSWER:
                return replace(answer, certain=False, reasons=(*answer.reasons, "hesitation"))
        if question is not None or last_order is not None:
            reading = answers.read(spans, tongue, question, last_order, self._order(spans, tongue, as_of, voice))
            if reading is not None and reading.intent == Intent.UNKNOWN:
                return steps.of_position(spans, tongue) or reading
            if reading is not None:
                return reading
        reading = self._read(spans, tongue, as_of, voice)
        if reading.intent == Intent.UNKNOWN and len(kept) < len(spans):
            reading = self._after_dismissal(kept, tongue, as_of, voice) or reading
        if reading.intent in _MAYBE_CLOSING:
            closing = steps.of_position(spans, tongue)
            if closing is not None:
                return closing
        if reading.intent in (Intent.UNKNOWN, Intent.LAST_ORDER) and last_order is not None:
            change = steps.read(spans, tongue)
            if change is not None and question is None:
                return steps.in_so_many_words(change, spans, tongue)
            return change or reading
        return reading

    def _put_right(
        self, spans: Sequence[Span], tongue: str, question: Question | None, last_order: Reading | None
    ) -> Reading | None:
        """ "No, I said 40, not 50": of the order that is asked about, else of the last one; it is always asked back."""
        old = last_order if question is None else question.reading
        if question is not None and old is not None and (side := contrasts.side(spans, old)) is not None:
            return Reading(intent=Intent.ANSWER, lang=tongue, side=side, certain=False, reasons=("correction",))
        found = contrasts.read(spans, old) if old is not None else None
        if found is None:
            return None
        slot, value = found
        if question is None:
            change = Reading(intent=Intent.ADJUST, lang=tongue, order_id="last", topic="set")
        else:
            change = Reading(intent=Intent.ANSWER, lang=tongue)
        change = replace(change, certain=False, reasons=("correction",))
        return replace(change, quantity=value) if slot == "quantity" else replace(change, price=value)

    def _spans(self, text: str, as_of: date, last: str | None, voice: bool, asks_month: bool) -> tuple[Spans, str]:
        spans = self._finder.find(text)
        written_in = language.detect(spans, text, last).language
        introductions.leave_out(spans, written_in, self._speller.guess)
        spelling.correct(spans, self._speller.guess, written_in)
        spans = contracts.mark_written(spans, as_of, voice)
        tongue = language.detect(spans, text, last)
        if not voice and not tokens.accented(text) and not any(span.text in _PLEASE for span in spans):
            _doubt_past(spans, tongue.language)
        for span, after in zip_longest(spans, spans[1:]):
            span.prefer(tongue.language, before_foreign_number=_is_foreign_number(after, tongue.language))
        spans = numbers.mark(spans, tongue)
        spans = contracts.mark_spoken(spans, as_of, asks_month=asks_month)
        named_sides.mark(spans, tongue.language)
        for span in spans:
            if span.number is None and span.contract is None and span.has("asset"):
                codes = span.values("asset")
                own = {
                    m.value for m in span.meanings if m.kind == "asset" and m.language in ("", tongue.language)
                } or codes
                span.asset = span.value("asset") if len(own) > 1 else next(iter(own))
                self._doubt_foreign(span, tongue)
        hear(spans, voice, tongue, self._speller.guess)
        guards.free_vocative(spans)
        guards.free_contraction(spans, tongue.language)
        return Spans(spans), tongue.language

    def _doubt_foreign(self, span: Span, tongue: Tongue) -> None:
        """A short name from another language ("plat" in Spanish) may cut short what this one says in full."""
        spoken_in = {"", tongue.language} if tongue.decided and not tongue.mixed else {""}
        if not span.languages("asset") & spoken_in and self._speller.cuts_short_two(span.text):
            span.asset = next(iter(self._speller.nearest_assets(span.text)), span.asset)
            span.sure, span.reasons = False, ("typo_fits_two_assets",)

    def _order(self, spans: Spans, tongue: str, as_of: date, voice: bool) -> Order:
        return OrderReader(spans, self._catalogue, as_of, tongue, voice).read()

    def _read(self, spans: Spans, tongue: str, as_of: date, voice: bool) -> Reading:
        command = (
            commands.whole(spans)
            or commands.on_terms(spans)
            or commands.help_on(spans)
            or statements.read(spans, as_of)
            or commands.conversation(spans)
            or commands.small_talk(spans)
            or commands.cost_question(spans)
        )
        if command is None:
            order = self._order(spans, tongue, as_of, voice)
            if _is_order(spans, order):
                reading = self._of_order(order, tongue)
                if reading is not None:
                    return reading
            command = (
                changes.amend(spans, tongue)
                or changes.cancel(spans, tongue)
                or commands.ask(spans)
                or self._of_rest(spans, order)
            )
            product = _asked_for(spans, tongue)
            if command.intent == Intent.UNKNOWN and product is not None:
                return replace(self._of_command(command, tongue), unlisted=product, nearest=self._nearest(product))
        return self._of_command(command, tongue)

    def _of_letter(self, spans: Sequence[Span], tongue: str) -> Reading:
        """A single letter tells no language; it is a yes or a no in the one that was spoken last, or nothing."""
        for kind, intent in (("yes", Intent.YES), ("no", Intent.NO)):
            if any(tongue in span.languages(kind) for span in spans):
                return Reading(intent=intent, lang=tongue)
        return Reading(intent=Intent.UNKNOWN, lang=tongue, certain=False, reasons=("one_letter",))

    def _after_dismissal(self, spans: Spans, tongue: str, as_of: date, voice: bool) -> Reading | None:
        """ "Forget that, buy 10 gold at 4000": an order, asked back since nothing stands open that it could replace."""
        order = self._order(spans, tongue, as_of, voice)
        if order.side is None or not _is_order(spans, order):
            return None
        order.doubts.append("correction")
        return self._of_order(order, tongue)

    def _of_command(self, command: Command, tongue: str) -> Reading:
        return Reading(
            intent=command.intent,
            lang=command.language or tongue,
            order_id=command.order_id,
            quantity=command.quantity,
            price=command.price,
            side=command.side,
            asset=command.asset,
            contract=command.contract,
            direction=command.direction,
            language=command.language,
            topic=command.topic,
            period=command.period,
            clock=command.clock,
            notices=command.notices,
            certain=not command.reasons and command.intent != Intent.UNKNOWN,
            reasons=command.reasons,
        )

    def _of_order(self, order: Order, tongue: str) -> Reading | None:
        """The reading of an order: placed only when it is whole and nothing speaks against it."""
        reasons = tuple(dict.fromkeys((*order.refusals, *order.doubts)))
        if order.refusals:
            return Reading(intent=Intent.UNKNOWN, lang=tongue, certain=False, reasons=reasons)
        unlisted = order.unlisted if order.asset is None else None
        if unlisted is not None:
            reasons = tuple(dict.fromkeys(("unlisted_asset", *reasons)))
        reading = Reading(
            intent=Intent.PLACE_ORDER,
            lang=tongue,
            side=order.side,
            quantity=order.quantity,
            asset=order.asset,
            contract=order.contract,
            price=order.price,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            expires_in=order.expires_in,
            expires_at=order.expires_at,
            unlisted=unlisted,
            nearest=() if unlisted is None else self._nearest(unlisted),
            missing=order.missing,
            certain=not reasons,
            reasons=reasons,
        )
        if unlisted is not None and (order.side is None or order.quantity is None):
            return Reading(
                intent=Intent.UNKNOWN,
                lang=tongue,
                unlisted=unlisted,
                nearest=reading.nearest,
                certain=False,
                reasons=reasons,
            )
        if order.missing:
            return replace(reading, intent=Intent.INCOMPLETE_ORDER)
        return replace(reading, intent=Intent.CONFIRM_ORDER) if reasons else reading

    def _nearest(self, unlisted: str) -> tuple[str, ...]:
        """The listed products that are most like what is not: in kind, else in spelling."""
        return tuple(dict.fromkeys(self._finder.near.get(unlisted, ()))) or self._speller.nearest_assets(unlisted)

    def _of_rest(self, spans: Spans, order: Order) -> Command:
        if spans.has("complaint"):
            return commands.unknown("complaint", *order.refusals)
        if (
            order.asset is not None
            and order.quantity is None
            and order.price is None
            and {*order.refusals, *order.doubts} <= {"question_word", "question"}
        ):
            return Command(Intent.MARKET, asset=order.asset, contract=order.contract)
        if spans.has("ask", Intent.ALERT):
            return Command(Intent.ALERT)
        if not order.refusals and not any(span.number for span in spans):
            if spans.has("thanks"):
                return Command(Intent.THANKS)
            if spans.has("greeting"):
                return Command(Intent.GREETING)
        return commands.unknown(*(order.refusals or order.doubts or ["not_understood"]))


def _left_over(reading: Reading) -> Reading:
    """What stands beside something else that was asked for: nothing of it is carried out without a yes."""
    reasons = ("beside_notifications", *reading.reasons)
    intent = Intent.CONFIRM_ORDER if reading.intent == Intent.PLACE_ORDER else reading.intent
    return replace(reading, intent=intent, certain=False, reasons=reasons)


def _is_foreign_number(span: Span | None, language: str) -> bool:
    """A number word that `language` does not know."""
    spoken_in = frozenset() if span is None else span.languages("number", "word")
    return bool(spoken_in) and language not in spoken_in


def _asked_for(spans: Spans, tongue: str) -> str | None:
    """ "Do you have barley?": a product that is known and not listed."""
    asks = any(span.text in ("?", "¿") for span in spans) and not any(span.number or span.asset for span in spans)
    named = (span.text for span in spans.of("product") if tongue in span.languages("product"))
    return next(named, None) if asks else None


def _doubt_past(spans: Sequence[Span], language: str) -> None:
    """Ask about a verb that an accent would put in the past, where nothing shows that the writer uses accents."""
    for span in spans:
        if span.may_be_past and language in span.languages("side") and language not in _ACCENTLESS_PASTS:
            span.sure, span.reasons = False, ("may_be_past",)


def _is_one_letter(spans: Sequence[Span]) -> bool:
    words = [span for span in spans if not span.punctuation]
    return len(words) == 1 and len(words[0].text) == 1 and words[0].text.isalpha()


def _is_order(spans: Spans, order: Order) -> bool:
    """Whether the spans are about a new order rather than about orders that stand, or about prices."""
    sided = any(not span.asset and not span.number for span in spans.of("side", "pay", "quote"))
    if any(span.has("cancel", "verb") and not span.has("side") for span in spans.of("cancel")):
        return False
    if spans.has("amend") and order.asset is None:
        return False
    asking = any(
        not (spans[place].has("market") and order.order_type == "market")
        # "My limit 559" gives a price, and asks for none.
        and not (spans[place].has("cue", "price") and any(after.number for after in spans[place + 1 : place + 2]))
        for place in spans.places("ask")
    )
    counted = order.quantity is not None or order.price is not None
    if not sided:
        return counted and order.asset is not None and not asking
    if counted or not asking:
        return True
    if any(span.values("ask") - {"market", "cost"} for span in spans.of("ask")):
        return False
    strong = any(not span.has("orders_of") for span in spans.of("side"))
    return strong and (order.order_type is not None or _leads(spans))


def _leads(spans: Spans) -> bool:
    """Whether a side stands before anything that is asked for."""
    side, asked = spans.first("side"), spans.first("ask")
    return side is not None and (asked is None or side < asked)
