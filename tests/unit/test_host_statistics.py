"""What hostinfod learns of the host, of a guest's own process, and of libvirt's domains."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from bench.silent import SilentServer
from tests.unit.test_host_parsing import UUID, make_process
from vconsole.features.hostinfo.host import guest_times, roster, statistics
from vconsole.features.hostinfo.host.guest_times import GuestTimes
from vconsole.features.hostinfo.host.roster import RosterReader
from vconsole.features.hostinfo.host.statistics import MAX_AGE_S, Sample, Sampler
from vconsole.features.hostinfo.model.statistics import STATISTICS
from vconsole.host.source import HostError

OWN = {"vmcputime", "vmsteal"}
OF_LIBVIRT = {"guests", "hypervisor", "libvirt"}
OF_X86 = {"cpumodel", "cpumhz"}


def until(what: Any, seconds: float = 30.0) -> None:
    end = monotonic() + seconds
    while not what():
        assert monotonic() < end, "it did not come about in time"
        sleep(0.005)


# -- the host ------------------------------------------------------------------------------------


def test_a_sample_has_every_statistic_of_the_host() -> None:
    sampler = Sampler()
    sampler.take()
    sleep(0.05)
    values = sampler.take().values
    assert set(STATISTICS) - OWN - OF_LIBVIRT - OF_X86 <= set(values) <= set(STATISTICS)
    assert int(values["physcpus"]) >= 1
    assert 0 <= float(values["cpubusy"]) <= 100
    assert int(values["memfree"]) <= int(values["memtotal"])
    assert all(value and "\n" not in value for value in values.values())


def test_the_shape_is_that_of_nodeinfo(tmp_path: Path) -> None:
    for cpu in range(8):
        folder = tmp_path / f"cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "physical_package_id").write_text(f"{cpu // 4}\n")
        (folder / "core_id").write_text(f"{cpu // 2 % 2}\n")
    found = statistics._topology(tmp_path)
    assert found == {"sockets": "2", "cores": "2", "threads": "2"}
    assert statistics._topology(tmp_path / "none") == {}


def test_a_processor_without_a_model_leaves_it_out(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_bytes(b"processor\t: 0\nBogoMIPS\t: 50.00\ncpu MHz: \xff\n")
    assert statistics._cpuinfo(tmp_path) == {}


def test_what_cannot_be_read_is_missing_and_the_rest_is_there(tmp_path: Path) -> None:
    values = Sampler(proc=tmp_path).take().values
    assert "cpumodel" not in values
    assert "load" in values


def test_an_old_sample_says_nothing() -> None:
    sample = Sample(100.0, {"load": "1"}, {"qemu-a": {"vmsteal": "2"}})
    assert sample.value("qemu-a", "load", 100.0 + MAX_AGE_S) == "1"
    assert sample.value("qemu-a", "load", 100.1 + MAX_AGE_S) is None
    assert sample.value("qemu-a", "vmsteal", 101.0) == "2"
    assert sample.value("qemu-b", "vmsteal", 101.0) is None


def test_samples_are_taken_by_a_thread_with_what_others_know() -> None:
    sampler = Sampler(lambda: {"guests": "7"})
    sampler.start()
    try:
        assert sampler.sample.values["guests"] == "7"
        first = sampler.sample
        until(lambda: sampler.sample is not first)
    finally:
        sampler.stop()


# -- a guest's own process -----------------------------------------------------------------------


class Met(list[tuple[str, int, str]]):
    def __call__(self, *found: Any) -> None:
        self.append(found)


def test_a_guest_has_its_cpu_time_and_its_steal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = monotonic()
    monkeypatch.setattr(guest_times, "monotonic", lambda: now)
    make_process(tmp_path, 42, UUID, utime=100)
    met = Met()
    times = GuestTimes(met, tmp_path)
    assert times.read({"qemu-g": 42}) == {"qemu-g": {"vmcputime": "1.50"}}
    assert met == [("qemu-g", 42, UUID)]
    now += 0.2
    waited_ns = 2000 + 10_000_000
    (tmp_path / "42/task/43/schedstat").write_text(f"100000 {waited_ns} 5\n")
    found = times.read({"qemu-g": 42})["qemu-g"]
    assert found["vmsteal"] == "5.0"
    assert times.read({"qemu-g": 42})["qemu-g"]["vmsteal"] == found["vmsteal"]
    assert len(met) == 1


def test_a_process_that_is_no_domain_has_no_times(tmp_path: Path) -> None:
    make_process(tmp_path, 42, UUID)
    (tmp_path / "42/cmdline").write_bytes(b"nc\0-lU\0x")
    met = Met()
    assert GuestTimes(met, tmp_path).read({"qemu-g": 42, "qemu-h": 43}) == {}
    assert met == []


def test_a_guest_that_ended_or_is_another_is_not_told_of(tmp_path: Path) -> None:
    make_process(tmp_path, 42, UUID)
    times = GuestTimes(Met(), tmp_path)
    times.read({"qemu-g": 42})
    text = (tmp_path / "42/stat").read_text()
    (tmp_path / "42/stat").write_text(text.replace(" 7 ", " 8 "))
    assert times.read({"qemu-g": 42}) == {}
    assert times.read({}) == {}


def test_many_guests_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_times, "READS", 4)
    names = {f"qemu-{n}": 100 * n for n in range(1, 7)}
    for pid in names.values():
        make_process(tmp_path, pid, UUID)
    times = GuestTimes(Met(), tmp_path)
    known = [len(times.read(names)) for _ in range(3)]
    assert known == [2, 4, 6]


# -- libvirt -------------------------------------------------------------------------------------


@pytest.fixture
def readers() -> Iterator[list[RosterReader[int]]]:
    made: list[RosterReader[int]] = []
    yield made
    for reader in made:
        reader.stop()


def reader_of(readers: list[RosterReader[int]], uri: str) -> RosterReader[int]:
    readers.append(RosterReader(uri, len))
    readers[-1].start()
    return readers[-1]


def names(reader: RosterReader[int]) -> set[str]:
    return {member.name for member in reader.roster.members}


def test_running_domains_are_listed_and_events_are_followed(
    readers: list[RosterReader[int]],
) -> None:
    import libvirt

    reader = reader_of(readers, "test:///default")
    until(lambda: not reader.roster.problem)
    assert "test" in names(reader)
    assert all(member.about for member in reader.roster.members)
    assert reader.roster.hypervisor.startswith("TEST")
    conn = libvirt.open("test:///default")
    system = "<os><type>hvm</type></os>"
    xml = f"<domain type='test'><name>new</name><memory>1024</memory>{system}</domain>"
    domain = conn.createXML(xml)
    until(lambda: "new" in names(reader))
    domain.destroy()
    until(lambda: "new" not in names(reader))
    conn.close()


def test_a_definition_that_cannot_be_understood_is_none(readers: list[RosterReader[int]]) -> None:
    def inspect(_xml: str) -> int:
        raise ValueError

    readers.append(RosterReader("test:///default", inspect))
    readers[0].start()
    until(lambda: not readers[0].roster.problem)
    assert {member.about for member in readers[0].roster.members} == {None}


def test_a_libvirt_that_does_not_run_is_tried_again(
    readers: list[RosterReader[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "_RETRIES_S", (0.01,))
    attempts = []

    def open_link(*_arguments: Any) -> Any:
        attempts.append(1)
        raise HostError("cannot connect", "there is none")

    monkeypatch.setattr(roster, "open_link", open_link)
    reader = reader_of(readers, "test:///default")
    until(lambda: len(attempts) > 3)
    assert reader.roster.problem == "cannot connect: there is none"


def test_a_libvirt_that_hangs_is_noticed_and_given_up_a_few_times(
    readers: list[RosterReader[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "_GIVE_UP_S", 0.05)
    before = threading.active_count()
    with SilentServer(tmp_path / "s") as silent:
        reader = reader_of(readers, silent.uri)
        for _ in range(40):
            reader.supervise()
            sleep(0.01)
        assert "does not answer" in reader.roster.problem
        assert threading.active_count() - before <= roster._MAX_ABANDONED + 3


def test_a_slow_call_makes_the_roster_stale(
    readers: list[RosterReader[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "_SLOW_S", 0.02)
    monkeypatch.setattr(roster, "_RECONCILE_S", 0.01)
    held, released = threading.Event(), threading.Event()

    def inspect(xml: str) -> int:
        if held.is_set():
            released.wait(60)
        return len(xml)

    readers.append(RosterReader("test:///default", inspect))
    reader = readers[0]
    reader.start()
    until(lambda: not reader.roster.problem)
    held.set()
    until(lambda: "has not answered for" in reader.roster.problem)
    assert reader.roster.members, "what was known is kept"
    held.clear()
    released.set()
    until(lambda: not reader.roster.problem)
