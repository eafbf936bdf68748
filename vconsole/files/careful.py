"""Configuration of other programs: read without being led astray, replaced whole or not at all.

A file is replaced by a rename, so that a reader, a crash or a signal at any moment finds the old
text or the new one. What it was before stays beside it as ``NAME~``. Owner, mode and extended
attributes, which hold ACLs and SELinux labels, are those of the file that is replaced.

Two savers exclude each other by a lock on the directory. It is the one thing there that a rename
does not replace, and locking it leaves nothing behind. Who holds it owns every temporary file, so
those that a killed saver left are removed at the next save. An editor does not take the lock: the
file is compared with what was read right before it is replaced.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from vconsole.files.lease import Writer, leased

MAX_BYTES: Final = 1 << 20
NEW_MODE: Final = 0o644
"""Of a file that was not there, whatever the umask says."""
LOCK_WAIT_S: Final = 2.0
TEMPORARY: Final = ".vconsole"
"""How the names of temporary files end."""

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ACL: Final = "system.posix_acl_access"
_OF_CONTENT: Final = ("security.ima", "security.evm")
"""Attributes that the kernel computes from the content: copied, they would be wrong."""
_CURES: Final = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space, or have the quota raised",
    errno.EROFS: "mount it for writing",
    errno.EIO: "the kernel's log has more about the disk",
    errno.EACCES: "root may do it",
    errno.EPERM: "root may do it",
    errno.ENOENT: "create the directory",
}
_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


class SafeFileError(Exception):
    """A file that is not read or not saved; one line with the file, the reason and the cure."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as it was read, and what tells it from any other state of it."""

    data: bytes = field(default=b"", repr=False)
    exists: bool = False
    dev: int = 0
    inode: int = 0
    size: int = 0
    mtime_ns: int = 0
    mode: int = NEW_MODE
    uid: int = -1
    """-1, and so the group: what a new file gets."""
    gid: int = -1
    sha256: str = field(default=hashlib.sha256().hexdigest(), repr=False)
    writer: Writer = field(default="unknown", compare=False)
    """Whether somebody had it open for writing while it was read."""

    def is_same(self, other: Loaded) -> bool:
        """Whether both are one state of one file; its mode and owner may have changed."""
        return _state(self) == _state(other)


class SaveConflict(SafeFileError):  # noqa: N818 - it calls for a choice, not for a cure
    """The file is no longer what it was when it was read; nothing was written."""

    def __init__(self, path: Path, current: Loaded) -> None:
        happened = "was changed" if current.exists else "was removed"
        super().__init__(f"{path}: not saved: it {happened} meanwhile: load it again and compare")
        self.current = current


def read(path: Path, limit: int = MAX_BYTES) -> Loaded:
    """Read a regular file of at most `limit` bytes; of one that is not there, `exists` is False.

    Raises:
        SafeFileError: It cannot be read, or somebody else could have put it there.
    """
    with _explained(path, "not read"):
        try:
            with _directory(path) as directory:
                return _look(directory, path, limit)[0]
        except FileNotFoundError:
            return Loaded()


def read_given(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a file that a user names, wherever and whose it is.

    Raises:
        SafeFileError: It cannot be read, is no regular file, or is too long.
    """
    with _explained(path, "not read"):
        handle = os.open(path, _READ & ~os.O_NOFOLLOW)  # a pipe without a writer does not block
        try:
            kind = stat.S_IFMT(os.fstat(handle).st_mode)
            if kind != stat.S_IFREG:
                raise SafeFileError(f"{path}: is {_KINDS.get(kind, 'a device')}: name a file")
            data = _read_all(handle, limit + 1)
        finally:
            os.close(handle)
    if len(data) > limit:
        raise _too_long(path, limit)
    return data


def save(
    path: Path, data: bytes, expected: Loaded, *, validate: Callable[[bytes], object] | None = None
) -> Loaded:
    """Replace a file that still is what `expected` says, and answer what it is then.

    `validate` is asked first and refuses by raising what it likes. Takes the time of a few fsync:
    not for a thread that draws.

    Raises:
        SaveConflict: It is something else by now.
        SafeFileError: It cannot be saved; the file is as it was, unless the message says otherwise.
    """
    if validate:
        validate(data)
    if len(data) > MAX_BYTES:
        raise SafeFileError(f"{path}: not saved: longer than {MAX_BYTES >> 10} KiB: shorten it")
    with _explained(path, "not saved"), _directory(path) as directory:
        _lock(directory, path)
        _sweep(directory, path.name)
        before = _look_or_miss(directory, path)
        if not before[0].is_same(expected):
            raise SaveConflict(path, before[0])
        if before[0].exists and before[0].data == data:
            return before[0]
        return _replace(directory, path, data, *before)


def _replace(
    directory: int, path: Path, data: bytes, before: Loaded, attributes: Mapping[str, bytes]
) -> Loaded:
    with ExitStack() as stack:

        def written(content: bytes) -> tuple[str, os.stat_result]:
            return stack.enter_context(
                _temporary(directory, path.name, content, before, attributes)
            )

        new, status = written(data)
        backup = written(before.data)[0] if before.exists else None
        current = _look_or_miss(directory, path)
        if current != (before, attributes):
            raise SaveConflict(path, current[0])
        if backup:
            _rename(directory, backup, f"{path.name}~")
        _rename(directory, new, path.name)
    with _explained(path, "saved, but the disk has not confirmed it"):
        os.fsync(directory)
    return _loaded(data, status)


# ---- the directory


@contextmanager
def _directory(path: Path) -> Iterator[int]:
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check_directory(path.parent, os.fstat(handle))
        yield handle
    finally:
        with suppress(OSError):  # nothing was written through it
            os.close(handle)


def _check_directory(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise SafeFileError(f"{path}: belongs to user {status.st_uid}: chown root {path}")
    if status.st_mode & stat.S_IWOTH:
        raise SafeFileError(f"{path}: everybody may put files there: chmod o-w {path}")
    if status.st_mode & stat.S_IWGRP and not status.st_mode & stat.S_ISVTX:
        raise SafeFileError(f"{path}: its group may replace files there: chmod g-w {path}")


def _lock(directory: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                reason = f"another program holds the lock on {path.parent}"
                raise SafeFileError(f"{path}: not saved: {reason}: try again") from None
            time.sleep(0.01)


def _sweep(directory: int, name: str) -> None:
    """Remove what killed savers left: while the lock is held, nobody is at work on it."""
    stale = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}{re.escape(TEMPORARY)}")
    for entry in filter(stale.fullmatch, os.listdir(directory)):
        with suppress(OSError):
            os.unlink(entry, dir_fd=directory)


def _rename(directory: int, old: str, new: str) -> None:
    os.rename(old, new, src_dir_fd=directory, dst_dir_fd=directory)


# ---- the file


def _look(directory: int, path: Path, limit: int = MAX_BYTES) -> tuple[Loaded, dict[str, bytes]]:
    """The file and its extended attributes."""
    # Opening a device or a pipe can have effects of its own, so the first look is from outside.
    _check_file(path, os.stat(path.name, dir_fd=directory, follow_symlinks=False), limit)
    handle = os.open(path.name, _READ, dir_fd=directory)
    try:
        status = os.fstat(handle)
        _check_file(path, status, limit)
        with leased(handle) as writer:
            data = _read_all(handle, limit + 1)
        if len(data) > limit:
            raise _too_long(path, limit)
        return replace(_loaded(data, status), writer=writer), _attributes(handle)
    finally:
        os.close(handle)


def _look_or_miss(directory: int, path: Path) -> tuple[Loaded, dict[str, bytes]]:
    try:
        return _look(directory, path)
    except FileNotFoundError:
        return Loaded(), {}


def _check_file(path: Path, status: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "a device")
        raise SafeFileError(f"{path}: is {kind}: put a regular file in its place")
    if status.st_nlink > 1:
        raise SafeFileError(f"{path}: has another hard link: put a copy in its place")
    if status.st_uid not in (0, os.geteuid()):
        raise SafeFileError(f"{path}: belongs to user {status.st_uid}: chown root {path}")
    if status.st_mode & stat.S_IWOTH:
        raise SafeFileError(f"{path}: everybody may change it: chmod o-w {path}")
    if status.st_size > limit:
        raise _too_long(path, limit)


def _too_long(path: Path, limit: int) -> SafeFileError:
    return SafeFileError(f"{path}: longer than {limit >> 10} KiB: shorten it")


def _read_all(handle: int, count: int) -> bytes:
    parts = []
    while count and (part := os.read(handle, count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _loaded(data: bytes, status: os.stat_result) -> Loaded:
    return Loaded(
        data=data,
        exists=True,
        dev=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _state(file: Loaded) -> tuple[object, ...]:
    return (file.exists, file.dev, file.inode, file.size, file.mtime_ns, file.sha256)


# ---- writing


@contextmanager
def _temporary(
    directory: int, name: str, data: bytes, like: Loaded, attributes: Mapping[str, bytes]
) -> Iterator[tuple[str, os.stat_result]]:
    """A complete file on the disk under a name that is gone in the end, if it was not renamed."""
    temporary = f".{name}.{secrets.token_hex(8)}{TEMPORARY}"
    handle = os.open(temporary, _CREATE, 0o600, dir_fd=directory)
    try:
        try:
            _write_all(handle, data)
            os.fchown(handle, like.uid, like.gid)
            _set_attributes(handle, attributes)
            os.fchmod(handle, like.mode)
            os.fsync(handle)
            status = os.fstat(handle)
        finally:
            os.close(handle)
        yield temporary, status
    finally:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=directory)


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _attributes(handle: int) -> dict[str, bytes]:
    """The extended attributes that a copy needs; none where the file system has none."""
    try:
        names = os.listxattr(handle)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise
    return {name: os.getxattr(handle, name) for name in names if name not in _OF_CONTENT}


def _set_attributes(handle: int, wanted: Mapping[str, bytes]) -> None:
    """Set what differs, and drop an ACL that only the directory's default has given."""
    present = _attributes(handle)
    if _ACL in present and _ACL not in wanted:
        os.removexattr(handle, _ACL)
    for name, value in wanted.items():
        if present.get(name) != value:
            os.setxattr(handle, name, value)


# ---- errors


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    """Turn an error of the system into one line that an operator can act on."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        cure = _CURES.get(error.errno or 0)
        if what == "not read" and error.errno == errno.ENOENT:
            cure = "check its name"
        raise SafeFileError(": ".join(filter(None, (str(path), what, reason, cure)))) from error
