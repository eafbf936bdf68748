"""Pools and volumes as rows and remarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import time
from typing import Final

from vconsole.features.storage.model.disks import Disk, Numbers
from vconsole.features.storage.model.pool import DEFAULT_PATH, DEFAULT_POOL, Pool, Volume
from vconsole.features.storage.model.users import User, Users
from vconsole.model.keys import key
from vconsole.model.words import names_label, plural
from vconsole.text import Cell, Column, Note, bar, duration, safe, size

POOL_COLUMNS: Final = (
    Column("name", "Pool", 12, flex=True),
    Column("type", "Type", 7),
    Column("state", "State", 12),
    Column("used", "", 10, from_width=76),
    Column("allocation", "Allocated", 9, "right", from_width=90),
    Column("available", "Available", 9, "right"),
    Column("capacity", "Capacity", 9, "right"),
    Column("auto", "Auto", 4),
    Column("volumes", "Volumes", 7, "right"),
    Column("target", "Target", 28, from_width=118),
)
VOLUME_COLUMNS: Final = (
    Column("name", "Volume", 24, flex=True),
    Column("format", "Format", 6),
    Column("capacity", "Capacity", 9, "right"),
    Column("allocation", "Allocated", 9, "right"),
    Column("age", "Changed", 8, "right", from_width=90),
    Column("users", "Used by", 18),
    Column("backing", "Based on", 24, from_width=110),
)
_DAY_S: Final = 86400


def pool_cells(
    pool: Pool, stale_s: float | None, ascii_only: bool, trouble: str = ""
) -> tuple[Cell, ...]:
    """The row of a pool in `POOL_COLUMNS`.

    Args:
        pool: As it was read last.
        stale_s: Seconds since then, where it does not answer any more.
        ascii_only: For the bar.
        trouble: Why it could not be read.
    """
    state = pool.state if stale_s is None else f"? {duration(stale_s)}"
    tone = {"running": "", "inactive": "dim"}.get(pool.state, "warn")
    if stale_s is not None or trouble:
        tone = "bad"
    return (
        (safe(pool.name), tone),
        (safe(pool.type), "dim"),
        (state, tone),
        (_bar(pool, ascii_only), ""),
        (size(pool.allocation_bytes), ""),
        (size(pool.available_bytes), ""),
        (size(pool.capacity_bytes), ""),
        ({True: "auto", False: "no", None: "-"}[pool.autostart], ""),
        ("-" if pool.volumes is None else str(pool.volumes), ""),
        (safe(pool.target or pool.source or "-"), "dim"),
    )


def _bar(pool: Pool, ascii_only: bool) -> str:
    if not pool.capacity_bytes or pool.available_bytes is None:
        return ""
    share = 1 - pool.available_bytes / pool.capacity_bytes
    return bar(share, 10, ascii_only)


def pool_notes(
    pool: Pool, users: Users | None, overlap: str, stale_s: float | None, trouble: str
) -> Iterator[Note]:
    """What there is to say of a pool."""
    if stale_s is not None:
        yield f" it has not answered for {duration(stale_s)}: is its server away?", "bad"
    elif trouble:
        yield f" {safe(trouble)}", "bad"
    place = safe(pool.target or "-") + (f"   from {safe(pool.source)}" if pool.source else "")
    kind = {True: "persistent", False: "transient: gone when it is stopped", None: "-"}
    yield f" {place}   {kind[pool.persistent]}", "dim"
    if overlap:
        yield f" it overlaps the pool {safe(overlap)}: both see the same files", "warn"
    if pool.name == DEFAULT_POOL:
        yield " the default pool: where virt-install and its kind put images", "dim"
    names = users.of_pool(pool) if users else ()
    yield f" used by {safe(names_label(names))}" if names else " no domain uses it", "dim"


def default_hint(pools: Sequence[str]) -> str:
    """Say that there is no default pool; empty where there is one."""
    if DEFAULT_POOL in pools:
        return ""
    return f"there is no default pool in {DEFAULT_PATH}: {key('storage.default')} makes it"


# ---- volumes


def volume_cells(name: str, volume: Volume | None, users: Sequence[User]) -> tuple[Cell, ...]:
    """The row of a volume in `VOLUME_COLUMNS`; what is not read yet is ``-``."""
    if volume is None:
        return ((safe(name), "dim"), *(("-", "dim"),) * 6)
    return (
        (safe(name), ""),
        (safe(volume.format if volume.format != "-" else volume.type), "dim"),
        (size(volume.capacity_bytes), ""),
        (size(volume.allocation_bytes), ""),
        (_age(volume), "dim"),
        (safe(_names(users)), "" if users else "dim"),
        (safe(volume.backing.rpartition("/")[2]), "dim"),
    )


def _names(users: Sequence[User]) -> str:
    names = tuple(dict.fromkeys(user.name for user in users))
    return names_label(names) if names else "-"


def _age(volume: Volume) -> str:
    if volume.modified_s is None:
        return "-"
    seconds = max(0.0, time() - volume.modified_s)
    return duration(seconds) if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.0f} days"


def volume_notes(
    pool: Pool, volume: Volume, users: Sequence[User], based: Sequence[str]
) -> Iterator[Note]:
    """The names of a volume, what it is based on and who uses it."""
    yield f" path {safe(volume.path)}", ""
    if volume.key != volume.path:
        yield f" key  {safe(volume.key)}", ""
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

DISK_COLUMNS: Final = (
    Column("target", "Disk", 6),
    Column("device", "Device", 6),
    Column("source", "Image", 22, flex=True),
    Column("format", "Format", 6),
    Column("chain", "Chain", 5, "right"),
    Column("capacity", "Capacity", 9, "right"),
    Column("allocation", "Allocated", 9, "right", from_width=96),
    Column("rate", "Read/write a s", 19, "right", from_width=110),
    Column("latency", "Latency", 8, "right", from_width=80),
    Column("note", "", 14, from_width=80),
)


def disk_cells(disk: Disk, now: Numbers | None, before: Numbers | None) -> tuple[Cell, ...]:
    """The row of a disk in `DISK_COLUMNS`; rates are between two readings."""
    half = disk.now
    job = f"{now.job} {_percent(now)}" if now and now.job else ""
    return (
        (safe(disk.target), ""),
        (safe(disk.device), "dim"),
        (safe(half.source or "no medium"), "" if half.source else "dim"),
        (safe(half.format), "dim"),
        (
            str(len(half.chain) + 1) if half.source else "-",
            "warn" if len(half.chain) > 8 else "dim",
        ),
        (size(now.capacity_bytes if now else None), ""),
        (size(now.allocation_bytes if now else None), ""),
        (_rates(now, before), ""),
        (_latency(now, before), ""),
        (job or disk.where, "accent" if job else "warn"),
    )


def _percent(now: Numbers) -> str:
    return f"{100 * now.done // now.of} %" if now.of else "-"


def _rates(now: Numbers | None, before: Numbers | None) -> str:
    read, written = rate(now, before, "read_bytes"), rate(now, before, "written_bytes")
    return f"{size(read)} / {size(written)}"


def rate(now: Numbers | None, before: Numbers | None, name: str) -> int | None:
    """What a count grew by in a second; None while that is not known."""
    if now is None or before is None or now.at_s <= before.at_s:
        return None
    last: int | None = getattr(now, name)
    first: int | None = getattr(before, name)
    if last is None or first is None or last < first:
        return None
    return round((last - first) / (now.at_s - before.at_s))


def _latency(now: Numbers | None, before: Numbers | None) -> str:
    """How long a request took on average since the reading before."""
    busy, requests = rate(now, before, "busy_ns"), rate(now, before, "requests")
    return f"{busy / requests / 1e6:.1f} ms" if busy is not None and requests else "-"


def disk_notes(disk: Disk) -> Iterator[Note]:
    """What there is to say of a disk."""
    half = disk.now
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
    if disk.where == "config differs" and disk.config is not None:
        yield f" from its next start on: {safe(disk.config.source or 'no medium')}", "warn"
