"""The three lines around every screen: header above; status and footer below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from time import monotonic

from rich.cells import cell_len
from rich.segment import Segment
from textual.events import Click, Resize
from textual.geometry import Region
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from vconsole.model.command import Command
from vconsole.model.host_state import EMPTY, HostState
from vconsole.model.keys import Typed, shown_key
from vconsole.model.totals import known_cells
from vconsole.text import clip, duration, fit, safe, size
from vconsole.widgets.growing import broken, lines_allowed
from vconsole.widgets.keyed import keyed
from vconsole.widgets.styled import Styled


class HeaderBar(Styled):
    """Which host this is, its free memory, and how fresh the data is. Never lies about age."""

    COMPONENT_CLASSES = {"bar--strong", "bar--warn", "bar--bad"}
    DEFAULT_CSS = """
    HeaderBar { dock: top; height: 1; background: $panel; color: $foreground; }
    HeaderBar > .bar--strong { color: $accent; text-style: bold; }
    HeaderBar > .bar--warn { color: $warning; text-style: bold; }
    HeaderBar > .bar--bad { color: $error; text-style: bold reverse; }
    """

    STYLES = "bar"

    host_state: var[HostState] = var(EMPTY, init=False)
    interval_s: var[float] = var(1.0)

    def on_mount(self) -> None:
        """Count the age aloud while the data is stale or seldom read, and only then."""
        self._shown: tuple[tuple[str, str], ...] = ()
        self._clock = self.set_interval(1.0, self._refresh_if_changed, pause=True)

    def watch_host_state(self, host_state: HostState) -> None:
        """Repaint only when a word changed."""
        if host_state.freshness.stale or host_state.freshness.seldom:
            self._clock.resume()
        else:
            self._clock.pause()
        self._refresh_if_changed()

    def _refresh_if_changed(self) -> None:
        if (words := self._words()) != self._shown:
            self._shown = words
            self.refresh()

    def _words(self) -> tuple[tuple[str, str], ...]:
        """(text, style) from left to right; the URI gives way, the last one stands at the edge."""
        connection = self.host_state.connection
        words = [(" vconsole ", "strong")]
        if connection.demo:
            words.append((" DEMO ", "warn"))
        if connection.read_only:
            words.append((" READ-ONLY ", "warn"))
        words.append((f" {clip(safe(connection.hostname), 20)}", ""))
        facts, age = self._facts(), self._age()
        taken = sum(len(text) for text, _ in words) + len(facts) + len(age[0])
        words.append((clip(f"  {safe(connection.uri)}", self.size.width - taken), ""))
        return (*words, (facts, ""), age)

    def _facts(self) -> str:
        if not self.host_state.pcpus:
            return ""
        known, missing = known_cells(self.host_state.cells)
        facts = f"   cells {len(self.host_state.cells)}  pCPUs {len(self.host_state.pcpus)}"
        free = size(sum(cell.free_bytes or 0 for cell in known))
        return facts + (f"  free {'>=' if missing else ''}{free}" if known else "") + "  "

    def _age(self) -> tuple[str, str]:
        fresh = self.host_state.freshness
        if fresh.stale and fresh.read_at is not None:
            return f"STALE {duration(monotonic() - fresh.read_at)} ", "bad"
        if fresh.read_at is None and fresh.connecting_since is not None:
            return f"connecting {duration(monotonic() - fresh.connecting_since)} ", "warn"
        if fresh.read_at is None:
            return ("no data ", "bad") if fresh.reason else ("connecting ", "warn")
        if not fresh.seldom:
            return f"live  {fresh.pace_s or self.interval_s:g} s ", ""
        old = monotonic() - fresh.read_at
        if old > 1.5 * fresh.pace_s:  # a reading takes a third of it, unless there is more
            return f"{duration(old)} old ", "warn"
        return f"{duration(old)} old, read every {fresh.pace_s:g} s ", ""

    def render_line(self, y: int) -> Strip:
        """Draw the words; what does not fit goes from the middle."""
        *words, (age, age_style) = self._shown = self._words()
        room, segments = self.size.width - len(age), []
        for text, style in words:
            shown = clip(text, room)
            room -= Segment(shown).cell_length
            segments.append(Segment(shown, self._style(style)))
        plain = self._style("")
        segments += [Segment(" " * room, plain), Segment(age, self._style(age_style))]
        return Strip(segments).adjust_cell_length(self.size.width, plain)


class StatusBar(Styled):
    """What the last command said, else what there is to say of the row in view.

    What a command said takes as many lines as it needs, up to `MOST_LINES`, where the terminal has
    them; a hint takes one, so that nothing jumps while the cursor moves, or `hint_lines`.
    """

    COMPONENT_CLASSES = {"bar--plain", "bar--warn", "bar--bad", "bar--good"}
    DEFAULT_CSS = """
    StatusBar { height: auto; background: $surface; color: $text-muted; }
    StatusBar > .bar--warn { color: $warning; }
    StatusBar > .bar--bad { color: $error; text-style: bold; }
    StatusBar > .bar--good { color: $success; }
    """
    STYLES = "bar"
    GLYPHS = {"warn": "! ", "bad": "x ", "good": "", "": ""}

    hint: var[tuple[str, str]] = var(("", ""), init=False)
    """(text, tone) of what is in view; tone is "", good, warn or bad."""
    said: var[tuple[str, str] | None] = var(None, init=False)
    """(text, tone) of the last command; stays until the next key."""

    MOST_LINES = 3
    hint_lines = 1
    _drawn: tuple[list[str], str] = [], ""
    """(lines, tone) on the screen."""

    def watch_hint(self) -> None:
        """Show it unless a command has the word."""
        if self.said is None:
            self._repaint()

    def watch_said(self) -> None:
        """Show it."""
        self._repaint()

    def _lines(self, width: int) -> list[str]:
        text, tone = self.said or self.hint
        one_line = safe(" ".join(keyed(self, text).splitlines())[:1000])
        words = f" {self.GLYPHS[tone]}{one_line}"
        most = self.MOST_LINES if self.said else self.hint_lines
        return broken(words, width, lines_allowed(self, most))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As high as its words need."""
        return len(self._lines(width))

    def _repaint(self) -> None:
        """Repaint from the first to the last cell that differs: neighbours say much the same."""
        (before, tone), after = self._drawn, self._lines(self.size.width)
        if len(before) != len(after) or self.size.height != len(after):
            self.refresh(layout=True)
            return
        for y, (old, new) in enumerate(zip(before, after, strict=True)):
            start, end = 0, max(cell_len(old), cell_len(new))
            if tone == self._tone and old.isascii() and new.isascii():
                start = _alike(old, new)
                if len(old) == len(new):
                    end = len(new) - _alike(old[:start:-1], new[:start:-1])
            if start < end:
                self.refresh(Region(start, y, end - start, 1))

    @property
    def _tone(self) -> str:
        return (self.said or self.hint)[1]

    def render_line(self, y: int) -> Strip:
        """Draw the sentence."""
        tone, lines = self._tone, self._lines(self.size.width)
        style = self._style(tone or "plain")
        self._drawn = lines, tone
        return Strip([Segment(fit(lines[y] if y < len(lines) else "", self.size.width), style)])


def _alike(one: str, other: str) -> int:
    """How many characters they begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


class FooterBar(Widget):
    """The commands of the screen in front, each with its key; the last two are always there."""

    COMPONENT_CLASSES = {"bar--key"}
    DEFAULT_CSS = """
    FooterBar { height: 1; background: $panel; color: $foreground; }
    FooterBar > .bar--key { color: $accent; text-style: bold; }
    """

    class Pressed(Message):
        """A command was clicked."""

        def __init__(self, command: Command) -> None:
            super().__init__()
            self.command = command

    def __init__(
        self,
        commands: Sequence[Command],
        tail: Sequence[Command],
        keys: dict[str, str],
        typed: Typed = "",
    ) -> None:
        super().__init__()
        self._keys, self._typed = keys, typed
        self._commands = [command for command in commands if self._key(command)]
        self._first: tuple[str, ...] = ()
        self._without: tuple[str, ...] = ()
        self._tail = [command for command in tail if self._key(command)]
        self._spots: list[tuple[int, int, Command]] = []

    def offer(self, first: Iterable[str], without: Iterable[str]) -> None:
        """Show some commands before all others, and some not: those that would only refuse."""
        self._first, self._without = tuple(first), tuple(without)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the titled commands, then others while there is room; the tail always has its."""
        width = self.size.width
        room = width - sum(self._length(c) for c in self._tail)
        shown: list[Command] = []
        offered = [c for c in self._commands if c.id not in self._without or c.id in self._first]
        for command in sorted(offered, key=lambda c: (c.id not in self._first, not c.title)):
            if (length := self._length(command)) <= room:
                shown.append(command)
                room -= length
        return self._draw([*shown, *self._tail], width)

    def _draw(self, shown: Sequence[Command], width: int) -> Strip:
        key_style = self.get_component_rich_style("bar--key")
        segments, x = [], 0
        self._spots.clear()
        for command in shown:
            self._spots.append((x, x + self._length(command), command))
            segments += [
                Segment(f" {self._key(command)}", key_style),
                Segment(f" {command.word} ", self.rich_style),
            ]
            x += self._length(command)
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _key(self, command: Command) -> str:
        """The first of its keys that works here; empty where all of them are text.

        Pages that digits open are left out together: a letter of one, the page may have itself.
        """
        opened_by_digit = shown_key(command, self._keys).isdecimal()
        if opened_by_digit and self._typed == "digits":
            return ""
        return shown_key(command, self._keys, self._typed)

    def _length(self, command: Command) -> int:
        return len(self._key(command)) + len(command.word) + 3

    def on_click(self, event: Click) -> None:
        """Run the command under the mouse."""
        for start, end, command in self._spots:
            if start <= event.x < end:
                self.post_message(self.Pressed(command))

    def on_resize(self, event: Resize) -> None:
        """Fit again."""
        self.refresh()
