"""Answers a change of pins, whoever asks: page, command, persist, revert, undo."""

from __future__ import annotations

import json

from vconsole.features.pins.host.writer import PinWriter, RefusedError
from vconsole.host.link import Link
from vconsole.host.machine import Machine
from vconsole.model.outcome import Outcome, PinChange, StepOutcome
from vconsole.model.pin_json import step_from_json
from vconsole.model.request import Reply, took_effect
from vconsole.model.set_pins import SetPins
from vconsole.model.words import row_label


def set_pins(link: Link, request: SetPins) -> Reply:
    """Compare with what was seen, set row by row, and read back."""
    split_pins = request.split_pins and link.connection.split_pins
    outcome = PinWriter(link, Machine(link), split_pins).apply(request.change)
    return Reply(outcome.status, outcome.message or _drift(outcome), outcome, _read_back(outcome))


def tell_pins(link: Link, uuid: str, trace: str) -> Reply:
    """Read the rows of a change again; all of them must be as they were wanted."""
    change = PinChange(uuid, "", tuple(map(step_from_json, json.loads(trace))))
    try:
        found = PinWriter(link, Machine(link), link.connection.split_pins).look(change)
    except RefusedError as reason:
        return Reply("unknown", str(reason))
    return took_effect(found.status == "applied", found, _read_back(found))


def _drift(outcome: Outcome) -> str:
    """The rows that the kernel holds to something else than libvirt says."""
    rows = [f"{row_label(s.step.key)} to {s.kernel}" for s in outcome.steps if s.drift]
    return f"the kernel holds {', '.join(rows)}" if rows else ""


def _read_back(outcome: Outcome) -> str:
    return "; ".join(filter(None, map(_words, outcome.steps)))


def _words(outcome: StepOutcome) -> str:
    step = outcome.step
    halves = (
        ("live", step.live_after, outcome.live),
        ("config", step.config_after, outcome.config),
    )
    sets = [f"{half} {now}" for half, wanted, now in halves if wanted is not None]
    return f"{row_label(step.key)} {', '.join(sets)}" if outcome.status == "applied" else ""
