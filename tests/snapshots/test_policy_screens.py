"""What the page of clock, power and devices looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests import scenes
from tests.feed import make_console
from tests.pilot.policy_host import WEB, XML, Host
from tests.snapshots.pressing import RunBefore, pressing
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from vconsole.console.app import VConsole
from vconsole.files.config import Config
from vconsole.model.host_state import HostState

OPEN = ("f", *WEB, "enter", "o")
LIVE = XML.replace("'utc'", "'variable' adjustment='-7'").replace(
    "<timer name='hpet' present='no'/>", ""
)
RULE = (*OPEN, *("j",) * 9)
HOSTILE = XML.replace("name='hpet'", "name='[red]x\u202e\x9b'").replace("'utc'", "'[b]\u202e'")


@dataclass
class Scene:
    """How to come to a page."""

    keys: tuple[str, ...] = OPEN
    host: Callable[[], Host] = field(default=Host)
    host_state: Callable[[], HostState] = scenes.kvm07


SCREENS = {
    "policy": Scene(host=lambda: Host(live=LIVE)),
    "edited": Scene((*OPEN, " ", "j", "j", "e", *" track=guest", "enter")),
    "typed": Scene((*OPEN, "j", "j", "e", *" track=host")),
    "needed": Scene((*OPEN, " ", " ", "j")),
    "rule": Scene((*RULE, "o", *"0x03:any:any:any:no", "enter", "j")),
    "smart": Scene((*OPEN, "G")),
    "save": Scene((*OPEN, " ", *("j",) * 6, " ", "ctrl+s")),
    "read-only": Scene((*OPEN, " "), host_state=lambda: scenes.read_only(scenes.kvm07())),
    "transient": Scene(host=lambda: Host(config=None)),
    "hostile": Scene(host=lambda: Host(HOSTILE, live=HOSTILE)),
}


def prepared(scene: Scene, config: Config) -> tuple[VConsole, RunBefore]:
    app, host = make_console(scene.host_state(), config, answers=scene.host().answers())

    return app, pressing(app, host, *scene.keys)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


@pytest.mark.parametrize("name", ["edited", "rule"])
def test_no_color(name: str, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS[name], Config(theme="ansi-dark"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
