"""Snapshots of a domain: what libvirt says of each, and the tree they form.

(`vconsole.model.host_state` is something else: the console's reading of the host.)
Format: https://libvirt.org/formatsnapshot.html. What a host says of parents may be nonsense.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar

from vconsole.model.xml_edit import Document, Element

MOST_LINES = 12
"""Lines drawn beside each other; of a tree that forks more often the first are counted instead."""
_LATEST_S = 253402300799
"""The end of the year 9999, the last that has a date."""
_PATHS = ("file", "dev", "dir", "name", "volume")
"""Attributes of ``<source>`` that say where a disk's content is."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a domain, as far as a snapshot is concerned."""

    target: str
    kind: str = "file"
    """Where its content is: file, block, network, volume ..."""
    source: str = ""
    format: str = ""
    excluded: bool = False
    """No snapshot takes it: it is read-only, empty, or says so itself."""


@dataclass(frozen=True, slots=True)
class SnapshotDisk:
    """A disk in a snapshot: the new file that was put on top of it, where there is one."""

    target: str
    location: str
    """``internal``, ``external`` or ``no``."""
    file: str = ""


@dataclass(frozen=True, slots=True)
class DomainSnapshot:
    """One snapshot."""

    name: str
    parent: str | None = None
    taken_s: int | None = None
    """Seconds since 1970, UTC."""
    state: str = "-"
    """The domain's then: running, paused, shutoff; disk-snapshot where memory was left out."""
    memory: str = "no"
    """Where the domain's memory is: ``internal``, ``external`` or ``no``."""
    description: str = ""
    current: bool = False
    """The domain goes on from it."""
    disks: tuple[SnapshotDisk, ...] = ()
    xml: str = ""

    @property
    def external(self) -> bool:
        """It made new files, for disks or for memory."""
        return "external" in (self.memory, *(disk.location for disk in self.disks))

    @property
    def kind(self) -> str:
        """Where it is and what it holds, in two words."""
        where = "external" if self.external else "internal"
        return f"{where}, {'disks' if self.memory == 'no' else 'memory'}"

    @property
    def taken(self) -> str:
        """When it was taken, UTC to the second."""
        if self.taken_s is None:
            return "-"
        return f"{datetime.fromtimestamp(self.taken_s, UTC):%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True, slots=True)
class SnapshotList:
    """The snapshots of a domain, and how many more there are than were read."""

    snapshots: tuple[DomainSnapshot, ...] = ()
    unread: int = 0
    libvirt_version: int = 0
    """As libvirt counts it: 9.9.0 is 9009000."""

    def find(self, name: str) -> DomainSnapshot | None:
        """The one of this name."""
        return next((s for s in self.snapshots if s.name == name), None)


@dataclass(frozen=True, slots=True)
class ReadSnapshots:
    """Read the snapshots of a domain: answers a `SnapshotList`."""

    uuid: str
    deadline_s: ClassVar[float] = 30.0


# -- reading -----------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def read_snapshot(name: str, text: str, current: bool = False) -> DomainSnapshot:
    """Read a snapshot's XML; what is not understood in it is left out.

    It seldom changes and is looked at every few seconds: the latest are remembered.

    Raises:
        ValueError: It is no XML.
    """
    document = Document(text)
    memory = document.find("memory")
    return DomainSnapshot(
        name,
        parent=_text(document, "parent/name") or None,
        taken_s=_seconds(_text(document, "creationTime")),
        state=_text(document, "state") or "-",
        memory=(memory.get("snapshot") if memory else None) or "no",
        description=_text(document, "description"),
        current=current,
        disks=tuple(_snapshot_disk(node) for node in document.findall("disks/disk")),
        xml=text,
    )


def read_disks(text: str) -> tuple[Disk, ...]:
    """Read the disks of a domain's XML.

    Raises:
        ValueError: It is no XML.
    """
    return tuple(_disk(node) for node in Document(text).findall("devices/disk"))


def _text(document: Document, path: str) -> str:
    node = document.find(path)
    return node.text.strip() if node else ""


def _seconds(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_LATEST_S))):
        return None
    return seconds if (seconds := int(text)) <= _LATEST_S else None


def _snapshot_disk(node: Element) -> SnapshotDisk:
    location = node.get("snapshot") or "-"
    return SnapshotDisk(node.get("name") or "-", location, _source(node))


def _disk(node: Element) -> Disk:
    target, driver, source = node.find("target"), node.find("driver"), _source(node)
    return Disk(
        (target.get("dev") if target else None) or "-",
        node.get("type") or "-",
        source,
        (driver.get("type") if driver else None) or "-",
        excluded=not source or bool(node.find("readonly")) or node.get("snapshot") == "no",
    )


def _source(node: Element) -> str:
    source = node.find("source")
    values = [source.get(name) for name in _PATHS] if source else []
    return next((value for value in values if value), "")


# -- the tree ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Branch:
    """A snapshot and its place in the tree.

    The only child of a snapshot stands right below it. Where several come from one, each has a line
    of its own, which its descendants keep.

    Attributes:
        key: Its name; one more of the same name has another.
        lines: For each line from the left, whether it goes on below.
        fork: It begins the last of the lines.
        problem: What is wrong with its parent, "" if nothing is.
    """

    key: str
    snapshot: DomainSnapshot
    lines: tuple[bool, ...] = ()
    fork: bool = False
    problem: str = ""


def tree(snapshots: Iterable[DomainSnapshot]) -> tuple[Branch, ...]:
    """Order snapshots so that each follows its parent; every one is there just once.

    One whose parent is missing is a root, and so is the first of a circle.
    """
    nodes = _keyed(snapshots)
    parents = {k: s.parent if s.parent in nodes else None for k, s in nodes.items()}
    circles = _break_circles(parents)
    children = _children(parents)
    found: list[Branch] = []
    waiting = _siblings(children.get(None, []), ())
    while waiting:
        key, lines, fork = waiting.pop()
        problem = _problem(nodes[key], parents[key], key in circles)
        found.append(Branch(key, nodes[key], lines, fork, problem))
        waiting += _siblings(children.get(key, []), lines)
    return tuple(found)


def drawn(branch: Branch, ascii_only: bool = False) -> str:
    """Draw the lines left of a snapshot, and the dot that stands for it."""
    goes_on, fork, last_fork, dot = (
        ("| ", "|-", "`-", "o ") if ascii_only else ("│ ", "├─", "└─", "○ ")
    )
    parts = [goes_on if line else "  " for line in branch.lines]
    if branch.fork:
        parts[-1] = fork if branch.lines[-1] else last_fork
    left_out = len(parts) - MOST_LINES
    if left_out > 0:
        parts[:left_out] = [f"+{left_out} "]
    return "".join(parts) + dot


def descendants(snapshots: Sequence[DomainSnapshot], name: str) -> tuple[str, ...]:
    """Name what comes from a snapshot, itself left out."""
    children: dict[str | None, list[str]] = {}
    for snapshot in snapshots:
        children.setdefault(snapshot.parent, []).append(snapshot.name)
    found: dict[str, None] = {name: None}
    waiting = [name]
    while waiting:
        new = [child for child in children.get(waiting.pop(), []) if child not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return tuple(found)[1:]


def _keyed(snapshots: Iterable[DomainSnapshot]) -> dict[str, DomainSnapshot]:
    """The oldest first; names should be unique, yet nobody but the host sees to that."""
    nodes: dict[str, DomainSnapshot] = {}
    for snapshot in sorted(snapshots, key=lambda s: (s.taken_s or 0, s.name)):
        key = snapshot.name
        while key in nodes:
            key += "\0"
        nodes[key] = snapshot
    return nodes


def _break_circles(parents: dict[str, str | None]) -> set[str]:
    """Take the parent away from one snapshot of each circle; answer which."""
    settled: set[str] = set()
    broken: set[str] = set()
    for start in list(parents):
        path: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in settled and at not in path:
            path[at] = None
            at = parents[at]
        if at is not None and at in path:
            parents[at] = None
            broken.add(at)
        settled.update(path)
    return broken


def _children(parents: Mapping[str, str | None]) -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    for key, parent in parents.items():
        found.setdefault(parent, []).append(key)
    return found


def _siblings(
    keys: Sequence[str], lines: tuple[bool, ...]
) -> list[tuple[str, tuple[bool, ...], bool]]:
    """(key, lines, fork) of the children of one snapshot, the first one last."""
    if len(keys) == 1:
        return [(keys[0], lines, False)]
    last = keys[-1] if keys else ""
    return [(key, (*lines, key != last), True) for key in reversed(keys)]


def _problem(snapshot: DomainSnapshot, parent: str | None, circle: bool) -> str:
    if circle:
        return "its parents form a circle"
    if snapshot.parent is not None and parent is None:
        return f"its parent {snapshot.parent} is missing"
    return ""
