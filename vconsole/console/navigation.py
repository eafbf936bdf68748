"""What the commands of the whole program do: pages, undo, help, palette, quit."""

from __future__ import annotations

import shlex
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from vconsole.model.manifest import imported
from vconsole.registry import PAGES
from vconsole.screens.list_page import StagedPage
from vconsole.screens.page import Console, Page
from vconsole.text import safe

if TYPE_CHECKING:
    from textual.app import App

    from vconsole.files.config import Config
    from vconsole.model.outcome import PinChange


_PROGRAMS: Final = ("virsh ", "qemu-img ")
"""What a line that is whole begins with."""


class Program(Console, Protocol):
    """The app, as its own commands see it."""

    theme: str

    def refresh_host(self) -> None:
        """Read now instead of at the next tick."""

    def quit_unless_planned(self) -> None:
        """Quit; the first time warn of planned changes that would be lost."""

    # -- Textual's ---------------------------------------------------------------------------

    def copy_to_clipboard(self, text: str) -> None:
        """Copy by the terminal."""

    def save_screenshot(self, *, path: str | None = None) -> str:
        """Save the screen in a directory; answers the path of the picture."""

    def action_suspend_process(self) -> None:
        """Stop until the shell continues it."""


class AppCommands:
    """The ``app.*`` commands. Pages are imported when first opened: the start is not theirs."""

    def __init__(self, app: Program) -> None:
        self.app = app
        assert app.page is not None
        self.page: Page = app.page

    # -- pages -------------------------------------------------------------------------------

    async def do_domains(self) -> None:
        """Go to the list, whatever is open above it."""
        await self._go_down_to(self.app.screen_stack[0])

    async def _go_down_to(self, screen: object) -> bool:
        """Close what is above it, unless edits would be lost that nobody was warned of."""
        above = list(dropwhile(lambda each: each is not screen, self.app.screen_stack))[1:]
        for page in above:
            if isinstance(page, StagedPage) and not page.may_go(self.page):
                return False
        for _ in above:
            await self.app.pop_screen()
        return True

    async def open(self, page: str, uuid: str | None = None) -> None:
        """Put a page in front; one of its kind is gone back to or replaced, never stacked twice."""
        pages = (s for s in self.app.screen_stack if isinstance(s, Page))
        if (known := next((p for p in pages if page == p.SCOPE), None)) is not None:
            if not await self._go_down_to(known) or known.in_view == uuid:
                return
            await self.app.pop_screen()
        await self.app.show_page(_make(page, uuid, self.app.config))

    async def do_back(self) -> None:
        """Close what is open in the page, else the page."""
        page = self.page  # escape never comes here while a question is open, another key does
        if not (page.give_up_question() or page.go_back()) and len(self.app.screen_stack) > 1:
            await self.app.pop_screen()

    # -- changes -----------------------------------------------------------------------------

    async def do_undo(self) -> None:
        """Show what undoing the last change that can be undone would do; enter there applies it.

        Where somebody changed the same rows since, the one before is offered.
        """
        from vconsole.features.pins.model.undo import undo_last

        state = self.app.host_state
        changes = self.app.history.done(state.connection.uri)
        found, passed = undo_last(changes, state.domain, state.pcpus)
        words = "; ".join(passed)
        if found is None:
            nothing = "nothing to undo on this connection"
            self.page.say(safe(f"{nothing}: {words}" if words else nothing), "warn")
            return
        await self._show_plan(found.change, f"passed over: {words}" if words else "")

    async def do_redo(self) -> None:
        """Show what redoing would change; enter there applies it."""
        change = self.app.history.redo(self.app.host_state.connection.uri)
        if change is None:
            self.page.say("nothing to redo on this connection", "warn")
            return
        await self._show_plan(change)

    async def _show_plan(self, change: PinChange, words: str = "") -> None:
        """In the place of a plan that is done: what that one says would be past."""
        from vconsole.screens.pins.plan import PlanScreen

        page = PlanScreen(change)
        if isinstance(self.page, PlanScreen):
            await self.app.replace_page(page)
        else:
            await self.app.show_page(page)
        if words:
            page.say(safe(words), "warn")

    # -- services ----------------------------------------------------------------------------

    def do_copy_virsh(self) -> None:
        """Show the virsh equivalent, and copy it by the terminal's clipboard (OSC 52)."""
        words = self.page.virsh()
        if not words:
            self.page.say("virsh has no equivalent of this", "warn")
            return
        if not words.startswith(_PROGRAMS):
            uri = self.app.host_state.connection.uri
            words = f"virsh -c {shlex.quote(uri)} {words}" if uri else f"virsh {words}"
        words = "\n".join(safe(line) for line in words.split("\n"))  # it will be pasted in a shell
        self.app.copy_to_clipboard(words)
        self.page.say(f"copied: {words}")

    def do_refresh(self) -> None:
        """Read now."""
        self.app.refresh_host()
        self.page.read_again()
        self.page.say("reading")

    def do_theme(self) -> None:
        """Dark or light."""
        now = self.app.theme
        pair = ("light", "dark") if "dark" in now else ("dark", "light")
        self.app.theme = now.replace(pair[1], pair[0])

    def do_screenshot(self) -> None:
        """Save the screen; the name tells when and where."""
        try:
            path = self.app.save_screenshot(path=str(Path.cwd()))
        except OSError as error:
            self.page.say(f"no picture: {error}", "bad")
            return
        self.page.say(f"saved {path}", "good")

    async def do_help(self) -> None:
        """Open the keys of this page."""
        from vconsole.screens.help import HelpScreen

        await self.app.push_screen(HelpScreen(self.page))

    def do_palette(self) -> None:
        """Open the palette."""
        from vconsole.console.palette import Palette

        if not Palette.is_open(cast("App[object]", self.app)):
            self.app.push_screen(Palette())

    def do_suspend(self) -> None:
        """Stop until the shell continues it."""
        self.app.action_suspend_process()

    def do_quit(self) -> None:
        """Quit; the second time even if changes are planned."""
        self.app.quit_unless_planned()


def _make(page: str, uuid: str | None, config: Config) -> Page:
    found: type[Page] = imported(PAGES[page])
    return found.make(uuid, config)
