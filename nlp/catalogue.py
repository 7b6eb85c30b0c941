"""What the parser is told of the listed assets: their codes, their aliases and their open contracts."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`assets` gives each code its aliases in all languages; `listed` its open contracts, None where not known."""

    assets: Mapping[str, tuple[str, ...]]
    listed: Mapping[str, frozenset[str]] | None = None

    @classmethod
    def from_toml(cls, path: Path) -> "Catalogue":
        """Read the assets of a catalogue file; it does not say which contracts are open."""
        with path.open("rb") as file:
            data = tomllib.load(file)
        return cls(assets={code: tuple(asset["aliases"]) for code, asset in data["asset"].items()})

    def lists(self, asset: str | None, contract: str) -> bool:
        """Whether the contract is known to be open; without an asset, whether any asset lists it."""
        if self.listed is None:
            return False
        if asset is None:
            return any(contract in contracts for contracts in self.listed.values())
        return contract in self.listed.get(asset, frozenset())
