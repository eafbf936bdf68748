"""From what the user asked for to an open host."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vconsole.host.here import modular_uri
from vconsole.host.source import HostSource
from vconsole.host.uri import resolve

if TYPE_CHECKING:
    from vconsole.host.link import Link


def connect(
    uri: str | None,
    read_only: bool = False,
    demo: bool = False,
    wake: Callable[[], None] | None = None,
    notice: str = "",
    list_first: bool = False,
) -> HostSource:
    """Open the host that the command line, the environment or this machine suggests.

    Without a URI from anywhere it is libvirt's default; never the demo host, unless asked for.

    Args:
        uri: The argument of ``-c``.
        read_only: Change nothing, even where that is allowed.
        demo: Open the demo host whatever else was said.
        wake: Called from another thread when libvirt says that something changed.
        notice: A sentence on it that stays on the screen.
        list_first: The first reading of a host that is far is the list and nothing else.

    Raises:
        HostError: That is not possible; the message names the URI and the cause.
    """
    from vconsole.host import libvirt_source

    woken = wake or (lambda: None)
    source = libvirt_source.connect(_meant(uri), read_only, demo, woken, list_first)
    if notice:
        source.note(notice)
    return source


def connect_link(uri: str | None, read_only: bool = False, demo: bool = False) -> Link:
    """Open a further connection to the host that `connect` opens, without a reader on it.

    Raises:
        HostError: That is not possible; the message names the URI and the cause.
    """
    from vconsole.host.link import open_link

    return open_link(_meant(uri), read_only, demo, lambda: None)


def _meant(uri: str | None) -> str | None:
    return resolve(uri) or modular_uri()
