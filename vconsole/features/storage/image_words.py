"""Disk images as rows and remarks, and what qemu-img answers in our words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from vconsole.features.storage.model.images import Chain, Image, ImageSnapshot
from vconsole.model.column import Column
from vconsole.model.keys import key
from vconsole.text import Cell, Note, duration, safe, size

_DAY_S: Final = 86400
AskKind = Literal["check", "map", "measure", "compare"]


class Row(NamedTuple):
    """An image of a chain, or a snapshot inside the topmost."""

    depth: int
    image: Image
    now_s: float
    snapshot: ImageSnapshot | None = None

    @property
    def key(self) -> str:
        """What tells it from the others."""
        return f"snapshot {self.snapshot.id}" if self.snapshot else f"image {self.depth}"


def rows(chain: Chain, now_s: float) -> Iterator[Row]:
    """The image, the snapshots inside it, then what it is based on."""
    for depth, image in enumerate(chain.images):
        yield Row(depth, image, now_s)
        for snapshot in image.snapshots if depth == 0 else ():
            yield Row(1, image, now_s, snapshot)


def _name(row: Row) -> Cell:
    if row.snapshot is not None:
        return f"  snapshot {safe(row.snapshot.name)}", ""
    name = safe(row.image.path.rpartition("/")[2] or row.image.path)
    return (f"{'  ' * min(row.depth, 6)}based on {name}", "dim") if row.depth else (name, "")


def _format(row: Row) -> Cell:
    return ("", "") if row.snapshot else (safe(row.image.format), "dim")


def _size(row: Row) -> Cell:
    return ("", "") if row.snapshot else (size(row.image.virtual_bytes), "")


def _on_disk(row: Row) -> Cell:
    if row.snapshot is None:
        return size(row.image.allocated_bytes), ""
    memory = row.snapshot.memory_bytes
    return (f"+ {size(memory)}" if memory else "", "dim")


def _note(row: Row) -> Cell:
    if row.snapshot is not None:
        return (f"{_age(row.snapshot, row.now_s)} ago" if row.snapshot.taken_s else "-"), "dim"
    if row.image.dirty:
        return "not closed: check", "warn"
    return ("encrypted" if row.image.encrypted else ""), "dim"


def _age(snapshot: ImageSnapshot, now_s: float) -> str:
    seconds = max(0.0, now_s - (snapshot.taken_s or 0))
    return duration(seconds) if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.0f} days"


IMAGE_COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("name", "Image", 30, flex=True, cell=_name),
    Column("format", "Format", 7, cell=_format),
    Column("size", "Size", 9, "right", cell=_size),
    Column("disk", "On disk", 9, "right", cell=_on_disk),
    Column("note", "", 17, cell=_note),
)


def image_notes(row: Row, chain: Chain) -> Iterator[Note]:
    """What there is to say of an image of a chain."""
    image = row.image
    if chain.problem and row.depth == len(chain.images) - 1:
        yield f" {safe(chain.problem)}", "bad"
    yield f" {safe(image.path)}", ""
    if image.dirty:
        yield " it was not closed well: check it before it is used", "warn"
    if image.backing:
        format_ = image.backing_format or "a format that it does not say"
        named = "" if image.backing == image.backing_path else f", named {safe(image.backing)}"
        yield f" based on {safe(image.backing_path)} ({safe(format_)}){named}", "dim"
    if image.cluster_bytes:
        yield f" clusters of {size(image.cluster_bytes)}", "dim"
    if row.snapshot is not None:
        apply, delete = key("image.apply"), key("image.delete")
        yield f" {apply} goes back to the snapshot, {delete} deletes it", "dim"
    elif row.depth:
        yield " what is written here is seen by every image that is based on it", "dim"


# ---- answers


def answer_lines(kind: AskKind, text: str) -> tuple[str, ...]:
    """What qemu-img printed, in lines.

    Raises:
        ValueError: It is none of qemu-img's.
    """
    if kind == "compare":
        return (text.strip(),)
    return tuple(_LINES[kind](json.loads(text)))


def is_wrong(found: Mapping[str, Any]) -> bool:
    """Whether a check found errors."""
    return any(found.get(key) for key in _WRONG)


_WRONG: Final = ("corruptions", "leaks", "check-errors")


def _check_lines(found: Mapping[str, Any]) -> Iterator[str]:
    wrong = [f"{found[key]} {key}" for key in _WRONG if found.get(key)]
    yield ", ".join(wrong) or "no errors were found"
    if total := found.get("total-clusters"):
        broken = found.get("fragmented-clusters", 0)
        yield f"{found.get('allocated-clusters', 0)} of {total} clusters allocated, {broken} apart"


def _map_lines(found: list[Mapping[str, Any]]) -> Iterator[str]:
    yield f"{'start':>15} {'length':>15}  what  image"
    for part in found:
        start, length = part.get("start", "-"), part.get("length", "-")
        yield f"{start:>15} {length:>15}  {_kind(part):<4}  {part.get('filename') or '-'}"


def _kind(part: Mapping[str, Any]) -> str:
    return "data" if part.get("data") else ("zero" if part.get("zero") else "hole")


def _measure_lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"required         {size(found.get('required'))}"
    yield f"fully allocated  {size(found.get('fully-allocated'))}"


_LINES: Final[Mapping[AskKind, Any]] = {
    "check": _check_lines,
    "map": _map_lines,
    "measure": _measure_lines,
}
