"""The inverse map: the threads that may run on a pCPU, or will."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from vconsole.features.hostmap.words import holders_words
from vconsole.model.column import Cell, Column
from vconsole.model.host_state import HostState
from vconsole.model.placement import Occupancy, Occupant, claims, occupants
from vconsole.model.topology import core_of
from vconsole.model.words import KIND_WORDS, numbers_label, plural, row_label
from vconsole.text import safe


class Seen(NamedTuple):
    """A thread that may run on the pCPU, and whether it did last."""

    thread: Occupant
    ran: bool

    @property
    def notes(self) -> str:
        """What is remarkable about it."""
        thread = self.thread
        notes = (
            (thread.claim or "", bool(thread.claim)),
            ("exclusive", thread.exclusive),
            ("ran here last", self.ran),
        )
        return ", ".join(word for word, true in notes if true)


def _allowed(row: Seen) -> Cell:
    pinned = row.thread.pinned
    return str(row.thread.cpuset) if pinned else "anywhere", "" if pinned else "dim"


COLUMNS: Final[tuple[Column[Seen], ...]] = (
    Column(
        *("name", "Domain", 18),
        cut="middle",
        flex=True,
        cell=lambda row: (safe(row.thread.name), ""),
        printed="domain",
    ),
    Column(
        *("row", "Thread", 12),
        cell=lambda row: (row_label((row.thread.kind, row.thread.id)), ""),
        printed="thread",
    ),
    Column("allowed", "May run on", 18, cell=_allowed, printed="may run on"),
    Column("note", "", 24, cell=lambda row: (row.notes, "accent"), printed="remark"),
)


def seen(pcpu: int, host_state: HostState) -> list[Seen]:
    """The threads pinned there, floating ones that ran there last, and those that will want it."""
    held = occupants(host_state)
    ran = {(uuid, kind, number) for uuid, kind, number in host_state.last_ran.get(pcpu, ())}
    rows = list(held[pcpu]) if pcpu in held else []
    rows += [t for t in held.floating if (t.uuid, t.kind, t.id) in ran]
    rows += claims(host_state).get(pcpu, ())
    return [Seen(thread, (thread.uuid, thread.kind, thread.id) in ran) for thread in rows]


def about(pcpu: int, rows: list[Seen], host_state: HostState) -> str:
    """How many threads are pinned there, with which it shares its core, who holds it."""
    siblings = [n for n in core_of(pcpu, host_state) if n != pcpu]
    threads = [row.thread for row in rows]
    words = [f"{plural(sum(t.pinned and not t.claim for t in threads), 'thread')} pinned here"]
    if holders := holders_words(pcpu, host_state):
        words.append(f"! {holders}")  # a narrow line loses its end
    if later := sum(bool(t.claim) for t in threads):
        words.append(f"{later} later")
    if siblings:
        words.append(f"shares its core with {numbers_label(siblings)}")
    return "   ".join(words)


def floating_words(held: Occupancy) -> str:
    """Count the threads that may run on every pCPU, this one too."""
    threads = held.floating
    if not threads:
        none = "no thread of an active domain is known"
        return "every thread of every active domain is pinned" if held.groups else none
    kinds = Counter(KIND_WORDS[t.kind] for t in threads)
    counts = ", ".join(plural(count, word) for word, count in kinds.items())
    domains = plural(len({t.uuid for t in threads}), "domain")
    return f"anywhere, so here too: {counts} of {domains}"
