"""Snapshots of guests that boot: what libvirt, QEMU, the agent and the images really do."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

import libvirt
import pytest

from tests.integration.bootguest import BootedGuest, BootGuest, make_disk
from tests.integration.ground import find_program
from tests.integration.lab import Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.features.snapshots.host.create import read_ground
from vconsole.features.snapshots.model.change import plan_delete, plan_revert
from vconsole.features.snapshots.model.create import Ground, Kind, ReadGround, Wish, plan_create
from vconsole.features.snapshots.model.tree import ReadSnapshots, SnapshotList
from vconsole.features.storage.model.disk_change import ChainJob
from vconsole.features.storage.model.disk_plan import flatten_all
from vconsole.host.link import open_link
from vconsole.model.proposal import Proposal, Propose
from vconsole.model.request import Reply

pytest_plugins = ("tests.integration.bootfixtures",)

DISK = (
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{}'/>"
    "<target dev='vda' bus='virtio'/></disk>"
)


class Snapped:
    """A guest whose disk is a qcow2 image with an ext4, and the requests about it."""

    def __init__(self, guest: BootedGuest, image: Path) -> None:
        self.guest, self.image = guest, image
        self.requests = HostRequests(lambda: open_link(guest.host.uri, False, False))
        self._ask = self.requests.handlers()

    def ask(self, request: Any) -> Reply:
        return self._ask[type(request)](request)

    @property
    def known(self) -> SnapshotList:
        found = self.ask(ReadSnapshots(self.guest.uuid)).value
        assert isinstance(found, SnapshotList)
        return found

    @property
    def ground(self) -> Ground:
        found = self.ask(ReadGround(self.guest.uuid)).value
        assert isinstance(found, Ground)
        return found

    @property
    def ground_seen_read_only(self) -> Ground:
        """As a dry run sees it: the agent may not be asked there."""
        link = open_link(self.guest.host.ro_uri, True, False)
        try:
            found = read_ground(link, ReadGround(self.guest.uuid)).value
        finally:
            link.close()
        assert isinstance(found, Ground)
        return found

    def plan(self, name: str, kind: Kind, quiesce: bool = False) -> Proposal:
        guest = self.guest
        return plan_create(guest.uuid, guest.name, self.ground, Wish(name, "why", kind, quiesce))

    def take(self, name: str, kind: Kind, quiesce: bool = False) -> Reply:
        return self.ask(self.plan(name, kind, quiesce).changes[0])

    def revert(self, name: str) -> Reply:
        guest = self.guest
        return self.ask(plan_revert(guest.uuid, guest.name, self.known, name).changes[0])

    def delete(self, name: str) -> Reply:
        guest = self.guest
        return self.ask(plan_delete(guest.uuid, guest.name, self.known, name).changes[0])

    def xml(self) -> tuple[str, str]:
        """The domain as it runs and as it is defined."""
        dump = self.guest.host.virsh
        return dump("dumpxml", self.guest.name), dump("dumpxml", self.guest.name, "--inactive")

    def write(self, text: str) -> None:
        assert self.guest.run(f"echo {text} >/mnt/file; sync").code == 0

    @property
    def content(self) -> str:
        return self.guest.run("cat /mnt/file").output.strip()


@pytest.fixture
def snapped(boot_host: Libvirtd, boot: BootGuest) -> Iterator[Callable[..., Snapped]]:
    """A maker of such guests; their snapshots are forgotten with them."""
    made: list[Snapped] = []

    def make(name: str, **options: object) -> Snapped:
        raw, image = boot_host.base / f"{name}.raw", boot_host.base / f"{name}.qcow2"
        make_disk(raw, "64M")
        convert = (find_program("qemu-img"), "convert", "-O", "qcow2", raw, image)
        subprocess.run(convert, check=True)
        guest = boot(boot_host, name, vcpus=1, extra=DISK.format(image), **options)
        if options.get("agent", True):
            guest.wait_agent()
        made.append(Snapped(guest, image))
        return made[-1]

    yield make
    for snapped in made:
        for known in snapped.known.snapshots:
            snapped.guest.host.virsh(
                "snapshot-delete", snapped.guest.name, known.name, "--metadata"
            )
        snapped.requests.close()


def is_clean(image: Path) -> bool:
    """Whether the ext4 in an image is as after a freeze: its journal has nothing to replay."""
    raw = image.with_name("copy.raw")
    convert = (find_program("qemu-img"), "convert", "-U", "-O", "raw", image, raw)
    subprocess.run(convert, check=True)
    tool = find_program("dumpe2fs")
    told = subprocess.run((tool, "-h", raw), check=True, capture_output=True, text=True).stdout
    return "needs_recovery" not in told


def difference(before: str, after: str) -> list[str]:
    """The lines that differ, without what says where they stand."""
    lines = unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [re.sub(r"\s+", " ", ln) for ln in lines if ln[:3] not in ("---", "+++", "@@ ")]


def test_inside_the_image(snapped: Callable[..., Snapped]) -> None:
    """Memory and disk: the guest goes on where it was, and nothing of the domain changes."""
    lab = snapped("snap-internal")
    before = lab.xml()
    lab.write("old")
    lab.guest.run("echo here >/run/memory")
    taken = lab.take("first", "internal")
    assert (taken.status, taken.read_back) == ("applied", "first: internal, memory, running")
    assert lab.xml() == before
    lab.write("new")
    lab.guest.run("rm /run/memory")
    back = lab.revert("first")
    assert (back.status, back.message) == ("applied", "it is running")
    assert back.read_back == f"running from first; vda -> {lab.image}"
    assert (lab.content, lab.guest.run("cat /run/memory").output) == ("old", "here\n")
    assert difference(before[1], lab.xml()[1]) == []
    gone = lab.delete("first")
    assert (gone.status, gone.read_back) == ("applied", "first: gone")
    assert lab.known.snapshots == ()
    info = subprocess.run(
        (find_program("qemu-img"), "snapshot", "-lU", str(lab.image)),
        capture_output=True,
        text=True,
    )
    assert "first" not in info.stdout


def test_disks_alone_with_the_guest_frozen(snapped: Callable[..., Snapped]) -> None:
    """The image below is clean, as only a freeze leaves it; only the disk's place changes."""
    lab = snapped("snap-quiesced")
    lab.write("old")
    before, new = lab.xml(), lab.image.with_suffix(".first")
    assert lab.ground_seen_read_only.agent == ""
    taken = lab.take("first", "disk-only", quiesce=True)
    assert (taken.status, taken.message) == ("applied", "")
    assert taken.read_back == f"first: external, disks, disk-snapshot; vda -> {new}"
    assert is_clean(lab.image)
    lab.write("new")
    assert lab.content == "new"
    live, config = (difference(b, a) for b, a in zip(before, lab.xml(), strict=True))
    for lines in (live, config):
        assert next(ln for ln in lines if ln[0] == "-").startswith(f"- <source file='{lab.image}'")
        assert any(ln.startswith(f"+ <source file='{new}'") for ln in lines)
        assert all(
            re.match(r"[-+] </?(source file=|backingStore|format type='qcow2')", ln) for ln in lines
        )
    if libvirt.getVersion() < 9_009_000:  # later it reverts to these, too
        refused = lab.revert("first")
        assert refused.status == "failed"
        assert "not supported yet; it is running" in refused.message
    gone = lab.delete("first")
    assert (gone.status, gone.message) == ("applied", "")
    assert lab.content == "new"
    assert not new.exists()
    assert difference(before[1], lab.xml()[1]) == []


def test_a_chain_grown_by_snapshots_is_flattened_while_the_guest_writes(
    snapped: Callable[..., Snapped],
) -> None:
    lab = snapped("snap-flatten")
    for name in ("one", "two"):
        lab.write(name)
        assert lab.take(name, "disk-only").status == "applied"
    lab.write("since")
    wanted = Propose(((lab.guest.uuid, lab.guest.name),), flatten_all)
    (job,) = _planned(lab, wanted).changes
    assert isinstance(job, ChainJob)
    assert len(job.chain) == 2
    done = lab.ask(job)
    assert done.status == "applied", done.message
    assert done.read_back == str(lab.image.with_suffix(".two"))
    assert lab.content == "since"
    assert "based on nothing" in _planned(lab, wanted).notes[0]


def _planned(lab: Snapped, wanted: Propose) -> Proposal:
    found = lab.ask(wanted).value
    assert isinstance(found, tuple)
    assert isinstance(found[0], Proposal)
    return found[0]


def test_without_a_freeze_the_disk_is_as_after_a_power_cut(snapped: Callable[..., Snapped]) -> None:
    lab = snapped("snap-hard")
    lab.write("old")
    assert any("power cut" in note for note in lab.plan("first", "disk-only").notes)
    before, new = lab.xml(), lab.image.with_suffix(".first")
    (change,) = lab.plan("first", "disk-only").changes
    new.write_text("somebody's")
    assert lab.ask(change).message == f"{new} is there already: take another name"
    assert (lab.xml(), lab.known.snapshots) == (before, ())
    new.unlink()
    assert lab.ask(change).status == "applied"
    assert not is_clean(lab.image)


def test_memory_in_a_file(snapped: Callable[..., Snapped]) -> None:
    lab = snapped("snap-external")
    memory = lab.image.with_suffix(".first.mem")
    memory.write_text("somebody's")
    there = lab.take("first", "external")
    assert (there.status, there.message) == (
        "refused",
        f"{memory} is there already: take another name",
    )
    assert memory.read_text() == "somebody's"
    memory.unlink()
    taken = lab.take("first", "external")
    assert taken.read_back.startswith("first: external, memory, running; vda -> ")
    assert memory.stat().st_size > 1 << 20
    assert lab.guest.run("echo awake") == (0, "awake\n")


def test_quiesce_is_refused_where_no_agent_answers(snapped: Callable[..., Snapped]) -> None:
    """Before it is planned, and once more before it is done: it may have died in between."""
    lab = snapped("snap-silent")
    (change,) = lab.plan("first", "disk-only", quiesce=True).changes
    lab.guest.run("kill -STOP $(pidof qemu-ga)")
    refused = lab.ask(change)
    assert refused.status == "refused"
    assert "the guest agent does not answer, nothing was done" in refused.message
    with pytest.raises(ValueError, match="the guest agent does not answer"):
        lab.plan("first", "disk-only", quiesce=True)
    assert lab.known.snapshots == ()
    lab.guest.run("kill -CONT $(pidof qemu-ga)")


def test_of_a_domain_without_an_agent_and_then_off(snapped: Callable[..., Snapped]) -> None:
    lab = snapped("snap-off", agent=False)
    with pytest.raises(ValueError, match="QEMU guest agent is not configured"):
        lab.plan("first", "disk-only", quiesce=True)
    lab.guest.host.virsh("destroy", lab.guest.name)
    with pytest.raises(ValueError, match="it does not run"):
        lab.plan("first", "disk-only", quiesce=True)
    assert lab.take("first", "internal").read_back == "first: internal, disks, shutoff"
    assert lab.take("second", "disk-only").read_back.startswith("second: external, disks, shutoff")
    second = lab.known.find("second")
    assert second is not None
    assert (second.parent, second.current) == ("first", True)
