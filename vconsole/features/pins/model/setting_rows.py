"""The rows of a plan beside the pins: memory and scheduling, old and new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vconsole.features.pins.model.plan_rows import RowChange
from vconsole.model.host_state import Domain, Pin
from vconsole.model.outcome import Target
from vconsole.model.setting import (
    NUMBERED,
    SETTING_KINDS,
    Setting,
    SettingKind,
    SettingRow,
    why_not_live,
)
from vconsole.model.words import row_label

SettingKey = tuple[SettingKind, int | None]


SettingChange = RowChange[SettingKind, Setting]
"""Of a row of memory or scheduling."""


def setting_rows(domain: Domain) -> tuple[SettingRow, ...]:
    """Every row that the domain has or could have, those of a kind by their numbers."""
    known = {row.key: row for row in domain.settings}
    for key in _keys(domain.pins, (guest.id for guest in domain.guest_cells)):
        if key not in known:
            live = Setting(key[0]) if domain.active else None
            config = None if domain.persistent is False else Setting(key[0])
            known[key] = SettingRow(*key, live, config)
    place = {kind: number for number, kind in enumerate(SETTING_KINDS)}
    order = sorted(known, key=lambda key: (place[key[0]], -1 if key[1] is None else key[1]))
    return tuple(known[key] for key in order) if domain.detailed else ()


def _keys(pins: Iterable[Pin], guest_cells: Iterable[int]) -> Iterator[SettingKey]:
    yield from ((kind, None) for kind in SETTING_KINDS if kind not in NUMBERED)
    yield from (("memnode", number) for number in guest_cells)
    for pin in pins:
        if pin.kind == "vcpu":
            yield "vcpusched", pin.id
        elif pin.kind == "iothread":
            yield "iothreadsched", pin.id


def changed(row: SettingRow, wanted: Setting | None, target: Target, split: bool) -> SettingChange:
    """The row with `wanted` where that can be; `split` as in `Connection.split_pins`.

    A driver that keeps one set of pins keeps two definitions all the same: the next start's is
    changed.
    """
    live = config = None
    reason = ""
    if wanted is not None and row.live is not None and target != "config" and wanted != row.live:
        reason = why_not_live(row.live, wanted) if split else "this driver has no call for it"
        live = None if reason else wanted
    if wanted is not None and row.config is not None and (target != "live" or not split):
        config = wanted
    return RowChange(
        row.kind,
        row.id,
        row.live,
        row.live if live is None else live,
        row.config,
        row.config if config is None else config,
        not_live=reason,
    )


def stage(
    rows: Mapping[SettingKey, SettingRow],
    wanted: Mapping[SettingKey, Setting],
    setting: tuple[SettingKey, Setting],
    target: Target,
    split: bool,
) -> dict[SettingKey, Setting]:
    """What is wanted, with one more; one that is in force already is taken out.

    Raises:
        ValueError: There is no such row, or what is asked for cannot be changed so.
    """
    key, value = setting
    if key not in rows:
        raise ValueError(f"{row_label(key)} is no row of this domain")
    result = {k: v for k, v in wanted.items() if k != key}
    row, then = rows[key], changed(rows[key], value, target, split)
    if not then.changed:
        if then.not_live and row.config is None:
            raise ValueError(f"{row_label(key)}: {then.not_live}, and it has no definition")
        if then.not_live and target == "live":
            raise ValueError(f"{row_label(key)}: {then.not_live}: change the config")
        return result
    return result | {key: value}


def follow(
    rows: Mapping[SettingKey, SettingRow], wanted: Mapping[SettingKey, Setting]
) -> dict[SettingKey, Setting]:
    """What libvirt adds by itself, as a row of the plan, so that undo takes it away again.

    ``placement='auto'`` of the vCPUs gives the memory ``strict auto`` where it says nothing.
    """
    result = dict(wanted)
    auto = wanted.get(("vcpuset", None))
    row = rows.get(("numatune", None))
    if auto is not None and auto.auto and row is not None and ("numatune", None) not in wanted:
        now = row.config if row.config is not None else row.live
        if now is not None and not now.text:
            result["numatune", None] = Setting("numatune", "strict auto")
    return result
