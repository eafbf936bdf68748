"""Every command can be found: by key, in the palette, in the help; or it says why it cannot run."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from textual.binding import Binding
from textual.command import Hit
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import OptionList

from tests import scenes
from tests.pages import all_pages
from tests.pilot.manual import Console, console_on
from tests.pilot.test_pin import WEB_2
from vconsole.console.app import VConsole
from vconsole.console.navigation import AppCommands
from vconsole.console.palette import CommandProvider, Palette
from vconsole.files.config import Config
from vconsole.model.host_state import HostState
from vconsole.model.keys import key_name, with_keys, works
from vconsole.registry import COMMANDS, of_scope
from vconsole.screens.help import HelpScreen
from vconsole.screens.page import Page

PAGES = all_pages()
WAYS = {
    "domains": (),
    "domain": ("enter",),
    "divergence": ("D",),
    "host": ("2",),
    "pin": ("p",),
    "plan": ("p", "x", "enter"),
    "history": ("H",),
    "newsnapshot": ("t", "+", "escape"),
    "snapshots": ("t",),
    "hostinfo": ("4",),
    "resources": ("m",),
    "hostmemory": ("2", "m"),
    "policy": ("o",),
    "agent": ("A",),
    "network": ("n",),
    "networks": ("2", "n"),
}
every_page = pytest.mark.parametrize("page", WAYS)


async def go(console: Console, page: str) -> None:
    """Open a page for one domain."""
    await console.press("f", *WEB_2, "enter", *WAYS[page])
    assert console.page == page


def dialog(console: Console) -> Screen[object]:
    return console.app.screen


# -- the table of commands -------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_handler(name: str) -> None:
    command = COMMANDS[name]
    if command.opens:
        assert command.opens in PAGES
        return
    owner: type = AppCommands if command.scope == "app" else PAGES[command.scope]
    assert callable(getattr(owner, f"do_{command.action}", None))


@pytest.mark.parametrize("owner", [*PAGES.values(), AppCommands], ids=lambda o: o.__name__)
def test_every_handler_has_a_command(owner: type) -> None:
    scope = getattr(owner, "SCOPE", "app")
    handlers = {name[3:] for name in dir(owner) if name.startswith("do_")}
    commands = of_scope(scope)
    assert {c.action for c in commands if not c.opens} <= handlers <= {c.action for c in commands}


@pytest.mark.parametrize("scope", PAGES)
def test_no_key_is_taken_twice_on_a_page(scope: str) -> None:
    """Twice by commands, or by a command and a movement of what has the focus there."""
    from vconsole.screens.hostmap.cellmap import CellMap
    from vconsole.widgets.lines import LinesView
    from vconsole.widgets.matrix import PinMatrix
    from vconsole.widgets.table import LineTable

    others: dict[str, type[Widget]] = {
        "domain": LinesView,
        "host": CellMap,
        "pin": PinMatrix,
        "filediff": LinesView,
        "changes": LinesView,
        "agent": LinesView,
    }
    if PAGES[scope].TYPED == "text":
        return  # what prints is text there
    keys = [key for c in (*of_scope(scope), *of_scope("app")) for key in c.keys.split(",")]
    for binding in others.get(scope, LineTable).BINDINGS:
        assert isinstance(binding, Binding)
        keys += binding.key.split(",")
    assert sorted(keys) == sorted(set(keys))


def test_every_command_is_bound_with_its_id() -> None:
    for scope, page in PAGES.items():
        bound = {b.id for b in page.BINDINGS if isinstance(b, Binding) and b.id}
        assert bound == {command.id for command in of_scope(scope)}


@every_page
@pytest.mark.usefixtures("painted")
async def test_each_command_runs_or_says_why_not(page: str) -> None:
    """By its id, as palette, footer and keys all do; anew after one that leaves the page."""
    leave = {"app.quit", "app.suspend", "app.screenshot"}
    everywhere = of_scope("app") if page == "domain" else ()
    left = [c for c in (*of_scope(page), *everywhere) if c.id not in leave]
    while left:
        async with console_on(scenes.in_view(scenes.kvm07(), WEB_2), (120, 40)) as console:
            await go(console, page)
            front = console.app.page
            assert front is not None
            at_rest = console.app.focused
            while left and console.app.screen is front and console.app.focused is at_rest:
                command = left.pop()
                reason = command.why_not(front)
                await console.app.action_run_command(command.id)
                await console.settle()
                if reason is not None:
                    assert reason in console.status, command.id
                    assert console.page == page, command.id
                assert console.is_open, command.id


# -- the palette -----------------------------------------------------------------------------


@every_page
async def test_the_palette_lists_each_command_of_the_page_and_of_the_app(page: str) -> None:
    async with console_on(scenes.kvm07(), (120, 90)) as console:
        await go(console, page)
        await console.press("ctrl+p")
        await console.until(of_scope("app")[-1].help.rstrip("."))
        options = dialog(console).query_one(OptionList)
        prompts = [str(option.prompt) for option in options.options]
        for command in (*of_scope(page), *of_scope("app")):
            key = key_name(command.keys.split(",")[0])
            words = with_keys(command.help, console.app.key_named).rstrip(".")
            assert any(f"{words}  [{key}]" in p for p in prompts), command.id


async def test_a_command_that_cannot_run_says_why_in_the_palette() -> None:
    async with console_on(scenes.read_only(scenes.kvm07(), "told so"), (120, 40)) as console:
        await console.press("ctrl+p", *"undo the pin")
        await console.until("Undo the pin changes applied last  [u]")
        console.sees("not now: read-only: told so")
        await console.press("enter")
        await console.until("")
        await console.settle()
        assert console.status == "! read-only: told so"


async def test_the_palette_names_the_virsh_equivalent() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("f", *WEB_2, "enter", ":", *"pin the vcpus")
        await console.until("virsh vcpupin shop-web-2")


async def test_the_palette_runs_what_is_chosen() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("ctrl+p", *"go to the host")
        await console.until("Go to the host: cells")
        await console.press("enter")
        await console.comes(lambda: console.page == "host")
        assert console.page == "host"


async def test_enter_runs_what_the_words_find_though_the_list_is_still_that_of_fewer() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("ctrl+p")
        await console.until("Open the domain")
        for key in (*"nodememstats", "enter"):
            console.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await console.comes(lambda: console.app.screen is console.app.page)
        await console.comes(lambda: console.page == "hostmemory")


async def test_enter_where_nothing_is_found_runs_nothing() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("ctrl+p")
        await console.until("Open the domain")
        for key in (*"zzzz", "enter"):
            console.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await console.until("No matches found")
        assert console.page == "domains"


async def test_an_enter_that_waits_is_dropped_by_what_is_typed_after_it() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("ctrl+p")
        await console.until("Open the domain")
        palette = console.app.screen
        assert isinstance(palette, Palette)
        palette._enter_waits = True
        await console.press(*"nodememstats")
        await console.until("nodememstats")
        await console.settle()
        assert (palette._enter_waits, console.app.screen) == (False, palette)


async def test_the_palette_finds_a_domain() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("ctrl+p", *"trading")
        await console.until("domain trading-gw")
        await console.press("enter")
        await console.comes(lambda: console.page == "domain")
        await console.settle()
        assert (console.page, console.here) == ("domain", "trading-gw")


@pytest.mark.parametrize("key", ["pagedown", "pageup", "home", "end", "down", "up", "enter"])
async def test_a_key_that_comes_before_the_list_does_no_harm(key: str) -> None:
    async with console_on(scenes.kvm07()) as console:
        for name in ("ctrl+p", key):
            console.app.post_message(events.Key(name, None))
        for _ in range(10):
            console.app.post_message(events.Key(key, None))
            await console.pilot.pause(0.01)
        assert console.is_open


async def test_a_palette_opens_from_the_palette() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("ctrl+p", *"find any")
        await console.until("Find any command or domain by name")
        await console.press("enter")
        await console.until("Open the domain")
        await console.press("ctrl+p", "escape")
        assert dialog(console) is console.app.page


async def test_who_runs_here_opens_from_the_palette() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("2", "ctrl+p", *"who may run on")
        await console.until("Show who may run on this pCPU")
        await console.press("enter")
        await console.until("pCPU 0 ")
        await console.host_says(scenes.kvm07())
        await console.press("escape")
        assert console.page == "host"


async def test_hostile_names_in_the_palette_are_literal() -> None:
    async with console_on(scenes.hostile(), (120, 40)) as console:
        await console.press("ctrl+p", *"alarm")
        await console.until("domain [red]alarm")
        await console.press("escape", "escape", "ctrl+p", *"jgone")
        await console.until("esc\\x1b[2Jgone")
        assert all(line.isprintable() for line in console.lines)


# -- help and footer -------------------------------------------------------------------------


@every_page
async def test_help_lists_every_key_of_the_page_and_of_the_app(page: str) -> None:
    async with console_on(scenes.kvm07(), (120, 100)) as console:
        await go(console, page)
        await console.press("?")
        assert isinstance(dialog(console), HelpScreen)
        shown = " ".join(console.text.split())
        for command in (*of_scope(page), *of_scope("app")):
            first = key_name(command.keys.split(",")[0])
            if not works(first, PAGES[page].TYPED):
                continue
            assert re.search(rf"(^| ){re.escape(first)} ", shown), command.id
            words = with_keys(command.help, console.app.key_named)
            assert words.split(":")[0][:40] in shown, command.id
        await console.press("escape")
        assert console.page == page
        assert not isinstance(dialog(console), HelpScreen)


async def test_help_says_why_a_command_cannot_run() -> None:
    async with console_on(scenes.stale(scenes.kvm07()), (120, 60)) as console:
        await console.press("?")
        assert "(not now: not connected: libvirt does not answer)" in " ".join(console.text.split())


async def test_help_scrolls_on_a_small_screen() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("?")
        console.sees_no("Quit; asks again")
        await console.press("end")
        await console.until("Quit; asks again")


LATER = {"plan.rollback"}
"""Offered only when something is there to put back."""


@every_page
async def test_the_footer_shows_keys_that_run_and_always_the_help(page: str) -> None:
    async with console_on(scenes.kvm07(), (200, 40)) as console:
        await go(console, page)
        for command in of_scope(page):
            if command.title and command.id not in LATER:
                key = key_name(command.keys.split(",")[0])
                assert f"{key} {command.title}" in console.footer
        assert console.footer.endswith("^p find  ? help")


async def test_a_click_on_the_footer_runs_the_command() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f", *WEB_2, "enter")
        x = console.lines[-1].index("p pin") + 2
        await console.pilot.click(offset=(x, 23))
        await console.settle()
        assert (console.page, console.here) == ("pin", WEB_2)


# -- the user's keys -------------------------------------------------------------------------


async def test_a_user_may_bind_other_keys() -> None:
    config = Config(keys={"domains.pin": "B,f7", "app.quit": "ctrl+x"})
    async with console_on(scenes.kvm07(), (120, 90), config=config) as console:
        assert "B pin" in console.footer
        await console.press("p")
        assert console.page == "domains"
        await console.press("q")
        assert console.is_open
        await console.press("f7")
        assert console.page == "pin"
        await console.press("escape", "B")
        assert console.page == "pin"
        await console.press("?")
        console.sees("^x")
        await console.press("escape", "escape", "ctrl+x")
        assert not console.is_open


async def test_two_commands_may_swap_their_keys() -> None:
    config = Config(keys={"domains.pin": "s", "domains.sort": "p"})
    async with console_on(scenes.kvm07(), config=config) as console:
        await console.press("p")
        assert console.status.startswith("sorted by state")
        await console.press("s")
        assert console.page == "pin"


# -- services --------------------------------------------------------------------------------


async def test_f2_switches_between_dark_and_light() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f2")
        assert console.app.theme == "vconsole-light"
        await console.press("f2")
        assert console.app.theme == "vconsole-dark"


async def test_f12_saves_a_picture_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with console_on(scenes.kvm07(), (200, 40)) as console:
        await console.press("f12")
        assert re.fullmatch(rf"saved {re.escape(str(tmp_path))}/\S+\.svg", console.status)


async def test_f12_in_a_directory_that_cannot_be_written_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir("/proc")
    async with console_on(scenes.kvm07(), (200, 40)) as console:
        await console.press("f12")
        assert console.status.startswith("x no picture: ")
        assert console.is_open


@pytest.mark.parametrize("digit", ["1", "3"])
@every_page
async def test_the_digits_go_to_a_page_unless_values_are_asked_for(page: str, digit: str) -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await go(console, page)
        has_domain = console.here is not None
        await console.press(digit)
        target = {"1": "domains", "3": "pin"}[digit]
        if PAGES[page].TYPED:
            assert console.page == page
            assert console.status == "! digits open no page from here; esc goes back first"
        elif digit == "3" and not has_domain:
            assert console.status == "! no domain here"
        else:
            assert console.page == target
        pages = [s for s in console.app.screen_stack if isinstance(s, Page)]
        assert len({type(p) for p in pages}) == len(pages), "no page is stacked twice"


# -- anything at all -------------------------------------------------------------------------

SCENES: dict[str, Callable[[], HostState]] = {
    "kvm07": lambda: scenes.in_view(scenes.kvm07(), WEB_2),
    "hostile": scenes.hostile,
    "sixteen-cells": scenes.sixteen_cells,
    "one-cell": scenes.one_cell,
    "one-set": lambda: scenes.one_set(scenes.kvm07()),
    "empty": scenes.empty,
    "never-connected": scenes.never_connected,
    "stale-read-only": lambda: scenes.stale(scenes.read_only(scenes.kvm07())),
}
KEYS = sorted(
    {key for c in COMMANDS.values() for key in c.keys.split(",")}
    | set("hjklgG0123456789,^-")
    | {"up", "down", "left", "right", "home", "end", "pageup", "pagedown", "ctrl+u", "ctrl+d"}
    | {"enter", "escape", "backspace", "delete", "tab", "space", "é", "宿"}
)
HARMFUL = {"q", "ctrl+q", "ctrl+z", "f12"}
LARGE = ("kvm07", "hostile", "sixteen-cells")
"""What fills a large screen."""
TRIED = [
    *((scene, size) for scene in SCENES for size in ((20, 5), (80, 24))),
    *((scene, (200, 60)) for scene in LARGE),
]


def painted_anew(console: Console) -> list[str]:
    """The screen after everything was asked to paint itself."""
    for widget in console.app.screen.walk_children(with_self=True):
        widget.refresh()
    return console.lines


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize(("scene", "size"), TRIED, ids=str)
async def test_no_sequence_of_keys_breaks_it(
    scene: str, size: tuple[int, int], clock: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """100 keys at random, readings in between; what is on the screen is what should be there."""
    monkeypatch.chdir(tmp_path)  # it saves plans as well
    monkeypatch.setattr(AppCommands, "do_quit", lambda _: None)  # the palette has it too
    monkeypatch.setattr(VConsole, "open_demo", lambda _: None)  # it leaves, too
    dice = random.Random(f"{scene} {size}")
    likely = [k for k in KEYS if k not in HARMFUL] + ["enter", "escape", "p", "x", "j", "space"] * 3
    known = list(SCENES)
    async with console_on(SCENES[scene](), size) as console:
        pressed = []
        for number in range(100):
            key = dice.choice(likely)
            pressed.append(key)
            await console.press(key)
            assert console.is_open, pressed[-20:]
            if number % 20 == 19:
                now = dice.choice([scene, scene, scene, *known])
                await console.host_says(SCENES[now]())
                if console.app.screen is not console.app.page:
                    continue  # a dialog: what is behind it is painted with it
                before = console.lines
                assert before == painted_anew(console), f"not repainted after {pressed[-20:]}"


# -- commands of other pages -----------------------------------------------------------------

FOUND = {
    "vcpupin": "Pin the vCPUs of the domain",
    "freecell": "Go to the host: cells",
    "autostart": "Start it when the host's libvirt starts",
    "dumpxml": "Go to the XML",
    "capabilities": "Check what virtualization needs",
    "snapshot-revert": "Put the domain back to the snapshot",
    "setmem": "Go to its memory and vCPUs",
    "net-list": "Go to networks and bridges",
    "kill": "Pull the plug",
    "nic": "Go to the network interfaces",
    "balloon": "Go to its memory and vCPUs",
    "timezone": "Set its clock, power and USB policy",
}
"""What is typed -> what is found, from any page."""


@pytest.mark.parametrize("words", FOUND)
async def test_the_palette_knows_the_words_of_virsh_and_of_others(words: str) -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("f", *WEB_2, "enter", "ctrl+p", *words)
        await console.until(FOUND[words])


NAMES = sorted({c.virsh.split()[0] for c in COMMANDS.values() if c.virsh})


@pytest.mark.parametrize("page", ["domain", "host"])
async def test_a_word_of_virsh_finds_first_what_it_does(page: str) -> None:
    """Wherever it belongs: what is merely called so, or has the letters, comes below."""
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("f", *WEB_2, "enter", *(["2"] if page == "host" else []))
        provider = CommandProvider(console.app.screen)
        for name in NAMES:
            hits = [hit async for hit in provider.search(name) if isinstance(hit, Hit)]
            best = max(hits, key=lambda hit: hit.score)
            named = [c for c in COMMANDS.values() if c.named(name)]
            titles = {with_keys(c.help, console.app.key_named).rstrip(".") for c in named}
            assert str(best.text).partition("  [")[0] in titles, name


async def test_from_a_page_of_the_host_too() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("2", "ctrl+p", *"nodememstats")
        await console.until("Go to the host's memory and swap")
        await console.press("escape", "escape", "4", "ctrl+p", *"nodememstats")
        await console.until("opens Host: memory")


async def test_what_is_elsewhere_opens_its_page_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        monkeypatch.setattr(console.app, "notify", lambda words, **_: said.append(words))
        await console.press("f", *WEB_2, "enter", "ctrl+p", *"snapshot-revert")
        await console.until(f"opens Snapshots of {WEB_2}")
        console.sees("[R on Snapshots]", f"virsh snapshot-revert {WEB_2}")
        await console.press("enter")  # above what is merely called so here
        await console.comes(lambda: said)
        await console.settle()
        assert (console.page, console.here) == ("snapshots", WEB_2)
    assert said == ["R: Put the domain back to the snapshot; what came since is lost."]


async def test_what_needs_a_domain_says_so_where_there_is_none() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("4", "tab")
        await console.press("2", "ctrl+p", *"destroy")
        await console.until("not now: no domain here")
        await console.press("enter")
        await console.comes(lambda: console.app.screen is console.app.page)
        await console.comes(lambda: "no domain here" in console.status)
        assert (console.page, console.status) == ("host", "! not now: no domain here")


@pytest.mark.parametrize(
    ("typed", "found"),
    [("", "Open the domain"), ("pins", "virsh vcpupin"), ("xqzj", "No matches found")],
)
async def test_all_of_it_is_ascii_where_nothing_else_can_be_shown(typed: str, found: str) -> None:
    """What is Textual's own as much as ours."""
    async with console_on(scenes.kvm07(), (80, 24), config=Config(ascii=True)) as console:
        await console.press("ctrl+p", *typed)
        await console.until(found)
        console.sees("> ")
        assert console.text.isascii()
