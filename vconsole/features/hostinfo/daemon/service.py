"""``vconsole hostinfod``: the command line and the start of the daemon."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from pwd import struct_passwd

from vconsole.daemon.daemonize import (
    Janitor,
    Launch,
    PidFile,
    StartError,
    add_group,
    detach,
    drop_privileges,
    find_group,
    find_user,
)
from vconsole.daemon.journal import open_log
from vconsole.features.hostinfo.daemon.daemon import Daemon, Settings
from vconsole.features.hostinfo.daemon.rulebook import CONF
from vconsole.features.hostinfo.daemon.sockets import DIRECTORY
from vconsole.features.hostinfo.daemon.status import SOCKET
from vconsole.features.hostinfo.daemon.status_server import listening
from vconsole.host.uri import of_a_daemon

PID_FILE = Path("/run/hostinfod.pid")
_IDENT = "hostinfod"
log = logging.getLogger(__name__)


def parser() -> ArgumentParser:
    """The options; they are those of vhostmd where both have them."""
    made = ArgumentParser(
        prog="vconsole hostinfod",
        description="Answer guests that ask for statistics of their host over a serial port.",
    )
    made.add_argument("-v", "--verbose", action="store_true", help="log who comes and goes, too")
    made.add_argument(
        "-d", "--no-daemonize", action="store_true", help="stay in the foreground; log there"
    )
    made.add_argument("-c", "--connect", metavar="URI", help="read only (qemu:///system)")
    made.add_argument("-u", "--user", help="become this user once all is opened that needs root")
    made.add_argument(
        "-p", "--pid-file", type=Path, metavar="FILE", help=f"{PID_FILE} for root in background"
    )
    made.add_argument(
        "--hostinfo-conf", type=Path, metavar="FILE", default=CONF, help="rules (%(default)s)"
    )
    made.add_argument(
        "--directory", type=Path, default=DIRECTORY, help="of the guests' sockets (%(default)s)"
    )
    made.add_argument(
        "--status-socket",
        type=Path,
        metavar="PATH",
        default=SOCKET,
        help="says how it goes (%(default)s)",
    )
    add_group(made)
    return made


def main(arguments: Sequence[str]) -> int:
    """Run the daemon; 0 when it was asked to end, 1 when it could not start.

    Args:
        arguments: What follows ``vconsole hostinfod``.
    """
    options = parser().parse_args(arguments)
    for name in ("pid_file", "hostinfo_conf", "directory", "status_socket"):
        if (path := getattr(options, name)) is not None:
            setattr(options, name, path.absolute())
    try:
        user = find_user(options.user) if options.user else None
    except StartError as error:
        print(f"vconsole hostinfod: {error}", file=sys.stderr)
        return 1
    launch = Launch() if options.no_daemonize else detach()
    open_log(_IDENT, options.no_daemonize, options.verbose)
    return _run(options, user, launch)


def _run(options: Namespace, user: struct_passwd | None, launch: Launch) -> int:
    try:
        with ExitStack() as stack:
            if path := _pid_path(options):
                stack.enter_context(PidFile(path))
            _allow_files()
            owner = (user.pw_uid if user else -1), find_group(options.socket_group)
            listener = stack.enter_context(listening(options.status_socket, owner))
            if user is not None:
                Janitor(filter(None, (path, options.status_socket)))
                drop_privileges(user)
            asyncio.run(_serve(options, listener, launch))
    except (StartError, OSError) as error:
        log.error("%s", error)
        launch.failed(str(error))
        return 1
    except Exception:
        log.exception("ends because of an error in itself")
        launch.failed("an error in itself; see the log")
        return 1
    return 0


async def _serve(options: Namespace, listener: socket.socket, launch: Launch) -> None:
    settings = Settings(options.hostinfo_conf, options.directory, of_a_daemon(options.connect))
    await Daemon(settings).run(listener, launch.succeeded)


def _pid_path(options: Namespace) -> Path | None:
    if options.pid_file is None and os.geteuid() == 0 and not options.no_daemonize:
        return PID_FILE
    path: Path | None = options.pid_file
    return path


def _allow_files() -> None:
    """A guest takes a file descriptor: let as many be open as this process may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
