"""What a daemon of Unix does besides its work: background, pid file, less rights, word to systemd.

Order of use: `detach`, `PidFile`, whatever needs root, `drop_privileges`, then threads.
"""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import signal
import socket
import stat
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns, sleep
from types import TracebackType
from typing import NoReturn, Self

_OK = b"ok"
_MAX_REASON_BYTES = 4096
LIBVIRT_GROUP = "libvirt"
"""Whose members may manage all domains, as libvirt's packages have it."""


class StartError(Exception):
    """The daemon does not start; the message says why and what to do."""


class Launch:
    """What the background owes the foreground: one word on whether the start succeeded.

    Without `descriptor` there is nobody to tell.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor

    def succeeded(self) -> None:
        """Let the command that started the daemon end with 0."""
        self._tell(_OK)

    def failed(self, reason: str) -> None:
        """Let it end with 1 and the reason."""
        self._tell(reason.encode(errors="replace")[:_MAX_REASON_BYTES])

    @property
    def awaited(self) -> bool:
        """Somebody still waits for the word."""
        return self._descriptor is not None

    def _tell(self, word: bytes) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.write(self._descriptor, word)
            os.close(self._descriptor)
            self._descriptor = None


def detach() -> Launch:
    """Go on in the background: own session, no terminal, ``/`` as directory.

    Returns only there. The foreground waits for the word of the `Launch` and exits with it: 0, or 1
    with the reason on stderr. Call it before threads and event loops exist.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        _report(reader)
    os.close(reader)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)
    return Launch(writer)


def _report(reader: int) -> NoReturn:
    """Wait for the background's word, and exit with it."""
    with open(reader, "rb") as pipe:
        word = pipe.read()
    if word == _OK:
        os._exit(0)
    reason = word.decode(errors="replace") or "the daemon ended without a word; see the log"
    print(f"{Path(sys.argv[0]).name}: {reason}", file=sys.stderr, flush=True)
    os._exit(1)


class PidFile:
    """A locked file with the number of this process; the lock, not the file, says who runs.

    Raises:
        StartError: Another daemon holds it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        try:
            self._descriptor = self._locked()
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())
        except BlockingIOError as error:
            raise StartError(f"{self.path}: the daemon runs already") from error
        except OSError as error:
            raise StartError(f"{self.path}: no pid file: {error.strerror}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the file as far as that is allowed, and let go of it."""
        if self._descriptor is not None:
            with suppress(OSError):
                self.path.unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def _locked(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        while True:
            descriptor = os.open(self.path, flags, 0o644)
            try:
                _lock(descriptor)
                if _is_at(descriptor, self.path):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its owner removed it between our two calls


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def find_user(name: str) -> pwd.struct_passwd:
    """The user to become.

    Raises:
        StartError: There is none of that name, or it has uid or gid 0.
    """
    try:
        user = pwd.getpwnam(name)
    except (KeyError, ValueError) as error:
        raise StartError(f"--user {name}: there is no such user") from error
    if user.pw_uid == 0 or user.pw_gid == 0:
        raise StartError(f"--user {name}: it has the rights of root: name another")
    return user


def add_group(parser: ArgumentParser) -> None:
    """Add the option that says who may ask the daemon besides root."""
    parser.add_argument(
        "--socket-group",
        metavar="GROUP",
        help=f"who may ask how it goes, besides root ({LIBVIRT_GROUP}, where that group is there)",
    )


def find_group(name: str | None) -> int:
    """The gid for the daemon's socket: of the group named, else of libvirt's; -1 without one.

    Raises:
        StartError: There is no group of that name.
    """
    if name is None and os.geteuid() != 0:  # only root may give a file to any group
        return -1
    try:
        return grp.getgrnam(name or LIBVIRT_GROUP).gr_gid
    except (KeyError, ValueError) as error:
        if name is None:
            return -1
        raise StartError(f"--socket-group {name}: there is no such group") from error


def may_not_ask(path: Path) -> str:
    """What to do for who is not allowed to ask a daemon at its socket."""
    try:
        gid = path.stat().st_gid
        group = grp.getgrgid(gid).gr_name
    except (OSError, KeyError):
        gid = 0
    if gid == 0:
        return "only root may ask: use sudo, or start the daemon with --socket-group GROUP"
    return f"only root and group {group} may ask: usermod -aG {group} USER, and log in anew"


def drop_privileges(user: pwd.struct_passwd) -> None:
    """Become that user for good, with the groups it is in.

    Raises:
        StartError: That is not possible, or what is still to be imported would be out of reach.
    """
    if os.geteuid() == user.pw_uid and os.getegid() == user.pw_gid:
        return
    try:
        os.setgid(user.pw_gid)
        os.initgroups(user.pw_name, user.pw_gid)
        os.setuid(user.pw_uid)
    except OSError as error:
        words = "only root can do that" if error.errno == errno.EPERM else error.strerror
        raise StartError(f"--user {user.pw_name}: {words}") from error
    for file in (os.__file__, __file__):
        if not os.access(file, os.R_OK):
            raise StartError(f"--user {user.pw_name}: may not read {file}: install it elsewhere")


class Janitor:
    """A process that removes what is left of a daemon which may not do it itself any more.

    Who has become another user cannot remove its pid file and sockets from /run. The janitor
    keeps the rights, does nothing but wait for the daemon's end, and does that whatever it is.
    Hire it once the files are made, before privileges are dropped and threads begin.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        found = {path: (status.st_dev, status.st_ino) for path, status in _present(paths)}
        reader, self._writer = os.pipe()
        if os.fork():
            os.close(reader)
            return
        try:
            _wait_for_end(reader)
            for path, status in _present(found):
                if found[path] == (status.st_dev, status.st_ino):
                    _remove(path, status)
        finally:
            os._exit(0)


def _present(paths: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    for path in paths:
        with suppress(OSError):
            yield path, path.lstat()


def _wait_for_end(reader: int) -> None:
    """Hold nothing of the daemon's, outlive what ends it, and read until its end of a pipe goes."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(reader, 0)
    os.closerange(1, os.sysconf("SC_OPEN_MAX"))
    while os.read(0, 1):
        pass


def _remove(path: Path, status: os.stat_result) -> None:
    """Remove a file, unless another daemon has locked it meanwhile or listens there."""
    with suppress(OSError):
        if stat.S_ISREG(status.st_mode):
            _lock(os.open(path, os.O_RDONLY | os.O_NOFOLLOW))
        path.unlink()


def _lock(descriptor: int, tries: int = 10) -> None:
    """Take the lock of a pid file.

    The kernel closes what a process that was killed had open in any order: its end can be noticed
    a moment before its lock is gone.

    Raises:
        BlockingIOError: Another process holds it, and not for a moment only.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if tries == 1:
            raise
        sleep(0.03)
        _lock(descriptor, tries - 1)


def notify(state: str) -> None:
    """Tell systemd, if it listens: see sd_notify(3) for what a state can be."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)


def notify_reloading() -> None:
    """Tell systemd that a reload has begun; READY=1 ends it."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns() // 1000}")
