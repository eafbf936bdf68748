"""Which domains have a metrics disk or channel, and the devices that give them one.

A guest reads metrics from a disk, whose content is the same for everybody it is attached to, or
over a virtio channel, on which it is told those of the host and its own. A disk that a guest may
write is an alarm: it forges what all the others read. Everything here is about the text of a
domain's XML, as it runs and as it is defined.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from string import ascii_lowercase
from typing import Final, Literal

from vconsole.model import agent_channels as channels
from vconsole.model.outcome import Target
from vconsole.model.proposal import Planner, Proposal, Subject
from vconsole.model.request import ChangeDevice, Configurations
from vconsole.model.xml_edit import Document, Element, element, escape_value

CHANNEL: Final = "org.github.vhostmd.1"
"""The name that guests find the channel by."""
What = Literal["disk", "channel"]
Half = Literal["live", "config"]
_Step = tuple[str, tuple[Half, ...]]
"""A clause, and where it is attached or detached."""

_OWN: Final = re.compile(r"vhostmd-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_TARGETS: Final = tuple(f"vd{letter}" for letter in reversed(ascii_lowercase))
"""From the end: the next data disk of a domain takes the first that is free."""


class ProvisionError(ValueError):
    """A domain that is not changed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class MetricsDevice:
    """A metrics disk or channel of a domain."""

    what: What
    target: str
    """As the domain has it: ``vdz``, or the channel's name."""
    xml: str
    """Its clause, as it stands."""
    path: str = ""
    """The disk's file on the host."""
    alarm: str = ""
    """What is dangerous about it, and the cure."""
    in_use: bool = False
    """The guest has the channel open."""


Devices = tuple[MetricsDevice, ...] | None
"""In the order of the XML; None where there is no such configuration."""


@dataclass(frozen=True, slots=True)
class Attachments:
    """What one domain has, running and in its definition."""

    live: Devices = None
    config: Devices = None

    @property
    def now(self) -> tuple[MetricsDevice, ...]:
        """What the guest can read; of a domain that does not run, what it will."""
        return (self.live if self.live is not None else self.config) or ()

    @property
    def alarm(self) -> str:
        """The first thing that is dangerous."""
        found = (*(self.live or ()), *(self.config or ()))
        return next((device.alarm for device in found if device.alarm), "")

    def has(self, what: What, path: str = "") -> bool:
        """Whether there is such a device now; of a disk, that of this path where one is named."""
        return any(d.what == what and path in ("", d.path) for d in self.now)


def own_path(path: str, uuid: str) -> str:
    """The disk for one domain alone, beside the common one."""
    return posixpath.join(posixpath.dirname(path), f"vhostmd-{uuid}")


def attachments(found: Configurations, path: str) -> Attachments:
    """What a domain has of the disk at `path`, of the disks for one domain, and of the channel.

    Raises:
        XmlEditError: Its XML cannot be read.
    """
    return Attachments(devices(found.live, path), devices(found.config, path))


def devices(xml: str | None, path: str) -> Devices:
    """The metrics disks and channels of one configuration; None without one.

    Raises:
        XmlEditError: The XML cannot be read.
    """
    if xml is None:
        return None
    if "vhostmd" not in xml and escape_value(path) not in xml:  # most domains: not parsed
        return ()
    document = Document(xml)
    uuid = document.find("uuid")
    disks = [
        _disk(document, node, file, uuid.text.strip() if uuid else "")
        for node in document.findall("devices/disk")
        if _is_metrics(file := posixpath.normpath(_source(node)), path)
    ]
    ports = [
        MetricsDevice("channel", CHANNEL, channel.xml, in_use=channel.connected)
        for channel in channels.channels_in(document)
        if channel.name == CHANNEL
    ]
    return (*disks, *ports)


def _is_metrics(file: str, path: str) -> bool:
    folder, name = posixpath.split(file)
    own = folder == posixpath.dirname(path) and _OWN.fullmatch(name) is not None
    return file == path or own


def _disk(document: Document, node: Element, file: str, uuid: str) -> MetricsDevice:
    target, owner = _target(node, "dev"), _OWN.fullmatch(posixpath.basename(file))
    alarm = ""
    if node.find("readonly") is None:
        what = "its own metrics" if owner else "what all others read"
        alarm = f"{target} is writable: the guest can forge {what}: detach it"
    elif owner and uuid and owner[1] != uuid:
        alarm = f"{target} is the disk of another domain, {owner[1]}: detach it"
    return MetricsDevice("disk", target, document.text[node.start : node.end], file, alarm)


def _source(disk: Element) -> str:
    source = disk.find("source")
    return (source.get("file") or source.get("dev") or "") if source else ""


def _target(node: Element, name: str) -> str:
    target = node.find("target")
    return (target.get(name) if target else None) or ""


# ---- the clauses


def disk_clause(path: str, target: str, direct: bool = True, relabelled: bool = True) -> str:
    """A read-only raw disk that many guests may have.

    libvirt is told to leave the file's owner alone: it would give the file to QEMU's user, and
    with it to whoever breaks out of one guest the metrics of all.

    Args:
        path: The file on the host.
        target: As `free_target` answers.
        direct: Around the host's page cache. A file on a tmpfs of Linux before 6.6 cannot be
            opened so; it lies in the page cache anyway, and no other copy is made of it.
        relabelled: The domain's files are given to QEMU's user. Where they are not, libvirt
            refuses to be told so of one disk.
    """
    cache = "none" if direct else "writethrough"
    label = element("seclabel", {"model": "dac", "relabel": "no"})
    return element(
        "disk",
        {"type": "file", "device": "disk"},
        element("driver", {"name": "qemu", "type": "raw", "cache": cache}),
        element("source", {"file": path}, *((label,) if relabelled else ())),
        element("target", {"dev": target, "bus": "virtio"}),
        element("readonly", {}),
        element("shareable", {}),
    )


def _relabels(xml: str | None) -> bool:
    """The domain lets libvirt give its files to QEMU's user (``<seclabel model='dac'>``)."""
    labels = Document(xml).findall("seclabel") if xml else []
    dac = [label for label in labels if label.get("model") == "dac"]
    return not any(n.get("type") == "none" or n.get("relabel") == "no" for n in dac)


def channel_clause() -> str:
    """The channel; libvirt chooses where its socket is."""
    return channels.channel_clause(CHANNEL)


def free_target(*configurations: str | None, prefer: Sequence[str] = ()) -> str:
    """A name for a disk that none of the configurations has, or one to prefer that one lacks.

    Raises:
        ProvisionError: All are taken.
        XmlEditError: A configuration cannot be read.
    """
    taken = [
        {_target(disk, "dev") for disk in Document(xml).findall("devices/disk")}
        for xml in configurations
        if xml
    ]
    for target in prefer:
        if not all(target in names for names in taken):
            return target
    for target in _TARGETS:
        if not any(target in names for names in taken):
            return target
    raise ProvisionError(f"no disk is free of {_TARGETS[-1]} to {_TARGETS[0]}: detach one")


# ---- plans


@dataclass(frozen=True, slots=True)
class Wish:
    """What to attach or detach."""

    what: What
    attach: bool
    path: str
    """The metrics disk."""
    own: bool = False
    """Attach to each domain the disk for it alone."""
    direct: bool = True
    """See `disk_clause`."""
    target: Target = "both"
    """Change the running domain, the definition, or both."""

    @property
    def words(self) -> str:
        """In a few words."""
        return f"{'attach' if self.attach else 'detach'} the metrics {self.what}"

    def aiming(self, target: Target) -> Wish:
        """The same for another target."""
        return replace(self, target=target)

    @property
    def halves(self) -> tuple[Half, ...]:
        """What is changed, in this order."""
        return ("live", "config") if self.target == "both" else (self.target,)


def planner(wish: Wish) -> Planner:
    """What carries a wish out, for any domain and target."""

    def plan_for(subject: Subject, target: Target) -> Proposal:
        found = Configurations(subject.live, subject.config)
        return Proposal(plan(subject.uuid, subject.name, found, wish.aiming(target)))

    return plan_for


def plan(uuid: str, name: str, found: Configurations, wish: Wish) -> tuple[ChangeDevice, ...]:
    """The changes that carry a wish out for a domain, one after the other.

    Raises:
        ProvisionError: There is nothing to change, or it is not to be changed so.
        XmlEditError: Its XML cannot be read.
    """
    known = attachments(found, wish.path)
    if all(getattr(known, half) is None for half in wish.halves):
        reason = "it does not run" if wish.target == "live" else "it has no definition"
        raise ProvisionError(reason)
    steps = _attach(found, known, uuid, wish) if wish.attach else _detach(known, wish)
    return tuple(
        ChangeDevice(
            *(uuid, name, wish.words, clause),
            attach=wish.attach,
            live="live" in halves,
            config="config" in halves,
        )
        for clause, halves in steps
    )


def _attach(found: Configurations, known: Attachments, uuid: str, wish: Wish) -> Iterator[_Step]:
    path = own_path(wish.path, uuid) if wish.own else wish.path
    own = {half: _wanted(getattr(known, half), wish.what, path) for half in ("live", "config")}
    present = [device for devices_ in own.values() for device in devices_ or ()]
    lacking = tuple(half for half in wish.halves if own[half] == ())
    if alarm := next((device.alarm for device in present if device.alarm), ""):
        raise ProvisionError(alarm)
    if not lacking:
        where = f", as {present[0].target}" if wish.what == "disk" else ""
        raise ProvisionError(f"it has the {wish.what} already{where}")
    if wish.what == "disk":
        target = free_target(found.live, found.config, prefer=[d.target for d in present])
        yield from _disks(found, path, target, wish.direct, lacking)
        return
    if "live" in lacking and (reason := channels.why_no_plugging(found.live or "")):
        lacking = tuple(half for half in lacking if half != "live")
        if not lacking:
            raise ProvisionError(f"{reason}: the channel needs a restart of the domain")
    yield channel_clause(), lacking


def _disks(
    found: Configurations, path: str, target: str, direct: bool, lacking: tuple[Half, ...]
) -> Iterator[_Step]:
    """One step for both halves, unless only one of them has its files relabelled."""
    clauses = {
        half: disk_clause(path, target, direct, _relabels(getattr(found, half))) for half in lacking
    }
    for clause in dict.fromkeys(clauses.values()):
        yield clause, tuple(half for half in lacking if clauses[half] == clause)


def _detach(known: Attachments, wish: Wish) -> Iterator[_Step]:
    """One step for both halves where one clause names the device in both, as it does a disk."""
    found: dict[object, dict[Half, MetricsDevice]] = {}
    for half in wish.halves:
        for device in _wanted(getattr(known, half), wish.what) or ():
            key = half if wish.what == "channel" else (device.target, device.path)
            found.setdefault(key, {})[half] = device
    if not found:
        raise ProvisionError(f"it has no metrics {wish.what}")
    for halves in found.values():
        yield halves["config" if "config" in halves else "live"].xml, tuple(halves)


def _wanted(present: Devices, what: What, path: str = "") -> Devices:
    """The devices of a kind; of disks those of a path, where one is named."""
    if present is None:
        return None
    wanted = path if what == "disk" else ""
    return tuple(d for d in present if d.what == what and wanted in ("", d.path))
