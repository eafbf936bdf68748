"""What can be done with pools and volumes: what each would do, and virsh's words for it.

Sources: virsh(1); virStoragePool* and virStorageVol* of libvirt.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from vconsole.model.job import PARTIAL
from vconsole.model.proposal import Grade, virsh_line
from vconsole.model.request import device_command, element_lines
from vconsole.model.wait import Wait


def _trace(*words: str | int) -> str:
    """What `host.tell` takes: the kind of the change, then pool, volume and what it needs else."""
    return json.dumps(words)


PoolAction = Literal[
    "start", "stop", "refresh", "build", "autostart", "no autostart", "undefine", "delete"
]


FORMATTED: Final = ("fs", "disk", "logical")
"""Types of pool whose building formats a device."""
_KEEP: Final = "--no-overwrite"


@dataclass(frozen=True, slots=True)
class _Kind:
    title: str
    grade: Grade
    virsh: tuple[str, ...]
    effect: str
    """One line of what it does."""


POOL_ACTIONS: Final[dict[PoolAction, _Kind]] = {
    "start": _Kind("start the pool", "harmless", ("pool-start",), "+ running"),
    "stop": _Kind("stop the pool", "interrupting", ("pool-destroy",), "+ inactive; data stays"),
    "refresh": _Kind("read the pool anew", "harmless", ("pool-refresh",), "  volumes read anew"),
    "build": _Kind("build the pool", "destructive", ("pool-build",), "+ built"),
    "autostart": _Kind("start it with the host", "harmless", ("pool-autostart",), "+ autostart"),
    "no autostart": _Kind(
        "do not start it with the host", "harmless", ("pool-autostart", "--disable"), "- autostart"
    ),
    "undefine": _Kind(
        "undefine the pool", "destructive", ("pool-undefine",), "- definition; data stays"
    ),
    "delete": _Kind(
        "delete the pool's data", "destructive", ("pool-delete",), "- all data; for good"
    ),
}


@dataclass(frozen=True, slots=True)
class ActOnPool:
    """Do one of `POOL_ACTIONS`; answers the `Pool` read back, or None where it is gone.

    It is a conflict if the pool is not in the state that was seen any more.
    """

    pool: str
    """Its UUID."""
    name: str
    action: PoolAction
    before: str
    """The state that was seen."""
    formats: bool = False
    """Building writes to a device: never over what is on it."""
    uuid: ClassVar[str] = ""
    deadline_s: ClassVar[float] = 600.0
    when: ClassVar[str] = "now"

    @property
    def trace(self) -> str:
        """The pool and what was to be done."""
        return _trace("pool", self.pool, self.action)

    @property
    def grade(self) -> Grade:
        """How it is confirmed."""
        return POOL_ACTIONS[self.action].grade

    @property
    def what(self) -> str:
        """Its title."""
        return POOL_ACTIONS[self.action].title

    def lines(self) -> tuple[str, ...]:
        """What it does."""
        return (f"- {self.before}", POOL_ACTIONS[self.action].effect)[self.action == "refresh" :]

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        command, *flags = POOL_ACTIONS[self.action].virsh
        flags += [_KEEP] if self.action == "build" and self.formats else []
        return (virsh_line(uri, command, "--pool", self.name, *flags),)


@dataclass(frozen=True, slots=True)
class DefinePool:
    """Define a pool that is not there yet; answers the `Pool` read back."""

    name: str
    xml: str
    build: bool = False
    start: bool = False
    autostart: bool = False
    formats: bool = False
    """Building writes to a device: never over what is on it."""
    uuid: ClassVar[str] = ""
    deadline_s: ClassVar[float] = 600.0
    when: ClassVar[str] = "now"

    @property
    def trace(self) -> str:
        """Its name."""
        return _trace("defined", self.name, "")

    @property
    def grade(self) -> Grade:
        """Building may write to a device."""
        return "interrupting" if self.build else "harmless"

    @property
    def what(self) -> str:
        """What else is done with it."""
        then = [("build", self.build), ("start", self.start), ("autostart", self.autostart)]
        words = ", ".join(word for word, wanted in then if wanted)
        return "define the pool" + (f", {words} it" if words else "")

    def lines(self) -> tuple[str, ...]:
        """Its definition."""
        return tuple(f"+ {line}" for line in element_lines(self.xml))

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The lines that do it."""
        lines = device_command(uri, "pool-define", self.xml)
        keep = (_KEEP,) if self.formats else ()
        then = [(self.build, ("pool-build", keep)), (self.start, ("pool-start", ()))]
        more = [
            virsh_line(uri, word, "--pool", self.name, *flags)
            for wanted, (word, flags) in then
            if wanted
        ]
        if self.autostart:
            more.append(virsh_line(uri, "pool-autostart", "--pool", self.name))
        return (*lines, *more)


@dataclass(frozen=True, slots=True)
class _OfVolume:
    """What changes of a volume have in common."""

    pool: str
    """UUID of the pool."""
    pool_name: str
    volume: str
    uuid: ClassVar[str] = ""
    when: ClassVar[str] = "now"

    @property
    def name(self) -> str:
        """Pool and volume."""
        return f"{self.pool_name}/{self.volume}"


@dataclass(frozen=True, slots=True)
class CreateVolume(_OfVolume):
    """Make a volume, empty or as a copy of another; answers the `Volume` read back.

    It is a conflict if there is one of this name meanwhile.
    """

    xml: str
    source: str = ""
    """Name of the volume that is copied; empty to make an empty one."""
    preallocate: bool = False
    """Metadata is written in advance."""
    deadline_s: ClassVar[float] = 24 * 3600.0
    grade: ClassVar[Grade] = "harmless"

    @property
    def trace(self) -> str:
        """The volume."""
        return _trace("created", self.pool, self.volume)

    @property
    def what(self) -> str:
        """Whether it is a copy."""
        return f"clone {self.source}" if self.source else "create a volume"

    def lines(self) -> tuple[str, ...]:
        """Its description."""
        return tuple(f"+ {line}" for line in element_lines(self.xml))

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        where = ("--pool", self.pool_name)
        flags = ("--prealloc-metadata",) if self.preallocate else ()
        if self.source:
            words = ("--vol", self.source, "--newname", self.volume)
            return (virsh_line(uri, "vol-clone", *where, *words, *flags),)
        return device_command(uri, "vol-create", self.xml, *where, *flags)


VolumeAction = Literal["wipe", "delete"]


@dataclass(frozen=True, slots=True)
class ActOnVolume(_OfVolume):
    """Wipe a volume, or delete it; answers whether it is still there.

    It is a conflict if it is not the volume that was seen, or if a domain uses it by now.
    """

    key: str
    """As it was seen."""
    action: VolumeAction
    deadline_s: ClassVar[float] = 24 * 3600.0
    grade: ClassVar[Grade] = "destructive"

    @property
    def trace(self) -> str:
        """The volume and what was to be done."""
        return _trace(f"{self.action} volume", self.pool, self.volume)

    @property
    def what(self) -> str:
        """What is lost."""
        return f"{self.action} the volume"

    def lines(self) -> tuple[str, ...]:
        """What is lost."""
        gone = {"wipe": f"- the content of {self.volume}", "delete": f"- {self.volume}"}
        return (gone[self.action],)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        words = ("--vol", self.volume, "--pool", self.pool_name)
        return (virsh_line(uri, f"vol-{self.action}", *words),)


@dataclass(frozen=True, slots=True)
class ResizeVolume(_OfVolume):
    """Give a volume another capacity; answers the `Volume` read back."""

    key: str
    before_bytes: int
    after_bytes: int
    deadline_s: ClassVar[float] = 3600.0

    @property
    def trace(self) -> str:
        """The volume and its new capacity."""
        return _trace("resized", self.pool, self.volume, self.after_bytes)

    @property
    def grade(self) -> Grade:
        """What shrinks loses its end."""
        return "destructive" if self.after_bytes < self.before_bytes else "harmless"

    @property
    def what(self) -> str:
        """Which way."""
        return "shrink the volume" if self.after_bytes < self.before_bytes else "grow the volume"

    def lines(self) -> tuple[str, ...]:
        """The capacities."""
        return f"- capacity {self.before_bytes} bytes", f"+ capacity {self.after_bytes} bytes"

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        shrink = ("--shrink",) if self.after_bytes < self.before_bytes else ()
        words = ("--vol", self.volume, "--capacity", f"{self.after_bytes}B")
        return (virsh_line(uri, "vol-resize", "--pool", self.pool_name, *words, *shrink),)


@dataclass(frozen=True, slots=True)
class TransferVolume(_OfVolume):
    """Read a volume into a file of this machine, or write one from it, by a libvirt stream.

    A file is made beside its place and named when it is whole; none is written over. A volume that
    somebody uses is not written.
    """

    key: str
    path: str
    """Of the file."""
    upload: bool
    size_bytes: int
    """What goes over; 0 where that is not known yet."""
    wait: Wait = field(default_factory=Wait, compare=False, repr=False)
    deadline_s: ClassVar[float] = 24 * 3600.0

    @property
    def partial(self) -> str:
        """The file that is being made; see `model.job`."""
        return "" if self.upload else self.path + PARTIAL

    @property
    def trace(self) -> str:
        """The file that is there when it is done; none for what is written into a volume."""
        return "" if self.upload else self.path

    @property
    def grade(self) -> Grade:
        """What the volume held is lost by an upload."""
        return "destructive" if self.upload else "harmless"

    @property
    def what(self) -> str:
        """Which way."""
        return f"upload {self.path}" if self.upload else f"download to {self.path}"

    def lines(self) -> tuple[str, ...]:
        """What changes."""
        size = f", {self.size_bytes} bytes" if self.size_bytes else ""
        if self.upload:
            return f"- what {self.volume} holds", f"+ {self.path}{size}"
        return (f"+ {self.path}{size}",)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        verb = "vol-upload" if self.upload else "vol-download"
        words = ("--vol", self.volume, "--file", self.path, "--pool", self.pool_name)
        return (virsh_line(uri, verb, *words),)
