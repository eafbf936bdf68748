"""What a change of pins was and what it brought, in words."""

from __future__ import annotations

from collections.abc import Iterator

from vconsole.model.outcome import PinStep
from vconsole.model.proof import WINDOW_S, Mean, Proof
from vconsole.model.words import row_label
from vconsole.text import Note, percent


def proof_notes(proof: Proof) -> Iterator[Note]:
    """The window before, and below it the one after, which says how far it is while it fills."""
    yield _line("before", f"{proof.before.seconds:.0f} s", proof.before), ""
    so_far = f" of {WINDOW_S:.0f}" if proof.filling else ""
    yield _line("after", f"{proof.after.seconds:.0f}{so_far} s", proof.after), ""


def step_words(step: PinStep) -> str:
    """A row of a change: ``vCPU 2: live 0-7 -> 3   config 0-7 -> 3``."""
    parts = (
        ("live", step.live_before, step.live_after),
        ("config", step.config_before, step.config_after),
    )
    halves = [f"{half} {was} -> {now}" for half, was, now in parts if now is not None]
    return f"{row_label(step.key)}: {'   '.join(halves)}"


def _line(what: str, how_long: str, mean: Mean) -> str:
    wait, cpu, local = map(_share, (mean.wait_percent, mean.cpu_percent, mean.locality_percent))
    pushed = "-" if mean.switches_s is None else f"{mean.switches_s:.0f}/s"
    head = f" {what:6}  {how_long:10}  wait {wait:>5}  switches {pushed:>7}"
    return f"{head}  CPU {cpu:>7}  locality {local:>5}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{percent(value)} %"
