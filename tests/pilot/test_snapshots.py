"""Snapshots of a domain by keys: the tree, taking, going back, deleting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests import scenes
from tests.pilot.manual import Console, console_on
from tests.pilot.snapshot_host import HOSTILE, NAME, NOW_S, SnapshotHost, taken
from vconsole.features.snapshots.model.change import DeleteSnapshot, RevertSnapshot
from vconsole.features.snapshots.model.create import CreateSnapshot, ReadGround
from vconsole.files.config import Config
from vconsole.model.host_state import HostState
from vconsole.model.request import Reply
from vconsole.screens.messages import Replied


@pytest.fixture(autouse=True)
def _at_two_o_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vconsole.screens.snapshots.snapshots.time", lambda: float(NOW_S))


@asynccontextmanager
async def snapshots_of(
    host: SnapshotHost,
    scene: HostState | None = None,
    size: tuple[int, int] = (80, 24),
    *,
    config: Config | None = None,
) -> AsyncIterator[Console]:
    """The page of the domain's snapshots."""
    async with console_on(
        scene or scenes.kvm07(), size, config=config, answers=host.answers
    ) as console:
        await console.press("f", *NAME, "enter", "t")
        assert console.page == "snapshots"
        yield console


def rows(console: Console) -> list[str]:
    """The names as drawn."""
    lines = console.lines[3 : 3 + 6]
    return [line[:24].rstrip() for line in lines if line.strip()][:5]


# -- the tree --------------------------------------------------------------------------------


async def test_the_tree_begins_where_the_domain_stands() -> None:
    async with snapshots_of(SnapshotHost()) as console:
        assert console.title == f"Snapshots of {NAME}   running   5 snapshots"
        assert rows(console) == [
            "○ installed",
            "○ updates",
            "├─○ try-a",
            "│ ○ try-a-fixed",
            "└─○ try-b",
        ]
        assert "current" in console.row("└─○ try-b")
        assert "2026-02-28 18:00 disk-snapshot external, disks" in console.row("└─○ try-b")
        console.sees(
            "taken 2026-02-28 18:00:00 UTC, 20 h 0 min ago   from updates",
            "vda external: written to /guests/shop-web-2.try-b since",
            f"virsh snapshot-revert {NAME} --snapshotname try-b",
        )
        await console.press("g")
        console.sees("as delivered", "83 days ago", f"virsh snapshot-delete {NAME} --snapshotname")


async def test_the_tree_in_ascii() -> None:
    async with snapshots_of(SnapshotHost(), config=Config(ascii=True)) as console:
        assert rows(console)[2:] == ["|-o try-a", "| o try-a-fixed", "`-o try-b"]


async def test_the_domain_page_has_the_key_too() -> None:
    async with console_on(scenes.kvm07(), answers=SnapshotHost().answers) as console:
        await console.press("f", *NAME, "enter", "enter", "t")
        assert console.page == "snapshots"
        await console.press("escape")
        assert console.page == "domain"


async def test_the_xml_is_shown_and_closed() -> None:
    async with snapshots_of(SnapshotHost()) as console:
        await console.press("k", "enter")
        console.sees("<state>disk-snapshot</state>")
        console.sees_no("○ installed")
        await console.press("y")
        assert console.app.clipboard == (
            f"virsh -c qemu:///system snapshot-dumpxml {NAME} --snapshotname try-a-fixed"
        )
        await console.press("escape")
        console.sees("○ installed")
        await console.press("y")
        assert "snapshot-info" in console.app.clipboard
        await console.press("enter", "R", "escape", "k")
        console.sees("new shop, with the old database")


async def test_a_hostile_host_is_shown_as_it_is() -> None:
    async with snapshots_of(SnapshotHost(HOSTILE, unread=7), size=(120, 40)) as console:
        assert "5 snapshots   and 7 more, not read" in console.title
        assert all(line.isprintable() for line in console.lines)
        assert sum("○ same" in line for line in console.lines) == 2
        await console.press("g")
        console.sees("[red]x\\x1b[2J", "its parent nobody\\u202e is missing", "long long")
        console.sees_no("--snapshotname")
        await console.press("y")
        assert console.app.clipboard.endswith(f"snapshot-list {NAME} --tree")


async def test_what_cannot_be_read_is_said_and_what_was_known_stays() -> None:
    host = SnapshotHost()
    async with snapshots_of(host) as console:
        host.trouble = Reply("failed", "the daemon\x1b is busy")
        await console.press("?", "escape")
        assert console.status.endswith("the daemon\\x1b is busy")
        assert len(rows(console)) == 5


async def test_nothing_but_reading_is_said() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f", *NAME, "enter", "t")
        assert console.status == "reading the snapshots"
        for key, words in (("R", "no snapshot here"), ("-", "no snapshot here")):
            await console.press(key)
            assert words in console.status
        await console.press("enter")
        assert "no snapshot here" in console.status


async def test_a_domain_without_snapshots_says_how_to_take_one() -> None:
    async with snapshots_of(SnapshotHost(())) as console:
        assert console.status == "it has no snapshots; + takes one"


async def test_a_domain_that_goes_leaves_what_was_known() -> None:
    scene = scenes.kvm07()
    async with snapshots_of(SnapshotHost(), scene) as console:
        left = tuple(d for d in scene.domains if d.name != NAME)
        await console.host_says(replace(scene, domains=left))
        assert "gone" in console.title
        await console.press("+")
        assert "no domain here" in console.status


# -- taking ----------------------------------------------------------------------------------


async def test_a_snapshot_is_taken_after_name_choices_and_a_look() -> None:
    host = SnapshotHost()
    async with snapshots_of(host) as console:
        await console.press("+", *"new", "enter")
        assert "agent answers" in console.title
        console.sees("the guest stands still", "<name>new</name>", "sda is left out")
        await console.press("j", *"e", *"why not", "enter", "G", "space")
        console.sees("disk-only", "+ vda: /guests/shop-web-2.new", "40.0 GiB free in /guests")
        await console.press("enter")
        assert console.page == "changes"
        await console.press("y")
        assert "--disk-only --quiesce --diskspec vda" in console.app.clipboard
        console.sees("- vda: /guests/shop-web-2.qcow2")
        assert host.changes == []
        await console.press("enter")
        (change,) = host.changes
        assert isinstance(change, CreateSnapshot)
        assert (change.wish.name, change.wish.description) == ("new", "why not")
        assert (change.wish.kind, change.wish.quiesce) == ("disk-only", True)
        console.sees("applied", "read back: new is there")
        await console.press("escape")
        assert console.page == "snapshots"
        assert "current" in console.row("○ new")


async def test_a_snapshot_with_memory_stops_the_guest_and_wants_a_yes() -> None:
    host = SnapshotHost()
    async with snapshots_of(host) as console:
        await console.press("+", *"new", "enter", "enter", "enter")
        console.sees("take a snapshot? y/N")
        await console.press("enter")
        assert host.changes == []
        await console.press("escape")
        assert console.page == "newsnapshot"
        await console.press("j", "j", "space", "space")
        console.sees("external", "shop-web-2.new.mem")
        await console.press("space")
        console.sees("internal")


async def test_a_snapshot_that_takes_long_may_be_left_alone() -> None:
    """Whoever goes back before it is there finds the tree once it is."""
    host = SnapshotHost()
    host.hold = True
    async with snapshots_of(host) as console:
        await console.press("+", *"new", "enter", "enter", "enter", "y", "enter", "escape")
        assert console.page == "newsnapshot"
        change = console.asked(CreateSnapshot)[0]
        host.hold = False
        console.app.post_message(Replied(change, host.create(change)))
        await console.settle()
        assert console.page == "snapshots"
        assert "current" in console.row("○ new")


async def test_a_name_is_checked_while_it_is_typed() -> None:
    async with snapshots_of(SnapshotHost()) as console:
        await console.press("+", *"a/")
        assert "no / in it" in console.status
        await console.press("enter", "backspace", "backspace", *"try-a")
        assert "try-a is there already: take another name" in console.status
        await console.press("enter", "2", "enter")
        assert "space chooses" in console.status
        console.sees("<name>try-a2</name>")


async def test_without_a_name_nothing_goes_on() -> None:
    async with snapshots_of(SnapshotHost()) as console:
        await console.press("+", "escape", "enter")
        assert console.page == "newsnapshot"
        assert "a snapshot needs a name" in console.status
        await console.press("G", "e")
        assert "space chooses here" in console.status


async def test_quiesce_is_refused_where_the_agent_does_not_answer() -> None:
    host = SnapshotHost()
    host.ground = replace(host.ground, agent="not connected\x1b")
    async with snapshots_of(host) as console:
        await console.press("+", *"new", "enter", "G")
        console.sees("not now: not connected\\x1b")
        await console.press("space", "enter")
        assert console.page == "newsnapshot"
        assert "the guest agent does not answer: not connected\\x1b" in console.status


async def test_the_domain_is_looked_at_again_when_it_stops() -> None:
    host, scene = SnapshotHost(), scenes.kvm07()
    async with snapshots_of(host, scene) as console:
        await console.press("+", *"new", "enter")
        host.ground = replace(host.ground, running=False)
        off = (replace(d, state="shut off") if d.name == NAME else d for d in scene.domains)
        await console.host_says(replace(scene, domains=tuple(off)))
        assert console.title.endswith("shut off   2 disks")
        console.sees_no("stands still")


async def test_a_domain_that_cannot_be_looked_at_says_why() -> None:
    async with snapshots_of(SnapshotHost()) as console:
        await console.press("+", *"new", "enter")
        reply = Replied(ReadGround(console.domain(NAME).uuid), Reply("failed", "no such domain"))
        console.app.post_message(reply)
        await console.settle()
        assert console.status.endswith("no such domain")
        await console.press("enter")
        assert console.page == "newsnapshot"


# -- going back, deleting --------------------------------------------------------------------


async def test_going_back_asks_how_shows_what_is_lost_and_wants_the_name() -> None:
    host = SnapshotHost()
    async with snapshots_of(host) as console:
        await console.press("g", "R", "enter")
        assert console.page == "changes"
        console.sees("lost: everything since 2025-12-08", "kept, but not used then: /guests/")
        await console.press("enter", *"yes", "enter")
        assert host.changes == []
        await console.press("backspace", "backspace", "backspace", *NAME, "enter")
        (change,) = host.changes
        assert isinstance(change, RevertSnapshot)
        assert (change.snapshot, change.then) == ("installed", "as taken")
        await console.press("escape")
        assert "current" in console.row("○ installed")


async def test_a_choice_that_is_none_is_refused() -> None:
    async with snapshots_of(SnapshotHost()) as console:
        await console.press("R", *"x", "enter")
        assert "is none of as taken, running, paused" in console.status
        await console.press("escape")
        assert console.page == "snapshots"


@pytest.mark.parametrize(
    ("choice", "gone", "metadata"),
    [
        ("alone", ("updates",), False),
        ("children", ("updates", "try-a", "try-b", "try-a-fixed"), False),
        ("children-only", ("try-a", "try-b", "try-a-fixed"), False),
        ("metadata", ("updates",), True),
    ],
)
async def test_deleting_asks_what_of_it(choice: str, gone: tuple[str, ...], metadata: bool) -> None:
    host = SnapshotHost()
    async with snapshots_of(host) as console:
        await console.press("g", "j", "-", *["backspace"] * 5, *choice, "enter")
        await console.press("enter", *NAME, "enter")
        (change,) = host.changes
        assert isinstance(change, DeleteSnapshot)
        assert set(change.gone) == set(gone)
        assert change.metadata_only == metadata


async def test_children_that_are_not_there_cannot_be_deleted() -> None:
    async with snapshots_of(SnapshotHost((taken("only", None, 1),))) as console:
        await console.press("d", *["backspace"] * 5, *"children-only", "enter")
        assert "no snapshot comes from only" in console.status


@pytest.mark.parametrize("key", ["+", "R", "-"])
async def test_read_only_names_the_reason(key: str) -> None:
    scene = scenes.read_only(scenes.kvm07(), "told so")
    async with snapshots_of(SnapshotHost(), scene) as console:
        await console.press(key)
        assert console.status == "! read-only: told so"
