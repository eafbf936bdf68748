"""Where a user's settings and the console's memory lie (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_elsewhere: list[Path] = []
"""The directory that takes the place of the user's own, while there is one."""


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
    if _elsewhere and environ is None:
        return _elsewhere[-1]
    env = os.environ if environ is None else environ
    for base, rest in (("XDG_STATE_HOME", ()), ("HOME", (".local", "state"))):
        if (directory := env.get(base, "")).startswith("/"):
            return Path(directory, *rest, "vconsole")
    return None


def profiles_dir() -> Path | None:
    """Where placements are kept, beside the settings; None without a home."""
    if _elsewhere:
        return _elsewhere[-1] / "profiles"
    path = config_path()
    return path.parent / "profiles" if path else None


@contextmanager
def state_in(directory: Path) -> Iterator[None]:
    """Let all that is kept be below this directory meanwhile, whatever the user's own is."""
    _elsewhere.append(directory)
    try:
        yield
    finally:
        _elsewhere.remove(directory)
