"""Reads a metrics disk, whoever writes it and whatever is wrong with it.

A reading never raises and never waits for a writer longer than its tries last. But to open a file
of a server that is away may block for ever: call it in a thread that can be given up.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from vconsole.features.metrics.model.disk import HEADER_BYTES, SIGNATURE, Header, checksum
from vconsole.features.metrics.model.document import Document, parse
from vconsole.features.metrics.model.parser import MAX_BYTES
from vconsole.model.words import plural

TRIES: Final = 5
WAIT_S: Final = 0.02
"""Between two tries; a writer is done in less."""
EVERY_S: Final = 1.0
"""A disk is read no more often; the fastest writer has a period of this."""

Kind = Literal["file", "block device"]
Form = Literal["signed", "unsigned", "either"]
Reason = Literal[
    "missing",
    "permission",
    "symlink",
    "kind",
    "unreadable",
    "empty",
    "truncated",
    "signature",
    "busy",
    "torn",
    "length",
    "checksum",
    "document",
]
_PASSING: Final = ("busy", "torn", "checksum")
"""What a writer at work looks like; the next try may find it done."""
_ERRORS: Final[dict[int | None, tuple[Reason, str]]] = {
    errno.ENOENT: ("missing", "there is no such file: is its writer running?"),
    errno.ENOTDIR: ("missing", "there is no such file: a part of the path is no directory"),
    errno.EACCES: ("permission", "you may not read it"),
    errno.EPERM: ("permission", "you may not read it"),
    errno.ELOOP: ("symlink", "a symlink, which is not followed: name the disk itself"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a reading is no good."""

    reason: Reason
    text: str
    """A few plain words; does not name the path."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a disk found; what was not come to is None."""

    path: Path
    problem: Problem | None = None
    """None if all is well. With the problem ``document`` there may be metrics all the same."""
    header: Header | None = None
    content: bytes = b""
    document: Document | None = None
    kind: Kind | None = None
    size_bytes: int | None = None
    """Of the disk."""
    modified_s: float | None = None
    """When the file was last written, in seconds since 1970; a device does not say."""
    form: Form | None = None
    """How the writer adds bytes from 0x80 on; ``either`` if there are none."""
    tries: int = 0

    def age_s(self, now_s: float) -> float | None:
        """How long before `now_s`, in seconds since 1970, the disk was written."""
        return None if self.modified_s is None else max(0.0, now_s - self.modified_s)


class _ProblemError(Exception):
    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.problem = Problem(reason, text)


def read(
    path: str | os.PathLike[str],
    *,
    deadline_s: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Reading:
    """Read the disk, again if its writer is at work, at most `TRIES` times.

    Args:
        path: A plain file or a block device, not a symlink to one.
        deadline_s: No further try begins after this time.
        clock: Of `deadline_s`.
        sleep: What waits between two tries.
    """
    end = clock() + deadline_s
    reading = Reading(Path(path))
    try:
        fd = _open(reading.path)
    except _ProblemError as error:
        return replace(reading, problem=error.problem)
    try:
        for number in range(1, TRIES + 1):
            reading = _look(Reading(reading.path, tries=number), fd)
            passing = reading.problem is not None and reading.problem.reason in _PASSING
            if not passing or number == TRIES or clock() + WAIT_S > end:
                break
            sleep(WAIT_S)
    finally:
        os.close(fd)
    return reading


def _open(path: Path) -> int:
    try:
        _check_kind(
            os.lstat(path).st_mode
        )  # before it is opened: that may do something to a device
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise _os_problem(error) from None
    except ValueError:
        raise _ProblemError("missing", "a path has no NUL") from None
    try:
        _check_kind(os.fstat(fd).st_mode)
    except _ProblemError:
        os.close(fd)
        raise
    return fd


def _os_problem(error: OSError) -> _ProblemError:
    known = _ERRORS.get(error.errno)
    return _ProblemError(*known) if known else _ProblemError("unreadable", str(error.strerror))


def _check_kind(mode: int) -> None:
    if stat.S_ISREG(mode) or stat.S_ISBLK(mode):
        return
    if stat.S_ISLNK(mode):
        raise _ProblemError(*_ERRORS[errno.ELOOP])
    kinds = {stat.S_IFDIR: "directory", stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket"}
    kind = kinds.get(stat.S_IFMT(mode), "character device")
    raise _ProblemError("kind", f"a {kind}, no metrics disk")


def _look(reading: Reading, fd: int) -> Reading:
    """One try; what it came to is in the reading, also if it ended early."""
    try:
        reading = _measured(reading, fd)
        size_bytes = reading.size_bytes or 0
        header = _header(fd, size_bytes)
        reading = replace(reading, header=header)
        _check_header(header, size_bytes)
        content = os.pread(fd, header.length, HEADER_BYTES)
        _check_unchanged(fd, reading)
        form = _form(header, content)
    except _ProblemError as error:
        return replace(reading, problem=error.problem)
    except OSError as error:
        return replace(reading, problem=_os_problem(error).problem)
    document = parse(content)
    problem = Problem("document", document.error) if document.error else None
    return replace(reading, content=content, form=form, document=document, problem=problem)


def _measured(reading: Reading, fd: int) -> Reading:
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode):
        modified_s = found.st_mtime_ns / 1e9
        return replace(reading, kind="file", size_bytes=found.st_size, modified_s=modified_s)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)  # what is cached of a device may be old
    return replace(reading, kind="block device", size_bytes=os.lseek(fd, 0, os.SEEK_END))


def _header(fd: int, size_bytes: int) -> Header:
    if not size_bytes:
        raise _ProblemError("empty", "an empty file: its writer has just begun, or never did")
    raw = os.pread(fd, HEADER_BYTES, 0)
    if len(raw) < HEADER_BYTES:
        raise _ProblemError(
            "truncated", f"ends after {plural(len(raw), 'byte')}, within its header"
        )
    return Header.unpack(raw)


def _check_header(header: Header, size_bytes: int) -> None:
    if header.signature != SIGNATURE:
        raise _ProblemError("signature", "no metrics disk: it does not begin with mvbd")
    if header.busy:
        raise _ProblemError("busy", "its writer is at work, or died at it")
    room = size_bytes - HEADER_BYTES
    if header.length > room:
        said = f"{header.length} bytes" if header.length < 0xFFFFFFFF else "0xffffffff bytes"
        raise _ProblemError("length", f"its header says {said} of metrics, it has room for {room}")
    if header.length > MAX_BYTES:
        limit = f"no more than {MAX_BYTES >> 20} MiB are read"
        raise _ProblemError("length", f"{header.length} bytes of metrics: {limit}")


def _check_unchanged(fd: int, before: Reading) -> None:
    after = _measured(before, fd)
    if after != before or _header(fd, after.size_bytes or 0) != before.header:
        raise _ProblemError("torn", "it changed while it was read")


def _form(header: Header, content: bytes) -> Form:
    if len(content) < header.length:
        raise _ProblemError("truncated", f"ends after {plural(len(content), 'byte')} of metrics")
    signed = header.checksum == checksum(content)
    unsigned = header.checksum == checksum(content, signed=False)
    if not (signed or unsigned):
        text = f"its checksum is {header.checksum}, that of its metrics {checksum(content)}"
        raise _ProblemError("checksum", text)
    if signed and unsigned:
        return "either"
    return "signed" if signed else "unsigned"


@dataclass(frozen=True, slots=True)
class DiskState:
    """What is known of a disk that is followed."""

    latest: Reading
    busy_for_s: float | None
    """Since when every look has found its writer at work; None if the latest has not."""


class DiskFollower:
    """Looks at one disk again and again. For one thread."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every_s: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
        look: Callable[[str | os.PathLike[str]], Reading] = read,
    ) -> None:
        """Nothing is read yet.

        Args:
            path: Of the disk.
            every_s: A poll that comes sooner after the last look does not look again.
            clock: Monotonic, in seconds.
            look: What reads the disk.
        """
        self.path = path
        self._every_s = every_s
        self._clock = clock
        self._look = look
        self._latest: Reading | None = None
        self._latest_at = 0.0
        self._busy_since: float | None = None

    def poll(self) -> DiskState:
        """Look at the disk if it is time, and say how things stand."""
        now = self._clock()
        if self._latest is None or now - self._latest_at >= self._every_s:
            self._latest = self._take(self._look(self.path), now)
        return DiskState(self._latest, None if self._busy_since is None else now - self._busy_since)

    def _take(self, reading: Reading, now: float) -> Reading:
        self._latest_at = now
        if reading.problem is not None and reading.problem.reason in ("busy", "torn"):
            self._busy_since = now if self._busy_since is None else self._busy_since
        else:
            self._busy_since = None
        return reading
