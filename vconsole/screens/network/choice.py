"""Where to plug an interface in: the networks and bridges of the host, to choose from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual.app import ComposeResult

from vconsole.features.network.model.interfaces import DomainVnics, Source
from vconsole.features.network.model.places import HostNetwork
from vconsole.features.network.words import COLUMNS, place_row
from vconsole.model.column import row_cells
from vconsole.model.keys import APP, Keys
from vconsole.override import override
from vconsole.screens.list_page import FilteredPage, ListPage
from vconsole.screens.page import STRAY, bindings
from vconsole.text import Cell, safe
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar

KEY = Keys("networkchoice")
KINDS = ("network", "bridge")


class NetworkChoiceScreen(ListPage, FilteredPage):
    """Answers by a call, after it has gone.

    Args:
        title: What it is chosen for.
        network: What there is.
        domains: Who is on it.
        chosen: Given what was chosen, opens the next page.
    """

    SCOPE = "networkchoice"
    EXAMPLE = "bridge  br0"
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("networkchoice"), *STRAY]
    COLUMNS = COLUMNS
    CHOSEN = "networkchoice.choose"

    def __init__(
        self,
        title: str,
        network: HostNetwork,
        domains: tuple[DomainVnics, ...],
        chosen: Callable[[Source], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._title, self._network, self._chosen = title, network, chosen
        everything = network.places(domains)
        everything |= {
            source: everything.get(source, 0)
            for source in (Source("bridge", bridge.name) for bridge in network.bridges)
        }
        self._guests = {s: count for s, count in everything.items() if s.kind in KINDS}
        self._shown: dict[str, Source] = {}

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield LineTable(self.COLUMNS, self.cells)

    def on_mount(self) -> None:
        """Show them."""
        self._show()

    def _show(self) -> None:
        self._shown = {
            str(source): source
            for source in self._guests
            if all(word in str(source).casefold() for word in self.words)
        }
        how = f"{len(self._shown)} of {len(self._guests)}" if self.words else ""
        self.show_list(safe(self._title.capitalize()), how, list(self._shown))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        source = self._shown[key]
        what = self._network.what(source)
        return row_cells(COLUMNS, place_row(source, what, self._guests[source]))

    @override
    def hint(self) -> tuple[str, str]:
        if not self._shown:
            return f"none is here: {APP.back} shows all, {KEY.other} types another", "warn"
        source = self._shown[self.table.key or next(iter(self._shown))]
        more = place_row(source, self._network.what(source), 0).more[0]
        more = "" if more in ("", "-") else f"{more}; "
        return f"{more}{KEY.choose} chooses; the next page shows what would change", ""

    # -- commands ----------------------------------------------------------------------------

    async def do_choose(self) -> None:
        """Go on with the one under the cursor."""
        source = self._shown.get(self.table.key or "")
        if source is None:
            self.say(f"none is here: {KEY.other} types another", "warn")
            return
        await self._answer(source)

    @override
    def filtered(self) -> None:
        self._show()

    async def do_other(self) -> None:
        """Ask for one that libvirt does not list, such as a bridge of Open vSwitch."""
        await self.ask(
            "plug it into",
            "bridge:",
            "network:NAME or bridge:NAME",
            typed=self._check,
            accepted=self._take,
            given_up=self.unsay,
        )

    def _check(self, text: str) -> Source | None:
        try:
            source = Source.parse(text)
        except ValueError as error:
            self.say(str(error), "warn")
            return None
        self.unsay()
        return source

    async def _take(self, text: str) -> bool:
        if (source := self._check(text)) is None:
            return False
        await self._answer(source)
        return True

    async def _answer(self, source: Source) -> None:
        await self.console.pop_screen()
        await self._chosen(source)
