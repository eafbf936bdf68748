"""A host that is gone, slow, read-only or hostile: the screen stays true, keys stay alive."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from tests import scenes
from tests.fleet import HOSTILE_NAMES
from tests.pilot.manual import Console, console_on
from tests.pilot.test_domains import changed
from tests.pilot.test_pin import WEB_2, pins_of, planned
from vconsole.console.app import TO_DEMO
from vconsole.files.config import Config
from vconsole.model.command import Context
from vconsole.model.host_state import Connection, Freshness, HostState
from vconsole.registry import COMMANDS
from vconsole.text import safe
from vconsole.widgets.table import LineTable

PAGES = {"domains": (), "domain": ("enter",), "pin": ("p",), "host": ("2",), "history": ("H",)}
every_page = pytest.mark.parametrize("keys", PAGES.values(), ids=PAGES.keys())


# -- no connection ---------------------------------------------------------------------------


async def test_before_the_first_reading_it_says_connecting() -> None:
    async with console_on(HostState()) as console:
        assert console.header.endswith("connecting")


async def test_a_host_that_was_never_there_says_why() -> None:
    async with console_on(scenes.never_connected()) as console:
        assert console.status == "! qemu:///system: connection refused"
        assert console.header.endswith("no data")
        await console.press("f5", "enter", "p", "2", "escape", "H", "escape", "u")
        assert console.status == "! not connected: qemu:///system: connection refused"
        await console.press("q")
        assert not console.is_open


async def test_the_list_comes_when_the_host_does() -> None:
    async with console_on(scenes.never_connected()) as console:
        await console.host_says(scenes.kvm07())
        console.sees("Domains 22", "shop-web-1")
        assert "refused" not in console.status
        assert console.header.endswith("live  1 s")


@every_page
async def test_stale_data_stays_with_its_age(keys: tuple[str, ...], clock: float) -> None:
    scene = scenes.in_view(scenes.kvm07(), WEB_2)
    async with console_on(scene, (120, 40)) as console:
        await console.press("f", *WEB_2, "enter", *keys)
        before = console.lines[1:-2]
        await console.host_says(scenes.stale(scene))
        assert console.header.endswith("STALE 7 s")
        assert console.lines[1:-2] == before


async def test_the_age_counts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = scenes.NOW
    monkeypatch.setattr("vconsole.widgets.bars.monotonic", lambda: now)
    async with console_on(scenes.stale(scenes.kvm07())) as console:
        assert console.header.endswith("STALE 7 s")
        assert console.status == "! not connected: libvirt does not answer"
        now += 60
        await console.until("STALE 1 min")


async def test_data_that_is_seldom_read_has_its_age_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Late is not stale; older than it was said to become is told as well."""
    now = scenes.NOW
    monkeypatch.setattr("vconsole.widgets.bars.monotonic", lambda: now)
    seldom = replace(scenes.kvm07(), freshness=Freshness(now - 3, pace_s=20.0))
    async with console_on(seldom) as console:
        assert console.header.endswith("3 s old, read every 20 s")
        now += 12
        await console.until("15 s old, read every 20 s")
        now += 12
        await console.until("27 s old, read every 20 s")
        now += 4
        await console.until("31 s old")
        assert "every" not in console.header
        now += 1
        await console.host_says(replace(seldom, freshness=Freshness(now, pace_s=5.0)))
        assert console.header.endswith("live  5 s")


async def test_while_stale_the_keys_work_and_applying_does_not() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x")
        await console.host_says(scenes.stale(scenes.kvm07()))
        await console.press("j", "n", "enter")
        assert console.page == "plan"
        await console.press("enter")
        assert console.status == "! not connected: libvirt does not answer"
        assert console.host.changes == []
        await console.press("escape", "u")
        assert console.status == "! not connected: libvirt does not answer"
        assert len(planned(console)) == 4


async def test_after_a_reconnect_place_plan_and_filter_are_as_before() -> None:
    scene = scenes.kvm07()
    async with console_on(scene) as console:
        await console.press("/", *"shop", "enter", "j", "j", "p", "x", "escape")
        await console.host_says(scenes.stale(scene))
        await console.host_says(scenes.kvm07())
        assert console.here == WEB_2
        console.sees("Domains 4/22")
        assert len(planned(console)) == 4
        assert console.header.endswith("live  1 s")
        await console.press("p", "enter", "enter")
        assert console.status.startswith("4 of 4 applied")


async def test_f5_reads_now() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f5")
        assert console.host.refreshed == 1
        assert console.status == "reading"


async def test_the_host_is_told_what_is_looked_at() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f", *WEB_2, "enter", "p", "escape")
        uuid = scenes.uuid_of(WEB_2)
        assert [(v.page, v.uuid) for v in console.host.views[-2:]] == [
            ("pin", uuid),
            ("domains", None),
        ]


async def test_leaving_lets_the_host_go() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("q")
    assert console.host.stopped


async def test_while_connecting_it_names_the_uri_and_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = scenes.NOW
    monkeypatch.setattr("vconsole.widgets.bars.monotonic", lambda: now)
    uri = "qemu+ssh://root@kvm07.example.org/system"
    fresh = Freshness(None, now, "waiting for libvirt to connect", connecting_since=now - 9)
    async with console_on(HostState(Connection(uri=uri), fresh)) as console:
        assert uri in console.header
        assert console.header.endswith("connecting 9 s")
        now += 3
        await console.until("connecting 12 s")


async def test_cause_and_cure_are_whole_and_the_demo_is_offered() -> None:
    cause = "cannot connect: qemu:///system: Failed to connect to '/run/libvirt/libvirt-sock'"
    scene = scenes.never_connected(cause + ": No such file or directory")
    fresh = replace(scene.freshness, cure="start it: systemctl start libvirtd")
    keys = {"domains.demo": "f9"}
    async with console_on(replace(scene, freshness=fresh), config=Config(keys=keys)) as console:
        shown = " ".join(console.text.split())
        assert "libvirt-sock': No such file or directory" in shown
        assert "start it: systemctl start libvirtd" in shown
        assert "f9 opens the demo host" in shown
        await console.press("f9")
        assert not console.is_open
        assert console.app.return_code == TO_DEMO


async def test_the_demo_is_not_opened_over_a_host() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("d")
        assert console.is_open
        assert console.status.startswith("! connected to ")
        console.sees_no("opens the demo host")


async def test_a_notice_on_the_connection_stays_on_every_page() -> None:
    scene, words = scenes.kvm07(), "no libvirt runs here: demo, nothing real changes"
    scene = replace(scene, connection=replace(scene.connection, notice=words))
    async with console_on(scene) as console:
        for keys in ((), ("enter",), ("escape", "p"), ("escape", "2")):
            await console.press(*keys)
            assert console.lines[1].strip() == words


async def test_an_empty_session_names_the_systems_daemon() -> None:
    scene = scenes.kvm07()
    connection = replace(scene.connection, uri="qemu:///session")
    async with console_on(replace(scene, connection=connection, domains=())) as console:
        assert "qemu:///session" in console.status
        assert "-c qemu:///system" in console.status


async def test_a_list_that_may_not_be_read_is_not_an_empty_host() -> None:
    scene = scenes.kvm07()
    fresh = replace(scene.freshness, reason="list 0: access denied")
    async with console_on(replace(scene, domains=(), freshness=fresh)) as console:
        assert console.status == "! list 0: access denied"


# -- read-only -------------------------------------------------------------------------------


async def test_read_only_is_said_in_the_header() -> None:
    async with console_on(scenes.read_only(scenes.kvm07())) as console:
        assert " READ-ONLY " in console.header


async def test_read_only_refuses_each_change_with_the_reason() -> None:
    scene = scenes.read_only(scenes.kvm07(), "polkit denies org.libvirt.unix.manage")
    refusal = "! read-only: polkit denies org.libvirt.unix.manage"
    async with pins_of(WEB_2, scene) as console:
        for key in ("u", "ctrl+r"):
            await console.press(key)
            assert console.status == refusal
        await console.press("x", "enter")
        assert console.status == refusal, "it does not offer what cannot be done"
        for key in ("enter", "b"):
            await console.press(key)
            assert console.status == refusal
        assert console.page == "plan"
        assert console.host.changes == []


def changing() -> list[str]:
    """Commands that give domains devices, files or a state; each asks first whether it may."""
    given = {
        "network": "move link mac add remove",
        "hostinfo": "enable disable repair",
        "metricsattach": "attach detach",
        "jobs": "cancel remove",
    }
    return [f"{scope}.{word}" for scope, words in given.items() for word in words.split()]


@pytest.mark.parametrize("command", changing())
def test_what_changes_something_says_why_not_before_it_asks_anything(command: str) -> None:
    page = SimpleNamespace(known=scenes.read_only(scenes.kvm07(), "told so"), subject=None)
    assert COMMANDS[command].why_not(cast(Context, page)) == "read-only: told so"


async def test_the_demo_host_says_that_it_is_one() -> None:
    async with console_on(scenes.one_set(scenes.kvm07())) as console:
        assert " DEMO " in console.header


# -- hostile text ----------------------------------------------------------------------------


CONTROLS = [name for name in HOSTILE_NAMES if not name.isprintable()]
KINDS = (
    *HOSTILE_NAMES[2:4],
    " ",
    "".join(CONTROLS),
    "".join(reversed(CONTROLS)),
    *(name for name in HOSTILE_NAMES if len(name) > 24 and name.isprintable()),
)
"""Each kind of text that a screen could take ill; each name alone is in test_text.py."""


def everything_hostile(text: str) -> HostState:
    """One text in every field that somebody else can choose."""
    scene = scenes.kvm07()
    connection = replace(scene.connection, hostname=text, uri=f"test:///{text}", driver=text)
    scene = replace(scene, connection=connection)
    scene = changed(scene, WEB_2, name=text, title=text, problem=text)
    scene = changed(scene, "mail", name=text + "2", title=text)
    scene = changed(scene, "shop-web-1", name=text + "3", title=text)
    node = replace(scene.node, model=text, governor=text)
    checks = tuple(replace(c, name=text, reason=text, cure=text) for c in node.checks)
    scene = replace(scene, node=replace(node, checks=checks))
    base = scenes.in_view(scenes.kvm07(), WEB_2).detail
    assert base is not None
    threads = tuple(replace(t, state=text) for t in base.threads)
    devices = tuple(replace(d, kind=text, target=text, description=text) for d in base.devices)
    detail = replace(
        base,
        threads=threads,
        devices=devices,
        facts=((text, text),),
        xml_live=text,
        xml_config=text,
    )
    return replace(scene, detail=detail)


def is_harmless(console: Console, size: tuple[int, int]) -> None:
    """Only printable characters, every line as wide as the screen, the bars where they belong."""
    strips = console.app.screen._compositor.render_strips()
    assert len(strips) == size[1]
    for strip in strips:
        assert strip.cell_length == size[0], repr(strip.text)
        assert all(c.isprintable() or c.isspace() for c in strip.text), repr(strip.text)
        assert not set("\u202e\u2066\u200b\ufeff\x85\u2028") & set(strip.text)
    assert "vconsole" in console.header
    assert console.footer.endswith("? help")


@pytest.mark.parametrize("text", KINDS, ids=range(len(KINDS)))
async def test_hostile_text_in_every_field_is_shown_and_does_nothing(text: str) -> None:
    size = (120, 40)
    async with console_on(everything_hostile(text), size) as console:
        table = console.app.screen.query_one(LineTable)
        table.show(table.keys, cursor=scenes.uuid_of(WEB_2))
        await console.settle()
        is_harmless(console, size)
        short = safe(text)[:12].strip()
        console.sees(short)
        for keys in (
            ("p",),
            ("x",),
            ("enter",),
            ("escape", "escape", "enter"),
            ("tab",),
            ("tab",),
            ("tab",),
            ("tab",),
            ("x",),
            ("x",),
            ("escape", "2"),
            ("escape", "y"),
        ):
            await console.press(*keys)
            assert console.is_open
            is_harmless(console, size)
        await console.press("q")
        assert console.is_open, "a plan is open"
        is_harmless(console, size)


@pytest.mark.parametrize("text", KINDS, ids=range(len(KINDS)))
async def test_hostile_text_in_the_dialogs_and_reasons(text: str) -> None:
    scene = scenes.read_only(scenes.stale(everything_hostile(text), text), text)
    async with console_on(scene, (120, 40)) as console:
        for keys in (("u",), ("?",), ("escape", "2", "v"), ("escape", "enter"), ("escape",)):
            await console.press(*keys)
            for line in console.lines:
                assert all(c.isprintable() or c.isspace() for c in line), repr(line)
        await console.host_says(scenes.never_connected(text))
        is_harmless(console, (120, 40))


async def test_markup_in_a_name_is_no_markup() -> None:
    async with console_on(scenes.hostile(), (120, 40)) as console:
        console.sees("[link=file:x]", "[red]alarm", "[@click=app.quit]", "\\[bold]")


async def test_two_names_that_look_alike_are_told_apart() -> None:
    scene = changed(scenes.kvm07(), "mail", name="shop-web-2\u200b")
    async with console_on(scene, (100, 24)) as console:
        console.sees("shop-web-2\\u200b")


# -- the terminal ----------------------------------------------------------------------------


async def test_many_sizes_in_a_row_end_right() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f", *"orders-db", "enter", "p")
        for number in range(40):
            size = (20 + number * 37 % 180, 5 + number * 13 % 55)
            await console.pilot.resize_terminal(*size)
        await console.pilot.resize_terminal(120, 40)
        await console.settle()
        is_harmless(console, (120, 40))
        assert console.title.startswith("Pin orders-db ")


async def test_a_terminal_too_small_says_what_is_needed() -> None:
    async with console_on(scenes.kvm07(), (30, 5)) as console:
        assert console.text.split() == ["needs", "40x8"]
        await console.pilot.resize_terminal(80, 24)
        await console.settle()
        assert console.title.startswith("Domains 22")
        await console.pilot.resize_terminal(80, 5)
        await console.settle()
        assert console.text.split() == ["needs", "40x8"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=str)
@pytest.mark.parametrize("name", ["orders-db", WEB_2])
async def test_status_and_footer_are_always_in_view(size: tuple[int, int], name: str) -> None:
    async with console_on(scenes.in_view(scenes.kvm07(), name), size) as console:
        await console.press("f", *name, "enter")
        keys = ((), ("p",), ("n",), ("t",), ("escape", "enter"), ("w",), ("escape", "escape"))
        for pressed in (*keys, ("escape", "enter"), ("escape", "2"), ("H",)):
            await console.press(*pressed)
            assert console.lines[0] == console.header
            assert console.lines[-1].strip() == console.footer
            assert console.status.endswith(console.lines[-2].strip())


async def test_without_unicode_only_ascii_is_drawn() -> None:
    async with console_on(scenes.kvm07(), (120, 40), config=Config(ascii=True)) as console:
        for keys in ((), ("s",), ("p",), ("x", "enter"), ("escape", "escape", "2"), ("H",)):
            await console.press(*keys)
            odd = {c for c in console.text if not c.isascii()} - {"…", "─"}
            assert not odd, f"after {keys}: {odd}"
