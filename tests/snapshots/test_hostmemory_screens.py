"""What the page of the host's memory looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from textual.pilot import Pilot

from tests import scenes
from tests.feed import make_console
from tests.pilot.manual import Console
from tests.pilot.memory_host import answered, elsewhere, reading, without_swap
from tests.snapshots.pressing import RunBefore
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from vconsole.console.app import VConsole
from vconsole.features.hostmemory.model.reading import HostMemory
from vconsole.files.config import Config
from vconsole.model.host_state import HostState


@dataclass
class Scene:
    """How to come to the page."""

    keys: tuple[str, ...] = ()
    replies: tuple[HostMemory | str, ...] = ()
    """Readings, or why there is none, one after the other."""
    host: Callable[[], HostState] = scenes.kvm07


SWAPPING = (reading(), reading(5))
SCREENS = {
    "memory": Scene((), SWAPPING),
    "memory-guest": Scene(("j", "j"), SWAPPING),
    "memory-cells": Scene(("tab", "j"), SWAPPING),
    "memory-advice": Scene(("tab", "tab"), SWAPPING),
    "memory-no-swap": Scene(("shift+tab",), (without_swap(),)),
    "memory-elsewhere": Scene((), (elsewhere(),)),
    "memory-failed": Scene((), ("no answer within 10 s",)),
    "memory-hostile": Scene((), SWAPPING, scenes.hostile),
    "memory-no-guest": Scene((), SWAPPING, scenes.empty),
}


def prepared(scene: Scene, config: Config) -> tuple[VConsole, RunBefore]:
    app, host = make_console(scene.host(), config)

    async def act(pilot: Pilot[int]) -> None:
        console = Console(app, host, pilot)
        await console.settle()
        await console.press("2", "m")
        for given in scene.replies:
            app.post_message(answered(app.page, given))
            await console.settle()
        await console.press(*scene.keys)

    return app, act


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


def test_no_color(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS["memory"], Config(theme="ansi-dark"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)


def test_ascii(snap_compare: Compare) -> None:
    app, act = prepared(SCREENS["memory-no-swap"], Config(ascii=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
