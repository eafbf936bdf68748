"""hostinfo.conf on the disk: loaded with care, saved only if the daemon can use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from vconsole.features.hostinfo.model.rules import RuleError, Rules, parse
from vconsole.files import careful
from vconsole.files.careful import Loaded

DEFAULT_PATH: Final = Path("/etc/hostinfo/hostinfo.conf")


def load(path: Path = DEFAULT_PATH) -> tuple[Loaded, Rules]:
    """The file and its rules; of one that is not there, no rules.

    Raises:
        SafeFileError: It cannot be read, or somebody else could have put it there.
    """
    loaded = careful.read(path)
    return loaded, parse(loaded.data)


def validator(path: Path) -> Callable[[bytes], None]:
    """What lets nothing be saved that the daemon cannot use: raises RuleError."""

    def validate(data: bytes) -> None:
        found = parse(data).diagnostics
        if error := next((d for d in found if d.severity == "error"), None):
            raise RuleError(f"{path}: not saved: {error}")

    return validate


def save_rules(path: Path, rules: Rules, expected: Loaded) -> Loaded:
    """Replace the file that still is what `expected` says.

    Raises:
        RuleError: The rules have an error; the file is as it was.
        SaveConflict: It is something else by now.
        SafeFileError: It cannot be saved.
    """
    return careful.save(path, rules.to_bytes(), expected, validate=validator(path))
