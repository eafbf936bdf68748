"""Every command of a user, declared once.

Footer, help, palette, key bindings, docs/keys.md and the user's keymap all derive from these
tables, one for each concern. A command's id is ``screen.action``: the screen (or the app) that
carries it out has a method ``do_action``.
"""

from __future__ import annotations

from collections.abc import Mapping

from vconsole.features.agent import manifest as agent
from vconsole.features.definition import manifest as files
from vconsole.features.divergence import manifest as divergence
from vconsole.features.domains import manifest as console
from vconsole.features.hostinfo import manifest as hostinfo
from vconsole.features.hostmemory import manifest as hostmemory
from vconsole.features.lifecycle import manifest as guests
from vconsole.features.metrics import manifest as metrics
from vconsole.features.network import manifest as network
from vconsole.features.pins import manifest as pins
from vconsole.features.policy import manifest as policy
from vconsole.features.resources import manifest as resources
from vconsole.features.snapshots import manifest as snapshots
from vconsole.model.command import Command as Command

TABLES = (
    console.TABLE,
    pins.TABLE,
    files.TABLE,
    hostinfo.TABLE,
    hostmemory.TABLE,
    metrics.TABLE,
    network.TABLE,
    guests.TABLE,
    policy.TABLE,
    resources.TABLE,
    snapshots.TABLE,
    agent.TABLE,
    divergence.TABLE,
)
COMMANDS: Mapping[str, Command] = {c.id: c for table in TABLES for c in table}


def of_scope(scope: str) -> list[Command]:
    """List the commands of a screen, in the order of its table."""
    return [command for command in COMMANDS.values() if command.scope == scope]


_KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "plus": "+",
    "minus": "-",
    "escape": "esc",
    "asterisk": "*",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}


def key_name(key: str) -> str:
    """Name a key as it is printed on the screen: ``ctrl+p`` is ``^p``."""
    if key.startswith("ctrl+"):
        return "^" + key_name(key[5:])
    return _KEY_NAMES.get(key, key)
