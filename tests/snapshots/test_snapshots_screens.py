"""What the pages of a domain's snapshots look like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from tests import scenes
from tests.feed import make_console
from tests.pilot.snapshot_host import GROUND, HOSTILE, NAME, NOW_S, SnapshotHost
from tests.snapshots.pressing import RunBefore, pressing
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from vconsole.console.app import VConsole
from vconsole.files.config import Config

OPEN = ("f", *NAME, "enter", "t")


@dataclass
class Scene:
    """How to come to a page."""

    keys: tuple[str, ...] = ()
    host: SnapshotHost = field(default_factory=SnapshotHost)


def _silent() -> SnapshotHost:
    return SnapshotHost(ground=replace(GROUND, agent="the agent is not connected\x1b"))


SCREENS: dict[str, Callable[[], Scene]] = {
    "tree": lambda: Scene(("g", "j", "j")),
    "none": lambda: Scene((), SnapshotHost(())),
    "hostile": lambda: Scene(("g",), SnapshotHost(HOSTILE, unread=3)),
    "xml": lambda: Scene(("k", "enter")),
    "new": lambda: Scene(("+", *"new", "enter", "G", "space")),
    "new-name": lambda: Scene(("+", *"try-a")),
    "new-silent": lambda: Scene(("+", *"new", "enter", "G", "space", "enter"), _silent()),
    "taken": lambda: Scene(("+", *"new", "enter", "G", "space", "enter", "enter")),
    "revert": lambda: Scene(("g", "R", "enter", "enter", *"shop")),
    "delete": lambda: Scene(("g", "-")),
}


def prepared(scene: Scene, config: Config) -> tuple[VConsole, RunBefore]:
    app, host = make_console(scenes.kvm07(), config, answers=scene.host.answers)

    return app, pressing(app, host, *OPEN, *scene.keys)


@pytest.fixture(autouse=True)
def _at_two_o_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vconsole.screens.snapshots.snapshots.time", lambda: float(NOW_S))


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name](), Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


def test_ascii_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS["tree"](), Config(theme="ansi-dark", ascii=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
