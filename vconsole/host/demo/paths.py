"""Where the files of the demo are: in a directory of its own, known when it is made."""

from __future__ import annotations

metrics_disk = ""
"""The metrics disk that some of its domains have; empty where there is none."""
