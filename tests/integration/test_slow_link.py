"""A console far from its host: what counts are the round trips, not the time they take here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from bench.slow_link import SlowLink
from tests.integration.conftest import LaunchGuest
from tests.integration.ground import find_program
from tests.integration.lab import Libvirtd
from vconsole.host.libvirt_source import connect
from vconsole.host.open import connect_console
from vconsole.host.poller import Poller
from vconsole.host.source import HostSource, View
from vconsole.model.host_state import HostState


@pytest.fixture
def link(two_cell_host: Libvirtd, tmp_path: Path) -> Iterator[SlowLink]:
    with SlowLink(two_cell_host.base / "run/libvirt-sock", tmp_path / "far", 0.03) as made:
        yield made


@pytest.fixture
def fleet(two_cell_host: Libvirtd, guest: LaunchGuest) -> int:
    for number in range(5):
        guest(two_cell_host, f"far-{number}", running=not number % 2)
    return 5


def list_first(link: SlowLink) -> HostSource:
    return connect_console(link.uri(), False, False, lambda: None)


def read_on(source: HostSource) -> None:
    """Read until all is known."""
    source.read(View())
    while source.unfinished:
        source.read(View())


def test_the_list_is_there_after_three_round_trips_more_than_virsh_needs(
    link: SlowLink, fleet: int
) -> None:
    virsh = [find_program("virsh"), "-c", link.uri(), "list", "--all", "--name"]
    names = set(subprocess.run(virsh, capture_output=True, text=True, check=True).stdout.split())
    needed = len(link.calls)
    source = list_first(link)
    try:
        state = source.read(View())
        taken = len(link.calls) - needed
    finally:
        source.close()
    assert names == {domain.name for domain in state.domains}
    assert taken <= needed + 3, f"{taken} calls, virsh makes {needed}"


def test_the_rest_comes_later_and_is_what_one_reading_would_have_said(
    link: SlowLink, fleet: int
) -> None:
    at_once, by_and_by = connect(link.uri()), list_first(link)
    try:
        first = by_and_by.read(View())
        assert by_and_by.unfinished
        assert first.freshness.reason
        assert {d.detailed for d in first.domains} == {False}
        second = by_and_by.read(View())
        assert sum(d.detailed for d in second.domains) >= 4, "one a reading takes for ever"
        read_on(at_once)
        read_on(by_and_by)
        whole, later = at_once.read(View()), by_and_by.read(View())
        assert later.domains == whole.domains
        assert (later.pcpus, later.connection) == (whole.pcpus, whole.connection)
        assert not later.freshness.reason
    finally:
        at_once.close()
        by_and_by.close()


def test_a_host_so_far_that_a_reading_outlasts_a_call_is_read_by_one_connection(
    two_cell_host: Libvirtd, fleet: int, tmp_path: Path
) -> None:
    """What begins with the second reading are some 15 round trips; a call may take as long as 7.

    They are long ones: a machine that is busy holds up a call as well.
    """
    opened, states = list[HostSource](), list[HostState]()
    with SlowLink(two_cell_host.base / "run/libvirt-sock", tmp_path / "farther", 0.2) as link:

        def open_() -> HostSource:
            opened.append(list_first(link))
            return opened[-1]

        poller = Poller(open_, states.append, interval_s=0.1, deadline_s=7 * link.rtt_s)
        poller.start()
        try:
            end = monotonic() + 60
            while not (states and states[-1].freshness.pace_s) and monotonic() < end:
                sleep(0.05)
        finally:
            poller.stop()
    assert states[-1].freshness.pace_s
    assert all(domain.detailed for domain in states[-1].domains)
    assert len(opened) == 1


def test_a_tick_is_three_calls_whatever_there_is(link: SlowLink, fleet: int) -> None:
    source = list_first(link)
    try:
        read_on(source)
        for _ in range(24):
            before = len(link.calls)
            source.read(View())
            made = [procedure for _, procedure in link.calls[before:]]
            assert len(made) <= 3, f"procedures {made}"
    finally:
        source.close()
