"""``vconsole history``, ``undo`` and ``redo``: the changes of pins, memory and scheduling made."""

from __future__ import annotations

import argparse
from typing import Final

from vconsole.changes.history import History, Record
from vconsole.changes.proofs import Proofs
from vconsole.changes.store import PinHistory
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import asking, change
from vconsole.cli.read import complete
from vconsole.cli.report import DONE, FAILED, USAGE, CliError, plain, print_json, print_table
from vconsole.features.pins.cli import add_plan_arguments
from vconsole.features.pins.model.compare import PCpus
from vconsole.features.pins.model.undo import Undo, undo_last, undo_now
from vconsole.features.pins.proof_words import proof_notes, step_words
from vconsole.files.places import state_dir
from vconsole.host.source import HostSource, View
from vconsole.model.host_state import HostState
from vconsole.model.proposal import Proposal
from vconsole.model.set_pins import SetPins
from vconsole.model.words import rows_label
from vconsole.text import safe

_SHORT: Final = 8
"""So many characters of an id are shown, and enough to name it."""


def add_parsers(commands: Commands) -> None:
    """Add all three."""
    listed = commands.add_parser("history", help="changes of pins, memory and scheduling")
    listed.add_argument(
        "which", nargs="?", metavar="DOMAIN|ID", help="those of one domain, or all of one change"
    )
    add_connection_arguments(listed, argparse.SUPPRESS)
    listed.add_argument("--json", action="store_true", help="report as JSON")
    listed.set_defaults(run=run_history, connects=False)
    undo = commands.add_parser("undo", help="undo a change of pins, memory or scheduling")
    undo.add_argument("id", nargs="?", metavar="ID", help="as history has it; else the last one")
    add_plan_arguments(undo, run_undo)
    redo = commands.add_parser("redo", help="make the change again that was undone last")
    add_plan_arguments(redo, run_redo)


def _history(options: argparse.Namespace) -> History:
    directory = state_dir()
    if options.demo and directory is not None:
        from vconsole.changes.demo_past import write_past

        write_past(directory)
    found = PinHistory(directory).now()
    if found.problem and not found.records:
        raise CliError(f"no history: {found.problem}")
    return found


# ---- what was done


def run_history(options: argparse.Namespace) -> int:
    """Print the changes, newest first, of all hosts or the one named; of one all that is known."""
    history, uri = _history(options), options.connect
    records = [r for r in reversed(history.records) if uri in (None, r.uri)]
    proofs = Proofs(history.path)
    if word := options.which:
        one = _by_id(records, word)
        records = [one] if one else [r for r in records if word in (r.name, r.uuid)]
        if not records:
            raise CliError(f"no change of {word!r} is known", USAGE)
        if one and not options.json:
            return _print_whole(one, proofs)
    if options.json:
        print_json([_as_json(record, proofs) for record in records])
        return DONE
    titles = ("id", "when (UTC)", "what", "domain", "rows", "outcome", "who")
    print_table(titles, [_row(record) for record in records])
    return DONE


def _row(record: Record) -> tuple[str, ...]:
    when = record.when.replace("T", " ").rstrip("Z")
    rows = rows_label(step.key for step, _ in record.steps)
    short = record.id[:_SHORT] or "-"
    return short, when, record.origin, record.name, rows, record.outcome, record.operator


def _print_whole(record: Record, proofs: Proofs) -> int:
    print(safe("  ".join(_row(record))))
    if (proof := proofs.of(record.id)) is not None:
        for words, _ in proof_notes(proof):
            print(words)
    for step, status in record.steps:
        print(safe(f" {step_words(step)}  {status}"))
    for line in record.commands:
        print(safe(f" {line}"))
    return DONE


def _as_json(record: Record, proofs: Proofs) -> dict[str, object]:
    steps = [{**plain(step), "status": status} for step, status in record.steps]
    return {**plain(record), "steps": steps, "proof": plain(proofs.of(record.id))}


def _by_id(records: list[Record], word: str) -> Record | None:
    """The one whose id begins so; None where none does.

    Raises:
        CliError: Several do.
    """
    found = [r for r in records if r.id and r.id.startswith(word.lower())]
    if len(found) > 1 and len(word) >= _SHORT:
        raise CliError(f"{word}: several changes have such an id", USAGE)
    return found[0] if len(found) == 1 else None


# ---- going back, and forth again


def run_undo(options: argparse.Namespace, source: HostSource) -> int:
    """Put back what a change replaced, as far as nobody changed it since."""
    host_state = complete(source, View("pin"))
    found, notes = _undo(_history(options), options.id, host_state)
    if not found.change.steps:
        raise CliError("; ".join(notes) or "its rows are as they were before")
    return _set(options, host_state, found, notes)


def _undo(
    history: History, word: str | None, host_state: HostState
) -> tuple[Undo, tuple[str, ...]]:
    uri = host_state.connection.uri
    if word:
        record = _by_id(list(history.records), word)
        if record is None:
            raise CliError(f"history has no change {word!r}", USAGE)
        if record.uri != uri:
            raise CliError(f"it was made on {record.uri}", USAGE)
        domain = host_state.domain(record.uuid)
        found = undo_now(record.change, domain, PCpus.of(host_state.pcpus))
        return found, (found.words,) if found.conflicts else ()
    last, passed = undo_last(history.done(uri), host_state.domain, host_state.pcpus)
    notes = tuple(f"passed over: {words}" for words in passed)
    if last is None:
        raise CliError("; ".join(notes) or "nothing to undo on this connection", FAILED)
    return last, notes


def run_redo(options: argparse.Namespace, source: HostSource) -> int:
    """Make again what was undone last."""
    host_state = complete(source, View("pin"))
    wanted = _history(options).redo(host_state.connection.uri)
    if wanted is None:
        raise CliError("nothing to redo on this connection")
    return _set(options, host_state, Undo(wanted), ())


def _set(
    options: argparse.Namespace, host_state: HostState, found: Undo, notes: tuple[str, ...]
) -> int:
    connection = host_state.connection
    wanted = SetPins.of(found.change, connection.split_pins)
    with asking(options) as host:
        return change(options, connection, host, Proposal((wanted,), notes))
