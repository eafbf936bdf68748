"""A pool or a volume to be made: what is asked for, and what would come of it; enter goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, NamedTuple

from vconsole.changes.dispatcher import Request
from vconsole.features.storage.model.forms import POOL_TYPES, Field
from vconsole.features.storage.model.plan import (
    DIRECTORY_TYPES,
    FORMATS,
    PREALLOCATIONS,
    PoolWish,
    VolumeWish,
    plan_create,
    plan_define,
)
from vconsole.features.storage.model.pool import Pool
from vconsole.model.column import Column, row_cells
from vconsole.model.proposal import Proposal
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import STRAY, bindings
from vconsole.text import Cell, Note, safe


class Row(NamedTuple):
    """A field and what is answered, or stands there first."""

    field: Field
    value: str


def _value(row: Row) -> Cell:
    if row.value or row.field.choices or not row.field.example:
        return safe(row.value) or "-", "accent"
    return f"- such as {safe(row.field.example)}", "dim"


def _meaning(row: Row) -> Cell:
    if row.field.choices:
        return plural(len(row.field.choices), "choice"), "dim"
    empty = "may be empty" if row.field.optional else "is needed"
    return "" if row.value else empty, "dim"


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("title", "", 22, cell=lambda row: (safe(row.field.title), "")),
    Column("value", "", 30, flex=True, cell=_value),
    Column("meaning", "", 12, cell=_meaning),
)
_TONES: Final = {"+": "good", "-": "bad"}
_YES_NO: Final = ("yes", "no")


class FormScreen(ListPage):
    """Fields above, what they would do below. It goes once it was made."""

    SCOPE = "storageform"
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("storageform"), *STRAY]
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    FormScreen LineTable { height: 3fr; }
    FormScreen NotesView { height: 2fr; }
    """
    TITLE = ""

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[str, str] = {}
        self._made = False

    # -- what subclasses say -----------------------------------------------------------------

    def fields(self) -> tuple[Field, ...]:
        """What is asked for, given what was answered so far."""
        return ()

    def plan(self) -> Proposal:
        """What would be done; raises ValueError with the reason where nothing can be."""
        return Proposal()

    def about(self) -> str:
        """More words for the title."""
        return ""

    # -- showing -----------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        """Show; after it was made there is nothing to do here."""
        if self._made:
            self.console.call_later(self.console.pop_screen)
        else:
            self._show()

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if reply.status == "applied" and request in self._planned()[0].changes:
            self._made = True

    def value(self, field: Field) -> str:
        """What is answered, or stands there first."""
        return self._values.get(field.id, field.default)

    def answers(self) -> dict[str, str]:
        """The value of each field."""
        return {field.id: self.value(field) for field in self.fields()}

    def _field(self, key: str | None) -> Field | None:
        return next((field for field in self.fields() if field.id == key), None)

    def _show(self) -> None:
        self.show_list(safe(self.TITLE), self.about(), [field.id for field in self.fields()])

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        field = self._field(key)
        return row_cells(COLUMNS, Row(field, self.value(field))) if field else (("", ""),) * 3

    def _planned(self) -> tuple[Proposal, str]:
        """(what would be done, why nothing can be)."""
        for field in self.fields():
            if reason := field.why_not(self.value(field)):
                return Proposal(), f"{field.title} {reason}"
        try:
            return self.plan(), ""
        except ValueError as error:
            return Proposal(), str(error)

    @override
    def notes(self) -> list[Note]:
        proposal, reason = self._planned()
        field = self._field(self.table.key)
        choices = ", ".join(word or "none" for word in field.choices) if field else ""
        notes: list[Note] = [(f" one of {choices}", "dim")] if choices else []
        notes += [(f" {safe(reason)}", "warn")] if reason else []
        notes += [(f" {safe(note)}", "warn") for note in proposal.notes]
        for change in proposal.changes:
            notes += [(f" {safe(line)}", _TONES.get(line[:1], "")) for line in change.lines()]
        return notes

    @override
    def hint(self) -> tuple[str, str]:
        _, reason = self._planned()
        return (safe(reason), "warn") if reason else ("", "")

    @override
    def virsh(self) -> str:
        uri = self.host_state.connection.uri
        return "\n".join(
            line for change in self._planned()[0].changes for line in change.virsh(uri)
        )

    # -- commands ----------------------------------------------------------------------------

    async def do_choose(self) -> None:
        """Take the next choice, or edit what is text."""
        field = self._field(self.table.key)
        if field is None:
            return
        if not field.choices:
            await self.do_edit()
            return
        now = self.value(field)
        place = field.choices.index(now) if now in field.choices else -1
        self._values[field.id] = field.choices[(place + 1) % len(field.choices)]
        self._show()

    async def do_edit(self) -> None:
        """Type the value."""
        field = self._field(self.table.key)
        if field is None:
            return
        await self.ask(
            field.title,
            self.value(field),
            ", ".join(filter(None, field.choices)) or field.example,
            accepted=lambda text: self._typed(field, text),
        )

    def _typed(self, field: Field, text: str) -> bool:
        if reason := field.why_not(text):
            self.say(safe(f"{field.title}: {reason}"), "bad")
            return False
        self._values[field.id] = text.strip()
        self._show()
        return True

    async def do_apply(self) -> None:
        """Show the change."""
        await self.propose(self.TITLE, self.plan)


class PoolFormScreen(FormScreen):
    """A pool of any type that this libvirt offers."""

    TITLE = "define a pool"

    def __init__(self, pools: tuple[Pool, ...], types: Mapping[str, bool]) -> None:
        super().__init__()
        self._pools, self._types = pools, types

    @override
    def about(self) -> str:
        return POOL_TYPES[self._values.get("type", "dir")].title

    def fields(self) -> tuple[Field, ...]:
        """Type and name, what the type needs, and what is done after."""
        kind = self._values.get("type", "dir")
        known = POOL_TYPES[kind]
        then = [Field("start", "Start it", default="yes", choices=_YES_NO)]
        if known.builds:
            default = "yes" if kind in ("dir", "netfs") else "no"
            then.insert(0, Field("build", "Build it", default=default, choices=_YES_NO))
        then.append(Field("autostart", "Start with the host", default="yes", choices=_YES_NO))
        return (
            Field("type", "Type", default="dir", choices=tuple(POOL_TYPES)),
            Field("pool", "Name", "images"),
            *known.fields,
            *then,
        )

    @override
    def plan(self) -> Proposal:
        values = self.answers()
        kind = values["type"]
        if self._types and not self._types.get(kind):
            raise ValueError(f"this libvirt has no driver for pools of type {kind}")
        wish = PoolWish(
            kind,
            values["pool"],
            tuple((field.id, values[field.id]) for field in POOL_TYPES[kind].fields),
            build=values.get("build") == "yes",
            start=values["start"] == "yes",
            autostart=values["autostart"] == "yes",
        )
        return plan_define(wish, self._pools)


class VolumeFormScreen(FormScreen):
    """A volume in a pool."""

    TITLE = "create a volume"

    def __init__(self, pool: Pool, names: tuple[str, ...]) -> None:
        super().__init__()
        self._pool, self._names = pool, names

    def fields(self) -> tuple[Field, ...]:
        """Name and size; formats where the pool has files."""
        first = (
            Field("name", "Name", "web-01.qcow2"),
            Field("capacity", "Capacity", "20GiB", "20GiB"),
        )
        if self._pool.type not in DIRECTORY_TYPES:
            return first
        prealloc = Field("preallocate", "Preallocate", default="none", choices=PREALLOCATIONS)
        backing = Field("backing", "Based on", "/path/base.qcow2", optional=True, path=True)
        formats = ("", *FORMATS)
        return (
            *first,
            Field("format", "Format", default="qcow2", choices=FORMATS),
            prealloc,
            backing,
            Field("backing_format", "Format of that", choices=formats, optional=True),
            Field("cluster", "Cluster size in KiB", "64", optional=True),
        )

    @override
    def plan(self) -> Proposal:
        values = self.answers()
        cluster = values.get("cluster", "")
        if cluster and not cluster.isdigit():
            raise ValueError("a cluster size is a number of KiB, for example 64")
        wish = VolumeWish(
            values["name"],
            values["capacity"],
            values.get("format", "raw"),
            values.get("preallocate", "none"),
            values.get("backing", ""),
            values.get("backing_format", ""),
            int(cluster or 0),
        )
        return plan_create(self._pool, self._names, wish)
