"""What a repaint writes: the same picture as Textual's own writing, in fewer bytes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.emulator import Emulator
from vconsole.console.partial_repaint import Pen

WIDTH, HEIGHT = 60, 4
colors = st.sampled_from([None, "default", "red", "bright_blue", "#121619", "#d4d8dd"])
styles = st.builds(
    Style,
    color=colors,
    bgcolor=colors,
    bold=st.sampled_from([None, True, False]),
    underline=st.sampled_from([None, True]),
    reverse=st.sampled_from([None, True]),
)
texts = st.text(alphabet="ab ●äx", min_size=0, max_size=8)
strips = st.lists(st.builds(Segment, texts, st.one_of(st.none(), styles)), max_size=5).map(Strip)


def console(system: ColorSystem) -> Any:
    return SimpleNamespace(_color_system=system)


def seen(data: str) -> list[Any]:
    terminal = Emulator(WIDTH, HEIGHT)
    terminal.feed((data + "\x1b[4;1Hx").encode())
    return [terminal.cell(x, y) for y in range(HEIGHT) for x in range(WIDTH)]


@given(lines=st.lists(strips, min_size=1, max_size=HEIGHT - 1), system=st.sampled_from(ColorSystem))
def test_it_looks_as_if_every_piece_had_brought_all_its_style(
    lines: list[Strip], system: ColorSystem
) -> None:
    pen, whole = Pen(console(system)), ""
    for y, strip in enumerate(lines):
        pen.place(2, y)
        pen.strip(strip)
        pieces = [segment for segment in strip if segment.text]
        styled = (Strip.render_style(s.style or Style(), s.text, system) for s in pieces)
        whole += f"\x1b[{y + 1};3H" + "".join(styled)
    assert seen(pen.done()) == seen(whole)


@pytest.mark.parametrize(
    ("after", "written"),
    [
        (Style(color="#010203", bgcolor="#040506"), "\x1b[0m"),
        (Style(color="#070809", bgcolor="#040506"), "\x1b[38;2;7;8;9m"),
        (Style(bgcolor="#040506"), "\x1b[39m"),
        (Style(color="#010203", bgcolor="#040506", bold=True), "\x1b[0;1;38;2;1;2;3;48;2;4;5;6m"),
    ],
)
def test_only_what_differs_is_written(after: Style, written: str) -> None:
    before = Style(color="#010203", bgcolor="#040506")
    pen = Pen(console(ColorSystem.TRUECOLOR))
    pen.strip(Strip([Segment("one", before), Segment("two", after)]))
    between = pen.done().partition("one")[2].replace("two", "|")
    assert between == ("|\x1b[0m" if after == before else f"{written}|\x1b[0m")
