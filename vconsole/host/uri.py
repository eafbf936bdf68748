"""Which host is meant, and whether it is this machine.

The order is virsh's: the command line, VIRSH_DEFAULT_CONNECT_URI, LIBVIRT_DEFAULT_URI, and then
libvirt's own choice, which is None here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

DEMO_URI = "test:///default"
_SOCKETS = ("libvirt-sock", "virtqemud-sock", "libvirt-sock-ro", "virtqemud-sock-ro")
_DEFINITIONS = Path("/etc/libvirt/qemu")
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


def wants_demo(uri: str | None, directories: Iterable[Path] | None = None) -> bool:
    """No URI was given and there is no libvirt on this machine to fall back to."""
    return uri is None and not local_libvirt(directories)


def local_libvirt(directories: Iterable[Path] | None = None) -> bool:
    """A daemon's socket is there, or domains are defined for one that is stopped."""
    places = _run_directories() if directories is None else directories
    if any(_is_socket(place / name) for place in places for name in _SOCKETS):
        return True
    return directories is None and any(_DEFINITIONS.glob("*.xml"))


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


def _run_directories() -> list[Path]:
    places = [Path("/run/libvirt"), Path("/var/run/libvirt")]
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        places.append(Path(runtime) / "libvirt")
    return places


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
