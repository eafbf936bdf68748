"""The plan as a JSON file: written by the console or by hand, applied by ``vconsole plan apply``.

The keys are the field names of the model; sets are cpuset strings. Required are ``uuid``, ``name``
and ``pins``, and of a pin ``kind`` and, but for the emulator, ``id``. A pin with ``wanted`` is
staged; its ``live`` and ``config`` say what was seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, get_args

from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_rows import SettingKey
from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.host_state import Pin, PinKey, PinKind, RowKind
from vconsole.model.outcome import Target
from vconsole.model.pin_json import is_numbered
from vconsole.model.setting import (
    SETTING_KINDS,
    Setting,
    SettingKind,
    SettingRow,
    parse_setting,
)
from vconsole.model.words import row_label

FORMAT: Final = "vconsole-pin-plan"
VERSION: Final = 1
MAX_BYTES: Final = 4 << 20
"""A longer text is refused before it is parsed."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FLAGS: Final = ("active", "persistent", "split_pins")
_PLAN_KEYS: Final = frozenset(
    {"format", "version", "uuid", "name", "target", "pcpus", "pins", "settings", *_FLAGS}
)
_PIN_KEYS: Final = frozenset({"kind", "id", "live", "config", "wanted"})


class PlanFileError(ValueError):
    """Text that is no plan; the message is one line and names the line or the field."""


def plan_to_json(plan: PinPlan) -> str:
    """The plan as JSON text that `plan_from_json` turns into an equal plan."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "uuid": plan.uuid,
        "name": plan.name,
        "target": plan.target,
        "active": plan.active,
        "persistent": plan.persistent,
        "split_pins": plan.split_pins,
        "pcpus": str(plan.everything) or None,
        "pins": [_pin_to_json(pin, plan.staged.get(pin.key)) for pin in plan.rows.values()],
        "settings": [
            _setting_to_json(row, plan.wanted.get(row.key))
            for row in plan.settings
            if row.key in plan.wanted
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _pin_to_json(pin: Pin, wanted: CpuSet | None) -> dict[str, object]:
    fields: dict[str, object] = {"kind": pin.kind, "id": pin.id}
    sets = {"live": pin.live, "config": pin.config, "wanted": wanted}
    return fields | {name: str(cpuset) for name, cpuset in sets.items() if cpuset is not None}


def _setting_to_json(row: SettingRow, wanted: Setting | None) -> dict[str, object]:
    fields: dict[str, object] = {"kind": row.kind, "id": row.id}
    values = {"live": row.live, "config": row.config, "wanted": wanted}
    return fields | {name: str(value) for name, value in values.items() if value is not None}


def plan_from_json(text: str) -> PinPlan:
    """Read a plan.

    Raises:
        PlanFileError: The text is no JSON, or a field is missing, unknown or wrong.
    """
    document = _load(text)
    _refuse_unknown(document, _PLAN_KEYS, "")
    _check_format(document)
    pins, staged = _pins(document.get("pins"))
    settings, wanted = _settings(document.get("settings", []))
    plan = PinPlan(
        uuid=_uuid(document.get("uuid")),
        name=_text(document.get("name"), "name"),
        base=pins,
        active=_flag(document, "active"),
        persistent=_flag(document, "persistent"),
        split_pins=_flag(document, "split_pins"),
        target=_choice(document.get("target", "both"), get_args(Target), "target"),
        everything=_cpuset(document.get("pcpus"), "pcpus") or CpuSet(),
        settings=settings,
    )
    return replace(_with_staged(plan, staged, document.get("target")), wanted=wanted)


def _with_staged(plan: PinPlan, staged: Mapping[PinKey, CpuSet], target: object) -> PinPlan:
    if target is not None and plan.target != target:
        raise PlanFileError(f"plan: target: {_short(target)} is not possible for this domain")
    try:
        for key, cpuset in staged.items():
            plan.stage(key, cpuset)
    except ValueError as error:
        raise PlanFileError(f"plan: pins: {error}") from None
    return replace(plan, staged=staged)


def _load(text: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise PlanFileError(f"plan: longer than {MAX_BYTES >> 20} MiB")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise PlanFileError(f"plan: {place}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise PlanFileError("plan: a number is too long or the text nests too deep") from None
    if not isinstance(document, dict):
        raise PlanFileError("plan: not a JSON object")
    return document


def _check_format(document: Mapping[str, Any]) -> None:
    if document.get("format", FORMAT) != FORMAT:
        raise PlanFileError(f"plan: format: {_short(document['format'])} is not {FORMAT!r}")
    if document.get("version", VERSION) != VERSION:
        raise PlanFileError(f"plan: version: {_short(document['version'])} is not {VERSION}")


def _pins(value: object) -> tuple[tuple[Pin, ...], dict[PinKey, CpuSet]]:
    if not isinstance(value, list):
        raise PlanFileError("plan: pins: a list is needed")
    pins: dict[PinKey, Pin] = {}
    staged: dict[PinKey, CpuSet] = {}
    for number, item in enumerate(value):
        where = f"pins[{number}]"
        pin, wanted = _pin(item, where)
        if pin.key in pins:
            raise PlanFileError(f"plan: {where}: {row_label(pin.key)} stands there twice")
        pins[pin.key] = pin
        if wanted is not None:
            staged[pin.key] = wanted
    return tuple(pins.values()), staged


def _settings(value: object) -> tuple[tuple[SettingRow, ...], dict[SettingKey, Setting]]:
    if not isinstance(value, list):
        raise PlanFileError("plan: settings: a list is needed")
    rows: dict[SettingKey, SettingRow] = {}
    wanted: dict[SettingKey, Setting] = {}
    for number, item in enumerate(value):
        where = f"settings[{number}]"
        if not isinstance(item, dict):
            raise PlanFileError(f"plan: {where}: an object is needed")
        _refuse_unknown(item, _PIN_KEYS, where + ".")
        kind: SettingKind = _choice(item.get("kind"), SETTING_KINDS, f"{where}.kind")
        found = [_setting(kind, item.get(n), f"{where}.{n}") for n in ("live", "config", "wanted")]
        row = SettingRow(kind, _row_id(kind, item.get("id"), f"{where}.id"), found[0], found[1])
        if row.key in rows:
            raise PlanFileError(f"plan: {where}: {row_label(row.key)} stands there twice")
        rows[row.key] = row
        if found[2] is not None:
            wanted[row.key] = found[2]
    return tuple(rows.values()), wanted


def _setting(kind: SettingKind, value: object, where: str) -> Setting | None:
    if value is None:
        return None
    try:
        return parse_setting(kind, _text(value, where))
    except PlanFileError:
        raise
    except ValueError as error:
        raise PlanFileError(f"plan: {where}: {error}") from None


def _pin(item: object, where: str) -> tuple[Pin, CpuSet | None]:
    if not isinstance(item, dict):
        raise PlanFileError(f"plan: {where}: an object is needed")
    _refuse_unknown(item, _PIN_KEYS, where + ".")
    kind: PinKind = _choice(item.get("kind"), get_args(PinKind), f"{where}.kind")
    sets = [_cpuset(item.get(name), f"{where}.{name}") for name in ("live", "config", "wanted")]
    return Pin(kind, _row_id(kind, item.get("id"), f"{where}.id"), sets[0], sets[1]), sets[2]


def _row_id(kind: RowKind, value: object, where: str) -> int | None:
    if not is_numbered(kind):
        if value is not None:
            raise PlanFileError(f"plan: {where}: the {row_label((kind, None))} has none")
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise PlanFileError(f"plan: {where}: {_short(value)} is no number of a row")
    return value


def _cpuset(value: object, where: str) -> CpuSet | None:
    if value is None:
        return None
    try:
        return CpuSet.parse(_text(value, where))
    except CpuSetError as error:
        raise PlanFileError(f"plan: {where}: {error}") from None


def _uuid(value: object) -> str:
    text = _text(value, "uuid")
    if not _UUID.fullmatch(text):
        raise PlanFileError(f"plan: uuid: {_short(text)} is no UUID")
    return text.lower()


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise PlanFileError(f"plan: {where}: text is needed, not {_short(value)}")
    return value


def _flag(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name, True)
    if not isinstance(value, bool):
        raise PlanFileError(f"plan: {name}: true or false is needed, not {_short(value)}")
    return value


def _choice(value: object, choices: tuple[Any, ...], where: str) -> Any:
    if not isinstance(value, str) or value not in choices:
        words = ", ".join(choices)
        raise PlanFileError(f"plan: {where}: {_short(value)} is none of {words}")
    return value


def _refuse_unknown(fields: Mapping[str, object], known: frozenset[str], where: str) -> None:
    for name in fields:
        if name not in known:
            raise PlanFileError(f"plan: {where}{_short(name)[1:-1]}: no such field")


def _short(value: object) -> str:
    """A JSON value for an error line, clipped, without line breaks."""
    text = ascii(value) if not isinstance(value, int) else "a number"
    text = str(value) if isinstance(value, int) and abs(value) < 10**9 else text
    return text if len(text) <= 40 else text[:39] + "…"
