"""The catalogue as our staff change it: contracts listed, rules set, and the words that name an asset."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

import msgspec
import sqlalchemy as sa
from rapidfuzz.distance import OSA
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.refusals import RequestRefused
from engine import intake, store
from engine.catalogue import LOT_SIZE, MONTHS, shard_of
from engine.errors import TradingError, UnknownMarket
from engine.money import QUANTITY_LOTS_MAX, lots_from_quantity, ticks_from_price
from engine.orders import Instrument
from engine.submission import Receipt, Source
from engine.tables import asset_aliases, assets, instruments

ALIAS_LENGTH_MIN = 3  # Shorter words stand in too many messages.
ALIAS_LENGTH_MAX = 40
# A word this like another asset's would be taken for a slip of it.
LIKENESS_MAX = 0.75


class InvalidRules(RequestRefused):
    """An instrument cannot have these rules. Facts: field."""

    code = "invalid_rules"


class AlreadyListed(RequestRefused):
    """That contract is listed. Facts: symbol."""

    code = "already_listed"


class InvalidAlias(RequestRefused):
    """Not a word that names a product: too short, too long, or not made of letters. Facts: alias."""

    code = "invalid_alias"


class AliasTaken(RequestRefused):
    """The word means another product, or is too like one that does. Facts: alias, other."""

    code = "alias_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """An instrument's rules as they are typed: decimals in text, `last_trading_on` as 2026-12-31; empty is none."""

    tick_size: str
    max_quantity: str
    max_notional: str
    reference_price: str
    band_percent: str
    last_trading_on: str


def find(session: Session, instrument_id: int) -> sa.RowMapping:
    """The instrument's row. Raises UnknownMarket."""
    query = sa.select(instruments).where(instruments.c.id == instrument_id)
    found = session.execute(query).mappings().one_or_none()
    if found is None:
        raise UnknownMarket(symbol=str(instrument_id), nearest=[])
    return found


def set_rules(session: Session, instrument_id: int, rules: Rules, request_key: str, now: datetime) -> Receipt:
    """Raises UnknownMarket, InvalidRules."""
    listed = store.instrument_from_row(find(session, instrument_id))
    try:
        changed = msgspec.structs.replace(listed, **_values(rules, listed.lot_size))
    except ValueError as error:
        raise InvalidRules(field=str(error)) from error
    return intake.set_instrument(session, instrument=changed, source=Source.STAFF, request_key=request_key, now=now)


def list_contract(session: Session, asset: str, contract: str, rules: Rules, now: datetime) -> Receipt:
    """Open a contract of a known asset. Raises UnknownMarket, AlreadyListed, InvalidRules."""
    shard_id = session.execute(sa.select(assets.c.shard_id).where(assets.c.code == asset)).scalar()
    if shard_id is None:
        raise UnknownMarket(symbol=asset, nearest=[])
    month = _contract_month(contract)
    values = _values(rules, LOT_SIZE)
    symbol = intake.symbol(asset, contract)
    try:
        Instrument(instrument_id=0, symbol=symbol, asset=asset, contract=contract, lot_size=LOT_SIZE, **values)
    except ValueError as error:
        raise InvalidRules(field=str(error)) from error
    # Whoever lists the same contract at the same time waits here, and then finds it.
    session.execute(sa.select(assets.c.code).where(assets.c.code == asset).with_for_update())
    if session.execute(sa.select(sa.exists().where(instruments.c.symbol == symbol))).scalar_one():
        raise AlreadyListed(symbol=symbol)
    row = values | {"shard_id": shard_id, "asset": asset, "contract": contract, "contract_month": month}
    return intake.list_instruments(session, [row | {"lot_size": LOT_SIZE}], source=Source.STAFF, now=now)[0]


def add_asset(session: Session, names: Mapping[str, str], shard_count: int) -> str:
    """A new product with its name in each language, which are its first words; returns its code.

    Raises InvalidAlias, AliasTaken. It trades once a contract is listed.
    """
    words = {language: _word(name) for language, name in names.items()}
    code = words["en"].replace(" ", "")
    if not code.isascii():
        raise InvalidAlias(alias=words["en"])
    for word in words.values():
        _check_free(session, code, word)
    added = insert(assets).values(code=code, names=words, shard_id=shard_of(code, shard_count))
    if session.execute(added.on_conflict_do_nothing().returning(assets.c.code)).scalar() is None:
        raise AliasTaken(alias=code, other=code)
    kept = [{"asset": code, "alias": word} for word in sorted(set(words.values()))]
    session.execute(insert(asset_aliases).values(kept))
    return code


def add_alias(session: Session, asset: str, alias: str) -> str:
    """Another word for an asset, taken by every parser within seconds; returns it as it is kept.

    Raises UnknownMarket, InvalidAlias, AliasTaken.
    """
    word = _word(alias)
    if not session.execute(sa.select(sa.exists().where(assets.c.code == asset))).scalar_one():
        raise UnknownMarket(symbol=asset, nearest=[])
    _check_free(session, asset, word)
    session.execute(insert(asset_aliases).values(asset=asset, alias=word).on_conflict_do_nothing())
    return word


def remove_alias(session: Session, asset: str, alias: str) -> None:
    session.execute(sa.delete(asset_aliases).where(asset_aliases.c.asset == asset, asset_aliases.c.alias == alias))


def _word(typed: str) -> str:
    """As words are kept; raises InvalidAlias."""
    word = " ".join(typed.casefold().split())
    if not ALIAS_LENGTH_MIN <= len(word) <= ALIAS_LENGTH_MAX or not all(part.isalpha() for part in word.split()):
        raise InvalidAlias(alias=typed)
    return word


def _check_free(session: Session, asset: str, word: str) -> None:
    """Raises AliasTaken where the word is another asset's, or like one."""
    for other, known in _words(session):
        if other != asset and OSA.normalized_similarity(_plain(word), _plain(known)) > LIKENESS_MAX:
            raise AliasTaken(alias=word, other=known)


def _words(session: Session) -> list[tuple[str, str]]:
    """Every asset with every word that names it."""
    named = [
        (row.code, name)
        for row in session.execute(sa.select(assets.c.code, assets.c.names))
        for name in (row.code, *row.names.values())
    ]
    return [*named, *((row.asset, row.alias) for row in session.execute(sa.select(asset_aliases)))]


def _plain(word: str) -> str:
    """Without accents and capitals."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(letter)
    )


def _contract_month(contract: str) -> date:
    """The first day of Dec25. Raises InvalidRules."""
    if len(contract) != 5 or contract[:3] not in MONTHS or not contract[3:].isdecimal():
        raise InvalidRules(field="contract")
    return date(2000 + int(contract[3:]), MONTHS.index(contract[:3]) + 1, 1)


def _values(rules: Rules, lot_size: Decimal) -> dict[str, object]:
    """The rules as an instrument keeps them. Raises InvalidRules."""
    tick_size = _positive("tick_size", rules.tick_size)
    max_notional = _positive("max_notional", rules.max_notional) if rules.max_notional else None
    band_percent = _positive("band_percent", rules.band_percent) if rules.band_percent else None
    reference_price = _positive("reference_price", rules.reference_price) if rules.reference_price else None
    try:
        last_trading_on = date.fromisoformat(rules.last_trading_on) if rules.last_trading_on else None
    except ValueError as error:
        raise InvalidRules(field="last_trading_on") from error
    try:
        max_quantity_lots = lots_from_quantity(_positive("max_quantity", rules.max_quantity), lot_size)
    except TradingError as error:
        raise InvalidRules(field="max_quantity") from error
    if max_quantity_lots > QUANTITY_LOTS_MAX:
        raise InvalidRules(field="max_quantity")
    try:
        reference_ticks = None if reference_price is None else ticks_from_price(reference_price, tick_size)
    except TradingError as error:
        raise InvalidRules(field="reference_price") from error
    last_trading_at = None
    if last_trading_on is not None:
        last_trading_at = datetime(last_trading_on.year, last_trading_on.month, last_trading_on.day, tzinfo=UTC)
    return {
        "tick_size": tick_size,
        "max_quantity_lots": max_quantity_lots,
        "max_notional": max_notional,
        "reference_ticks": reference_ticks,
        "band_percent": band_percent,
        "last_trading_at": last_trading_at,
    }


def _positive(field: str, text: str) -> Decimal:
    """Raises InvalidRules."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise InvalidRules(field=field) from error
    if not value.is_finite() or value <= 0:
        raise InvalidRules(field=field)
    return value
