"""What a message can ask for without touching orders: looking at things, settings, small talk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from nlp import guards
from nlp.reading import Intent, canonical
from nlp.spans import Number, Span, Spans

_ORDER_NUMBER_MAX = 10**12

# Where several kinds of question are in one message, the first of these is what it is about.
_ASKED_FIRST = (
    Intent.LIMITS, Intent.HELP, Intent.ALERTS, Intent.LAST_ORDER, Intent.MY_TRADES, Intent.POSITIONS, Intent.ACCOUNT,
    Intent.BOOK, Intent.CHART, Intent.ORDERS, Intent.TRADES, Intent.STATUS, Intent.MARKET,
)  # fmt: skip
# Before the word that asks for an alert these say that none is asked for.
_PERCENT = "%"
_AGAINST_ALERTS = frozenset({"negation", "past", "reported", "joke"})
_AGAINST_DELETING = frozenset(
    {"negation", "past", "reported", "joke", "conditional", "question", "opinion", "hesitation"}
)
_ALERT_NOUNS = frozenset({"alert", "alerts", "alerta", "alertas", "alarm", "alarms", "alarma", "alarmas"})
_ORDER_NOUNS = frozenset({"order", "orders", "orden", "ordenes", "ordem", "ordens", "pedido", "pedidos"})
_MINE = frozenset({"my", "mi", "mis", "minha", "minhas", "meu", "meus"})
_HOW_MUCH = frozenset(
    {"cuanto", "cuantos", "cuanta", "quanto", "qto", "quanta", "how much", "que", "what", "en cuanto", "em quanto"}
)
# "Quanto é que eu gastaria"
_COSTS_WITHIN = 4
_AROUND_HELP = ("polite", "filler", "greeting")
# A longer phrase asks by itself: "qué es un lote".
_TERMS_NAMED_MAX = 3
_AGAINST_AGREEING = ("hesitation", "negation", "joke", "conditional", "past", "reported")
# "At" and "a" may lead in what an alert reaches, but no size.
_PREPOSITION_LENGTH_MAX = 2
_ABOUT_ASSETS = frozenset({Intent.MARKET, Intent.BOOK, Intent.CHART})
_TALK_KINDS = ("yes", "no", "thanks", "greeting", "polite", "filler", "link")


@dataclass(frozen=True, slots=True)
class Command:
    """What a message asks for, with the slots that its intent has; `reasons` say why an action was not taken up."""

    intent: Intent
    order_id: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    side: str | None = None
    asset: str | None = None
    contract: str | None = None
    direction: str | None = None
    language: str | None = None
    topic: str | None = None
    period: str | None = None
    clock: str | None = None
    notices: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def unknown(*reasons: str) -> Command:
    return Command(Intent.UNKNOWN, reasons=reasons)


def whole(spans: Spans) -> Command | None:
    """A message that is nothing but one known phrase and courtesies: "market", "STOP", "yes please"."""
    words = spans.words
    if not words:
        return Command(Intent.HELP) if any(span.text == "?" for span in spans) else None
    intents = [
        intent
        for intent in _whole_intents(spans)
        if not (intent == Intent.PANIC and (wavers(spans) or _is_led_in_by_filler(spans)))
        and all(
            one.has("polite") or one.has("filler") or one.has("greeting") or one.has("whole", intent) for one in words
        )
    ]
    if intents and all(span.sure for span in words):
        order = [Intent.PANIC, Intent.UNDO, Intent.HELP]
        intents.sort(key=lambda intent: order.index(Intent(intent)) if Intent(intent) in order else len(order))
        return Command(Intent(intents[0]))
    return None


def wavers(spans: Spans) -> bool:
    """ "Yes, wait", "no, hold on, yes", "dale, pará", "yes maybe": a yes with anything beside it that takes it back.

    Such a message agrees to nothing, and is no call to stop trading either. "No, ok" is a plain no.
    """
    words = spans.words
    if any(span.asset or span.number or span.contract for span in words):
        return False
    if not all(span.has_any(_TALK_KINDS) or _doubts(span) for span in words):
        return False
    against = [place for place, span in enumerate(words) if _doubts(span)]
    agreeing = [place for place, span in enumerate(words) if span.has("yes")]
    if not against or not agreeing:
        return False
    plain_no = words[against[0]].has("no") and against[0] < agreeing[0]
    return not plain_no or any(words[place].has("yes", "yes") for place in agreeing)


def _doubts(span: Span) -> bool:
    """Whether a word beside a yes takes it back, puts it off or leaves it open."""
    if span.has("yes"):
        return False
    doubted = span.has("link", "correction", "alternative") or span.has("guard", *_AGAINST_AGREEING)
    return doubted or span.has("no") or span.has("whole", Intent.PANIC, Intent.NO)


def puts_off(spans: Sequence[Span]) -> bool:
    """ "Wait", "pará": nothing but a word that asks for a moment, or corrects without saying what."""
    words = [span for span in spans if not span.punctuation]
    asks = any(span.has("link", "correction") and not guards.NOES.issuperset(span.text.split()) for span in words)
    return asks and all(span.has("link", "correction") or span.has("polite") for span in words)


def _is_led_in_by_filler(spans: Sequence[Span]) -> bool:
    """ "Bueno, para": whoever means STOP says it alone."""
    for place, span in enumerate(spans[:-1]):
        courteous = span.has("polite") or span.has("greeting") or span.has("whole", Intent.PANIC)
        if span.has("filler") and not courteous and spans[place + 1].text == ",":
            return True
    return False


def on_terms(spans: Spans) -> Command | None:
    """A question on the terms of trading, "what is your commission?", not on the trader's own account."""
    named = spans.of("terms")
    if not named or any(span.number or span.asset or span.contract for span in spans):
        return None
    if any(span.has("my") and not span.has("status") for span in spans):  # "open" is said of orders in general too
        return None
    asks = any(
        span.has("guard", "question") or span.text in ("?", "¿") or span.has("ask", "cost", Intent.HELP, Intent.MARKET)
        for span in spans
    )
    asks = asks or any(len(span.text.split()) > _TERMS_NAMED_MAX for span in named)
    past = any(span.has("guard", "past", "negation") for span in spans)
    return Command(Intent.HELP, topic=named[0].value("terms")) if asks and not past else None


def help_on(spans: Spans) -> Command | None:
    """Help, with the topic it is asked about: "help orders", "how do I cancel"; what names an asset is no such call."""
    words = spans.words
    asked = [span for span in spans.of("ask") if span.has("ask", Intent.HELP) and not span.punctuation]
    if not asked or any(span.number or span.asset or span.contract for span in words):
        return None
    before = words[: words.index(asked[0])]
    if any(span.has("thanks") for span in before):
        return Command(Intent.THANKS)
    if not all(span.has_any(_AROUND_HELP) for span in before):
        return None
    return Command(Intent.HELP, topic=_topic(words))


def _topic(words: Sequence[Span]) -> str | None:
    """The intent that the other words of a call for help name."""
    cancelling = any(span.has("cancel", "verb") or span.has("topic", Intent.CANCEL_ORDER) for span in words)
    if cancelling:
        return Intent.CANCEL_ALL if any(span.has("all") for span in words) else Intent.CANCEL_ORDER
    named = next((span.value("topic") for span in words if span.has("topic")), None)
    if named is not None:
        return named
    for span in words:
        if span.has("amend"):
            return Intent.AMEND_ORDER
        if span.has("language_word") and not span.has("filler"):
            return Intent.LANGUAGE
        topics = [intent for intent in _ASKED_FIRST if intent != Intent.HELP and span.has("ask", intent)]
        if span.has("ask", Intent.ALERT) or Intent.ALERTS in topics:
            return Intent.ALERT
        if topics:
            return topics[0]
        if span.has("side") and not span.has("filler"):
            return Intent.PLACE_ORDER
    return None


def _whole_intents(spans: Spans) -> list[str]:
    words = (span for span in spans.of("whole") if not span.punctuation)
    return [value for span in words for value in sorted(span.values("whole")) if value != Intent.NO]


def small_talk(spans: Spans) -> Command | None:
    """Yes, no, thanks or a greeting, when the message holds nothing else."""
    words = spans.words
    if wavers(spans):
        return unknown("yes_and_no")
    if not words or not all(span.has_any(_TALK_KINDS) and span.sure for span in words):
        return None
    if any(span.asset or span.number or span.contract for span in words) or any(span.text == "?" for span in spans):
        return Command(Intent.GREETING) if any(span.has("greeting") for span in words) else None
    first = next((span for span in words if span.has("yes") or span.has("no")), None)
    thanked = any(span.has("thanks") for span in words)
    if first is not None and not (
        first.has("greeting") and first is words[0] and len(words) == 1 and not first.has("yes")
    ):
        if first.has("no"):
            return Command(Intent.NO)
        if not (thanked and (first.has("yes", "noted") or first.has("thanks"))) and not _only_greets(words, first):
            return Command(Intent.YES, reasons=_against_yes(words))
    if thanked:
        return Command(Intent.THANKS)
    if any(span.has("greeting") for span in words):
        return Command(Intent.GREETING)
    return None


def _against_yes(words: Sequence[Span]) -> tuple[str, ...]:
    """Why a yes is asked for once more: nobody agrees by a sign alone, or by a word that is only guessed."""
    if _is_sign(words):
        return ("sign_alone",)
    agreeing = [span.taken_for for span in words if span.has("yes")]
    guessed = all(spelling is not None and spelling.similarity < 1 for spelling in agreeing)
    return ("misspelt",) if guessed else ()


def _is_sign(words: Sequence[Span]) -> bool:
    """A thumb or a tick without a word: it may say no more than that something was read."""
    return not any(character.isalnum() for span in words for character in span.text)


def _only_greets(words: Sequence[Span], first: Span) -> bool:
    """ "Olá, tudo certo" is no consent: what may be a yes stands among greetings."""
    return first is not words[0] and words[0].has("greeting") and not words[0].has("yes")


def conversation(spans: Spans) -> Command | None:
    """Language requests, alerts, and how the bot itself should behave."""
    return _language(spans) or _settings(spans) or _alert(spans)


def _language(spans: Spans) -> Command | None:
    named = spans.of("language_name")
    if not named or any(span.number or span.asset for span in spans):
        return None
    return Command(Intent.LANGUAGE, language=named[-1].value("language_name"))


def _settings(spans: Spans) -> Command | None:
    numbers = [span.number for span in spans if span.number and not span.number.negative]
    only = numbers[0].as_whole if len(numbers) == 1 else None
    asked = spans.first("confirm")
    if asked is not None:
        if _is_denied_setting(spans, asked):
            return unknown("negation")
        if only is not None and _asks_above(spans):
            return Command(Intent.CONFIRM_UNSURE, quantity=only)
        for span in spans[asked:]:
            if span.has("confirm", "always"):
                return Command(Intent.CONFIRM_ALWAYS)
            if span.has("confirm", "unsure"):
                return Command(Intent.CONFIRM_UNSURE, quantity=only)
    digits = next((span.text for span in spans if span.number and span.number.plain and len(span.text) == 6), None)
    if digits is not None and len(numbers) == 1:
        words = [span for span in spans if not span.punctuation and not span.number]
        if all(span.has("connect") or span.has("polite") or span.has("filler") for span in words):
            return Command(Intent.LINK, order_id=digits)
    return None


def _is_denied_setting(spans: Sequence[Span], asked: int) -> bool:
    """ "Don't ask me above 5": what is not to be asked is no limit, nor a wish to be asked always."""
    if guards.denies_what_was_said(spans):
        return False
    sets = any(span.has("confirm", "always", "unsure") or span.has("direction", "above") for span in spans[asked:])
    return sets and any(span.has("guard", "negation") for span in spans[:asked])


def _asks_above(spans: Sequence[Span]) -> bool:
    """ "Ask me before orders above 5 lots": a size alone, as nothing is named that could be ordered."""
    if any(span.asset or span.contract or span.has("quote") for span in spans):
        return False
    asked = next((place for place, span in enumerate(spans) if span.has("confirm", "ask", "always")), None)
    number = next(place for place, span in enumerate(spans) if span.number)
    if asked is None:
        return False
    return any(
        span.has("direction", "above") and len(span.text) > _PREPOSITION_LENGTH_MAX for span in spans[asked:number]
    )


def _alert(spans: Spans) -> Command | None:
    numbers = [span.number for span in spans if span.number]
    if (deleted := _deleted_alert(spans, numbers)) is not None:
        return deleted
    asked = spans.first("ask", Intent.ALERT)
    if asked is None:
        return None
    against = {value for span in spans[:asked] for value in span.values("guard")} & _AGAINST_ALERTS
    if against:
        return unknown(*sorted(against))
    asset, contract = _asset(spans), _contract(spans)
    price = numbers[-1].value if numbers and not numbers[-1].negative else None
    if any(span.number and after.text == _PERCENT for span, after in pairwise(spans)):
        price = None  # How far it moves is no price that it reaches.
    if asset is None and price is None:
        return None
    cues = spans.of("direction")
    cues.sort(key=lambda span: (span.values("direction") == {"above"}, len(span.text)), reverse=True)
    below = [span for span in cues if span.has("direction", "below") and not span.has("direction", "above")]
    direction = "below" if below else cues[0].value("direction") if cues else None
    return Command(Intent.ALERT, asset=asset, contract=contract, price=price, direction=direction)


def _deleted_alert(spans: Spans, numbers: Sequence[Number]) -> Command | None:
    """ "Delete alert 7", "cancel all my alerts"; the list is shown where it is not said which of them."""
    named = [span for span in spans.of("ask") if span.has("ask", Intent.ALERTS, Intent.ALERT, Intent.DELETE_ALERT)]
    verbs = [
        span for span in spans.of("ask", "cancel") if span.has("ask", Intent.DELETE_ALERT) or span.has("cancel", "verb")
    ]
    if not named or not verbs or not any(_names_alerts(span) for span in named):
        return None
    against = {value for span in spans for value in span.values("guard")} & _AGAINST_DELETING
    if against:
        return unknown(*sorted(against))
    if len(numbers) == 1 and numbers[0].plain:
        return Command(Intent.DELETE_ALERT, order_id=canonical(numbers[0].value))
    every = any(span.has("all") for span in spans) or any(span.text.endswith("s") for span in (*named, *verbs))
    plain = all(span.sure and (span in named or span in verbs or _is_around_alert(span)) for span in spans)
    return Command(Intent.DELETE_ALERT if every and plain and not numbers else Intent.ALERTS)


def _names_alerts(span: Span) -> bool:
    """Not "avísame" or "ping me", which ask to be told."""
    return span.has("ask", Intent.DELETE_ALERT, Intent.ALERTS) or span.text.split()[-1] in _ALERT_NOUNS


def _is_around_alert(span: Span) -> bool:
    return span.punctuation or span.has_any(("my", "all", "polite", "filler", "thanks", "greeting"))


def _asset(spans: Iterable[Span]) -> str | None:
    codes = [span.asset for span in spans if span.asset]
    return codes[0] if len(set(codes)) == 1 else None


def _contract(spans: Iterable[Span]) -> str | None:
    found = [span.contract for span in spans if span.contract]
    return found[0] if len(set(found)) == 1 else None


def cost_question(spans: Spans) -> Command | None:
    """ "What would 50 gold cost me?": whoever asks for the cost asks for the price, and orders nothing."""
    asks = spans.has("ask", "cost")
    asks = asks or any(
        before.text in _HOW_MUCH
        for place in spans.places("costs")
        for before in spans[max(0, place - _COSTS_WITHIN) : place]
    )
    if asks and any(span.asset for span in spans):
        return Command(Intent.MARKET, asset=_asset(spans), contract=_contract(spans))
    return None


def order_id_of(span: Span) -> str | None:
    number = span.number
    if number is None or number.negative or not (number.plain or number.spoken):
        return None
    value = number.as_whole
    return canonical(value) if value == int(value) and 0 < value < _ORDER_NUMBER_MAX else None


def ask(spans: Spans) -> Command | None:
    """A question for information: what of, and about which order, asset and contract."""
    about_order = _about_order(spans)
    if about_order is not None:
        return about_order
    mine = _about_my_order(spans)
    if mine is not None:
        return mine
    asked = {Intent(value) for span in spans.of("ask") for value in span.values("ask") if value != "cost"}
    if _asks_what_was_traded(spans):
        asked.add(Intent.MY_TRADES)
    words = {kind for kind in ("my", "last") if spans.has(kind)}
    asset, contract = _asset(spans), _contract(spans)
    if Intent.TRADES in asked and "my" in words and Intent.MY_TRADES not in asked and asset is None:
        asked.add(Intent.MY_TRADES)
    if "last" in words and any(span.has("order") and not span.has("filler") for span in spans) and "my" in words:
        asked.add(Intent.LAST_ORDER)
    for intent in _ASKED_FIRST:
        if intent in asked and intent not in (Intent.STATUS,):
            if (
                intent in (Intent.ACCOUNT, Intent.ORDERS, Intent.TRADES)
                and asset
                and Intent.MARKET in asked
                and "my" not in words
            ):
                continue
            about = intent in _ABOUT_ASSETS
            if _is_beside(intent, spans, asset):
                return None
            return Command(intent, asset=asset if about else None, contract=contract if about else None)
    return None


def _asks_what_was_traded(spans: Sequence[Span]) -> bool:
    """ "What did I sell this week?", "o que eu já negociei hj": a question word, and then what the trader did."""
    if any(span.number or span.asset or span.contract for span in spans):
        return False
    asked = next((place for place, span in enumerate(spans) if span.has("guard", "question")), None)
    return asked is not None and any(span.has("traded") for span in spans[asked:])


def _about_my_order(spans: Sequence[Span]) -> Command | None:
    """ "Where is my order?", "já saiu a minha ordem?": how it stands is asked, and no number is given."""
    if any(span.number or span.asset or span.contract or span.has("amend", "price") for span in spans):
        return None
    nouns = [span for span in spans if span.text.split()[-1] in _ORDER_NOUNS]
    mine = any(span.has("my") or _MINE & set(span.text.split()) for span in spans)
    asked = any((span.has("status") or span.has("ask", Intent.STATUS)) and span not in nouns for span in spans)
    against = {value for span in spans for value in span.values("guard")} & {"negation", "conditional", "joke"}
    if len(nouns) != 1 or not mine or not asked or against:
        return None
    return Command(Intent.ORDERS if nouns[0].text.endswith("s") else Intent.LAST_ORDER)


def _is_beside(intent: Intent, spans: Sequence[Span], asset: str | None) -> bool:
    """Whether the question is about something else: the weather, a joke, the news, a position to close."""
    if intent == Intent.MARKET and asset is None:
        return any(
            span.unknown or not span.sure or all(m.kind == "heard_asset" for m in span.meanings)
            for span in spans
            if not span.punctuation
        )
    if any(span.has("guard", "joke", "machine") for span in spans):
        return True
    if any(one.number for one in spans):
        if any(span.has("guard", "reported") for span in spans):
            return True  # news of what others trade
        if (
            asset is not None
            and intent not in _ABOUT_ASSETS
            and any(span.has("guard", "conditional") for span in spans)
        ):
            return True  # "compraria 10 ... se tivesse margem"
    return intent == Intent.POSITIONS and any(
        span.has("guard", "relative") and not (span.has("all") or span.has("ask", Intent.POSITIONS)) for span in spans
    )


def _about_order(spans: Sequence[Span]) -> Command | None:
    numbers = [span for span in spans if span.number]
    if len(numbers) != 1 or any(span.asset or span.contract for span in spans):
        return None
    order_id = order_id_of(numbers[0])
    if order_id is None:
        return None
    asked = any(
        span.has("status") or span.has("ask", Intent.STATUS) or span.has("cancel", "past") or span.text in ("?", "¿")
        for span in spans
    )
    # "What happened to my order 1088"
    asked = asked or any(one.has("ask", Intent.LAST_ORDER) and two is numbers[0] for one, two in pairwise(spans))
    traded = any(span.has("side") or span.has("unit") for span in spans)
    return Command(Intent.STATUS, order_id=order_id) if asked and not traded else None
