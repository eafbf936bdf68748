"""The arguments of ``vconsole metrics``; the work is in modules that only it imports."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, longest_s
from vconsole.cli.service import add_service

if TYPE_CHECKING:
    from vconsole.host.source import HostSource

DISK = Path("/dev/shm/vhostmd0")
CHANGES = {
    "attach": "let domains read metrics, by the disk or the channel",
    "detach": "take the disk or the channel away",
}


def add_parser(commands: Commands) -> None:
    """Add ``metrics``."""
    parser = commands.add_parser("metrics", help="what guests can read about this host")
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="show|check|attach|detach|config|doctor|service"
    )
    show = actions.add_parser("show", help="print the metrics on the disk")
    _add_disk(show)
    show.add_argument(
        "--as", dest="guest", metavar="DOMAIN", help="those that it reads over its channel"
    )
    show.add_argument("--json", action="store_true", help="as JSON, numbers as numbers")
    add_connection_arguments(show, argparse.SUPPRESS)
    show.set_defaults(run=_show, connects=False)
    check = actions.add_parser("check", help="0 if the disk is sound, else 1 and the defect")
    _add_disk(check)
    check.set_defaults(run=_check, connects=False)
    for action, help_ in CHANGES.items():
        change = actions.add_parser(action, help=help_)
        change.add_argument("domains", nargs="+", metavar="DOMAIN", help="name, UUID or id")
        change.add_argument("--channel", action="store_true", help="the channel, not the disk")
        _add_disk(change)
        if action == "attach":
            change.add_argument(
                "--own", action="store_true", help="the disk for the domain alone (domain-disks)"
            )
        add_change_arguments(change, target=True)
        add_connection_arguments(change, argparse.SUPPRESS)
        change.set_defaults(
            run=_change, longest=lambda options: longest_s(len(options.domains), 30.0)
        )
    config = actions.add_parser("config", help="vhostmd's configuration")
    parts = config.add_subparsers(dest="part", required=True, metavar="check")
    part = parts.add_parser("check", help="say what is wrong with a file; needs no libvirt")
    part.add_argument("file", type=Path, help="such as /etc/vhostmd/vhostmd.conf")
    part.set_defaults(run=_check_config, connects=False)
    doctor = actions.add_parser("doctor", help="whether SAP's readers find what they need")
    _add_disk(doctor)
    doctor.add_argument("--json", action="store_true", help="report as JSON")
    doctor.set_defaults(run=_doctor, connects=False, waits_s=30.0)
    add_service(actions, "vhostmd")


def _add_disk(parser: argparse.ArgumentParser) -> None:
    words = "of the metrics (%(default)s)"
    parser.add_argument("--disk", type=Path, default=DISK, metavar="PATH", help=words)


def _show(options: argparse.Namespace) -> int:
    from vconsole.features.metrics.cli.disk import show

    return show(options)


def _check(options: argparse.Namespace) -> int:
    from vconsole.features.metrics.cli.disk import check

    return check(options)


def _change(options: argparse.Namespace, source: HostSource) -> int:
    from vconsole.features.metrics.cli.devices import attach_or_detach

    return attach_or_detach(options, source)


def _check_config(options: argparse.Namespace) -> int:
    from vconsole.features.metrics.cli.disk import check_config

    return check_config(options)


def _doctor(options: argparse.Namespace) -> int:
    from vconsole.features.metrics.cli.doctor import doctor

    return doctor(options)
