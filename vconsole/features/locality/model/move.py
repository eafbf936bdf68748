"""Moves the memory of a running domain to other cells; kept until the domain is shut off."""

from __future__ import annotations

import shlex
from dataclasses import field
from typing import ClassVar

from vconsole.features.locality.model.place import Lying, Place, why_not_to
from vconsole.model.cpuset import CpuSet
from vconsole.model.memory import cells_label
from vconsole.model.proposal import Grade, Proposal
from vconsole.model.value import dataclass
from vconsole.model.wait import Wait
from vconsole.model.words import amount

_HOURS_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class MoveMemory:
    """Move all pages of a process to `cells`; answers the `Place` read back.

    It is a conflict if the domain was started anew since it was looked at.
    """

    uuid: str
    name: str
    pid: int
    start: int
    """Clock ticks after boot; with the number it identifies the process that was seen."""
    lying: tuple[Lying, ...]
    """As it was seen."""
    cells: CpuSet
    wait: Wait = field(default_factory=Wait, compare=False, repr=False)
    what: ClassVar[str] = "move its memory"
    grade: ClassVar[Grade] = "harmless"
    deadline_s: ClassVar[float] = _HOURS_S
    when: ClassVar[str] = "live, until it is shut off"

    @property
    def argv(self) -> tuple[str, ...]:
        """The command: migratepages(8) of numactl."""
        others = CpuSet.of(part.cell for part in self.lying if part.size_bytes) - self.cells
        return ("migratepages", str(self.pid), str(others), str(self.cells))

    def lines(self) -> tuple[str, ...]:
        """What lies elsewhere, by cell."""
        sizes: dict[int, int] = {}
        for part in self.lying:
            if part.cell not in self.cells:
                sizes[part.cell] = sizes.get(part.cell, 0) + part.size_bytes
        gone = [f"- {amount(size)} on cell {cell}" for cell, size in sorted(sizes.items()) if size]
        total = amount(sum(sizes.values()))
        return (*gone, f"+ {total} more on {cells_label(self.cells)}")

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """virsh has no command for it."""
        return (shlex.join(self.argv),)


def plan_move(uuid: str, name: str, place: Place, cells: CpuSet) -> Proposal:
    """The change, and what to know of it.

    Raises:
        ValueError: It cannot be moved there; the text says why, with the cure.
    """
    if reason := why_not_to(place, cells):
        raise ValueError(reason)
    notes = ["the guest is slower while it moves; what is touched meanwhile may stay"]
    if place.locked_bytes:
        notes.append(f"{amount(place.locked_bytes)} are locked and may stay")
    return Proposal(
        (MoveMemory(uuid, name, place.pid, place.start, place.lying, cells),), tuple(notes)
    )
