"""The program ``vconsole vhostmd``: its options, its log, and its start in the right order."""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Final

from vconsole import __version__
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
from vconsole.features.metrics.daemon.control import DEFAULT_PATH, ControlError, ControlServer, bind
from vconsole.features.metrics.daemon.daemon import Daemon, Task
from vconsole.features.metrics.daemon.prometheus import PrometheusServer, listen
from vconsole.features.metrics.daemon.publish import PublishError, check_transports
from vconsole.features.metrics.daemon.source import DEFAULT_FILE, ConfigSource
from vconsole.features.metrics.host.sample import Sampler
from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.config import PROFILES
from vconsole.features.metrics.model.disk import emulator_uids
from vconsole.features.metrics.model.stock import twin_words
from vconsole.host.uri import of_a_daemon
from vconsole.model.words import plural
from vconsole.text import line, safe

DEFAULT_PID_FILE: Final = Path("/run/vhostmd.pid")
_MAX_FILES: Final = 16_384
_Listeners = tuple[socket.socket | None, socket.socket | None]
"""For questions, and for Prometheus."""


def parser() -> argparse.ArgumentParser:
    """The options of vhostmd(8), and then ours."""
    found = argparse.ArgumentParser(
        prog="vconsole vhostmd", description="Publish metrics of this host to its domains."
    )
    add = found.add_argument
    add("-v", "--verbose", action="store_true", help="log what goes well, too")
    add("-d", "--no-daemonize", action="store_true", help="stay in the foreground")
    add("-c", "--connect", metavar="URI", help="libvirt URI (qemu:///system)")
    add("-u", "--user", help="become this user once the disk is made")
    add("-p", "--pid-file", type=Path, help=f"default for root: {DEFAULT_PID_FILE}")
    add("-f", "--config", type=Path, metavar="FILE", help=f"default: {DEFAULT_FILE}")
    add("--profile", choices=PROFILES, help="use a built-in configuration instead of a file")
    add("--check", action="store_true", help="read the configuration, say what is wrong, and end")
    add("--control", type=Path, metavar="SOCKET", help=f"default for root: {DEFAULT_PATH}")
    add_group(found)
    add("--prometheus", metavar="ADDRESS", help="unix:PATH, or a port on loopback: 127.0.0.1:9177")
    add("--version", action="version", version=f"vconsole {__version__}")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon, and answer its exit code: 0 done, 1 failed, 2 wrong usage."""
    options = parser().parse_args(argv)
    source = _source(options)
    if options.check:
        return _check_in_time(source)
    launch = Launch()
    try:
        user = find_user(options.user) if options.user else None
        if not options.no_daemonize:
            launch = detach()
        open_log("vhostmd", options.no_daemonize, options.verbose)
        return _run(options, source, user, launch)
    except (StartError, ConfigError, PublishError, ControlError, OSError) as error:
        reason = f"{source}: {error}" if isinstance(error, ConfigError) else str(error)
        if launch.awaited:
            launch.failed(line(reason))
        else:
            print(f"vconsole vhostmd: {line(reason)}", file=sys.stderr)
        return 1


def _source(options: argparse.Namespace) -> ConfigSource:
    """The file that was named or is there, made absolute: the daemon changes its directory."""
    if options.config:
        return ConfigSource(options.config.absolute())
    if options.profile or not DEFAULT_FILE.exists():
        return ConfigSource(None, options.profile or PROFILES[0])
    return ConfigSource(DEFAULT_FILE)


def _check_in_time(source: ConfigSource) -> int:
    from vconsole.cli.given import in_time
    from vconsole.cli.report import CliError

    try:
        return in_time(source, lambda: _check(source))
    except CliError as error:
        print(f"vconsole vhostmd: {line(error)}", file=sys.stderr)
        return 1


def _check(source: ConfigSource) -> int:
    """Print what the daemon would say of its configuration, and what vhostmd would."""
    from vconsole.features.metrics.dtd import refusals

    try:
        config = source.load()
        check_transports(config)
    except (ConfigError, PublishError) as error:
        print(f"{safe(str(source))}: {line(error)}", file=sys.stderr)
        return 1
    for warning in config.warnings:
        print(f"{safe(str(source))}: warning: {line(warning)}")
    for release, reason in refusals(source.read()).items():
        print(f"{safe(str(source))}: note: vhostmd {release} refuses it: {line(reason)}")
    if twins := twin_words(config):
        cure = '<?vconsole replace-stock-actions="yes"?>'
        print(f"{safe(str(source))}: note: {cure} {safe(twins)}")
    print(f"{safe(str(source))}: {plural(len(config.enabled), 'metric')}, each {config.period_s} s")
    return 0


def _run(
    options: argparse.Namespace,
    source: ConfigSource,
    user: pwd.struct_passwd | None,
    launch: Launch,
) -> int:
    root = os.geteuid() == 0
    pid_path = options.pid_file or (DEFAULT_PID_FILE if root else None)
    with PidFile(pid_path) if pid_path else nullcontext():
        _allow_many_files()
        owners = emulator_uids() | ({user.pw_uid} if user else set())
        uri = of_a_daemon(options.connect)
        daemon = Daemon(source, options.connect, owners, make_sampler=lambda: Sampler(uri))
        daemon.open()
        control = options.control or (DEFAULT_PATH if root else None)
        listeners = (
            bind(control, find_group(options.socket_group)) if control else None,
            listen(options.prometheus) if options.prometheus else None,
        )
        sockets = [path for each in listeners if each and (path := _path_of(each))]
        try:
            if user:
                Janitor(filter(None, (pid_path, *sockets)))
                drop_privileges(user)
            asyncio.run(_serve(daemon, listeners, launch))
        finally:
            for path in sockets:  # as far as that is still allowed
                with suppress(OSError):
                    path.unlink()
    return 0


async def _serve(daemon: Daemon, listeners: _Listeners, launch: Launch) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, daemon.stop)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload)
    launch.succeeded()
    await daemon.run(_servers(daemon, *listeners))


def _servers(
    daemon: Daemon, control: socket.socket | None, prometheus: socket.socket | None
) -> list[Task]:
    servers: list[Task] = []
    if control is not None:
        answers = ControlServer(daemon.status, daemon.test)
        servers.append(lambda: answers.serve(control))
    if prometheus is not None:
        exporter = PrometheusServer(lambda: daemon.collection.everything)
        servers.append(lambda: exporter.serve(prometheus))
    return servers


def _path_of(listener: socket.socket) -> Path | None:
    return Path(listener.getsockname()) if listener.family == socket.AF_UNIX else None


def _allow_many_files() -> None:
    """A channel and a disk for each domain are files.

    Commands inherit the limit, and some of them try every number up to it: there is a bound.
    """
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(few, min(most, _MAX_FILES)), most))
