"""Pools and volumes of a real libvirtd: files that qemu-img sees as we say they are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.ground import find_program
from tests.integration.lab import Libvirtd
from vconsole.changes.entry import BEGUN, Entry
from vconsole.changes.host_requests import HostRequests
from vconsole.changes.settle import ReadOutcome
from vconsole.features.storage.model.change import ActOnVolume, CreateVolume, TransferVolume
from vconsole.features.storage.model.plan import (
    PoolWish,
    VolumeWish,
    plan_clone,
    plan_create,
    plan_define,
    plan_pool,
    plan_resize,
    plan_transfer,
    plan_volume,
)
from vconsole.features.storage.model.pool import (
    FindVolume,
    FoundVolume,
    Pool,
    ReadPool,
    ReadPools,
    ReadPoolTypes,
    ReadUsers,
    ReadVolumes,
)
from vconsole.features.storage.model.users import Users
from vconsole.host.link import open_link
from vconsole.model.manifest import name_of
from vconsole.model.proposal import Proposal
from vconsole.model.request import Reply

MIB, GIB = 1 << 20, 1 << 30


class Store:
    """A pool of this test, and the requests about it."""

    def __init__(self, host: Libvirtd, folder: Path) -> None:
        self.host, self.folder, self.name = host, folder, f"pool-{uuid4().hex[:8]}"
        self.requests = HostRequests(lambda: open_link(host.uri, False, False))
        self._ask = self.requests.handlers()

    def ask(self, request: Any) -> Reply:
        return self._ask[type(request)](request)

    def make(self, proposal: Proposal) -> Reply:
        (change,) = proposal.changes
        return self.ask(change)

    @property
    def pool(self) -> Pool:
        names = self.ask(ReadPools()).value
        assert isinstance(names, tuple)
        uuid = next(p.uuid for p in names if p.name == self.name)
        found = self.ask(ReadPool(uuid)).value
        assert isinstance(found, Pool)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        found = self.ask(ReadVolumes(self.pool.uuid)).value
        assert isinstance(found, tuple)
        return found

    def users(self, snapshots: bool = True) -> Users:
        found = self.ask(ReadUsers(snapshots)).value
        assert isinstance(found, Users)
        return found

    def volume(self, text: str) -> FoundVolume:
        found = self.ask(FindVolume(text)).value
        assert isinstance(found, FoundVolume)
        return found

    def image(self, name: str) -> dict[str, Any]:
        """What qemu-img says."""
        command = [find_program("qemu-img"), "info", "-U", "--output=json", self.folder / name]
        found: dict[str, Any] = json.loads(subprocess.check_output([str(c) for c in command]))
        return found


@pytest.fixture
def store(two_cell_host: Libvirtd) -> Iterator[Store]:
    """A running pool in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="vc-pool-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = Store(two_cell_host, folder)
        with closing(found.requests):
            wish = PoolWish("dir", found.name, (("target", name),), build=True, autostart=False)
            reply = found.make(plan_define(wish, ()))
            assert reply.status == "applied", reply.message
            yield found
            if found.pool.running:
                found.make(plan_pool(found.pool, "stop", Users()))
            found.make(plan_pool(found.pool, "undefine", Users()))


def test_a_pool_lives_and_is_read_back(store: Store) -> None:
    assert store.pool.running
    assert store.pool.target == str(store.folder)
    types = store.ask(ReadPoolTypes()).value
    assert isinstance(types, dict)
    assert types["dir"] is True
    reply = store.make(plan_pool(store.pool, "autostart", Users()))
    assert (reply.status, store.pool.autostart) == ("applied", True)
    seen = store.pool
    store.make(plan_pool(seen, "stop", Users()))
    assert store.pool.state == "inactive"
    again = store.make(plan_pool(seen, "refresh", Users()))
    assert again.status == "conflict", "it is not as it was seen"
    assert store.make(plan_pool(store.pool, "start", Users())).status == "applied"


def test_images_are_what_was_asked_for(store: Store) -> None:
    base = plan_create(store.pool, (), VolumeWish("base.raw", "64MiB", "raw", "full"))
    assert store.make(base).status == "applied"
    assert (store.folder / "base.raw").stat().st_blocks * 512 >= 64 << 20
    path = str(store.folder / "base.raw")
    wish = VolumeWish("top.qcow2", "1GiB", "qcow2", "none", path, "raw", 128)
    reply = store.make(plan_create(store.pool, store.names, wish))
    assert reply.status == "applied", reply.message
    info = store.image("top.qcow2")
    assert info["virtual-size"] == GIB
    assert info["cluster-size"] == 128 << 10
    assert (info["backing-filename"], info["backing-filename-format"]) == (path, "raw")
    found = store.volume(f"{store.name}/top.qcow2")
    for text in (found.volume.path, found.volume.key):
        assert store.volume(text).volume == found.volume
    base_volume = store.volume(path).volume
    with pytest.raises(ValueError, match="is based on it"):
        plan_volume(store.pool, base_volume, "delete", store.users(), [found.volume])
    unseen = plan_volume(store.pool, base_volume, "delete", store.users(), [])
    refused = store.make(unseen)
    assert (refused.status, Path(path).exists()) == ("conflict", True)
    assert "top.qcow2 is based on it" in refused.message, "though the page had not read it"


def test_grown_shrunk_copied_wiped_deleted(store: Store) -> None:
    store.make(plan_create(store.pool, (), VolumeWish("a.raw", "8MiB", "raw", "full")))
    (store.folder / "a.raw").write_bytes(b"data" * (2 << 20))
    found = store.volume(f"{store.name}/a.raw")
    grown = plan_resize(found.pool, found.volume, "+8MiB", False, store.users())
    assert store.make(grown).status == "applied"
    assert (store.folder / "a.raw").stat().st_size == 16 << 20
    assert store.make(grown).status == "conflict", "it has another size than was seen"
    found = store.volume(f"{store.name}/a.raw")
    copy = plan_clone(found.pool, store.names, found.volume, "b.raw", store.users())
    assert store.make(copy).status == "applied"
    assert (store.folder / "b.raw").read_bytes() == (store.folder / "a.raw").read_bytes()
    wiped = plan_volume(found.pool, found.volume, "wipe", store.users())
    assert store.make(wiped).read_back == "wiped"
    assert not (store.folder / "a.raw").read_bytes().strip(b"\0")
    gone = plan_volume(found.pool, found.volume, "delete", store.users())
    assert store.make(gone).read_back == "gone"
    assert not (store.folder / "a.raw").exists()


def test_what_a_guest_uses_is_refused_also_if_it_came_meanwhile(store: Store) -> None:
    store.make(plan_create(store.pool, (), VolumeWish("d.qcow2", "8MiB")))
    found = store.volume(f"{store.name}/d.qcow2")
    planned = plan_volume(found.pool, found.volume, "delete", store.users())
    name = f"user-{uuid4().hex[:8]}"
    xml = (
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory>"
        "<os><type arch='x86_64'>hvm</type></os><devices><disk type='volume' device='disk'>"
        f"<driver name='qemu' type='qcow2'/><source pool='{store.name}' volume='d.qcow2'/>"
        "<target dev='vda' bus='virtio'/></disk></devices></domain>"
    )
    definition = store.folder / "d.xml"
    definition.write_text(xml)
    store.host.virsh("define", str(definition))
    try:
        reply = store.make(planned)
        assert reply.status == "conflict"
        assert f"in use: {name} (shut off: vda)" in reply.message
        assert (store.folder / "d.qcow2").exists()
        assert store.users().of_pool(store.pool) == (name,)
        store.host.virsh("start", name)
        with pytest.raises(ValueError, match="vconsole disk resize"):
            plan_resize(found.pool, found.volume, "1GiB", False, store.users())
    finally:
        store.host.remove(name)


def test_volumes_are_written_from_files_and_read_into_files(store: Store) -> None:
    store.make(plan_create(store.pool, (), VolumeWish("t.raw", "8MiB", "raw")))
    found, source = store.volume(f"{store.name}/t.raw"), store.folder.parent / f"{store.name}.src"
    source.write_bytes(os.urandom(8 << 20))
    target = source.with_suffix(".out")
    try:
        up = plan_transfer(found.pool, found.volume, str(source), True, 8 << 20, store.users())
        reply = store.make(up)
        assert reply.status == "applied", reply.message
        down = plan_transfer(found.pool, found.volume, str(target), False, None, store.users())
        assert store.make(down).status == "applied"
        assert target.read_bytes() == source.read_bytes()
        assert store.make(down).status == "conflict", "what is there is not written over"
        target.unlink()
        (change,) = down.changes
        assert isinstance(change, TransferVolume)
        change.wait.give_up()
        assert store.ask(change).message == "given up"
        assert not list(target.parent.glob(f"{target.name}*"))
        with pytest.raises(ValueError, match="only 8388608"):
            plan_transfer(found.pool, found.volume, str(source), True, 9 << 20, store.users())
    finally:
        source.unlink()
        target.unlink(missing_ok=True)


def test_names_are_data(store: Store) -> None:
    for name in ("-rf", "a b$(id)", "json:{}", "<x>&'\""):
        reply = store.make(plan_create(store.pool, store.names, VolumeWish(name, "1MiB", "raw")))
        assert reply.status == "applied", reply.message
        found = store.volume(f"{store.name}/{name}")
        assert Path(found.volume.path).name == name
        change = plan_volume(found.pool, found.volume, "delete", store.users()).changes[0]
        assert isinstance(change, ActOnVolume)
        assert store.ask(change).read_back == "gone"


def copying(host: Libvirtd) -> int | None:
    """The qemu-img that libvirt has started."""
    with suppress(OSError):
        for child in Path(f"/proc/{host.pid}/task").glob("*/children"):
            for pid in map(int, child.read_text().split()):
                if Path(f"/proc/{pid}/comm").read_text() == "qemu-img\n":
                    return pid
    return None


def allocated(path: Path) -> int:
    return path.stat().st_blocks * 512 if path.exists() else 0


def test_a_volume_that_is_still_made_has_not_taken_effect(store: Store) -> None:
    """libvirt names it from the beginning, and goes on when who asked for it is gone."""
    (store.folder / "full.raw").write_bytes(os.urandom(MIB) * 128)
    store.make(plan_pool(store.pool, "refresh", Users()))
    full = store.volume(str(store.folder / "full.raw"))
    (clone,) = plan_clone(full.pool, store.names, full.volume, "copy", store.users()).changes
    assert isinstance(clone, CreateVolume)
    clone = replace(clone, xml=clone.xml.replace("raw", "qcow2"))
    entry = Entry(
        "", "", "", "", "", "", "", "", BEGUN, kind=name_of(CreateVolume), trace=clone.trace
    )
    look = ReadOutcome(entry, wait_s=0.0)
    replies: list[Reply] = []
    thread = Thread(target=lambda: replies.append(store.ask(clone)), daemon=True)
    thread.start()
    end = monotonic() + 30
    made = store.folder / "copy"
    while (pid := copying(store.host)) is None or allocated(made) < MIB:
        assert monotonic() < end, f"it was over before it was seen: {replies}"
    os.kill(pid, signal.SIGSTOP)
    try:
        reply = store.ask(look)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (reply.status, reply.settle) == ("unknown", look), reply.message
    assert "still makes it" in reply.message
    assert "of 128 MiB" in reply.message
    thread.join(60)
    reply = store.ask(look)
    assert (reply.status, reply.settle) == ("applied", None)
    assert reply.read_back.startswith("128 MiB, ")
