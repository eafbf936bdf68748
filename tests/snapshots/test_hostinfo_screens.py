"""What the pages of hostinfo look like."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests import scenes
from tests.feed import Answers, make_console
from tests.pilot.test_hostinfo import DEFINITION, RULES, WRONG, kvm07
from tests.snapshots.pressing import RunBefore, pressing
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from vconsole.console.app import VConsole
from vconsole.features.hostinfo.requests import ReadService, ReadValues, SaveRules
from vconsole.files.careful import Loaded
from vconsole.files.config import Config
from vconsole.files.draft import ReadFile
from vconsole.model.request import Define, ReadDefinitions, Reply

VALUES = {"physcpus": "64", "cpumodel": "EPYC 9354", "sockets": "2", "load": "0.42"}
HOSTILE = "qemu-\x1b]0;x\x07:\n  physcpus = 0\nno colon\n*:\n  interval = -1\n"


@dataclass
class Scene:
    """How to come to a page."""

    keys: tuple[str, ...]
    rules: str = RULES
    theirs: str = ""
    """What saving finds instead."""


SCREENS = {
    "hostinfo": Scene(()),
    "hostinfo-edited": Scene(("j", "j", "j", "i", *"hostname = 1", "enter")),
    "hostinfo-asking": Scene(("j", "e")),
    "hostinfo-refused": Scene(("j", "e", *"5s", "enter")),
    "hostinfo-empty": Scene((), ""),
    "hostinfo-hostile": Scene((), HOSTILE),
    "hostinfo-diff": Scene(("j", "d", "ctrl+s")),
    "hostinfo-conflict": Scene(("j", "d", "ctrl+s", "enter"), theirs="*:\n  interval = 5\n"),
    "hostinfo-text": Scene(("x", "end", *" junk", "down")),
    "hostinfo-enable": Scene(("+",)),
    "hostinfo-enabled": Scene(("+", "enter")),
    "hostinfo-wrong": Scene(("j", "j", "j", "tab", "j", "j")),
}


def _answers(scene: Scene) -> Answers:
    def definitions(request: ReadDefinitions) -> Reply:
        names = {d.uuid: d.name for d in scenes.kvm07().domains}
        return Reply(
            value={
                uuid: DEFINITION.format(name=name, more=WRONG if name == "shop-web-3" else "")
                for uuid, name in names.items()
            }
        )

    loaded = Loaded(scene.rules.encode(), exists=True)
    theirs = Loaded(scene.theirs.encode(), exists=True, inode=1)
    return {
        ReadFile: lambda _: Reply(value=loaded),
        SaveRules: lambda _: Reply("conflict", "the file was changed meanwhile", theirs),
        ReadService: lambda _: Reply("failed", "hostinfod does not run"),
        ReadValues: lambda _: Reply(value=VALUES),
        ReadDefinitions: definitions,
        Define: lambda request: Reply(value=request.after),
    }


def prepared(scene: Scene, config: Config) -> tuple[VConsole, RunBefore]:
    app, host = make_console(kvm07(), config, answers=_answers(scene))

    return app, pressing(app, host, "4", *scene.keys)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


@pytest.mark.parametrize("name", ["hostinfo-edited", "hostinfo-text"])
def test_no_color(name: str, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS[name], Config(theme="ansi-dark"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
