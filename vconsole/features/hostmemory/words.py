"""The words of the host's memory page, made from its figures: no terminal, no state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Final, NamedTuple

from vconsole.features.hostmemory.model.advice import Finding, Level, remark
from vconsole.features.hostmemory.model.figures import CellMemory, Figures, GuestMemory, Share
from vconsole.features.hostmemory.model.reading import HugePages, Ksm
from vconsole.model.column import Column
from vconsole.model.cpuset import CpuSet
from vconsole.model.memory import cells_label
from vconsole.model.words import amount, page_name, plural
from vconsole.text import Line, bar, percent, safe

_LABEL, _TOPIC, _WIDE = 10, 16, 100
TONES: Final[dict[Level, str]] = {"bad": "bad", "warn": "warn", "unknown": "dim", "ok": "good"}
_SIGNS: Final[dict[Level, str]] = {"bad": "x", "warn": "!", "unknown": "?", "ok": " "}


def size(count_bytes: int | None) -> str:
    """An amount as the findings have it; unknown is ``-``, nothing is ``0``."""
    return "-" if count_bytes is None else amount(count_bytes) if count_bytes else "0"


# -- above the tabs ----------------------------------------------------------------------------


def title_words(known: Figures) -> str:
    """RAM and swap of the host."""
    swap = known.now.swap_total_bytes
    words = "off" if swap == 0 else size(swap)
    return f"{size(known.total_bytes)} of RAM   {plural(len(known.guests), 'guest')}   swap {words}"


def verdict_line(finding: Finding) -> Line:
    """The one that counts."""
    words = f" {_SIGNS[finding.level]} {finding.topic}: {finding.words}"
    return ((safe(words), TONES[finding.level]),)


def figure_lines(known: Figures, width: int, ascii_only: bool) -> list[Line]:
    """The amounts as bars: what guests may use, have and hold, swap, huge pages; the kernel."""
    room = 30 if width >= _WIDE else 12
    rows = [
        ("Maximum", known.maximum.of_ram_percent, _share_words(known.maximum, known)),
        ("Current", known.current.of_ram_percent, _share_words(known.current, known)),
        ("In RAM", known.held.of_ram_percent, _held_words(known)),
        ("Swap", _swap_percent(known), _swap_words(known)),
        *(_pool_row(pool) for pool in known.huge),
    ]
    lines = [_bar_line(label, share, words, room, ascii_only) for label, share, words in rows]
    words = _kernel_words(known, width >= _WIDE)
    return [*lines, ((f" {'Kernel':<{_LABEL}}", "dim"), (safe(words), ""))]


def _bar_line(label: str, share: float | None, words: str, room: int, ascii_only: bool) -> Line:
    drawn = bar(None if share is None else share / 100, room, ascii_only)
    tone = "warn" if (share or 0) > 100 else ""
    return (f" {label:<{_LABEL}}", "dim"), (f"[{drawn}] ", tone), (safe(words), tone)


def _share_words(share: Share, known: Figures) -> str:
    """``310 GiB    81 % of RAM   79 % of RAM and swap``."""
    words, both = _ram_words(share), share.of_ram_and_swap_percent
    return f"{words}  {percent(both):>4} % of RAM and swap" if known.now.swap_total_bytes else words


def _ram_words(share: Share) -> str:
    return f"{size(share.bytes):>8}  {percent(share.of_ram_percent):>4} % of RAM"


def _held_words(known: Figures) -> str:
    return f"{_ram_words(known.held)}   available {size(known.now.available_bytes)}"


def _swap_percent(known: Figures) -> float | None:
    used, total = known.swap_used_bytes, known.now.swap_total_bytes
    if used is None or total is None:
        return None
    return 100 * used / total if total else 0.0


def _swap_words(known: Figures) -> str:
    if known.now.swap_total_bytes == 0:
        return "     off"
    speeds = f"in {speed(known.swap_in_bytes_s)}  out {speed(known.swap_out_bytes_s)}"
    return f"{size(known.swap_used_bytes):>8}  {speeds}  guests {size(known.guests_swap_bytes)}"


def speed(bytes_s: float | None) -> str:
    """``1.3 MiB/s``; nothing moved is 0."""
    if bytes_s is None:
        return "-"
    sign = "-" if bytes_s < 0 else ""
    return f"{sign}{amount(abs(bytes_s))}/s" if abs(bytes_s) >= 1 else "0"


def _pool_row(pool: HugePages) -> tuple[str, float | None, str]:
    used, whole = pool.used, size(pool.total_bytes)
    words = f"{size(pool.used_bytes):>8} of {whole}  {_or_dash(used)} of {pool.total} used"
    share = None if used is None else 100 * used / pool.total
    return f"{page_name(pool.size_kib)} pages", share, words


def _kernel_words(known: Figures, wide: bool) -> str:
    now = known.now
    words = [
        f"KSM {_ksm_words(now.ksm)}",
        f"overcommit_memory {_or_dash(now.overcommit)}",
        f"swappiness {_or_dash(now.swappiness)}",
    ]
    if wide and (first := ended_first(known.guests)) is not None:
        words.append(f"OOM first: {first.name}")
    return "   ".join(words)


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _ksm_words(ksm: Ksm | None) -> str:
    if ksm is None:
        return "-"
    state = {1: "on", None: "-"}.get(ksm.run, "off")
    return f"{state}, saves {amount(ksm.saved_bytes)}" if ksm.saved_bytes else state


def ended_first(guests: Iterable[GuestMemory]) -> GuestMemory | None:
    """The guest whose process the kernel ends before the others'."""
    known = [guest for guest in guests if guest.oom_score is not None]
    return max(known, key=lambda guest: guest.oom_score or 0, default=None)


# -- guests ------------------------------------------------------------------------------------


def _tone(guest: GuestMemory) -> str:
    return "warn" if remark(guest) else ""


GUEST_COLUMNS: Final[tuple[Column[GuestMemory], ...]] = (
    Column("mark", "", 1, cell=lambda g: ("!" if remark(g) else "", "warn")),
    Column("name", "Guest", 16, flex=True, cell=lambda g: (safe(g.name), ""), printed="guest"),
    Column(
        *("current", "Current", 10, "right"),
        cell=lambda g: (size(g.current_bytes), ""),
        printed="current",
    ),
    Column(
        *("maximum", "Maximum", 10, "right"),
        cell=lambda g: (size(g.max_bytes), ""),
        printed="maximum",
    ),
    Column(
        *("held", "In RAM", 10, "right"), cell=lambda g: (size(g.held_bytes), ""), printed="in RAM"
    ),
    Column(
        *("swap", "Swap", 10, "right"),
        cell=lambda g: (size(g.swap_bytes), _tone(g)),
        printed="swap",
    ),
    Column(
        *("rate", "Swap/s", 11, "right"),
        cell=lambda g: (speed(g.swap_bytes_s), _tone(g)),
        printed="swap/s",
    ),
    Column(
        *("oom", "OOM", 5, "right"),
        from_width=_WIDE,
        cell=lambda g: (_or_dash(g.oom_score), ""),
        printed="OOM",
    ),
)


def guest_hint(guest: GuestMemory, first: GuestMemory | None) -> tuple[str, str]:
    """Say what is wrong with a guest, else what there is to know."""
    if words := remark(guest):
        return f"{guest.name} {words}", "warn"
    facts = "; ".join(_facts(guest, guest is first))
    return f"{guest.name}: {facts or 'this connection tells nothing of its process'}", ""


def _facts(guest: GuestMemory, first: bool) -> Iterator[str]:
    if guest.held_bytes is not None:
        yield f"holds {size(guest.held_bytes)} of RAM"
    if guest.swap_bytes is not None:
        yield f"{size(guest.swap_bytes)} in swap" if guest.swap_bytes else "nothing in swap"
    if guest.page_kib:
        yield f"in {page_name(guest.page_kib)} pages, never swapped"
    if guest.bound_to:
        yield f"bound to {cells_label(guest.bound_to)}"
    if guest.oom_score is not None:
        yield f"OOM score {guest.oom_score}{', ended first of all guests' if first else ''}"


# -- cells, advice -----------------------------------------------------------------------------


def cell_finding(cell: CellMemory, findings: Iterable[Finding]) -> Finding | None:
    """What is wrong with the memory of the guests bound to this cell alone."""
    label = cells_label(CpuSet.of((cell.id,)))
    return next((finding for finding in findings if finding.topic == label), None)


class CellRow(NamedTuple):
    """A cell, and what is wrong with it."""

    cell: CellMemory
    wrong: Finding | None = None

    @property
    def tone(self) -> str:
        """How grave that is."""
        return TONES[self.wrong.level] if self.wrong else ""

    @property
    def pages(self) -> str:
        """Its huge pages, by size."""
        pools = (f"{page_name(p.size_kib)} {_or_dash(p.free)}/{p.total}" for p in self.cell.huge)
        return "  ".join(pools) or "-"


NONE: Final = "no memory"
"""Of a cell that has pCPUs alone."""

CELL_COLUMNS: Final[tuple[Column[CellRow], ...]] = (
    Column("mark", "", 1, cell=lambda row: ("!" if row.wrong else "", row.tone)),
    Column(
        *("cell", "Cell", 7),
        cell=lambda row: (f"cell {row.cell.id}", ""),
        printed="cell",
        text=lambda row: row.cell.id,
    ),
    Column(
        *("total", "Total", 10, "right"),
        cell=lambda row: (size(row.cell.total_bytes) if row.cell.total_bytes != 0 else NONE, ""),
        printed="total",
    ),
    Column(
        *("free", "Free", 10, "right"),
        cell=lambda row: (size(row.cell.free_bytes) if row.cell.total_bytes != 0 else "-", ""),
        printed="free",
    ),
    Column(
        *("bound", "Bound", 10, "right"),
        cell=lambda row: (size(row.cell.bound_bytes), ""),
        printed="bound",
    ),
    Column(
        *("shared", "Shared", 10, "right"),
        cell=lambda row: (size(row.cell.shared_bytes), ""),
        printed="shared",
    ),
    Column(
        *("pages", "Huge pages free", 20, "right"),
        flex=True,
        cell=lambda row: (row.pages, row.tone),
    ),
)


def cell_hint(cell: CellMemory, wrong: Finding | None) -> tuple[str, str]:
    """Say what is wrong with a cell, else what its columns mean."""
    if wrong:
        return f"{wrong.topic}: {wrong.words}", TONES[wrong.level]
    if cell.total_bytes == 0:
        return f"cell {cell.id} has {NONE}", ""
    room = f"{size(cell.room_bytes)}{' outside of huge pages' if cell.huge else ''}"
    others = f"; to it and others {size(cell.shared_bytes)}" if cell.shared_bytes else ""
    words = f"guests bound to cell {cell.id} may use {size(cell.bound_bytes)} of {room}"
    return f"{words}{others}", ""


def advice_lines(findings: Sequence[Finding], width: int) -> list[Line]:
    """Every finding, its reason and its cure below it, in lines that fit."""
    lines: list[Line] = []
    for finding in findings:
        head = f" {_SIGNS[finding.level]} {finding.topic:<{_TOPIC - 4}} "
        cure = f"cure: {finding.cure}" if finding.cure else ""
        texts = ((finding.words, TONES[finding.level]), (finding.reason, ""), (cure, "accent"))
        for text, tone in texts:
            for part in wrap(safe(text), max(20, width - _TOPIC), break_on_hyphens=False):
                lines.append(((f"{safe(head):<{_TOPIC}}", TONES[finding.level]), (part, tone)))
                head = ""
    return lines
