"""The metrics daemon: schedule, collection, publishing, new configurations, and the program."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import rich

from tests.unit.vhostmd_conf import conf, group, metric
from vconsole.features.metrics.daemon.actions import ActionPool
from vconsole.features.metrics.daemon.collect import Collection, Collector
from vconsole.features.metrics.daemon.control import ControlError, ask_status, ask_test, bind
from vconsole.features.metrics.daemon.cycle import Schedule
from vconsole.features.metrics.daemon.daemon import Daemon
from vconsole.features.metrics.daemon.prometheus import exposition, listen
from vconsole.features.metrics.daemon.publish import Publisher, PublishError
from vconsole.features.metrics.daemon.sampling import Samples
from vconsole.features.metrics.daemon.source import ConfigSource
from vconsole.features.metrics.host.sample import Sampler, read_vendor
from vconsole.features.metrics.model import builtin
from vconsole.features.metrics.model.config import parse, profile
from vconsole.features.metrics.model.disk import Header
from vconsole.features.metrics.model.document import parse as parse_document
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.sample import DomainSample, HostSample, Needs, Sample
from vconsole.features.metrics.model.status import DaemonStatus, MetricStatus, UpdateStatus
from vconsole.host.proc import read_numbers

A, B = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
HOST = HostSample(
    1000.0,
    "host.example",
    "host.example",
    "Debian",
    "QEMU 9.0.0",
    "QEMU 7.2.0",
    16,
    3 << 30,
    used_bytes=(5 << 20) - 1,
    available_bytes=6 << 20,
    free_bytes=7 << 20,
    swap_used_bytes=1 << 20,
    swap_free_bytes=2 << 20,
    swapped_in_bytes=3 << 20,
    swapped_out_bytes=4 << 20,
    paged_in_kib=100,
    paged_out_kib=200,
    cpu_s=1.5,
)
ALPHA = DomainSample(1, A, "alpha", 2_100_000_000, 2, 4 << 20, 3 << 20)
BETA = DomainSample(3, B, "beta two", 5_000_000_000, 1, 1 << 20, 1 << 20)
SAMPLE = Sample(HOST, (ALPHA, BETA), frozenset((A, B)))


@pytest.fixture
def pool() -> Iterator[ActionPool]:
    made = ActionPool(4)
    yield made
    made.stop()


def names(collection: Collection) -> list[tuple[str, str]]:
    return [(m.name, m.value) for m in collection.everything]


# -- schedule --------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_updates_start_at_fixed_steps_however_long_they_take() -> None:
    clock = Clock()
    schedule = Schedule(5, clock)
    starts = []
    for took_s in (0.0, 1.0, 4.9, 5.0, 12.0, 0.1):
        clock.now += schedule.wait_s
        starts.append(clock.now)
        schedule.begin()
        clock.now += took_s
        schedule.end()
    assert starts == [100, 105, 110, 115, 125, 140]


def test_an_update_that_starts_late_does_not_shift_the_steps() -> None:
    clock = Clock()
    schedule = Schedule(5, clock)
    clock.now = 112.0
    schedule.begin()
    schedule.end()
    assert schedule.wait_s == 3.0


async def test_an_update_that_begins_late_ends_in_time_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, metric("A", "echo 1"), period="5")
    daemon, limits = Daemon(ConfigSource(file), "test:///default"), list[float]()

    async def collect(sample: Sample, until: float) -> Collection:
        limits.append(daemon._schedule.next_at - until)
        return Collection()

    monkeypatch.setattr(daemon._collector, "collect", collect)
    daemon.open()
    daemon._schedule._next -= 0.7  # a busy host: the loop woke so much later
    daemon._schedule.begin()
    await daemon._update_once()
    assert limits == [0.5]


def test_a_new_period_and_haste_take_effect_at_once() -> None:
    clock = Clock()
    schedule = Schedule(60, clock)
    schedule.begin()
    assert schedule.wait_s == 60
    schedule.hurry()
    assert schedule.wait_s == 0
    schedule.change(7)
    schedule.begin()
    assert schedule.wait_s == 7


# -- built-in metrics ------------------------------------------------------------------------------


async def collected(pool: ActionPool, data: bytes, sample: Sample = SAMPLE) -> Collection:
    return await Collector(parse(data), "test:///default", pool).collect(sample)


async def test_sap_s_set(pool: ActionPool) -> None:
    found = await collected(pool, profile("sap"))
    assert [(m.name, m.type, m.value) for m in found.host] == [
        ("TotalCPUTime", "real64", "1.500000"),
        ("PagedOutMemory", "uint64", "4"),
        ("PagedInMemory", "uint64", "3"),
        ("UsedVirtualMemory", "uint64", "5"),
        ("FreeVirtualMemory", "uint64", "9"),
        ("FreePhysicalMemory", "uint64", "7"),
        ("MemoryAllocatedToVirtualServers", "uint64", "4"),
        ("NumberOfPhysicalCPUs", "uint32", "16"),
        ("HostSystemInfo", "string", "host"),
        ("VirtProductInfo", "string", "QEMU 9.0.0"),
        ("VirtualizationVendor", "string", "Debian"),
        ("Time", "uint64", "1000"),
        ("HostName", "string", "host.example"),
    ]
    assert [(m.name, m.value, m.domain_id, m.uuid) for m in found.domains[A]] == [
        ("PhysicalMemoryAllocatedToVirtualSystem", "3072", 1, A),
        ("ResourceMemoryLimit", "4096", 1, A),
        ("ResourceProcessorLimit", "2", 1, A),
        ("TotalCPUTime", "2.100000", 1, A),
    ]
    assert {m.unit for m in found.everything} == {None}
    assert list(found.domains) == [A, B]


async def test_vhostmd_s_own_set(pool: ActionPool) -> None:
    collector = Collector(parse(profile("default")), None, pool)
    first = await collector.collect(SAMPLE)
    assert "PageInRate" not in dict(names(first))
    assert {status.problem for status in collector.statuses} == {""}
    later = HostSample(1002.0, paged_in_kib=110, paged_out_kib=300)
    second = await collector.collect(Sample(later, ()))
    assert [(m.name, m.value, m.unit) for m in second.host if "Page" in m.name] == [
        ("PageInRate", "5", None),
        ("PageFaultRate", "50", None),
        ("PagedOutMemory", "300", None),
        ("PagedInMemory", "110", None),
    ]
    assert [(m.name, m.type, m.value, m.unit) for m in first.host if "Page" not in m.name] == [
        ("TotalCPUTime", "real64", "1.500000", "s"),
        ("FreeMem", "uint64", "6", None),
        ("UsedMem", "uint64", "4", None),
        ("TotalPhyMem", "uint64", "3072", "MiB"),
        ("NumCPUs", "uint32", "16", None),
        ("TotalPhyCPUs", "uint32", "16", None),
        ("VirtualizationProductInfo", "string", "QEMU 7.2.0", None),
        ("VirtualizationVendor", "string", "Debian", None),
        ("HostName", "string", "host.example", None),
    ]


async def test_what_is_not_known_is_left_out(pool: ActionPool) -> None:
    collector = Collector(parse(profile("default")), None, pool)
    found = await collector.collect(Sample(HostSample(1.0), None, None, "gone"))
    assert not {"TotalPhyCPUs", "PagedInMemory", "HostName"} & set(dict(names(found)))
    status = next(s for s in collector.statuses if s.name == "TotalPhyCPUs")
    assert (status.problem, status.failing) == ("it is not known on this host", 1)


def test_only_what_is_published_is_asked_for() -> None:
    assert builtin.needs(["TotalCPUTime"], False) == Needs(cpu=True)
    assert builtin.needs(["ResourceMemoryLimit"], True) == Needs(memory=True, defined=True)
    assert Needs(cpu=True, memory=True, vcpus=True).groups == 1 | 2 | 4 | 8


async def test_stock_actions_are_replaced_if_that_is_asked_for(pool: ActionPool) -> None:
    stock = group("PageRates", "pagerate.pl", ("X", "uint64"), ("Y", "uint64"))
    data = conf(
        metric("H", "hostname -s"), stock, settings="<?vconsole replace-stock-actions='yes'?>"
    )
    collector = Collector(parse(data), None, pool)
    await collector.collect(SAMPLE)
    later = HostSample(1010.0, system_name="other.x", paged_in_kib=200, paged_out_kib=200)
    found = await collector.collect(Sample(later, ()))
    assert names(found) == [("X", "10"), ("Y", "0"), ("H", "other")]
    assert [s.builtin for s in collector.statuses] == ["HostSystemInfo", "PageRates"]


# -- actions ---------------------------------------------------------------------------------------


async def test_the_order_of_the_file_is_reversed_but_not_that_of_a_group(pool: ActionPool) -> None:
    found = await collected(
        pool,
        conf(
            metric("First", "echo 1"),
            metric("V1", "echo NAME", context="vm"),
            group("G", "echo 2,3", ("X", "uint32"), ("Y", "uint32")),
            metric("V2", "echo VMID UUID", context="vm"),
            metric("Last", "echo 4"),
        ),
    )
    assert names(found) == [
        ("Last", "4"),
        ("X", "2"),
        ("Y", "3"),
        ("First", "1"),
        ("V2", f"1 {A}"),
        ("V1", "alpha"),
        ("V2", f"3 {B}"),
        ("V1", "beta two"),
    ]


async def test_a_failing_action_costs_its_own_metric_only(pool: ActionPool) -> None:
    data = conf(
        metric("Good", "echo CONNECT"),
        metric("Bad", "echo 5; exit 1"),
        metric("Hangs", "sleep 30"),
        metric("Unfit", "sh -c 'echo NAME'", context="vm"),
        metric("Cut", "printf %0300d 0"),
        settings="<?vconsole action-timeout-s='2'?>",
    )
    collector = Collector(parse(data), "test:///default", pool)
    found = await collector.collect(SAMPLE)
    assert [m.name for m in found.everything] == ["Cut", "Good", "Unfit"]
    assert found.host[1].value == "--connect test:///default"
    status = {s.name: s for s in collector.statuses}
    assert list(status) == ["Good", "Bad", "Hangs", "Unfit", "Cut"]
    assert (status["Good"].problem, status["Good"].runs, status["Good"].failures) == ("", 1, 0)
    assert status["Bad"].problem == "ended with status 1"
    assert status["Hangs"].problem == "took longer than 2 s and was ended"
    assert status["Unfit"].problem.startswith("beta two: the name is unusual, and NAME: it goes to")
    assert (status["Unfit"].failing, status["Unfit"].value) == (1, "alpha")
    assert (status["Cut"].problem, status["Cut"].failing) == ("its output was cut at 255 bytes", 0)


async def test_an_action_that_always_hangs_is_given_a_rest(pool: ActionPool) -> None:
    data = conf(metric("Hangs", "sleep 9"), settings="<?vconsole action-timeout-s='0.05'?>")
    collector = Collector(parse(data), None, pool)
    for _ in range(4):
        await collector.collect(SAMPLE)
    assert collector.statuses[0].problem == "rests after it took too long 3 times"


ONE_AT_A_TIME = "<?vconsole parallel-actions='1'?>"


async def test_commands_that_had_no_turn_have_it_in_the_next_update(
    pool: ActionPool, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    wait = f"until test -e {gate}; do sleep 0.02; done; echo 1"
    data = conf(*(metric(f"M{n}", wait) for n in range(3)), settings=ONE_AT_A_TIME)
    collector = Collector(parse(data), None, pool)
    assert names(await collector.collect(SAMPLE, time.monotonic() + 0.05)) == []
    waiting = "not run yet: the commands before it took the whole period"
    assert [(s.problem, s.failing, s.runs) for s in collector.statuses] == 3 * [(waiting, 1, 0)]
    gate.touch()
    assert {n for n, _ in names(await collector.collect(SAMPLE))} == {"M0", "M1", "M2"}


async def test_values_stay_while_the_commands_take_longer_than_the_period(
    pool: ActionPool, tmp_path: Path
) -> None:
    """Of those that had no turn the value of the update before is published, and that is told."""
    mark = tmp_path / "mark"
    data = conf(
        metric("Own", f"test -e {mark} && sleep 9; echo NAME", context="vm"),
        metric("Host", "echo 1"),
        settings=ONE_AT_A_TIME,
    )
    collector = Collector(parse(data), None, pool)
    everything = names(await collector.collect(SAMPLE))
    mark.touch()
    hasty = await collector.collect(SAMPLE, time.monotonic() + 3)
    assert names(hasty) == everything
    own, host = collector.statuses
    assert (host.kept, host.runs, own.problem, own.failing) == (0, 2, "", 0)
    assert (own.kept, own.oldest_s > 0) == (2, True)


async def test_the_host_s_commands_come_first(pool: ActionPool, tmp_path: Path) -> None:
    data = conf(
        metric("Own", f"echo vm >>{tmp_path}/order", context="vm"),
        *(metric(f"H{n}", f"echo host >>{tmp_path}/order") for n in range(3)),
        settings=ONE_AT_A_TIME,
    )
    collector = Collector(parse(data), None, pool)
    for _ in range(2):
        await collector.collect(SAMPLE)
    order = (tmp_path / "order").read_text().split()
    assert order == 2 * [*3 * ["host"], *2 * ["vm"]]


async def test_what_a_command_at_work_says_is_in_the_next_update(
    pool: ActionPool, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    data = conf(metric("Slow", f"until test -e {gate}; do sleep 0.02; done; echo 1"))
    collector = Collector(parse(data), None, pool)
    assert names(await collector.collect(SAMPLE, time.monotonic() + 0.05)) == []
    gate.touch()
    while not (found := names(await collector.collect(SAMPLE, time.monotonic()))):
        await asyncio.sleep(0.02)
    assert (found, collector.statuses[0].kept) == ([("Slow", "1")], 0)


async def test_a_metric_that_rests_keeps_its_value(pool: ActionPool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    hangs = metric("Hangs", f"test -e {mark} && sleep 9; echo 1")
    earlier = Collector(parse(conf(hangs)), None, pool)
    assert names(await earlier.collect(SAMPLE)) == [("Hangs", "1")]
    mark.touch()
    hasty = conf(hangs, settings="<?vconsole action-timeout-s='0.1'?>")
    collector = Collector(parse(hasty), None, pool)
    collector.adopt(earlier)
    for _ in range(4):
        assert names(await collector.collect(SAMPLE)) == [("Hangs", "1")]
    (status,) = collector.statuses
    assert status.problem == "rests after it took too long 3 times"
    assert (status.failing, status.kept) == (1, 1)


async def test_a_command_that_says_it_failed_keeps_nothing(
    pool: ActionPool, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    collector = Collector(parse(conf(metric("A", f"test ! -e {mark} && echo 1"))), None, pool)
    assert names(await collector.collect(SAMPLE)) == [("A", "1")]
    mark.touch()
    assert names(await collector.collect(SAMPLE)) == []
    assert names(await collector.collect(SAMPLE, time.monotonic())) == []
    assert collector.statuses[0].problem == "ended with status 1"


async def test_a_value_is_kept_for_a_while_only(
    pool: ActionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = conf(metric("A", "echo 1"), metric("B", "sleep 0.2; echo 1"))
    collector = Collector(parse(data), None, pool)
    await collector.collect(SAMPLE)
    assert parse(data).keep_s == 300
    later = time.monotonic() + 301
    monkeypatch.setattr("vconsole.features.metrics.daemon.turns.monotonic", lambda: later)
    assert names(await collector.collect(SAMPLE, later)) == []


async def test_a_domain_started_anew_does_not_get_what_it_was_before(pool: ActionPool) -> None:
    collector = Collector(parse(conf(metric("A", "echo VMID", context="vm"))), None, pool)
    assert names(await collector.collect(Sample(HOST, (ALPHA,)))) == [("A", "1")]
    again = Sample(HOST, (replace(ALPHA, id=9),))
    assert names(await collector.collect(again, time.monotonic())) == []


async def test_another_configuration_keeps_the_values_of_the_same_metrics(pool: ActionPool) -> None:
    same = metric("Same", "sleep 0.2; echo 1")
    earlier = Collector(parse(conf(metric("Old", "echo 1"), same)), None, pool)
    await earlier.collect(SAMPLE)
    collector = Collector(parse(conf(same, metric("New", "sleep 9"))), None, pool)
    collector.adopt(earlier)
    assert names(await collector.collect(SAMPLE, time.monotonic())) == [("Same", "1")]


async def test_values_keep_their_line_feed_if_that_is_asked_for(pool: ActionPool) -> None:
    data = conf(metric("A", "echo 1"), settings="<?vconsole compat-newline='yes'?>")
    assert names(await collected(pool, data)) == [("A", "1\n")]


# -- publishing ------------------------------------------------------------------------------------

OWN: dict[str, tuple[Metric, ...]] = {
    A: (Metric("V", "1", context="vm", domain_id=1, uuid=A),),
    B: (Metric("V", "2", context="vm", domain_id=3, uuid=B),),
}
COLLECTION = Collection((Metric("H", "x"),), OWN)


def content(path: Path) -> bytes:
    raw = path.read_bytes()
    header = Header.unpack(raw)
    assert (header.signature, header.busy) == (b"mvbd", 0)
    return raw[16 : 16 + header.length]


def on_disk(path: Path) -> list[tuple[str, str]]:
    return [(m.name, m.value) for m in parse_document(content(path)).metrics]


async def test_everything_is_on_the_common_disk(pool: ActionPool, tmp_path: Path) -> None:
    publisher, disk = Publisher(pool), tmp_path / "disk"
    publisher.configure(parse(conf(disk=str(disk), size='<size unit="k">100</size>')))
    assert disk.stat().st_size == 2 << 16
    assert await publisher.publish(COLLECTION, {1: A, 3: B}, None) == ()
    assert on_disk(disk) == [("H", "x"), ("V", "1"), ("V", "2")]
    assert publisher.content_bytes == len(content(disk))
    publisher.close()


async def test_what_does_not_fit_is_named_and_the_old_stays(
    pool: ActionPool, tmp_path: Path
) -> None:
    publisher, disk = Publisher(pool), tmp_path / "disk"
    publisher.configure(parse(conf(disk=str(disk), size='<size unit="k">64</size>')))
    await publisher.publish(COLLECTION, {}, None)
    large = Collection((Metric("Long", "x" * 70_000), Metric("H", "y")), {})
    (error,) = await publisher.publish(large, {}, None)
    assert "enlarge the disk; largest: Long (host) 700" in error
    assert on_disk(disk) == [("H", "x"), ("V", "1"), ("V", "2")]
    publisher.close()


async def test_disks_of_domains_hold_nothing_of_others(pool: ActionPool, tmp_path: Path) -> None:
    stale = tmp_path / "vhostmd-33333333-3333-4333-8333-333333333333"
    stale.touch()
    publisher, disk = Publisher(pool), tmp_path / "disk"
    data = conf(disk=str(disk), settings="<?vconsole domain-disks='yes'?>")
    publisher.configure(parse(data))
    shut_off = "44444444-4444-4444-8444-444444444444"
    defined = frozenset((A, B, shut_off))
    assert await publisher.publish(COLLECTION, {1: A, 3: B}, defined) == ()
    assert on_disk(disk) == [("H", "x")]
    assert on_disk(tmp_path / f"vhostmd-{A}") == [("H", "x"), ("V", "1")]
    assert on_disk(tmp_path / f"vhostmd-{B}") == [("H", "x"), ("V", "2")]
    assert (tmp_path / f"vhostmd-{shut_off}").stat().st_size == 1 << 16
    assert not stale.exists()
    only_b = Collection(COLLECTION.host, {B: OWN[B]})
    await publisher.publish(only_b, {3: B}, None)  # libvirt did not say: nothing goes
    assert (tmp_path / f"vhostmd-{A}").exists()
    await publisher.publish(only_b, {3: B}, frozenset((B,)))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["disk", f"vhostmd-{B}"]
    publisher.configure(parse(conf(disk=str(disk))))
    await publisher.publish(COLLECTION, {1: A, 3: B}, None)
    assert ("V", "1") in on_disk(disk)
    publisher.close()


async def test_without_vbd_the_disk_is_there_and_empty(pool: ActionPool, tmp_path: Path) -> None:
    publisher, disk = Publisher(pool), tmp_path / "disk"
    publisher.configure(parse(conf(disk=str(disk), transports=("virtio",))))
    await publisher.publish(COLLECTION, {1: A}, None)
    assert on_disk(disk) == []
    assert publisher.channels is not None
    publisher.close()


def test_xenstore_is_refused_without_its_tool(pool: ActionPool, tmp_path: Path) -> None:
    data = conf(disk=str(tmp_path / "disk"), transports=("xenstore",), path=str(tmp_path))
    with pytest.raises(PublishError, match=r"xenstore needs the program xenstore-write.*vbd"):
        Publisher(pool).configure(parse(data))
    assert not (tmp_path / "disk").exists()


async def test_xenstore_is_written_by_its_tool(pool: ActionPool, tmp_path: Path) -> None:
    tool = tmp_path / "xenstore-write"
    tool.write_text(
        f'#!/bin/sh\n[ "$1" = /local/domain/1/metrics ] && printf %s "$2" >{tmp_path}/1'
    )
    tool.chmod(0o755)
    publisher = Publisher(pool)
    path = f"{tmp_path}:/usr/bin:/bin"
    data = conf(disk=str(tmp_path / "disk"), transports=("xenstore",), path=path)
    publisher.configure(parse(data))
    errors = await publisher.publish(COLLECTION, {1: A, 3: B}, None)
    text = (tmp_path / "1").read_text()
    assert text.endswith("</metrics>")
    assert [m.value for m in parse_document(text.encode()).metrics] == ["x", "1"]
    assert errors == ("xenstore: domain 3: ended with status 1",)
    publisher.close()


def test_a_configuration_whose_disk_cannot_be_made_changes_nothing(
    pool: ActionPool, tmp_path: Path
) -> None:
    publisher, disk = Publisher(pool), tmp_path / "disk"
    publisher.configure(parse(conf(disk=str(disk))))
    (tmp_path / "folder").mkdir()
    with pytest.raises(PublishError, match="is no plain file"):
        publisher.configure(parse(conf(disk=str(tmp_path / "folder"))))
    publisher.configure(parse(conf(disk=str(disk), size='<size unit="k">64</size>')))
    assert disk.stat().st_size == 1 << 16
    publisher.close()


# -- samples ---------------------------------------------------------------------------------------


class SlowSampler(Sampler):
    """libvirt that hangs until it is let go."""

    def __init__(self, hangs: bool = False) -> None:
        super().__init__(None)
        self.go = threading.Event()
        if not hangs:
            self.go.set()

    def read(self, needs: Needs) -> Sample:
        self.go.wait(60)
        return SAMPLE


async def test_a_hanging_libvirt_is_not_waited_for() -> None:
    made: list[SlowSampler] = []

    def make() -> SlowSampler:
        made.append(SlowSampler(hangs=len(made) < 4))
        return made[-1]

    samples = Samples(make, give_up_s=0.05)
    for _ in range(5):
        found = await samples.read(Needs(), 0.06)
        assert (found.domains, found.host.cpu_s > 0) == (None, True)
    assert re.fullmatch(r"it hangs: no answer for \d+ s: restart its daemon", found.error)
    assert len(made) == 4
    for sampler in made:
        sampler.go.set()
    await until(lambda: not any(worker.thread.is_alive() for worker in samples._abandoned))
    assert await samples.read(Needs(), 30) is SAMPLE
    samples.close()


async def test_a_slow_libvirt_is_heard_and_what_it_said_stays_meanwhile() -> None:
    sampler = SlowSampler()
    samples = Samples(lambda: sampler)
    assert await samples.read(Needs(), 30, 300) is SAMPLE
    sampler.go.clear()
    slow = await samples.read(Needs(), 0.05, 300)
    assert slow.error.startswith("it is slow: no answer for ")
    assert (slow.domains, slow.defined) == (SAMPLE.domains, SAMPLE.defined)
    assert slow.domains_age_s > 0
    assert slow.host.at_s > HOST.at_s  # this machine is read anew
    assert (await samples.read(Needs(), 0.05, 0.01)).domains is None  # too old
    sampler.go.set()
    assert await samples.read(Needs(), 30, 300) is SAMPLE
    samples.close()


async def test_what_never_changes_outlasts_a_connection_that_hangs() -> None:
    made: list[SlowSampler] = []

    def make() -> SlowSampler:
        made.append(SlowSampler(hangs=True))
        return made[-1]

    samples = Samples(make, give_up_s=0.0)
    first = Sampler("test:///default")
    first.read(Needs())
    await samples.read(Needs(), 0.01)
    made[0].remember(first)
    await samples.read(Needs(), 0.01)
    assert len(made) == 2
    assert (await samples.read(Needs(), 0.01)).host.pcpus == 16
    for sampler in made:
        sampler.go.set()
    samples.close()
    first.close()


def test_the_test_driver_and_this_machine_can_be_read() -> None:
    sampler = Sampler("test:///default")
    found = sampler.read(Needs(True, True, True, True))
    assert found.error == ""
    assert found.domains is not None
    (domain,) = found.domains
    assert (domain.id, domain.name, domain.vcpus, domain.memory_kib) == (1, "test", 2, 2097152)
    assert domain.cpu_ns
    assert found.defined == frozenset((domain.uuid,))
    assert (found.host.pcpus, found.host.memory_bytes) == (16, 3 << 30)
    assert found.host.paged_in_kib
    sampler.close()


def test_a_libvirt_that_is_not_there_costs_only_what_it_knows() -> None:
    found = Sampler("test:///no/such/file").read(Needs())
    assert found.domains is None
    assert "cannot connect" in found.error
    assert found.host.used_bytes > 0


def test_files_that_are_odd_are_not_known(tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    assert (read_vendor(odd), read_numbers(f"{odd}")) == (None, {})
    odd.write_text("pgpgin x\n")
    assert read_numbers(f"{odd}") == {}
    odd.write_text('ID=x\nNAME="Some Linux"\n')
    assert read_vendor(odd) == "Some Linux"
    odd.write_text("ID=fedora\nNAME=Fedora\n")
    assert read_vendor(odd) == "Fedora Project"


# -- the daemon ------------------------------------------------------------------------------------


@asynccontextmanager
async def running(daemon: Daemon) -> AsyncIterator[Daemon]:
    daemon.open()
    task = asyncio.create_task(daemon.run())
    try:
        yield daemon
    finally:
        daemon.stop()
        await asyncio.wait_for(task, 30)


async def until(condition: Callable[[], bool], wait_s: float = 30.0) -> None:
    async with asyncio.timeout(wait_s):
        while not condition():
            await asyncio.sleep(0.02)


def written(tmp_path: Path, *metrics: str, period: str = "60", size_kib: int = 256) -> Path:
    file = tmp_path / "vhostmd.conf"
    size = f'<size unit="k">{size_kib}</size>'
    file.write_bytes(conf(*metrics, disk=str(tmp_path / "disk"), period=period, size=size))
    return file


@pytest.mark.parametrize("watched", [True, False])
async def test_a_new_configuration_is_taken_when_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    """Also where it changed before somebody watched it."""

    async def too_late(*_: object, **_more: object) -> AsyncIterator[set[tuple[int, str]]]:
        while True:
            await asyncio.sleep(0.02)
            yield set()

    if not watched:
        monkeypatch.setattr("watchfiles.awatch", too_late)
    disk, file = tmp_path / "disk", written(tmp_path, metric("A", "echo 1"))
    async with running(Daemon(ConfigSource(file), "test:///default")) as daemon:
        await until(lambda: daemon.status().update.count >= 1)
        assert on_disk(disk) == [("A", "1")]
        other = tmp_path / "new"
        other.write_bytes(file.read_bytes().replace(b"echo 1", b"echo 2"))
        other.rename(file)
        await until(lambda: daemon.status().update.count >= 2)
        assert on_disk(disk) == [("A", "2")]
        assert daemon.status().config_error == ""


async def test_an_invalid_configuration_keeps_the_old_one_in_force(tmp_path: Path) -> None:
    disk, file = tmp_path / "disk", written(tmp_path, metric("A", "echo 1"))
    async with running(Daemon(ConfigSource(file), "test:///default")) as daemon:
        await until(lambda: daemon.status().update.count >= 1)
        since = daemon.status().in_force_since_s
        file.write_bytes(b"<vhostmd>")
        daemon.reload()
        await until(lambda: daemon.status().update.count >= 2)
        status = daemon.status()
        assert "XML line 1" in status.config_error
        assert (status.in_force_since_s, status.period_s) == (since, 60)
        assert on_disk(disk) == [("A", "1")]
        written(tmp_path, metric("A", "echo 3"), period="30", size_kib=64)
        daemon.reload()
        await until(lambda: daemon.status().update.count >= 3)
        status = daemon.status()
        assert (status.config_error, status.period_s, status.disk_bytes) == ("", 30, 1 << 16)
        assert on_disk(disk) == [("A", "3")]


async def test_a_configuration_is_not_taken_while_somebody_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vconsole.features.metrics.daemon.daemon._RELOAD_PAUSE_S", 0.05)
    disk, file = tmp_path / "disk", written(tmp_path, metric("A", "echo 1"))
    async with running(Daemon(ConfigSource(file), "test:///default")) as daemon:
        await until(lambda: daemon.status().update.count >= 1)
        with file.open("r+b") as writer:
            writer.write(file.read_bytes().replace(b"echo 1", b"echo 2"))
            writer.flush()
            daemon.reload()
            await until(lambda: daemon.status().config_error == "it is being written")
            await asyncio.sleep(0.3)
            assert (daemon.status().update.count, on_disk(disk)) == (1, [("A", "1")])
        await until(lambda: on_disk(disk) == [("A", "2")])
        assert daemon.status().config_error == ""


async def test_the_disk_is_readable_after_the_end(tmp_path: Path) -> None:
    file = written(tmp_path, metric("Hangs", "sleep 60"))
    async with running(Daemon(ConfigSource(file), "test:///default")):
        await asyncio.sleep(0.2)
    assert on_disk(tmp_path / "disk") == []


async def test_libvirt_s_troubles_are_told(tmp_path: Path) -> None:
    file = written(tmp_path, metric("A", "echo 1"))
    async with running(Daemon(ConfigSource(file), "test:///no/such/file")) as daemon:
        await until(lambda: daemon.status().update.count >= 1)
        (error,) = daemon.status().update.errors
        assert error.startswith("libvirt: cannot connect: test:///no/such/file")
        assert on_disk(tmp_path / "disk") == [("A", "1")]


async def test_the_end_of_a_trouble_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, sampler = written(tmp_path, metric("A", "echo 1"), period="1"), SlowSampler()
    told: list[str] = []
    found = Sample(HOST, None, None, "it is slow: no answer for 5 s")
    monkeypatch.setattr(sampler, "read", lambda needs: found)
    daemon = Daemon(ConfigSource(file), None, make_sampler=lambda: sampler)
    monkeypatch.setattr(
        daemon._quiet, "log", lambda _l, _k, text, *words: told.append(text % words)
    )
    async with running(daemon):
        await until(lambda: daemon.status().update.count >= 1)
        found = replace(found, error="it is slow: no answer for 6 s")
        await until(lambda: daemon.status().update.count >= 3)
        assert told == ["libvirt: it is slow: no answer for 5 s"]
        found = SAMPLE
        await until(lambda: len(told) == 2)
        assert told[1] == "libvirt: all is well again"


def test_a_status_survives_the_way_to_the_console() -> None:
    status = DaemonStatus(
        1,
        "x",
        2.0,
        warnings=("w",),
        transports=("vbd",),
        update=UpdateStatus(3, errors=("e",)),
        metrics=(MetricStatus("A", "host", "string", value="\x1b[2J"),),
    )
    assert DaemonStatus.from_json(status.to_json()) == status
    newer = json.loads(status.to_json()) | {"colour": "red"}
    assert DaemonStatus.from_json(json.dumps(newer)) == status
    for text in ("", "[]", "{}", "null", '{"update": 1}'):
        with pytest.raises(ValueError, match=r"."):
            DaemonStatus.from_json(text)


# -- Prometheus ------------------------------------------------------------------------------------


def test_the_same_metrics_for_prometheus() -> None:
    metrics = (
        Metric("Total-CPU", "1.5", "real64"),
        Metric("Host", 'a"b\n', "string"),
        Metric("Bad", "many", "uint64"),
        Metric("V", "2", "uint32", "vm", None, 1, A),
        Metric("V", "3", "uint32", "vm", None, 3, B),
        Metric("V", "4", "uint32", "vm", None, 3, B),
    )
    lines = [x for x in exposition(metrics).decode().splitlines() if not x.startswith("#")]
    assert lines == [
        "vhostmd_host_Total_CPU 1.5",
        'vhostmd_host_Host_info{value="a\\"b"} 1.0',
        'vhostmd_host_Bad_info{value="many"} 1.0',
        f'vhostmd_domain_V{{uuid="{A}"}} 2.0',
        f'vhostmd_domain_V{{uuid="{B}"}} 3.0',
    ]


@pytest.mark.parametrize(
    "address", ["0.0.0.0:1", "192.0.2.1:80", "9177", "localhost:1", "127.0.0.1:x", "::", ""]
)
def test_prometheus_is_served_to_this_machine_only(address: str) -> None:
    with pytest.raises(ControlError, match="neither unix:PATH nor a port on loopback"):
        listen(address)


def test_prometheus_without_its_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vconsole.features.metrics.daemon.prometheus.find_spec", lambda _name: None)
    with pytest.raises(ControlError, match="needs the Python package prometheus-client"):
        listen("127.0.0.1:0")


def test_prometheus_can_have_a_socket_of_its_own(tmp_path: Path) -> None:
    with listen(f"unix:{tmp_path}/metrics") as listener:
        assert listener.getsockname() == f"{tmp_path}/metrics"
    with listen("127.0.0.1:0") as listener, pytest.raises(ControlError, match="in use"):
        listen(f"127.0.0.1:{listener.getsockname()[1]}")


# -- the program -----------------------------------------------------------------------------------

SHARED = {"PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(rich.__file__).parents[1]}"}
START = (
    "import sys; from vconsole.features.metrics.daemon.service import main;"
    " sys.exit(main(sys.argv[1:]))"
)


class Program:
    """``vconsole vhostmd`` with a directory of its own."""

    def __init__(self, tmp_path: Path, *metrics: str) -> None:
        self.disk, self.pid_file = tmp_path / "disk", tmp_path / "pid"
        self.control, self.file = tmp_path / "control", written(tmp_path, *metrics)
        self._log = tmp_path / "log"
        self._log.touch()
        self.python = sys.executable
        self._process: subprocess.Popen[bytes] | None = None

    def argv(self, *more: str) -> list[str]:
        paths = ("-f", self.file, "-p", self.pid_file, "--control", self.control)
        return [self.python, "-c", START, "-c", "test:///default", *map(str, paths), *more]

    def start(self, *more: str) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self.argv("-d", *more), stdout=log, stderr=log)
        self.wait_for(lambda: self.disk.exists() and on_disk(self.disk) != [])

    def wait_for(self, condition: Callable[[], bool]) -> None:
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            try:
                if condition():
                    return
            except (AssertionError, OSError, ValueError, struct.error, ControlError):
                pass  # as it is just being written
            time.sleep(0.05)
        raise AssertionError(self.log)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def end(self) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(30)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path, metric("A", "echo 1"), metric("Who", "id -un"))
    yield made
    if made._process is not None:
        made.end()


def free_port() -> int:
    """One that no other worker takes, and of those that the kernel gives to nobody else."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port
    pytest.fail("no port is free")


def test_the_program_from_start_to_end(program: Program) -> None:
    port = free_port()
    program.start("-v", "--prometheus", f"127.0.0.1:{port}")
    status = ask_status(program.control)
    assert (status.config, status.update.domains) == (str(program.file), 1)
    assert [m.name for m in status.metrics] == ["A", "Who"]
    assert program.pid_file.read_text() == f"{status.pid}\n"
    assert ask_test("A", path=program.control).values == (("A", "1"),)
    assert ask_test("A", "vm", program.control).problem == "there is no metric A in context vm"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        assert b'vhostmd_host_A_info{value="1"} 1.0' in answer.read()
    program.file.write_bytes(program.file.read_bytes().replace(b"echo 1", b"echo 2"))
    program.signal(signal.SIGHUP)
    program.wait_for(lambda: ("A", "2") in on_disk(program.disk))
    assert program.end() == 0
    assert not program.pid_file.exists()
    assert not program.control.exists()
    assert ("A", "2") in on_disk(program.disk)
    assert "update 1 took" in program.log


def test_a_second_start_fails_and_leaves_the_first_alone(program: Program) -> None:
    program.start()
    pid = program.pid_file.read_text()
    for foreground in (["-d"], []):
        second = subprocess.run(program.argv(*foreground), capture_output=True, timeout=60)
        assert second.returncode == 1
        assert b"runs already" in second.stderr
    assert program.pid_file.read_text() == pid
    assert str(ask_status(program.control).pid) == pid.strip()


def python_of_nobody() -> str | None:
    """An interpreter that others can read too, unlike one in root's home."""
    for python in (sys.executable, "/usr/bin/python3"):
        words = [python, "-c", "import libvirt, psutil, rich, watchfiles"]
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(words, user="nobody", check=True, capture_output=True, env=SHARED)
            return python
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_in_the_background_as_another_user(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.python = python_of_nobody() or pytest.skip("nobody can read no Python here")
    monkeypatch.setenv("PYTHONPATH", SHARED["PYTHONPATH"])
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    done = subprocess.run(program.argv("-u", "nobody"), capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    pid = int(program.pid_file.read_text())
    try:
        program.wait_for(lambda: ("Who", "nobody") in on_disk(program.disk))
        uids = Path(f"/proc/{pid}/status").read_text().partition("Uid:")[2].split()[:4]
        assert uids == [str(pwd.getpwnam("nobody").pw_uid)] * 4
        assert ask_status(program.control).pid == pid
    finally:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()
    assert ("Who", "nobody") in on_disk(program.disk)
    program.wait_for(lambda: not program.pid_file.exists() and not program.control.exists())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-u", "root"], "has the rights of root"),
        (["-u", "no-such-user"], "there is no such user"),
        (["-f", "/no/such/file"], "/no/such/file: there is no such file"),
        (["--prometheus", "0.0.0.0:1"], "is neither unix:PATH nor a port on loopback"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    program: Program, arguments: list[str], said: str
) -> None:
    for foreground in (["-d"], []):
        done = subprocess.run(
            program.argv(*foreground, *arguments), capture_output=True, timeout=60, text=True
        )
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_configuration_can_be_checked(program: Program, tmp_path: Path) -> None:
    done = subprocess.run(program.argv("--check"), capture_output=True, timeout=60, text=True)
    assert (done.returncode, done.stdout) == (0, f"{program.file}: 2 metrics, each 60 s\n")
    program.file.write_bytes(conf(metric("Short", "hostname -s")))
    done = subprocess.run(program.argv("--check"), capture_output=True, timeout=60, text=True)
    assert "?> saves 1 command in every update; built in as well: Short" in done.stdout
    program.file.write_bytes(conf(transports=("xenstore",)))
    done = subprocess.run(program.argv("--check"), capture_output=True, timeout=60, text=True)
    assert (done.returncode, "xenstore needs the program" in done.stderr) == (1, True)
    program.file.write_bytes(b"<x/>")
    done = subprocess.run(program.argv("--check"), capture_output=True, timeout=60, text=True)
    assert done.returncode == 1
    assert "line 1: <x>: the document element must be <vhostmd>" in done.stderr


def test_a_configuration_that_others_can_write_is_not_run(program: Program, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    done = subprocess.run(program.argv("-d"), capture_output=True, timeout=60, text=True)
    tmp_path.chmod(0o755)
    assert done.returncode == 1
    assert "chmod o-w" in done.stderr


def test_the_socket_of_a_dead_daemon_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with pytest.raises(ControlError, match="does not run"):
        ask_status(path)
    first = bind(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ControlError, match="another daemon listens there"):
        bind(path)
    first.close()
    bind(path).close()
    path.unlink()
    path.write_text("mine")
    with pytest.raises(ControlError, match="something else"):
        bind(path)
    assert path.read_text() == "mine"
