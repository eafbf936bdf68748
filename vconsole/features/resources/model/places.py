"""Where vCPUs will run that are plugged in: their pins wait for them in the XML."""

from __future__ import annotations

from collections.abc import Iterator

from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.words import numbers_label, pcpus_label
from vconsole.model.xml_read import Element, parse


def place_notes(text: str, count: int) -> Iterator[str]:
    """Name the place of each vCPU that a domain gets when it has `count` of them.

    libvirt plugs in those with the lowest numbers that are not there. Without a pin of its own a
    vCPU may run where ``<vcpu cpuset>`` says, else everywhere.

    Args:
        text: The configuration that is changed, live or inactive.
        count: How many it is to have.
    """
    root = parse(text, "domain")
    vcpu, tune = root.find("vcpu"), root.find("cputune")
    pins = {e.get("vcpu"): e.get("cpuset") for e in ([] if tune is None else tune)}
    default = vcpu.get("cpuset") if vcpu is not None else None
    by_place: dict[str, list[int]] = {}
    for number in _coming(root, count):
        own = pins.get(str(number))
        by_place.setdefault(_place(own, default), []).append(number)
    for place, numbers in by_place.items():
        yield f"vCPU {numbers_label(numbers)} {place}"


def _place(own: str | None, default: str | None) -> str:
    if own:
        return f"will run on {_label(own)}"
    where = f"on {_label(default)}, the default" if default else "everywhere"
    return f"has no pin: may run {where}"


def _label(text: str) -> str:
    try:
        return pcpus_label(CpuSet.parse(text))
    except CpuSetError:
        return "a set that cannot be read"


def _coming(root: Element, count: int) -> list[int]:
    """The numbers of the vCPUs that are plugged in to have `count`."""
    vcpu, listed = root.find("vcpu"), root.find("vcpus")
    most = _number(vcpu.text if vcpu is not None else None)
    now = _number(vcpu.get("current") if vcpu is not None else None) or most
    there = set(range(now))
    if listed is not None and len(listed):
        there = {_number(e.get("id")) for e in listed if e.get("enabled") == "yes"}
    free = [number for number in range(min(most, _MOST)) if number not in there]
    return free[: max(0, count - len(there))]


_MOST = 4096


def _number(text: str | None) -> int:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
