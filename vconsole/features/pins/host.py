"""Sets pins as a request, where they are one of several changes of a domain."""

from __future__ import annotations

from vconsole.host.fleet import Fleet
from vconsole.host.link import Link
from vconsole.host.machine import Machine
from vconsole.host.pins import PinWriter
from vconsole.model.outcome import StepOutcome
from vconsole.model.request import Reply
from vconsole.model.set_pins import SetPins
from vconsole.model.words import row_label


def set_pins(link: Link, request: SetPins) -> Reply:
    """Compare with what was seen, set row by row, and read back."""
    machine = Machine(link)
    writer = PinWriter(link, Fleet(link, machine.everything), machine, None)
    outcome = writer.apply(request.change)
    read_back = "; ".join(filter(None, map(_words, outcome.steps)))
    return Reply(outcome.status, outcome.message, outcome, read_back)


def _words(outcome: StepOutcome) -> str:
    step = outcome.step
    halves = (
        ("live", step.live_after, outcome.live),
        ("config", step.config_after, outcome.config),
    )
    sets = [f"{half} {now}" for half, wanted, now in halves if wanted is not None]
    return f"{row_label(step.key)} {' '.join(sets)}" if outcome.status == "applied" else ""
