"""What a widget asks to be painted: the cost of a tick or a key."""

from __future__ import annotations

import pytest
from textual.geometry import Region
from textual.widget import Widget

from tests.pilot.manual import Console


def watch_painting(widget: Widget, monkeypatch: pytest.MonkeyPatch) -> list[Region]:
    """Collect the regions that a widget asks for from now on; all of it is its size."""
    painted: list[Region] = []
    refresh = widget.refresh

    def note(*regions: Region, **options: bool) -> Widget:
        painted.extend(regions or [widget.size.region])
        return refresh(*regions, **options)

    monkeypatch.setattr(widget, "refresh", note)
    return painted


def below(console: Console, beginning: str) -> str:
    """The line below the one that begins so."""
    lines = [line.strip() for line in console.lines]
    found = [place for place, line in enumerate(lines) if line.startswith(beginning)]
    assert found, f"no line begins with {beginning!r}:\n{console.text}"
    return lines[found[0] + 1]
