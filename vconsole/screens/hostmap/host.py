"""The host: its cells, their memory, and every pCPU with what it does and who may run there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from vconsole.features.hostmap.words import Marks, holders_words, host_words, legend, use_words
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import HostState, PCpu, PinKey
from vconsole.model.placement import Occupant, claims, occupants
from vconsole.model.topology import core_of, topology
from vconsole.model.words import names_label, numbers_label, row_label, rows_label
from vconsole.override import override
from vconsole.screens.hostmap.cellmap import CellMap
from vconsole.screens.jump import ask_pcpu
from vconsole.screens.page import Page, bindings
from vconsole.text import percent, safe
from vconsole.widgets.bars import StatusBar
from vconsole.widgets.title import TitleBar

if TYPE_CHECKING:
    from vconsole.screens.hostmap.who import WhoScreen


class HostScreen(Page):
    """See where there is room, and who sits on which pCPU."""

    SCOPE = "host"
    HINT_LINES = StatusBar.MOST_LINES  # who holds a pCPU is said nowhere else
    PAGE = "host"
    AUTO_FOCUS = "CellMap"
    BINDINGS: ClassVar = bindings("host")

    def compose_body(self) -> ComposeResult:
        """Two lines about the whole, the map, and what its marks mean."""
        facts = TitleBar(id="host")
        facts.most_lines = 2
        yield facts
        yield TitleBar(id="use")
        yield CellMap(self.console.config.ascii)
        yield TitleBar(id="legend")

    @property
    def map(self) -> CellMap:
        """The map."""
        return self.query_one(CellMap)

    # -- showing -----------------------------------------------------------------------------

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Show the numbers that changed."""
        self._title("host", "Host", host_words(after))
        self._title("use", "", use_words(after))
        self._title("legend", "", legend(Marks.of(after)) if after.pcpus else "")
        self.map.show(after)
        for dialog in self._dialogs():
            dialog.show(after)

    def _title(self, which: str, what: str, how: str) -> None:
        self.query_one(f"#{which}", TitleBar).words = (what, safe(how))

    def _dialogs(self) -> Iterable[WhoScreen]:
        """The inverse map, while it is open above this page."""
        if len(self.console.screen_stack) < 2 or self.console.screen is self:
            return ()
        from vconsole.screens.hostmap.who import WhoScreen

        stack = self.console.screen_stack
        return [s for s in stack if isinstance(s, WhoScreen) and s.is_mounted and s.children]

    def hint(self) -> tuple[str, str]:
        """Tell all about the pCPU under the cursor."""
        fresh, pcpu = self.host_state.freshness, self.map.cursor
        if fresh.read_at is None:
            return fresh.reason or "connecting", "warn" if fresh.reason else ""
        known = topology(self.host_state).pcpu.get(pcpu) if pcpu is not None else None
        if known is None:
            return fresh.reason or "libvirt names no pCPUs of this host", "warn"
        tone = "warn" if known.id in occupants(self.host_state).contested else ""
        return "; ".join(pcpu_words(known, self.host_state)), tone

    def on_cell_map_moved(self, event: CellMap.Moved) -> None:
        """Speak of another pCPU."""
        self.unsay()
        self.refresh_hint()

    def on_cell_map_chosen(self, event: CellMap.Chosen) -> None:
        """Open by mouse."""
        self.do_who()

    @override
    def virsh(self) -> str:
        return "freecell --all"

    # -- commands ----------------------------------------------------------------------------

    def do_next_cell(self) -> None:
        """Go to the next cell."""
        self.map.move_cell(1)

    def do_previous_cell(self) -> None:
        """Go to the cell before."""
        self.map.move_cell(-1)

    def do_dense(self) -> None:
        """One character a pCPU, or its number and mark."""
        self.map.toggle_dense()

    async def do_jump(self) -> None:
        """Ask for a pCPU's number."""
        await ask_pcpu(self, self.map.cursor, self.map.go_to_pcpu)

    def do_who(self) -> None:
        """Open the inverse map of the pCPU under the cursor."""
        from vconsole.screens.hostmap.who import WhoScreen

        if self.map.cursor is None:
            self.say("no pCPU here", "warn")
            return
        self.console.push_screen(WhoScreen(self.map.cursor, self.host_state))

    async def do_why(self) -> None:
        """See who disturbs the pCPU under the cursor."""
        if self.map.cursor is None:
            self.say("no pCPU here", "warn")
            return
        await self.console.open_page("why", f"pcpu:{self.map.cursor}")

    async def do_fit(self) -> None:
        """Plan for all that run."""
        from vconsole.features.pins.model.fit_many import FitMany
        from vconsole.screens.pins.many import ManyScreen

        uuids = tuple(d.uuid for d in self.host_state.domains if d.active)
        await self.console.show_page(ManyScreen(FitMany(uuids, self.host_state)))

    async def do_profiles(self) -> None:
        """Save where all run, or bring it back."""
        from vconsole.screens.pins.profiles import ProfilesScreen

        await self.console.show_page(ProfilesScreen())

    def do_check(self) -> None:
        """Open the virtualization check."""
        from vconsole.screens.hostmap.check import CheckScreen

        checks = self.host_state.node.checks
        if not checks:
            self.say("this connection does not tell what the host can do", "warn")
            return
        self.console.push_screen(CheckScreen(checks))


def pcpu_words(pcpu: PCpu, host_state: HostState) -> list[str]:
    """What there is to say of a pCPU, the most important first."""
    cell = topology(host_state).cell_of[pcpu.id]
    core = "-" if pcpu.core is None else pcpu.core
    state = "offline" if pcpu.online is False else f"{percent(host_state.busy.get(pcpu.id))} % busy"
    words = [f"pCPU {pcpu.id}, core {core}, cell {'-' if cell is None else cell}: {state}"]
    shape = topology(host_state)
    if kinds := shape.kinds_of(CpuSet.of((pcpu.id,))):
        words.append(f"{shape.kind_word(kinds[0])} core")
    if pcpu.id in shape.l3_of and shape.several_l3:
        words.append(f"L3 of {shape.l3_of[pcpu.id]}")
    words += [
        word
        for word, true in (
            ("isolated", pcpu.isolated),
            ("nohz", pcpu.nohz_full),
            ("rcu_nocbs", pcpu.rcu_nocbs),
        )
        if true
    ]
    if (limit := host_state.confined.get("")) and pcpu.id not in limit.cpuset:
        words.append(f"not for domains: {safe(limit.where) or 'a partition has it'}")
    if others := [n for n in core_of(pcpu.id, host_state) if n != pcpu.id]:
        words.append(f"sibling {numbers_label(others)}")
    if holders := holders_words(pcpu.id, host_state):
        words.append(holders)
    words.append(f"allowed: {allowed_words(occupants(host_state)[pcpu.id])}")
    if waiting := claims(host_state)[pcpu.id]:
        words.append(f"later: {names_label(safe(thread.name) for thread in waiting)}")
    if last := _last(pcpu.id, host_state):
        words.append(f"last: {last}")
    return words


def allowed_words(found: Iterable[Occupant]) -> str:
    """The pinned threads by domain: ``web-01 vCPU 0-3, orders emulator``."""
    rows: dict[tuple[str, str], list[PinKey]] = {}
    for thread in found:
        rows.setdefault((thread.uuid, thread.name), []).append((thread.kind, thread.id))
    words = [f"{safe(name)} {rows_label(keys)}" for (_, name), keys in rows.items()]
    return few(words) or "nobody pinned"


def _last(pcpu: int, host_state: HostState) -> str:
    names = ((host_state.domain(u), (kind, n)) for u, kind, n in host_state.last_ran.get(pcpu, ()))
    return few([f"{safe(d.name)} {row_label(key)}" for d, key in names if d is not None])


def few(words: list[str], limit: int = 3) -> str:
    """The first of a list, and how many more there are."""
    more = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {more} more" if more > 0 else "")
