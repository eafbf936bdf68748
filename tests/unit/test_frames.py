"""A screen is painted at once, no sooner than it may, and not when it is gone."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest
from textual import screen as textuals
from textual.app import App, ComposeResult
from textual.constants import MAX_FPS
from textual.screen import Screen
from textual.widgets import Static

from vconsole.console.frames import FRAME_S, Frames, install


class Words(App[None]):
    """A line of text."""

    def compose(self) -> ComposeResult:
        yield Static("one")


install()


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a screen was painted."""
    times: list[float] = []
    paint: Any = Screen._on_timer_update

    def noted(self: Any) -> None:
        times.append(self._update_timer._painted_at)
        paint(self)

    monkeypatch.setattr(Screen, "_on_timer_update", noted)
    return times


def test_it_is_where_textual_has_its_timer() -> None:
    """Where Textual calls it something else, this tells."""
    assert isinstance(vars(Screen)["_update_timer"].func, type)
    assert textuals.UPDATE_PERIOD == 1 / MAX_FPS == 2 * FRAME_S
    assert {"_update_timer", "_on_timer_update"} <= set(dir(Screen))


async def test_frames_keep_their_distance(painted: list[float]) -> None:
    async with Words().run_test() as pilot:
        assert isinstance(pilot.app.screen._update_timer, Frames)
        painted.clear()
        end = monotonic() + 30
        while len(painted) < 4 and monotonic() < end:
            pilot.app.query_one(Static).update(str(monotonic()))
            await asyncio.sleep(0)
        gaps = [after - before for before, after in pairwise(painted)]
        assert len(gaps) == 3
        assert min(gaps) > FRAME_S * 0.99


async def at_rest(frames: Any) -> None:
    """Wait until nothing is painted any more."""
    seen = -1.0
    while frames._next is not None or frames._painted_at != seen:
        seen = frames._painted_at
        await asyncio.sleep(3 * FRAME_S)


async def test_only_a_frame_behind_another_one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Words().run_test() as pilot:
        frames: Any = pilot.app.screen._update_timer
        await at_rest(frames)
        frames.resume()
        assert type(frames._next) is asyncio.Handle
        await at_rest(frames)
        monkeypatch.setattr("vconsole.console.frames.FRAME_S", 60.0)
        frames.resume()
        assert type(frames._next) is asyncio.TimerHandle
        frames.pause()


async def test_nothing_wakes_when_nothing_is_to_be_painted(painted: list[float]) -> None:
    async with Words().run_test() as pilot:
        await at_rest(pilot.app.screen._update_timer)
        painted.clear()
        assert not any(timer.name == "screen_update" for timer in pilot.app.screen._timers)
        await asyncio.sleep(5 * FRAME_S)
        assert painted == []


async def test_a_paused_frame_does_not_come(painted: list[float]) -> None:
    async with Words().run_test() as pilot:
        frames: Any = pilot.app.screen._update_timer
        await at_rest(frames)
        painted.clear()
        frames.resume()
        frames.pause()
        frames.pause()
        await asyncio.sleep(3 * FRAME_S)
        assert painted == []
        frames.resume()
        await asyncio.sleep(3 * FRAME_S)
        assert len(painted) == 1


async def test_a_screen_that_is_gone_is_not_painted() -> None:
    async with Words().run_test() as pilot:
        above: Screen[None] = Screen()
        await pilot.app.push_screen(above)
        frames: Any = above._update_timer
        await at_rest(frames)
        await pilot.app.pop_screen()
        painted_at = frames._painted_at
        frames.resume()
        await at_rest(frames)
        assert frames._painted_at == painted_at


async def test_a_fault_while_painting_ends_the_program_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class PaintError(Exception):
        """Of a widget."""

    def fails(self: object) -> None:
        raise PaintError

    async def paint() -> None:
        async with Words().run_test() as pilot:
            monkeypatch.setattr(Screen, "_on_timer_update", fails)
            pilot.app.query_one(Static).update("two")
            await asyncio.sleep(5 * FRAME_S)

    with pytest.raises(PaintError):
        await paint()
