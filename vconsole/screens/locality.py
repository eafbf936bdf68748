"""Where a domain's memory lies, of what kind, why; and moving it, as a job."""

from __future__ import annotations

from typing import ClassVar

from vconsole.changes.dispatcher import Request
from vconsole.features.locality.model.move import plan_move
from vconsole.features.locality.model.place import Place, ReadPlace, reasons
from vconsole.features.locality.words import COLUMNS, Row, home_of, rows_of
from vconsole.model.column import row_cells
from vconsole.model.command import writable
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.memory import cells_label
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe

KEY = Keys("locality")
LOOK_EVERY_S = 10.0
"""Reading where pages lie holds up the guest's memory for a moment."""


class LocalityScreen(ListPage, DomainPage):
    """A row a cell."""

    SCOPE = "locality"
    OFFER_NEEDS = (writable,)
    BINDINGS: ClassVar = bindings("locality")
    COLUMNS = COLUMNS
    CHOSEN = "locality.move"

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._place: Place | None = None
        self._rows: dict[str, Row] = {}
        self._trouble = "reading"

    # -- showing -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Look now, and now and again."""
        self.every(LOOK_EVERY_S, self.read_again)
        self.read_again()

    @override
    def read_again(self) -> None:
        self.read(ReadPlace(self._uuid))

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if not isinstance(request, ReadPlace) or request.uuid != self._uuid:
            return
        self._trouble = "" if isinstance(reply.value, Place) else reply.message or reply.status
        self._place = reply.value if isinstance(reply.value, Place) else None
        self._show()

    @override
    def show_host_state(self, before: HostState, after: HostState) -> None:
        self.follow()
        self._show()

    @property
    def _home(self) -> CpuSet:
        return home_of(self._domain, self.host_state) if self._domain else CpuSet()

    def _show(self) -> None:
        rows = rows_of(self._place, self._home) if self._place else ()
        self._rows = {str(row.cell): row for row in rows}
        words = f"its vCPUs run on {cells_label(self._home)}" if self._home else ""
        self.show_list(f"Where the memory of {safe(self.named)} lies", words, list(self._rows))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._rows[key])

    @override
    def notes(self) -> list[Note]:
        if self._place is None or self._domain is None:
            return []
        why = [(f" ! {safe(t)}", "warn") for t in reasons(self._domain, self._place, self._home)]
        if not why:
            return [(" all of it is where its vCPUs run", "good")]
        cures = (
            f" {KEY.move} moves it to the cell under the cursor while it runs",
            f" {KEY.tune} binds it: live where libvirt allows it, and for the next start",
        )
        return [*why, *((cure, "dim") for cure in cures)]

    @override
    def hint(self) -> tuple[str, str]:
        if self.subject is None:
            return f"the domain is gone; {APP.back} goes back", "warn"
        if self._trouble:
            return safe(self._trouble), "" if self._trouble == "reading" else "warn"
        return f"{KEY.move} moves its memory to this cell", ""

    @override
    def virsh(self) -> str:
        return f"numatune --domain {self._uuid}"

    # -- commands ----------------------------------------------------------------------------

    async def do_move(self) -> None:
        """Show what would move; enter there does it, as a job."""
        row, place, domain = self._rows.get(self.table.key or ""), self._place, self.subject
        if row is None or place is None or domain is None:
            self.say(safe(self._trouble) or "nothing is known of it", "warn")
            return
        cells = CpuSet.of((row.cell,))
        title = f"move the memory of {domain.name} to {cells_label(cells)}"
        await self.propose(title, lambda: plan_move(domain.uuid, domain.name, place, cells))
