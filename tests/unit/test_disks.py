"""Disks of domains: what is read of them, planned and refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vconsole.features.storage.model.disk_change import (
    LIMITS,
    ChainJob,
    ChangeMedium,
    EndJob,
    JobKind,
    LimitDisk,
    ResizeDisk,
)
from vconsole.features.storage.model.disk_plan import (
    DiskWish,
    attacher,
    chain_job,
    detacher,
    end_job,
    plan_limit,
    plan_medium,
    plan_resize_disk,
)
from vconsole.features.storage.model.disks import DiskReport, Numbers, read_disks
from vconsole.features.storage.words import DISK_COLUMNS, DiskRow, disk_notes
from vconsole.model.column import row_cells
from vconsole.model.proposal import Subject
from vconsole.model.xml_tree import read

GIB = 1 << 30
WEB = ("u", "web")
VDA = """<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' io='native'/>
<source file='/i/top.qcow2'/><backingStore type='file'><source file='/i/base.qcow2'/>
<backingStore/></backingStore><iotune><total_iops_sec>500</total_iops_sec></iotune>
<target dev='vda' bus='virtio'/></disk>"""
SDA = """<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>
<source file='/iso/a.iso'/><backingStore/><target dev='sda' bus='sata'/><readonly/></disk>"""
LIVE = f"<domain><name>web</name><devices>{VDA}{SDA}</devices></domain>"
CONFIG = LIVE.replace("/i/top.qcow2", "/i/new.qcow2")
NUMBERS = {"vda": Numbers(0.0, GIB, GIB // 2)}
REPORT = DiskReport(read_disks(LIVE, LIVE), NUMBERS, True)


def test_a_disk_is_read_with_its_chain_and_limits() -> None:
    vda, sda = read_disks(LIVE, CONFIG)
    assert vda.now.source == "/i/top.qcow2"
    assert vda.now.chain == ("/i/base.qcow2",)
    assert (vda.now.cache, vda.now.io, vda.now.limits) == (
        "none",
        "native",
        {"total_iops_sec": 500},
    )
    assert (sda.device, sda.now.read_only, sda.now.chain) == ("cdrom", True, ())
    assert (vda.where, sda.where) == ("config differs", "")
    assert read_disks(None, LIVE)[0].where == "config only"
    assert ([*disk_notes(DiskRow(vda))][-1][0].strip(), [*disk_notes(DiskRow(vda))][-1][1]) == (
        "from its next start on: /i/new.qcow2",
        "warn",
    )


def test_rates_and_latency_are_between_two_readings() -> None:
    before = Numbers(10.0, GIB, 0, 0, 0, 0, 0)
    now = Numbers(12.0, GIB, 0, 2 << 20, 4 << 20, 100, 500_000_000)
    cells = [text for text, _ in row_cells(DISK_COLUMNS, DiskRow(REPORT.disks[0], now, before))]
    assert "1 MiB / 2 MiB" in cells
    assert "5.0 ms" in cells
    assert DiskRow(REPORT.disks[0], now).rates == "- / -", "unknown is -"
    off = replace(REPORT.disks[1], live=None)
    assert row_cells(DISK_COLUMNS, DiskRow(off))[4][0] == "-", "a definition has no chain"


def test_growing_and_shrinking_a_disk_in_use() -> None:
    (change,) = plan_resize_disk(*WEB, REPORT, "vda", "+1GiB").changes
    assert isinstance(change, ResizeDisk)
    assert (change.after_bytes, change.grade) == (2 * GIB, "harmless")
    with pytest.raises(ValueError, match="say shrink"):
        plan_resize_disk(*WEB, REPORT, "vda", "1MiB")
    (change,) = plan_resize_disk(*WEB, REPORT, "vda", "1MiB", shrink=True).changes
    assert change.grade == "destructive"
    with pytest.raises(ValueError, match="no disk vdx: there is vda, sda"):
        plan_resize_disk(*WEB, REPORT, "vdx", "1GiB")
    with pytest.raises(ValueError, match="does not run"):
        plan_resize_disk(*WEB, DiskReport(read_disks(None, LIVE)), "vda", "2GiB")


def test_a_medium_is_never_probed_for_its_format() -> None:
    (change,) = plan_medium(*WEB, REPORT, "sda", "/iso/b.iso").changes
    assert isinstance(change, ChangeMedium)
    for xml in (change.live_xml, change.config_xml):
        root = read(xml)
        driver, source = root.find("driver"), root.find("source")
        assert driver is not None
        assert source is not None
        assert (driver.get("type"), source.get("file")) == ("raw", "/iso/b.iso")
        assert root.find("readonly") is not None
        assert root.find("backingStore") is None
    (change,) = plan_medium(*WEB, REPORT, "sda", "").changes
    assert isinstance(change, ChangeMedium)
    assert "<source" not in change.live_xml
    assert "--eject" in change.virsh()[0]


@pytest.mark.parametrize(
    ("target", "path", "reason"),
    [
        ("vda", "/iso/b.iso", "no cdrom"),
        ("sda", "b.iso", "begins with /"),
        ("sda", "/iso/a.iso", "is in sda already"),
    ],
)
def test_a_medium_that_cannot_be_put_in_says_why(target: str, path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plan_medium(*WEB, REPORT, target, path)


@pytest.mark.parametrize("limit", LIMITS)
def test_each_limit_can_be_set(limit: str) -> None:
    report = DiskReport(read_disks(LIVE.replace("500", "0"), None), NUMBERS, True)
    (change,) = plan_limit(*WEB, report, "vda", limit, "1000").changes
    assert isinstance(change, LimitDisk)
    assert (change.before, change.after, change.live, change.config) == (0, 1000, True, False)
    assert f"--{limit.replace('_', '-')} 1000 --live" in change.virsh()[0]


def test_limits_that_stand_against_each_other() -> None:
    with pytest.raises(ValueError, match="total_iops_sec is set"):
        plan_limit(*WEB, REPORT, "vda", "read_iops_sec", "5")
    (change,) = plan_limit(*WEB, REPORT, "vda", "total_iops_sec", "0").changes
    assert change.lines() == ("- total_iops_sec 500", "+ total_iops_sec no limit")
    (change,) = plan_limit(*WEB, REPORT, "vda", "write_bytes_sec", "50MiB").changes
    assert isinstance(change, LimitDisk)
    assert change.after == 50 << 20
    for limit, text in (("speed", "5"), ("read_iops_sec", "5MiB"), ("total_iops_sec", "500")):
        with pytest.raises(ValueError, match=r"one of|no whole number|already"):
            plan_limit(*WEB, REPORT, "vda", limit, text)


def test_jobs_on_a_chain() -> None:
    (change,) = chain_job(*WEB, REPORT, "vda", "flatten").changes
    assert change.lines() == ("- /i/top.qcow2", "- /i/base.qcow2", "+ /i/top.qcow2")
    proposal = chain_job(*WEB, REPORT, "vda", "commit")
    assert proposal.changes[0].lines()[-1] == "+ /i/base.qcow2"
    assert any("images based on it besides these break" in note for note in proposal.notes)
    (change,) = chain_job(*WEB, REPORT, "vda", "copy", "/n/top.qcow2").changes
    assert isinstance(change, ChainJob)
    assert (change.format, change.lines()[-1]) == ("qcow2", "+ /n/top.qcow2")


def test_jobs_that_cannot_run_say_why() -> None:
    flat = DiskReport(read_disks(LIVE.replace("/i/base.qcow2", ""), None), NUMBERS, True)
    with pytest.raises(ValueError, match="based on nothing"):
        chain_job(*WEB, flat, "vda", "flatten")
    with pytest.raises(ValueError, match="begins with /"):
        chain_job(*WEB, REPORT, "vda", "copy", "x")
    busy = DiskReport(REPORT.disks, {"vda": Numbers(0.0, job="pull")}, True)
    with pytest.raises(ValueError, match="a job runs on vda already"):
        chain_job(*WEB, busy, "vda", "flatten")
    with pytest.raises(ValueError, match="does not run"):
        chain_job(*WEB, DiskReport(read_disks(None, LIVE)), "vda", "commit")


def test_an_image_is_attached_by_the_format_that_was_said() -> None:
    subject = Subject(*WEB, LIVE, CONFIG)
    (change,) = attacher(DiskWish("/i/data.raw", "raw"))(subject, "both").changes
    (line,) = [line for line in change.lines() if "<target" in line]
    assert "vdb" in line, "the next that is free"
    with pytest.raises(ValueError, match="never guessed"):
        attacher(DiskWish("/i/data.raw", ""))(subject, "both")
    (change,) = attacher(DiskWish("/dev/vg/x", "raw", "vdz"))(subject, "config").changes
    assert any("dev='/dev/vg/x'" in line for line in change.lines())


def test_a_disk_is_detached_where_it_is() -> None:
    subject = Subject(*WEB, LIVE, LIVE.replace(SDA, ""))
    (change,) = detacher("sda")(subject, "both").changes
    assert change.when == "live, until it is shut off", "its definition has none"
    with pytest.raises(ValueError, match="no disk vdx"):
        detacher("vdx")(subject, "both")
    with pytest.raises(ValueError, match="not there to detach"):
        detacher("sda")(subject, "config")


def test_a_longer_chain_is_committed_in_three_ways() -> None:
    long = VDA.replace(
        "<backingStore/>", "<backingStore><source file='/i/root.qcow2'/></backingStore>"
    )
    report = DiskReport(
        read_disks(f"<domain><devices>{long}</devices></domain>", None), NUMBERS, True
    )
    after: dict[JobKind, tuple[str, ...]] = {
        "commit": ("/i/base.qcow2", "/i/root.qcow2"),
        "commit all": ("/i/root.qcow2",),
        "commit bases": ("/i/top.qcow2", "/i/root.qcow2"),
    }
    for kind, chain in after.items():
        proposal = chain_job(*WEB, report, "vda", kind)
        (job,) = proposal.changes
        assert isinstance(job, ChainJob)
        assert job.lines()[3:] == tuple(f"+ {path}" for path in chain)
        assert ("--pivot" in job.virsh()[0], job.grade) == (kind != "commit bases", "interrupting")
        assert proposal.notes[1].startswith(chain[-1] if kind != "commit" else chain[0])
    half = report.disks[0].now
    assert not half.has_become("commit bases", "/i/top.qcow2"), "its chain is not shorter yet"
    with pytest.raises(ValueError, match="nothing between"):
        chain_job(*WEB, REPORT, "vda", "commit bases")


def test_a_volume_is_named_by_its_pool_wherever_a_path_is() -> None:
    (job,) = chain_job(*WEB, REPORT, "vda", "copy", "fast/web disk").changes
    make, copy = job.virsh()
    assert make == f"virsh vol-create-as fast 'web disk' {GIB}B --format qcow2"
    assert copy.endswith("""--reuse-external --dest "$(virsh vol-path 'web disk' --pool fast)\"""")
    (medium,) = plan_medium(*WEB, REPORT, "sda", "isos/b.iso").changes
    assert isinstance(medium, ChangeMedium)
    assert "<disk type='volume'" in medium.live_xml
    assert "<source pool='isos' volume='b.iso'/>" in medium.live_xml
    assert medium.virsh()[0].endswith('--source "$(virsh vol-path b.iso --pool isos)"')
    for text in ("x", "a/b/c", "fast/", "json:{}/a/b"):
        with pytest.raises(ValueError, match="say a path, which begins with /, or POOL/NAME"):
            chain_job(*WEB, REPORT, "vda", "copy", text)


def test_a_narrow_list_says_below_what_it_has_no_column_for() -> None:
    (disk, *_) = read_disks(LIVE, CONFIG)
    row = DiskRow(disk, Numbers(0.0, 1 << 30, 1 << 20, job="copy", done=1, of=4))
    words = [text for text, _ in disk_notes(row, narrow=True)]
    assert any("1 MiB allocated" in text for text in words)
    assert any("copy runs; if nobody follows it" in text for text in words)
    assert not any("allocated" in text for text, _ in disk_notes(row))


@pytest.mark.parametrize("ready", [False, True])
def test_a_job_that_nobody_follows(ready: bool) -> None:
    state = "ready='yes'" if ready else ""
    mirror = f"<mirror type='file' job='copy' {state}><source file='/n/a'/></mirror>"
    xml = LIVE.replace("<target dev='vda'", f"{mirror}<target dev='vda'")
    report = DiskReport(read_disks(xml, None), {}, True)
    (change,) = end_job(*WEB, report, "vda", False).changes
    assert isinstance(change, EndJob)
    assert ("- /n/a, half made" in change.lines()) is not ready, "one that is whole is kept"
    if ready:
        assert end_job(*WEB, report, "vda", True).changes[0].lines()[-1] == "+ /n/a"
    else:
        with pytest.raises(ValueError, match="has not caught up"):
            end_job(*WEB, report, "vda", True)
    with pytest.raises(ValueError, match="no job runs on sda"):
        end_job(*WEB, report, "sda", False)
