"""Widgets on their own: what is drawn when their size or content changes."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region

from tests.pilot.painting import watch_painting
from vconsole.model.column import Heading
from vconsole.model.keys import key
from vconsole.text import Cell
from vconsole.widgets.lines import LinesView
from vconsole.widgets.notes import NotesView
from vconsole.widgets.table import LineTable

COLUMNS = (Heading("name", "Name", 4, flex=True), Heading("size", "Size", 8, "right"))


class Shelf(App[None]):
    """A list and its notes, as high as the screen."""

    CSS = "NotesView { height: 6; }"

    def compose(self) -> ComposeResult:
        yield LineTable(COLUMNS, self._cells)
        yield NotesView()

    @staticmethod
    def _cells(key: str) -> tuple[Cell, ...]:
        return (key, ""), ("1234 MiB", "")

    @property
    def lines(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]


async def test_a_list_gives_way_to_its_scrollbar_and_takes_the_room_back() -> None:
    app = Shelf()
    async with app.run_test(size=(30, 16)) as pilot:
        table = app.query_one(LineTable)
        for count, column in ((3, 30), (50, 29), (3, 30)):
            table.show([f"row {number}" for number in range(count)])
            await pilot.pause()
            assert [line.index("1234 MiB") + 8 for line in app.lines[1:4]] == [column] * 3
            assert app.lines[0].index("Size") + 4 == column


async def test_notes_are_not_broken_within_an_option() -> None:
    app = Shelf()
    async with app.run_test(size=(30, 16)) as pilot:
        app.query_one(NotesView).notes = (("virsh shutdown web --no-such-option", ""),)
        await pilot.pause()
        assert app.lines[-6:-4] == ["virsh shutdown web", "     --no-such-option"]


class Text(App[None]):
    """A text to read."""

    def compose(self) -> ComposeResult:
        yield LinesView()


async def test_a_line_is_painted_from_where_it_differs_on_the_screen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the word that changes stand a wide character and a key, which is longer unshown."""
    app = Text()
    async with app.run_test(size=(30, 5)) as pilot:
        view = app.query_one(LinesView)
        begin = (f"域 {key('plan.apply')} ", "")
        view.show([(begin, ("three", ""))])
        await pilot.pause()
        painted = watch_painting(view, monkeypatch)
        view.show([(begin, ("four", ""))])
        assert painted == [Region(14, 0, 16, 1)]
        await pilot.pause()
