"""What it takes to give a domain other memory: the changes, what to know before, or why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vconsole.features.resources.model.change import Kind, SetResource
from vconsole.features.resources.model.numbers import Resources, halves
from vconsole.features.resources.model.room import Room
from vconsole.model.outcome import Target
from vconsole.model.proposal import Change, Grade, Proposal, Subject
from vconsole.model.request import Define
from vconsole.model.size import exact
from vconsole.model.words import amount
from vconsole.model.xml_edit import Document

LONGEST_PERIOD_S: Final = 3600
BALLOON_KIB: Final = 4
"""virtio's balloon has pages of this size, whatever the guest's are (VIRTIO_BALLOON_PFN_SHIFT)."""
_NO_CONFIG: Final = "is set in the definition, which is not changed here: choose config"


@dataclass(frozen=True, slots=True)
class MemoryWish:
    """What is wanted; None is left as it is.

    Attributes:
        current_kib: What the guest may use now: the balloon takes the rest of the maximum.
        maximum_kib: What it may ever use; always from its next start on.
        dump_core: Its memory is in a core dump of QEMU; from its next start on.
        period_s: How often the guest reports its memory; 0 for never.
        room: What the host has for it.
    """

    current_kib: int | None = None
    maximum_kib: int | None = None
    dump_core: bool | None = None
    period_s: int | None = None
    room: Room = Room()

    def plan(self, subject: Subject, target: Target) -> Proposal:
        """Work it out for one domain; a `Planner`."""
        return _Plan(self, subject, target).made()


class _Plan:
    """Collects the changes of one domain and the notes."""

    def __init__(self, wish: MemoryWish, subject: Subject, target: Target) -> None:
        self._wish, self._subject = wish, subject
        self._live, self._config = halves(subject, target)
        self._notes: list[str] = []

    def made(self) -> Proposal:
        """All that is wanted.

        Raises:
            ValueError: Nothing can be done; the reason.
        """
        changes = (*self._dump_core(), *self._maximum(), *self._current(), *self._period())
        if not changes:
            raise ValueError("; ".join(self._notes) or "it is so already")
        notes = tuple(f"{self._subject.name}: {note}" for note in dict.fromkeys(self._notes))
        return Proposal(changes, notes)

    def _set(
        self,
        kind: Kind,
        number: int,
        live: Resources | None,
        config: Resources | None,
        grade: Grade = "harmless",
    ) -> SetResource:
        return SetResource(
            self._subject.uuid, self._subject.name, kind, number, live, config, grade
        )

    # -- the definition ----------------------------------------------------------------------

    def _dump_core(self) -> Iterator[Change]:
        wanted, xml = self._wish.dump_core, self._subject.config
        if wanted is None:
            return
        if self._config is None or xml is None:
            raise ValueError(f"dumpCore {_NO_CONFIG}")
        if wanted == self._config.dump_core:
            return
        document = Document(xml)
        memory = document.find("memory")
        assert memory is not None  # its resources were read
        after = document.set_attribute(memory, "dumpCore", "on" if wanted else "off")
        what = f"{'keep' if wanted else 'leave'} its memory {'in' if wanted else 'out of'} dumps"
        yield Define(self._subject.uuid, self._subject.name, what, xml, after)

    def _maximum(self) -> Iterator[Change]:
        kib, config = self._wish.maximum_kib, self._config
        if kib is None:
            return
        if config is None:
            raise ValueError(f"the maximum {_NO_CONFIG}")
        if reason := _why_not_maximum(config, kib, self._wish.room.default_page_kib):
            raise ValueError(reason)
        if kib == config.maximum_kib:
            return
        if kib > config.maximum_kib:
            self._notes += self._wish.room.maximum_notes(kib)
        if kib % 1024:
            self._notes.append(f"QEMU rounds it up to {exact(-(-kib // 1024) * 1024)} at the start")
        if kib < config.current_kib and self._wish.current_kib is None:
            self._notes.append(f"its current memory is lowered with it, to {exact(kib)}")
        change = self._set("maximum", kib, None, config)
        self._config = change.after(config)
        yield change

    # -- both --------------------------------------------------------------------------------

    def _current(self) -> Iterator[Change]:
        if self._wish.current_kib is None:
            return
        kib = self._on_grid(self._wish.current_kib)
        live = self._possible("live", self._live, kib)
        config = self._possible("config", self._config, kib)
        if live is None and config is None:
            return
        if any(half and kib > half.current_kib for half in (live, config)):
            self._notes += self._wish.room.notes(kib)
        grade: Grade = "harmless"
        if live is not None and kib < live.current_kib:
            grade = self._shrinking(live, kib)
        yield self._set("memory", kib, live, config, grade)

    def _on_grid(self, asked: int) -> int:
        """What the balloon can make of it; a maximum as it is takes nothing by the balloon."""
        kib = -(-asked // BALLOON_KIB) * BALLOON_KIB
        halves = (half for half in (self._live, self._config) if half is not None)
        if kib == asked or any(asked <= half.maximum_kib < kib for half in halves):
            return asked
        self._notes.append(
            f"{exact(asked)} becomes {exact(kib)}: the balloon moves by {BALLOON_KIB} KiB"
        )
        return kib

    def _possible(self, half: str, found: Resources | None, kib: int) -> Resources | None:
        """The half, if its memory can be set and is another; a note where it cannot."""
        if found is None or kib == found.current_kib:
            return None
        if kib > found.maximum_kib:
            now = "until it is shut off" if half == "live" else "raise it first"
            self._notes.append(
                f"{half}: {exact(kib)} is above its maximum of {exact(found.maximum_kib)}, {now}"
            )
            return None
        return found

    def _shrinking(self, live: Resources, kib: int) -> Grade:
        """How careful to be where a guest has to give memory back."""
        if live.page_kib is not None:
            self._notes.append("its memory is huge pages: the balloon gives none back to the host")
        needed = self._wish.room.needed_kib
        if needed is None:
            self._notes.append("what the guest uses is not known: with too little it may crash")
            return "interrupting"
        if kib < needed:
            needs = f"the guest needs {amount(needed * 1024)}"
            self._notes.append(f"{needs}: with less it kills processes or crashes")
            return "destructive"
        return "harmless"

    def _period(self) -> Iterator[Change]:
        seconds = self._wish.period_s
        if seconds is None:
            return
        both = [half for half in (self._live, self._config) if half is not None]
        if any(half.period_s is None for half in both):
            raise ValueError("it has no balloon (memballoon): its guest cannot report")
        live, config = (
            half if half is not None and half.period_s != seconds else None
            for half in (self._live, self._config)
        )
        if live or config:
            yield self._set("statistics", seconds, live, config)


def _why_not_maximum(config: Resources, kib: int, default_page_kib: int | None) -> str:
    """Why a definition cannot have this maximum; empty if it can, as far as is known."""
    if config.cells or config.dimms:
        parts = "NUMA cells of the guest" if config.cells else "memory devices"
        return f"its maximum is the sum of its {parts}: change those in its definition"
    if config.hotplug_kib and kib > config.hotplug_kib:
        return f"<maxMemory> of its definition allows {exact(config.hotplug_kib)} at most"
    page = default_page_kib if config.page_kib == 0 else config.page_kib
    if page and kib % page:
        below, above = kib // page * page, -(-kib // page) * page
        near = f"{exact(below)} or {exact(above)}" if below else exact(above)
        return f"{exact(kib)} is not whole huge pages of {exact(page)}: take {near}"
    return ""
