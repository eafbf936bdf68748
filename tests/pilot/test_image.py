"""The page of a disk image, the forms of images, flattening, and what killed jobs left: by keys."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests import scenes
from tests.feed import Answers
from tests.pilot.manual import Console, console_on
from tests.pilot.snapshot_host import SnapshotHost
from tests.unit.test_disks import LIVE as DISKS
from tests.unit.test_jobs import left_by_a_killed_one
from vconsole.features.jobs.host import read_jobs, remove_leftover
from vconsole.features.storage.model.disk_plan import flatten_all
from vconsole.features.storage.model.images import (
    AskImage,
    Chain,
    Image,
    ImageSnapshot,
    ImageWork,
    ReadImage,
    ReadRoom,
    Room,
)
from vconsole.model.job import ReadJobs, RemoveLeftover
from vconsole.model.proposal import Propose, Subject, proposals
from vconsole.model.request import Reply
from vconsole.screens.jobs import JobsScreen

GIB = 1 << 30
TOP = Image(
    *("/i/top", "qcow2", GIB, 1 << 20, 65536),
    backing="base",
    backing_path="/i/base",
    backing_format="raw",
    snapshots=(ImageSnapshot("1", "before", 5, 0),),
)
CHAIN = Chain((TOP, Image("/i/base", "raw", GIB, 4096)))
SAID = {
    "check": json.dumps({"leaks": 2, "corruptions": 0, "total-clusters": 9}),
    "map": json.dumps([{"start": 0, "length": 65536, "data": True, "filename": "/i/top"}]),
    "measure": json.dumps({"required": 65536, "fully-allocated": GIB}),
    "compare": "Images are identical.\n",
}


def answers(chain: Chain = CHAIN) -> Answers:
    """What qemu-img would say."""
    return {
        ReadImage: lambda request: Reply(value=chain, message=chain.problem),
        AskImage: lambda request: Reply(value=SAID[request.kind]),
        ReadRoom: lambda request: Reply(value=Room(2 * GIB, GIB)),
        ImageWork: lambda request: Reply(value=chain, read_back="done"),
    }


async def open_image(console: Console, words: str = "/i/top qcow2") -> None:
    """By its path, from the page of pools."""
    await console.press("6", "i", *words, "enter")


async def test_an_image_is_opened_by_path_and_format_and_shows_its_chain() -> None:
    async with console_on(scenes.kvm07(), answers=answers()) as console:
        await console.press("6", "i", *"/i/top", "enter")
        assert "never guessed" in console.status
        await console.press("escape")
        await open_image(console)
        assert "2 images in its chain" in console.title
        assert "1 GiB" in console.row("top ")
        assert console.has_row("snapshot before")
        assert console.has_row("based on base")
        console.sees("clusters of 64 KiB", "/i/base (raw), named base")
        await console.press("G", "enter")
        assert [r.format for r in console.asked(ReadImage)][-1] == "raw", "as the one above says"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("c",), ("qemu-img check --output=json -f qcow2 -- /i/top", "2 leaks")),
        (("m",), ("qemu-img map", "65536", "data", "/i/top")),
        (("M", "enter"), ("qemu-img measure", "required", "64 KiB")),
        (("t", *"/i/other raw", "enter"), ("-F raw -- /i/top /i/other", "identical")),
    ],
)
async def test_what_qemu_img_is_asked(keys: tuple[str, ...], words: tuple[str, ...]) -> None:
    async with console_on(scenes.kvm07(), answers=answers()) as console:
        await open_image(console)
        await console.press(*keys)
        console.sees(*words)
        await console.press("escape")
        assert console.has_row("snapshot before")


@pytest.mark.parametrize(
    ("keys", "argv"),
    [
        (("e", *["backspace"] * 9, *"+1GiB", "enter"), ("resize", str(2 * GIB))),
        (("C", *"none", "enter"), ("commit", "-t", "none", "/i/top")),
        (("R", "enter"), ("check", "leaks")),
        (("+", *"new", "enter"), ("snapshot", "-c", "new")),
        (("down", "a"), ("snapshot", "-a", "1")),
        (("down", "d"), ("snapshot", "-d", "before")),
        (("b", "enter"), ("rebase", "-p", "/i/top")),
        (("b", "e", *"/i/n", "enter", "down", "space", "down", "space", "enter"), ("-u", "/i/n")),
        (("v", "e", *"/i/copy", "enter", "enter"), ("convert", "qcow2", "{output}")),
    ],
)
async def test_every_change_of_an_image_by_keys(
    keys: tuple[str, ...], argv: tuple[str, ...]
) -> None:
    async with console_on(scenes.kvm07(), answers=answers()) as console:
        await open_image(console)
        await console.press(*keys)
        console.sees("qemu-img", argv[0])
        await console.press("enter", *(("y", "enter") if "y/N" in console.text else ()))
        if not console.asked(ImageWork):  # destructive: its name is asked for
            await console.press(*"/i/top", "enter")
        (work,) = console.asked(ImageWork)
        assert set(argv) <= set(work.argv)


async def test_a_full_disk_is_foreseen_before_a_conversion() -> None:
    async with console_on(scenes.kvm07(), answers=answers()) as console:
        await open_image(console)
        await console.press("v", "e", *"/i/copy", "enter")
        console.sees("the disk would be full")


async def test_a_missing_base_is_said_and_only_an_unsafe_rebase_is_offered() -> None:
    broken = Chain((TOP,), "its base /i/base cannot be read")
    async with console_on(scenes.kvm07(), answers=answers(broken)) as console:
        await open_image(console)
        assert "/i/base cannot be read" in console.status
        await console.press("b")
        console.sees("only an unsafe")
        await console.press("down", "down", "space")
        console.sees("sees a broken disk")


async def test_an_image_is_made_at_a_path() -> None:
    async with console_on(scenes.kvm07(), answers=answers()) as console:
        await console.press("6", "n", "e", *"/i/new.qcow2", "enter", "enter")
        console.sees(f"qemu-img create -q -f qcow2 -- /i/new.qcow2 {20 * GIB}")


async def test_images_of_another_machine_are_not_read_here() -> None:
    state = scenes.kvm07()
    far = replace(state, connection=replace(state.connection, local=False))
    async with console_on(far, answers=answers()) as console:
        await open_image(console)
        assert "not on this machine" in console.status
        assert not console.asked(ReadImage)


async def test_chains_are_flattened_from_the_page_of_snapshots() -> None:
    subject = Subject("u", "web", DISKS, DISKS)
    given = {
        **SnapshotHost().answers,
        Propose: lambda request: Reply(value=proposals(request, lambda uuid, name: subject)),
    }
    async with console_on(scenes.kvm07(), answers=given) as console:
        await console.press("t", "f")
        console.sees("virsh blockpull", "- /i/base.qcow2", "snapshots stay listed")
    with pytest.raises(ValueError, match="does not run"):
        flatten_all(Subject("u", "web", None, DISKS), "both")


async def test_what_a_killed_job_left_is_offered_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "vconsole").mkdir()
    made = left_by_a_killed_one(tmp_path / "vconsole")
    given: Answers = {ReadJobs: read_jobs, RemoveLeftover: remove_leftover}
    async with console_on(scenes.kvm07(), answers=given) as console:
        console.app.dispatcher.ask(ReadJobs(tmp_path / "vconsole/jobs"))
        await console.settle()
        assert "1 unfinished file of jobs that were cut off: 8 shows them" in console.status
        await console.press("8")
        assert isinstance(console.app.page, JobsScreen)
        assert "a file is left" in console.row("convert it")
        console.sees(str(made), "were made when its process was killed")
        await console.press("c")
        assert "over already" in console.status
        await console.press("minus", "enter", "y", "enter", "escape")
        assert not made.exists()
        assert not console.has_row("convert it")
