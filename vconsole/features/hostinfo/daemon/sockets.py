"""The directory in which QEMU binds the guests' sockets, and how to connect to one of them.

Nothing is opened by a path that somebody else can swap: the directory is held open, an entry is
taken hold of without following links, seen to be a socket, and connected to through
``/proc/self/fd``, which leads to that very inode.

libvirt binds the sockets itself, as root, and gives them to QEMU's user afterwards (seen with
libvirt 9.0): the directory needs to be writable by root only. A group that can write to it, as
for a libvirt that lets QEMU bind, is put up with, but its members can take the place of any guest.
"""

from __future__ import annotations

import errno
import grp
import os
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path("/var/lib/hostinfo")
MAX_ENTRIES = 8192
"""What is beyond that is not served."""
_PEER = struct.Struct("3i")
_STALE, _BUSY = "nobody listens: a dead domain's socket", "it is in use: only one can be connected"


class DirectoryError(Exception):
    """The directory is not used; the message says why and what to do."""


class ConnectError(Exception):
    """A guest cannot be connected to now; the message says why."""

    def __init__(self, reason: str, stale: bool = False) -> None:
        super().__init__(reason)
        self.stale = stale
        """Nobody is behind the socket."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in the directory: name -> inode number."""

    entries: dict[str, int]
    left_out: int = 0
    """How many entries are beyond `MAX_ENTRIES`."""


class Directory:
    """The directory, held open.

    Attributes:
        warning: What is not as it should be, though it can be used.

    Raises:
        DirectoryError: It is missing, or somebody else can write to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._fd = os.open(path, flags)
        except OSError as error:
            cure = f"install -d -m 0755 {path}" if error.errno == errno.ENOENT else ""
            raise DirectoryError(
                ": ".join(filter(None, (str(path), _words(error), cure)))
            ) from error
        try:
            self.warning = self._check()
        except DirectoryError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)

    def _check(self) -> str:
        status = os.fstat(self._fd)
        if status.st_uid not in (0, os.geteuid()):
            raise DirectoryError(f"{self.path}: it belongs to uid {status.st_uid}: chown root")
        if status.st_mode & stat.S_IWOTH:
            raise DirectoryError(f"{self.path}: everybody can write to it: chmod o-w")
        if status.st_mode & stat.S_IWGRP and status.st_gid != 0:
            group = _group(status.st_gid)
            return f"{self.path}: group {group} can replace any guest's socket: chmod g-w"
        return ""

    def replaced(self) -> bool:
        """The path leads elsewhere now, or whom the directory lets write has changed."""
        try:
            now, held = os.stat(self.path, follow_symlinks=False), os.fstat(self._fd)
        except OSError:
            return True
        if (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino):
            return True
        try:
            return self._check() != self.warning
        except DirectoryError:
            return True

    def changed_ns(self) -> int:
        """A mark that differs once an entry has come or gone."""
        return os.fstat(self._fd).st_mtime_ns

    def list(self) -> Listing:
        """What is in it now; no entry is looked at."""
        with os.scandir(self._fd) as found:
            entries = {entry.name: entry.inode() for entry in found}
        kept = dict(sorted(entries.items())[:MAX_ENTRIES])
        return Listing(kept, len(entries) - len(kept))

    def connect(self, name: str) -> socket.socket:
        """A non-blocking connection to the socket of that name.

        Connecting to a Unix socket never waits: a full queue is an error at once.

        Raises:
            ConnectError: It is no socket, or nobody takes the connection.
        """
        try:
            handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._fd)
        except OSError as error:
            raise ConnectError(_words(error)) from error
        try:
            status = os.fstat(handle)
            if not stat.S_ISSOCK(status.st_mode):
                raise ConnectError("it is not a socket: remove it")
            return _connect(handle, status)
        finally:
            os.close(handle)


class Place:
    """The directory at a path, whatever happens to it: missing, replaced, open to others.

    Attributes:
        directory: The directory; None where it cannot be used.
        problem: Why not, or what is doubtful; empty if all is well.
        listing: What was in it at the last look.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directory: Directory | None = None
        self.problem = ""
        self.listing = Listing({})
        self._seen_ns = 0

    def stale(self) -> bool:
        """Another look is worth it."""
        if self.directory is None or self.directory.changed_ns() != self._seen_ns:
            return True
        return self.directory.replaced()

    def look(self) -> dict[str, int]:
        """What is in it now: name -> inode; nothing where it cannot be used."""
        if self.directory is not None and self.directory.replaced():
            self.directory.close()
            self.directory = None
        try:
            self.directory = self.directory or Directory(self.path)
        except DirectoryError as error:
            self.problem, self.listing = str(error), Listing({})
            return {}
        self._seen_ns, self.problem = self.directory.changed_ns(), self.directory.warning
        try:
            self.listing = self.directory.list()
        except OSError as error:
            self.problem = f"{self.path}: cannot be listed: {_words(error)}"
        return self.listing.entries


def peer_pid(connection: socket.socket) -> int | None:
    """The process that listens at the other end: QEMU's; None where it cannot be seen.

    The kernel noted it when QEMU called listen(2): no guest can choose it.
    """
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    pid: int = _PEER.unpack(data)[0]
    return pid if pid > 0 else None


def _connect(handle: int, status: os.stat_result) -> socket.socket:
    connection = None
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        connection.connect(f"/proc/self/fd/{handle}")
    except OSError as error:
        if connection is not None:
            connection.close()
        if error.errno == errno.ECONNREFUSED:
            raise ConnectError(_STALE, stale=True) from error
        if error.errno == errno.EAGAIN:
            raise ConnectError(_BUSY) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            group = _group(status.st_gid)
            cure = (
                f"may not connect: add the daemon's user to group {group}, or allow it in SELinux"
            )
            raise ConnectError(cure) from error
        raise ConnectError(_words(error)) from error
    return connection


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _words(error: OSError) -> str:
    if error.errno == errno.EMFILE:
        return "too many open files: raise LimitNOFILE"
    return os.strerror(error.errno or 0)
