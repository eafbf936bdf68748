"""``vconsole jobs``: what is under way in all processes of this user, and what was cut off."""

from __future__ import annotations

import argparse
from pathlib import Path

from vconsole.changes import jobs
from vconsole.cli.arguments import Commands
from vconsole.cli.changing import READ_ONLY, add_change_arguments, change_here
from vconsole.cli.report import DONE, REFUSED, CliError, print_json, print_table
from vconsole.features.jobs.words import Row, cut_off, of_another
from vconsole.files.places import state_dir
from vconsole.model.job import RemoveLeftover


def add_parser(commands: Commands) -> None:
    """Add the word."""
    top = commands.add_parser("jobs", help="what is under way, and what was cut off")
    top.set_defaults(run=_list, connects=False, json=False)
    acts = top.add_subparsers(dest="action", metavar="ACTION")
    listing = acts.add_parser("list", help="list them; what is listed without an action")
    listing.add_argument("--json", action="store_true", help="report as JSON")
    cancel = acts.add_parser("cancel", help="give one up, whichever process of yours has it")
    cancel.add_argument("id", metavar="ID", help="as listed")
    cancel.set_defaults(run=_cancel)
    remove = acts.add_parser("remove", help="remove the files that killed jobs left unfinished")
    remove.add_argument("id", metavar="ID", nargs="?", default="", help="as listed; else all")
    add_change_arguments(remove)
    remove.set_defaults(run=_remove)


def _directory() -> Path:
    found = jobs.directory_of(state_dir())
    if found is None:
        raise CliError("no home is known: jobs are not written down")
    return found


def _list(options: argparse.Namespace) -> int:
    found = jobs.read(_directory())
    if options.json:
        print_json(found)
        return DONE
    known = [(job.id, of_another(job)) for job in found.jobs]
    known += [(left.job.id, cut_off(left)) for left in found.leftovers]
    print_table(("ID", "Job", "Of", "State"), [_row(id_, row) for id_, row in known])
    return DONE


def _row(id_: str, row: Row) -> tuple[object, ...]:
    state = row.left.job.partial if row.left else ""
    return id_, row.what, row.name, f"{row.state[0]}{f': {state}' if state else ''}"


def _cancel(options: argparse.Namespace) -> int:
    if options.read_only:
        raise CliError(f"read-only: {READ_ONLY}", REFUSED)
    if problem := jobs.give_up(_directory(), options.id):
        raise CliError(problem, REFUSED)
    print("told to give it up")
    return DONE


def _remove(options: argparse.Namespace) -> int:
    directory = _directory()
    found = [left for left in jobs.read(directory).leftovers if options.id in ("", left.job.id)]
    if options.id and not found:
        raise CliError(f"no job {options.id} has left a file", REFUSED)
    changes = tuple(RemoveLeftover(directory, left) for left in found)
    return change_here(options, *changes)
