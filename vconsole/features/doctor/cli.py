"""``vconsole doctor``."""

from __future__ import annotations

import argparse
from functools import partial

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.diagnosis import LIMIT_S, print_checks, within
from vconsole.files.config import Config, ConfigError, load
from vconsole.files.places import config_path
from vconsole.model.diagnosis import Checks, Target
from vconsole.model.manifest import imported
from vconsole.registry import CHECKS


def add_parser(commands: Commands) -> None:
    """Add ``doctor``."""
    parser = commands.add_parser(
        "doctor", help="what works here, what does not, and what to do about it"
    )
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="report as JSON")
    parser.set_defaults(run=run, connects=False, waits_s=LIMIT_S * (len(CHECKS) + 1))


def run(options: argparse.Namespace) -> int:
    """Look at everything, one subject after the other; 1 where something does not work."""
    config = _config()
    target = Target(options.connect, options.read_only, options.demo)
    sections = {}
    for title, name in CHECKS.items():
        look: Checks = imported(name)
        sections[title] = within(partial(look, config, target))
    return print_checks(sections, options.json)


def _config() -> Config:
    """The settings; the defaults where they cannot be read, which is a finding of its own."""
    try:
        return load(config_path())
    except ConfigError:
        return Config()
