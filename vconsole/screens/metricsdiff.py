"""What saving vhostmd.conf would change, and what somebody else has changed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from vconsole.desk import Request
from vconsole.metrics.console import SaveConfig
from vconsole.metrics.draft import Draft
from vconsole.metrics.stock_dtd import refusals
from vconsole.model.requests import Reply
from vconsole.safefile import Loaded
from vconsole.screens.base import Page, bindings
from vconsole.text import safe
from vconsole.widgets.configwords import release_notes
from vconsole.widgets.lines import Line, LinesView
from vconsole.widgets.title import TitleBar
from vconsole.widgets.xmlview import paint_diff

if TYPE_CHECKING:
    from vconsole.screens.metricsconfig import MetricsConfigScreen


class MetricsDiffScreen(Page):
    """The difference; enter saves it. With a conflict, theirs above mine."""

    SCOPE = "metricsdiff"
    BINDINGS: ClassVar = bindings("metricsdiff")
    AUTO_FOCUS = "LinesView"

    def __init__(self, config: MetricsConfigScreen) -> None:
        super().__init__()
        self._page = config
        self._shown: Draft | None = None

    def compose_body(self) -> ComposeResult:
        """Title and lines."""
        yield TitleBar()
        yield LinesView()

    @property
    def draft(self) -> Draft:
        """What is being edited."""
        assert self._page.draft is not None
        return self._page.draft

    @property
    def changes(self) -> int:
        """Whether there is something to save."""
        return int(self.draft.staged)

    def on_mount(self) -> None:
        """Show it."""
        super().on_mount()
        self._show()

    def _show(self) -> None:
        draft = self._shown = self.draft
        words = f"{self._page.path}   the daemon takes it at once"
        self.query_one(TitleBar).words = ("Save", safe(words))
        lines: list[Line] = [(note,) for note in self._refusals(draft)]
        if draft.theirs is not None:
            lines.append(((" somebody else has changed the file since it was read:", "bad"),))
            lines.extend(draft.their_diff or [((" nothing but its owner or mode", "dim"),)])
            lines.append(((" mine:", "strong"),))
        lines.extend(draft.diff or [((" nothing is edited", "dim"),)])
        self.query_one(LinesView).show(lines, paint_diff)
        self.refresh_hint()

    @staticmethod
    def _refusals(draft: Draft) -> list[tuple[str, str]]:
        if draft.error is not None or not draft.staged:
            return []
        return release_notes(refusals(draft.base), refusals(draft.data))

    def hint(self) -> tuple[str, str]:
        """Name the next key."""
        draft = self.draft
        if draft.error is not None:
            return f"cannot be saved: {draft.error}", "bad"
        if draft.theirs is not None:
            return "m saves mine over theirs, t takes theirs and drops mine, esc goes back", "bad"
        return ("enter saves; esc goes back, nothing is lost", "") if draft.staged else ("", "")

    def do_save(self) -> None:
        """Save, unless somebody else was faster."""
        draft = self.draft
        if draft.theirs is not None:
            self.say("somebody else has changed the file: m or t decides", "bad")
            return
        self.console.desk.ask(SaveConfig(self._page.path, draft.data, draft.loaded))
        self.say("saving")

    def do_mine(self) -> None:
        """Save mine over theirs, which was shown."""
        if self.draft.theirs is not None:
            self._page.put(self.draft.over_theirs())
            self.do_save()

    def do_theirs(self) -> None:
        """Take theirs; z brings mine back."""
        if self.draft.theirs is not None:
            self._page.put(self.draft.taking_theirs())
            self._show()

    def replied(self, request: Request, reply: Reply) -> None:
        """Report on the saving."""
        if isinstance(request, SaveConfig):
            self._saved(reply)
        elif self.draft is not self._shown:
            self._show()

    def _saved(self, reply: Reply) -> None:
        if isinstance(reply.value, Loaded):  # as it is now: saved, or changed by somebody else
            self._page.put(self.draft.followed(reply.value))
        if reply.status != "applied":
            self._show()
            self.say(reply.message, "bad")
            return
        self.console.call_later(self._leave)

    async def _leave(self) -> None:
        await self.console.pop_screen()
        self._page.say("saved; z brings back what was there before", "good")
