"""Whether a change took effect that was cut off, told by reading again: libvirt's test driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from vconsole.changes.entry import BEGUN, Entry
from vconsole.changes.host_requests import SHARED, HostRequests
from vconsole.changes.settle import ReadOutcome
from vconsole.features.agent.model.changes import SuspendGuest, WakeGuest
from vconsole.features.hostinfo.requests import SaveRules
from vconsole.features.network.model.interfaces import Source
from vconsole.features.network.model.plan import mover
from vconsole.features.resources.model.change import SetResource
from vconsole.features.resources.model.numbers import resources
from vconsole.features.snapshots.model.change import DeleteSnapshot, RevertSnapshot
from vconsole.features.snapshots.model.create import CreateSnapshot, Wish
from vconsole.features.storage.host.tell import tell_disk
from vconsole.features.storage.model.change import (
    ActOnPool,
    ActOnVolume,
    CreateVolume,
    DefinePool,
    ResizeVolume,
)
from vconsole.features.storage.model.disk_change import ChainJob, ChangeMedium, JobKind, LimitDisk
from vconsole.features.storage.model.disks import DiskReport, read_disks
from vconsole.features.storage.model.images import ImageWork
from vconsole.files import careful
from vconsole.host.link import open_link
from vconsole.model.job import Job, Leftover, RemoveLeftover
from vconsole.model.manifest import imported, name_of
from vconsole.model.proposal import Subject
from vconsole.registry import ANSWERS

libvirt = pytest.importorskip("libvirt")
MIB = 1024
DOMAIN = """<domain type='test'><name>tells-{uuid}</name><uuid>{uuid}</uuid>
<memory unit='MiB'>64</memory><currentMemory unit='MiB'>64</currentMemory>
<vcpu current='2'>4</vcpu><os><type>hvm</type></os><devices>
<disk type='file' device='cdrom'><source file='/tmp/old.iso'/><target dev='sda' bus='sata'/></disk>
<interface type='network'><mac address='52:54:00:aa:00:01'/><source network='default'/></interface>
</devices></domain>"""


class Lab:
    """A domain and a pool of the test driver."""

    def __init__(self) -> None:
        self.uuid = str(uuid4())
        self.conn: Any = libvirt.open("test:///default")
        self.domain = self.conn.defineXML(DOMAIN.format(uuid=self.uuid))
        self.domain.create()
        self.pool: Any = None
        self.requests = HostRequests(lambda: open_link("test:///default", False, False))

    def tell(self, change: Any) -> str:
        """What a later program says of a change that was begun."""
        kind = name_of(type(change))
        entry = Entry("", "", "", change.uuid, "", "", "", "", BEGUN, kind=kind, trace=change.trace)
        return str(self.requests.handlers()[ReadOutcome](ReadOutcome(entry)).status)

    def define_pool(self) -> Any:
        name = f"pool-{self.uuid}"
        self.pool = self.conn.storagePoolDefineXML(pool_xml(name), 0)
        self.pool.create(0)
        return self.pool

    def close(self) -> None:
        for snapshot in self.domain.listAllSnapshots():
            snapshot.delete()
        if self.domain.isActive():
            self.domain.destroy()
        self.domain.undefine()
        if self.pool is not None:
            if self.pool.isActive():
                self.pool.destroy()
            self.pool.undefine()
        self.requests.close()
        self.conn.close()


def pool_xml(name: str) -> str:
    return f"<pool type='dir'><name>{name}</name><target><path>/{name}</path></target></pool>"


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.close()


def test_each_change_is_told_or_says_why_it_cannot_be() -> None:
    changes = [a for a in (*SHARED, *ANSWERS) if a.changes]
    traced = {a.request for a in changes if a.tells and hasattr(imported(a.request), "trace")}
    assert {a.request for a in changes if not a.untold} <= traced


def test_a_file(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "hostinfo.conf"
    path.write_text("old\n")
    change = SaveRules(path, b"new\n", careful.read(path))
    assert lab.tell(change) == "not tried"
    path.write_text("new\n")
    assert lab.tell(change) == "applied"
    path.unlink()
    path.mkdir()
    assert lab.tell(change) == "unknown"


def test_numbers_of_a_domain(lab: Lab) -> None:
    seen = resources(lab.domain.XMLDesc(0))
    change = SetResource(lab.uuid, "", "memory", 32 * MIB, seen, seen)
    assert lab.tell(change) == "not tried"
    lab.domain.setMemoryFlags(32 * MIB, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    assert lab.tell(change) == "not tried", "by half"
    lab.domain.setMemoryFlags(32 * MIB, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert lab.tell(change) == "applied"


def test_an_interface(lab: Lab) -> None:
    subject = Subject(lab.uuid, "", lab.domain.XMLDesc(0), lab.domain.XMLDesc(2))
    (change,) = mover("52:54:00:aa:00:01", Source("bridge", "br0"))(subject, "config").changes
    assert lab.tell(change) == "not tried"
    assert subject.config is not None, "it is defined"
    moved = subject.config.replace("<source network='default'/>", "<source bridge='br0'/>")
    lab.conn.defineXML(moved.replace("interface type='network'", "interface type='bridge'"))
    assert lab.tell(change) == "applied"


def test_snapshots(lab: Lab) -> None:
    take = CreateSnapshot(lab.uuid, "", Wish("one", "", "internal"), True, ())
    assert lab.tell(take) == "not tried"
    for name in ("one", "two"):
        lab.domain.snapshotCreateXML(f"<domainsnapshot><name>{name}</name></domainsnapshot>")
    assert lab.tell(take) == "applied"
    revert = RevertSnapshot(lab.uuid, "", "one", 0)
    assert lab.tell(revert) == "not tried"
    lab.domain.revertToSnapshot(lab.domain.snapshotLookupByName("one"))
    assert lab.tell(revert) == "unknown", "it may have been current before"
    delete = DeleteSnapshot(lab.uuid, "", "one", 0, ("one", "two"), "children")
    assert lab.tell(delete) == "not tried"
    lab.domain.snapshotLookupByName("two").delete()
    assert lab.tell(delete) == "unknown", "by half"
    lab.domain.snapshotLookupByName("one").delete()
    assert lab.tell(delete) == "applied"


def test_pools(lab: Lab) -> None:
    define = DefinePool(f"pool-{lab.uuid}", "<pool/>")
    assert lab.tell(define) == "not tried"
    pool = lab.define_pool()
    assert lab.tell(define) == "applied"
    acts = {a: ActOnPool(pool.UUIDString(), "", a, "") for a in ("start", "stop", "autostart")}
    assert [lab.tell(act) for act in acts.values()] == ["applied", "not tried", "not tried"]
    pool.destroy()
    assert [lab.tell(act) for act in acts.values()] == ["not tried", "applied", "not tried"]
    gone = ActOnPool(pool.UUIDString(), "", "undefine", "")
    assert lab.tell(gone) == "not tried"
    assert lab.tell(ActOnPool(pool.UUIDString(), "", "build", "")) == "unknown"
    pool.undefine()
    lab.pool = None
    assert lab.tell(gone) == "applied"


def test_volumes(lab: Lab) -> None:
    pool = lab.define_pool()
    where = (pool.UUIDString(), pool.name(), "a")
    make = CreateVolume(*where, "<volume/>")
    remove = ActOnVolume(*where, "", "delete")
    assert (lab.tell(make), lab.tell(remove)) == ("not tried", "applied")
    xml = "<volume><name>a</name><capacity>4096</capacity></volume>"
    volume = pool.createXML(xml, 0)
    assert (lab.tell(make), lab.tell(remove)) == ("applied", "not tried")
    assert lab.tell(ResizeVolume(*where, "", 1024, 4096)) == "applied"
    assert lab.tell(ResizeVolume(*where, "", 4096, 8192)) == "not tried"
    assert lab.tell(ActOnVolume(*where, "", "wipe")) == "unknown"
    volume.delete(0)


def test_disks(lab: Lab) -> None:
    put = ChangeMedium(lab.uuid, "", "sda", "/tmp/old.iso", "/tmp/new.iso")
    assert lab.tell(put) == "not tried"
    assert lab.tell(ChangeMedium(lab.uuid, "", "sda", "", "/tmp/old.iso")) == "applied"
    limit = LimitDisk(lab.uuid, "", "sda", "total_iops_sec", 0, 100, False, True)
    assert lab.tell(limit) == "not tried"
    assert (
        lab.tell(LimitDisk(lab.uuid, "", "sda", "total_iops_sec", 9, 0, False, True)) == "applied"
    )


def _job(lab: Lab, kind: JobKind, source: str, chain: tuple[str, ...], to: str = "") -> ChainJob:
    return ChainJob(lab.uuid, "", "sda", kind, source, chain, to)


def test_a_job_on_a_chain_that_is_over(lab: Lab, tmp_path: Path) -> None:
    assert lab.tell(_job(lab, "copy", "/tmp/a", (), "/tmp/old.iso")) == "applied"
    assert lab.tell(_job(lab, "copy", "/tmp/old.iso", (), "/tmp/b")) == "not tried"
    half = tmp_path / "half"
    half.touch()
    cut = _job(lab, "copy", "/tmp/old.iso", (), str(half))
    with closing(open_link("test:///default", False, False)) as link:
        link.connection = replace(link.connection, local=True)
        assert "half a copy" in tell_disk(link, lab.uuid, cut.trace).read_back
    assert lab.tell(_job(lab, "commit", "/tmp/top", ("/tmp/old.iso",))) == "applied"
    flatten = _job(lab, "flatten", "/tmp/old.iso", ("/tmp/base",))
    assert lab.tell(flatten) == "applied"
    lab.domain.destroy()
    assert lab.tell(flatten) == "unknown", "the chain of an image is not in a definition"


@pytest.mark.parametrize(("ready", "end"), [("", "--abort"), ("ready='yes'", "--pivot")])
def test_a_job_on_a_chain_that_nobody_follows(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, ready: str, end: str
) -> None:
    xml = lab.domain.XMLDesc(0).replace("<target", f"<mirror type='file' {ready}/><target")
    report = DiskReport(read_disks(xml, None), {}, True)
    monkeypatch.setattr("vconsole.features.storage.host.tell.report_of", lambda *_: report)
    job = _job(lab, "copy", "/tmp/old.iso", (), "/tmp/b")
    with closing(open_link("test:///default", False, False)) as link:
        reply = tell_disk(link, lab.uuid, job.trace)
    assert reply.status == "unknown"
    assert reply.message.endswith(f"blockjob tells-{lab.uuid} sda {end}")


def test_files_that_are_made_and_removed(lab: Lab, tmp_path: Path) -> None:
    image = tmp_path / "new.qcow2"
    make = ImageWork(str(image), "create", ("create",), output=str(image))
    job = Job("1.1", "", "", "", "", 0.0, partial=str(image))
    remove = RemoveLeftover(tmp_path, Leftover(job, 0, 0))
    assert (lab.tell(make), lab.tell(remove)) == ("not tried", "applied")
    image.touch()
    assert (lab.tell(make), lab.tell(remove)) == ("applied", "not tried")


def test_a_guest_that_sleeps(lab: Lab) -> None:
    assert lab.tell(SuspendGuest(lab.uuid, "", "disk")) == "not tried"
    assert lab.tell(WakeGuest(lab.uuid, "")) == "applied"
    lab.domain.destroy()
    assert lab.tell(SuspendGuest(lab.uuid, "", "disk")) == "applied"
