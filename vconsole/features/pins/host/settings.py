"""Gives rows of memory and scheduling other values.

The definition is edited once for all rows of a change, so that no half of it stands; what runs is
changed row by row. Sources: virDomainSetNumaParameters, virDomainSetSchedulerParametersFlags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from vconsole.features.pins.model.edit_settings import with_setting
from vconsole.host import cgroups, errors
from vconsole.host.definitions import inactive_xml
from vconsole.host.link import Link
from vconsole.host.source import HostError
from vconsole.model.outcome import PinStep, Status, StepOutcome, halves
from vconsole.model.setting import MODES, Setting
from vconsole.model.virsh import SCHEDULE_NAMES, WITHOUT

_LIVE: Final = 1
UNSEEN: Final = (
    "what it has without shares is not to be seen from here: set shares 100 where the host has "
    "cgroup v2, 1024 where it has v1"
)
Trouble = tuple[Status, str, HostError | None]


def set_settings(
    link: Link, handle: Any, steps: Sequence[PinStep]
) -> tuple[list[StepOutcome], HostError | None]:
    """Set them; also how the connection was lost. One that took effect by half becomes two."""
    defined = [step for step in steps if step.config_after is not None]
    if defined and (trouble := _try(partial(_define, link, handle, defined))):
        first = StepOutcome(defined[0], trouble[0], trouble[1])
        rest = [StepOutcome(s, "not tried") for s in steps if s is not defined[0]]
        return [first, *rest], trouble[2]
    outcomes: list[StepOutcome] = []
    lost: HostError | None = None
    stopped = False
    for step in steps:
        trouble = None
        if step.live_after is not None and not stopped:
            trouble = _try(partial(_set_live, link, handle, step))
        outcomes += _became(step, trouble, stopped)
        if trouble is not None:
            stopped, lost = True, trouble[2]
    return outcomes, lost


def _became(step: PinStep, trouble: Trouble | None, stopped: bool) -> list[StepOutcome]:
    """What became of a step whose definition is as wanted."""
    if trouble is None and not (stopped and step.live_after is not None):
        return [StepOutcome(step, "applied")]
    status, message, _ = trouble or ("not tried", "", None)
    live, config = halves(step)
    if step.config_after is None:
        return [StepOutcome(step, status, message)]
    return [StepOutcome(config, "applied"), StepOutcome(live, status, message)]


def _try(call: Callable[[], None]) -> Trouble | None:
    import libvirt

    try:
        call()
    except HostError as error:
        return "unknown", error.message, error
    except (libvirt.libvirtError, ValueError) as error:
        return "failed", errors.message(error), None
    return None


def _define(link: Link, handle: Any, steps: Sequence[PinStep]) -> None:
    before = text = inactive_xml(link, handle)
    for step in steps:
        wanted = step.config_after
        assert isinstance(wanted, Setting)
        text = with_setting(text, wanted.kind, step.id, wanted)
    if text != before:
        link.call(link.conn.defineXMLFlags, text, 0)


def _set_live(link: Link, handle: Any, step: PinStep) -> None:
    wanted = step.live_after
    assert isinstance(wanted, Setting)
    if wanted.kind == "numatune":
        values = {"numa_mode": MODES.index(wanted.mode), "numa_nodeset": wanted.rest}
        link.call(handle.setNumaParameters, values, _LIVE)
        return
    name = SCHEDULE_NAMES.get(wanted.kind, wanted.kind)
    number = int(wanted.text) if wanted.text else _without(link, name)
    link.call(handle.setSchedulerParametersFlags, {name: number}, _LIVE)


def _without(link: Link, name: str) -> int:
    """What the kernel has where nothing is set; of shares that depends on its control groups.

    Raises:
        ValueError: They are not to be seen from here.
    """
    if name != "cpu_shares":
        return WITHOUT[name.rpartition("_")[2]]
    shares = cgroups.shares_without() if link.connection.local else None
    if shares is None:
        raise ValueError(UNSEEN)
    return shares
