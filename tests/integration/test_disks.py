"""Disks of a guest that runs and checks its own data: grown, flattened, committed, moved."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bootguest import BootedGuest, BootGuest, make_disk
from tests.integration.ground import find_program, wait_until
from tests.integration.lab import Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.features.storage.model.disk_change import ChainJob
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
from vconsole.features.storage.model.disks import DiskReport, ReadDisks
from vconsole.host.link import open_link
from vconsole.model.proposal import Planner, Proposal, Propose
from vconsole.model.request import Reply

pytest_plugins = ("tests.integration.bootfixtures",)

MIB = 1 << 20
DISK = (
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{}'/>"
    "<target dev='vda' bus='virtio'/></disk>"
    "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>"
    "<target dev='sda' bus='sata'/><readonly/></disk>"
)


class Guest:
    """A guest with an ext4 on a qcow2 image and an empty drive, and the requests about it."""

    def __init__(self, guest: BootedGuest, folder: Path) -> None:
        self.guest, self.folder = guest, folder
        host = guest.host
        self.requests = HostRequests(lambda: open_link(host.uri, False, False))
        self._ask = self.requests.handlers()

    def ask(self, request: Any) -> Reply:
        return self._ask[type(request)](request)

    @property
    def report(self) -> DiskReport:
        found = self.ask(ReadDisks(self.guest.uuid)).value
        assert isinstance(found, DiskReport)
        return found

    def make(self, proposal: Proposal) -> Reply:
        (change,) = proposal.changes
        return self.ask(change)

    def plan(self, planner: Planner) -> Proposal:
        wanted = Propose(((self.guest.uuid, self.guest.name),), planner, ("live",))
        found = self.ask(wanted).value
        assert isinstance(found, tuple)
        assert isinstance(found[0], Proposal)
        return found[0]

    @property
    def named(self) -> tuple[str, str]:
        return self.guest.uuid, self.guest.name

    def chain(self, target: str = "vda") -> tuple[str, ...]:
        half = next(d for d in self.report.disks if d.target == target).live
        assert half is not None
        return (half.source, *half.chain)

    def grow_chain(self, name: str) -> str:
        """A disk-only snapshot: what is written from now on goes to another image."""
        path = self.folder / f"{name}.qcow2"
        self.guest.host.virsh(
            *("snapshot-create-as", self.guest.name, name, "--disk-only", "--no-metadata"),
            *("--diskspec", f"vda,file={path}", "--diskspec", "sda,snapshot=no"),
        )
        return str(path)

    def pool(self, name: str) -> Path:
        """A pool that runs."""
        path = self.folder / name
        path.mkdir()
        self.guest.host.virsh("pool-create-as", name, "dir", "--target", str(path))
        return path

    def write(self, name: str) -> None:
        command = f"dd if=/dev/urandom of=/mnt/{name} bs=64k count=32 2>/dev/null; sync"
        assert self.guest.run(f"{command}; cd /mnt && md5sum {name} >>sums; sync").code == 0

    def is_whole(self) -> bool:
        """The guest reads its disk anew and compares with its own sums."""
        done = self.guest.run("echo 3 >/proc/sys/vm/drop_caches; cd /mnt && md5sum -c sums")
        return done.code == 0


@pytest.fixture(scope="module")
def folder(boot_host: Libvirtd) -> Path:
    found = boot_host.base / "disks"
    found.mkdir(mode=0o777, exist_ok=True)
    found.chmod(0o777)
    return found


@pytest.fixture
def guest(boot_host: Libvirtd, boot: BootGuest, folder: Path) -> Iterator[Guest]:
    raw, image = folder / "root.raw", folder / "root.qcow2"
    make_disk(raw, "64M")
    convert = (find_program("qemu-img"), "convert", "-O", "qcow2", raw, image)
    subprocess.run(convert, check=True)
    image.chmod(0o666)
    booted = boot(boot_host, "disks", vcpus=1, extra=DISK.format(image))
    booted.wait_agent()
    made = Guest(booted, folder)
    with closing(made.requests):
        yield made


def test_the_disks_of_a_running_guest(guest: Guest, folder: Path) -> None:
    """In one guest: each change while it keeps its data, checked by itself after each."""
    guest.write("first")
    grown = plan_resize_disk(*guest.named, guest.report, "vda", "+64MiB")
    assert guest.make(grown).status == "applied"
    assert guest.guest.run("cat /sys/block/vda/size").output.split() == [str(128 * MIB // 512)]
    limit = plan_limit(*guest.named, guest.report, "vda", "total_iops_sec", "2000")
    assert guest.make(limit).status == "applied"
    with pytest.raises(ValueError, match="total_iops_sec is set"):
        plan_limit(*guest.named, guest.report, "vda", "read_iops_sec", "10")

    root = guest.chain()[0]
    over = guest.grow_chain("over")
    guest.write("second")
    assert guest.chain() == (over, root)
    reply = guest.make(chain_job(*guest.named, guest.report, "vda", "commit"))
    assert (reply.status, guest.chain()) == ("applied", (root,)), reply.message
    assert guest.is_whole()

    again = guest.grow_chain("again")
    guest.write("third")
    reply = guest.make(chain_job(*guest.named, guest.report, "vda", "flatten"))
    assert (reply.status, guest.chain()) == ("applied", (again,)), reply.message
    assert guest.is_whole()

    guest.grow_chain("middle")
    top = guest.grow_chain("top")
    guest.write("fourth")
    reply = guest.make(chain_job(*guest.named, guest.report, "vda", "commit bases"))
    assert (reply.status, guest.chain()) == ("applied", (top, again)), reply.message
    guest.grow_chain("last")
    reply = guest.make(chain_job(*guest.named, guest.report, "vda", "commit all"))
    assert (reply.status, guest.chain()) == ("applied", (again,)), reply.message
    assert guest.is_whole()

    pool = guest.pool("elsewhere")
    moved = str(pool / "moved")
    reply = guest.make(chain_job(*guest.named, guest.report, "vda", "copy", "elsewhere/moved"))
    assert (reply.status, guest.chain()) == ("applied", (moved,)), reply.message
    guest.write("fifth")
    assert guest.is_whole()
    Path(again).unlink()
    assert guest.is_whole(), "nothing of the old image is needed"


def test_media_are_changed_and_disks_plugged(guest: Guest, folder: Path) -> None:
    medium = make_disk(folder / "medium.iso", "8M")
    medium.chmod(0o644)
    put = plan_medium(*guest.named, guest.report, "sda", str(medium))
    reply = guest.make(put)
    assert reply.status == "applied", reply.message
    assert guest.make(put).status == "conflict", "another medium is in it than was seen"
    ejected = guest.make(plan_medium(*guest.named, guest.report, "sda", ""))
    assert (ejected.status, ejected.read_back) == ("applied", "no medium"), ejected.message
    extra = make_disk(folder / "extra.raw", "8M")
    extra.chmod(0o666)
    plugged = guest.make(guest.plan(attacher(DiskWish(str(extra), "raw", "vdb"))))
    assert plugged.status == "applied", plugged.message
    wait_until(lambda: guest.guest.run("test -b /dev/vdb").code == 0, "the guest sees the disk")
    gone = guest.make(guest.plan(detacher("vdb")))
    assert gone.status == "applied", gone.message
    wait_until(lambda: guest.guest.run("test -b /dev/vdb").code != 0, "the guest lost the disk")
    assert extra.exists()


def test_a_move_that_is_given_up_leaves_the_disk_as_it_was(
    guest: Guest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = "vconsole.features.storage.host.disks._ready"
    monkeypatch.setattr(never, lambda *_: False)  # it is not over before it is given up
    guest.write("before")
    guest.pool("half")
    before, volume = guest.chain(), folder / "half/copy"
    image = str(folder / "half.qcow2")
    abort = ("blockjob", guest.guest.name, "vda", "--abort")
    ends = (  # the last as QEMU ends it where a disk is full
        ("half/copy", volume, "given up", lambda job: job.wait.give_up()),
        (image, image, "given up", lambda job: job.wait.give_up()),
        ("half/copy", volume, "was ended", lambda _: guest.guest.host.virsh(*abort)),
    )
    for destination, path, word, end in ends:
        (change,) = chain_job(*guest.named, guest.report, "vda", "copy", destination).changes
        assert isinstance(change, ChainJob)
        replies: list[Reply] = []
        thread = threading.Thread(target=lambda: replies.append(guest.ask(change)))  # noqa: B023
        thread.start()
        wait_until(lambda: bool(change.wait.what), "the copy has begun")  # noqa: B023
        end(change)
        thread.join(30)
        assert word in replies[0].message
        assert guest.chain() == before
        assert not Path(path).exists(), "half a copy is taken away"
    assert guest.is_whole()


def test_a_move_whose_console_was_killed_is_ended_or_gone_on_with(
    guest: Guest, folder: Path
) -> None:
    guest.write("before")
    guest.pool("orphan")
    before, host = guest.chain(), guest.guest.host
    host.virsh("vol-create-as", "orphan", "half", "64M", "--format", "qcow2")
    half = folder / "orphan/half"
    begin = ("blockcopy", guest.guest.name, "vda", "--transient-job", "--format", "qcow2")
    host.virsh(*begin, "--dest", str(half), "--reuse-external", "--bandwidth", "1")
    busy = ChainJob(*guest.named, "vda", "copy", before[0], (), "orphan/other", "qcow2", 128 * MIB)
    assert "active block job" in guest.ask(busy).message
    assert not (folder / "orphan/other").exists()
    assert guest.report.disks[0].now.mirror, "another's job goes on"
    with pytest.raises(ValueError, match="has not caught up"):
        end_job(*guest.named, guest.report, "vda", True)
    reply = guest.make(end_job(*guest.named, guest.report, "vda", False))
    assert (reply.status, guest.chain()) == ("applied", before), reply.message
    assert not half.exists()
    whole = str(folder / "whole.qcow2")
    host.virsh(*begin, "--dest", whole)
    wait_until(lambda: guest.report.disks[0].now.mirror_ready, "it has caught up")
    reply = guest.make(end_job(*guest.named, guest.report, "vda", True))
    assert (reply.status, guest.chain()) == ("applied", (whole,)), reply.message
    assert guest.is_whole()
