"""Pools on devices, and one whose file system hangs: a real libvirtd, loop devices, LVM, FUSE."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.conftest import skip_or_fail
from tests.integration.ground import find_program, wait_until
from tests.integration.lab import Libvirtd
from tests.integration.test_storage import Store
from vconsole.changes.dispatcher import Dispatcher, Request
from vconsole.features.storage.model.change import ActOnPool
from vconsole.features.storage.model.plan import (
    PoolWish,
    VolumeWish,
    plan_create,
    plan_define,
    plan_pool,
    plan_resize,
    plan_volume,
)
from vconsole.features.storage.model.pool import (
    ReadPool,
    ReadPools,
    ReadUsers,
    ReadVolumes,
)
from vconsole.features.storage.model.users import Users
from vconsole.host.link import open_link
from vconsole.model.request import Reply

MIB = 1 << 20
SILENT = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fd
if libc.mount(b"silent", sys.argv[1].encode(), b"fuse", 0, options):
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
time.sleep(600)
"""
"""Mounts a FUSE file system whose requests nobody answers; it is gone when this process is."""


@pytest.fixture
def loop(two_cell_host: Libvirtd, tmp_path: Path) -> Iterator[str]:
    """A loop device over an empty file of 64 MiB."""
    if not Path("/dev/loop-control").exists():
        skip_or_fail("the kernel has no loop devices")
    image = tmp_path / "device.img"
    with image.open("wb") as file:
        file.truncate(64 * MIB)
    command = (find_program("losetup"), "-f", "--show", str(image))
    device = subprocess.check_output(command, text=True).strip()
    yield device
    subprocess.run((find_program("losetup"), "-d", device), check=False)


@contextmanager
def pool_of(host: Libvirtd, kind: str, folder: Path, **fields: str) -> Iterator[Store]:
    """A pool that is defined and built by us, and stopped and forgotten after."""
    store = Store(host, folder)
    with closing(store.requests):
        wish = PoolWish(kind, store.name, tuple(fields.items()), build=True, autostart=False)
        reply = store.make(plan_define(wish, ()))
        try:
            assert reply.status == "applied", reply.message
            yield store
        finally:
            if store.pool.running:
                store.make(plan_pool(store.pool, "stop", Users()))
            store.make(plan_pool(store.pool, "undefine", Users()))


def test_a_file_system_on_a_device_is_built_filled_and_kept(
    two_cell_host: Libvirtd, loop: str, tmp_path: Path
) -> None:
    target = tmp_path / "mounted"
    fields = {"device": loop, "format": "ext4", "target": str(target)}
    with pool_of(two_cell_host, "fs", target, **fields) as store:
        assert store.pool.running
        assert store.pool.type == "fs"
        assert 32 * MIB < (store.pool.capacity_bytes or 0) < 64 * MIB
        made = plan_create(store.pool, (), VolumeWish("a.raw", "8MiB", "raw", "full"))
        assert store.make(made).status == "applied"
        assert not target.joinpath("a.raw").exists(), "it is mounted where the daemon is"
        large = plan_create(store.pool, store.names, VolumeWish("b.raw", "1GiB", "raw", "full"))
        assert "does not fit" in large.notes[0]
        failed = store.make(large)
        assert failed.status == "failed"
        assert "left half made" not in failed.message
        assert store.names == tuple(n for n in store.names if n != "b.raw")
        stopped = store.make(plan_pool(store.pool, "stop", Users()))
        assert stopped.status == "applied", stopped.message
        again = store.make(plan_pool(store.pool, "build", Users()))
        assert again.status == "failed", "what is on the device is not formatted over"
        assert store.make(plan_pool(store.pool, "start", Users())).status == "applied"
        assert "a.raw" in store.names


def _has_device_mapper() -> bool:
    return "device-mapper" in Path("/proc/misc").read_text()


def test_a_volume_group_is_built_and_its_volumes_are_made(
    two_cell_host: Libvirtd, loop: str, tmp_path: Path
) -> None:
    """Without the device mapper in the kernel no logical volume can be: then that is said."""
    group = f"vc{uuid4().hex[:8]}"
    fields = {"name": group, "device": loop, "target": f"/dev/{group}"}
    with pool_of(two_cell_host, "logical", tmp_path, **fields) as store:
        assert store.pool.running
        assert (store.pool.capacity_bytes or 0) > 32 * MIB
        made = plan_create(store.pool, (), VolumeWish("a", "8MiB", "raw"))
        reply = store.make(made)
        if not _has_device_mapper():
            assert reply.status == "failed"
            assert "lvcreate" in reply.message
            assert store.names == ()
        else:
            assert reply.status == "applied", reply.message
            found = store.volume(f"{store.name}/a")
            assert found.volume.capacity_bytes == 8 * MIB
            with pytest.raises(ValueError, match="already"):
                plan_resize(found.pool, found.volume, "8MiB", False, Users())
            gone = plan_volume(found.pool, found.volume, "delete", store.users())
            assert store.make(gone).read_back == "gone"
        assert store.make(plan_pool(store.pool, "stop", Users())).status == "applied"
        deleted = store.make(plan_pool(store.pool, "delete", Users()))
        assert deleted.status == "applied", deleted.message
        groups = subprocess.check_output((find_program("vgs"), "-o", "vg_name"), text=True)
        assert group not in groups


@contextmanager
def silent_file_system(host: Libvirtd, folder: Path) -> Iterator[None]:
    """Nothing answers below `folder`, for the daemon, until this ends."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        skip_or_fail("the kernel has no FUSE")
    command = host.inside((sys.executable, "-c", SILENT, str(folder)))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "mounted\n"
        try:
            yield
        finally:
            process.kill()
            subprocess.run(
                host.inside((find_program("umount"), "-l", str(folder))),
                check=False,
                capture_output=True,
            )


class Asked:
    """Requests as the console asks them: beside each other, each with its deadline."""

    def __init__(self, store: Store) -> None:
        self._replies = SimpleQueue[tuple[Request, Reply]]()
        handlers = store.requests.handlers()
        self._dispatcher = Dispatcher(handlers, lambda *pair: self._replies.put(pair))

    def ask(self, request: Request) -> None:
        self._dispatcher.ask(request)

    def answer(self, request: Request) -> Reply:
        """Ask, and wait for the answer; those to others are dropped."""
        self.ask(request)
        while True:
            asked, reply = self._replies.get(timeout=30.0)
            if asked is request:
                return reply


def test_a_pool_whose_file_system_hangs_holds_up_no_other(
    two_cell_host: Libvirtd, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("dead", "alive")}
    for folder in folders.values():
        folder.mkdir(mode=0o755)
    with (
        pool_of(two_cell_host, "dir", folders["dead"], target=str(folders["dead"])) as dead,
        pool_of(two_cell_host, "dir", folders["alive"], target=str(folders["alive"])) as alive,
    ):
        hung, well = dead.pool, alive.pool
        asked = Asked(dead)
        asked.answer(ReadPools())
        with silent_file_system(two_cell_host, folders["dead"]):
            asked.ask(ActOnPool(hung.uuid, hung.name, "refresh", "running"))
            wait_until(lambda: _is_stuck(two_cell_host), "the refresh hangs")
            listed: Any = asked.answer(ReadPools())
            assert {hung.uuid, well.uuid} <= {name.uuid for name in listed.value}
            assert "one of them hangs" in listed.message
            assert asked.answer(ReadPool(hung.uuid)).status == "unknown"
            for _ in range(30):  # a page that looks for minutes
                assert asked.answer(ReadPool(hung.uuid)).status == "unknown"
                assert asked.answer(ReadPool(well.uuid)).value == well
            assert asked.answer(ReadVolumes(well.uuid)).value == ()
            assert isinstance(asked.answer(ReadUsers()).value, Users)
            with closing(open_link(two_cell_host.uri, False, False)) as other:
                assert other.conn.listAllDomains(0) == [], "the daemon is there for others"
        wait_until(lambda: asked.answer(ReadPool(hung.uuid)).status == "applied", "it is back")
        assert not asked.answer(ReadPools()).message


def _is_stuck(host: Libvirtd) -> bool:
    """Whether a thread of the daemon waits for FUSE."""
    for stack in Path(f"/proc/{host.pid}/task").glob("*/wchan"):
        if "fuse" in stack.read_text() or "request_wait" in stack.read_text():
            return True
    return False
