"""What all features bring together: read from their manifests, listed nowhere else.

Features are found by their names, so that whatever is below them may look here.

A command's id is ``screen.action``: the page (or the app) that carries it out has a method
``do_action``, unless the command only opens a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Final

from vconsole.model import manifest
from vconsole.model.command import Command
from vconsole.model.manifest import Answer, Manifest, imported
from vconsole.model.proposal import Change, Subject

_FEATURES: Final = f"{__package__}.features"


def _manifest(feature: str) -> Manifest:
    """The manifest of a feature; names in it that begin with a dot are of its own room."""
    room = f"{_FEATURES}.{feature}"
    found: Manifest = import_module(f"{room}.manifest").MANIFEST

    def whole(name: str) -> str:
        return room + name if name.startswith(".") else name

    def wholes(names: Mapping[str, str]) -> dict[str, str]:
        return {word: whole(name) for word, name in names.items()}

    return replace(
        found,
        answers=tuple(
            replace(
                a,
                request=whole(a.request),
                handler=whole(a.handler),
                tells=whole(a.tells),
                demo=whole(a.demo),
            )
            for a in found.answers
        ),
        pages=wholes(found.pages),
        subcommands=wholes(found.subcommands),
        daemons=wholes(found.daemons),
        shows=wholes(found.shows),
        checks=wholes(found.checks),
        reverts=wholes(found.reverts),
    )


MANIFESTS: Final[tuple[Manifest, ...]] = tuple(map(_manifest, import_module(_FEATURES).FEATURES))
COMMANDS: Final[Mapping[str, Command]] = {
    c.id: c for c in sorted((c for m in MANIFESTS for c in m.commands), key=lambda c: c.place)
}
SCOPES: Final[Mapping[str, str]] = {k: title for m in MANIFESTS for k, title in m.scopes.items()}
"""Scope -> its title."""
PAGES: Final[Mapping[str, str]] = {name: page for m in MANIFESTS for name, page in m.pages.items()}
"""Name of a page that is opened by it -> its class."""
ANSWERS: Final[tuple[Answer, ...]] = tuple(answer for m in MANIFESTS for answer in m.answers)
SUBCOMMANDS: Final[Mapping[str, str]] = {k: v for m in MANIFESTS for k, v in m.subcommands.items()}
"""Word -> what adds its parser."""
DAEMONS: Final[Mapping[str, str]] = {k: v for m in MANIFESTS for k, v in m.daemons.items()}
"""Word -> the module of the daemon that it starts."""
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    group: tuple(w for m in MANIFESTS if m.group == group for w in (*m.subcommands, *m.daemons))
    for group in manifest.GROUPS
}
"""What subcommands are about -> their words."""
SHOWS: Final[Mapping[str, str]] = {k: v for m in MANIFESTS for k, v in m.shows.items()}
"""Word after ``show`` -> what prints it."""
SHOW_NAMES: Final[Mapping[str, str]] = {k: v for m in MANIFESTS for k, v in m.show_names.items()}
"""Of those words the ones that take a name -> what it names."""
CHECKS: Final[Mapping[str, str]] = {k: v for m in MANIFESTS for k, v in m.checks.items()}
"""What ``doctor`` looks at -> what does."""
_REVERTS: Final[Mapping[str, str]] = {k: v for m in MANIFESTS for k, v in m.reverts.items()}


def of_scope(scope: str) -> list[Command]:
    """List the commands of a screen, in the order of footer, palette and help."""
    return [command for command in COMMANDS.values() if command.scope == scope]


def revert(kind: str, subject: Subject, what: str, seen: str, wanted: str) -> Change:
    """Give a running domain a value as it is defined; see `proposal.Revert`."""
    change: Change = imported(_REVERTS[kind])(subject, what, seen, wanted)
    return change
