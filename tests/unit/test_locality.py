"""Where memory lies, why, and moving it: recorded texts of /proc and a migratepages that obeys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vconsole.features.locality import host
from vconsole.features.locality.model.move import MoveMemory, plan_move
from vconsole.features.locality.model.place import (
    Lying,
    Place,
    ReadPlace,
    Room,
    reasons,
    stayed,
    why_not_to,
)
from vconsole.host.proc import Guest
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Connection, Domain, HostState, Locality, NumaTune
from vconsole.model.memory import away_label
from vconsole.model.request import Reply

MIB = 1 << 20
NUMA_MAPS = """\
55d0 prefer:0 file=/usr/bin/qemu mapped=256 N0=256 kernelpagesize_kB=4
7f00 bind:1 anon=1024 dirty=1024 N0=512 N1=512 kernelpagesize_kB=4
7f10 default file=/dev/hugepages/libvirt/qemu/1-web/ram huge dirty=8 N1=8 kernelpagesize_kB=2048
7f20 default stack anon=3 dirty=3 active=1
7f30 default heap anon=1 N0=1
"""
STATUS = "Name:\tqemu\nVmLck:\t     4 kB\nVmPin:\t     0 kB\nMems_allowed_list:\t0-1\n"
ZERO, ONE = CpuSet.of((0,)), CpuSet.of((1,))


def test_pages_are_told_by_cell_kind_and_size() -> None:
    assert host.parse_lying(NUMA_MAPS.encode().splitlines(keepends=True)) == (
        Lying(0, "anonymous", 4, 2 * MIB + 4096),
        Lying(0, "shared", 4, MIB),
        Lying(1, "anonymous", 4, 2 * MIB),
        Lying(1, "huge", 2048, 16 * MIB),
    )


@pytest.mark.parametrize("text", [b"", b"\xff\x00\n", b"7f00 N=3 Nx=2\n", b" N99999=1\n", b"N0=1"])
def test_what_is_no_map_has_no_pages(text: bytes) -> None:
    assert host.parse_lying([text]) == ()


# -- why, and where it can go ---------------------------------------------------------------------


def place(**fields: Any) -> Place:
    lying = (Lying(0, "anonymous", 4, 512 * MIB), Lying(1, "anonymous", 4, 256 * MIB))
    rooms = {0: Room(1024 * MIB), 1: Room(1024 * MIB, {2048: 8})}
    return replace(Place(7, 500, lying, CpuSet.of((0, 1)), 0, rooms=rooms), **fields)


HUGE = (Lying(0, "huge", 2048, 32 * MIB),)


@pytest.mark.parametrize(
    ("fields", "cells", "said"),
    [
        ({}, ONE, ""),
        ({}, CpuSet.of((3,)), "this host has no cell 3"),
        ({"allowed": ZERO}, ONE, "cgroup lets it use cell 0, not cell 1: set numatune first"),
        ({"vfio": True}, ONE, "VFIO pins its memory"),
        ({"rooms": {0: Room(0), 1: Room(511 * MIB)}}, ONE, "511 MiB free, 512 MiB would come"),
        ({"rooms": {0: Room(), 1: Room()}}, ONE, ""),
        ({"lying": HUGE}, ONE, "cell 1 has 8 huge pages of 2M free, 16 would come"),
        ({"lying": HUGE, "rooms": {0: Room(), 1: Room(None, {2048: None})}}, ONE, ""),
        ({"lying": HUGE}, ZERO, "all of it is on cell 0 already"),
    ],
)
def test_it_is_refused_where_it_cannot_go(fields: Any, cells: CpuSet, said: str) -> None:
    found = why_not_to(place(**fields), cells)
    assert said in found
    assert bool(said) == bool(found)


def test_why_it_lies_there_is_said_as_far_as_that_is_known() -> None:
    tuned = Domain("u", "web", "running", numatune=NumaTune("interleave", CpuSet.of((0, 1))))
    assert "interleave spreads it" in " ".join(reasons(tuned, place(), ONE))
    plain = Domain("u", "web", "running")
    told = " ".join(reasons(plain, place(lying=HUGE, vfio=True, allowed=ZERO), ONE))
    for words in ("no numatune", "32.0 MiB in huge pages of 2M", "VFIO pins", "cgroup does not"):
        assert words in told
    assert reasons(plain, place(lying=HUGE), ZERO) == ()
    stray = (Lying(0, "anonymous", 4, 512 * MIB), Lying(1, "anonymous", 4, 4096))
    assert reasons(tuned, place(lying=stray), ZERO) == ()


def test_what_stayed_is_named_by_kind() -> None:
    assert stayed(place(lying=HUGE), ONE) == (
        "32.0 MiB huge stayed: huge pages move to free ones only"
    )
    assert stayed(place(lying=HUGE), ZERO) == ""


def test_the_plan_is_a_difference_and_the_command_that_does_it() -> None:
    (change,) = plan_move("u", "web", place(), ONE).changes
    assert change.lines() == ("- 512 MiB on cell 0", "+ 512 MiB more on cell 1")
    assert change.virsh() == ("migratepages 7 0 1",)
    assert hash(change)
    with pytest.raises(ValueError, match="VFIO"):
        plan_move("u", "web", place(vfio=True), ONE)


# -- moving ----------------------------------------------------------------------------------------


class Process:
    """A guest in a made-up /proc, and a migratepages that moves what the test says."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.maps = root / "7/numa_maps"
        self.maps.parent.mkdir(parents=True)
        (root / "7/status").write_text(STATUS)
        fields = " ".join(["S", *"0" * 18, "500", "0", "10", *"0" * 30])
        (root / "7/stat").write_text(f"7 (qemu) {fields}\n")
        self.maps.write_text("7f00 default anon=512 N0=512 kernelpagesize_kB=4\n")
        self._program, self.root = root / "migratepages", root
        monkeypatch.setenv("PATH", str(root), prepend=":")
        self.guest = Guest(root, 7, 500)
        connection = Connection("qemu:///system", local=True)
        self.link: Any = SimpleNamespace(
            connection=connection, simulation=None, find_guests=lambda: {"u": self.guest}
        )

    def obeys(self, script: str) -> None:
        self._program.write_text(f"#!/bin/sh\n{script}\n")
        self._program.chmod(0o755)

    def request(self) -> MoveMemory:
        found = host.read_place(self.link, ReadPlace("u")).value
        assert isinstance(found, Place)
        return MoveMemory("u", "web", found.pid, found.start, found.lying, ONE)

    def move(self, request: MoveMemory | None = None) -> Reply:
        return host.move_memory(self.link, request or self.request())


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    return Process(tmp_path, monkeypatch)


def test_memory_that_arrives_is_seen_in_the_kernels_own_account(process: Process) -> None:
    process.obeys(f'echo "$@" >> {process.root}/called; sed -i s/N0/N1/ {process.maps}')
    reply = process.move()
    assert (reply.status, reply.message, reply.read_back) == ("applied", "", "2.0 MiB arrived")
    assert (process.root / "called").read_text() == "7 0 1\n", "one pass was enough"


def test_a_second_pass_takes_what_the_first_has_left(process: Process) -> None:
    first = "sed -i 's/ N0=512/ N0=12 N1=500/'"
    second = "sed -i 's/ N0=12 N1=500/ N1=512/'"
    process.obeys(f"grep -q N1 {process.maps} && {second} {process.maps} || {first} {process.maps}")
    assert process.move().read_back == "2.0 MiB arrived"


def test_what_stays_is_told_with_the_reason(process: Process) -> None:
    process.obeys(f"sed -i 's/ N0=512/ N0=12 N1=500/' {process.maps}")
    reply = process.move()
    assert reply.status == "applied"
    assert "48.0 KiB anonymous stayed: pages in use at that moment stay" in reply.message


def test_a_refusal_of_the_kernel_is_told_in_its_words(process: Process) -> None:
    process.obeys("echo 'migrate_pages: Operation not permitted' >&2; exit 1")
    reply = process.move()
    assert reply.status == "failed"
    assert reply.message.startswith("migrate_pages: Operation not permitted; 0 B arrived")


def test_it_is_stopped_and_says_how_far_it_came(process: Process) -> None:
    process.obeys(f"sed -i 's/ N0=512/ N0=256 N1=256/' {process.maps}; exec sleep 60")
    request = process.request()
    request.wait.give_up()
    reply = process.move(request)
    assert (reply.status, reply.message.partition(";")[0]) == ("failed", "given up")
    assert request.wait.what == ""


def test_a_domain_that_was_started_anew_is_another_one(process: Process) -> None:
    request = process.request()
    process.guest = Guest(process.root, 7, 501)
    process.obeys("exit 1")
    assert process.move(request).status == "conflict"


def test_without_the_package_it_is_named(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    request = process.request()
    monkeypatch.setenv("PATH", str(process.root / "empty"))
    assert (process.move(request).status, process.move(request).message) == (
        "refused",
        host.MISSING,
    )


def test_another_hosts_memory_is_not_moved_from_here(process: Process) -> None:
    request = process.request()
    process.link.connection = Connection("qemu+ssh://far/system")
    assert process.move(request).status == "refused"
    assert host.read_place(process.link, ReadPlace("u")).status == "refused"


def test_free_memory_and_huge_pages_of_a_cell_with_a_gap_before_it(tmp_path: Path) -> None:
    pool = tmp_path / "node8/hugepages/hugepages-2048kB"
    pool.mkdir(parents=True)
    (pool / "free_hugepages").write_text("12\n")
    (tmp_path / "node8/meminfo").write_text("Node 8 MemTotal: 99 kB\nNode 8 MemFree:   64 kB\n")
    (tmp_path / "node9").mkdir()
    (tmp_path / "nodes").mkdir()
    assert host.rooms(tmp_path) == {8: Room(65536, {2048: 12}), 9: Room()}
    assert host.rooms(tmp_path / "none") == {}


def test_a_stray_page_names_no_cell() -> None:
    """On a real host the pages of libraries lie on every cell."""
    lies = Locality({0: 512 * MIB, 1: 4096, 2: 140 << 10, 3: MIB}, 0.0)
    state = HostState(locality={"u": lies})
    said = away_label(Domain("u", "web", "running"), state, CpuSet.of((3,)))
    assert said == "cell 0"
