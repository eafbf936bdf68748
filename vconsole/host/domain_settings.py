"""What a domain's XML says of memory and scheduling: see `model.setting`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vconsole.host import xml
from vconsole.model.cpuset import CpuSet
from vconsole.model.setting import (
    NUMBERS,
    Setting,
    SettingKind,
    SettingRow,
    parse_setting,
)
from vconsole.model.xml_read import Element

Settings = Mapping[tuple[SettingKind, int | None], Setting]
"""Those that are there."""
_OF_THREADS: Mapping[str, tuple[SettingKind, str]] = {
    "vcpusched": ("vcpusched", "vcpus"),
    "iothreadsched": ("iothreadsched", "iothreads"),
}
MOST_THREADS = 4096


def read_settings(parts: Mapping[str, Element]) -> Settings:
    """Read the children of ``<domain>``; what is not understood is left out."""
    return dict(_found(parts))


def merge_settings(live: Settings | None, config: Settings | None) -> tuple[SettingRow, ...]:
    """The rows that either of them has; a half that does not exist is None."""
    keys = dict.fromkeys((*(live or ()), *(config or ())))
    return tuple(
        SettingRow(
            key[0],
            key[1],
            None if live is None else live.get(key, Setting(key[0])),
            None if config is None else config.get(key, Setting(key[0])),
        )
        for key in keys
    )


def _found(
    parts: Mapping[str, Element],
) -> Iterator[tuple[tuple[SettingKind, int | None], Setting]]:
    vcpu = parts.get("vcpu")
    if vcpu is not None:
        text = "auto" if vcpu.get("placement") == "auto" else str(xml.cpuset(vcpu.get("cpuset")))
        yield from _known("vcpuset", None, text if text != "None" else "")
    for element in parts.get("numatune", ()):
        if element.tag == "memory":
            yield from _known("numatune", None, _tune(element))
        elif element.tag == "memnode" and (number := xml.number(element.get("cellid"))) is not None:
            yield from _known("memnode", number, _tune(element))
    for element in parts.get("cputune", ()):
        yield from _tuned(element)


def _tune(element: Element) -> str:
    cells = xml.cpuset(element.get("nodeset"))
    auto = element.get("placement") == "auto"
    where = "auto" if auto else "" if cells is None else str(cells)
    return f"{element.get('mode', 'strict')} {where}"


def _tuned(element: Element) -> Iterator[tuple[tuple[SettingKind, int | None], Setting]]:
    """One child of ``<cputune>``."""
    for kind in NUMBERS:
        if element.tag == kind:
            yield from _known(kind, None, (element.text or "").strip())
    policy = f"{element.get('scheduler', '')} {element.get('priority', '')}".strip()
    if element.tag == "emulatorsched":
        yield from _known("emulatorsched", None, policy)
    elif element.tag in _OF_THREADS:
        kind, name = _OF_THREADS[element.tag]
        for number in xml.cpuset(element.get(name)) or CpuSet():
            if number < MOST_THREADS:
                yield from _known(kind, number, policy)


def _known(
    kind: SettingKind, number: int | None, text: str
) -> Iterator[tuple[tuple[SettingKind, int | None], Setting]]:
    try:
        setting = parse_setting(kind, text)
    except ValueError:
        return
    if setting.text:
        yield (kind, number), setting
