"""The user's settings, and where the console keeps what it remembers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vconsole.files.config import Config, ConfigError, load
from vconsole.files.places import config_path, state_dir
from vconsole.model.diagnosis import Check, Target


def checks(config: Config, target: Target) -> Iterator[Check]:
    """Look at both."""
    yield settings(config_path())
    yield memory(state_dir())


def settings(path: Path | None) -> Check:
    """Whether they can be read."""
    if path is None:
        cure = "set HOME, or XDG_CONFIG_HOME"
        return Check("settings", "warn", "no home is known to look for them in", cure)
    try:
        load(path)
    except ConfigError as error:
        return Check("settings", "fail", str(error), "mend the line, or remove the file")
    return Check("settings", "ok", f"{path}{'' if path.exists() else ': not there, defaults hold'}")


def memory(directory: Path | None) -> Check:
    """Whether what was changed can be written down."""
    if directory is None:
        cure = "set HOME, or XDG_STATE_HOME"
        return Check("activity log", "warn", "no home is known: it is not kept", cure)
    there = next(place for place in (directory, *directory.parents) if place.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        words = f"{there} cannot be written: what is changed from here is not logged"
        return Check("activity log", "fail", words, f"chown {there} to you, or set XDG_STATE_HOME")
    return Check("activity log", "ok", str(directory))
