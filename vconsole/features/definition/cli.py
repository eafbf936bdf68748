"""``vconsole edit``: the definition of a domain as text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, ask, asked, asking, change, chosen, report
from vconsole.cli.given import given_bytes
from vconsole.cli.report import DONE, REFUSED, USAGE, CliError
from vconsole.features.definition.model import redefinition
from vconsole.files.editor import Draft, EditorError, run_editor
from vconsole.files.places import state_dir
from vconsole.host.source import HostSource
from vconsole.model.proposal import Proposal, Propose
from vconsole.model.request import ReadDefinitions

_LONG_S = 7 * 24 * 3600.0
"""A person may think about a definition for as long."""


def add_parser(commands: Commands) -> None:
    """Add ``edit``."""
    edit = commands.add_parser("edit", help="edit the definition in $VISUAL, $EDITOR or vi")
    add_connection_arguments(edit, argparse.SUPPRESS)
    edit.add_argument("domain", metavar="DOMAIN", help="name, UUID or id")
    edit.add_argument("--file", metavar="FILE", help="take the text from a file, - for the input")
    add_change_arguments(edit, defines=True)
    edit.set_defaults(run=run_edit, longest=lambda _: _LONG_S)


def run_edit(options: argparse.Namespace, source: HostSource) -> int:
    """Take another text for the definition, check and define it; what is refused is kept."""
    (domain,), connection = chosen(options, source)
    if connection.read_only and not options.dry_run:
        raise CliError(f"read-only: {connection.read_only_reason}", REFUSED)
    draft = Draft.of(state_dir(), domain.uuid)
    with asking(options) as host:
        reply = ask(host, ReadDefinitions((domain.uuid,)))
        before = reply.value.get(domain.uuid) if isinstance(reply.value, dict) else None
        if before is None:
            raise CliError(f"{domain.name}: {reply.message or 'it has no definition'}", REFUSED)
        after = _text(options, before, draft)
        if after.strip() == before.strip():
            report(options, [], ("nothing was changed",))
            return DONE
        kept = "" if options.file else f"until it is defined the text is {draft.keep(after)}"
        try:
            edit = redefinition(domain.uuid, domain.name, before, after)
        except ValueError as error:
            raise CliError("; ".join(filter(None, (str(error), kept))), REFUSED) from error
        planned = Proposal((edit,), (kept,) if kept else ())
        wanted = Propose(((domain.uuid, domain.name),), lambda *_: planned)
        reply = ask(host, wanted)
        proposal = reply.value[0] if isinstance(reply.value, tuple) else planned
        code = change(options, connection, host, proposal)
    if code == DONE and not options.dry_run:
        draft.drop()
    return code


def _text(options: argparse.Namespace, before: str, draft: Draft) -> str:
    try:
        if options.file == "-":
            return sys.stdin.read()
        if options.file is not None:
            return given_bytes(Path(options.file)).decode()
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise CliError("an editor needs a terminal: give --file FILE or --file -", USAGE)
        return run_editor("domain.xml", _start(before, draft).encode()).decode()
    except (OSError, EOFError, UnicodeError, EditorError) as error:
        raise CliError(str(error)) from error


def _start(before: str, draft: Draft) -> str:
    """What to edit: a text that was kept would be written over by the next one."""
    kept = draft.read()
    if kept is None:
        return before
    print(f"a text was kept that is not defined yet: {draft.path}")
    return before if asked("go on with it? Y/n ") in ("n", "no") else kept
