"""vhostmd's metrics disk: its layout, and the one who writes it.

A flat file that guests see as a read-only disk: a header of 16 bytes, big-endian, then the
document. What lies behind the document was left by an earlier, longer one.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SIGNATURE: Final = b"mvbd"
HEADER_BYTES: Final = 16
BLOCK_BYTES: Final = 1 << 16
"""libmetrics reads whole blocks of this size: a disk of any other multiple cannot be read."""
DEFAULT_BYTES: Final = 4 * BLOCK_BYTES
MAX_BYTES: Final = 256 << 20
NO_METRICS: Final = b"<metrics>\n</metrics>\n"
"""What is published where nothing better can be."""

_LAYOUT: Final = struct.Struct(">4sIII")
_BUSY_AT: Final = 4
_HIGH: Final = bytes(range(0x80, 0x100))


class DiskError(Exception):
    """A path that is not written to; the message is one line and says why."""


class ContentTooLarge(DiskError):  # noqa: N818 - says it
    """A document that does not fit on the disk."""

    def __init__(self, path: Path, size_bytes: int, capacity_bytes: int) -> None:
        super().__init__(
            f"{path}: {size_bytes} bytes of metrics, room for {capacity_bytes}: enlarge the disk"
        )
        self.size_bytes = size_bytes
        self.capacity_bytes = capacity_bytes


@dataclass(frozen=True, slots=True)
class Header:
    """The first 16 bytes."""

    signature: bytes
    busy: int
    """Not 0 while the rest is being written."""
    checksum: int
    length: int
    """Bytes of content."""

    @classmethod
    def unpack(cls, raw: bytes) -> Header:
        """Read the header at the start of `raw`, which has 16 bytes at least."""
        return cls(*_LAYOUT.unpack_from(raw))

    def pack(self) -> bytes:
        """The 16 bytes."""
        return _LAYOUT.pack(self.signature, self.busy, self.checksum, self.length)


def checksum(content: bytes, signed: bool = True) -> int:
    """The sum of the bytes, modulo 2**32.

    vhostmd adds C's ``char``, which is signed on x86 and unsigned elsewhere: both forms are met.
    """
    total = 0
    for start in range(0, len(content), BLOCK_BYTES):
        block = content[start : start + BLOCK_BYTES]
        total += sum(block)
        if signed:
            total -= 256 * (len(block) - len(block.translate(None, _HIGH)))
    return total & 0xFFFFFFFF


def whole_blocks(size_bytes: int) -> int:
    """The size of the smallest readable disk that is not smaller than `size_bytes`."""
    return max(1, -(-size_bytes // BLOCK_BYTES)) * BLOCK_BYTES


def emulator_uids() -> frozenset[int]:
    """The users that libvirt runs QEMU as: a running guest's disk belongs to one of them."""
    uids = set()
    for name in ("libvirt-qemu", "qemu"):
        with suppress(KeyError):
            uids.add(pwd.getpwnam(name).pw_uid)
    return frozenset(uids)


class DiskWriter:
    """Publishes documents on one disk, in the order of writes that vhostmd's readers rely on.

    Nothing is truncated under a reader: a disk that is there is taken over with its content.
    Not for two threads at once.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size_bytes: int = DEFAULT_BYTES,
        mode: int = 0o644,
        *,
        trusted_uids: Iterable[int] = (),
    ) -> None:
        """Nothing is opened yet.

        Args:
            path: Where the disk is or will be.
            size_bytes: Of the whole disk; see `whole_blocks`.
            mode: The permissions of a new disk; one that is there keeps its own.
            trusted_uids: Who may own it besides root and this process; see `emulator_uids`.

        Raises:
            ValueError: The size is no multiple of 64 KiB from 64 KiB to 256 MiB.
        """
        if size_bytes != whole_blocks(size_bytes) or size_bytes > MAX_BYTES:
            raise ValueError(
                f"{path}: a metrics disk has a multiple of 64 KiB up to 256 MiB, not {size_bytes} B"
            )
        self.path = Path(path)
        self.size_bytes = size_bytes
        self.mode = mode
        self._owners = frozenset((0, os.geteuid(), *trusted_uids))
        self._fd = -1
        self._sound = False

    @property
    def capacity_bytes(self) -> int:
        """The longest document that fits."""
        return self.size_bytes - HEADER_BYTES

    def create(self) -> None:
        """Make the disk, or take over the one that is there; its directory is made if need be.

        Content that is whole stays and is readable at once, even if a writer died with the disk
        marked busy. A new disk, or one with a torn document, is busy until the first `update`.

        Raises:
            DiskError: The path is no safe place to write to, or another process writes there.
            OSError: The disk cannot be made.
        """
        self.close()
        fd = _open(self.path, self.mode, self._owners)
        try:
            _lock(fd, self.path)
            self._fd = fd
            self._take_over()
        except BaseException:
            self._fd = -1
            os.close(fd)
            raise

    def update(self, content: bytes) -> None:
        """Publish a document.

        Raises:
            ContentTooLarge: It does not fit; the one before stays and is readable.
            OSError: It cannot be written; the disk is busy until an update succeeds.
        """
        if len(content) > self.capacity_bytes:
            self._settle()
            raise ContentTooLarge(self.path, len(content), self.capacity_bytes)
        self._write(content)

    def close(self) -> None:
        """Leave the disk as it is, readable, and let others write it."""
        if self._fd < 0:
            return
        try:
            self._settle()
        finally:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        """Close, and delete the disk if the path still leads to it."""
        if self._fd < 0:
            return
        ours = os.fstat(self._fd)
        self.close()
        with suppress(FileNotFoundError):
            if os.path.samestat(ours, os.lstat(self.path)):
                os.unlink(self.path)

    def _take_over(self) -> None:
        self._sound = self._holds_a_document()
        if not self._sound:  # said before anything is cut off
            self._put(0, Header(SIGNATURE, 1, 0, 0).pack())
        os.ftruncate(self._fd, self.size_bytes)
        os.posix_fallocate(self._fd, 0, self.size_bytes)  # a full host fails here, not in an update
        if self._sound:
            self._set_busy(0)

    def _holds_a_document(self) -> bool:
        raw = os.pread(self._fd, HEADER_BYTES, 0)
        if len(raw) < HEADER_BYTES:
            return False
        header = Header.unpack(raw)
        if header.signature != SIGNATURE or not 0 < header.length <= self.capacity_bytes:
            return False
        content = os.pread(self._fd, header.length, HEADER_BYTES)
        sums = (checksum(content), checksum(content, signed=False))
        return len(content) == header.length and header.checksum in sums

    def _settle(self) -> None:
        """Let nobody wait for a document that does not come."""
        if not self._sound:
            self._write(NO_METRICS)

    def _write(self, content: bytes) -> None:
        self._sound = False
        header = Header(SIGNATURE, 1, checksum(content), len(content)).pack()
        self._set_busy(1)  # in a write of its own, before anything else changes
        self._put(0, header)
        self._put(HEADER_BYTES, content)
        self._set_busy(0)
        self._sound = True

    def _set_busy(self, busy: int) -> None:
        self._put(_BUSY_AT, busy.to_bytes(4, "big"))

    def _put(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, offset)
            view, offset = view[written:], offset + written


def _open(path: Path, mode: int, owners: frozenset[int]) -> int:
    """The disk opened for writing: never through a symlink, never anything but a plain file."""
    with suppress(FileExistsError):
        path.parent.mkdir(0o755)  # QEMU has to get through it
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check_directory(path.parent, os.fstat(directory), owners)
        return _open_in(directory, path, mode, owners)
    finally:
        os.close(directory)


def _open_in(directory: int, path: Path, mode: int, owners: frozenset[int]) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    with suppress(FileExistsError):
        fd = os.open(path.name, flags | os.O_CREAT | os.O_EXCL, mode, dir_fd=directory)
        os.fchmod(fd, mode)  # whatever the umask
        return fd
    # Looked at before as well: to open a device may do something to it.
    _check_file(path, os.stat(path.name, dir_fd=directory, follow_symlinks=False), owners)
    fd = os.open(path.name, flags, dir_fd=directory)
    try:
        _check_file(path, os.fstat(fd), owners)
    except DiskError:
        os.close(fd)
        raise
    return fd


def _check_directory(path: Path, found: os.stat_result, owners: frozenset[int]) -> None:
    if found.st_uid not in owners:
        raise DiskError(f"{path}: belongs to user {found.st_uid}: not a safe place for a disk")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
        raise DiskError(f"{path}: others may replace files in it: chmod go-w")


def _check_file(path: Path, found: os.stat_result, owners: frozenset[int]) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise DiskError(f"{path}: is no plain file: remove it, or name another path")
    if found.st_uid not in owners:
        raise DiskError(f"{path}: belongs to user {found.st_uid}: remove it, or name another path")
    if found.st_nlink != 1:
        raise DiskError(f"{path}: has another name as well (hard link): remove it")


def _lock(fd: int, path: Path) -> None:
    """Keep a second writer out; QEMU's own locks are of another kind and not in the way."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DiskError(f"{path}: another process writes it") from None
