"""Profiles: placements under a name; saved, compared with now, applied as a plan."""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import partial
from typing import ClassVar, Final

from textual.events import Resize

from vconsole.changes.dispatcher import Request
from vconsole.features.pins.model.profile import ApplyProfile, Profile, profile_of
from vconsole.features.pins.profile_files import ReadProfiles, StoreProfile
from vconsole.features.pins.profile_words import in_lines, row_words
from vconsole.model.column import Column, row_cells
from vconsole.model.keys import APP, Keys
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.confirm import confirm
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe

KEY = Keys("profiles")
Row = tuple[str, Profile | None, str]
"""A name with its profile, or why it cannot be used."""


def _domains(row: Row) -> Cell:
    _, profile, problem = row
    if profile is None:
        return safe(problem), "bad"
    return safe(", ".join(placed.name for placed in profile.placements)) or "none", ""


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("name", "Profile", 20, cell=lambda row: (safe(row[0]), "")),
    Column("host", "Saved on", 14, cell=lambda row: (safe(row[1].host) if row[1] else "-", "dim")),
    Column("domains", "Domains", 30, flex=True, cell=_domains),
)


class ProfilesScreen(ListPage):
    """The profiles above, what the one under the cursor holds below.

    Args:
        uuids: The domains that are saved; all of the host where none are named.
    """

    SCOPE = "profiles"
    PAGE = "pin"
    BINDINGS: ClassVar = bindings("profiles")
    COLUMNS = COLUMNS
    CHOSEN = "profiles.apply"
    DEFAULT_CSS = """
    ProfilesScreen LineTable { height: 40%; }
    ProfilesScreen NotesView { height: 1fr; margin-top: 1; }
    """

    def __init__(self, uuids: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._uuids = uuids
        self._rows: dict[str, Row] = {}
        self._known = False
        self._storing: StoreProfile | None = None
        self._trouble = ""

    def on_mount(self) -> None:
        """Read them whenever the page comes to the front."""
        self.every(5.0, lambda: self.read(ReadProfiles()))

    # -- showing -----------------------------------------------------------------------------

    def _show(self, cursor: str | None = None) -> None:
        self.show_list("Profiles", plural(len(self._rows), "profile"), list(self._rows), cursor)
        self.table.redraw()

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._rows[key])

    @property
    def _profile(self) -> Profile | None:
        row = self._rows.get(self.table.key or "")
        return row[1] if row else None

    @override
    def notes(self) -> Iterator[Note]:
        profile = self._profile
        for placed in profile.placements if profile else ():
            yield f" {safe(placed.name)}  {safe(placed.uuid)}", "accent"
            rows = [safe(words) for words in row_words(placed)]
            yield from ((f"   {line}", "") for line in in_lines(rows, self.app.size.width - 5))

    @override
    def hint(self) -> tuple[str, str]:
        if self._trouble:
            return self._trouble, "bad"
        if not self._rows:
            words = "no profile is saved yet" if self._known else "reading the profiles"
            return f"{words}; {KEY.save} saves where domains run now", ""
        return f"{KEY.apply} compares with now and shows the plan; {APP.back} goes back", ""

    def on_resize(self, event: Resize) -> None:
        """Break the rows for the width."""
        self.explain()

    # -- answers -----------------------------------------------------------------------------

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if isinstance(request, ReadProfiles):
            found = reply.value if isinstance(reply.value, tuple) else ()
            self._known, self._rows = True, {row[0]: row for row in found}
            self._trouble = "" if reply.status == "applied" else reply.message
            self._show()
        elif request is self._storing:
            good = reply.status == "applied"
            self.say(safe(reply.message), "good" if good else "bad")
            self.read(ReadProfiles())

    # -- commands ----------------------------------------------------------------------------

    async def do_apply(self) -> None:
        """Show the plan that brings the domains back."""
        from vconsole.screens.pins.many import ManyScreen

        profile = self._profile
        if profile is None:
            self.say("no profile here that can be used", "warn")
            return
        await self.console.show_page(ManyScreen(ApplyProfile(profile, self.host_state)))

    async def do_save(self) -> None:
        """Ask for a name."""
        chosen = f"the {len(self._uuids)} chosen" if self._uuids else "all domains"
        await self.ask("save as", "", f"{chosen}; letters, digits, - and _", accepted=self._save)

    async def do_replace(self) -> None:
        """Save what is now under the name of the cursor, in its place: of the same domains."""
        profile = self._profile
        if profile is None:
            self.say("no profile here that can be used", "warn")
            return
        uuids = {placed.uuid for placed in profile.placements}
        title = f"replace profile {profile.name} by what is now"
        begin = partial(self._store, profile.name, uuids, replace=True)
        await confirm(self, "interrupting", title, begin)

    def _save(self, name: str) -> bool:
        if not name.strip():
            return True
        uuids = self._uuids or {domain.uuid for domain in self.host_state.domains}
        self._store(name.strip(), uuids, replace=False)
        return True

    def _store(self, name: str, uuids: Set[str], replace: bool) -> None:
        state = self.host_state
        profile = profile_of(name, (d for d in state.domains if d.uuid in uuids), state)
        self._storing = StoreProfile(profile, replace)
        self.console.dispatcher.ask(self._storing)
