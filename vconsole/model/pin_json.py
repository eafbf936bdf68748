"""Steps of pin changes as JSON, for the files that outlive the console."""

from __future__ import annotations

from typing import Any, Final, get_args

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKind, RowKind, Value
from vconsole.model.outcome import PinStep
from vconsole.model.setting import NUMBERED, SETTING_KINDS, parse_setting

HALVES: Final = ("live_before", "live_after", "config_before", "config_after")
FLAGS: Final = ("bare_before", "bare_after", "unlisted_before", "unlisted_after")


def step_to_json(step: PinStep) -> dict[str, object]:
    """A row: what is not touched is left out."""
    sets = {name: getattr(step, name) for name in HALVES}
    shown = {name: str(cpuset) for name, cpuset in sets.items() if cpuset is not None}
    flags = {name: True for name in FLAGS if getattr(step, name)}
    return {"kind": step.kind, "id": step.id, **shown, **flags}


def step_from_json(item: Any) -> PinStep:
    """Read a row.

    Raises:
        ValueError: It is none.
        LookupError, TypeError, AttributeError: Neither.
    """
    kind, number = item["kind"], item["id"]
    if kind not in (*get_args(PinKind), *SETTING_KINDS):
        raise ValueError("no step")
    if (number is not None) != is_numbered(kind) or not isinstance(number, int | None):
        raise ValueError("no step")
    sets: dict[str, Any] = {name: _value(kind, item[name]) for name in HALVES if name in item}
    sets |= {name: item.get(name) is True for name in FLAGS}
    return PinStep(kind, number, **sets)


def is_numbered(kind: RowKind) -> bool:
    """Whether there is a row for each vCPU, iothread or guest cell."""
    return kind in ("vcpu", "iothread") or kind in NUMBERED


def _value(kind: RowKind, value: object) -> Value:
    if not isinstance(value, str):
        raise ValueError("no text")
    if kind == "vcpu" or kind == "emulator" or kind == "iothread":
        return CpuSet.parse(value)
    return parse_setting(kind, value)
