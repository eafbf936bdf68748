"""The page that shows where a domain's memory lies, and moves it."""

from __future__ import annotations

from tests import scenes
from tests.pilot.manual import console_on
from vconsole.features.locality.model.move import MoveMemory
from vconsole.features.locality.model.place import Lying, Place, ReadPlace, Room
from vconsole.model.cpuset import CpuSet
from vconsole.model.request import Reply

GIB = 1 << 30
PLACE = Place(
    7,
    500,
    (Lying(0, "anonymous", 4, GIB), Lying(1, "huge", 2048, 3 * GIB)),
    CpuSet.parse("0-3"),
    0,
    rooms={0: Room(8 * GIB), 1: Room(GIB >> 1), 2: Room(), 3: Room(8 * GIB, {2048: 2000})},
)


async def test_memory_is_shown_by_cell_and_moved_to_the_one_under_the_cursor() -> None:
    answers = {
        ReadPlace: lambda request: Reply(value=PLACE),
        MoveMemory: lambda request: Reply(value=PLACE, read_back="4.0 GiB arrived"),
    }
    async with console_on(scenes.kvm07(), (80, 24), answers=answers) as console:
        await console.press("f", *"shop-web-1", "enter", "M")
        console.sees("Where the memory of shop-web-1 lies", "3.0 GiB", "in huge pages of 2M")
        await console.press("down", "enter")
        assert "512 MiB free, 1.0 GiB would come" in console.status
        await console.press("G", "enter")
        console.sees("migratepages 7 0-1 3", "+ 4.0 GiB more on cell 3")
        await console.press("enter")
        console.sees("4.0 GiB arrived")


async def test_where_it_cannot_be_read_that_is_said() -> None:
    def refuse(request: ReadPlace) -> Reply:
        return Reply("refused", "only the host's own kernel")

    async with console_on(scenes.kvm07(), (80, 24), answers={ReadPlace: refuse}) as console:
        await console.press("M")
        console.sees("only the host's own kernel")
        await console.press("enter")
        console.sees("only the host's own kernel")
