"""The domain in view: its threads, XML, devices and facts, at most two calls a tick.

Only calls that do not wait for a busy domain are made of QEMU: what has to ask the guest's monitor
comes from the statistics with NOWAIT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any, Final

from vconsole.host.domain_xml import read_devices, read_displays
from vconsole.host.fleet import Fleet
from vconsole.host.link import Link
from vconsole.host.local_usage import LocalUsage
from vconsole.host.proc import Thread
from vconsole.host.source import HostError, View
from vconsole.host.usage import NOWAIT
from vconsole.model import rates
from vconsole.model.host_state import Detail, Device, Domain, PinKey, ThreadUsage
from vconsole.model.words import amount
from vconsole.model.xml_read import MAX_CHARS, XmlError

_GROUPS: Final = 1 | 2 | 4 | 8 | 128
"""VIR_DOMAIN_STATS_STATE, CPU_TOTAL, BALLOON, VCPU and IOTHREAD."""
_VCPU_STATES: Final = {0: "offline", 1: "running", 2: "blocked"}
_COUNTS: Final = ("swap_in", "swap_out", "major_fault", "minor_fault", "last-update", "last_update")
_MAX_FACT = 200
_Counted = tuple[float, int] | None
"""When, in monotonic seconds, and how many nanoseconds it was."""


@dataclass(slots=True)
class _Row:
    """What libvirt says of one vCPU; its counters are read by turns, each has a time of its own."""

    state: str | None = None
    pcpu: int | None = None
    cpu: _Counted = None
    wait: _Counted = None


@dataclass(frozen=True, slots=True)
class _Counter:
    """Of a thread at one moment, with the percentage since the moment before."""

    at: float
    ns: int
    percent: float | None = None


@dataclass(slots=True)
class _Seen:
    """What was read of the domain in view so far."""

    uuid: str
    xml_live: str | None = None
    xml_config: str | None = None
    devices: tuple[Device, ...] = ()
    displays: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    memory: dict[str, str] = field(default_factory=dict)
    rows: dict[int, _Row] = field(default_factory=dict)
    counters: dict[tuple[PinKey, str], _Counter] = field(default_factory=dict)
    turns: Iterator[int] = field(default_factory=count)
    figures: Iterator[int] = field(default_factory=count)
    fresh: bool = True


class DetailReader:
    """Reads the domain that is looked at; forgets it when another one is."""

    def __init__(self, link: Link, fleet: Fleet, local: LocalUsage | None) -> None:
        self._link, self._fleet, self._local = link, fleet, local
        self._seen: _Seen | None = None

    def read(self, view: View) -> Detail | None:
        """What `view` shows of its domain; None where it shows none or the domain is gone."""
        domain, handle = self._fleet.domain(view.uuid), self._fleet.handle(view.uuid)
        if domain is None or handle is None or view.page not in ("domain", "pin"):
            self._seen = None
            return None
        if self._seen is None or self._seen.uuid != domain.uuid:
            self._seen = _Seen(domain.uuid)
        seen = self._seen
        if view.page == "pin" or seen.fresh:
            self._read_texts(seen, domain, handle)
        if view.page == "domain":
            self._read_domain(seen, domain, handle)
        seen.fresh = False
        domain = self._fleet.domain(domain.uuid) or domain
        return Detail(
            uuid=domain.uuid,
            threads=self._threads(seen, domain),
            xml_live=seen.xml_live,
            xml_config=seen.xml_config,
            devices=seen.devices,
            facts=(
                *_known_facts(domain),
                *(("Display", words) for words in seen.displays),
                *seen.facts.items(),
                *seen.memory.items(),
            ),
        )

    # -- XML -----------------------------------------------------------------------------------

    def _read_texts(self, seen: _Seen, domain: Domain, handle: Any) -> None:
        texts = self._attempt(lambda: self._fleet.texts(domain, handle))
        if texts is not None:
            self._take_texts(seen, *texts)

    def _read_one_text(self, seen: _Seen, domain: Domain, handle: Any, inactive: bool) -> None:
        """One of the two XML documents, for pages that do not need both at once."""
        if (inactive and domain.persistent is False) or not (inactive or domain.active):
            return
        text = self._attempt(lambda: self._link.xml_of(handle, 2 if inactive else 0))
        if text is not None:
            live = seen.xml_live if domain.active else None
            self._take_texts(seen, *((live, text) if inactive else (text, seen.xml_config)))

    def _take_texts(self, seen: _Seen, live: str | None, config: str | None) -> None:
        if (live, config) == (seen.xml_live, seen.xml_config):
            return
        if not any(text and len(text) > MAX_CHARS for text in (live, config)):
            self._fleet.offer(seen.uuid, live, config)
        seen.xml_live, seen.xml_config = _clipped(live), _clipped(config)
        try:
            seen.devices = read_devices(live or config or "")
            seen.displays = read_displays(live or config or "")
        except XmlError:
            seen.devices, seen.displays = (), ()

    # -- the rest of the domain page -----------------------------------------------------------

    def _read_domain(self, seen: _Seen, domain: Domain, handle: Any) -> None:
        """Figures of the running domain, and one of the things that seldom change."""
        if domain.active:
            self._read_figures(seen, handle)
        facts = self._facts(handle)
        if seen.fresh:
            for name, call in facts:
                self._fact(seen, name, call)
            return
        turn = next(seen.turns) % (2 + len(facts))
        if turn < 2:
            self._read_one_text(seen, domain, handle, inactive=turn == 1)
        else:
            self._fact(seen, *facts[turn - 2])

    def _facts(self, handle: Any) -> tuple[tuple[str, Callable[[], Any]], ...]:
        return (
            ("OS type", handle.OSType),
            ("Managed save", lambda: "yes" if handle.hasManagedSaveImage(0) else "no"),
            ("Security label", lambda: _label(handle.securityLabel())),
        )

    def _fact(self, seen: _Seen, name: str, call: Callable[[], Any]) -> None:
        value = self._link_attempt(name, call)
        if value:
            seen.facts[name] = str(value)[:_MAX_FACT]

    def _read_figures(self, seen: _Seen, handle: Any) -> None:
        """By the statistics; where those say nothing of vCPUs or of pCPUs, by other calls."""
        conn = self._link.conn
        flags = 0 if self._link.in_process else NOWAIT
        blind = self._local is None or seen.uuid not in self._local.guests
        if blind and (self._link.in_process or next(seen.figures) % 2):
            self._take_vcpus(seen, self._link_attempt("vcpus", handle.vcpus))
            if self._link.in_process:
                self._take_memory(seen, self._link_attempt("memoryStats", handle.memoryStats))
            return
        found = self._link_attempt("domstats", conn.domainListGetStats, [handle], _GROUPS, flags)
        if found:
            self._take_statistics(seen, found[0][1])

    def _take_vcpus(self, seen: _Seen, found: Any) -> None:
        at = monotonic()
        for number, state, cpu_ns, pcpu in found[0] if found else ():
            row = seen.rows.setdefault(number, _Row())
            row.state, row.cpu = _VCPU_STATES.get(state), (at, cpu_ns)
            row.pcpu = pcpu if pcpu >= 0 else None

    def _take_statistics(self, seen: _Seen, values: Mapping[str, Any]) -> None:
        at = monotonic()
        for number in range(min(values.get("vcpu.maximum", 0), 4096)):
            state = values.get(f"vcpu.{number}.state")
            if state is not None:
                row = seen.rows.setdefault(number, _Row())
                row.state = _VCPU_STATES.get(state)
                row.cpu = _counted(at, values.get(f"vcpu.{number}.time"))
                row.wait = _counted(at, values.get(f"vcpu.{number}.delay"))
        prefix = "balloon."
        memory = {k[len(prefix) :]: v for k, v in values.items() if k.startswith(prefix)}
        self._take_memory(seen, memory)

    def _take_memory(self, seen: _Seen, values: Mapping[str, Any] | None) -> None:
        for name, value in sorted((values or {}).items()):
            if isinstance(value, int):
                text = str(value) if name in _COUNTS else amount(value << 10)
                seen.memory[f"Memory {name}"] = text

    # -- threads -------------------------------------------------------------------------------

    def _threads(self, seen: _Seen, domain: Domain) -> tuple[ThreadUsage, ...]:
        if not domain.active:
            return ()
        at, latest = self._local.threads.get(domain.uuid, (0.0, ())) if self._local else (0.0, ())
        by_key = {thread.key: thread for thread in latest}
        keys = [p.key for p in domain.pins if p.live is not None and p.plugged]
        rows = tuple(self._thread(seen, key, by_key.get(key), at) for key in keys)
        seen.counters = {k: counter for k, counter in seen.counters.items() if k[0] in keys}
        return rows

    def _thread(self, seen: _Seen, key: PinKey, thread: Thread | None, at: float) -> ThreadUsage:
        row = seen.rows.get(key[1], _Row()) if key[0] == "vcpu" and key[1] is not None else _Row()
        cpu = _counted(at, thread.cpu_ns) if thread else row.cpu
        wait = _counted(at, thread.wait_ns) if thread else row.wait
        return ThreadUsage(
            kind=key[0],
            id=key[1],
            state=row.state,
            pcpu=thread.processor if thread else row.pcpu,
            cpu_time_ns=cpu[1] if cpu else None,
            cpu_percent=_percent(seen.counters, (key, "cpu"), cpu),
            wait_percent=_percent(seen.counters, (key, "wait"), wait),
            tid=thread.tid if thread else None,
            allowed=thread.allowed if thread else None,
        )

    # -- errors --------------------------------------------------------------------------------

    def _attempt(self, call: Callable[[], Any]) -> Any:
        """Call; None where the domain is gone or says no, which the list will tell."""
        import libvirt

        try:
            return call()
        except (libvirt.libvirtError, UnicodeError):
            return None

    def _link_attempt(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        if self._link.abandoned:
            raise HostError("abandoned", "the call was given up")
        return self._link.attempt(f"detail {name}", function, *arguments)


def _counted(at: float, ns: int | None) -> _Counted:
    return None if ns is None else (at, ns)


def _percent(
    counters: dict[tuple[PinKey, str], _Counter], key: tuple[PinKey, str], now: _Counted
) -> float | None:
    """Since the counter was read before; what was not read anew has the percentage it had."""
    if now is None:
        counters.pop(key, None)
        return None
    before, (at, ns) = counters.get(key), now
    if before is None:
        counters[key] = _Counter(at, ns)
        return None
    if not rates.too_soon(at - before.at):
        percent = rates.percent(before.ns, ns, at - before.at, 100.0)
        counters[key] = before = _Counter(at, ns, _rounded(percent))
    return before.percent


def _known_facts(domain: Domain) -> list[tuple[str, str]]:
    flags = (("Persistent", domain.persistent), ("Autostart", domain.autostart))
    facts = [(name, "yes" if value else "no") for name, value in flags if value is not None]
    if domain.max_memory_bytes is not None:
        facts.append(("Max memory", amount(domain.max_memory_bytes)))
    return facts


def _label(found: Any) -> str:
    """A security label as libvirt-python gives it: [label, enforcing]."""
    if not found or not found[0]:
        return "none"
    return f"{found[0]} ({'enforcing' if found[1] else 'permissive'})"


def _clipped(text: str | None) -> str | None:
    if text is None or len(text) <= MAX_CHARS:
        return text
    return f"{text[:MAX_CHARS]}\n<!-- cut here: {len(text) >> 10} KiB in all -->\n"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
