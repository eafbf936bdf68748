"""A plan as a file: a shell script of virsh lines, or JSON for ``vconsole plan apply``."""

from __future__ import annotations

import os
from pathlib import Path

from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.plan_json import plan_to_json
from vconsole.model.host_state import Connection
from vconsole.model.outcome import PinChange
from vconsole.model.virsh import change_commands, shell_script


def save_plan(name: str, change: PinChange, plan: PinPlan | None, connection: Connection) -> Path:
    """Write a new file and answer its path.

    Raises:
        ValueError: The name is empty, or JSON is asked for an undo, which is no plan.
        OSError: It exists already or cannot be written.
    """
    if not name.strip():
        raise ValueError("name a file")
    path = Path(name).expanduser().absolute()
    if path.suffix == ".json":
        if plan is None:
            raise ValueError("an undo is saved as a script: name it .sh")
        text, mode = plan_to_json(plan), 0o600
    else:
        text, mode = script(change, connection), 0o700
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def script(change: PinChange, connection: Connection) -> str:
    """Write the change as a shell script that stops at the first error; undo lines are comments."""
    uri, split = connection.uri, connection.split_pins
    undo = change_commands(change.reversed(), uri, split_pins=split)
    return shell_script(
        change_commands(change, uri, split_pins=split),
        header=(f"vconsole: pins of {change.name}, {change.uuid}",),
        footer=("to undo:", *undo),
    )
