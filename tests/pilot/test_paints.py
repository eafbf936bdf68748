"""How often the screen is painted: once for a key, once for a reading, and not for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual._compositor import Compositor

from tests import scenes
from tests.pilot.manual import Console, console_on
from tests.unit.test_layering import loaded_by
from vconsole.console import partial_repaint
from vconsole.console.app import VConsole
from vconsole.model.host_state import Usage

pytestmark = pytest.mark.usefixtures("painted")
PAINTED_BY_S = 0.15
"""Several times the pause between two paints of one cause."""


@asynccontextmanager
async def paints(console: Console, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Any]]:
    """Collect what is sent to the terminal until all that was begun in here is painted."""
    painted: list[Any] = []
    display = console.app._display

    def note(screen: Any, renderable: Any) -> None:
        if renderable is not None:
            painted.append(renderable)
        display(screen, renderable)

    await at_rest(console)
    with monkeypatch.context() as patched:
        patched.setattr(console.app, "_display", note)
        yield painted
        await at_rest(console)


async def at_rest(console: Console) -> None:
    """Wait until all is painted that was begun, however long that takes, and nothing more comes."""
    seen: object = None
    while (frames := vars(console.app.screen)["_update_timer"])._next or frames._painted_at != seen:
        seen = frames._painted_at
        await console.pilot._wait_for_screen()
        await asyncio.sleep(PAINTED_BY_S)


@pytest.mark.parametrize("page", ["", "2", "m", "enter", "p", "D", "A", "v"])
@pytest.mark.parametrize("key", ["down", "pagedown", "end"])
async def test_a_key_is_painted_once(page: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # so wide that the hint on a pCPU keeps to its line: where one grows, all is laid out anew
    async with console_on(scenes.kvm07(), (300, 40)) as console:
        await console.press(*filter(None, [page]))
        async with paints(console, monkeypatch) as painted:
            console.app.post_message(events.Key(key, None))
        assert len(painted) <= 1, f"on page {console.page}"


async def test_what_is_painted_is_what_textual_would_have_painted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[str, str]] = []

    async with console_on(scenes.kvm07(), (100, 26)) as console:
        terminal = console.app.console

        def both(compositor: Any) -> Any:
            dirty = set(compositor._dirty_regions)
            ours = partial_repaint.render_partial(compositor)
            compositor._dirty_regions.update(dirty)
            theirs = partial_repaint.THEIRS(compositor)
            if ours is not None:
                compared.append((ours.render_segments(terminal), theirs.render_segments(terminal)))
            return ours

        monkeypatch.setattr(Compositor, "render_partial_update", both)
        await console.press(*"jjkj2ljlj", "escape", "enter", "tab", "down", "escape")
        await console.press("slash", *"web", "enter", *"p]xl", "escape", "escape")
        await console.press("ctrl+backslash", *"pin", "down", "down", "escape")
        console.host.show(replace(console.app.host_state, busy={}))
        await console.press("down")
    assert len(compared) > 20
    assert [ours for ours, _ in compared] == [theirs for _, theirs in compared]


@pytest.mark.parametrize("page", ["", "2", "enter", "p"])
async def test_a_reading_is_painted_once(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press(*filter(None, [page]))
        before = console.app.host_state
        busy = {uuid: replace(use, cpu_percent=77.0) for uuid, use in before.usage.items()}
        after = replace(before, usage=busy, busy=dict.fromkeys(before.busy, 50.0))
        async with paints(console, monkeypatch) as painted:
            console.host.show(after)
        assert len(painted) == 1, f"on page {console.page}"


@pytest.mark.parametrize("page", ["", "2", "enter", "p"])
async def test_what_changes_nothing_paints_nothing(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press(*filter(None, [page]))
        before = console.app.host_state
        same = {uuid: Usage(**vars_of(use)) for uuid, use in before.usage.items()}
        async with paints(console, monkeypatch) as painted:
            console.host.show(replace(before, usage=same, busy=dict(before.busy)))
        assert not painted, f"on page {console.page}"


def vars_of(usage: Usage) -> dict[str, Any]:
    return {name: getattr(usage, name) for name in Usage.__slots__}


async def test_the_first_frame_has_the_list_when_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames: list[str] = []
    display = VConsole._display

    def note(app: VConsole, screen: Any, renderable: Any) -> None:
        if renderable is not None:
            strips = app.screen._compositor.render_strips()
            frames.append("\n".join(strip.text for strip in strips))
        display(app, screen, renderable)

    monkeypatch.setattr(VConsole, "_display", note)
    async with console_on(scenes.kvm07()):
        assert "shop-web-1" in frames[0]
        assert "connecting" not in frames[0]


async def test_a_move_costs_a_thin_line_little(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        async with paints(console, monkeypatch) as painted:
            console.app.post_message(events.Key("down", None))
        (update,) = painted
        written = update.render_segments(console.app.console).encode()
        assert len(written) <= 518, "two rows, and the hint"


def test_the_start_imports_little_more_than_textual() -> None:
    """A regression of the start, seen by counting: what it loads costs about a millisecond each."""
    floor = loaded_by("import bench.floor_lines")
    start = loaded_by(
        "from vconsole.console.early import import_textual\nimport_textual()\n"
        "import vconsole.console.app, vconsole.console.start, vconsole.cli.console"
    )
    assert len(start) <= len(floor) * 1.5
