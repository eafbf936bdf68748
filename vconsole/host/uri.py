"""Which host is meant, and whether it is this machine.

The order is virsh's: the command line, VIRSH_DEFAULT_CONNECT_URI, LIBVIRT_DEFAULT_URI, and then
libvirt's own choice, which is None here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

DEMO_URI = "test:///default"
_XEN = Path("/proc/xen/capabilities")
"""Where this kernel runs on Xen."""
_LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")


def resolve(argument: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The URI to open; None lets libvirt choose."""
    for given in (
        argument,
        environ.get("VIRSH_DEFAULT_CONNECT_URI"),
        environ.get("LIBVIRT_DEFAULT_URI"),
    ):
        if given:
            return given
    return None


def of_a_daemon(argument: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The URI for a daemon of this host: its domains are the system's, whoever it runs as."""
    system = "xen:///system" if _XEN.exists() else "qemu:///system"
    return resolve(argument, environ) or system


def expected(argument: str | None) -> str:
    """The URI to name before it is open: what is asked for, else what libvirt is likely to choose.

    Source: https://libvirt.org/uri.html, "default URI choice": root's is the system's daemon.
    """
    likely = "qemu:///system" if os.geteuid() == 0 else "qemu:///session"
    return resolve(argument) or likely


def is_this_machine(uri: str) -> bool:
    """The URI reaches a daemon of this machine, by a local socket."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    transport = parts.scheme.partition("+")[2]
    return transport in ("", "unix") and host in _LOCAL_HOSTS


def quiet(uri: str | None) -> str | None:
    """The URI with ssh kept from asking for a password on the terminal that the console draws on.

    Source: https://libvirt.org/uri.html, parameter ``no_tty``.
    """
    if uri is None:
        return None
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    transport = parts.scheme.partition("+")[2]
    asked = {key for key, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if transport not in ("ssh", "libssh", "libssh2") or asked & {"no_tty", "sshauth"}:
        return uri
    query = f"{parts.query}&no_tty=1" if parts.query else "no_tty=1"
    return urlunsplit(parts._replace(query=query))


def for_reading(uri: str | None) -> bool:
    """It names the socket of the daemon that only lets read; libvirt's client is not told so."""
    try:
        words = parse_qsl(urlsplit(uri or "").query)
    except ValueError:
        return False
    return any(key == "socket" and value.endswith("-sock-ro") for key, value in words)


def read_only_variant(uri: str | None) -> str | None:
    """The URI for a read-only connection: a socket given by path has a twin for readers.

    libvirt chooses the twin itself only where no path is given.
    """
    if uri is None or "socket=" not in uri:
        return uri
    parts = urlsplit(uri)
    words = parse_qsl(parts.query, keep_blank_values=True)
    query = [(k, _reader_socket(v) if k == "socket" else v) for k, v in words]
    return urlunsplit(parts._replace(query=urlencode(query, safe="/")))


def _reader_socket(path: str) -> str:
    twin = path + "-ro"
    return twin if path.endswith("-sock") and _is_socket(Path(twin)) else path


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
