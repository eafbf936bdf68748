"""Metrics: the disk, what is on it, and what guests read of it."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

import pytest

from tests import scenes
from tests.pilot.manual import Console, console_on
from tests.pilot.metrics_host import (
    DB,
    GUESTS,
    HOST_METRICS,
    WEB_1,
    WEB_2,
    Host,
    look_again,
    metrics,
    metrics_page,
    new_host,
    status,
)
from tests.unit.vhostmd_conf import conf, group
from vconsole.features.metrics import requests as dispatcher
from vconsole.features.metrics.model.disk import BLOCK_BYTES, HEADER_BYTES, DiskWriter
from vconsole.features.metrics.model.document import render, render_for_domain
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.provision import channel_clause, disk_clause, own_path
from vconsole.features.metrics.model.status import MetricStatus, Trial, UpdateStatus
from vconsole.features.metrics.requests import TryMetric
from vconsole.files.config import Config
from vconsole.model.request import Reply


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return new_host(tmp_path, monkeypatch)


# -- the disk ---------------------------------------------------------------------------------


async def test_the_disk_is_told_by_its_header(host: Host) -> None:
    async with metrics_page(host) as console:
        length = len(render(metrics()))
        assert str(host.path) in console.title
        assert "256 KiB" in console.title
        console.sees("sound   vconsole vhostmd does not run   age ", " of 5 s")
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
        console.sees(" s: the writer died; showing ", "61,204")
        assert page.picture.is_over
        host.write()
        await look_again(console)
        console.sees("sound")
        assert not page.picture.is_over


def _follower(console: Console) -> Any:
    """What follows the disk in the handler."""
    app: Any = console.app
    return app.dispatcher.answers[dispatcher.ReadDisk].__self__._follower


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


async def test_an_empty_document_is_explained(host: Host) -> None:
    host.write([])
    async with metrics_page(host) as console:
        console.sees("sound", "its document is empty: no <transport> is vbd")


async def test_a_disk_that_does_not_answer_holds_nothing_up(host: Host) -> None:
    answers = dict(host.answers())
    answers[dispatcher.ReadDisk] = lambda _: Reply("unknown", "no answer within 3 s")
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
        console.sees("vhostmd: 1 metric failing")
        await console.press("j", "j", "j")
        assert console.status == "! ended with status 3"
        old = MetricStatus("UsedMem", "host", "uint64", kept=1, oldest_s=12.0, keep_s=300.0)
        no_metric = MetricStatus("Odd", "host", "string", failing=1)
        host.daemon = status(host, metrics=(old, no_metric))
        await look_again(console)
        console.sees("vhostmd: 1 metric failing, 1 value up to 12 s old")
        assert (
            console.status
            == "! its value is 12 s old: no later one came; published until it is 5 min old"
        )
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


# -- as guests see it -------------------------------------------------------------------------


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
        console.sees("1 alarm: see !", "WRITABLE")
        await console.press(*["j"] * 6)
        assert "vdb is writable: the guest can forge what all others read" in console.status


# -- bytes, filter ----------------------------------------------------------------------------


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


# -- testing ----------------------------------------------------------------------------------


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
