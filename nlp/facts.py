"""Questions about a market's rules: "what's the tick of gold?", "em que moeda é isso?", "¿cuándo vence el oro?"."""

from collections.abc import Sequence
from datetime import date

from nlp import contracts
from nlp.catalogue import Catalogue
from nlp.commands import Command
from nlp.lexicon import Lexicon
from nlp.own_words import OwnWords, is_known
from nlp.reading import Intent

_SECTION = "facts"
_SHARED = frozenset({"polite", "greeting", "thanks", "month", "complaint"})
# What is asked of a product only: in general these are terms of trading, which help explains.
_OF_A_PRODUCT = frozenset({"commission", "last_day"})
_TOPICS = ("last_day", "tick", "currency", "hours", "band", "lot", "commission")


class FactsReader:
    """Reads what wholly asks for the rules of one product or of all."""

    def __init__(self, lexicons: Sequence[Lexicon], catalogue: Catalogue) -> None:
        self._words = OwnWords(lexicons, _SECTION, telling=_TOPICS, shared=_SHARED, catalogue=catalogue)

    def read(self, text: str, last_language: str | None, as_of: date) -> tuple[Command, str] | None:
        """What is asked for and its language; None where a word of the message is about something else."""
        if not self._words.consists_of_them(text):
            return None
        spans, written_in = self._words.spans(text, last_language)
        spans = contracts.mark_spoken(contracts.mark_written(spans, as_of, voice=False), as_of)
        assets = {value for span in spans if span.contract is None for value in span.values("asset")}
        months = {span.contract for span in spans if span.contract is not None}
        topic = next((topic for topic in _TOPICS if any(span.has(_SECTION, topic) for span in spans)), None)
        known = all(is_known(span) or span.contract is not None for span in spans)
        if not known or topic is None or len(assets) > 1 or len(months) > 1:
            return None
        if any(span.number is not None and span.contract is None for span in spans):
            return None
        if not assets and (months or topic in _OF_A_PRODUCT):
            return None
        asset, contract = next(iter(assets), None), next(iter(months), None)
        return Command(Intent.FACTS, asset=asset, contract=contract, topic=topic), written_in
