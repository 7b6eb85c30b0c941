"""An order read from spans: its slots, what is missing, and why it may not be carried out as it stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise

from nlp import contracts, expiry, figures, guards, introductions
from nlp.catalogue import Catalogue
from nlp.spans import Span, Spans

# Above these a number is rather a slip of the thumb than meant.
QUANTITY_MAX = Decimal(1_000_000)
PRICE_MAX = Decimal(10_000_000)
# With more words than these left over, the message is about something else.
_LEFTOVER_WORDS_MAX = 2
# "Regards, A. Whitfield, Cargill"
_SIGNATURE_SPANS_MAX = 7

_SIDED = ("side", "quote", "pay")
_SLOTS = ("side", "quantity", "asset", "contract", "price")
_HARMLESS_KINDS = frozenset(
    {
        "filler", "polite", "closing", "greeting", "thanks", "place", "time_in_force", "validity", "contract",
        "currency", "cue", "yes",
    }
)  # fmt: skip
_HARMLESS_MARKS = frozenset(".,;:!¡()'*-@?¿…|•·#")
_RECEIVERS = frozenset({"me", "us"})
_TO_ME = frozenset({"to me", "to us"})
_ONE_LETTER_SIDES = frozenset("bscv")
_SIDE_LED_IN = frozenset({"na", "en", "de"})


@dataclass(slots=True)
class Order:
    """What was understood of an order. `doubts` ask for a confirmation, `refusals` make it no order at all."""

    side: str | None = None
    quantity: Decimal | None = None
    asset: str | None = None
    contract: str | None = None
    price: Decimal | None = None
    order_type: str | None = None
    time_in_force: str | None = None
    expires_in: int | None = None
    expires_at: str | None = None
    doubts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    unlisted: str | None = None
    leftover: tuple[str, ...] = ()
    numbers_bare: int = 0
    price_cued: bool = False
    quantity_cued: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The slots an order cannot do without that are not there."""
        absent = [slot for slot in _SLOTS if getattr(self, slot) is None]
        return tuple(slot for slot in absent if not (slot == "price" and self.order_type == "market"))


class OrderReader:
    """Reads one message's spans as an order."""

    def __init__(self, spans: Spans, catalogue: Catalogue, as_of: date, language: str, voice: bool) -> None:
        self._spans = spans
        self._catalogue = catalogue
        self._as_of = as_of
        self._language = language
        self._voice = voice
        self._used: set[int] = set()
        self._signed: set[int] = set()  # the sender's name
        self._order = Order()
        self._unclear: set[str] = set()
        self._verb: int | None = None
        self._alternatives = [position for position in spans.places("link") if self._is_alternative(position)]

    def read(self) -> Order:
        order = self._order
        self._read_signature()
        self._read_side()
        self._read_courtesy()
        self._read_terms()
        order.asset = self._one(
            "asset",
            [(place, span.asset) for place, span in enumerate(self._spans) if span.asset and place not in self._signed],
        )
        self._check_named_again()
        order.contract = self._one(
            "contract", [(position, span.contract) for position, span in enumerate(self._spans) if span.contract]
        )
        self._read_numbers()
        self._check_contract()
        self._check_numbers_first()
        self._check_leftover()
        self._refuse_guesswork()
        if "side" in self._unclear and self._unclear & {"price", "quantity", "asset", "contract"}:
            order.refusals.append("two_orders")
        if self._alternatives and len(self._unclear) > 1:
            order.refusals.append("two_orders")
        order.refusals += guards.of_position(self._spans, self._verb, self._language)
        against = guards.find(self._unused(), self._language)
        order.doubts += [reason for reason in against if reason in guards.DOUBTING]
        order.refusals += [reason for reason in against if reason in guards.FORBIDDING]
        order.doubts, order.refusals = list(dict.fromkeys(order.doubts)), list(dict.fromkeys(order.refusals))
        return order

    def _unused(self) -> Iterable[Span]:
        return (span for position, span in enumerate(self._spans) if position not in self._used)

    def _read_courtesy(self) -> None:
        """Leave out a "no" that is about no word of the order."""
        if guards.denies_what_was_said(self._spans):
            self._used.add(0)
            self._order.doubts.append("correction")
        for position, span in enumerate(self._spans[1 : self._first_slot()], 1):
            if span.text == "?" and self._spans[position - 1].has("greeting"):
                self._used.add(position)  # "Tudo bem? Compra ...": how somebody is, is no question about the order
        for position, (span, after) in enumerate(pairwise(self._spans)):
            if not (span.has("greeting") or span.punctuation):
                break
            if after.punctuation:
                self._used.add(position)  # "Qué tal, compra ...": nor is it advice that is asked for
        if guards.asks_a_favour(self._spans, self._verb):
            self._used.add((self._verb or 0) - 1)
            self._order.doubts.append("request")
        assent = guards.asks_for_assent(self._spans)
        if assent is not None:
            self._used.add(assent)

    def _read_signature(self) -> None:
        """Leave out the name after "Regards, ..." or "Thanks, ..."."""
        ordered = next((position for position, span in enumerate(self._spans) if span.asset or span.number), None)
        closings = self._spans.places("closing", "thanks")
        closing = next((position for position in closings if ordered is not None and position > ordered), None)
        if closing is None:
            return
        before = self._spans[closing - 1].number
        if before is not None and before.spoken:
            return  # "At eleven, ta, twnty": a number in words may go on.
        signed = range(closing + 1, len(self._spans))
        if len(signed) <= _SIGNATURE_SPANS_MAX and all(self._may_be_name(position) for position in signed):
            self._signed.update(signed)
            self._used |= self._signed

    def _may_be_name(self, position: int) -> bool:
        span = self._spans[position]
        guessed = span.taken_for is not None and not any(
            self._language in span.languages(kind) for kind in introductions.WARNING_KINDS
        )
        return span.punctuation or span.unknown or guessed or (len(span.text) == 1 and span.number is None)

    def _is_alternative(self, position: int) -> bool:
        span = self._spans[position]
        if not span.has("link", "alternative"):
            return False
        # The Portuguese article "o" is an "or" in Spanish.
        if span.text == "o" and position + 1 < len(self._spans) and not (position and self._spans[position - 1].number):
            following = self._spans[position + 1]
            if following.asset or following.has("order") or following.has("cue", "price") or following.contract:
                return self._language != "pt"
        return True

    def _read_side(self) -> None:
        found: list[tuple[int, str]] = []
        for position in self._spans.places(*_SIDED):
            span = self._spans[position]
            value = span.value("side") or span.value("quote") or span.value("pay")
            if value is None or span.asset or span.number or span.contract or position in self._signed:
                continue
            if span.text in _ONE_LETTER_SIDES and not self._opens(position):
                continue
            if self._is_joined(position) or self._joins_on(position):
                self._order.doubts.append("joined")  # "... and sell", "buy and ...": there was something before "and"
            found.append((position, value))
            self._doubt_unsure(span)
            doubting = span.values("guard") & guards.DOUBTING
            self._order.doubts += sorted(
                doubting - {"request"} if guards.asks_elsewhere(span, self._language) else doubting
            )
            self._order.refusals += sorted(span.values("guard") & guards.FORBIDDING)
            if value == "sell" and self._to_me(position):
                self._order.doubts.append("either_side")  # "sell me" may ask to buy
        if any(self._takes_up(first, second) for (first, _), (second, _) in pairwise(found)):
            self._order.doubts.append("repeated")  # it may be a second order
        self._verb = found[0][0] if found else None
        self._order.side = self._one("side", found)

    def _takes_up(self, first: int, second: int) -> bool:
        """Whether something is ordered between two words that name the side; "... na venda" only says it again."""
        if self._spans[second].text.split()[0] in _SIDE_LED_IN and " " in self._spans[second].text:
            return False
        return any(span.number or span.asset or span.contract for span in self._spans[first:second])

    def _check_named_again(self) -> None:
        """ "Buy soy and 45 jan26 soybeans": a product that is named before and after a figure may be in two orders."""
        named = [
            place
            for place, span in enumerate(self._spans)
            if span.asset and not span.contract and place not in self._signed
        ]
        for first, second in pairwise(named):
            if any(span.number or span.contract for span in self._spans[first:second]):
                self._order.doubts.append("repeated")

    def _is_joined(self, position: int) -> bool:
        for span in reversed(self._spans[:position]):
            if span.has("link", "and") and not span.has("filler"):
                return True
            if not (span.punctuation or span.has("filler") or span.has("polite") or span.has("greeting")):
                return False
        return False

    def _joins_on(self, position: int) -> bool:
        after = next((span for span in self._spans[position + 1 :] if not span.punctuation), None)
        return after is not None and after.has("link", "and") and not (after.has("filler") or after.number)

    def _to_me(self, position: int) -> bool:
        said_to_me = any(span.text in _TO_ME for span in self._spans[position + 1 :])
        for span in self._spans[position + 1 :]:
            if span.number or span.asset or span.contract:
                break
            said_to_me |= span.text in _RECEIVERS
        return said_to_me

    def _opens(self, position: int) -> bool:
        return not any(
            span.number or span.asset or span.contract or span.has("side") for span in self._spans[:position]
        )

    def _refuse_guesswork(self) -> None:
        """A side and an asset that are both only guessed are a sentence about something else."""
        sides = self._spans.of("side", "quote")
        assets = [span for span in self._spans if span.asset]
        if sides and assets and not any(span.sure for span in (*sides, *assets)):
            self._order.refusals.append("misspelt")

    def _doubt_unsure(self, span: Span) -> None:
        if not span.sure:
            self._order.doubts += span.reasons or ("misspelt",)

    def _one(self, slot: str, found: Sequence[tuple[int, str]]) -> str | None:
        """The one value of a slot; the last one where the trader corrected themselves, none where several stand."""
        self._used.update(position for position, _ in found)
        values = {value for _, value in found}
        if len(values) <= 1:
            return next(iter(values), None)
        first = found[0][0]
        marks = [
            position
            for position in self._spans.places("link")
            if position > first and self._spans[position].has("link", "correction")
        ]
        after = [value for position, value in found if marks and position > marks[0]]
        if after and len(set(after)) == 1:
            return after[0]
        self._unclear.add(slot)
        self._order.doubts.append("alternatives" if self._alternatives else f"two_{slot}s")
        return None

    def _read_terms(self) -> None:
        order = self._order
        for position in self._spans.places("time_in_force"):
            term = self._spans[position].value("time_in_force")
            if not self._spans[position].number:
                self._used.add(position)
                if order.time_in_force not in (None, term):
                    order.doubts.append("two_terms")
                order.time_in_force = term
        if order.time_in_force == "DAY":
            order.time_in_force = None
        lasting = expiry.find(self._spans, self._as_of)
        if lasting is not None:
            self._used.update(lasting.spans)
            order.expires_in, order.expires_at = lasting.minutes, lasting.moment
            if not lasting.sure:
                order.doubts.append("unclear_expiry" if lasting.moment is None else "local_time")
        for position in self._spans.places("market"):
            if position not in self._used or self._spans[position].has("side"):
                self._used.add(position)
                order.order_type = "market"

    def _read_numbers(self) -> None:
        order = self._order
        skip = self._used | {position for position, span in enumerate(self._spans) if span.contract or span.asset}
        found = figures.read(self._spans, skip, order.order_type == "market", self._language)
        self._used |= found.used
        self._unclear |= found.unclear
        order.doubts += found.reasons
        if found.price is not None:
            order.price = found.price.number.value
            order.price_cued = bool(found.price.cue)
        if found.quantity is not None:
            order.quantity = found.quantity.number.as_whole
            order.quantity_cued = bool(found.quantity.cue)
        self._first_bare = found.bare_first
        for position in found.used:
            self._doubt_unsure(self._spans[position])
        said = [span for span in self._spans if not (span.punctuation or span.has_any(figures.INTERJECTED))]
        if any(span.number and _begins_with(after, span.text) for span, after in pairwise(said)):
            order.doubts.append("repeated")  # "dez, dez 25": ten of December, or December said twice
        if order.order_type == "market" and order.price is not None:
            order.doubts.append("market_with_price")
        elif order.order_type is None and order.price is not None:
            order.order_type = "limit"
        if order.quantity is not None and (order.quantity > QUANTITY_MAX or order.quantity != int(order.quantity)):
            order.doubts.append("absurd_number" if order.quantity > QUANTITY_MAX else "fractional_quantity")
        bounds = {bound for span in self._spans.of("bound") for bound in span.values("bound")}
        if (order.side == "buy" and "min" in bounds) or (order.side == "sell" and "max" in bounds):
            order.doubts.append("wrong_bound")  # a limit buys at that price or less
        if order.price is not None and order.price > PRICE_MAX:
            order.doubts.append("absurd_number")

    def _check_contract(self) -> None:
        order = self._order
        for span in self._spans:
            if span.asset or span.contract:
                self._doubt_unsure(span)
        if order.contract is None:
            return
        if self._spans.has("contract", "front"):
            order.doubts.append("two_contracts")  # the front month, and another by its name
        if contracts.is_expired(order.contract, self._as_of) and not self._catalogue.lists(order.asset, order.contract):
            order.doubts.append("expired_contract")

    def _check_numbers_first(self) -> None:
        """A bare number before the verb may belong to what was said before it."""
        if self._first_bare is None:
            return
        verb = next(
            (
                position
                for position, span in enumerate(self._spans)
                if (span.has_any(_SIDED) or self._places_on(position))
                and not (span.asset or span.number or span.has("filler"))
            ),
            0,
        )
        if self._first_bare < verb:
            self._order.doubts.append("number_before_verb")

    def _places_on(self, position: int) -> bool:
        """Whether a "put" goes on to what follows; "pon un; plata ..." breaks off."""
        following = (span.text for span in self._spans[position + 1 : self._first_bare])
        return self._language in self._spans[position].languages("place") and not set(following) & {";", "."}

    def _check_leftover(self) -> None:
        order = self._order
        first = self._first_slot()
        for position in self._spans.places("link"):
            span = self._spans[position]
            corrects = position > first or guards.NOES & set(span.text.split()) or self._follows_address(position)
            if span.has("link", "correction") and corrects:
                order.doubts.append("correction")
        left: list[str] = []
        for position, span in enumerate(self._spans):
            if position in self._used or span.has("guard") or self._is_harmless(position):
                continue
            left.append(span.text)
        if any(
            span.has("validity", "until") and not (span.has("cue") or span.has("filler")) for span in self._unused()
        ):
            order.doubts.append("unclear_expiry")
        if self._alternatives and not self._unclear:
            order.doubts.append("alternatives")
        product = next((span.text for span in self._unused() if span.has("product") and not span.asset), None)
        if product is not None:
            order.unlisted = product
        elif left and order.asset is None and "asset" not in self._unclear:
            order.unlisted = next((text for text in left if text.isalpha() and len(text) > 2), None)
        order.leftover = tuple(left)
        if left:
            order.doubts.append("unexplained_words")
        if any(span.has("no") and not span.has("filler") and not span.has("cue") for span in self._unused()):
            order.refusals.append("negation")
        if len([text for text in left if text[0].isalpha()]) > _LEFTOVER_WORDS_MAX:
            order.refusals.append("unexplained_words")

    def _follows_address(self, position: int) -> bool:
        """ "Compa, digo, vende ...": who seems to be spoken to may be the misspelt word that is put right."""
        return any(span.has("polite") for span in self._spans[:position])

    def _first_slot(self) -> int:
        return next(
            (
                position
                for position, span in enumerate(self._spans)
                if span.number or span.asset or span.contract or span.has("side")
            ),
            len(self._spans),
        )

    def _is_harmless(self, position: int) -> bool:
        span = self._spans[position]
        if span.contract or span.asset or span.number:
            return False
        if not span.sure:
            return False
        if span.has("link", "alternative") or span.has("link", "correction"):
            return True  # weighed on their own
        if span.punctuation:
            if span.text == "/" and not span.glued:
                return True  # "trigo mar26 / 20 / 551,5"
            return all(character in _HARMLESS_MARKS or not character.isascii() for character in span.text)
        if span.has("link", "and"):
            return True
        if span.has("order") and span.text not in ("it", "one"):
            return True
        return span.has_any(_HARMLESS_KINDS)


def _begins_with(span: Span, word: str) -> bool:
    return span.contract is not None and span.text.split()[0] == word
