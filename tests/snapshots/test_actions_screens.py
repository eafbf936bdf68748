"""What the pages of actions look like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests import scenes
from tests.feed import Answers, make_console
from tests.snapshots.pressing import RunBefore, pressing
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from vconsole.changes.entry import Entry
from vconsole.console.app import VConsole
from vconsole.features.lifecycle.model import Act
from vconsole.files.config import Config
from vconsole.model.host_state import HostState
from vconsole.model.request import Reply

FIND = ("f", *"shop-web-1", "enter")
SHOP = ("/", *"shop", "enter", "*")


@dataclass
class Scene:
    """How to come to a page."""

    keys: tuple[str, ...]
    host: Callable[[], HostState] = scenes.kvm07
    entries: tuple[Entry, ...] = ()


def _answer(act: Act) -> Reply:
    """One guest does it, one does not, the others could not be asked."""
    if act.name == "shop-web-1":
        return Reply("applied", "it is shut off, asked by agent", "shut off")
    if act.name == "shop-web-2":
        return Reply("unknown", "not within 60 s by agent, acpi; it may still do it", "running")
    return Reply("failed", "acpi: the monitor does not answer\x1b[2J")


def _read_only() -> HostState:
    return scenes.read_only(scenes.kvm07())


def _hostile() -> HostState:
    scene = scenes.hostile()
    return replace(scene, domains=tuple(replace(d, state="running") for d in scene.domains))


LOG = tuple(
    Entry(
        *("2026-03-01T14:02:1" + str(second), "alice by sudo from 192.0.2.7", "qemu:///system"),
        *("6695eb01-f6a4-8304-79aa-97f2502e193f", name, action, "running", "shut off"),
        *(outcome, "it is shut off, asked by agent", f"virsh shutdown {name} --mode agent"),
    )
    for second, name, action, outcome in (
        (1, "shop-web-1", "shutdown", "applied"),
        (2, "[red]x\x1b[2J", "enable hostinfo", "conflict"),
        (3, "mail", "pin (plan)", "applied"),
    )
)

SCREENS = {
    "chosen": Scene(SHOP),
    "menu": Scene((*FIND, "a")),
    "menu-many": Scene((*SHOP, "a", "j", "j")),
    "menu-modes": Scene((*FIND, "a", "tab", "d")),
    "menu-typed": Scene((*FIND, "a", "F", *"shop", "enter")),
    "menu-read-only": Scene((*FIND, "a", "d"), _read_only),
    "menu-hostile": Scene(("*", "a", "F"), _hostile),
    "acting": Scene((*SHOP, "a", "d", "y", "enter")),
    "activity": Scene(("7", "j"), entries=LOG),
    "activity-empty": Scene(("7",)),
}


def prepared(scene: Scene, config: Config) -> tuple[VConsole, RunBefore]:
    answers: Answers = {Act: _answer}
    app, host = make_console(scene.host(), config, answers=answers)
    for entry in scene.entries:
        app.activity.add(entry)

    return app, pressing(app, host, *scene.keys)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


@pytest.mark.parametrize("name", ["menu-typed", "acting"])
def test_no_color(name: str, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS[name], Config(theme="ansi-dark"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
