"""Metrics: the disk, what guests read of it, who has it, and how the daemon gets it."""

from __future__ import annotations

import struct
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import scenes
from tests.feed import Answers
from tests.pilot.manual import Console, console_on
from tests.unit.vhostmd_conf import conf, group, metric
from vconsole.config import Config
from vconsole.metrics import console as desk
from vconsole.metrics.console import ReadDaemon, TryMetric, handlers
from vconsole.metrics.control import Trial
from vconsole.metrics.disk import BLOCK_BYTES, HEADER_BYTES, DiskWriter
from vconsole.metrics.document import render, render_for_domain
from vconsole.metrics.metric import Metric
from vconsole.metrics.provision import Wish, channel_clause, devices, disk_clause, own_path
from vconsole.metrics.status import DaemonStatus, MetricStatus, UpdateStatus
from vconsole.model.requests import ChangeDevice, Configurations, ReadConfigurations, Reply
from vconsole.model.snapshot import HostSnapshot

WEB_1, WEB_2, DB = "shop-web-1", "shop-web-2", "orders-db"
GUESTS = (DB, WEB_1, WEB_2)
HOST_METRICS = (
    Metric("HostName", "kvm07.example.com"),
    Metric("TotalPhyCPUs", "64", "uint32"),
    Metric("UsedMem", "61204", "uint64", unit="MiB"),
)
NOT_RUNNING = Reply("failed", "/run/vconsole/vhostmd.sock: the daemon does not run")


def own(name: str, seconds: float, number: int = 1) -> Metric:
    """The CPU time of a guest."""
    return Metric("TotalCPUTime", f"{seconds}", "real64", "vm", "s", number, scenes.uuid_of(name))


def metrics(used: int = 61204, cpu_s: float = 847.7) -> list[Metric]:
    guests = [own(name, cpu_s + number, number) for number, name in enumerate(GUESTS, 1)]
    return [*HOST_METRICS[:2], Metric("UsedMem", f"{used}", "uint64", unit="MiB"), *guests]


def xml(name: str, *clauses: str) -> str:
    return (
        f"<domain type='kvm'><name>{name}</name><uuid>{scenes.uuid_of(name)}</uuid><devices>"
        f"<controller type='virtio-serial' index='0'/>{''.join(clauses)}</devices></domain>"
    )


class Host:
    """A disk with its writer, a configuration, a daemon that may run, and what domains have."""

    def __init__(self, folder: Path) -> None:
        self.path, self.conf = folder / "vhostmd0", folder / "vhostmd.conf"
        self.conf.write_bytes(conf(disk=str(self.path)))
        self.daemon = NOT_RUNNING
        self.trial = Reply("failed", "the daemon does not run")
        self.domains = {d.uuid: d for d in scenes.kvm07().domains}
        self.devices: dict[str, list[list[str]]] = {u: [[], []] for u in self.domains}
        """UUID -> clauses of the running domain, and of its definition."""
        self.failure = ""
        self.changes: list[ChangeDevice] = []
        self.tried: list[TryMetric] = []
        self.writer = DiskWriter(self.path, 4 * BLOCK_BYTES)
        self.writer.create()
        self.write()

    def write(self, found: Iterable[Metric] | None = None) -> None:
        self.writer.update(render(metrics() if found is None else found))

    def busy(self) -> None:
        """The writer dies at its work."""
        with self.path.open("r+b") as file:
            file.seek(4)
            file.write(struct.pack(">I", 1))

    def give(self, name: str, *clauses: str) -> None:
        self.devices[scenes.uuid_of(name)] = [list(clauses), list(clauses)]

    def has(self, name: str) -> list[list[str]]:
        return self.devices[scenes.uuid_of(name)]

    def answers(self) -> Answers:
        return {
            **handlers(self._read),
            ReadDaemon: lambda _: self.daemon,
            TryMetric: self._try,
            ChangeDevice: self._change,
        }

    def _try(self, request: TryMetric) -> Reply:
        self.tried.append(request)
        return self.trial

    def _read(self, request: ReadConfigurations) -> Reply:
        return Reply(value={uuid: self._configurations(uuid) for uuid in request.uuids})

    def _configurations(self, uuid: str) -> Configurations:
        domain, (live, config) = self.domains[uuid], self.devices[uuid]
        running = xml(domain.name, *live) if domain.active else None
        return Configurations(running, xml(domain.name, *config))

    def _change(self, request: ChangeDevice) -> Reply:
        self.changes.append(request)
        if self.failure:
            return Reply("failed", self.failure)
        for half, wanted in enumerate((request.live, request.config)):
            clauses = self.devices[request.uuid][half]
            if wanted:
                (clauses.append if request.attach else clauses.remove)(request.device)
        return Reply(value=self._configurations(request.uuid))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(desk, "_LOOK_EVERY_S", 0.0)
    return Host(tmp_path)


@asynccontextmanager
async def metrics_page(
    host: Host, size: tuple[int, int] = (120, 40), snapshot: HostSnapshot | None = None
) -> AsyncIterator[Console]:
    """Open the page."""
    config = Config(metrics_disk=str(host.path), vhostmd_conf=str(host.conf))
    known = snapshot or scenes.kvm07()
    async with console_on(known, size, config=config, answers=host.answers()) as console:
        await console.press("5")
        yield console


async def look_again(console: Console) -> None:
    """As the page does it each second."""
    page: Any = console.app.page
    page._ask()
    await console.settle()


def status(host: Host, **fields: Any) -> Reply:
    known = DaemonStatus(4711, str(host.conf), time.time() - 3, period_s=5, disk=str(host.path))
    for name, value in fields.items():
        setattr(known, name, value)
    return Reply(value=known)


async def type_in(console: Console, text: str) -> None:
    await console.type(text)
    await console.press("enter")


# -- the disk --------------------------------------------------------------------------------


async def test_the_disk_is_told_by_its_header(host: Host) -> None:
    async with metrics_page(host) as console:
        length = len(render(metrics()))
        assert str(host.path) in console.title
        assert "256 KiB" in console.title
        console.sees("sound   vconsole vhostmd does not run   age 0", "of 5 s")
        console.sees("mvbd   busy 0   checksum 000", "right")
        console.sees(f"{length:,} of {4 * BLOCK_BYTES - HEADER_BYTES:,} bytes used (0%)")


async def test_metrics_are_listed_by_whose_they_are(host: Host) -> None:
    async with metrics_page(host) as console:
        heads = [
            line.split()[0] for line in console.lines if line.startswith("  ") and line[2] != " "
        ]
        assert heads == ["Metric", "Host", DB, WEB_1, WEB_2]
        assert console.row("UsedMem").split() == ["UsedMem", "61,204", "MiB", "uint64"]
        assert console.row("TotalCPUTime").split() == ["TotalCPUTime", "848.7", "s", "real64"]


async def test_what_changed_is_shown_with_its_past(host: Host) -> None:
    async with metrics_page(host) as console:
        for used, cpu_s in ((61216, 849.8), (61210, 853.9), (61222, 855.0)):
            host.write(metrics(used, cpu_s))
            await look_again(console)
        assert console.row("UsedMem").split()[4:] == ["+12", "▁▅▃█"]
        assert console.row("TotalCPUTime").split()[4:] == ["+1.1", "▄█▂"]


async def test_a_text_that_changed_says_so(host: Host) -> None:
    async with metrics_page(host) as console:
        host.write([Metric("HostName", "kvm08"), *metrics()[1:]])
        await look_again(console)
        assert console.row("HostName").split() == ["HostName", "kvm08", "string", "changed"]
        assert console.row("TotalPhyCPUs").split() == ["TotalPhyCPUs", "64", "uint32"]


async def test_a_value_that_is_not_of_its_type_is_marked(host: Host) -> None:
    host.write([Metric("PageInRate", "32.0", "uint64"), Metric("A", "1"), Metric("A", "2")])
    async with metrics_page(host) as console:
        await console.press("j")
        assert console.status == "! PageInRate: '32.0' is no uint64"
        await console.press("j")
        assert console.status == "! A is there twice: guests' tools find neither"


async def test_hostile_values_are_escaped(host: Host) -> None:
    host.write([Metric("Name\x9b31m", "\u202eevil", "string\u200b", unit="\x85")])
    async with metrics_page(host) as console:
        console.sees("Name\\x9b31m", "\\u202eevil")
        await console.press("j")
        assert all(line.isprintable() for line in console.lines)
        await console.press("r")
        assert all(line.isprintable() for line in console.lines)


async def test_a_dead_writer_is_named_and_the_content_stays(host: Host) -> None:
    async with metrics_page(host) as console:
        host.busy()
        await look_again(console)
        console.sees("being written", "busy 1", "61,204")
        page: Any = console.app.page
        follower = _follower(console)
        follower._busy_since -= 12
        await look_again(console)
        console.sees("busy for 12 s: the writer died; showing ", "61,204")
        assert page.picture.is_over
        host.write()
        await look_again(console)
        console.sees("sound")
        assert not page.picture.is_over


def _follower(console: Console) -> Any:
    """What follows the disk in the handler."""
    app: Any = console.app
    return app.desk.answers[desk.ReadDisk].__self__._follower


async def test_a_writer_that_stopped_is_named(host: Host) -> None:
    import os

    async with metrics_page(host) as console:
        os.utime(host.path, (time.time() - 90,) * 2)
        await look_again(console)
        console.sees("not written for 1 min: its writer has stopped", "age 1 min of 5 s")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file: is its writer running?"),
        (b"", "an empty file: its writer has just begun, or never did"),
        (b"mvb", "ends after 3 bytes, within its header"),
        (b"\0" * 65536, "no metrics disk: it does not begin with mvbd"),
        (struct.pack(">4sIII", b"mvbd", 0, 0, 1 << 20) + bytes(65520), "of metrics, it has room"),
    ],
)
async def test_no_metrics_are_explained_with_a_cure(
    host: Host, content: bytes | None, words: str
) -> None:
    host.path.unlink()
    if content is not None:
        host.path.write_bytes(content)
    async with metrics_page(host, (80, 24)) as console:
        console.sees(words, "vconsole vhostmd", 'metrics_disk = "/path"')
        await console.press("j", "v", "t")
        assert console.is_open
        host.path.unlink(missing_ok=True)
        host.writer = DiskWriter(host.path)
        host.writer.create()
        host.write()
        await look_again(console)
        console.sees("sound", "61,204")
        console.sees_no("There are no metrics")


async def test_a_disk_that_does_not_answer_holds_nothing_up(host: Host) -> None:
    answers = dict(host.answers())
    answers[desk.ReadDisk] = lambda _: Reply("unknown", "no answer within 3 s")
    config = Config(metrics_disk=str(host.path))
    async with console_on(scenes.kvm07(), config=config, answers=answers) as console:
        await console.press("5", "j", "v", "r", "x")
        console.sees("no answer within 3 s")
        await console.press("1")
        assert console.page == "domains"


async def test_what_the_daemon_says_is_shown(host: Host) -> None:
    bad = MetricStatus("UsedMem", "host", "uint64", failing=1, problem="ended with status 3")
    host.daemon = status(host, metrics=(bad,))
    async with metrics_page(host) as console:
        console.sees("vhostmd runs, 1 metric failing")
        await console.press("j", "j", "j")
        assert console.status == "! ended with status 3"
        host.daemon = status(host, update=UpdateStatus(errors=("no space left",)))
        await look_again(console)
        console.sees("no space left")
        host.daemon = status(host, disk="/dev/shm/other")
        await look_again(console)
        console.sees("vhostmd writes /dev/shm/other")


async def test_a_remote_host_is_not_mistaken_for_this_one(host: Host) -> None:
    from dataclasses import replace

    known = scenes.kvm07()
    remote = replace(known, connection=replace(known.connection, local=False))
    async with metrics_page(host, (160, 40), remote) as console:
        assert "of this machine, not of kvm07" in console.title


# -- as guests see it ------------------------------------------------------------------------


async def test_a_disk_reader_reads_everybody_and_they_are_named(host: Host) -> None:
    host.give(WEB_1, disk_clause(str(host.path), "vdz"))
    async with metrics_page(host) as console:
        await console.press("v")
        console.sees("as:  all  [disk reader]")
        console.sees(
            "! every guest with this disk reads the metrics of all 3 guests: "
            "orders-db, shop-web-1, shop-web-2",
            "it is attached to shop-web-1",
        )
        assert sum(name in line for name in GUESTS for line in console.lines) >= len(GUESTS)


async def test_a_disk_without_guests_leaks_nothing(host: Host) -> None:
    host.write(HOST_METRICS)
    async with metrics_page(host) as console:
        await console.press("v")
        console.sees("no guest's metrics are on this disk")
        await console.press("v")
        assert "no guest has metrics on this disk" in console.status


async def test_over_the_channel_a_guest_reads_the_host_and_itself(host: Host) -> None:
    async with metrics_page(host) as console:
        await console.press(*["j"] * 6)
        assert console.here == WEB_1
        await console.press("v", "v")
        console.sees(f"[{WEB_1} (channel)]", "61,204", "849.7", f"{WEB_1} has neither disk nor")
        assert not console.has_row(f"{DB} ")
        assert not console.has_row(f"{WEB_2} ")
        await console.press("r")
        assert "the channel of shop-web-1" in console.title
        text = render_for_domain(metrics(), scenes.uuid_of(WEB_1))
        assert f"{len(text) + 1:,} bytes" in console.title
        console.sees_no(scenes.uuid_of(DB))
        await console.press("escape", "escape")
        console.sees("as: [all]")


async def test_a_guest_with_the_disk_reads_more_than_its_channel(host: Host) -> None:
    host.give(WEB_1, channel_clause(), disk_clause(str(host.path), "vdz"))
    async with metrics_page(host) as console:
        await console.press(*["j"] * 6, "v", "v")
        console.sees(f"{WEB_1} has the common disk as well: it reads what a disk reader does")


async def test_a_guest_with_a_disk_of_its_own(host: Host) -> None:
    path = own_path(str(host.path), scenes.uuid_of(WEB_1))
    host.give(WEB_1, disk_clause(path, "vdz"))
    async with metrics_page(host) as console:
        await console.press(*["j"] * 6, "v", "v")
        console.sees(f"{WEB_1} reads the same on a disk of its own")


async def test_a_writable_disk_is_an_alarm(host: Host) -> None:
    clause = disk_clause(str(host.path), "vdb").replace("<readonly/>", "")
    host.give(WEB_1, clause)
    async with metrics_page(host) as console:
        console.sees("1 guest WRONG: see !", "WRITABLE")
        await console.press(*["j"] * 6)
        assert "vdb is writable: the guest can forge what all others read" in console.status


# -- bytes, filter ---------------------------------------------------------------------------


async def test_the_document_and_its_bytes(host: Host) -> None:
    async with metrics_page(host, (80, 24)) as console:
        await console.press("r")
        console.sees("<metrics>", "<metric type='string' context='host'>")
        await console.press("x")
        console.sees("00000000  6d 76 62 64 00 00 00 00", "mvbd", "<metrics>.  <met")
        await console.press("G")
        console.sees("ics>")
        await console.press("escape")
        assert console.page == "metrics"


async def test_the_bytes_follow_the_disk(host: Host) -> None:
    async with metrics_page(host, (80, 24)) as console:
        await console.press("r")
        host.write([Metric("HostName", "another")])
        await look_again(console)
        console.sees("<value>another</value>")


async def test_the_filter_is_by_metric_and_by_domain(host: Host) -> None:
    async with metrics_page(host) as console:
        await console.press("/", *"cpu web-2")
        assert console.has_row("TotalCPUTime")
        assert console.has_row(WEB_2)
        assert not console.has_row(WEB_1)
        assert not console.has_row("UsedMem")
        await console.press("enter", "escape")
        assert console.has_row("UsedMem")
        await console.press("/", *"nothing has this")
        assert "no metric matches" in console.status


async def test_a_metric_leads_to_its_domain(host: Host) -> None:
    async with metrics_page(host) as console:
        await console.press("enter")
        assert console.status == "! no domain here"
        await console.press("G", "enter")
        assert (console.page, console.here) == ("domain", WEB_2)


# -- testing ---------------------------------------------------------------------------------


async def test_a_metric_is_tested_by_the_daemon(host: Host) -> None:
    host.trial = Reply(value=Trial((("UsedMem", "61300"),)))
    async with metrics_page(host) as console:
        await console.press("j", "j", "j", "t")
        assert host.tried == [TryMetric("UsedMem", "host")]
        assert console.status == "UsedMem: 61300"
        host.trial = Reply(value=Trial(problem="ended with status 3"))
        await console.press("t")
        assert console.status == "x UsedMem: ended with status 3"
        await console.press("g", "t")
        assert console.status == "! no metric here: move to one"


async def test_a_member_of_a_group_is_tested_with_its_group(host: Host) -> None:
    rates = group("PageRates", "echo 1,2", ("PageInRate", "uint64"), ("PageOutRate", "uint64"))
    host.conf.write_bytes(conf(rates, disk=str(host.path)))
    host.write([Metric("PageInRate", "1", "uint64")])
    async with metrics_page(host) as console:
        await console.press("j", "t")
        assert host.tried == [TryMetric("PageRates", "host")]


# -- attaching -------------------------------------------------------------------------------


async def test_a_disk_is_attached_live_and_in_the_definition(host: Host) -> None:
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "+")
        console.sees(f"{WEB_1}  live and config", "+   <readonly/>", "+   <target dev='vdz'")
        assert host.changes == []
        await console.press("enter")
        console.sees(f"{WEB_1}  live and config  applied")
        assert console.status == "done and read back"
        for half in host.has(WEB_1):
            assert [d.target for d in devices(xml(WEB_1, *half), str(host.path)) or ()] == ["vdz"]
        await console.press("escape")
        assert console.row(WEB_1).split()[3:] == ["vdz", "vdz", "-", "-"]


async def test_it_is_taken_away_again(host: Host) -> None:
    host.give(WEB_1, disk_clause(str(host.path), "vdz"))
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "-", "enter")
        assert host.has(WEB_1) == [[], []]
        await console.press("escape", "-")
        console.sees(f"{WEB_1}: it has no metrics disk")
        assert console.status == "! nothing to do; esc goes back"


async def test_several_at_once_and_the_channel(host: Host) -> None:
    host.give(WEB_2, channel_clause())
    async with metrics_page(host) as console:
        await console.press("A", "tab", "/", *"shop-web", "enter", " ", " ", " ")
        assert "3 chosen" in console.title
        await console.press("+")
        console.sees("Attach the metrics channel", f"{WEB_2}: it has the channel already")
        await console.press("enter")
        assert [change.name for change in host.changes] == [WEB_1, "shop-web-3"]


async def test_one_half_alone(host: Host) -> None:
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "+", "tab")
        assert "live only" in console.title
        await console.press("tab")
        console.sees("config only", "config: from its next start on")
        await console.press("enter")
        assert [(c.live, c.config) for c in host.changes] == [(False, True)]
        assert [len(half) for half in host.has(WEB_1)] == [0, 1]


async def test_two_changes_of_a_domain_are_made_one_after_the_other(host: Host) -> None:
    host.give(WEB_1, channel_clause())
    async with metrics_page(host) as console:
        await console.press("A", "tab", "/", *"shop-web-1", "enter", "-")
        console.sees(f"{WEB_1}  live", f"{WEB_1}  config: from its next start on")
        await console.press("enter")
        assert [(c.live, c.config) for c in host.changes] == [(True, False), (False, True)]


async def test_a_failure_is_told_and_nothing_is_tried_twice(host: Host) -> None:
    host.failure = "internal error: No more available PCI slots"
    async with metrics_page(host) as console:
        await console.press("A", "+", "enter")
        console.sees("failed", host.failure)
        assert console.status == f"x {host.failure}"
        await console.press("enter")
        assert len(host.changes) == 1


async def test_the_disk_of_each_domain_is_attached_where_the_daemon_writes_them(host: Host) -> None:
    host.conf.write_bytes(conf(disk=str(host.path), settings='<?vconsole domain-disks="yes"?>\n'))
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "+", "enter")
        wanted = own_path(str(host.path), scenes.uuid_of(WEB_1))
        assert all(f"file='{wanted}'" in half[0] for half in host.has(WEB_1))


async def test_read_only_attaches_nothing(host: Host) -> None:
    async with metrics_page(host, snapshot=scenes.read_only(scenes.kvm07())) as console:
        await console.press("A", "+", "enter")
        assert console.status == "! read-only: --read-only was given"
        assert host.changes == []


async def test_the_lines_for_virsh(host: Host) -> None:
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "+", "y")
        assert console.status.startswith(
            "copied: virsh attach-device --domain shop-web-1 --file /dev/stdin --live --config"
        )


# -- the configuration -----------------------------------------------------------------------


ONE = metric("One", "echo 1", "uint32")
TWO = metric("Two", "cut -d. -f1\n  /proc/uptime", context="vm")


def configured(host: Host, *found: str) -> None:
    host.conf.write_bytes(conf(*found, disk=str(host.path)))


@pytest.fixture
def two(host: Host) -> Host:
    configured(host, ONE, TWO)
    told = (
        MetricStatus("One", "host", "uint32", None, "1", time.time() - 4, 0.0123, runs=7),
        MetricStatus("Two", "vm", "string", failures=3, failing=1, problem="ended with status 1"),
    )
    host.daemon = status(host, metrics=told)
    return host


@asynccontextmanager
async def config_page(host: Host, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Console]:
    """Open the page."""
    async with metrics_page(host, size) as console:
        await console.press("c")
        yield console


async def test_each_metric_is_listed_with_what_the_daemon_makes_of_it(two: Host) -> None:
    async with config_page(two) as console:
        assert "in force 3 s" in console.title
        row = ["on", "One", "host", "uint32", "echo", "1", "1", "4", "s", "12", "ms", "0"]
        assert console.row("on  One").split() == row
        await console.press("j")
        console.sees("Two: string of each domain, line ", "cut -d. -f1", "/proc/uptime")
        assert console.status == "! Two: ended with status 1"


async def test_a_metric_is_switched_off_and_on(two: Host) -> None:
    before = two.conf.read_bytes()
    async with config_page(two) as console:
        await console.press(" ")
        console.sees("* off One")
        assert two.conf.read_bytes() == before, "not before it is saved"
        await console.press("ctrl+s")
        console.sees('+    <?vconsole-disabled <metric type="uint32" context="host">')
        await console.press("enter")
        assert console.status.startswith("saved")
        assert b"vconsole-disabled" in two.conf.read_bytes()
        await console.press(" ", "ctrl+s", "enter")
        assert two.conf.read_bytes() == before


async def test_a_metric_is_deleted_and_had_back(two: Host) -> None:
    before = two.conf.read_bytes()
    async with config_page(two) as console:
        await console.press("d", "ctrl+s", "enter")
        assert b"<name>One</name>" not in two.conf.read_bytes()
        await console.press("z", "ctrl+s", "enter")
        assert two.conf.read_bytes() == before
        await console.press("d", "d", "Z")
        console.sees("on  One", "on  Two")
        console.sees_no("edited, not saved")


async def test_a_built_in_metric_is_added_with_its_type(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("o")
        await type_in(console, "host TotalPhyMem")
        console.sees("* on  TotalPhyMem")
        assert "uint64 in MiB" in console.text
        await console.press("ctrl+s", "enter")
        assert b"<action>builtin:TotalPhyMem</action>" in two.conf.read_bytes()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("TotalPhyMem", "write host NAME or vm NAME, and perhaps a command"),
        ("host Mine", "needs a command: built in are HostName, "),
        ("host", "write host NAME"),
    ],
)
async def test_what_cannot_be_added_says_why(two: Host, typed: str, words: str) -> None:
    async with config_page(two) as console:
        await console.press("o")
        await type_in(console, typed)
        assert words in console.status
        await console.press("escape")
        console.sees_no("edited, not saved")


async def test_a_command_is_added_and_tested_before_it_is_saved(two: Host) -> None:
    two.trial = Reply(value=Trial((("Mine", "5"),)))
    async with config_page(two) as console:
        await console.press("o")
        await type_in(console, "host Mine echo 5 <&1")
        await console.press("t")
        (asked,) = two.tried
        assert (asked.name, asked.context) == ("Mine", "host")
        assert asked.config is not None
        assert b"<action>echo 5 &lt;&amp;1</action>" in asked.config
        assert console.status == "Mine: 5"
        console.sees("tested: Mine: 5")


async def test_a_saved_metric_is_tested_by_the_daemon_that_has_it(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("t")
        assert two.tried == [TryMetric("One", "host")]
        assert console.status == "x One was not tested: the daemon does not run"
        two.daemon = NOT_RUNNING
        await look_again(console)
        await console.press("t")
        assert two.tried[-1].config == two.conf.read_bytes()


async def test_a_metric_is_edited_in_the_text(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("j", "e")
        assert console.status.startswith("line 19 ")
        await console.press("down", "end", *["left"] * len("</name>"))
        await console.type("!")
        await console.press("ctrl+s")
        console.sees("-      <name>Two</name>", "+      <name>Two!</name>")
        await console.press("enter")
        assert b"<name>Two!</name>" in two.conf.read_bytes()


async def test_text_that_is_wrong_cannot_be_saved(two: Host) -> None:
    before = two.conf.read_bytes()
    async with config_page(two) as console:
        await console.press("x")
        await console.type("<")
        assert console.status.startswith("x <vhostmd>: XML line 1")
        await console.press("ctrl+s")
        assert "cannot be saved" in console.status
        await console.press("enter")
        assert two.conf.read_bytes() == before
        await console.press("escape")
        console.sees_no("on  One")
        assert "x edits the text" in console.status
        await console.press("z")
        console.sees("on  One")


async def test_what_the_dtd_forbids_is_told_before_it_is_saved(two: Host) -> None:
    configured(two, ONE)
    async with config_page(two) as console:
        await console.press("x")
        console.sees_no("would refuse")
        await console.press("down", "down", "down", "end")
        await console.type("<transport>vbd</transport>")
        console.sees("vhostmd 1.2 would refuse this: line 4")
        await console.press("ctrl+s")
        console.sees("vhostmd after 1.2 would refuse this")


async def test_text_that_the_editor_would_change_is_left_to_another(two: Host) -> None:
    two.conf.write_bytes(two.conf.read_bytes().replace(b"echo 1", b"echo \xff"))
    async with config_page(two) as console:
        await console.press("x")
        assert "E opens $EDITOR" in console.status


async def test_a_file_that_is_not_there_starts_from_what_is_built_in(host: Host) -> None:
    host.conf.unlink()
    async with config_page(host) as console:
        assert "is not there: built-in metrics" in console.title
        console.sees("builtin:HostName")
        await console.press("d", "ctrl+s", "enter")
        assert b"builtin:HostName" not in host.conf.read_bytes()


async def test_an_invalid_file_is_explained_and_can_be_mended(host: Host) -> None:
    configured(host, metric("One", "echo 1", "uint33"))
    async with config_page(host) as console:
        assert "type 'uint33' is none of int32" in console.status
        await console.press(" ", "t", "d")
        assert console.is_open
        await console.press("x")
        console.sees("uint33")


async def test_somebody_else_is_not_overwritten(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("d")
        configured(two, TWO, ONE)
        theirs = two.conf.read_bytes()
        await console.press("ctrl+s", "enter")
        assert two.conf.read_bytes() == theirs
        await console.until("somebody else has changed the file")
        await console.press("enter")
        assert "m or t decides" in console.status
        await console.press("m")
        assert b"<name>One</name>" not in two.conf.read_bytes()


async def test_theirs_can_be_taken_and_mine_had_back(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("d")
        configured(two, metric("Theirs", "echo 3"))
        await console.press("ctrl+s", "enter")
        await console.until("somebody else")
        await console.press("t", "escape")
        console.sees("on  Theirs")
        await console.press("z")
        console.sees("on  Two")
        console.sees_no("Theirs")


async def test_a_configuration_that_is_not_in_force_says_why(two: Host) -> None:
    two.daemon = status(two, config_error="line 3: <size>: no")
    async with config_page(two, (160, 40)) as console:
        assert "an earlier one in force" in console.title
        assert console.status == "x not in force: line 3: <size>: no"


async def test_a_daemon_with_another_file_is_not_taken_for_ours(two: Host) -> None:
    two.daemon = status(two, config="/etc/other.conf")
    async with config_page(two) as console:
        assert "running, with /etc/other.conf" in console.title


async def test_wishes_are_worded() -> None:
    assert Wish("channel", False, "/disk").words == "detach the metrics channel"
