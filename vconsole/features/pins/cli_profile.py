"""``vconsole profile save|list|diff|apply``: placements under a name."""

from __future__ import annotations

import argparse

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import target_of
from vconsole.cli.read import complete, find_domain
from vconsole.cli.report import DONE, FAILED, USAGE, CliError, print_json, print_table
from vconsole.features.pins import profile_files
from vconsole.features.pins.cli import add_target_arguments
from vconsole.features.pins.cli_fit import show_and_apply
from vconsole.features.pins.model.profile import (
    Profile,
    ProfileError,
    differences,
    plan_of,
    profile_of,
)
from vconsole.host.source import HostSource, View
from vconsole.model.words import plural
from vconsole.text import safe

_DOMAINS = "name, UUID or id; default all"


def add_parsers(commands: Commands) -> None:
    """Add ``profile``."""
    parser = commands.add_parser("profile", help="keep placements of domains under a name")
    actions = parser.add_subparsers(dest="action", required=True, metavar="save|list|diff|apply")
    save = actions.add_parser("save", help="write down where domains run now")
    save.add_argument("name", help="of the profile")
    save.add_argument("domains", nargs="*", metavar="DOMAIN", help=_DOMAINS)
    save.add_argument("--replace", action="store_true", help="replace a profile of that name")
    save.set_defaults(run=run_save)
    listed = actions.add_parser("list", help="the profiles that there are")
    listed.set_defaults(run=run_list)
    diff = actions.add_parser("diff", help="compare a profile with now; exit 1 where they differ")
    diff.add_argument("name", help="of the profile")
    diff.add_argument("domains", nargs="*", metavar="DOMAIN", help="name; default all of it")
    diff.set_defaults(run=run_diff)
    apply = actions.add_parser("apply", help="bring domains where the profile has them")
    apply.add_argument("name", help="of the profile")
    apply.add_argument("domains", nargs="*", metavar="DOMAIN", help="name; default all of it")
    add_target_arguments(apply, "domains")
    apply.add_argument("--dry-run", action="store_true", help="show what would change")
    apply.set_defaults(run=run_apply)
    for one in (save, listed, diff, apply):
        add_connection_arguments(one, argparse.SUPPRESS)
        one.add_argument("--json", action="store_true", help="report as JSON")


def run_save(options: argparse.Namespace, source: HostSource) -> int:
    """Write a profile."""
    host_state = complete(source, View("pin"))
    named = [find_domain(host_state, word) for word in options.domains]
    profile = profile_of(options.name, named or host_state.domains, host_state)
    try:
        path = profile_files.store(profile, options.replace)
    except ProfileError as error:
        raise CliError(str(error)) from error
    if options.json:
        print_json({"path": str(path), "domains": [p.name for p in profile.placements]})
    else:
        print(f"saved {path}: {plural(len(profile.placements), 'domain')}")
    return DONE


def run_list(options: argparse.Namespace, source: HostSource) -> int:
    """Print the names, with what each holds."""
    try:
        found = [profile_files.loaded(name) for name in profile_files.names()]
    except (ProfileError, OSError) as error:
        raise CliError(str(error)) from error
    rows = [
        (name, profile.host if profile else None, _names(profile) if profile else problem)
        for name, profile, problem in found
    ]
    if options.json:
        print_json([{"name": n, "host": host, "domains": words} for n, host, words in rows])
    else:
        print_table(("profile", "saved on", "domains"), rows)
    return DONE


def _names(profile: Profile) -> str:
    return ", ".join(placed.name for placed in profile.placements) or "none"


def _chosen(options: argparse.Namespace) -> Profile:
    """The profile, or the part of it that is named."""
    try:
        profile = profile_files.load(options.name)
    except ProfileError as error:
        raise CliError(str(error)) from error
    if not options.domains:
        return profile
    kept = tuple(p for p in profile.placements if {p.name, p.uuid} & set(options.domains))
    known = {word for placed in kept for word in (placed.name, placed.uuid)}
    if missing := [word for word in options.domains if word not in known]:
        words = ", ".join(map(repr, missing))
        raise CliError(f"profile {profile.name} has no domain {words}", USAGE)
    return Profile(profile.name, kept, profile.host)


def run_diff(options: argparse.Namespace, source: HostSource) -> int:
    """Print each row that is not as the profile has it."""
    many = plan_of(_chosen(options), complete(source, View("pin")))
    found = list(differences(many))
    if options.json:
        names = ("domain", "row", "half", "now", "profile")
        rows = [dict(zip(names, row, strict=True)) for row in found]
        print_json({"rows": rows, "missing": [name for name, _ in many.left_out]})
    elif found:
        print_table(("domain", "row", "half", "now", "profile"), found)
    for name, reason in () if options.json else many.left_out:
        print(safe(f"{name}: {reason}"))
    return FAILED if found or many.left_out else DONE


def run_apply(options: argparse.Namespace, source: HostSource) -> int:
    """Carry the plan out."""
    many = plan_of(_chosen(options), complete(source, View("pin")), target_of(options))
    options.apply = not options.dry_run
    return show_and_apply(options, many)
