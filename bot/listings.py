"""The catalogue as the conversation needs it: names, months, ticks; and what the parser is told of it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.languages import base
from engine.money import CENT, Commission
from engine.orders import InstrumentStatus
from engine.tables import asset_aliases, assets, instruments
from nlp.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One instrument with the names of its asset; `reference_price` is None where no price band is kept around it."""

    instrument_id: int
    symbol: str
    asset: str
    contract: str
    contract_month: date
    tick_size: Decimal
    lot_size: Decimal
    status: str
    reference_price: Decimal | None
    names: dict[str, str] = field(hash=False)

    def commission(self, notional: Decimal) -> Decimal:
        """What one side pays on a fill of this notional."""
        step = self.tick_size * self.lot_size
        return Commission(self.tick_size, self.lot_size).cents(int(notional / step)) * CENT


@dataclass(frozen=True)
class Listings:
    """Every instrument by id, and the words that name the assets."""

    by_id: dict[int, Listing]
    names: dict[str, dict[str, str]]
    aliases: dict[str, tuple[str, ...]]
    today: datetime

    @classmethod
    def load(cls, session: Session, now: datetime) -> "Listings":
        names = {row.code: row.names for row in session.execute(sa.select(assets).order_by(assets.c.code))}
        words: dict[str, list[str]] = {code: [] for code in names}
        for row in session.execute(sa.select(asset_aliases).order_by(asset_aliases.c.asset, asset_aliases.c.alias)):
            words[row.asset].append(row.alias)
        columns = [
            instruments.c[name]
            for name in ("symbol", "asset", "contract", "contract_month", "tick_size", "lot_size", "status")
        ]
        reference_price = sa.case(
            (instruments.c.band_percent.is_not(None), instruments.c.reference_ticks * instruments.c.tick_size)
        )
        rows = session.execute(
            sa.select(instruments.c.id, *columns, reference_price.label("reference_price")).order_by(
                instruments.c.contract_month
            )
        )
        by_id = {
            row["id"]: Listing(
                instrument_id=row["id"],
                reference_price=row["reference_price"],
                names=names[row["asset"]],
                **{column.name: row[column.name] for column in columns},
            )
            for row in rows.mappings()
        }
        return cls(by_id, names, {code: tuple(aliases) for code, aliases in words.items()}, now)

    @cached_property
    def months_ahead(self) -> list[str]:
        """The months from this one on that every asset is listed for, the nearest first."""
        month = self.today.date().replace(day=1)
        by_asset = [
            [code for code in self.contracts(asset) if self.by_name[asset, code].contract_month >= month]
            for asset in self.assets()
        ]
        return [code for code in by_asset[0] if all(code in codes for codes in by_asset)] if by_asset else []

    @cached_property
    def by_name(self) -> dict[tuple[str, str], Listing]:
        return {(listing.asset, listing.contract): listing for listing in self.by_id.values()}

    @cached_property
    def catalogue(self) -> Catalogue:
        """What the parser may know: each asset's words, and its contracts that can be traded."""
        listed: dict[str, set[str]] = {code: set() for code in self.names}
        for listing in self.by_id.values():
            if listing.status != InstrumentStatus.EXPIRED:
                listed[listing.asset].add(listing.contract)
        return Catalogue(assets=self.aliases, listed={code: frozenset(found) for code, found in listed.items()})

    def find(self, asset: str | None, contract: str | None) -> Listing | None:
        return None if asset is None or contract is None else self.by_name.get((asset, contract))

    def assets(self) -> list[str]:
        return list(self.names)

    def asset_name(self, asset: str, language: str) -> str:
        name = self.names[asset][base(language)]
        return name[:1].upper() + name[1:]

    def contracts(self, asset: str) -> list[str]:
        """The asset's contracts that can be traded, the nearest month first; months over only if no other is."""
        month = self.today.date().replace(day=1)
        tradable = [
            listing
            for listing in self.by_id.values()
            if listing.asset == asset and listing.status == InstrumentStatus.OPEN
        ]
        ahead = [listing.contract for listing in tradable if listing.contract_month >= month]
        return ahead or [listing.contract for listing in tradable]
