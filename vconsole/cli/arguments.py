"""The arguments of the console; those of the subcommands are in `vconsole.cli.main`."""

from __future__ import annotations

import argparse
from typing import TypeAlias

from vconsole import __version__

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""To what a feature adds its subcommands: argparse has no public name for it."""
EPILOG = """without the screen:
  vconsole show domains|domain NAME|host|cells|pins [--json]
  vconsole pin DOMAIN [--vcpu N|--emulator|--iothread N] CPUSET [--live] [--config] [--dry-run]
  vconsole plan apply FILE
  vconsole hostinfo check FILE
  vconsole hostinfo show|explain|status|enable|disable|repair ... [--dry-run] [--json]
  vconsole metrics show|check [--disk PATH] [--as DOMAIN] [--json]
  vconsole metrics attach|detach DOMAIN... [--channel] [--live] [--config] [--dry-run]
  vconsole metrics config check FILE
  vconsole start|shutdown|reboot|reset|suspend|resume|save|destroy|autostart DOMAIN...
           [--paused] [--mode agent,acpi] [--timeout S] [--off] [--dry-run] [--json] [--yes]
  vconsole net list DOMAIN|--host | net check [--json]
  vconsole net move|link|mac|add|remove DOMAIN ... [--live] [--config] [--dry-run] [--json]
  vconsole diff DOMAIN...|--all [--json]
  vconsole persist|revert DOMAIN [AREA] [--remove] [--dry-run] [--json]
  vconsole edit DOMAIN [--file FILE|-] [--dry-run] [--json]
daemons, each with --help:
  vconsole hostinfod|vhostmd [-d] [-c URI]
"""


def interval(text: str) -> float:
    """Seconds between readings."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.2 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0.2 and 3600 seconds")
    return seconds


def add_connection_arguments(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Add what every program of vconsole takes: the host, and how careful to be.

    A subcommand takes them too, with `default` SUPPRESS: what stood before it stays.
    """
    no = default if default is argparse.SUPPRESS else False
    parser.add_argument(
        "-c",
        "--connect",
        metavar="URI",
        default=default,
        help="libvirt URI; else VIRSH_DEFAULT_CONNECT_URI, LIBVIRT_DEFAULT_URI, libvirt's default",
    )
    parser.add_argument("-r", "--read-only", action="store_true", default=no, help="change nothing")
    parser.add_argument(
        "--demo", action="store_true", default=no, help="an embedded host to try things on"
    )


def console_parser() -> argparse.ArgumentParser:
    """Parse ``vconsole [-c URI] [--read-only] [--demo] [--interval S]``."""
    parser = argparse.ArgumentParser(
        prog="vconsole",
        description="The terminal console of a virtualization host.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_connection_arguments(parser)
    parser.add_argument("--interval", type=interval, metavar="S", help="seconds between readings")
    parser.add_argument("--ascii", action="store_true", help="no glyphs beyond ASCII")
    parser.add_argument("--theme", help="vconsole-dark, vconsole-light, ansi-dark or ansi-light")
    parser.add_argument("--version", action="version", version=f"vconsole {__version__}")
    return parser
