"""What a seed has happen: who asks for what and when, and what goes wrong meanwhile (pure).

The same seed and length give the same plan. What comes of it differs from run to run, as real processes race.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from engine.orders import Side

CHAT_TRADERS_PER_LANGUAGE = 4
API_TRADERS = 5
ACTIONS_PER_SECOND = 6
VOICE_EVERY_SECONDS = 20
YES_AFTER_SECONDS = (8, 12)  # Or once the note is read back; the second agrees to nothing.
CENTS = (14_900, 15_100)  # Of wheat, which the market maker quotes around 150.
QUANTITY_MAX = 9
FAULT_EVERY_SECONDS = 4.5
FROZEN_SECONDS = (0.5, 14)  # The longest are beyond what PostgreSQL lets a transaction idle.
AWAY_SECONDS = (0.2, 4)
SHIFT_SECONDS = (1, 30)
CLIPS = {
    "en": ("d-en-01.ogg", "d-en-02.ogg"),
    "es": ("d-es-01.ogg", "d-es-02.ogg"),
    "pt": ("d-pt-01.ogg", "d-pt-02.ogg"),
}
COUNTRIES = {"en": "+1555080", "es": "+52551234", "pt": "+5511987"}


class Deed(StrEnum):
    """What a trader does."""

    PLACE = "place"
    AMEND = "amend"
    CANCEL = "cancel"
    CANCEL_ALL = "cancel all"
    ASK = "ask"
    CHART = "chart"
    SPEAK = "speak"
    YES = "yes"


class Trouble(StrEnum):
    """What goes wrong."""

    KILL = "kill"
    FREEZE = "freeze"
    FLUSH_REDIS = "flush redis"
    RESTART_REDIS = "restart redis"
    FREEZE_REDIS = "freeze redis"
    FILL_DISK = "fill the disk of redis"
    RESTART_POSTGRES = "restart postgres"
    SHIFT_CLOCK = "shift the clock"
    TROUBLE_TWILIO = "trouble at twilio"


# How often each is done, of a hundred.
CHAT_DEEDS = {Deed.PLACE: 70, Deed.AMEND: 11, Deed.CANCEL: 11, Deed.CANCEL_ALL: 2, Deed.ASK: 4, Deed.CHART: 2}
API_DEEDS = {Deed.PLACE: 74, Deed.AMEND: 12, Deed.CANCEL: 12, Deed.CANCEL_ALL: 2}
PROCESSES = (
    "web",
    "web worker",
    "chat",
    "engine",
    "second engine",
    "outbound",
    "pictures",
    "voice",
    "sweep",
)
CLOCKS = ("web", "chat", "engine", "second engine", "outbound", "sweep")
# One of each kind first, so that a short run has them all; then every process in every way.
ESSENTIAL = (
    (Trouble.KILL, "engine"),
    (Trouble.FLUSH_REDIS, "redis"),
    (Trouble.RESTART_POSTGRES, "postgres"),
    (Trouble.KILL, "web"),
    (Trouble.FREEZE, "engine"),
    (Trouble.RESTART_REDIS, "redis"),
    (Trouble.KILL, "chat"),
    (Trouble.SHIFT_CLOCK, "web"),
    (Trouble.FILL_DISK, "redis"),
    (Trouble.TROUBLE_TWILIO, "twilio"),
)
EVERY = (
    *((Trouble.KILL, process) for process in PROCESSES),
    *((Trouble.FREEZE, process) for process in PROCESSES),
    *((Trouble.SHIFT_CLOCK, process) for process in CLOCKS),
    *(
        (trouble, "redis")
        for trouble in (Trouble.FLUSH_REDIS, Trouble.RESTART_REDIS, Trouble.FREEZE_REDIS, Trouble.FILL_DISK)
    ),
    *2 * ((Trouble.RESTART_POSTGRES, "postgres"), (Trouble.TROUBLE_TWILIO, "twilio")),
)


@dataclass(frozen=True)
class Trader:
    """Someone who writes from a number, or who uses the API under their name."""

    name: str
    language: str
    number: str | None = None
    speaks: bool = False  # And does nothing else, so that nothing comes between a question and its answer.


@dataclass(frozen=True, kw_only=True)
class Action:
    """One request; `key` is its message's SID or its Idempotency-Key.

    `held_back` is how late its webhook comes, so that later ones overtake it; `again_after` when it comes once more.
    `nth` says which of their orders a change is about, counted back from the latest; or to which of their voice notes
    a yes agrees. Whoever runs out of `patience`
    never learns whether the request was taken.
    """

    at: float
    trader: Trader
    deed: Deed
    key: str
    side: Side = Side.BUY
    quantity: int = 1
    cents: int = 15_000
    nth: int = 1
    clip: str | None = None
    held_back: float = 0
    again_after: tuple[float, ...] = ()
    wait: int = 0
    names_order: bool = False  # Told apart by a client_order_id instead of an Idempotency-Key.
    patience: float | None = None

    def __str__(self) -> str:
        what = self.clip or (
            f"{self.side} {self.quantity} at {self.cents / 100:.2f}" if self.deed == Deed.PLACE else ""
        )
        return f"{self.at:7.2f}  {self.trader.name:8} {self.deed:10} {what} {self.key}"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that goes wrong for so many seconds; `amount` is how far a clock is off."""

    at: float
    trouble: Trouble
    target: str
    seconds: float = 0
    amount: float = 0

    def __str__(self) -> str:
        return f"{self.at:7.2f}  *** {self.trouble}: {self.target} for {self.seconds:.1f} s {self.amount or ''}"


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    seed: int
    seconds: float
    traders: tuple[Trader, ...]
    actions: tuple[Action, ...]
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, seed: int, seconds: float) -> Self:
        chance = random.Random(f"faults {seed} {seconds}")
        traders = tuple(everyone())
        actions = sorted(_actions(chance, traders, seconds), key=lambda action: action.at)
        return cls(seed, seconds, traders, tuple(actions), tuple(_faults(chance, seconds)))

    def __str__(self) -> str:
        steps: list[Action | Fault] = [*self.actions, *self.faults]
        return "\n".join(str(step) for step in sorted(steps, key=lambda step: step.at))


def everyone() -> Iterator[Trader]:
    for language, prefix in COUNTRIES.items():
        for count in range(CHAT_TRADERS_PER_LANGUAGE):
            yield Trader(f"{language}{count}", language, f"{prefix}{count:04d}")
        yield Trader(f"{language} voice", language, f"{prefix}{CHAT_TRADERS_PER_LANGUAGE:04d}", speaks=True)
    for count in range(API_TRADERS):
        yield Trader(f"api{count}", "en")


def _actions(chance: random.Random, traders: tuple[Trader, ...], seconds: float) -> Iterator[Action]:
    for _ in range(int(seconds * ACTIONS_PER_SECOND)):
        trader = chance.choice([trader for trader in traders if not trader.speaks])
        by_chat = trader.number is not None
        deeds = CHAT_DEEDS if by_chat else API_DEEDS
        [deed] = chance.choices(list(deeds), list(deeds.values()))
        yield Action(
            at=chance.uniform(0, seconds),
            trader=trader,
            deed=deed,
            key=_sid(chance) if by_chat else f"k-{chance.getrandbits(64):016x}",
            side=chance.choice(list(Side)),
            quantity=chance.randint(1, QUANTITY_MAX),
            cents=chance.randint(*CENTS),
            nth=chance.randint(1, 4),
            held_back=chance.uniform(0.2, 3) if by_chat and chance.random() < 0.15 else 0,
            again_after=tuple(chance.uniform(0, 8) for _ in range(chance.choice((0, 0, 0, 0, 1, 2)))),
            wait=0 if by_chat else chance.choice((0, 0, 2)),
            names_order=not by_chat and deed == Deed.PLACE and chance.random() < 0.25,
            patience=chance.uniform(0.05, 3) if chance.random() < 0.08 else None,
        )
    yield from _spoken(chance, traders, seconds)


def _spoken(chance: random.Random, traders: tuple[Trader, ...], seconds: float) -> Iterator[Action]:
    """Voice notes in one language after another, which are always asked back, and the yes some time later."""
    at, languages = 2.0, list(CLIPS)
    chance.shuffle(languages)
    for place, language in enumerate(itertools.cycle(languages)):
        if at + max(YES_AFTER_SECONDS) > seconds:
            return
        [speaker] = [trader for trader in traders if trader.speaks and trader.language == language]
        yield Action(at=at, trader=speaker, deed=Deed.SPEAK, key=_sid(chance), clip=chance.choice(CLIPS[language]))
        for pause in YES_AFTER_SECONDS:
            note = 1 + place // len(languages)
            yield Action(at=at + pause, trader=speaker, deed=Deed.YES, key=_sid(chance), nth=note)
        at += chance.uniform(0.5, 1.5) * VOICE_EVERY_SECONDS


def _sid(chance: random.Random) -> str:
    return f"SM{chance.getrandbits(128):032x}"


def _faults(chance: random.Random, seconds: float) -> Iterator[Fault]:
    essential, every = list(ESSENTIAL), list(EVERY)
    chance.shuffle(essential)
    chance.shuffle(every)
    count = max(len(essential), int(seconds / FAULT_EVERY_SECONDS))
    step = seconds / count
    for place, (trouble, target) in enumerate((essential + every * count)[:count]):
        yield Fault(
            at=step * (place + chance.random()),
            trouble=trouble,
            target=target,
            seconds=_lasts(chance, trouble),
            amount=chance.choice((-1, 1)) * chance.uniform(*SHIFT_SECONDS) if trouble == Trouble.SHIFT_CLOCK else 0,
        )


def _lasts(chance: random.Random, trouble: Trouble) -> float:
    if trouble in (Trouble.KILL, Trouble.FLUSH_REDIS):
        return 0
    if trouble in (Trouble.RESTART_REDIS, Trouble.RESTART_POSTGRES):
        return chance.uniform(*AWAY_SECONDS)
    return chance.uniform(*FROZEN_SECONDS)
