"""Where the memory of an invented domain lies, and how it follows its vCPUs.

Linux moves pages to where they are used (automatic NUMA balancing); here it takes some seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MOVES_S = 9.0
"""How long it takes until memory has followed the vCPUs."""
_STAYS = 0.03
"""This share is not moved: it is the kernel's."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Shares of a domain's memory by cell, on the way from one placement to the next."""

    before: Mapping[int, float]
    after: Mapping[int, float]
    since_s: float = 0.0

    @classmethod
    def at_rest(cls, shares: Mapping[int, float]) -> Placement:
        """Memory that stays where it is."""
        return cls(shares, shares)

    def shares(self, now_s: float) -> dict[int, float]:
        """Cell -> share at a moment."""
        done = min(1.0, max(0.0, (now_s - self.since_s) / MOVES_S))
        cells = sorted(self.before.keys() | self.after.keys())
        found = {
            c: self.before.get(c, 0.0) * (1 - done) + self.after.get(c, 0.0) * done for c in cells
        }
        return {cell: share for cell, share in found.items() if share > 0}

    def follow(self, cells: Iterable[int], now_s: float) -> Placement:
        """Begin to move to `cells`, from where it lies by now; what is there already stays."""
        here, wanted = self.shares(now_s), frozenset(cells)
        away = sum(share for cell, share in here.items() if cell not in wanted)
        if not wanted or not away:
            return self
        moves = away * (1 - _STAYS)
        after = {c: share * _STAYS if c not in wanted else share for c, share in here.items()}
        for cell in wanted:
            after[cell] = after.get(cell, 0.0) + moves / len(wanted)
        return Placement(here, after, now_s)


def ends_s(begun_s: float) -> float:
    """When memory that begins to move now has come to rest."""
    return begun_s + MOVES_S


def spread(cells: Iterable[int]) -> Placement:
    """As memory lies after a start on these cells."""
    wanted = tuple(cells)
    return Placement.at_rest({cell: 1 / len(wanted) for cell in wanted})
