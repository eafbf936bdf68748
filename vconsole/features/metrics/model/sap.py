"""What SAP's readers need of a metrics disk, held against what is on it.

Names, types and contexts are those of the profile ``sap``, which are those that SAP's staff gave to
vhostmd's packages. XenServer's test "works the way SAP requires" has the rest: a period of 60 s
give or take 6, elements of the host with exactly the attributes type and context, those of a domain
with id and uuid besides, and a metric Time that is the time of writing, give or take 6 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from vconsole.features.metrics.model.config import parse, profile
from vconsole.features.metrics.model.document import Document
from vconsole.features.metrics.model.metric import Metric, MetricTypeError, typed
from vconsole.model.host_state import Check
from vconsole.model.words import plural

PERIOD_S: Final = 60
TOLERANCE_S: Final = 6.0
PROFILE_CURE: Final = (
    "use the profile: vhostmd-sap.conf of the package as /etc/vhostmd/vhostmd.conf, "
    "or VHOSTMD_OPTIONS='--profile sap'"
)


def required() -> dict[tuple[str, str], str]:
    """(name, context) -> type."""
    return {(spec.name, spec.context): spec.type for spec in parse(profile("sap")).metrics}


def period_check(period_s: int | None, age_s: float | None) -> Check:
    """Whether the disk is written as often as its readers look."""
    if period_s is not None and period_s != PERIOD_S:
        cure = f"<update_period>{PERIOD_S}</update_period> in /etc/vhostmd/vhostmd.conf"
        return Check("period", "fail", f"{period_s} s, not {PERIOD_S}", cure)
    if age_s is None:
        return Check("period", "unknown", "a device does not say when it was written")
    shown = f"written {age_s:.0f} s ago"
    if age_s > PERIOD_S + TOLERANCE_S:
        cure = "vconsole metrics service status; then restart"
        return Check("period", "fail", f"{shown}: older than {PERIOD_S} s", cure)
    return Check("period", "ok", f"{shown}, every {PERIOD_S} s" if period_s else shown)


def document_checks(document: Document, written_s: float | None) -> Iterator[Check]:
    """Look at names, types, values and attributes, of the host and of each domain."""
    if document.malformed:
        yield Check("document", "fail", f"not well-formed: {document.malformed}", PROFILE_CURE)
    wanted = required()
    host = [m for m in document.metrics if m.context == "host"]
    yield _names("host", host, {n: t for (n, c), t in wanted.items() if c == "host"})
    domains = dict.fromkeys(m.uuid or "" for m in document.metrics if m.context == "vm")
    own = {n: t for (n, c), t in wanted.items() if c == "vm"}
    alike: dict[Check, list[str]] = {}
    for uuid in domains:
        metrics = [m for m in document.metrics if m.context == "vm" and (m.uuid or "") == uuid]
        alike.setdefault(_names("", metrics, own), []).append(uuid or "-")
    for check, uuids in alike.items():
        name = f"domain {uuids[0]}" if len(uuids) == 1 else plural(len(uuids), "domain")
        yield replace(check, name=name)
    if not domains:
        yield Check("domains", "unknown", "none runs, or none has metrics")
    yield _attributes(document.metrics)
    yield _time(host, written_s)


def _names(whose: str, metrics: list[Metric], wanted: dict[str, str]) -> Check:
    """Whether all are there, each once, of its type and with a value of it."""
    faults = []
    for name, kind in wanted.items():
        found = [metric for metric in metrics if metric.name == name]
        if len(found) != 1:
            faults.append(f"{name} is there {len(found)} times" if found else f"{name} is missing")
        elif found[0].type != kind:
            faults.append(f"{name} is {found[0].type}, not {kind}")
        elif (fault := _value_fault(found[0])) is not None:
            faults.append(fault)
    if faults:
        return Check(whose, "fail", "; ".join(faults), PROFILE_CURE)
    return Check(whose, "ok", f"{plural(len(wanted), 'metric')}, with their types")


def _value_fault(metric: Metric) -> str | None:
    try:
        typed(metric)
    except MetricTypeError as error:
        return str(error)
    return None if metric.value.strip() else f"{metric.name} is empty"


def _attributes(metrics: tuple[Metric, ...]) -> Check:
    more = [m.name for m in metrics if m.unit is not None]
    less = [m.name for m in metrics if m.context == "vm" and None in (m.domain_id, m.uuid)]
    if more:
        names = ", ".join(dict.fromkeys(more))
        return Check("attributes", "fail", f"a unit stands at {names}", PROFILE_CURE)
    if less:
        names = ", ".join(dict.fromkeys(less))
        return Check("attributes", "fail", f"id or uuid is missing at {names}", PROFILE_CURE)
    return Check("attributes", "ok", "two of the host's metrics, four of a domain's")


def _time(host: list[Metric], written_s: float | None) -> Check:
    value = next((m.value for m in host if m.name == "Time"), "")
    if written_s is None or not value.strip().isdecimal():
        return Check("Time", "unknown", "not to be compared with the time of writing")
    apart_s = abs(int(value) - written_s)
    if apart_s > TOLERANCE_S:
        words = f"{apart_s:.0f} s from the time of writing"
        return Check("Time", "fail", words, "have the clock set by NTP, or chrony")
    return Check("Time", "ok", "the time of writing")
