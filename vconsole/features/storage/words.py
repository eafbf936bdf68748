"""Pools and volumes as rows and remarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import time
from typing import Final, NamedTuple

from vconsole.features.storage.model.disks import Disk, Numbers
from vconsole.features.storage.model.pool import DEFAULT_PATH, DEFAULT_POOL, Pool, Volume
from vconsole.features.storage.model.users import User
from vconsole.model.column import Column
from vconsole.model.keys import key
from vconsole.model.rates import per_second
from vconsole.model.words import names_label, plural
from vconsole.text import Cell, Note, bar, duration, safe, size

_DAY_S: Final = 86400
_YES_NO: Final = {True: "yes", False: "no", None: "-"}


# ---- pools


class PoolRow(NamedTuple):
    """A pool as it was read last."""

    pool: Pool
    stale_s: float | None = None
    """Seconds since then, where it does not answer any more."""
    trouble: str = ""
    """Why it could not be read."""
    users: tuple[str, ...] = ()
    """The domains that use it."""
    ascii_only: bool = False

    @property
    def tone(self) -> str:
        """The style of what tells how it is."""
        if self.stale_s is not None or self.trouble:
            return "bad"
        return {"running": "", "inactive": "dim"}.get(self.pool.state, "warn")

    @property
    def state(self) -> str:
        """The state, or since when it is not known."""
        return self.pool.state if self.stale_s is None else f"? {duration(self.stale_s)}"


def _bar(row: PoolRow) -> Cell:
    pool = row.pool
    if not pool.capacity_bytes or pool.available_bytes is None:
        return "", ""
    return bar(1 - pool.available_bytes / pool.capacity_bytes, 10, row.ascii_only), ""


def _autostart(row: PoolRow) -> Cell:
    return "auto" if row.pool.autostart else _YES_NO[row.pool.autostart], ""


POOL_COLUMNS: Final[tuple[Column[PoolRow], ...]] = (
    Column(
        *("name", "Pool", 12),
        cut="middle",
        flex=True,
        cell=lambda row: (safe(row.pool.name), row.tone),
        printed="Pool",
    ),
    Column("type", "Type", 7, cell=lambda row: (safe(row.pool.type), "dim"), printed="Type"),
    Column("state", "State", 12, cell=lambda row: (row.state, row.tone), printed="State"),
    Column("used", "", 10, from_width=76, cell=_bar),
    Column(
        *("allocation", "Allocated", 9, "right"),
        from_width=90,
        cell=lambda row: (size(row.pool.allocation_bytes), ""),
    ),
    Column(
        *("available", "Available", 9, "right"),
        cell=lambda row: (size(row.pool.available_bytes), ""),
        printed="Available",
    ),
    Column(
        *("capacity", "Capacity", 9, "right"),
        cell=lambda row: (size(row.pool.capacity_bytes), ""),
        printed="Capacity",
    ),
    Column(
        *("auto", "Auto", 4),
        cell=_autostart,
        printed="Auto",
        text=lambda row: _YES_NO[row.pool.autostart],
    ),
    Column(
        *("volumes", "Volumes", 7, "right"),
        cell=lambda row: ("-" if row.pool.volumes is None else str(row.pool.volumes), ""),
        printed="Volumes",
    ),
    Column(
        *("target", "Target", 28),
        from_width=118,
        cell=lambda row: (safe(row.pool.target or row.pool.source or "-"), "dim"),
        printed="Target",
    ),
)
POOL_USERS: Final[Column[PoolRow]] = Column(
    *("users", "", 0), cell=lambda row: (safe(", ".join(row.users)) or "-", ""), printed="Used by"
)
"""The page says it of the pool under the cursor."""


def pool_notes(row: PoolRow, overlap: str) -> Iterator[Note]:
    """What there is to say of a pool; `overlap` names one that sees the same files."""
    pool = row.pool
    if row.stale_s is not None:
        yield f" it has not answered for {duration(row.stale_s)}: is its server away?", "bad"
    elif row.trouble:
        yield f" {safe(row.trouble)}", "bad"
    place = safe(pool.target or "-") + (f"   from {safe(pool.source)}" if pool.source else "")
    kind = {True: "persistent", False: "transient: gone when it is stopped", None: "-"}
    allocated = f"   {size(pool.allocation_bytes)} allocated" if pool.allocation_bytes else ""
    yield f" {place}   {kind[pool.persistent]}{allocated}", "dim"
    if overlap:
        yield f" it overlaps the pool {safe(overlap)}: both see the same files", "warn"
    if pool.name == DEFAULT_POOL:
        yield " the default pool: where virt-install and its kind put images", "dim"
    yield f" used by {safe(names_label(row.users))}" if row.users else " no domain uses it", "dim"


def default_hint(pools: Sequence[str]) -> str:
    """Say that there is no default pool; empty where there is one."""
    if DEFAULT_POOL in pools:
        return ""
    return f"there is no default pool in {DEFAULT_PATH}: {key('storage.default')} makes it"


# ---- volumes


class VolumeRow(NamedTuple):
    """A volume; None is not read yet."""

    name: str
    volume: Volume | None
    users: Sequence[User] = ()


def _of_volume(
    shown: Callable[[Volume], str], tone: str = ""
) -> Callable[[VolumeRow], tuple[str, str]]:
    """What a volume shows once it is read."""
    return lambda row: (shown(row.volume), tone) if row.volume else ("-", "dim")


def _user_names(row: VolumeRow) -> Cell:
    names = tuple(dict.fromkeys(user.name for user in row.users))
    return (safe(names_label(names)), "") if names else ("-", "dim")


def _age(volume: Volume) -> str:
    if volume.modified_s is None:
        return "-"
    seconds = max(0.0, time() - volume.modified_s)
    return duration(seconds) if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.0f} days"


VOLUME_COLUMNS: Final[tuple[Column[VolumeRow], ...]] = (
    Column(
        *("name", "Volume", 24),
        cut="middle",
        flex=True,
        cell=lambda row: (safe(row.name), "" if row.volume else "dim"),
        printed="Volume",
    ),
    Column(
        *("format", "Format", 6),
        cell=_of_volume(lambda v: safe(v.format if v.format != "-" else v.type), "dim"),
        printed="Format",
    ),
    Column(
        *("capacity", "Capacity", 9, "right"),
        cell=_of_volume(lambda v: size(v.capacity_bytes)),
        printed="Capacity",
    ),
    Column(
        *("allocation", "Allocated", 9, "right"),
        cell=_of_volume(lambda v: size(v.allocation_bytes)),
        printed="Allocated",
    ),
    Column("age", "Changed", 8, "right", from_width=90, cell=_of_volume(_age, "dim")),
    Column(
        *("users", "Used by", 18),
        cell=_user_names,
        printed="Used by",
        text=lambda row: ", ".join(map(str, row.users)) or None,
    ),
    Column(
        *("backing", "Based on", 24),
        from_width=110,
        cell=_of_volume(lambda v: safe(v.backing.rpartition("/")[2]), "dim"),
        printed="Based on",
        text=lambda row: (row.volume and row.volume.backing) or None,
    ),
)


def volume_notes(volume: Volume, users: Sequence[User], based: Sequence[str]) -> Iterator[Note]:
    """The names of a volume, what it is based on and who uses it."""
    if volume.key == volume.path:
        yield f" path and key {safe(volume.path)}", ""
    else:
        yield f" path {safe(volume.path)}", ""
        yield f" key  {safe(volume.key)}", ""
    if volume.leads_to:
        yield f" a link to {safe(volume.leads_to)}", "dim"
    if volume.backing:
        format_ = f" ({safe(volume.backing_format)})" if volume.backing_format else ""
        yield f" based on {safe(volume.backing)}{format_}", "dim"
    if users:
        yield f" used by {safe(', '.join(map(str, users)))}", ""
    if based:
        yield f" base of {safe(names_label(tuple(based)))}", ""
    if not users and not based:
        yield " no domain uses it, nor a volume of this pool that was read", "dim"


def count_words(shown: int, total: int) -> str:
    """How many volumes."""
    return plural(total, "volume") if shown == total else f"{shown} of {plural(total, 'volume')}"


# ---- disks of a domain


class DiskRow(NamedTuple):
    """A disk, its numbers now and at the reading before: rates are between the two."""

    disk: Disk
    now: Numbers | None = None
    before: Numbers | None = None

    @property
    def rates(self) -> str:
        """Bytes read and written a second."""
        read, written = self._rate("read_bytes"), self._rate("written_bytes")
        return " / ".join(size(None if n is None else round(n)) for n in (read, written))

    @property
    def latency(self) -> str:
        """How long a request took on average since the reading before."""
        busy, requests = self._rate("busy_ns"), self._rate("requests")
        return f"{busy / requests / 1e6:.1f} ms" if busy is not None and requests else "-"

    def _rate(self, count: str) -> float | None:
        if self.now is None or self.before is None:
            return None
        first, last = (getattr(numbers, count) for numbers in (self.before, self.now))
        return per_second(first, last, self.now.at_s - self.before.at_s)

    @property
    def note(self) -> Cell:
        """How far a job is, else in which half it is otherwise."""
        now = self.now
        if now is None or not now.job:
            return self.disk.where, "warn"
        return f"{now.job} {100 * now.done // now.of} %" if now.of else f"{now.job} -", "accent"


def _image(row: DiskRow) -> Cell:
    source = row.disk.now.source
    return (safe(source), "") if source else ("no medium", "dim")


def _chain(row: DiskRow) -> Cell:
    half = row.disk.now
    known = bool(half.source) and (row.disk.live is not None or bool(half.chain))
    length = str(len(half.chain) + 1) if known else "-"
    return length, "warn" if len(half.chain) > 8 else "dim"


DISK_COLUMNS: Final[tuple[Column[DiskRow], ...]] = (
    Column("target", "Disk", 6, cell=lambda row: (safe(row.disk.target), ""), printed="Disk"),
    Column(
        "device", "Device", 6, cell=lambda row: (safe(row.disk.device), "dim"), printed="Device"
    ),
    Column(*("source", "Image", 22), cut="start", flex=True, cell=_image, printed="Image"),
    Column(
        "format", "Format", 6, cell=lambda row: (safe(row.disk.now.format), "dim"), printed="Format"
    ),
    Column("chain", "Chain", 5, "right", cell=_chain, printed="Chain"),
    Column(
        *("capacity", "Capacity", 9, "right"),
        cell=lambda row: (size(row.now.capacity_bytes if row.now else None), ""),
        printed="Capacity",
    ),
    Column(
        *("allocation", "Allocated", 9, "right"),
        from_width=96,
        cell=lambda row: (size(row.now.allocation_bytes if row.now else None), ""),
    ),
    Column(
        *("rate", "Read/write a s", 19, "right"), from_width=110, cell=lambda row: (row.rates, "")
    ),
    Column("latency", "Latency", 8, "right", from_width=80, cell=lambda row: (row.latency, "")),
    Column("note", "", 14, from_width=80, cell=lambda row: row.note, printed="Note"),
)


def disk_notes(row: DiskRow, narrow: bool = False) -> Iterator[Note]:
    """What there is to say of a disk, and of what a narrow list has no column for."""
    disk, half = row.disk, row.disk.now
    yield f" {safe(half.source or 'no medium')}", ""
    for path in half.chain[:6]:
        yield f"   based on {safe(path)}", "dim"
    if len(half.chain) > 6:
        yield f"   and {len(half.chain) - 6} more", "dim"
    facts = [
        f"cache {half.cache}" if half.cache else "",
        f"io {half.io}" if half.io else "",
        f"iothread {half.iothread}" if half.iothread else "",
        "read-only" if half.read_only else "",
        *(f"{name} {value}" for name, value in half.limits.items() if value),
    ]
    if words := "   ".join(filter(None, facts)):
        yield f" {safe(words)}", "dim"
    if narrow and row.now is not None:
        yield f" {size(row.now.allocation_bytes)} allocated   read/write a s {row.rates}", "dim"
    end = key("disks.end")
    if half.mirror_ready:
        words = f"{end} goes on at {half.mirror_to}, or ends it"
        yield f" {half.mirror} has caught up; if nobody follows it: {safe(words)}", "warn"
    elif row.now is not None and row.now.job:
        yield f" {row.now.job} runs; if nobody follows it: {end} ends it", "dim"
    if disk.where == "config differs" and disk.config is not None:
        yield f" from its next start on: {safe(disk.config.source or 'no medium')}", "warn"
