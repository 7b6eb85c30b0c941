"""Messages about what a trader is told of: "mute partial fills", "sin resumen diario", "quais avisos eu recebo?".

They have words of their own, which are looked for only in messages and clauses that consist of nothing else: no word of
an order, a cancellation or STOP is read otherwise for them.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile

from nlp import expiry
from nlp.commands import Command
from nlp.lexicon import Lexicon
from nlp.own_words import OwnWords
from nlp.reading import NOTICES, Intent
from nlp.spans import Span

# What of the general words such a message may hold.
_SHARED = frozenset({"clock", "number", "polite", "greeting", "thanks"})
_PHRASES = "notices"
_NOUNS = {
    "fills": ("fills", "partial_fills"),
    "full_fills": ("fills",),
    "partial_fills": ("partial_fills",),
    "expiries": ("expiries",),
    "cancellations": ("cancellations",),
    "alerts": ("alerts",),
    "halts": ("halts",),
}
_TELLING = frozenset({*_NOUNS, "notifications", "messages", "summary", "report", "mute", "unmute", "tell", "state"})
# A comma within a number parts nothing.
_SEPARATOR = re.compile(r"[,.;:]\s+|\n+|\s+(?:and|then|y|e|luego|depois)\s+", re.IGNORECASE)


class NotificationReader:
    """Reads what is wholly about notifications, and nothing else."""

    def __init__(self, lexicons: Sequence[Lexicon]) -> None:
        self._words = OwnWords(lexicons, _PHRASES, telling=_TELLING, shared=_SHARED)

    def read(self, text: str, last_language: str | None) -> tuple[Command, str] | None:
        """What the message asks for and its language; None where a word of it is about something else."""
        found = self._words.whole(text, last_language)
        command = None if found is None else _Message(found[0]).command()
        return None if found is None or command is None else (command, found[1])

    def beside(self, text: str, last_language: str | None) -> Iterator[str]:
        """What is left of the message without a first or last clause that is about notifications."""
        if not self._words.tells(text):
            return
        parted = [(text[: found.start()], text[found.end() :]) for found in _SEPARATOR.finditer(text)]
        # What is said beside notifications ends the search for longer clauses, of which a long message has many.
        firsts = sum(1 for _ in takewhile(self._words.may_grow, (before for before, _ in parted)))
        lasts = sum(1 for _ in takewhile(self._words.may_grow, (after for _, after in reversed(parted))))
        for place, (before, after) in enumerate(parted):
            if place < firsts and self.read(before, last_language) is not None:
                yield after
            if place >= len(parted) - lasts and self.read(after, last_language) is not None:
                yield before


class _Message:
    """The spans of a message that holds no other words than those of notifications."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._said = {value for span in spans for value in span.values(_PHRASES)}

    def command(self) -> Command | None:
        if self._is_about_summary():
            return self._summary()
        if "summary" in self._said or "each_day" in self._said or any(span.number for span in self._spans):
            return None
        return self._notices()

    def _has(self, *values: str) -> bool:
        return any(value in self._said for value in values)

    def _is_about_summary(self) -> bool:
        if self._kinds(self._spans):
            return False
        if self._has("summary"):
            return True
        return self._has("report") and (self._has("each_day", "mute", "off", "deny") or self._clock() is not None)

    def _summary(self) -> Command | None:
        refused = self._refusals()
        if refused > 1 or (refused and self._has("unmute")):
            return None
        if refused:
            return Command(Intent.NO_SUMMARY)
        return Command(Intent.DAILY_SUMMARY, clock=self._clock())

    def _refusals(self) -> int:
        """How many words take something away: two of them may give it back."""
        taking = [span for span in self._spans if span.has(_PHRASES, "mute", "off", "deny")]
        return len(taking)

    def _clock(self) -> str | None:
        """The one time of day that is named; None too for what is none, which is asked about."""
        for place, span in enumerate(self._spans):
            if span.has("clock", "noon"):
                return expiry.NOON
            if span.number is not None:
                found = expiry.clock_at(self._spans, place)
                if found is None:
                    return None
                clock, end = found
                return None if any(later.number for later in self._spans[end + 1 :]) else clock
        return None

    def _notices(self) -> Command | None:
        kinds = self._chosen()
        named = bool(self._kinds(self._spans))
        generic = self._has("notifications", "messages") or self._names_alerts_of()
        everything = self._has("everything", "nothing")
        if self._is_question() and (generic or self._has("state", "mute")):
            return Command(Intent.NOTIFICATIONS)
        refusals = self._refusals()
        if refusals > 1 or not kinds:
            return None
        if refused := refusals or self._has("nothing"):
            plain = self._has("mute") or generic or self._has("tell") or (self._has("send") and named)
            return Command(Intent.MUTE, notices=kinds) if refused and plain else None
        if self._has("only") and named and (generic or self._has("tell", "on", "unmute")):
            return Command(Intent.UNMUTE, notices=kinds, topic="only")
        if self._has("unmute") or (self._has("on") and (named or generic)):
            return Command(Intent.UNMUTE, notices=kinds)
        if self._has("tell") and (generic or everything or (named and kinds != ("alerts",))):
            return Command(Intent.UNMUTE, notices=kinds)
        if self._has("send") and generic:
            return Command(Intent.UNMUTE, notices=kinds)
        return Command(Intent.NOTIFICATIONS) if self._has("notifications") and not (named or everything) else None

    def _is_question(self) -> bool:
        return self._has("ask") and not self._has("deny")

    def _chosen(self) -> tuple[str, ...]:
        """The kinds that are named, or all; without those that follow "except"."""
        place = next((at for at, span in enumerate(self._spans) if span.has(_PHRASES, "except")), len(self._spans))
        chosen = self._kinds(self._spans[:place]) or set(NOTICES)
        left_out = self._kinds(self._spans[place:])
        if place < len(self._spans) and not left_out:
            return ()
        return tuple(kind for kind in NOTICES if kind in chosen - left_out)

    def _kinds(self, spans: Sequence[Span]) -> set[str]:
        nouns = self._nouns(spans)
        found = {noun for noun, _beside in nouns if not (noun == "alerts" and _beside)}
        return {kind for noun in found for kind in _NOUNS[noun]}

    def _names_alerts_of(self) -> bool:
        """ "Fill alerts", "alertas de ejecuciones": a word for any notification, beside what it is of."""
        return any(noun == "alerts" and beside for noun, beside in self._nouns(self._spans))

    def _nouns(self, spans: Sequence[Span]) -> list[tuple[str, bool]]:
        """The kinds as they are named, each with whether another one stands right beside it."""
        places: list[tuple[int, str]] = []
        for place, span in enumerate(spans):
            noun = next((value for value in _NOUNS if span.has(_PHRASES, value)), None)
            if noun is not None:
                places.append((place, noun))
        joined = [not any(_parts(span) for span in spans[one + 1 : other]) for (one, _), (other, _) in pairwise(places)]
        return [(noun, any(joined[max(0, index - 1) : index + 1])) for index, (_place, noun) in enumerate(places)]


def _parts(span: Span) -> bool:
    return span.punctuation or span.has("link", "and") or span.has(_PHRASES, "except", "mute", "off", "deny", "tell")
