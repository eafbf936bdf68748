"""What ``doctor`` finds: features contribute checks, each with its verdict and its cure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from vconsole.model.host_state import Check

__all__ = ["GLYPHS", "Check", "Checks", "Target", "failed"]

GLYPHS: Final = {"ok": " ", "warn": "!", "fail": "x", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Target:
    """The host that is meant, as the command line has it."""

    uri: str | None = None
    read_only: bool = False
    demo: bool = False


Checks = Callable[[Any, Target], Iterable[Check]]
"""Looks at one thing, given the settings (`files.config.Config`) and the host; may block, may
raise."""


def failed(checks: Iterable[Check]) -> bool:
    """Whether something does not work; what works less well, or is not known, is no failure."""
    return any(check.verdict == "fail" for check in checks)
