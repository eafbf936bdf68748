"""The storage pools of the host: how full they are, who uses them, and what can be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import ClassVar

from vconsole.changes.dispatcher import Request
from vconsole.features.storage.model.change import ActOnPool, DefinePool, PoolAction
from vconsole.features.storage.model.plan import PoolWish, plan_define, plan_pool
from vconsole.features.storage.model.pool import (
    DEFAULT_PATH,
    DEFAULT_POOL,
    FindVolume,
    FoundVolume,
    Pool,
    PoolName,
    ReadPool,
    ReadPools,
    ReadPoolTypes,
    ReadUsers,
    overlaps,
)
from vconsole.features.storage.model.users import Users
from vconsole.features.storage.words import POOL_COLUMNS, PoolRow, default_hint, pool_notes
from vconsole.model.column import row_cells
from vconsole.model.keys import APP
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.list_page import FilteredPage, ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe

LOOK_EVERY_S = 5.0
USERS_EVERY = 6
"""Every how many looks all domains are asked for their disks."""


@dataclass(slots=True)
class _Known:
    """What is known of one pool."""

    pool: Pool
    asked_at_s: float = field(default_factory=monotonic)
    read_at_s: float | None = None
    trouble: str = ""
    silent: bool = False
    """It did not answer the last time."""


class PoolsScreen(ListPage, FilteredPage):
    """A row for each pool, read by itself: one that hangs grows old, the others do not."""

    SCOPE = "storage"
    EXAMPLE = "default  dir  inactive"
    BINDINGS: ClassVar = bindings("storage")
    COLUMNS = POOL_COLUMNS
    CHOSEN = "storage.open"
    DEFAULT_CSS = """
    PoolsScreen NotesView { height: 5; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, _Known] = {}
        self._listed = False
        self._trouble = ""
        self._users: Users | None = None
        self._overlaps: dict[str, str] = {}
        self._types: dict[str, bool] = {}
        self._wanted: FindVolume | None = None

    @property
    def _row(self) -> _Known | None:
        return self._known.get(self.table.key or "")

    # -- reading -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Look, and again."""
        self.every(LOOK_EVERY_S, self._look)
        self.every(LOOK_EVERY_S * USERS_EVERY, lambda: self.read(ReadUsers()))

    @override
    def read_again(self) -> None:
        self.look()

    def _look(self) -> None:
        self.read(ReadPools())
        if not self._types:
            self.read(ReadPoolTypes())
        for uuid in self._known:
            self.read(ReadPool(uuid), uuid)

    def replied(self, request: Request, reply: Reply) -> None:
        """Take in what was read, or what a change left."""
        value = reply.value
        if isinstance(request, ReadPools):
            self._take_list(value, reply.message)
        elif isinstance(request, ReadPool):
            self._take_pool(request.uuid, reply)
        elif isinstance(request, ReadUsers) and isinstance(value, Users):
            self._users = value
        elif request is self._wanted:
            self._wanted = None
            if isinstance(value, FoundVolume):
                self.unsay()
                self.call_later(self._open_found, value)
            else:
                self.say(safe(reply.message), "bad")
        elif isinstance(request, ReadPoolTypes) and isinstance(value, dict):
            self._types = value
        elif not isinstance(request, ActOnPool | DefinePool):
            return
        self._show()

    def _take_list(self, value: object, message: str) -> None:
        self._trouble = message
        if not isinstance(value, tuple):
            return
        self._listed = True
        names: tuple[PoolName, ...] = value
        before = self._known
        self._known = {n.uuid: before.get(n.uuid) or _Known(Pool(n.uuid, n.name)) for n in names}
        for uuid in self._known.keys() - before.keys():
            self.read(ReadPool(uuid), uuid)

    def _take_pool(self, uuid: str, reply: Reply) -> None:
        known = self._known.get(uuid)
        if known is None:
            return
        known.trouble = reply.message
        if isinstance(reply.value, Pool):
            known.pool, known.read_at_s = reply.value, monotonic()
            known.silent = False
        elif reply.status == "unknown":
            known.silent = True
        self._overlaps = overlaps(each.pool for each in self._known.values())

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        shown = [uuid for uuid, known in self._known.items() if self._matches(known.pool)]
        running = sum(known.pool.running for known in self._known.values())
        words = plural(len(self._known), "pool") + f"   {running} running"
        self.show_list("Storage", words if self._listed else "reading", shown)

    def _matches(self, pool: Pool) -> bool:
        text = f"{pool.name} {pool.type} {pool.state} {pool.target}".casefold()
        return all(word in text for word in self.words)

    def _stale_s(self, known: _Known) -> float | None:
        """Seconds since it answered, where it does not now."""
        if not known.silent:
            return None
        return monotonic() - (known.read_at_s or known.asked_at_s)

    def _shown(self, known: _Known) -> PoolRow:
        users = self._users.of_pool(known.pool) if self._users else ()
        ascii_only = self.console.config.ascii
        return PoolRow(known.pool, self._stale_s(known), known.trouble, users, ascii_only)

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(POOL_COLUMNS, self._shown(self._known[key]))

    @override
    def notes(self) -> Iterable[Note]:
        if (known := self._row) is None:
            return ()
        return pool_notes(self._shown(known), self._overlaps.get(known.pool.uuid, ""))

    @override
    def hint(self) -> tuple[str, str]:
        if self._trouble:
            return safe(self._trouble), "bad"
        if self._listed and (words := default_hint([k.pool.name for k in self._known.values()])):
            return words, ""
        if self.words and not self.table.key:
            return f"nothing matches; {APP.back} shows all", "warn"
        return "", ""

    @override
    def filtered(self) -> None:
        self._show()

    def virsh(self) -> str:
        """Name what shows the pool under the cursor."""
        if (known := self._row) is None:
            return "pool-list --all --details"
        return f"pool-info --pool {known.pool.uuid}"

    # -- commands ----------------------------------------------------------------------------

    async def do_open(self) -> None:
        """Show the volumes of the pool."""
        from vconsole.screens.storage.volumes import VolumesScreen

        if (known := self._row) is None:
            self.say("no pool here", "warn")
        elif not known.pool.running:
            self.say(f"{safe(known.pool.name)} is {known.pool.state}: start it first", "warn")
        else:
            await self.console.show_page(VolumesScreen(known.pool))

    async def _act(self, action: PoolAction) -> None:
        if (known := self._row) is None:
            self.say("no pool here", "warn")
        else:
            await self.propose("", lambda: plan_pool(known.pool, action, self._users or Users()))

    async def do_start(self) -> None:
        """Start it."""
        await self._act("start")

    async def do_stop(self) -> None:
        """Stop it."""
        await self._act("stop")

    async def do_refresh(self) -> None:
        """Have it read anew."""
        await self._act("refresh")

    async def do_build(self) -> None:
        """Build it."""
        await self._act("build")

    async def do_undefine(self) -> None:
        """Forget it."""
        await self._act("undefine")

    async def do_delete(self) -> None:
        """Delete its data."""
        await self._act("delete")

    async def do_autostart(self) -> None:
        """Start it with the host, or not any more."""
        known = self._row
        await self._act("no autostart" if known and known.pool.autostart else "autostart")

    async def do_define(self) -> None:
        """Ask for what a pool needs."""
        from vconsole.screens.storage.form import PoolFormScreen

        pools = tuple(known.pool for known in self._known.values())
        await self.console.show_page(PoolFormScreen(pools, self._types))

    async def do_image(self) -> None:
        """Ask for the path and the format of an image."""
        from vconsole.screens.storage.image import ImageScreen

        async def accepted(text: str) -> bool:
            path, _, format_ = text.strip().rpartition(" ")
            if not path.startswith("/"):
                self.say("a path and its format: it is never guessed from the image", "bad")
                return False
            await self.console.show_page(ImageScreen(path.strip(), format_))
            return True

        hint = "its path and format: /srv/images/web.qcow2 qcow2"
        await self.ask("image", "", hint, accepted=accepted)

    async def do_find(self) -> None:
        """Ask for any of the three names of a volume."""

        def accepted(text: str) -> bool:
            self._wanted = FindVolume(text.strip())
            self.read(self._wanted, text)
            self.say("looking for it")
            return True

        await self.ask("volume", "", "POOL/NAME, a path or a key", accepted=accepted)

    async def _open_found(self, found: FoundVolume) -> None:
        from vconsole.screens.storage.volumes import VolumesScreen

        await self.console.show_page(VolumesScreen(found.pool, found.volume.name))

    async def do_create(self) -> None:
        """Ask for what an image needs."""
        from vconsole.screens.storage.image_forms import CreateImageScreen

        await self.console.show_page(CreateImageScreen())

    async def do_default(self) -> None:
        """Make the pool that other tools expect."""
        pools = tuple(known.pool for known in self._known.values())
        wish = PoolWish("dir", DEFAULT_POOL, (("target", DEFAULT_PATH),), build=True)
        await self.propose("make the default pool", lambda: plan_define(wish, pools))
