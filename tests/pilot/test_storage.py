"""The pages of storage over libvirt's test driver: pools and volumes by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from textual import events

from tests import scenes
from tests.pilot.manual import console_on
from tests.unit.test_disks import LIVE as DISKS
from vconsole.changes.host_requests import HostRequests
from vconsole.features.storage.model.disk_change import ChainJob
from vconsole.features.storage.model.disks import DiskReport, Numbers, ReadDisks, read_disks
from vconsole.features.storage.model.pool import ReadPool, ReadVolumeDetails, ReadVolumes
from vconsole.host.link import open_link
from vconsole.model.request import Reply
from vconsole.screens.messages import Replied

libvirt = pytest.importorskip("libvirt")
Answers = Mapping[type, Callable[[Any], Reply]]


@pytest.fixture
def conn() -> Iterator[Any]:
    """A host with one pool, of this test alone."""
    found = libvirt.open("test:///default")
    for pool in found.listAllStoragePools(0):
        if pool.isActive():
            for volume in pool.listAllVolumes(0):
                volume.delete(0)
            pool.destroy()
        pool.undefine()
    pool = found.storagePoolDefineXML(
        f"<pool type='dir'><name>images</name><uuid>{uuid4()}</uuid>"
        "<target><path>/srv/images</path></target></pool>",
        0,
    )
    pool.create(0)
    yield found
    found.close()


@pytest.fixture
def answers(conn: Any) -> Iterator[Answers]:
    """The real answers to what the pages ask."""
    with closing(HostRequests(lambda: open_link("test:///default", False, False, _nobody))) as host:
        yield host.handlers()


def _nobody() -> None:
    """Nothing wakes."""


async def test_a_key_that_follows_an_answer_is_for_the_page_it_opens(
    conn: Any, answers: Answers
) -> None:
    """Who types ahead, or pastes, sends the next key before anything is drawn."""
    conn.listAllStoragePools(0)[0].createXML(
        "<volume><name>a</name><capacity>512</capacity></volume>", 0
    )
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press("6", "enter", "e")
        for key in ("end", *["backspace"] * 20, *"20M", "enter", "escape"):
            console.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await console.settle()
        assert console.page == "volumes", "escape closed the page of the change"


async def test_a_pool_is_stopped_undefined_and_defined_again(conn: Any, answers: Answers) -> None:
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press("6")
        assert "1 pool" in console.title
        assert console.has_row("images")
        console.sees("/srv/images", "no domain uses it")
        await console.press("minus")
        assert "stop it first" in console.status
        await console.press("x", "enter", "y", "enter", "escape")
        assert "inactive" in console.row("images")
        await console.press("minus", "enter", *"images", "enter", "escape")
        assert not conn.listAllStoragePools(0)
        await console.press("plus", "down")
        await console.press("e", *"other", "enter", "down", "e", *"/srv/x", "enter", "enter")
        console.sees("virsh pool-define", "pool-autostart")
        await console.press("enter", "y", "enter", "escape")
        assert console.has_row("other")
        assert conn.storagePoolLookupByName("other").isActive()


async def test_a_volume_is_made_copied_grown_and_deleted(conn: Any, answers: Answers) -> None:
    async with console_on(scenes.kvm07(), (120, 40), answers=answers) as console:
        await console.press("6", "enter")
        assert "no volumes yet" in console.status
        await console.press("plus", "e", *"a.img", "enter", "enter", "enter", "escape")
        assert console.has_row("a.img")
        await console.press("e")
        await console.press(*["backspace"] * 8, *"30GiB", "enter", "enter")
        console.sees("grow the volume")
        pool = conn.storagePoolLookupByName("images")
        assert [v.name() for v in pool.listAllVolumes(0)] == ["a.img"]
        await console.press("escape", "c")
        await console.press(*["backspace"] * 5, *"b.img", "enter", "enter", "escape")
        assert console.has_row("b.img")
        await console.press("d", "enter")
        await console.press(*"images/a.img", "enter", "escape")
        assert [v.name() for v in pool.listAllVolumes(0)] == ["b.img"]


async def test_a_volume_is_found_by_each_of_its_names(conn: Any, answers: Answers) -> None:
    pool = conn.storagePoolLookupByName("images")
    for name in ("a.img", "b c.img"):
        pool.createXML(f"<volume><name>{name}</name><capacity>512</capacity></volume>", 0)
    volume = pool.storageVolLookupByName("b c.img")
    async with console_on(scenes.kvm07(), (120, 40), answers=answers) as console:
        for words in ("images/b c.img", volume.path(), volume.key()):
            await console.press("6", "f", *words, "enter")
            assert "Volumes of images" in console.title
            console.sees(f"path and key {volume.path()}")
            page: Any = console.app.page
            assert page.virsh().splitlines()[-1].endswith(f"vol-pool --vol '{volume.key()}'")
            await console.press("escape")
        await console.press("f", *"none", "enter")
        assert "no volume 'none'" in console.status


async def test_ten_thousand_volumes_are_read_as_they_come_into_view(answers: Answers) -> None:
    names = tuple(f"v{number:05}" for number in range(10_000))
    many: dict[type, Callable[[Any], Reply]] = {
        kind: answers[kind] for kind in answers if kind is not ReadVolumes
    }
    many[ReadVolumes] = lambda request: Reply(value=names)
    asked: list[int] = []

    def details(request: ReadVolumeDetails) -> Reply:
        asked.append(len(request.names))
        return Reply(value={})

    many[ReadVolumeDetails] = details
    async with console_on(scenes.kvm07(), answers=many) as console:
        await console.press("6", "enter")
        assert "10000 volumes" in console.title
        await console.press("G")
        assert console.has_row("v09999")
        assert sum(asked) < 100, "only what was seen"


async def test_a_pool_that_does_not_answer_grows_old_and_the_others_do_not(
    conn: Any, answers: Answers
) -> None:
    other = conn.storagePoolDefineXML(
        "<pool type='dir'><name>other</name><target><path>/srv/other</path></target></pool>", 0
    )
    other.create(0)

    def silent(request: ReadPool) -> Reply:
        if request.uuid == other.UUIDString():
            return Reply("unknown", "no answer, none within 6 s")
        return answers[ReadPool](request)

    hung = {**answers, ReadPool: silent}
    async with console_on(scenes.kvm07(), answers=hung) as console:
        await console.press("6", "down")
        console.sees("it has not answered")
        assert "?" in console.row("other")
        assert "running" in console.row("images")


async def test_the_disks_of_a_domain_by_keyboard() -> None:
    report = DiskReport(read_disks(DISKS, DISKS), {"vda": Numbers(0.0, 1 << 30, 1 << 29)}, True)
    async with console_on(
        scenes.kvm07(), answers={ReadDisks: lambda request: Reply(value=report)}
    ) as console:
        await console.press("enter", "s")
        assert "2 disks" in console.title
        assert console.has_row("/i/top.qcow2")
        console.sees("based on /i/base.qcow2", "cache none")
        await console.press("f")
        console.sees("virsh blockpull", "+ /i/top.qcow2")
        await console.press("escape", "down", "m", *"/iso/b.iso", "enter")
        console.sees("change-media", "+ /iso/b.iso")
        await console.press("escape", "o", *"/i/x.raw", "enter")
        assert "never guessed" in console.status


async def test_a_reading_too_soon_after_the_last_takes_no_speed_back() -> None:
    now = [Numbers(0.0, written_bytes=0), Numbers(2.0, written_bytes=2 << 20)]
    now += [Numbers(2.0 + n / 100, written_bytes=2 << 20) for n in (1, 2, 3)]
    disks = read_disks(DISKS, DISKS)
    readings = iter([DiskReport(disks, {"vda": numbers}, True) for numbers in now])
    answers: Answers = {ReadDisks: lambda request: Reply(value=next(readings))}
    async with console_on(scenes.kvm07(), (120, 40), answers=answers) as console:
        await console.press("enter", "s")
        for _ in now[1:]:
            page: Any = console.app.page
            page.look()
            await console.settle()
        assert "1008 KiB" in console.row("vda")
        assert next(readings, None) is None


async def test_a_long_job_says_how_far_it_is_and_can_be_given_up() -> None:
    report = DiskReport(read_disks(DISKS, DISKS), {"vda": Numbers(0.0, 1 << 30, 1 << 29)}, True)
    answers: Answers = {ReadDisks: lambda request: Reply(value=report)}
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press("enter", "s", "f", "enter")
        (job,) = console.asked(ChainJob)
        job.wait.what = "42 %"
        page: Any = console.app.page
        page._follow()
        await console.settle()
        console.sees("42 %")
        await console.press("escape", "1")
        console.app._runs.follow()
        assert "flatten vda: 42 %" in console.status, "whatever page is in front"
        await console.press("8")
        assert "1 job under way" in console.title
        assert "42 %" in console.row("flatten vda")
        await console.press("c")
        assert job.wait.given_up
        console.app.post_message(Replied(job, Reply("failed", "given up; vda is as before")))
        await console.settle()
        assert "failed" in console.row("flatten vda")
        console.sees("given up; vda is as before")
        await console.press("c")
        assert "over already" in console.status
