"""Pages that were closed leave the memory."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from textual._styles_cache import StylesCache
from textual.widget import Widget

from tests import scenes
from tests.feed import ScriptedDispatcher
from tests.pilot.manual import Console, console_on

VISITS = 12
EACH_BYTES = 10 * 1024
"""5 MiB for 500 visits."""
ROUNDS = 4


async def visits(console: Console, key: str, count: int) -> None:
    """Open a page and leave it."""
    for _ in range(count):
        await console.press(key, "escape")
    console.host.views.clear()  # the script's own notes
    dispatcher = console.app.dispatcher
    assert isinstance(dispatcher, ScriptedDispatcher)
    dispatcher.asked.clear()
    gc.collect()


def alive(kind: type) -> int:
    """How many there are."""
    return sum(isinstance(thing, kind) for thing in gc.get_objects())


@pytest.mark.parametrize("key", ["4", "2", "5", "H", "p"])
async def test_visits_leave_nothing_behind(key: str) -> None:
    """A leak grows in every round; what is imported or cached late, in one only."""
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await visits(console, key, 4)
        kept = alive(StylesCache), alive(Widget)
        tracemalloc.start()
        try:
            await visits(console, key, 2)
            grown: list[int] = []
            while not grown or (grown[-1] >= VISITS * EACH_BYTES and len(grown) < ROUNDS):
                before = tracemalloc.get_traced_memory()[0]
                await visits(console, key, VISITS)
                grown.append(tracemalloc.get_traced_memory()[0] - before)
        finally:
            tracemalloc.stop()
        assert (alive(StylesCache), alive(Widget)) <= (kept[0] + 5, kept[1] + 5)
        assert grown[-1] < VISITS * EACH_BYTES, grown
