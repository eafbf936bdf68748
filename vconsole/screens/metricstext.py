"""vhostmd.conf as text, with what is wrong in it while it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from vconsole.metrics.stock_dtd import refusals
from vconsole.screens.base import Page, bindings
from vconsole.text import safe
from vconsole.widgets.configwords import paint_tags, release_notes
from vconsole.widgets.editor import Editor
from vconsole.widgets.notes import Note, NotesView
from vconsole.widgets.title import TitleBar

if TYPE_CHECKING:
    from vconsole.metrics.draft import Draft
    from vconsole.screens.metricsconfig import MetricsConfigScreen


class MetricsTextScreen(Page):
    """The text above, what is wrong below; what is typed is the draft at once."""

    SCOPE = "metricstext"
    BINDINGS: ClassVar = bindings("metricstext")
    TYPED = True
    AUTO_FOCUS = "Editor"
    DEFAULT_CSS = """
    MetricsTextScreen NotesView { height: auto; max-height: 30%; }
    """

    def __init__(self, config: MetricsConfigScreen, text: str, line: int) -> None:
        super().__init__()
        self._page, self._text, self._line = config, text, line
        assert config.draft is not None
        self._refused_before = refusals(config.draft.base)

    @property
    def changes(self) -> int:
        """Whether there is something to save."""
        return self._page.changes

    @property
    def _draft(self) -> Draft:
        assert self._page.draft is not None
        return self._page.draft

    def compose_body(self) -> ComposeResult:
        """Title, text, what is wrong."""
        yield TitleBar()
        yield Editor(self._text, paint_tags)
        yield NotesView()

    def on_mount(self) -> None:
        """Go to the line, and check the text."""
        super().on_mount()
        self.query_one(Editor).move_cursor((self._line - 1, 0), center=True)
        self._show()

    def _show(self) -> None:
        staged = "edited, not saved" if self.changes else ""
        words = safe(f"{self._page.path}   {staged}")
        self.query_one(TitleBar).words = ("Configuration as text", words)
        self.query_one(NotesView).notes = self._notes()
        self.refresh_hint()

    def _notes(self) -> list[Note]:
        draft = self._draft
        if draft.error is not None:
            return [(safe(f" {draft.error}"), "bad")]
        warnings = draft.document.config.warnings if draft.document else ()
        notes = release_notes(self._refused_before, refusals(draft.data))
        return [*((safe(f" ! {warning}"), "warn") for warning in warnings[:5]), *notes]

    def on_editor_edited(self, event: Editor.Edited) -> None:
        """Take the text over."""
        data = event.text.encode()
        if data != self._draft.data:
            self._page.put(self._draft.edited(data))
            self._show()

    def hint(self) -> tuple[str, str]:
        """Say what is wrong, or what the keys do."""
        error = self._draft.error
        if error is not None:
            return str(error), "bad"
        line = self.query_one(Editor).line
        return f"line {line}   ctrl+s shows the diff, esc goes back", ""

    def on_editor_moved(self, event: Editor.Moved) -> None:
        """Speak of another line."""
        self.unsay()
        self.refresh_hint()

    async def do_save(self) -> None:
        """Show what saving changes; enter there saves."""
        await self.console.pop_screen()
        await self._page.do_save()
