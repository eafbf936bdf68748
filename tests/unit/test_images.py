"""Disk images: what is read of qemu-img, and the lines that are planned and refused."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

from vconsole.features.storage.host import images
from vconsole.features.storage.host.files import name_whole
from vconsole.features.storage.host.images import read_image, work_on_image
from vconsole.features.storage.model.image_plan import (
    Conversion,
    SnapshotAct,
    plan_commit,
    plan_convert,
    plan_create,
    plan_rebase,
    plan_repair,
    plan_resize,
    plan_snapshot,
)
from vconsole.features.storage.model.images import (
    READ_ONLY_FORMATS,
    WRITABLE,
    Chain,
    Image,
    ImageSnapshot,
    ImageWork,
    ReadImage,
    read_info,
)
from vconsole.model.proposal import Proposal
from vconsole.model.request import Reply

GIB = 1 << 30
HERE: Any = SimpleNamespace(connection=SimpleNamespace(local=True))
"""A connection to this machine."""
TOP = Image("/i/top", "qcow2", GIB, backing="base", backing_path="/i/base", backing_format="raw")


def work(proposal: Proposal) -> ImageWork:
    (change,) = proposal.changes
    assert isinstance(change, ImageWork)
    return change


def test_what_qemu_img_says_is_read() -> None:
    text = json.dumps(
        {
            "virtual-size": GIB,
            "filename": "/i/top",
            "format": "qcow2",
            "actual-size": 200704,
            "cluster-size": 65536,
            "dirty-flag": True,
            "full-backing-filename": "/i/base",
            "backing-filename": "base",
            "backing-filename-format": "raw",
            "snapshots": [{"id": "1", "name": "s\x1b[2J", "date-sec": 5, "vm-state-size": 0}],
        }
    )
    (image,) = read_info(text)
    assert (image.virtual_bytes, image.backing_path, image.dirty) == (GIB, "/i/base", True)
    assert image.snapshots == (ImageSnapshot("1", "s\x1b[2J", 5, 0),)
    for nonsense in ("[1]", "{", "null"):
        with pytest.raises(ValueError, match=r"no description|Expecting"):
            read_info(nonsense)


@pytest.mark.parametrize("format_", WRITABLE)
def test_each_format_is_made_by_its_name(format_: str) -> None:
    if format_ == "luks":
        with pytest.raises(ValueError, match="needs a file with the key"):
            plan_create("/i/x", format_, "1GiB")
        return
    made = work(plan_create("/i/x", format_, "1GiB"))
    assert made.argv[:4] == ("create", "-q", "-f", format_)
    assert made.virsh() == (f"qemu-img create -q -f {format_} -- /i/x {GIB}",)


@pytest.mark.parametrize("format_", READ_ONLY_FORMATS)
def test_what_qemu_img_only_reads_is_a_source_alone(format_: str) -> None:
    with pytest.raises(ValueError, match="does not write it"):
        plan_create("/i/x", format_, "1GiB")
    assert work(plan_convert(Conversion("/a", format_, "/b", "qcow2"))).output == "/b"


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (Conversion("/a", "", "/b", "raw"), "say the format of /a"),
        (Conversion("/a", "nbd", "/b", "raw"), "nbd is a protocol"),
        (Conversion("nbd:x", "raw", "/b", "raw"), "does not begin with /"),
        (Conversion("/a", "raw", "/a", "raw"), "into itself"),
        (Conversion("/a", "raw", "/b", "qcow2", cache="fast"), "a cache is one of"),
        (Conversion("/a", "raw", "/b", "qcow2", options=("x",)), "is no option"),
        (Conversion("/a", "raw", "/b", "qcow2", backing="/c"), "say the format of /c"),
    ],
)
def test_a_conversion_that_cannot_be_made_says_why(wish: Conversion, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plan_convert(wish)


def test_every_choice_of_a_conversion_is_in_its_line() -> None:
    wish = Conversion(
        *("/a", "raw", "/b", "qcow2", True, "4k", True, ("cluster_size=1M",), "none", "s1"),
        *("/c", "raw"),
    )
    (line,) = work(plan_convert(wish)).virsh()
    for words in ("-c -W -S 4k -t none", "snapshot.name=s1", "-B /c -F raw", "cluster_size=1M"):
        assert words in line


def test_a_key_is_named_by_its_file_to_encrypt_and_to_read() -> None:
    there = Conversion("/a", "raw", "/b,1", "luks", key_file="/k,1")
    (line,) = work(plan_convert(there)).virsh()
    assert "--object secret,id=key,file=/k,,1 -f raw -O luks -o key-secret=key -- /a /b,1" in line
    back = Conversion("/b,1", "qcow2", "/c", "raw", source_key_file="/k")
    (line,) = work(plan_convert(back)).virsh()
    named = "driver=qcow2,encrypt.key-secret=source,file.driver=file,file.filename=/b,,1"
    assert f"--object secret,id=source,file=/k --image-opts -O raw -- {named} /c" in line
    made = work(plan_create("/e", "qcow2", "1GiB", ("cluster_size=1M",), key_file="/k"))
    assert "cluster_size=1M,encrypt.format=luks,encrypt.key-secret=key" in made.argv
    for format_, key, reason in (("raw", "/k", "raw has no key"), ("luks", "k", "begin with /")):
        with pytest.raises(ValueError, match=reason):
            plan_create("/e", format_, "1GiB", key_file=key)


def test_growing_is_the_usual_and_shrinking_wants_its_word() -> None:
    for text, after in (("2GiB", 2 * GIB), ("+1GiB", 2 * GIB)):
        assert work(plan_resize("/i/x", "raw", GIB, text)).argv[-1] == str(after)
    with pytest.raises(ValueError, match="cuts off its end"):
        plan_resize("/i/x", "raw", GIB, "-512MiB")
    shrunk = work(plan_resize("/i/x", "raw", GIB, "-512MiB", shrink=True))
    assert shrunk.grade == "destructive"
    assert shrunk.argv[-4:] == ("--shrink", "--", "/i/x", str(GIB // 2))
    with pytest.raises(ValueError, match="would make"):
        plan_resize("/i/x", "raw", GIB, "-2GiB", shrink=True)


def test_a_rebase_says_what_it_dares() -> None:
    whole = Chain((TOP, Image("/i/base", "raw")))
    safe = plan_rebase("/i/top", "qcow2", whole, "/i/new", "raw", False)
    assert "copies what differs" in safe.notes[0]
    with pytest.raises(ValueError, match="base of a raw image cannot be changed"):
        plan_rebase("/i/base", "raw", Chain((Image("/i/base", "raw"),)), "/i/new", "raw", True)
    assert work(safe).grade == "interrupting"
    unsafe = plan_rebase("/i/top", "qcow2", whole, "/i/new", "raw", True)
    assert "the guest sees a broken disk" in unsafe.notes[0]
    assert (work(unsafe).grade, "-u" in work(unsafe).argv) == ("destructive", True)
    broken = Chain((TOP,), "its base /i/base cannot be read")
    with pytest.raises(ValueError, match="its base /i/base cannot be read"):
        plan_rebase("/i/top", "qcow2", broken, "/i/new", "raw", False)
    alone = work(plan_rebase("/i/top", "qcow2", whole, "", "", False))
    assert "-F" not in alone.argv
    single = Chain((Image("/i/x", "qcow2"),))
    for chain, base, reason in ((whole, "/i/top", "on itself"), (single, "", "on nothing")):
        with pytest.raises(ValueError, match=reason):
            plan_rebase("/i/top", "qcow2", chain, base, "raw", False)


def test_what_is_written_is_known() -> None:
    commit = work(plan_commit("/i/top", "qcow2", TOP))
    assert commit.writes == ("/i/top", "/i/base")
    with pytest.raises(ValueError, match="based on nothing"):
        plan_commit("/i/x", "qcow2", Image("/i/x", "qcow2"))
    assert work(plan_repair("/i/top", "qcow2", "all")).grade == "destructive"
    with pytest.raises(ValueError, match="nothing that could be repaired"):
        plan_repair("/i/x", "raw", "all")


def test_a_snapshot_is_the_one_that_was_meant() -> None:
    """qemu-img looks for a number before it looks for a name."""
    two = (ImageSnapshot("1", "2"), ImageSnapshot("2", "old"))
    image = Image("/i/x", "qcow2", snapshots=two)
    assert "1" in work(plan_snapshot("/i/x", "qcow2", image, "apply", "2")).argv
    twins = Image("/i/x", "qcow2", snapshots=(ImageSnapshot("1", "a"), ImageSnapshot("2", "a")))
    for act in ("apply", "delete"):
        with pytest.raises(ValueError, match="cannot tell them apart"):
            plan_snapshot("/i/x", "qcow2", twins, act, "a")


def test_an_option_names_no_base_and_a_snapshot_brings_no_option() -> None:
    with pytest.raises(ValueError, match="by its path and format"):
        plan_create("/i/x", "qcow2", "1GiB", ("backing_file=nbd:unix:/x",))
    wish = Conversion("/a", "qcow2", "/b", "raw", snapshot="x,snapshot.id=2")
    assert "snapshot.name=x,,snapshot.id=2" in work(plan_convert(wish)).argv


def test_snapshots_inside_an_image() -> None:
    image = Image("/i/x", "qcow2", snapshots=(ImageSnapshot("1", "old"),))
    assert work(plan_snapshot("/i/x", "qcow2", image, "create", "new")).grade == "harmless"
    assert work(plan_snapshot("/i/x", "qcow2", image, "apply", "old")).lines()[0].startswith("-")
    assert "1" in work(plan_snapshot("/i/x", "qcow2", image, "apply", "old")).argv
    wrong: tuple[tuple[SnapshotAct, str], ...]
    wrong = (("create", "old"), ("delete", "new"), ("create", " "))
    for act, name in wrong:
        with pytest.raises(ValueError, match=r"there is|needs a name"):
            plan_snapshot("/i/x", "qcow2", image, act, name)
    with pytest.raises(ValueError, match="raw has no snapshots"):
        plan_snapshot("/i/x", "raw", image, "create", "new")


@pytest.mark.parametrize("taken", [False, True])
def test_a_file_gets_its_name_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    """As on vfat: the work of hours is not lost at its last step."""
    partial, output = tmp_path / "a.vconsole-partial", tmp_path / "a"
    partial.write_bytes(b"new")
    if taken:
        output.write_bytes(b"old")

    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    if taken:
        with pytest.raises(FileExistsError):
            name_whole(partial, output)
    else:
        name_whole(partial, output)
    assert (output.read_bytes(), partial.exists()) == ((b"old", True) if taken else (b"new", False))


def test_a_base_of_no_said_format_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU would look into it: a raw base may hold what its guest wrote."""
    asked: list[tuple[str, ...]] = []

    def run(argv: tuple[str, ...], _timeout_s: float) -> str:
        asked.append(argv)
        top = {"filename": "/i/top", "format": "qcow2", "backing-filename": "/i/base"}
        return json.dumps(top)

    monkeypatch.setattr("vconsole.features.storage.host.images._run", run)
    reply = read_image(ReadImage("/i/top", "qcow2"))
    assert len(asked) == 1
    assert "does not say the format of its base /i/base" in reply.message
    assert isinstance(reply.value, Chain)
    with pytest.raises(ValueError, match="unsafe rebase to the same base says it"):
        plan_rebase("/i/top", "qcow2", reply.value, "", "", False)
    assert plan_rebase("/i/top", "qcow2", reply.value, "/i/base", "raw", True).changes


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({}, "Could not open '/i/new'"),
        ({"/i/new": "/i/top", "/i/top": ""}, "/i/new is itself based on /i/top"),
        ({"/i/new": "/i/gone"}, "its base /i/gone cannot be read"),
    ],
)
def test_a_base_that_cannot_be_one_is_refused_also_if_unsafe(
    says: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(argv: tuple[str, ...], _timeout_s: float) -> str:
        path = argv[-1]
        if argv[0] != "info" or path not in says:
            raise ValueError(f"Could not open '{path}'")
        found = {"filename": path, "format": "qcow2"}
        base = {"backing-filename": says[path], "backing-filename-format": "qcow2"}
        return json.dumps({**found, **(base if says[path] else {})})

    monkeypatch.setattr("vconsole.features.storage.host.images._run", run)
    monkeypatch.setattr("vconsole.features.storage.host.images._in_use", lambda *_: "")
    alone = Chain((Image("/i/top", "qcow2"),))
    change = work(plan_rebase("/i/top", "qcow2", alone, "/i/new", "qcow2", True))
    assert work_on_image(HERE, change) == Reply("refused", reason)


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> ImageWork:
    """Have this Python code stand for qemu-img; answers something for it to do."""
    program = folder / "qemu-img"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr("vconsole.features.storage.host.images._in_use", lambda *_: "")
    return work(plan_resize(str(folder / "disk"), "raw", GIB, "2G"))


def test_a_program_that_complains_much_is_not_held_up_by_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = "import sys\nsys.exit('qemu-img: bad ' + 'x' * 300_000)"
    reply = work_on_image(HERE, stand_in(monkeypatch, tmp_path, code))
    assert reply.status == "failed"
    assert reply.message.startswith("bad xxx")


def test_it_is_not_held_up_by_being_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What it prints is read now and then; to wake for each line took a part of its processor."""
    looks = list[bytes]()

    def looked(pipe: IO[bytes], plain: Callable[[IO[bytes]], bytes] = images._printed) -> bytes:
        looks.append(plain(pipe))
        return looks[-1]

    monkeypatch.setattr(images, "_printed", looked)
    monkeypatch.setattr(images, "_LOOK_S", 30.0)  # its end is noticed at once all the same
    line = "print(f'    ({n}.00/100%)', end='\\r', flush=True)"
    code = f"from time import sleep\nfor n in range(100):\n    {line}\n    sleep(0.002)"
    work_on_image(HERE, stand_in(monkeypatch, tmp_path, code))
    assert b"99.00" in b"".join(looks)
    assert len(looks) <= 3
