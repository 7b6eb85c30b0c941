"""The demo catalogue in the database: assets with their names and aliases, and the instruments that are open."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.orm import Session

from engine import intake
from engine.money import ticks_from_price
from engine.submission import Source
from engine.tables import asset_aliases, assets, instruments, shards

DEMO_CATALOGUE = Path(__file__).parent / "demo_catalogue.toml"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LOT_SIZE = Decimal(1)


def load(session: Session, *, as_of: date, shard_count: int, now: datetime, banded: bool = True) -> None:
    """List what the demo lists on the day `as_of`: the seed's contracts, that month's and the next months'.

    Run again, it adds what is new and changes nothing that is there. Wake every shard after the commit.
    """
    catalogue = read()
    rules = catalogue["instrument"]
    session.execute(insert_or_skip(shards).values([{"id": n} for n in range(shard_count)]).on_conflict_do_nothing())
    listed = set(session.execute(select(instruments.c.asset, instruments.c.contract)).all())
    contracts = list(_contracts(rules["seed_contracts"], as_of, rules["months_ahead"]))
    rows = []
    for code, asset in catalogue["asset"].items():
        _add_asset(session, code, asset, shard_count)
        for contract, month, last_trading_at in contracts:
            if (code, contract) not in listed:
                terms = {"contract": contract, "contract_month": month, "last_trading_at": last_trading_at}
                rows.append(terms | _rules(code, asset, rules, shard_count, banded))
    if rows:
        intake.list_instruments(session, rows, source=Source.CATALOGUE, now=now)


def read() -> dict[str, Any]:
    """The demo catalogue as it is written."""
    return tomllib.loads(DEMO_CATALOGUE.read_text(encoding="utf-8"))


def shard_of(asset: str, shard_count: int) -> int:
    """All contracts of an asset trade on one shard; the same on every machine, unlike Python's own hash."""
    return crc32(asset.encode()) % shard_count


def _contracts(seed: list[str], as_of: date, months_ahead: int) -> Iterator[tuple[str, date, datetime | None]]:
    """Contract, first day of its month, and when trading ends: with its month, but never for the seed's."""
    for contract in seed:
        yield contract, date(2000 + int(contract[3:]), MONTHS.index(contract[:3]) + 1, 1), None
    for ahead in range(months_ahead + 1):
        month = _month_after(as_of, ahead)
        contract = f"{MONTHS[month.month - 1]}{month.year % 100:02}"
        if contract not in seed:
            following = _month_after(month, 1)
            yield contract, month, datetime(following.year, following.month, 1, tzinfo=UTC)


def _month_after(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)


def _add_asset(session: Session, code: str, asset: Mapping[str, Any], shard_count: int) -> None:
    # What staff changed stays.
    session.execute(
        insert_or_skip(assets)
        .values(code=code, names=asset["names"], shard_id=shard_of(code, shard_count))
        .on_conflict_do_nothing()
    )
    aliases = [{"asset": code, "alias": alias} for alias in asset["aliases"]]
    session.execute(insert_or_skip(asset_aliases).values(aliases).on_conflict_do_nothing())


def _rules(
    code: str, asset: Mapping[str, Any], rules: Mapping[str, Any], shard_count: int, banded: bool
) -> dict[str, Any]:
    """What the contracts of an asset have in common."""
    tick_size = Decimal(asset["tick_size"])
    return {
        "shard_id": shard_of(code, shard_count),
        "asset": code,
        "tick_size": tick_size,
        "lot_size": LOT_SIZE,
        "max_quantity_lots": rules["max_quantity"],
        "max_notional": Decimal(rules["max_notional"]),
        "band_percent": Decimal(rules["band_percent"]) if banded else None,
        "reference_ticks": ticks_from_price(Decimal(asset["reference_price"]), tick_size),
    }
