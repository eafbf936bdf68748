"""The README's moving picture: the demo's one problem cured, from the program itself.

The demo runs on a clock of its own, so that the picture is the same on every machine. Each line of
the screen is drawn once for each time that it looks otherwise, and shown by CSS while it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Final
from unittest.mock import patch

from rich.segment import Segment
from rich.style import Style
from textual.pilot import Pilot

SIZE: Final = (104, 31)
_CELL: Final = 8.4, 17
"""Pixels of a character cell."""
_SPACE: Final = chr(0xA0)
"""Viewers put several blanks in one."""
_FONT: Final = "font:14px Menlo,Consolas,'DejaVu Sans Mono',monospace"
CLOCKS: Final = (
    "vconsole.host.usage",
    "vconsole.host.local_usage",
    "vconsole.host.fleet",
    "vconsole.host.libvirt_source",
    "vconsole.host.locality",
    "vconsole.host.detail",
)
"""Who looks at a clock on the way from the demo to the screen."""
_STEPS: Final = (
    ("", 3.5, "web-02 runs on cell 2; most of its memory is on cell 0"),
    ("p", 2.5, "p: where its threads may run"),
    ("a", 3.0, "a: the best fit, by memory, cores and caches"),
    ("enter", 3.5, "enter: what will change, and the virsh lines"),
    ("enter", 2.5, "enter: applied, and read back from libvirt and the kernel"),
    ("escape escape", 1.0, "its memory follows"),
    *[("", 1.0, "its memory follows")] * 8,
    ("", 3.0, "done: all of its memory is where it runs"),
)
"""Keys pressed, seconds until the next ones, and what is said of it below."""
Row = tuple[tuple[str, str, str, bool], ...]
"""(text, colour, background, bold) of the segments of a line."""


@dataclass
class Clock:
    """Monotonic seconds."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        """What it is now."""
        return self.now


@dataclass
class _Line:
    """A line as it looks in some frames."""

    row: Row
    spans: list[tuple[float, float]] = field(default_factory=list)


async def moving_picture() -> str:
    """Draw it."""
    frames = [frame async for frame in _frames()]
    return _svg(frames)


async def _frames() -> Any:
    """(seconds, lines, what is said) of each frame."""
    from tests.feed import make_console
    from vconsole.changes.host_requests import HostRequests
    from vconsole.host.open import connect, connect_link
    from vconsole.host.source import View
    from vconsole.model.set_pins import SetPins

    clock = Clock()
    with demo_at(clock):
        source = connect(None, demo=True)
        host = HostRequests(lambda: connect_link(None, demo=True), demo=True)
        for _ in range(30):  # the list shows how the load was
            source.read(View())
            clock.now += 1
        set_pins = host.handlers()[SetPins]
        answers = {SetPins: lambda request: replace(set_pins(request), took_s=0.021)}
        app, feed = make_console(source.read(View()), answers=answers)
        clock.now += 1
        async with app.run_test(size=SIZE) as pilot:
            for keys, seconds, words in _STEPS:
                await pilot.press(*keys.split())
                await settled(pilot)
                view = feed.views[-1] if feed.views else View()
                feed.show(source.read(View(view.page, view.uuid, _all(feed))))
                await settled(pilot)
                yield seconds, _rows(app), words
                clock.now += 1


def _all(feed: Any) -> frozenset[str]:
    return frozenset(domain.uuid for domain in feed.host_state.domains)


async def settled(pilot: Pilot[int]) -> None:
    """Wait for all that was begun."""
    for _ in range(4):
        await pilot.pause()
    pilot.app.screen._on_timer_update()
    await pilot.pause(0.05)


@contextmanager
def demo_at(clock: Clock, *more: str) -> Iterator[None]:
    """The demo on a clock that stands until somebody moves it; `more` look at it as well."""
    from vconsole.host.demo import world

    world.forget()
    with ExitStack() as stack:
        for name in (*CLOCKS, *more):
            stack.enter_context(patch(f"{name}.monotonic", clock))
        world._worlds.append(world.World(clock))
        yield
    world.forget()


def _rows(app: Any) -> list[Row]:
    strips = app.screen._compositor.render_strips()
    return [tuple(_look(segment) for segment in strip) for strip in strips]


def _look(segment: Segment) -> tuple[str, str, str, bool]:
    style = segment.style or Style()
    front, back = _hex(style.color, "#e0e0e0"), _hex(style.bgcolor, "#121212")
    if style.reverse:
        front, back = back, front
    return segment.text, front, back, bool(style.bold)


def _hex(color: Any, default: str) -> str:
    return color.get_truecolor().hex if color is not None and not color.is_default else default


def _svg(frames: list[tuple[float, list[Row], str]]) -> str:
    whole = sum(seconds for seconds, _, _ in frames)
    width, height = SIZE[0] * _CELL[0], (SIZE[1] + 2) * _CELL[1]
    body, spans = [], dict[tuple[tuple[float, float], ...], str]()
    for y, line in _lines(frames):
        key = tuple(line.spans)
        name = spans.setdefault(key, f"k{len(spans)}")
        body.append(f'<g class="{name}">{"".join(_drawn(line.row, y))}</g>')
    styles = [_keyframes(name, key, whole) for key, name in spans.items()]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}">',
            f"<style>text{{{_FONT}}}.b{{font-weight:bold}}",
            *styles,
            "</style>",
            '<rect width="100%" height="100%" rx="6" fill="#121212"/>',
            *body,
            "</svg>\n",
        )
    )


def _lines(frames: list[tuple[float, list[Row], str]]) -> Iterator[tuple[int, _Line]]:
    """(row, line) of every look of every row, with the times at which it is seen."""
    for y in range(SIZE[1] + 1):
        looks: dict[Row, _Line] = {}
        at = 0.0
        for seconds, rows, words in frames:
            said: Row = ((f"  {words}", "#ffb454", "#121212", True),)
            row = rows[y] if y < SIZE[1] else said
            line = looks.setdefault(row, _Line(row))
            if line.spans and line.spans[-1][1] == at:
                line.spans[-1] = line.spans[-1][0], at + seconds
            else:
                line.spans.append((at, at + seconds))
            at += seconds
        for line in looks.values():
            yield y + (y == SIZE[1]), line


def _drawn(row: Row, y: int) -> Iterator[str]:
    x, (wide, high) = 0, _CELL
    for text, front, back, bold in row:
        length = Segment(text).cell_length
        if back != "#121212" and length:
            yield (
                f'<rect x="{x * wide:.5g}" y="{y * high}" width="{length * wide:.5g}" '
                f'height="{high}" fill="{back}"/>'
            )
        if text.strip():
            mark = ' class="b"' if bold else ""
            yield (
                f'<text x="{x * wide:.5g}" y="{y * high + 13}" fill="{front}"{mark} '
                f'textLength="{length * wide:.5g}">{escape(text).replace(" ", _SPACE)}</text>'
            )
        x += length


def _keyframes(name: str, spans: tuple[tuple[float, float], ...], whole: float) -> str:
    """Seen in these spans, and else not; what is always seen needs no rule."""
    if spans == ((0.0, whole),):
        return ""
    steps = {0.0: 0}
    for start, end in spans:
        steps[start] = 1
        if end < whole:
            steps[end] = 0
    rules = "".join(f"{100 * at / whole:.4g}%{{opacity:{seen}}}" for at, seen in steps.items())
    end = f"100%{{opacity:{1 if spans[-1][1] == whole else 0}}}"
    return (
        f".{name}{{animation:{name} {whole:g}s step-end infinite}}@keyframes {name}{{{rules}{end}}}"
    )
