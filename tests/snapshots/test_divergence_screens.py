"""What the page of differences looks like."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.feed import make_console
from tests.pilot.test_divergence import FIND, Host, kvm07
from tests.snapshots.pressing import RunBefore, pressing
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from tests.unit.domain_xml import CONFIG, LIVE, edited
from vconsole.console.app import VConsole
from vconsole.files.config import Config

MANY = edited(
    LIVE,
    ("<vcpupin vcpu='0' cpuset='1'/>", "<vcpupin vcpu='0' cpuset='0'/>"),
    (">262144</currentMemory>", ">131072</currentMemory>"),
    ("current='2'", "current='4'"),
    ("<clock offset='utc'>", "<clock offset='localtime'>"),
    ("plenty.img'", "other\x85[red]image.img'"),
    ("org.qemu.guest_agent.0' state", "org.example.0' state"),
    ("<on_crash>destroy<", "<on_crash>restart<"),
)


@dataclass
class Scene:
    """How to come to a page."""

    keys: tuple[str, ...]
    live: str = MANY
    config: str = CONFIG
    host: Host = field(default_factory=Host)


SCREENS = {
    "list": Scene(("f", *"mail", "enter")),
    "one": Scene((*FIND, "D", "j", "j")),
    "all": Scene((*FIND, "D", "tab", "*")),
    "none": Scene((*FIND, "D"), LIVE),
    "persist": Scene((*FIND, "D", "*", "+")),
    "revert": Scene((*FIND, "D", "*", "-")),
}


def prepared(scene: Scene, config: Config) -> tuple[VConsole, RunBefore]:
    scene.host.live, scene.host.config = scene.live, scene.config
    app, host = make_console(kvm07(), config, answers=scene.host.answers)

    return app, pressing(app, host, *scene.keys)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


def test_no_color(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS["one"], Config(theme="ansi-dark"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
