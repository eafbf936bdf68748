"""What can be done with the domains chosen: each action with its key and virsh line, or why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial, partialmethod
from itertools import islice
from typing import ClassVar, Final, NamedTuple

from vconsole.features.lifecycle.model import ACTIONS, MODES, Act, Action
from vconsole.files.config import Config
from vconsole.model.column import Column, row_cells
from vconsole.model.host_state import Domain, HostState
from vconsole.model.keys import APP, Keys, shown_key
from vconsole.model.proposal import confirmation
from vconsole.model.words import names_label, plural
from vconsole.override import override
from vconsole.registry import COMMANDS
from vconsole.screens.confirm import confirm
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import STRAY, Page, bindings
from vconsole.text import Cell, Note, safe

KEY = Keys("actions")
_ASKS = {"harmless": "", "interrupting": "y/N", "destructive": "type"}
_TONES = {"harmless": "", "interrupting": "warn", "destructive": "bad"}


class Row(NamedTuple):
    """An action with its key, and its virsh line or why not."""

    action: Action
    letter: str
    words: str
    able: bool

    @property
    def tone(self) -> str:
        """The style of what cannot be done."""
        return "" if self.able else "dim"

    @property
    def asks(self) -> Cell:
        """What is asked before."""
        grade = self.action.grade
        return (_ASKS[grade], _TONES[grade]) if self.able else ("", "")


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("key", "Key", 3, cell=lambda row: (f" {row.letter}", row.tone or "accent")),
    Column("title", "Action", 19, cell=lambda row: (row.action.title, row.tone)),
    Column("asks", "Asks", 5, cell=lambda row: row.asks),
    Column("words", "virsh, or why not", 40, flex=True, cell=lambda r: (safe(r.words), r.tone)),
)
TIMEOUT_S = 60.0
_LONGEST_S = 3600.0


class ActionsScreen(ListPage):
    """The list of actions above, what the one under the cursor does below."""

    SCOPE = "actions"
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("actions"), *STRAY]
    COLUMNS = COLUMNS
    CHOSEN = "actions.run"
    DEFAULT_CSS = """
    ActionsScreen NotesView { height: 5; }
    """

    @classmethod
    def make(cls, uuid: str | None, config: Config) -> Page:
        """Make it for one domain."""
        return cls(() if uuid is None else (uuid,))

    def __init__(self, uuids: tuple[str, ...]) -> None:
        super().__init__()
        self._uuids = uuids
        self._domains: list[Domain] = []
        """Those of them that are still there."""
        self._shown_refused = ""
        self._mode = 0
        self._timeout_s = TIMEOUT_S

    # -- showing -----------------------------------------------------------------------------

    @property
    def subject(self) -> Domain | None:
        """The domain, where it is one."""
        return self._domains[0] if len(self._domains) == 1 else None

    @property
    def _action(self) -> Action:
        return ACTIONS[self.table.key or "start"]

    def _able(self, action: Action) -> list[Domain]:
        """The domains whose state allows it."""
        return [domain for domain in self._domains if action.why_not(domain) is None]

    def _acts(self, action: Action, domains: Iterable[Domain]) -> list[Act]:
        return [action.act(domain, MODES[self._mode], self._timeout_s) for domain in domains]

    @property
    def _refused(self) -> str:
        """Why nothing at all can be done, such as a connection that is read-only."""
        return COMMANDS["actions.run"].why_not(self) or ""

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Follow the states and the connection: what can be done depends on them."""
        news = self._refused != self._shown_refused
        if after.domains is not before.domains or not self._domains or news:
            self._shown_refused = self._refused
            by_uuid = {domain.uuid: domain for domain in after.domains}
            self._domains = [by_uuid[uuid] for uuid in self._uuids if uuid in by_uuid]
            self._show()

    def _show(self) -> None:
        one = self.subject
        what = f"{safe(one.name)}: {one.state}" if one else plural(len(self._domains), "domain")
        modes = ", then ".join(MODES[self._mode]).replace("acpi", "ACPI")
        asks = f"asked by {modes}, {self._timeout_s:g} s each"
        self.show_list(f"Actions on {what}", asks, list(ACTIONS))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        action = ACTIONS[key]
        able = self._able(action)
        letter = shown_key(COMMANDS[f"actions.{key}"], self.console.config.keys)
        many = f"{len(able)} of {len(self._uuids)}:  " if len(self._uuids) > 1 else ""
        if self._refused or not able:
            words = self._refused or many + next(self._refusals(action), "it is gone")
            return row_cells(COLUMNS, Row(action, letter, words, able=False))
        words = many + self._acts(action, able[:1])[0].virsh()[0]
        return row_cells(COLUMNS, Row(action, letter, words, able=True))

    def _refusals(self, action: Action) -> Iterator[str]:
        reasons = ((domain.name, action.why_not(domain)) for domain in self._domains)
        return (f"{name} {reason}" for name, reason in reasons if reason)

    @override
    def notes(self) -> list[Note]:
        action = self._action
        notes: list[Note] = [(f" {action.help}", "")]
        notes += [(f" not: {safe(self._refused)}", "warn")] if self._refused else []
        able = self._able(action)
        for act in self._acts(action, able[:1]):
            notes += [(f" {safe(line)}", "accent") for line in act.virsh()]
        if len(able) > 1:
            names = names_label(safe(domain.name) for domain in able[1:])
            notes.append((f" and the same for {names}", "dim"))
        not_these = islice(self._refusals(action), 3)
        return notes + [(f" not: {safe(words)}", "dim") for words in not_these]

    @override
    def hint(self) -> tuple[str, str]:
        if self._refused:
            return self._refused, "warn"
        if not self._domains:
            return f"the domain is gone; {APP.back} goes back", "warn"
        return f"{KEY.run} or the letter acts, after the question named; {APP.back} goes back", ""

    def virsh(self) -> str:
        """Name the lines of the action under the cursor, for all its domains."""
        action, uri = self._action, self.host_state.connection.uri
        acts = self._acts(action, self._able(action))
        return "\n".join(line for act in acts for line in act.virsh(uri))

    # -- commands ----------------------------------------------------------------------------

    async def do_run(self) -> None:
        """Carry out the action under the cursor."""
        await self._choose(self._action.id)

    async def _choose(self, name: str) -> None:
        """Ask as carefully as the action wants, then begin."""
        action = ACTIONS[name]
        self.table.show(list(ACTIONS), cursor=name)
        self.explain()
        acts = self._acts(action, self._able(action))
        if not acts:
            self.say("; ".join(islice(self._refusals(action), 3)) or "it is gone", "warn")
            return
        whom = acts[0].name if len(acts) == 1 else plural(len(acts), "domain")
        title = action.title
        if action.grade == "interrupting":
            title = f"{title} {safe(whom)[:40]}"
        word = confirmation(action.virsh.split()[0], acts)
        await confirm(self, action.grade, title, partial(self._begin, action, acts), word=word)

    def _begin(self, action: Action, acts: list[Act]) -> None:
        """Act as the domains were when it was asked; the page of the run takes this one's place."""
        from vconsole.screens.lifecycle.acting import ActingScreen

        run = self.console.carry_out(action.title, acts)
        self.console.call_later(self.console.replace_page, ActingScreen(run))

    async def do_fit(self) -> None:
        """Plan where they run best."""
        from vconsole.features.pins.model.fit_many import FitMany
        from vconsole.screens.pins.many import ManyScreen

        await self.console.show_page(ManyScreen(FitMany(self._uuids, self.host_state)))

    def do_mode(self) -> None:
        """Ask the guest otherwise."""
        self._mode = (self._mode + 1) % len(MODES)
        self._show()

    async def do_timeout(self) -> None:
        """Ask how long a guest may take."""
        hint = "seconds for each mode"
        await self.ask("time-out", f"{self._timeout_s:g}", hint, accepted=self._set_timeout)

    def _set_timeout(self, text: str) -> bool:
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0.0
        if not 1.0 <= seconds <= _LONGEST_S:
            self.say(f"a number of seconds from 1 to {_LONGEST_S:g}", "bad")
            return False
        self._timeout_s = seconds
        self._show()
        return True

    do_start = partialmethod(_choose, "start")
    do_start_paused = partialmethod(_choose, "start_paused")
    do_shutdown = partialmethod(_choose, "shutdown")
    do_reboot = partialmethod(_choose, "reboot")
    do_suspend = partialmethod(_choose, "suspend")
    do_resume = partialmethod(_choose, "resume")
    do_save = partialmethod(_choose, "save")
    do_reset = partialmethod(_choose, "reset")
    do_destroy = partialmethod(_choose, "destroy")
    do_destroy_graceful = partialmethod(_choose, "destroy_graceful")
    do_save_remove = partialmethod(_choose, "save_remove")
    do_autostart = partialmethod(_choose, "autostart")
    do_autostart_off = partialmethod(_choose, "autostart_off")
