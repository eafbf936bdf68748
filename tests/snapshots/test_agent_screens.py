"""What the page of a guest's agent looks like."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests import scenes
from tests.feed import make_console
from tests.pilot.agent_host import HEALTHY, HOSTILE, MUTE, NAME, AgentHost
from tests.snapshots.pressing import RunBefore, pressing
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from vconsole.console.app import VConsole
from vconsole.features.agent.model.report import AgentReport
from vconsole.files.config import Config

OPEN = ("f", *NAME, "enter", "A")
ANSWER = (
    '{"return": [{"online": true, "can-offline": false, "logical-id": 0}, {"x": "\\u001b[2J"}]}'
)


@dataclass
class Scene:
    """How to come to a page."""

    keys: tuple[str, ...] = ()
    report: AgentReport = HEALTHY


SCREENS = {
    "agent": Scene(),
    "agent-absent": Scene(report=AgentReport("absent")),
    "agent-present": Scene(report=AgentReport("present")),
    "agent-mute": Scene(report=MUTE),
    "agent-frozen": Scene(report=replace(HEALTHY, frozen=True, hostname=None, os=())),
    "agent-hostile": Scene(report=HOSTILE),
    "agent-add": Scene(("+",), AgentReport("absent")),
    "agent-freeze": Scene(("z", "enter")),
    "agent-typing": Scene(("x", *'{"execute": ')),
    "agent-answer": Scene(("x", *"guest-get-vcpus", "enter", "enter", "escape")),
}


def prepared(scene: Scene, config: Config) -> tuple[VConsole, RunBefore]:
    answers = AgentHost(scene.report, ANSWER).answers
    app, host = make_console(scenes.kvm07(), config, answers=answers)

    return app, pressing(app, host, *OPEN, *scene.keys)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


@pytest.mark.parametrize("name", ["agent", "agent-mute"])
def test_no_color(name: str, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS[name], Config(theme="ansi-dark"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
