"""Disk images on this machine: what qemu-img says of them, and the lines that change them.

A path is data: it is made absolute, so that ``json:...`` or ``nbd:...`` is a file name, never a
protocol, and ``-x`` never an option. The format of an image is said by its owner: a raw image may
hold what looks like another format, written there by its guest.

Sources: qemu-img(1); the JSON of ``qemu-img info``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from vconsole.model.job import PARTIAL
from vconsole.model.proposal import Grade
from vconsole.model.wait import Wait

READ_ONLY_FORMATS: Final = ("bochs", "cloop", "dmg", "vvfat")
"""qemu-img reads these, and writes none of them."""
WRITABLE: Final = ("qcow2", "raw", "qed", "vdi", "vmdk", "vpc", "vhdx", "qcow", "parallels", "luks")
_DAY_S: Final = 24 * 3600.0
PROTOCOLS: Final = frozenset(
    "blkdebug blklogwrites blkverify compress copy-before-write copy-on-read file ftp ftps gluster "
    "host_cdrom host_device http https iscsi iser nbd nfs null-aio null-co nvme preallocate quorum "
    "rbd replication snapshot-access ssh throttle".split()
)
"""What ``qemu-img --help`` lists among the formats and is none of a file."""
MOST_IMAGES: Final = 200
"""Images of a chain that are read; a chain that comes back to itself ends there."""


@dataclass(frozen=True, slots=True)
class ImageSnapshot:
    """A snapshot inside an image."""

    id: str
    name: str
    taken_s: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a chain; None is what qemu-img does not say."""

    path: str
    format: str
    virtual_bytes: int | None = None
    allocated_bytes: int | None = None
    cluster_bytes: int | None = None
    dirty: bool = False
    """It was not closed well: check it."""
    encrypted: bool = False
    backing: str = ""
    """As the image names it."""
    backing_path: str = ""
    """Where that is."""
    backing_format: str = ""
    snapshots: tuple[ImageSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """An image and what it is based on, the nearest first."""

    images: tuple[Image, ...]
    problem: str = ""
    """Why it is not known to its end: a base that is missing, a loop."""


def read_info(text: str) -> tuple[Image, ...]:
    """Read what ``qemu-img info --output=json``, with or without its chain, prints.

    Raises:
        ValueError: It is none of qemu-img's.
    """
    found = json.loads(text)
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in items):
        raise ValueError("qemu-img printed no description of an image")
    return tuple(_image(item) for item in items)


def _image(item: Mapping[str, Any]) -> Image:
    snapshots = item.get("snapshots") or ()
    return Image(
        str(item.get("filename") or ""),
        str(item.get("format") or "-"),
        _whole(item.get("virtual-size")),
        _whole(item.get("actual-size")),
        _whole(item.get("cluster-size")),
        bool(item.get("dirty-flag")),
        bool(item.get("encrypted")),
        str(item.get("backing-filename") or ""),
        str(item.get("full-backing-filename") or item.get("backing-filename") or ""),
        str(item.get("backing-filename-format") or ""),
        tuple(
            ImageSnapshot(
                str(s.get("id")),
                str(s.get("name")),
                _whole(s.get("date-sec")),
                _whole(s.get("vm-state-size")),
            )
            for s in snapshots
            if isinstance(s, dict)
        ),
    )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class ReadImage:
    """Read an image with its chain: answers a `Chain`. It may be in use meanwhile."""

    path: str
    format: str = ""
    """Of the image, where it is known: then it is not guessed."""
    protocol: bool = False
    """The path is the address of a protocol, as QEMU writes it: ``nbd:...``, ``json:...``."""
    deadline_s: ClassVar[float] = 20.0


@dataclass(frozen=True, slots=True)
class AskImage:
    """Ask qemu-img something that changes nothing: answers the text that it prints."""

    kind: Literal["check", "map", "measure", "compare"]
    argv: tuple[str, ...]
    deadline_s: ClassVar[float] = 3600.0

    @property
    def line(self) -> str:
        """As it would be typed."""
        return shlex.join(("qemu-img", *self.argv))


def ask_check(path: str, format_: str) -> AskImage:
    """Look for errors."""
    return AskImage("check", ("check", "--output=json", *_how("-f", format_), "--", path))


def ask_map(path: str, format_: str) -> AskImage:
    """Ask which parts are allocated where."""
    return AskImage("map", ("map", "--output=json", *_how("-f", format_), "--", path))


def ask_compare(path: str, format_: str, other: str, other_format: str) -> AskImage:
    """Ask whether two images hold the same."""
    how = (*_how("-f", format_), *_how("-F", other_format))
    return AskImage("compare", ("compare", *how, "--", path, other))


def ask_measure(path: str, format_: str, to: str) -> AskImage:
    """Ask how much room a copy in another format would take."""
    how = ("-O", to, *_how("-f", format_))
    return AskImage("measure", ("measure", "--output=json", *how, "--", path))


def _how(option: str, format_: str) -> tuple[str, ...]:
    return (option, format_) if format_ else ()


@dataclass(frozen=True, slots=True)
class ReadRoom:
    """Foresee whether a copy has room where it is to lie: answers a `Room`."""

    path: str
    format: str
    output: str
    to: str
    """The format of the copy."""
    deadline_s: ClassVar[float] = 600.0


@dataclass(frozen=True, slots=True)
class Room:
    """What a copy takes, and what there is; None is what is not known."""

    required_bytes: int | None = None
    free_bytes: int | None = None


# ---- changes


@dataclass(frozen=True, slots=True)
class ImageWork:
    """Have qemu-img change an image, or make one; answers the `Chain` of what is there then.

    It is refused while a domain that runs uses an image of `writes`. What is made is made beside
    its place and given its name at the end: one that was cut off never looks complete.
    """

    name: str
    """The image that it is about."""
    what: str
    argv: tuple[str, ...]
    """What follows ``qemu-img``; ``{output}`` stands for the image that is made."""
    writes: tuple[str, ...] = ()
    """Images that are written, which nobody may use."""
    instead: str = ""
    """What does the same to a disk in use: a command of ours."""
    output: str = ""
    format: str = ""
    """Of what is read back."""
    base: tuple[str, str] = ("", "")
    """Path and format of what it is based on then, which must be there: unsafe, nobody looks."""
    grade: Grade = "harmless"
    difference: tuple[str, ...] = ()
    wait: Wait = field(default_factory=Wait, compare=False, repr=False)
    uuid: ClassVar[str] = ""
    deadline_s: ClassVar[float] = _DAY_S
    when: ClassVar[str] = "now"

    @property
    def partial(self) -> str:
        """The file that is being made; see `model.job`."""
        return self.output + PARTIAL if self.output else ""

    @property
    def trace(self) -> str:
        """The file that is there when it is done; none for what changes an image in its place."""
        return self.output

    def lines(self) -> tuple[str, ...]:
        """What changes."""
        return self.difference

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The qemu-img line: virsh has none for images."""
        words = (word.replace("{output}", self.output) for word in self.argv)
        return (shlex.join(("qemu-img", *words)),)
