"""The volumes of one pool; details are read of those that come into view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from vconsole.changes.dispatcher import Request
from vconsole.features.storage.model.change import (
    ActOnVolume,
    CreateVolume,
    ResizeVolume,
    VolumeAction,
)
from vconsole.features.storage.model.plan import plan_clone, plan_resize, plan_transfer, plan_volume
from vconsole.features.storage.model.pool import (
    Pool,
    ReadUsers,
    ReadVolumeDetails,
    ReadVolumes,
    Volume,
)
from vconsole.features.storage.model.users import User, Users
from vconsole.features.storage.words import VOLUME_COLUMNS, VolumeRow, count_words, volume_notes
from vconsole.model.column import row_cells
from vconsole.model.keys import APP
from vconsole.model.proposal import Proposal, virsh_line
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.list_page import FilteredPage, ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe, size

AT_ONCE = 60
"""Volumes read in one request: about a screen."""


class VolumesScreen(ListPage, FilteredPage):
    """Names first, whatever their number; the rest of a row when it is looked at."""

    SCOPE = "volumes"
    EXAMPLE = "web  .qcow2"
    BINDINGS: ClassVar = bindings("volumes")
    COLUMNS = VOLUME_COLUMNS
    CHOSEN = "volumes.image"
    DEFAULT_CSS = """
    VolumesScreen NotesView { height: 5; }
    """

    def __init__(self, pool: Pool, begin_at: str = "") -> None:
        super().__init__()
        self._pool, self._begin_at = pool, begin_at
        self._names: tuple[str, ...] = ()
        self._listed = False
        self._trouble = ""
        self._details: dict[str, Volume] = {}
        self._based_on: dict[str, dict[str, None]] = {}
        """Path of a base -> names of those known to be based on it: a key looks at one row only."""
        self._wanted: dict[str, None] = {}
        """Names in view of which nothing is known yet."""
        self._unread: set[str] = set()
        """Names that could not be read: not asked for again and again."""
        self._users: Users | None = None

    @property
    def _volume(self) -> Volume | None:
        return self._details.get(self.table.key or "")

    # -- reading -----------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        """Read anew, as after a change."""
        self.read_again()

    def read_again(self) -> None:
        """Read names and users; details as they come into view."""
        self._details, self._based_on, self._unread = {}, {}, set()
        self.read(ReadVolumes(self._pool.uuid))
        self.read(ReadUsers())

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        value = reply.value
        if isinstance(request, ReadVolumes) and request.pool == self._pool.uuid:
            self._trouble = reply.message
            if isinstance(value, tuple):
                self._names, self._listed = value, True
        elif isinstance(request, ReadVolumeDetails) and request.pool == self._pool.uuid:
            found: dict[str, Volume] = value if isinstance(value, dict) else {}
            self._take_details(found)
            self._unread |= set(request.names) - found.keys()
            self.table.show(self.table.keys)  # the same rows: only what is in view is looked at
            self.explain()
            self.refresh_hint()
            return
        elif isinstance(request, ReadUsers) and isinstance(value, Users):
            self._users = value
        elif not isinstance(request, CreateVolume | ActOnVolume | ResizeVolume):
            return
        self._show()

    def _take_details(self, found: Mapping[str, Volume]) -> None:
        self._details |= found
        for volume in found.values():
            for base in {volume.backing, volume.backing_leads_to} - {""}:
                self._based_on.setdefault(base, {})[volume.name] = None

    def _ask_details(self) -> None:
        """Ask for those that came into view since."""
        names = tuple(self._wanted)[:AT_ONCE]
        if names and self.read(ReadVolumeDetails(self._pool.uuid, names)):
            self._wanted = {name: None for name in self._wanted if name not in names}

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        shown = [name for name in self._names if self._matches(name)]
        words = count_words(len(shown), len(self._names)) if self._listed else "reading"
        free = f"   {size(self._pool.available_bytes)} available"
        begin_at = self._begin_at if self._begin_at in shown else None
        self._begin_at = "" if begin_at else self._begin_at
        self.show_list(f"Volumes of {safe(self._pool.name)}", words + free, shown, begin_at)

    def _matches(self, name: str) -> bool:
        return all(word in name.casefold() for word in self.words)

    def _users_of(self, volume: Volume) -> tuple[User, ...]:
        return self._users.of(self._pool, volume) if self._users else ()

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        volume = self._details.get(key)
        if volume is None and key not in self._unread and key not in self._wanted:
            if not self._wanted:
                self.call_later(self._ask_details)
            self._wanted[key] = None
        row = VolumeRow(key, volume, self._users_of(volume) if volume else ())
        return row_cells(VOLUME_COLUMNS, row)

    @override
    def notes(self) -> Iterable[Note]:
        if (volume := self._volume) is None:
            return ()
        bases = (self._based_on.get(path, {}) for path in (volume.path, volume.leads_to))
        based = dict.fromkeys(name for names in bases for name in names)
        return volume_notes(volume, self._users_of(volume), tuple(based))

    @override
    def hint(self) -> tuple[str, str]:
        if self._trouble:
            return safe(self._trouble), "bad"
        if self._users and self._users.problem:
            return safe(f"not all domains could be read: {self._users.problem}"), "warn"
        if self.words and not self.table.key:
            return f"nothing matches; {APP.back} shows all", "warn"
        if self._listed and not self._names:
            return "no volumes yet", ""
        return "", ""

    @override
    def explain(self) -> None:
        self._ask_details()
        super().explain()

    @override
    def filtered(self) -> None:
        self._show()

    @override
    def virsh(self) -> str:
        """What converts each of the names of the volume into the others."""
        uri = self.host_state.connection.uri
        if (volume := self._volume) is None:
            return virsh_line(uri, "vol-list", "--pool", self._pool.uuid, "--details")
        named = ("--vol", volume.name, "--pool", self._pool.name)
        lines = [virsh_line(uri, f"vol-{word}", *named) for word in ("path", "key")]
        lines += [virsh_line(uri, f"vol-{word}", "--vol", volume.key) for word in ("name", "pool")]
        return "\n".join(lines)

    # -- commands ----------------------------------------------------------------------------

    async def _act(self, action: VolumeAction) -> None:
        volume, users = self._volume, self._users
        if volume is None or users is None:
            self.say("not read yet", "warn")
            return
        others = self._details.values()
        await self.propose(
            f"{action} {volume.name}",
            lambda: plan_volume(self._pool, volume, action, users, others),
        )

    async def do_wipe(self) -> None:
        """Overwrite it."""
        await self._act("wipe")

    async def do_delete(self) -> None:
        """Delete it."""
        await self._act("delete")

    async def do_image(self) -> None:
        """Open its image; where no domain says its format, its owner is asked for it."""
        if (volume := self._volume) is None:
            self.say("not read yet", "warn")
            return
        said = next((user.format for user in self._users_of(volume) if user.format), "")
        if said:
            await self._open_image(volume, said)
            return
        await self.ask(
            f"format of {safe(volume.name)}",
            volume.format if volume.format != "-" else "",
            "as you know it: libvirt has this from what is in it, which a guest may have written",
            accepted=lambda text: self._format_said(volume, text.strip()),
        )

    async def _format_said(self, volume: Volume, format_: str) -> bool:
        if not format_:
            self.say("qcow2 or raw, mostly", "bad")
            return False
        await self._open_image(volume, format_)
        return True

    async def _open_image(self, volume: Volume, format_: str) -> None:
        from vconsole.screens.storage.image import ImageScreen

        await self.console.show_page(ImageScreen(volume.path, format_))

    async def do_create(self) -> None:
        """Ask for what a volume needs."""
        from vconsole.screens.storage.form import VolumeFormScreen

        await self.console.show_page(VolumeFormScreen(self._pool, self._names))

    async def do_clone(self) -> None:
        """Ask for the name of the copy."""
        if (volume := self._volume) is None:
            self.say("not read yet", "warn")
            return
        await self.ask(
            f"clone {safe(volume.name)} as",
            volume.name,
            "another name in this pool",
            accepted=lambda text: self.propose(
                f"clone {volume.name}",
                lambda: plan_clone(self._pool, self._names, volume, text, self._users or Users()),
            ),
        )

    async def do_resize(self) -> None:
        """Ask for the capacity."""
        if (volume := self._volume) is None:
            self.say("not read yet", "warn")
            return
        await self.ask(
            f"capacity of {safe(volume.name)}",
            size(volume.capacity_bytes).replace(" ", ""),
            "20GiB, or +5GiB more; to make it smaller: shrink 5GiB",
            accepted=lambda text: self.propose(
                f"resize {volume.name}", lambda: self._plan_resize(volume, text)
            ),
        )

    async def do_upload(self) -> None:
        """Ask for the file."""
        await self._transfer(upload=True)

    async def do_download(self) -> None:
        """Ask for the file."""
        await self._transfer(upload=False)

    async def _transfer(self, *, upload: bool) -> None:
        if (volume := self._volume) is None:
            self.say("not read yet", "warn")
            return
        verb = "upload to" if upload else "download"
        await self.ask(
            f"{verb} {safe(volume.name)}",
            "",
            "/path/of/a/file of this machine",
            accepted=lambda text: self.propose(
                f"{verb} {volume.name}", lambda: self._plan_transfer(volume, text.strip(), upload)
            ),
        )

    def _plan_transfer(self, volume: Volume, path: str, upload: bool) -> Proposal:
        return plan_transfer(self._pool, volume, path, upload, None, self._users or Users())

    def _plan_resize(self, volume: Volume, text: str) -> Proposal:
        shrink = text.strip().startswith("shrink ")
        wanted = text.strip().removeprefix("shrink ")
        return plan_resize(self._pool, volume, wanted, shrink, self._users or Users())
