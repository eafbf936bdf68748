"""What a feature brings: commands, pages, answers to requests, subcommands.

Everything but the commands is named as ``package.module:name``, or ``.module:name`` in the room of
the feature, and imported when it is first used: manifests are read at every start, features not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from importlib import import_module
from typing import Any, Final

from vconsole.model.command import Command
from vconsole.model.value import dataclass

GROUPS: Final = ("Look and pin", "Domains", "Storage", "What guests may know", "This installation")
"""What subcommands are about, as the help puts them together."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answers a type of request."""

    request: str
    """The type."""
    handler: str
    """Called with the connection and the request, or with the request if `local`; may block."""
    changes: bool = False
    """It changes something: refused on a read-only connection."""
    link: str = ""
    """Name of a connection beside the one that most share, for what may wait long: while a call of
    libvirt's client waits, now and then another one on the same connection waits as long."""
    local: bool = False
    """It needs no libvirt."""
    demo: str = ""
    """Answers in the place of `handler` on the demo host, which has no daemons and no kernel."""
    tells: str = ""
    """Of a change: what tells later whether it took effect, by what it left in the log; see
    `changes.settle.Tell`."""
    untold: str = ""
    """Why nothing tells it, or not of every such change."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One feature."""

    scopes: Mapping[str, str] = field(default_factory=dict)
    """Scope of commands, the name of a screen -> its title in the documents."""
    commands: tuple[Command, ...] = ()
    pages: Mapping[str, str] = field(default_factory=dict)
    """Name of a page that is opened by it -> its class."""
    answers: tuple[Answer, ...] = ()
    subcommands: Mapping[str, str] = field(default_factory=dict)
    """Word -> what adds its parser to those of the program."""
    group: str = "Domains"
    """Of `GROUPS` what its subcommands and daemons are about."""
    daemons: Mapping[str, str] = field(default_factory=dict)
    """Word -> a module with the daemon's `parser` and `main`, which takes the arguments."""
    shows: Mapping[str, str] = field(default_factory=dict)
    """Word after ``show`` -> what prints it, given the options and the state of the host."""
    show_names: Mapping[str, str] = field(default_factory=dict)
    """Of those words the ones that take a name -> what it names."""
    checks: Mapping[str, str] = field(default_factory=dict)
    """What ``doctor`` looks at -> what does, see `diagnosis.Checks`."""
    reverts: Mapping[str, str] = field(default_factory=dict)
    """Kind of a live value -> what gives it back as defined; see `proposal.Revert`."""


def imported(name: str) -> Any:
    """Import what ``package.module:name`` names."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def name_of(kind: type) -> str:
    """Name a type as `Answer.request` does."""
    return f"{kind.__module__}:{kind.__qualname__}"
