"""qemu-img for real: every format, chains that are broken, full disks, jobs that are cut off."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ground import find_program, wait_until
from tests.integration.lab import Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.features.storage.host.files import partials
from vconsole.features.storage.model.image_plan import (
    Conversion,
    SnapshotAct,
    plan_commit,
    plan_convert,
    plan_create,
    plan_rebase,
    plan_resize,
    plan_snapshot,
)
from vconsole.features.storage.model.images import WRITABLE, Chain, ImageWork, ReadImage
from vconsole.host.link import open_link
from vconsole.model.job import PARTIAL
from vconsole.model.proposal import Proposal
from vconsole.model.request import Reply

MIB = 1 << 20


class Bench:
    """A directory for images, and the requests about them."""

    def __init__(self, host: Libvirtd, folder: Path) -> None:
        self.host, self.folder = host, folder
        self.requests = HostRequests(lambda: open_link(host.uri, False, False))
        self._ask = self.requests.handlers()

    def ask(self, request: Any) -> Reply:
        return self._ask[type(request)](request)

    def make(self, proposal: Proposal) -> Reply:
        (change,) = proposal.changes
        return self.ask(change)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def chain(self, name: str, format_: str = "qcow2") -> Chain:
        reply = self.ask(ReadImage(self.path(name), format_))
        assert isinstance(reply.value, Chain), reply.message
        return reply.value

    def raw(self, name: str, mib: int = 4) -> Path:
        """A raw image with a content of its own."""
        path = self.folder / name
        path.write_bytes(hashlib.sha256(name.encode()).digest() * (mib * MIB // 32))
        return path

    def holds(self, name: str, format_: str, data: bytes) -> bool:
        """Whether a guest would read this; images end at a whole cluster or sector."""
        out = self.folder / "content"
        program = find_program("qemu-img")
        argv = (program, "convert", "-f", format_, "-O", "raw", self.path(name), out)
        subprocess.run([str(word) for word in argv], check=True)
        found = out.read_bytes()
        out.unlink()
        return found.startswith(data)


@pytest.fixture
def bench(two_cell_host: Libvirtd) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="vc-images-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Bench(two_cell_host, folder)
        with closing(made.requests):
            yield made


@pytest.mark.parametrize("format_", [f for f in WRITABLE if f != "luks"])
def test_a_copy_in_each_format_holds_the_same(bench: Bench, format_: str) -> None:
    before = bench.raw("a.raw").read_bytes()
    wish = Conversion(bench.path("a.raw"), "raw", bench.path("b"), format_)
    reply = bench.make(plan_convert(wish))
    assert reply.status == "applied", reply.message
    assert bench.holds("b", format_, before)
    assert not partials(bench.folder)
    again = bench.make(plan_convert(wish))
    assert again.status == "conflict", "what is there is not written over"


def test_a_chain_is_made_read_committed_and_rebased(bench: Bench) -> None:
    base, data = bench.path("base.raw"), bench.raw("base.raw").read_bytes()
    for name in ("top", "other"):
        made = plan_create(bench.path(name), "qcow2", "", (), base, "raw")
        assert bench.make(made).status == "applied"
    chain = bench.chain("top")
    assert [image.format for image in chain.images] == ["qcow2", "raw"]
    (image, _) = chain.images
    grown = plan_resize(bench.path("top"), "qcow2", image.virtual_bytes or 0, "+4MiB")
    assert bench.make(grown).status == "applied"
    alone = plan_rebase(bench.path("top"), "qcow2", chain, "", "", False)
    assert bench.make(alone).status == "applied"
    assert bench.chain("top").images[0].backing == ""
    assert bench.holds("top", "qcow2", data)
    other = bench.chain("other").images[0]
    assert bench.make(plan_commit(bench.path("other"), "qcow2", other)).status == "applied"
    assert bench.holds("base.raw", "raw", data)


def test_snapshots_inside_an_image(bench: Bench) -> None:
    bench.make(plan_create(bench.path("s"), "qcow2", "4MiB"))
    steps: tuple[tuple[SnapshotAct, int], ...] = (("create", 1), ("apply", 1), ("delete", 0))
    for act, count in steps:
        image = bench.chain("s").images[0]
        done = bench.make(plan_snapshot(bench.path("s"), "qcow2", image, act, "one"))
        assert done.status == "applied", done.message
        assert len(bench.chain("s").images[0].snapshots) == count


def test_a_chain_without_end_a_loop_and_thirty_images(bench: Bench) -> None:
    bench.make(plan_create(bench.path("i0"), "qcow2", "1MiB"))
    for number in range(1, 30):
        below = bench.path(f"i{number - 1}")
        bench.make(plan_create(bench.path(f"i{number}"), "qcow2", "", (), below, "qcow2"))
    assert len(bench.chain("i29").images) == 30
    bench.folder.joinpath("i3").rename(bench.folder / "gone")
    chain = bench.chain("i29")
    assert "i3 cannot be read" in chain.problem
    bench.folder.joinpath("gone").rename(bench.folder / "i3")
    zero = bench.chain("i0")
    loop = plan_rebase(bench.path("i0"), "qcow2", zero, bench.path("i5"), "qcow2", True)
    assert "is itself based on" in bench.make(loop).message
    (change,) = loop.changes
    assert isinstance(change, ImageWork)
    subprocess.run((find_program("qemu-img"), *change.argv), check=True)  # it does not look
    assert "comes back to" in bench.chain("i5").problem


def test_a_guest_s_fake_header_is_not_believed(bench: Bench) -> None:
    """A raw image whose guest wrote a qcow2 header that is based on a secret of the host."""
    secret = bench.folder / "secret"
    secret.write_text("of the host")
    bench.make(plan_create(bench.path("fake"), "qcow2", "1MiB", (), str(secret), "raw"))
    data = Path(bench.path("fake")).read_bytes()
    Path(bench.path("guest.raw")).write_bytes(data)
    assert len(bench.chain("guest.raw", "raw").images) == 1
    bench.make(
        plan_convert(Conversion(bench.path("guest.raw"), "raw", bench.path("copy"), "qcow2"))
    )
    assert bench.holds("copy", "qcow2", data), "its bytes, not what they point at"


def test_names_are_data(bench: Bench) -> None:
    for name in ("-rf", "json:{}", "nbd:x", "a b$(id)", "fat:rw:x"):
        reply = bench.make(plan_create(bench.path(name), "raw", "1MiB"))
        assert reply.status == "applied", reply.message
        assert (bench.folder / name).stat().st_size == MIB


def test_a_full_disk_leaves_nothing_behind(bench: Bench) -> None:
    small = bench.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], check=True)
    try:
        bench.raw("big.raw", 8)
        wish = Conversion(bench.path("big.raw"), "raw", str(small / "out"), "qcow2")
        reply = bench.make(plan_convert(wish))
        assert reply.status == "failed"
        assert "space" in reply.message.lower()
        assert not list(small.iterdir())
        assert (bench.folder / "big.raw").stat().st_size == 8 * MIB
    finally:
        subprocess.run(["umount", str(small)], check=True)


def slow(bench: Bench, mib: int = 64) -> ImageWork:
    """A conversion that takes a while."""
    bench.raw("slow.raw", mib)
    wish = Conversion(bench.path("slow.raw"), "raw", bench.path("slow.out"), "qcow2", compress=True)
    (change,) = plan_convert(wish).changes
    assert isinstance(change, ImageWork)
    return change


def test_a_conversion_that_is_given_up_leaves_nothing(bench: Bench) -> None:
    change, replies = slow(bench), []
    thread = threading.Thread(target=lambda: replies.append(bench.ask(change)))
    thread.start()
    wait_until(lambda: bool(partials(bench.folder)), "it has begun")
    change.wait.give_up()
    thread.join(30)
    assert replies[0].message == "given up"
    assert not partials(bench.folder)
    assert not (bench.folder / "slow.out").exists()


def test_a_program_that_is_killed_leaves_nothing_that_looks_complete(bench: Bench) -> None:
    """kill -9 of ourselves, at the worst moment: what is left has a name that says what it is."""
    slow(bench)
    argv = ("image", "convert", "slow.raw", "slow.out", "-f", "raw", "--compress")
    command = (sys.executable, "-m", "vconsole", "-c", bench.host.uri, *argv)
    process = subprocess.Popen(command, cwd=bench.folder, stdout=subprocess.DEVNULL)
    wait_until(lambda: bool(partials(bench.folder)), "it has begun")
    process.kill()
    process.wait()
    wait_until(lambda: not _users(bench.path("slow.raw")), "qemu-img ends with it")
    assert not (bench.folder / "slow.out").exists()
    assert [path.name for path in partials(bench.folder)] == [f"slow.out{PARTIAL}"]
    jobs = (sys.executable, "-m", "vconsole", "jobs")
    listed = subprocess.run(jobs, capture_output=True, text=True).stdout
    assert f"cut off: a file is left: {bench.path('slow.out')}{PARTIAL}" in listed
    removed = subprocess.run((*jobs, "remove"), capture_output=True, text=True)
    assert removed.returncode == 0, removed.stderr
    assert not partials(bench.folder)


def _users(path: str) -> list[str]:
    """The processes that have a file open."""
    found = (fd for fd in Path("/proc").glob("[0-9]*/fd/*") if os.path.lexists(fd))
    return [str(fd) for fd in found if _link(fd) == path]


def _link(fd: Path) -> str:
    try:
        return os.readlink(fd)
    except OSError:
        return ""


def test_a_job_of_another_process_is_given_up(bench: Bench) -> None:
    slow(bench, 512)
    argv = ("image", "convert", "slow.raw", "slow.out", "-f", "raw", "--compress")
    command = (sys.executable, "-m", "vconsole", "-c", bench.host.uri, *argv)
    process = subprocess.Popen(command, cwd=bench.folder, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: bool(partials(bench.folder)), "it has begun")
    jobs = (sys.executable, "-m", "vconsole", "jobs")
    listed = json.loads(subprocess.check_output((*jobs, "list", "--json")))["jobs"]
    (job,) = (job for job in listed if job["id"].startswith(f"{process.pid}."))
    assert job["what"] == "convert it to qcow2"
    assert subprocess.run((*jobs, "cancel", job["id"]), capture_output=True).returncode == 0
    assert "given up" in process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert not partials(bench.folder)
    assert not (bench.folder / "slow.out").exists()


def test_control_c_takes_away_what_was_half_made(bench: Bench) -> None:
    slow(bench, 512)
    argv = ("image", "convert", "slow.raw", "slow.out", "-f", "raw", "--compress")
    command = (sys.executable, "-m", "vconsole", "-c", bench.host.uri, *argv)
    pipe = subprocess.PIPE
    mine = signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
    process = subprocess.Popen(command, cwd=bench.folder, stdout=pipe, stderr=pipe, text=True)
    signal.signal(signal.SIGINT, mine)
    wait_until(lambda: bool(partials(bench.folder)), "it has begun")
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "vconsole: interrupted\n")
    assert "given up" in out
    assert not partials(bench.folder)
    assert not (bench.folder / "slow.out").exists()


def test_a_file_in_the_place_of_what_is_made_is_not_written(bench: Bench) -> None:
    """Left by another job, or put there to be followed."""
    precious = bench.folder / "precious"
    precious.write_text("data")
    bench.folder.joinpath(f"new{PARTIAL}").symlink_to(precious)
    reply = bench.make(plan_create(bench.path("new"), "qcow2", "1MiB"))
    assert (reply.status, precious.read_text()) == ("conflict", "data")


def test_an_image_in_use_is_refused_with_what_works_instead(bench: Bench) -> None:
    bench.make(plan_create(bench.path("used"), "qcow2", "4MiB"))
    os.chmod(bench.path("used"), 0o666)
    definition = bench.folder / "d.xml"
    definition.write_text(
        "<domain type='qemu'><name>image-user</name><memory unit='MiB'>16</memory>"
        "<os><type arch='x86_64'>hvm</type></os><devices><disk type='file' device='disk'>"
        f"<driver name='qemu' type='qcow2'/><source file='{bench.path('used')}'/>"
        "<target dev='vda' bus='virtio'/></disk></devices></domain>"
    )
    bench.host.virsh("define", str(definition))
    try:
        bench.host.virsh("start", "--paused", "image-user")
        reply = bench.make(plan_resize(bench.path("used"), "qcow2", 4 * MIB, "8MiB"))
        assert reply.status == "refused"
        assert "in use by image-user (vda); vconsole disk resize does it there" in reply.message
        assert bench.chain("used").images, "info reads it all the same"
    finally:
        bench.host.remove("image-user")


def test_the_command_line(bench: Bench) -> None:
    bench.raw("a.raw")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "vconsole", "-c", bench.host.uri, "image", *words)
        return subprocess.run(command, cwd=bench.folder, capture_output=True, text=True)

    assert "never guessed" in run("convert", "a.raw", "b").stderr
    assert run("convert", "-f", "raw", "a.raw", "b").returncode == 0
    assert (
        json.loads(run("info", "-f", "qcow2", "b", "--json").stdout)["images"][0]["format"]
        == "qcow2"
    )
    assert run("check", "-f", "qcow2", "b").stdout.startswith("no errors were found\n")
    assert run("compare", "-f", "raw", "a.raw", "--other-format", "qcow2", "b").returncode == 0
    assert "required" in run("measure", "-f", "raw", "a.raw").stdout
    assert "data" in run("map", "-f", "qcow2", "b").stdout
    address = json.dumps(
        {"driver": "qcow2", "file": {"driver": "file", "filename": bench.path("b")}}
    )
    assert "No such file" in run("info", "-f", "qcow2", f"json:{address}").stderr, (
        "a name, not a protocol"
    )
    assert "qcow2" in run("info", "--protocol", f"json:{address}").stdout
    for words in (("info",), ("check",), ("map",), ("measure",), ("compare", "-f", "raw", "a.raw")):
        assert "never guessed" in run(*words, "b").stderr, words
    missing = run("info", "-f", "raw", "none")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
