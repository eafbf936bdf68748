"""What pages have in common whose list is filtered by words."""

from __future__ import annotations

from typing_extensions import override

from vconsole.screens.page import Page


class FilteredPage(Page):
    """A page with a filter. Subclasses show what matches all of `words`."""

    EXAMPLE = "web  running"
    """What can be typed, for the prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.words: tuple[str, ...] = ()
        """What is asked for, case folded."""

    def filtered(self) -> None:
        """Show what matches now."""
        raise NotImplementedError

    async def do_filter(self) -> None:
        """Ask for the filter."""
        await self.ask(
            "filter",
            " ".join(self.words),
            self.EXAMPLE,
            typed=self._filter,
            accepted=lambda text: True,
            given_up=lambda: self._filter(""),
        )

    def _filter(self, text: str) -> None:
        self.words = tuple(text.casefold().split())
        self.filtered()

    @override
    def go_back(self) -> bool:
        if not self.words:
            return False
        self._filter("")
        return True
