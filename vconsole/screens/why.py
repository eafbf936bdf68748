"""Why is it slow? Who disturbs a domain's threads or a pCPU, the worst first, with a cure each."""

from __future__ import annotations

from time import monotonic
from typing import ClassVar, Final

from vconsole.changes.dispatcher import Request
from vconsole.features.why.model.rank import Cause, ThreadRates, causes, thread_rates
from vconsole.features.why.model.sample import ReadWhy, Sample, pause_s
from vconsole.features.why.words import NOBODY, RATES_TITLES, rates_line
from vconsole.model.column import Column, row_cells
from vconsole.model.host_state import HostState
from vconsole.model.keys import APP
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe

LOOK_EVERY_S = 1.0
"""How often it is asked whether it is time for a sample; see `pause_s`."""
PCPU: Final = "pcpu:"
"""Before the number, in the place of a UUID: a page about a pCPU."""
COLUMNS: Final[tuple[Column[Cause], ...]] = (
    Column("mark", "", 1, cell=lambda cause: ("!" if cause.weight >= 5 else "", "warn")),
    Column(
        "words", "Who disturbs, the worst first", 40, flex=True, cell=lambda c: (safe(c.words), "")
    ),
)


class WhyScreen(ListPage, DomainPage):
    """Looks only while it is in front, and no more often than costs half a percent of a pCPU."""

    SCOPE = "why"
    BINDINGS: ClassVar = bindings("why")
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    WhyScreen LineTable { height: 1fr; }
    WhyScreen NotesView { height: 1fr; }
    """

    def __init__(self, about: str) -> None:
        self._pcpu = int(about[len(PCPU) :]) if about.startswith(PCPU) else None
        super().__init__("" if self._pcpu is not None else about)
        self._before: Sample | None = None
        self._next = 0.0
        self._causes: dict[str, Cause] = {}
        self._rates: tuple[ThreadRates, ...] = ()
        self._trouble = ""
        self._measured = False

    # -- looking -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin to look."""
        self.every(LOOK_EVERY_S, self._look)
        self._look()

    def _look(self) -> None:
        if monotonic() >= self._next:
            self.read(ReadWhy(self._uuid, self._pcpu, self._before))

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if not isinstance(request, ReadWhy):
            return
        if (request.uuid, request.pcpu) != (self._uuid, self._pcpu):
            return
        now, before = reply.value, request.before
        if isinstance(now, Sample):
            self._trouble = ""
            self._next = monotonic() + pause_s(now)
            if before is not None:
                self._rank(before, now)
            self._before = now
        else:
            self._trouble, self._before = reply.message or reply.status, None
            self._causes, self._rates, self._measured = {}, (), False
            self._next = monotonic() + pause_s(Sample(0.0), 5.0)
        self._show()

    def _rank(self, before: Sample, now: Sample) -> None:
        names = {domain.uuid: domain.name for domain in self.host_state.domains}
        found = causes(before, now, names)
        self._causes = {f"{place}": cause for place, cause in enumerate(found)}
        self._rates = thread_rates(before, now)
        self._measured = True

    # -- showing -----------------------------------------------------------------------------

    @override
    def show_host_state(self, before: HostState, after: HostState) -> None:
        self.follow()
        self._show()

    def _show(self) -> None:
        name = safe(self.named) if self._pcpu is None else f"pCPU {self._pcpu}"
        words = f"{len(self._causes)} found" if self._measured else ""
        self.show_list(f"Why is {name} slow?", words, list(self._causes))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._causes[key])

    @override
    def notes(self) -> list[Note]:
        cause = self._causes.get(self.table.key or "")
        lines: list[Note] = [(f" cure: {safe(cause.cure)}", "accent"), ("", "")] if cause else []
        if self._rates:
            lines.append((f" {RATES_TITLES}", "dim"))
        return lines + [(f" {rates_line(rates)}", "") for rates in self._rates]

    @override
    def hint(self) -> tuple[str, str]:
        if self._pcpu is None and self.subject is None:
            return f"the domain is gone; {APP.back} goes back", "warn"
        if self._trouble:
            return safe(self._trouble), "warn"
        if not self._measured:
            return "counting; the first answer takes a few seconds", ""
        return (
            ("cures that change the host are yours to run", "")
            if self._causes
            else (NOBODY, "good")
        )

    @override
    def virsh(self) -> str:
        return f"domstats --domain {self._uuid} --vcpu" if self._uuid else ""
