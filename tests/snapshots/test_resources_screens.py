"""What the page of memory and vCPUs looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests import scenes
from tests.feed import make_console
from tests.pilot.resources_host import GIB, NAME, REPORT, Host
from tests.snapshots.pressing import RunBefore, pressing
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from vconsole.console.app import VConsole
from vconsole.files.config import Config

FIND = ("f", *NAME, "enter", "m")
CURRENT = (*FIND, "j", "e", "ctrl+u")
PINS = "".join(f"    <vcpupin vcpu='{n}' cpuset='{n}'/>\n" for n in (0, 3))
PINNED = f"  <cputune>\n{PINS}  </cputune>\n"


@dataclass
class Scene:
    """How to come to a page."""

    keys: tuple[str, ...]
    host: Callable[[], Host] = Host


def _shut_off() -> Host:
    host = Host()
    host.live = None
    return host


def _large() -> Host:
    host = Host()
    host.live = (host.live or "").replace(f">{8 * GIB}<", f">{96 * GIB}<")
    return host


SCREENS = {
    "resources": Scene(FIND),
    "stale": Scene(FIND, lambda: Host(replace(REPORT, age_s=61.0))),
    "shut-off": Scene(FIND, _shut_off),
    "typing": Scene((*CURRENT, *"7000000KB")),
    "typing-wrong": Scene((*CURRENT, *"1.5G")),
    "plan-memory": Scene((*CURRENT, *"7G", "enter")),
    "plan-danger": Scene((*CURRENT, *"2G", "enter", "enter")),
    "plan-overcommit": Scene((*CURRENT, *"90G", "enter"), _large),
    "plan-vcpus": Scene(
        (*FIND, "j", "j", "j", "j", "e", "ctrl+u", "2", "enter"), lambda: Host(more=PINNED)
    ),
}


def prepared(scene: Scene, config: Config) -> tuple[VConsole, RunBefore]:
    app, host = make_console(scenes.kvm07(), config, answers=scene.host().answers)

    return app, pressing(app, host, *scene.keys)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


@pytest.mark.parametrize("name", ["resources", "stale"])
def test_no_color(name: str, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS[name], Config(theme="ansi-dark"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
