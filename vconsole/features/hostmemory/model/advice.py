"""What the figures of a host's memory and swap mean: verdicts with reason and cure.

Source of the rules: Red Hat Enterprise Linux 6, Virtualization Administration Guide, 9.7. It names
no amount of swap, only that there be enough of it when memory is overcommitted and that memory must
not be overcommitted without any; so what is needed here is what does not fit into RAM. The limits
are this module's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from vconsole.features.hostmemory.model.figures import (
    CellMemory,
    Figures,
    GuestMemory,
    figures,
    percent,
)
from vconsole.features.hostmemory.model.reading import HostMemory, HugePages
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import HostState
from vconsole.model.memory import cells_label
from vconsole.model.words import amount, names_label, plural

Level = Literal["bad", "warn", "ok", "unknown"]
LEVELS: Final[tuple[Level, ...]] = ("bad", "warn", "ok", "unknown")
"""The gravest first."""
OVERCOMMIT: Final = "overcommit"
MOVING_BYTES_S: Final = 1 << 20
"""Less than this much swapped in a second is the kernel's housekeeping."""
LYING_PERCENT: Final = 5.0
"""Less of a guest than this in swap are pages that it does not miss."""
FULL_PERCENT: Final = 90.0
"""Swap or the commit limit used beyond this is about to be used up."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict."""

    level: Level
    topic: str
    """A word or two."""
    words: str
    """The verdict in a line."""
    reason: str = ""
    """What follows from it."""
    cure: str = ""
    """What to do; empty where nothing needs to be done."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What a reading comes to."""

    known: Figures
    findings: tuple[Finding, ...]
    """The gravest first."""
    guests: tuple[GuestMemory, ...]
    """Those with something wrong first, then those with most in swap."""


def advise(host_state: HostState, now: HostMemory, before: HostMemory | None = None) -> Advice:
    """Work it out; rates need a reading `before`."""
    known = figures(host_state, now, before)
    return Advice(known, findings(known), tuple(sorted(known.guests, key=_urgency)))


def _urgency(guest: GuestMemory) -> tuple[bool, int, str]:
    return not remark(guest), -(guest.swap_bytes or 0), guest.name.casefold()


def findings(known: Figures) -> tuple[Finding, ...]:
    """Every verdict that can be given, the gravest first."""
    found = [
        _overcommit(known),
        *_swapping(known),
        *_lying(known),
        *_swap_full(known),
        *_cells(known),
        *_huge(known),
        *_ksm(known),
        *_commit_limit(known),
        *_medium(known),
        *_without_swap(known),
        *_all_defined(known),
        *_unknown(known),
    ]
    return tuple(sorted(found, key=lambda finding: LEVELS.index(finding.level)))


def headline(found: Iterable[Finding]) -> Finding:
    """The gravest of all findings; where nothing is wrong, what is said of overcommitment."""
    return next(f for f in found if f.level in ("bad", "warn") or f.topic == OVERCOMMIT)


def remark(guest: GuestMemory) -> str:
    """What is wrong with one guest, in words that follow its name; empty where nothing is."""
    speed, swap = guest.swap_bytes_s or 0.0, guest.swap_bytes or 0
    if speed >= MOVING_BYTES_S:
        return f"is being swapped out, {amount(speed)}/s"
    if speed <= -MOVING_BYTES_S:
        return f"leaves swap, {amount(-speed)}/s: slow until that ends"
    whole = guest.max_bytes if guest.current_bytes is None else guest.current_bytes
    if (percent(swap, whole) or 0) >= LYING_PERCENT:
        return f"has {amount(swap)} in swap: slow until it is loaded, seconds a GiB"
    return ""


# -- what if all use all -----------------------------------------------------------------------


def _overcommit(known: Figures) -> Finding:
    may, missing, swap = known.maximum.bytes, known.missing_bytes, known.now.swap_total_bytes
    if not known.guests:
        return Finding("ok", OVERCOMMIT, "none; no guest runs")
    if may is None or missing is None:
        return Finding("unknown", OVERCOMMIT, "what guests may use is not known")
    if not missing:
        words = f"none; RAM holds the {amount(may)} that the guests may use"
        return Finding("ok", OVERCOMMIT, words)
    too_much, reason = f"{amount(missing)} too much for RAM", _room_words(known, missing)
    if swap is None or (swap and known.now.swap_free_bytes is None):
        words = f"{too_much}; how much swap takes is not known"
        return Finding("warn", OVERCOMMIT, words, reason, _lower(missing))
    if not swap:
        end = f"{reason} If they use it, guests or the host can crash."
        return Finding("bad", OVERCOMMIT, f"{too_much}, and swap is off", end, _more_swap(missing))
    if (lacking := missing - _swap_room(known)) > 0:
        words = f"{amount(lacking)} too much for RAM and swap"
        end = f"{reason} Swap takes {amount(_swap_room(known))}, then processes are ended."
        return Finding("bad", OVERCOMMIT, words, end, _more_swap(lacking))
    end = f"{reason} What is swapped takes seconds a GiB to come back: guests are slow then."
    return Finding("warn", OVERCOMMIT, f"{too_much}; swap can take it", end, _lower(missing))


def _room_words(known: Figures, missing: int) -> str:
    """What the guests may use, and what there is for them."""
    room, pools = known.room_bytes or 0, sum(pool.total_bytes for pool in known.huge)
    who = f"Outside of huge pages ({amount(pools)}) guests" if pools else "Guests"
    beside = f" beside {amount(known.own_bytes)} of the host's own" if known.own_bytes else ""
    now = "" if known.missing_now_bytes else " What they have now fits."
    return f"{who} may use {amount(room + missing)}, RAM has room for {amount(room)}{beside}.{now}"


def _swap_room(known: Figures) -> int:
    """What guests can have of swap: what is free, and what they have already."""
    return (known.now.swap_free_bytes or 0) + (known.guests_swap_bytes or 0)


def _lower(count: int) -> str:
    return f"lower the maximum of guests by {amount(count)}, or shut some off"


def _more_swap(count: int) -> str:
    return f"add {amount(count)} of swap, or {_lower(count)}"


def _without_swap(known: Figures) -> Iterator[Finding]:
    """What happens if swap is turned off."""
    total, used = known.now.swap_total_bytes, known.swap_used_bytes
    available = known.now.available_bytes
    if total is None or used is None or available is None or known.missing_bytes is None:
        return
    if not total:
        if not known.missing_bytes:
            yield Finding("ok", "swap", "off; right as long as nothing is overcommitted")
        return
    if used > available:
        words = f"keep it: {amount(used)} in use do not fit into {amount(available)} of RAM"
    elif known.missing_bytes:
        words = "keep it: without it, overcommitted guests or the host can crash"
    else:
        words = "could be turned off (swapoff -a): RAM holds all the guests may use"
    yield Finding("ok", "swap", words)


def _all_defined(known: Figures) -> Iterator[Finding]:
    """What happens if the guests that are shut off start."""
    may, then = known.maximum.bytes or 0, known.defined.bytes or 0
    if then > may:
        share = known.defined.of_ram_percent
        size = f"{amount(then)}{'' if share is None else f', {share:.0f} % of RAM'}"
        words = f"may use {size} if those shut off start, too"
        if not (beyond := _beyond_swap(known)):
            yield Finding("ok", "all guests", words)
            return
        cure = "add swap, lower maxima, or do not start all of them"
        yield Finding("warn", "all guests", f"{words}: {beyond}", "", cure)


def _beyond_swap(known: Figures) -> str:
    """Why the host could not hold what all defined guests may use; empty where it could."""
    share, swap = known.defined.of_ram_percent, known.now.swap_total_bytes
    both = known.defined.of_ram_and_swap_percent
    if share is None or share <= 100 or (both is not None and both <= 100):
        return ""
    if swap is None:
        return "too much for RAM, how much swap takes is not known"
    return "too much for RAM and swap" if swap else "too much for RAM, and swap is off"


# -- swap --------------------------------------------------------------------------------------


def _swapping(known: Figures) -> Iterator[Finding]:
    into, out = known.swap_in_bytes_s, known.swap_out_bytes_s
    if into is None or out is None or max(into, out) < MOVING_BYTES_S:
        return
    yield Finding(
        "bad" if into >= MOVING_BYTES_S else "warn",
        "swapping",
        f"{amount(into)}/s are read from swap, {amount(out)}/s are written to it",
        "Whoever needs what is read waits for it: guests are slow.",
        "lower the current memory of guests that need less, or move one to another host",
    )


def _lying(known: Figures) -> Iterator[Finding]:
    names = [guest.name for guest in known.guests if remark(guest)]
    if not names:
        return
    yield Finding(
        "warn",
        "guests",
        f"{amount(known.guests_swap_bytes or 0)} of guests in swap: {names_label(names)}",
        "To load it takes seconds a GiB. The kernel swaps idle guests even with RAM to spare.",
        "add RAM or lower maxima; a small vm.swappiness keeps idle guests in RAM for longer",
    )


def _swap_full(known: Figures) -> Iterator[Finding]:
    total, used = known.now.swap_total_bytes, known.swap_used_bytes
    share = percent(used, total)
    if share is not None and share >= FULL_PERCENT and total:
        words = f"{share:.0f} % of {amount(total)} used: there is next to none left"
        yield Finding("warn", "swap", words, "", "add swap, or look who has it")


def _medium(known: Figures) -> Iterator[Finding]:
    slow = [area.path for area in known.now.areas if area.medium == "rotating"]
    if slow and known.guests_swap_bytes:
        yield Finding(
            "ok",
            "swap disk",
            f"{names_label(slow)}: a disk that turns",
            "It is thousands of times slower than RAM.",
            "an SSD, RAID or a disk of its own brings swapped guests back sooner",
        )
    if packed := [area.path for area in known.now.areas if area.medium == "memory"]:
        words = f"{names_label(packed)}: in RAM, compressed; less is gained than its size says"
        yield Finding("ok", "swap disk", words)


# -- cells, huge pages -------------------------------------------------------------------------


def _cells(known: Figures) -> Iterator[Finding]:
    """Guests bound to cells: every set of cells, and kind of memory, that some are bound to."""
    bound = [(guest, guest.bound_to) for guest in known.guests if guest.bound_to]
    for nodes, page in sorted({(n, g.page_kib) for g, n in bound}, key=str):
        demand = sum(g.max_bytes or 0 for g, n in bound if n <= nodes and g.page_kib == page)
        room = _cells_room(known.cells, nodes, page)
        if room is not None and demand > room:
            where = f" in {_page_words(page)}" if page else ""
            yield Finding(
                "bad",
                cells_label(nodes),
                f"guests bound there may use {amount(demand - room)} more than there is{where}",
                f"They may use {amount(demand)} of {amount(room)}; beyond that they swap or are"
                " ended, even while other cells have memory free.",
                f"bind one elsewhere, or lower maxima by {amount(demand - room)}",
            )


def _cells_room(cells: Iterable[CellMemory], nodes: CpuSet, page_kib: int | None) -> int | None:
    rooms = [_cell_room(cell, page_kib) for cell in cells if cell.id in nodes]
    known = [room for room in rooms if room is not None]
    return sum(known) if len(known) == len(rooms) == len(nodes) else None


def _cell_room(cell: CellMemory, page_kib: int | None) -> int | None:
    """What a cell has of a kind of memory; None where its pools are not told at all."""
    if not page_kib:
        return cell.room_bytes
    pools = (pool.total_bytes for pool in cell.huge if pool.size_kib == page_kib)
    return sum(pools) if cell.huge else None


def _page_words(page_kib: int) -> str:
    return f"{amount(page_kib << 10).replace('.0', '')} pages"


def _huge(known: Figures) -> Iterator[Finding]:
    pools = {pool.size_kib: pool for pool in known.huge}
    wanted: dict[int, int] = {}
    for guest in known.guests:
        if guest.page_kib:
            wanted[guest.page_kib] = wanted.get(guest.page_kib, 0) + (guest.max_bytes or 0)
    for kib in sorted(pools.keys() | wanted.keys()):
        pool = pools.get(kib, HugePages(kib, 0, 0))
        yield _pool(known, pool, wanted.get(kib, 0))


def _pool(known: Figures, pool: HugePages, wanted: int) -> Finding:
    page = pool.size_kib << 10
    topic, call = _page_words(pool.size_kib), f"virsh allocpages {pool.size_kib}"
    if (more := wanted - pool.total_bytes) > 0:
        words = f"guests may use {amount(wanted)} of them, {amount(pool.total_bytes)} are set aside"
        cure = f"set more aside: {call} {-(-more // page)} --add"
        return Finding("bad", topic, words, "A guest that touches one too many is ended.", cure)
    if known.missing_bytes and pool.idle_bytes:
        words = f"{amount(pool.idle_bytes)} of them set aside and idle"
        cure = f"give them back: {call} {(pool.total_bytes - pool.idle_bytes) // page}"
        return Finding("warn", topic, words, "Nobody else can use that RAM.", cure)
    used = "-" if pool.used_bytes is None else amount(pool.used_bytes)
    words = f"{amount(pool.total_bytes)} set aside, {used} used"
    return Finding("ok", topic, words)


# -- the kernel --------------------------------------------------------------------------------


def _ksm(known: Figures) -> Iterator[Finding]:
    ksm, now = known.now.ksm, known.now
    if ksm is None or not (ksm.saved_bytes or ksm.run):
        return
    words = f"merged pages save {amount(ksm.saved_bytes)}"
    room = _sum_known(now.available_bytes, now.swap_free_bytes)
    if room is not None and ksm.saved_bytes > room:
        reason = f"If guests write to them, that much is needed again; {amount(room)} is free."
        cure = "count on less: lower maxima, or add swap"
        yield Finding("warn", "KSM", words, reason, cure)
        return
    yield Finding("ok", "KSM", words, "Guests that write to them need that much again.")


def _sum_known(available: int | None, free_swap: int | None) -> int | None:
    return None if available is None else available + (free_swap or 0)


def _commit_limit(known: Figures) -> Iterator[Finding]:
    now = known.now
    share = percent(now.committed_bytes, now.commit_limit_bytes)
    if now.overcommit != 2 or share is None or now.commit_limit_bytes is None:
        return
    words = f"{share:.0f} % of the limit of {amount(now.commit_limit_bytes)} promised"
    full = share >= FULL_PERCENT
    reason = "vm.overcommit_memory is 2: beyond the limit guests do not start."
    cure = "raise vm.overcommit_ratio, or add swap" if full else ""
    yield Finding("warn" if full else "ok", "commit limit", words, reason, cure)


def _unknown(known: Figures) -> Iterator[Finding]:
    if known.unread:
        words = f"the memory of {plural(known.unread, 'guest')} has not been read yet"
        yield Finding("unknown", "guests", words)
    if known.now.unknown:
        yield Finding("unknown", "not known", known.now.unknown)
