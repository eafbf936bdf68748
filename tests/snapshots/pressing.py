"""How the scenes of the pictures are come to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from tests.feed import ScriptedFeed
from tests.pilot.manual import Console
from vconsole.console.app import VConsole

RunBefore = Callable[[Pilot[int]], Awaitable[None]]


def pressing(app: VConsole, host: ScriptedFeed, *keys: str) -> RunBefore:
    """Press keys one after the other, each to its end."""

    async def act(pilot: Pilot[int]) -> None:
        console = Console(app, host, pilot)
        await console.settle()
        await console.press(*keys)

    return act
