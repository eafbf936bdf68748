"""``vconsole show capabilities [--json]``."""

from __future__ import annotations

import argparse

from vconsole.cli.changing import ask, asking
from vconsole.cli.report import CliError, print_json
from vconsole.features.capabilities.model import ReadCapabilities
from vconsole.model.host_state import HostState
from vconsole.text import safe


def show_capabilities(options: argparse.Namespace, host_state: HostState) -> None:
    """Print the XML, or a JSON text of it."""
    with asking(options) as host:
        reply = ask(host, ReadCapabilities())
    if not isinstance(reply.value, str):
        raise CliError(f"the capabilities cannot be read: {reply.message}")
    if options.json:
        print_json({"xml": reply.value})
        return
    for line in reply.value.rstrip("\n").split("\n"):
        print(safe(line))
