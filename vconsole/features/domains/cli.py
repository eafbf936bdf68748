"""``vconsole show domains|domain NAME|host|cells|memory|pins [--json]``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.read import complete, find_domain, measured
from vconsole.cli.report import (
    DONE,
    USAGE,
    CliError,
    plain,
    print_columns,
    print_facts,
    print_json,
    print_table,
    with_columns,
)
from vconsole.features.domains.columns import COLUMNS, rows, sort_rows
from vconsole.features.domains.model import Row
from vconsole.features.domains.words import YES
from vconsole.host.source import HostSource, View
from vconsole.model.cpuset import CpuSet
from vconsole.model.drift import drift_line, drifting
from vconsole.model.host_state import Cell, Domain, HostState, Pin
from vconsole.model.manifest import imported
from vconsole.model.placement import cells_allowed, locality_percent
from vconsole.model.topology import Topology, topology
from vconsole.model.totals import known_cells
from vconsole.model.words import row_label
from vconsole.registry import SHOW_NAMES, SHOWS
from vconsole.text import percent, safe, size, sizes

WHAT = ("domains", "domain", "host", "cells", *SHOWS, "pins")


def add_parser(commands: Commands) -> None:
    """Add ``show``."""
    parser = commands.add_parser("show", help="print what the screens show")
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("what", choices=WHAT)
    others = "".join(f"; {what} of `{word}`" for word, what in SHOW_NAMES.items())
    parser.add_argument("name", nargs="?", help=f"name, UUID or id of `domain` and `pins`{others}")
    parser.add_argument("--json", action="store_true", help="the model's values, as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, source: HostSource) -> int:
    """Read, then print."""
    if options.what == "domain" and options.name is None:
        raise CliError("show domain needs the name, UUID or id of a domain", USAGE)
    if options.name is not None and options.what not in ("domain", "pins", *SHOW_NAMES):
        raise CliError(f"show {options.what} takes no name: {options.name!r}", USAGE)
    view = View("host") if options.what in ("host", "cells", *SHOWS) else View("domains")
    view = View("pin") if options.what == "pins" else view  # threads of many guests at a look
    host_state = complete(source, view)
    if options.what in SHOWS:
        imported(SHOWS[options.what])(options, host_state)
        return DONE
    wanted = find_domain(host_state, options.name) if options.name is not None else None
    if options.what == "domain" and wanted is not None:
        host_state = measured(source, wanted.uuid)
        wanted = host_state.domain(wanted.uuid) or wanted
    (_as_json if options.json else _as_text)(options.what, host_state, wanted)
    return DONE


def _as_json(what: str, host_state: HostState, domain: Domain | None) -> None:
    if what == "domains":
        print_json([_domain_json(d, host_state) for d in host_state.domains])
    elif what == "domain" and domain is not None:
        print_json({**_domain_json(domain, host_state), "detail": plain(host_state.detail)})
    elif what == "cells":
        print_json(host_state.cells)
    elif what == "pins":
        shown = _chosen(host_state, domain)
        print_json([_pin_json(d, p, host_state) for d in shown for p in d.pins])
    else:
        fields = ("connection", "node", "cells", "pcpus", "busy")
        shape = topology(host_state)
        print_json(
            {name: getattr(host_state, name) for name in fields}
            | {"l3_domains": shape.l3_domains(shape.everything), "kinds": _kinds(shape)}
        )


def _kinds(shape: Topology) -> dict[str, CpuSet]:
    return {shape.kind_word(number): pcpus for number, pcpus in enumerate(shape.kinds)}


def _domain_json(domain: Domain, host_state: HostState) -> dict[str, object]:
    fields = {**plain(domain), "usage": plain(host_state.usage.get(domain.uuid))}
    return with_columns(COLUMNS, Row(domain, host_state), fields)


def _pin_json(domain: Domain, pin: Pin, host_state: HostState) -> dict[str, object]:
    fields = {"uuid": domain.uuid, "name": domain.name, **plain(pin)}
    return fields | {"kernel": plain(_kernel(domain, pin, host_state))}


def _kernel(domain: Domain, pin: Pin, host_state: HostState) -> CpuSet | None:
    """Where the kernel lets the thread run; written like libvirt's set if that means the same."""
    now = host_state.allowed.get(domain.uuid, {}).get(pin.key)
    if now is None or pin.key in drifting(domain, host_state):
        return now
    return pin.live


def _chosen(host_state: HostState, domain: Domain | None) -> list[Domain]:
    return [domain] if domain is not None else list(host_state.domains)


def _as_text(what: str, host_state: HostState, domain: Domain | None) -> None:
    if what == "domains":
        _domains(host_state)
    elif what == "domain" and domain is not None:
        _domain(domain, host_state)
    elif what == "pins":
        _pins(_chosen(host_state, domain), host_state)
    else:
        if what == "host":
            _host(host_state)
        _cells(host_state)


def _domains(host_state: HostState) -> None:
    print_columns(COLUMNS, sort_rows(rows(host_state.domains, host_state), "name"))
    _problems(host_state.domains)


def _problems(domains: Iterable[Domain]) -> None:
    """Why there is nothing of a domain where there is nothing."""
    for domain in domains:
        if domain.problem:
            print(safe(f"{domain.name}: {domain.problem}"))


def _domain(domain: Domain, host_state: HostState) -> None:
    local, vcpus = locality_percent(domain, host_state), (domain.vcpus, domain.max_vcpus)
    detail = host_state.detail.facts if host_state.detail else ()
    facts: list[tuple[str, object]] = [
        ("uuid", domain.uuid),
        ("name", domain.name),
        ("title", domain.title),
        ("state", domain.state),
        ("vcpus", " of ".join("-" if n is None else str(n) for n in vcpus)),
        ("memory", sizes(domain.memory_bytes, domain.max_memory_bytes)),
        ("autostart", YES[domain.autostart]),
        ("persistent", YES[domain.persistent]),
        ("cells", cells_allowed(domain, host_state)),
        ("locality", None if local is None else f"{percent(local)} %"),
        *(("display", words) for label, words in detail if label == "Display"),
    ]
    print_facts(facts)
    print()
    _pins([domain], host_state)


def _pins(domains: list[Domain], host_state: HostState) -> None:
    found = [
        (d.name, _row_words(p), p.live, p.config, _kernel(d, p, host_state))
        for d in domains
        for p in d.pins
    ]
    print_table(("domain", "row", "live", "config", "kernel"), found)
    _problems(domains)
    for domain in domains:
        if line := drift_line(domain, host_state):
            print(safe(f"{domain.name}: {line}"))


def _row_words(pin: Pin) -> str:
    return row_label(pin.key) + ("" if pin.plugged else ", not plugged")


def _host(host_state: HostState) -> None:
    node, connection = host_state.node, host_state.connection
    shape = topology(host_state)
    caches = shape.l3_domains(shape.everything)
    facts = [
        ("host", connection.hostname),
        ("uri", connection.uri),
        ("model", node.model),
        ("pcpus", _pcpu_count(host_state)),
        *(("L3 domains", f"{len(caches)}: {'; '.join(map(str, caches))}") for _ in caches[1:2]),
        *((f"{kind} cores", f"pCPUs {pcpus}") for kind, pcpus in _kinds(shape).items()),
        ("memory", size(node.memory_bytes)),
        *((f"check {check.name}", f"{check.verdict}: {check.reason}") for check in node.checks),
    ]
    print_facts(facts)
    print()


def _pcpu_count(host_state: HostState) -> str:
    offline = host_state.all_pcpus - host_state.online_pcpus
    return f"{len(host_state.pcpus)}" + (f", {offline} offline" if offline else "")


def _cells(host_state: HostState) -> None:
    print_table(
        ("cell", "total", "free", "pcpus", "distances"),
        [_cell_row(cell) for cell in host_state.cells],
    )
    if any(cell.invented for cell in host_state.cells):
        print("libvirt names no cells: cell 0 is the whole host")
    known, missing = known_cells(host_state.cells)
    free = size(sum(cell.free_bytes or 0 for cell in known)) if known else "-"
    print(f"Total free {free}{f' ({missing})' if missing else ''}")


def _cell_row(cell: Cell) -> tuple[object, ...]:
    distances = " ".join(f"{other}:{value}" for other, value in sorted(cell.distances.items()))
    pcpus = str(CpuSet.of(cell.pcpus)) or "-"
    total = "no memory" if cell.total_bytes == 0 else size(cell.total_bytes)
    free = "-" if cell.total_bytes == 0 else size(cell.free_bytes)
    return cell.id, total, free, pcpus, distances
