"""What ``doctor`` looks at of hostinfo: service, rules, the directory of sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vconsole.cli.service import check_unit
from vconsole.features.hostinfo.daemon.sockets import DIRECTORY, Directory, DirectoryError
from vconsole.features.hostinfo.rules_file import load
from vconsole.files.careful import SafeFileError
from vconsole.files.config import Config
from vconsole.model.diagnosis import Check, Target
from vconsole.model.words import plural


def checks(config: Config, target: Target) -> Iterator[Check]:
    """Look at all of it."""
    yield check_unit("hostinfod", "vconsole hostinfo service on")
    yield rules(Path(config.hostinfo_conf))
    yield directory(DIRECTORY)


def rules(path: Path) -> Check:
    """Whether hostinfod would take the rules."""
    try:
        loaded, found = load(path)
    except SafeFileError as error:
        return Check("rules", "fail", str(error), f"see: ls -l {path}")
    if not loaded.exists:
        return Check("rules", "ok", f"{path}: not there, the defaults hold for every guest")
    if not found.usable:
        cure = f"vconsole hostinfo check {path}"
        return Check("rules", "fail", f"{path}: errors: hostinfod keeps earlier ones", cure)
    return Check("rules", "ok", f"{path}: {plural(len(found.stanzas), 'rule')}")


def directory(path: Path) -> Check:
    """Whether guests' sockets can be trusted."""
    try:
        held = Directory(path)
    except DirectoryError as error:
        return Check("sockets", "warn", str(error), f"install -d -m 0755 {path}")
    try:
        count = plural(len(held.list().entries), "socket")
        if held.warning:
            return Check("sockets", "warn", held.warning, f"chmod g-w {path}")
        return Check("sockets", "ok", f"{path}: {count}")
    finally:
        held.close()
