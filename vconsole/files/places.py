"""Where a user's settings and the console's memory lie (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def config_path() -> Path | None:
    """Where the settings are looked for; None without a home."""
    base = os.environ.get("XDG_CONFIG_HOME")
    if base:
        return Path(base) / "vconsole" / "config.toml"
    home = os.environ.get("HOME")
    return Path(home) / ".config" / "vconsole" / "config.toml" if home else None


def state_dir(environ: Mapping[str, str] | None = None) -> Path | None:
    """The directory for what the console remembers; None where no home is known.

    A relative XDG_STATE_HOME is ignored, as its specification demands.
    """
    env = os.environ if environ is None else environ
    for base, rest in (("XDG_STATE_HOME", ()), ("HOME", (".local", "state"))):
        if (directory := env.get(base, "")).startswith("/"):
            return Path(directory, *rest, "vconsole")
    return None
