"""Reads what the host can do."""

from __future__ import annotations

from vconsole.features.capabilities.model import ReadCapabilities
from vconsole.host.link import Link
from vconsole.model.request import Reply


def read_capabilities(link: Link, request: ReadCapabilities) -> Reply:
    """Ask for all of it, as ``virsh capabilities`` does (virConnectGetCapabilities)."""
    return Reply(value=link.call(link.conn.getCapabilities))
