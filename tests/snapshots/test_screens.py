"""What every screen looks like. Differences go to snapshot_report.html.

Facts belong to the pilot tests; here are layout, colours and glyphs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot

from tests import scenes
from tests.feed import ScriptedFeed, make_console
from tests.pilot.manual import Console
from vconsole.console.app import VConsole
from vconsole.files.config import Config
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import HostState
from vconsole.model.outcome import Outcome, PinChange, Status, StepOutcome

NAME = "shop-web-2"
FIND = ("f", *NAME, "enter")


class Compare(Protocol):
    """The fixture of pytest-textual-snapshot."""

    def __call__(
        self,
        app: App[int],
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[int]], Awaitable[None]],
    ) -> bool: ...


def kvm07() -> HostState:
    return scenes.in_view(scenes.kvm07(), NAME)


def half_way(change: PinChange) -> Outcome:
    """Two rows are set, the third fails."""
    results: tuple[Status, ...] = ("applied", "applied", "failed", "not tried")
    message = "cannot set CPU affinity on process 4711: Invalid argument"
    steps = tuple(
        StepOutcome(
            step,
            status,
            message if status == "failed" else "",
            live=step.live_after if status == "applied" else step.live_before,
        )
        for step, status in zip(change.steps, results, strict=True)
    )
    return Outcome(change, "failed", steps, "vCPU 2 could not be pinned", 12.0)


def drifted(change: PinChange) -> Outcome:
    steps = tuple(
        StepOutcome(s, "applied", live=s.live_after, kernel=CpuSet.parse("0-7"))
        for s in change.steps
    )
    return Outcome(change, "applied", steps, took_ms=38.0)


@dataclass(frozen=True)
class Scene:
    """How to come to a screen."""

    keys: tuple[str, ...] = ()
    host: Callable[[], HostState] = kvm07
    later: Callable[[], HostState] | None = None
    """What the host says after the keys."""
    answer: Callable[[PinChange], Outcome] | None = None


def conflict() -> HostState:
    from tests.pilot.test_pin import pinned_by_someone

    return pinned_by_someone(scenes.kvm07(), NAME, 2, "9")


SCREENS = {
    "domains": Scene(FIND),
    "domains-filtered": Scene(("/", *"shop state:run", "enter", "j")),
    "domains-filtering": Scene(("/", *"state:x")),
    "domains-sorted": Scene(("s", "s", "s")),
    "domain": Scene((*FIND, "enter")),
    "domain-cpu": Scene((*FIND, "enter", "tab")),
    "domain-memory": Scene((*FIND, "enter", "tab", "tab")),
    "domain-devices": Scene((*FIND, "enter", "tab", "tab", "tab")),
    "domain-xml": Scene((*FIND, "enter", "x")),
    "domain-diff": Scene((*FIND, "enter", "x", "x", "x")),
    "host": Scene(("2",)),
    "host-who": Scene(("2", "enter")),
    "host-check": Scene(("2", "v")),
    "host-sixteen-cells": Scene(("2",), scenes.sixteen_cells),
    "host-one-cell": Scene(("2",), scenes.one_cell),
    "pin": Scene((*FIND, "p")),
    "pin-many-rows": Scene(("f", *"orders-db", "enter", "p")),
    "pin-sixteen-cells": Scene(("f", *"far", "enter", "p"), scenes.sixteen_cells),
    "pin-planned": Scene((*FIND, "p", "]", "x")),
    "pin-typing": Scene((*FIND, "p", "t", *"8-15,^9")),
    "pin-conflict": Scene((*FIND, "p", "x"), later=conflict),
    "plan": Scene((*FIND, "p", "]", "x", "enter")),
    "plan-applied": Scene((*FIND, "p", "]", "x", "enter", "enter")),
    "plan-drift": Scene((*FIND, "p", "]", "x", "enter", "enter"), answer=drifted),
    "plan-failed": Scene((*FIND, "p", "]", "x", "enter", "enter"), answer=half_way),
    "undo": Scene((*FIND, "p", "]", "x", "enter", "enter", "escape", "u")),
    "history": Scene((*FIND, "p", "]", "x", "enter", "enter", "escape", "H")),
    "history-empty": Scene(("H",)),
    "help": Scene((*FIND, "p", "?")),
    "one-set": Scene((*FIND, "p"), lambda: scenes.one_set(kvm07())),
    "read-only": Scene((*FIND, "u"), lambda: scenes.read_only(kvm07())),
    "stale": Scene((*FIND, "p"), later=lambda: scenes.stale(kvm07())),
    "hostile": Scene((), scenes.hostile),
    "empty": Scene((), scenes.empty),
    "connecting": Scene((), HostState),
    "never-connected": Scene((), scenes.never_connected),
}
SIZES = [(80, 24), (120, 40)]
PLAIN = ("domains", "pin-planned", "plan-failed", "host", "help", "stale")
"""Those looked at without colours as well."""


@pytest.fixture(autouse=True)
def _same_every_time(clock: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the day, the place or the person."""
    monkeypatch.chdir(tmp_path)
    for name in ("SUDO_USER", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("vconsole.changes.operator._name", lambda uid: "alice")
    monkeypatch.setattr("vconsole.changes.history.datetime", FixedDate)


class FixedDate:
    """Stands still."""

    @staticmethod
    def now(zone: object) -> object:
        from datetime import UTC, datetime

        return datetime(2025, 3, 1, 14, 2, 11, tzinfo=UTC)


def prepared(
    scene: Scene, config: Config
) -> tuple[VConsole, Callable[[Pilot[int]], Awaitable[None]]]:
    """An app, and what to do in it."""
    app, host = make_console(scene.host(), config)

    async def act(pilot: Pilot[int]) -> None:
        await _act(Console(app, host, pilot), host, scene)

    return app, act


async def _act(console: Console, host: ScriptedFeed, scene: Scene) -> None:
    if scene.answer is not None:
        host.answer = scene.answer
    await console.settle()
    await console.press(*scene.keys)
    if scene.later is not None:
        await console.host_says(scene.later())


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


@pytest.mark.parametrize("name", ["domains", "pin-planned", "host"])
def test_light(name: str, snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config(theme="vconsole-light"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)


@pytest.mark.parametrize("name", PLAIN)
def test_no_color(name: str, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with NO_COLOR: an ansi theme, so that not even greys are sent."""
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS[name], Config(theme="ansi-dark"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)


@pytest.mark.parametrize("name", ["domains", "pin-planned"])
def test_sixteen_colours(name: str, snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config(theme="ansi-light"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)


@pytest.mark.parametrize("name", ["domains", "pin-planned", "host"])
def test_ascii(name: str, snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config(ascii=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)


def test_palette(snap_compare: Compare) -> None:
    app, act = prepared(Scene((*FIND, "p", "ctrl+p", *"pcpu")), Config())

    async def search(pilot: Pilot[int]) -> None:
        await act(pilot)
        palette: Any = pilot.app.screen
        while palette._is_searching() or not palette.has_class("-ready"):
            await pilot.pause(0.02)
        await pilot.pause(0.5)

    assert snap_compare(app, terminal_size=(80, 24), run_before=search)
