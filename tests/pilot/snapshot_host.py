"""A host with a domain that has snapshots, for tests and pictures of the pages about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tests.feed import Answers
from vconsole.features.snapshots.model.change import DeleteSnapshot, RevertSnapshot
from vconsole.features.snapshots.model.create import CreateSnapshot, Ground, ReadGround
from vconsole.features.snapshots.model.tree import (
    Disk,
    DomainSnapshot,
    ReadSnapshots,
    SnapshotDisk,
    SnapshotList,
)
from vconsole.model.request import Reply

NAME = "shop-web-2"
NOW_S = 1_772_373_600
"""2026-03-01 14:00:00 UTC."""
GROUND = Ground(
    True,
    (Disk("vda", "file", "/guests/shop-web-2.qcow2", "qcow2"), Disk("sda", excluded=True)),
    (("/guests", 40 << 30),),
)
XML = "<domainsnapshot>\n  <name>try-a</name>\n  <state>disk-snapshot</state>\n</domainsnapshot>\n"


def taken(name: str, parent: str | None, hours_ago: float, **fields: Any) -> DomainSnapshot:
    """A snapshot; internal, with memory, where nothing else is said."""
    internal = (SnapshotDisk("vda", "internal"),)
    found = DomainSnapshot(name, parent, NOW_S - int(hours_ago * 3600), "running", "internal")
    return replace(found, **{"disks": internal, **fields})


def external(name: str, parent: str | None, hours_ago: float, **fields: Any) -> DomainSnapshot:
    """One of disks only."""
    file = f"/guests/shop-web-2.{name}"
    disks = (SnapshotDisk("vda", "external", file),)
    more = {"memory": "no", "state": "disk-snapshot", "disks": disks, "xml": XML}
    return taken(name, parent, hours_ago, **{**more, **fields})


TREE = (
    taken("installed", None, 2000, state="shutoff", memory="no", description="as delivered"),
    taken("updates", "installed", 300),
    external("try-a", "updates", 30, description="new shop, with the old database"),
    external("try-a-fixed", "try-a", 5),
    external("try-b", "updates", 20, current=True),
)
HOSTILE = (
    taken("[red]x\x1b[2J", "nobody\u202e", 40, description="\x9b31m" + "long " * 60),
    taken("round", "about", 30),
    taken("about", "round", 20, current=True),
    taken("same", "about", 10),
    taken("same", "about", 9),
)


@dataclass
class SnapshotHost:
    """Answers as libvirt would; what it was asked to change is in `changes`."""

    snapshots: tuple[DomainSnapshot, ...] = TREE
    ground: Ground = GROUND
    unread: int = 0
    trouble: Reply | None = None
    changes: list[Any] = field(default_factory=list)
    hold: bool = False
    """Snapshots are not taken until a test calls `create`."""

    @property
    def answers(self) -> Answers:
        return {
            ReadSnapshots: lambda _: self.trouble or Reply(value=self.known),
            ReadGround: lambda _: self._look(),
            **({} if self.hold else {CreateSnapshot: self.create}),
            RevertSnapshot: self._revert,
            DeleteSnapshot: self._delete,
        }

    def _look(self) -> Reply:
        names = tuple(snapshot.name for snapshot in self.snapshots)
        return Reply(value=replace(self.ground, taken=names))

    @property
    def known(self) -> SnapshotList:
        return SnapshotList(self.snapshots, self.unread, 9_000_000)

    def create(self, change: CreateSnapshot) -> Reply:
        """Take one."""
        self.changes.append(change)
        parent = next((s.name for s in self.snapshots if s.current), None)
        before = tuple(replace(s, current=False) for s in self.snapshots)
        self.snapshots = (*before, taken(change.wish.name, parent, 0, current=True))
        return Reply("applied", "", self.known, f"{change.wish.name} is there")

    def _revert(self, change: RevertSnapshot) -> Reply:
        self.changes.append(change)
        self.snapshots = tuple(
            replace(s, current=s.name == change.snapshot) for s in self.snapshots
        )
        return Reply("applied", "it is running", self.known, "running")

    def _delete(self, change: DeleteSnapshot) -> Reply:
        self.changes.append(change)
        self.snapshots = tuple(s for s in self.snapshots if s.name not in change.gone)
        return Reply("applied", "", self.known, "gone")
