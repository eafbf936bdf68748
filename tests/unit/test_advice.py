"""Figures and verdicts on a host's memory and swap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scenes import GIB, MIB
from vconsole.features.hostmemory.model.advice import (
    LEVELS,
    OVERCOMMIT,
    Finding,
    findings,
    headline,
    remark,
)
from vconsole.features.hostmemory.model.figures import Figures, figures
from vconsole.features.hostmemory.model.reading import (
    GuestProcess,
    HostMemory,
    HugePages,
    Ksm,
    SwapArea,
)
from vconsole.features.hostmemory.words import figure_lines
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, HostState, Node, NumaTune, Pages

PAGES = HugePages(2048, 4096, 1024)
"""8 GiB, 6 of them used."""


def guest(name: str, gib: float = 4, **known: Any) -> Domain:
    base = Domain(
        name, name, "running", memory_bytes=int(gib * GIB), max_memory_bytes=int(gib * GIB)
    )
    return replace(base, **known)


def host(*domains: Domain, cells: tuple[Cell, ...] = ()) -> HostState:
    return HostState(domains=domains, cells=cells)


def memory(swap_gib: float = 0, at: float = 100.0, **known: Any) -> HostMemory:
    """16 GiB of RAM of which the host itself takes one, as long as guests hold nothing."""
    swap = int(swap_gib * GIB)
    base = HostMemory(at, 16 * GIB, 15 * GIB, swap, swap, 0, 0, overcommit=0)
    return replace(base, **known)


def held(*domains: Domain, swap: int | None = 0, pid: int = 1) -> dict[str, GuestProcess]:
    return {domain.uuid: GuestProcess(pid, 0, 0, swap, 666) for domain in domains}


def of(domains: tuple[Domain, ...], now: HostMemory, cells: tuple[Cell, ...] = ()) -> Figures:
    return figures(host(*domains, cells=cells), replace(now, guests=held(*domains)))


def found(known: Figures, topic: str) -> Finding:
    matching = [finding for finding in findings(known) if finding.topic == topic]
    assert matching, [finding.topic for finding in findings(known)]
    return matching[0]


FOUR = tuple(guest(f"g{n}") for n in range(4))


# -- overcommitment --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "swap_gib", "level", "words"),
    [
        (3, 0, "ok", "none; RAM holds the 12.0 GiB"),
        (4, 0, "bad", "1.0 GiB too much for RAM, and swap is off"),
        (4, 2, "warn", "1.0 GiB too much for RAM; swap can take it"),
        (4, 0.5, "bad", "512 MiB too much for RAM and swap"),
        (0, 0, "ok", "none; no guest runs"),
    ],
)
def test_what_guests_may_use_must_fit_into_ram_or_swap(
    count: int, swap_gib: float, level: str, words: str
) -> None:
    finding = found(of(FOUR[:count], memory(swap_gib)), OVERCOMMIT)
    assert finding.level == level
    assert words in finding.words
    assert bool(finding.cure) == (level != "ok")


def test_swap_that_is_not_known_is_neither_off_nor_enough() -> None:
    now = memory(swap_total_bytes=None, swap_free_bytes=None)
    finding = found(of(FOUR, now), OVERCOMMIT)
    assert finding.level == "warn"
    assert "not known" in finding.words


def test_ram_that_is_not_known_is_no_verdict_unless_libvirt_knows_it() -> None:
    now = HostMemory(1.0)
    assert found(figures(host(*FOUR), now), OVERCOMMIT).level == "unknown"
    known = replace(host(*FOUR), node=Node(memory_bytes=64 * GIB))
    assert found(figures(known, now), OVERCOMMIT).level == "ok"


def test_the_ratios_are_of_ram_and_of_ram_with_swap() -> None:
    big = guest("big", 24, memory_bytes=8 * GIB)
    off = guest("off", 8, state="shut off")
    known = figures(host(big, off), memory(swap_gib=8))
    assert known.maximum.bytes == 24 * GIB
    assert (known.maximum.of_ram_percent, known.maximum.of_ram_and_swap_percent) == (150.0, 100.0)
    assert (known.current.bytes, known.current.of_ram_percent) == (8 * GIB, 50.0)
    assert known.defined.bytes == 32 * GIB
    assert "32.0 GiB, 200 % of RAM" in found(known, "all guests").words


@pytest.mark.parametrize(
    ("swap_gib", "level", "words"),
    [(0, "warn", "and swap is off"), (8, "warn", "for RAM and swap"), (32, "ok", "start, too")],
)
def test_all_defined_guests_beyond_ram_and_swap_are_a_warning(
    swap_gib: int, level: str, words: str
) -> None:
    known = figures(
        host(guest("on", 8), guest("off", 24, state="shut off")), memory(swap_gib=swap_gib)
    )
    finding = found(known, "all guests")
    assert (finding.level, bool(finding.cure)) == (level, level == "warn")
    assert finding.words.endswith(words)


def test_free_swap_that_is_not_known_does_not_count_as_none() -> None:
    finding = found(of(FOUR, memory(swap_gib=64, swap_free_bytes=None)), OVERCOMMIT)
    assert (finding.level, "not known" in finding.words) == ("warn", True)


def test_a_guest_that_was_lowered_may_still_use_its_maximum() -> None:
    balloon = guest("big", 24, memory_bytes=8 * GIB)
    finding = found(of((balloon,), memory()), OVERCOMMIT)
    assert finding.level == "bad"
    assert finding.reason.startswith("Guests may use 24.0 GiB, RAM has room for 15.0 GiB beside")
    assert "What they have now fits." in finding.reason


def test_what_the_host_takes_is_what_is_neither_available_nor_of_guests() -> None:
    now = memory(available_bytes=9 * GIB, guests={"g0": GuestProcess(1, 4 * GIB)})
    assert figures(host(FOUR[0]), now).own_bytes == 3 * GIB
    assert figures(host(*FOUR[:2]), now).own_bytes == 0, "one of them is not known"


def test_swap_that_guests_have_already_is_room_for_them() -> None:
    now = memory(swap_gib=2, swap_free_bytes=0, guests=held(*FOUR, swap=GIB // 2))
    assert found(figures(host(*FOUR), now), OVERCOMMIT).level == "warn"


def test_guests_not_read_yet_are_told() -> None:
    known = figures(host(guest("new", max_memory_bytes=None), *FOUR), memory())
    finding = found(known, "guests")
    assert (finding.level, finding.words) == (
        "unknown",
        "the memory of 1 guest has not been read yet",
    )


# -- without swap ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "used_gib", "available_gib", "words"),
    [
        (3, 1, 4, "could be turned off"),
        (4, 1, 15, "keep it: without it"),
        (3, 5, 4, "keep it: 5.0 GiB in use do not fit into 4.0 GiB"),
    ],
)
def test_what_happens_if_swap_is_turned_off(
    count: int, used_gib: int, available_gib: int, words: str
) -> None:
    now = memory(8, swap_free_bytes=(8 - used_gib) * GIB, available_bytes=available_gib * GIB)
    known = replace(of(FOUR[:count], now), missing_bytes=0 if count == 3 else GIB)
    assert found(known, "swap").words.startswith(words)


def test_no_swap_is_right_where_everything_fits() -> None:
    assert found(of(FOUR[:2], memory()), "swap").words.startswith("off; right")
    assert not [f for f in findings(of(FOUR, memory())) if f.topic == "swap"], "it is said above"


def test_swap_that_is_nearly_used_up_is_told() -> None:
    now = memory(10, swap_free_bytes=GIB // 2)
    assert found(of(FOUR[:1], now), "swap").words == (
        "95 % of 10.0 GiB used: there is next to none left"
    )


# -- swapping --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("into", "out", "level"),
    [(0, 0, None), (MIB, 0, None), (10 * MIB, 0, "bad"), (0, 10 * MIB, "warn")],
)
def test_reading_from_swap_is_worse_than_writing(into: int, out: int, level: str | None) -> None:
    before, now = memory(8), memory(8, 102.0, swapped_in_bytes=into, swapped_out_bytes=out)
    known = figures(host(), now, before)
    assert known.swap_in_bytes_s == into / 2
    told = [f.level for f in findings(known) if f.topic == "swapping"]
    assert told == ([level] if level else [])


def test_rates_need_two_readings_of_the_same_counters() -> None:
    before, now = memory(8, 100.0), memory(8, 102.0)
    assert figures(host(), now).swap_in_bytes_s is None
    assert figures(host(), replace(now, read_at=100.1), before).swap_in_bytes_s is None
    backwards = replace(before, swapped_in_bytes=MIB)
    assert figures(host(), now, backwards).swap_in_bytes_s is None
    one = guest("one")
    for pid, rate in ((1, 2.0 * MIB), (2, None)):
        first = replace(before, guests=held(one, swap=0))
        then = replace(now, guests=held(one, swap=4 * MIB, pid=pid))
        assert figures(host(one), then, first).guests[0].swap_bytes_s == rate


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (0, 0, ""),
        (GIB, GIB, "has 1.0 GiB in swap"),
        (40 * MIB, 40 * MIB, ""),
        (0, 8 * MIB, "is being swapped out, 4.0 MiB/s"),
        (GIB, GIB - 8 * MIB, "leaves swap, 4.0 MiB/s"),
        (None, None, ""),
    ],
)
def test_what_is_said_of_a_guest(before: int | None, after: int | None, words: str) -> None:
    one = guest("one")
    first = memory(8, 100.0, guests=held(one, swap=before))
    then = memory(8, 102.0, guests=held(one, swap=after))
    known = figures(host(one), then, first)
    assert remark(known.guests[0]).startswith(words)
    assert bool(remark(known.guests[0])) == bool(words)
    assert [f.topic for f in findings(known) if f.topic == "guests"] == (
        ["guests"] if words else []
    )


# -- huge pages, cells -----------------------------------------------------------------------


def test_huge_pages_are_nobody_elses() -> None:
    paged = guest("paged", 6, hugepages_kib=2048)
    known = of((paged, guest("plain", 8)), memory(huge=(PAGES,), available_bytes=8 * GIB))
    assert (known.room_bytes, known.missing_bytes) == (8 * GIB, 0)
    over = of((paged, guest("plain", 9)), memory(huge=(PAGES,), available_bytes=8 * GIB))
    assert over.missing_bytes == GIB
    idle = found(over, "2 MiB pages")
    assert (idle.level, idle.words) == ("warn", "2.0 GiB of them set aside and idle")
    assert idle.cure.endswith("virsh allocpages 2048 3072")
    assert found(over, OVERCOMMIT).reason.startswith("Outside of huge pages (8.0 GiB) guests")


def test_guests_need_as_many_huge_pages_as_they_ask_for() -> None:
    known = of((guest("paged", 9, hugepages_kib=2048),), memory(huge=(PAGES,)))
    finding = found(known, "2 MiB pages")
    assert finding.level == "bad"
    assert finding.cure.endswith("virsh allocpages 2048 512 --add")
    none = found(of((guest("paged", 1, hugepages_kib=1 << 20),), memory()), "1 GiB pages")
    assert none.cure.endswith("virsh allocpages 1048576 1 --add")


def test_libvirts_pools_stand_in_where_the_kernel_cannot_be_asked() -> None:
    cells = tuple(Cell(n, pages=(Pages(2048, 10, 4), Pages(4, 5, 5))) for n in range(2))
    known = figures(host(cells=cells), HostMemory(1.0))
    assert known.huge == (HugePages(4, 10, 10), HugePages(2048, 20, 8))
    untold = (*cells, Cell(2, pages=(Pages(2048, 10),)))
    known = figures(host(cells=untold), HostMemory(1.0))
    assert known.huge[1] == HugePages(2048, 30, None), "what is not told is not used"
    assert found(known, "2 MiB pages").words == "60.0 MiB set aside, - used"
    assert "[????" in str(figure_lines(known, 80, True)[5])


def bound(name: str, gib: float, nodes: str, page: int | None = None) -> Domain:
    tune = NumaTune("strict", CpuSet.parse(nodes))
    return guest(name, gib, numatune=tune, hugepages_kib=page)


CELLS = (
    Cell(0, 8 * GIB, 2 * GIB, pages=(Pages(2048, 1024, 0),)),
    Cell(1, 8 * GIB, 2 * GIB, pages=(Pages(2048, 1024, 0),)),
)
"""6 GiB each, and 2 in huge pages."""


@pytest.mark.parametrize(
    ("domains", "topics"),
    [
        ((bound("a", 6, "0"),), []),
        ((bound("a", 6, "0"), bound("b", 1, "0")), ["cell 0"]),
        ((bound("a", 6, "0"), bound("b", 6, "1"), bound("c", 1, "0-1")), ["cells 0, 1"]),
        ((bound("a", 3, "0", 2048),), ["cell 0"]),
        ((bound("a", 2, "0", 2048), bound("b", 2, "1", 2048)), []),
        ((bound("a", 99, "7"),), []),
        ((guest("a", 99, numatune=NumaTune("preferred", CpuSet.parse("0"))),), []),
    ],
    ids=["fits", "one cell", "both", "pages", "pages fit", "no such cell", "preferred"],
)
def test_what_is_bound_to_cells_must_fit_there(
    domains: tuple[Domain, ...], topics: list[str]
) -> None:
    known = of(domains, memory(), CELLS)
    wrong = [f for f in findings(known) if f.topic.startswith("cell")]
    assert [f.topic for f in wrong] == topics
    assert {f.level for f in wrong} <= {"bad"}


def test_a_cell_has_what_is_bound_to_it_alone_and_with_others() -> None:
    domains = (bound("a", 1, "0"), bound("b", 2, "0-1"), bound("c", 3, "0", 2048), guest("d"))
    first, second = of(domains, memory(), CELLS).cells
    assert (first.bound_bytes, first.shared_bytes, first.room_bytes) == (GIB, 2 * GIB, 6 * GIB)
    assert (second.bound_bytes, second.shared_bytes) == (0, 2 * GIB)


# -- the kernel ------------------------------------------------------------------------------


def test_merged_pages_are_memory_that_may_be_needed_again() -> None:
    safe = of(FOUR[:1], memory(ksm=Ksm(1, GIB)))
    assert found(safe, "KSM").level == "ok"
    tight = of(FOUR[:1], memory(ksm=Ksm(1, 4 * GIB), available_bytes=2 * GIB))
    assert found(tight, "KSM").level == "warn"
    for nothing in (None, Ksm(0, 0)):
        known = of(FOUR[:1], memory(ksm=nothing))
        assert "KSM" not in {finding.topic for finding in findings(known)}


@pytest.mark.parametrize(
    ("overcommit", "committed", "level"), [(0, 99, None), (2, 50, "ok"), (2, 95, "warn")]
)
def test_a_commit_limit_counts_only_where_it_is_kept(
    overcommit: int, committed: int, level: str | None
) -> None:
    now = memory(
        overcommit=overcommit, committed_bytes=committed * GIB, commit_limit_bytes=100 * GIB
    )
    told = [f.level for f in findings(of(FOUR[:1], now)) if f.topic == "commit limit"]
    assert told == ([level] if level else [])


def test_slow_swap_is_told_where_guests_lie_in_it() -> None:
    area = SwapArea("/dev/sda3", 8 * GIB, GIB, "rotating")
    packed = SwapArea("/dev/zram0", 8 * GIB, 0, "memory")
    now = memory(8, areas=(area, packed))
    words = [f.words for f in findings(of(FOUR[:1], now)) if f.topic == "swap disk"]
    assert words == ["/dev/zram0: in RAM, compressed; less is gained than its size says"]
    swapped = replace(now, guests=held(FOUR[0], swap=GIB))
    assert "a disk that turns" in found(figures(host(FOUR[0]), swapped), "swap disk").words


# -- together --------------------------------------------------------------------------------


def test_the_headline_is_the_gravest_or_says_that_nothing_is_wrong() -> None:
    remote = of(FOUR[:1], memory(unknown="swap: another machine"))
    assert headline(findings(remote)).topic == OVERCOMMIT
    swapping = figures(host(*FOUR), memory(8, 102.0, swapped_in_bytes=99 * MIB), memory(8, 100.0))
    assert headline(findings(swapping)).topic == "swapping"


COUNTS = st.none() | st.integers(0, 1 << 44)


@given(
    COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.lists(st.tuples(COUNTS, COUNTS, COUNTS), max_size=4)
)
def test_whatever_is_missing_there_are_findings_gravest_first(
    total: int | None,
    available: int | None,
    swap: int | None,
    free: int | None,
    swapped: int | None,
    sizes: list[tuple[int | None, int | None, int | None]],
) -> None:
    domains = [
        guest(f"g{n}", memory_bytes=now, max_memory_bytes=most)
        for n, (now, most, _) in enumerate(sizes)
    ]
    guests = {f"g{n}": GuestProcess(1, rss, 0, swapped) for n, (_, _, rss) in enumerate(sizes)}
    now = HostMemory(9.0, total, available, swap, free, swapped, swapped, guests=guests)
    known = figures(host(*domains), now, replace(now, read_at=7.0))
    told = findings(known)
    levels = [LEVELS.index(finding.level) for finding in told]
    assert levels == sorted(levels)
    assert headline(told).words
    for share in (known.maximum, known.current, known.held):
        assert share.of_ram_percent is None or share.of_ram_percent >= 0
