"""A room for each thing a user would name; each has a ``manifest``, and is listed here."""

from __future__ import annotations

from typing import Final

FEATURES: Final = (
    "everywhere",
    "doctor",
    "domains",
    "hostmap",
    "capabilities",
    "pins",
    "why",
    "locality",
    "files",
    "hostinfo",
    "hostmemory",
    "metrics",
    "service",
    "storage",
    "activity",
    "jobs",
    "lifecycle",
    "resources",
    "policy",
    "snapshots",
    "agent",
    "network",
    "divergence",
    "definition",
)
"""Footer, palette and help show their commands in this order."""
