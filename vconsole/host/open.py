"""From what the user asked for to an open host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from vconsole.host.here import modular_uri
from vconsole.host.uri import resolve

if TYPE_CHECKING:
    from vconsole.host.libvirt_source import LibvirtSource
    from vconsole.host.link import Link
    from vconsole.host.source import HostSource


def connect(
    uri: str | None,
    read_only: bool = False,
    demo: bool = False,
    wake: Callable[[], None] | None = None,
) -> LibvirtSource:
    """Open the host that the command line, the environment or this machine suggests.

    Without a URI from anywhere it is libvirt's default; never the demo host, unless asked for.

    Args:
        uri: The argument of ``-c``.
        read_only: Change nothing, even where that is allowed.
        demo: Open the demo host whatever else was said.
        wake: Called from another thread when libvirt says that something changed; without it no
            events are asked for, for who reads once.

    Raises:
        HostError: That is not possible; the message names the URI and the cause.
    """
    from vconsole.host import libvirt_source

    return libvirt_source.connect(_meant(uri), read_only, demo, wake)


def connect_console(
    uri: str | None,
    read_only: bool,
    demo: bool,
    wake: Callable[[], None],
    notice: str = "",
    list_first: bool = True,
) -> HostSource:
    """Open the host that `connect` opens, for a screen.

    Args:
        uri: As with `connect`.
        read_only: The same.
        demo: The same.
        wake: The same.
        notice: A sentence on it that stays on the screen.
        list_first: The first reading is the list and nothing else.

    Raises:
        HostError: That is not possible; the message names the URI and the cause.
    """
    from vconsole.host.link import open_link
    from vconsole.host.list_first import ListFirst

    link = open_link(_meant(uri), read_only, demo, wake, meet=False)
    link.connection = replace(link.connection, notice=notice or link.connection.notice)
    return ListFirst(link, list_first)


def connect_link(uri: str | None, read_only: bool = False, demo: bool = False) -> Link:
    """Open a further connection to the host that `connect` opens, without a reader on it.

    Raises:
        HostError: That is not possible; the message names the URI and the cause.
    """
    from vconsole.host.link import open_link

    return open_link(_meant(uri), read_only, demo)


def _meant(uri: str | None) -> str | None:
    return resolve(uri) or modular_uri()
