"""The activity log as tests read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def outcomes(path: Path) -> list[dict[str, Any]]:
    """The outcomes in a log, each of which stands behind the intent of the same change."""
    lines = [json.loads(line) for line in path.read_text("ascii").splitlines()]
    begun = {entry["id"] for entry in lines if entry["outcome"] == "begun"}
    ended = [entry for entry in lines if entry["outcome"] != "begun"]
    assert begun == {entry["id"] for entry in ended}
    return ended
