"""``vconsole hostinfo status|enable|disable|repair``: the ports, edited as the console does it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import Literal

from vconsole.changes.activity import ActivityLog
from vconsole.changes.host_requests import HostRequests
from vconsole.cli.changing import CODES, ask, asking, carry_out
from vconsole.cli.read import find_domain, listed
from vconsole.cli.report import DONE, FAILED, REFUSED, USAGE, CliError, print_json, print_table
from vconsole.files.places import state_dir
from vconsole.host.source import HostSource, View
from vconsole.model import hostinfo_port as provision
from vconsole.model.host_state import Domain, HostState
from vconsole.model.outcome import Status
from vconsole.model.request import Define, ReadDefinitions, Reply
from vconsole.model.xml_edit import diff
from vconsole.text import safe

WORDS = {"enabled": "on", "disabled": "off", "wrong": "wrong", None: None}
"""A port in a table, as the console has it."""


@dataclass(frozen=True, slots=True)
class Port:
    """Whether a domain has hostinfo by its inactive definition; None where that is unknown."""

    state: provision.State | None
    serials: tuple[provision.HostinfoSerial, ...] = ()
    problems: tuple[str, ...] = ()
    """Why it is not served, or not known."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one domain."""

    uuid: str
    name: str
    status: Status | Literal["unchanged", "planned"]
    message: str = ""
    port: provision.State | None = None
    """By the definition as it was read back, or as it would be."""
    caution: str | None = None
    diff: tuple[str, ...] = ()


def status(options: argparse.Namespace, source: HostSource) -> int:
    """Print which domains have a port."""
    host_state = listed(source.read(View("domains")))
    domains = _chosen(options, host_state)
    ports = read_ports(options, domains)
    if options.json:
        print_json([port_json(domain, port) for domain, port in zip(domains, ports, strict=True)])
    else:
        rows = [
            (domain.name, WORDS[port.state], _note(port))
            for domain, port in zip(domains, ports, strict=True)
        ]
        print_table(("domain", "port", "where, or why not"), rows)
    return DONE


def port_json(domain: Domain, port: Port) -> dict[str, object]:
    """A domain and its port."""
    return {
        "uuid": domain.uuid,
        "name": domain.name,
        "port": port.state,
        "serials": port.serials,
        "problems": port.problems,
    }


def _note(port: Port) -> str:
    """Why a port is wrong, or where it is."""
    return "; ".join(port.problems or (f"port {s.port}: {s.path}" for s in port.serials))


def read_ports(options: argparse.Namespace, domains: list[Domain]) -> list[Port]:
    """The port of each domain, over a connection that only reads."""
    with asking(argparse.Namespace(**{**vars(options), "read_only": True})) as host:
        return [_port(host, domain) for domain in domains]


def _port(host: HostRequests, domain: Domain) -> Port:
    xml, problem = _definition(host, domain)
    if xml is None:
        return Port(None, problems=(problem,))
    try:
        return Port(provision.status(xml), provision.serials(xml), provision.problems(xml))
    except ValueError as error:
        return Port(None, problems=(str(error),))


def change(options: argparse.Namespace, source: HostSource) -> int:
    """Change the domains, log each change, and say what became of every one."""
    host_state = listed(source.read(View("domains")))
    domains = _chosen(options, host_state)
    connection = host_state.connection
    if connection.read_only and not options.dry_run:
        raise CliError(f"read-only: {connection.read_only_reason}", REFUSED)
    log = ActivityLog(state_dir())
    with asking(options) as host:
        planned = [_planned(options, host, domain) for domain in domains]
        wanted = [edit for _, edit in planned if edit is not None and not options.dry_run]
        replies = carry_out(host, wanted, connection.uri, log)
    results = [
        _changed(result, replies[edit]) if edit in replies else result for result, edit in planned
    ]
    _report(options, results)
    if log.problem and replies:
        raise CliError(f"not in the activity log: {log.problem}")
    codes = {CODES.get(result.status, FAILED) for result in results if result.status != "unchanged"}
    return FAILED if FAILED in codes else max(codes, default=DONE)


def _planned(
    options: argparse.Namespace, host: HostRequests, domain: Domain
) -> tuple[Result, Define | None]:
    """What is to be done with a domain, and the change that does it, if any."""
    uuid, name = domain.uuid, domain.name
    xml, problem = _definition(host, domain)
    if xml is None:
        return Result(uuid, name, "failed", problem), None
    try:
        after = _edited(options, xml)
        state = provision.status(after)
        caution = provision.caution(xml) if options.action == "enable" else None
    except ValueError as error:
        return Result(uuid, name, "refused", str(error)), None
    if after == xml:
        return Result(uuid, name, "unchanged", port=state), None
    edit = Define(uuid, name, f"{options.action} hostinfo", xml, after)
    return Result(uuid, name, "planned", "", state, caution, diff(xml, after)), edit


def _changed(planned: Result, reply: Reply) -> Result:
    read_back = provision.status(reply.value) if isinstance(reply.value, str) else None
    return replace(planned, status=reply.status, message=reply.message, port=read_back)


def _edited(options: argparse.Namespace, xml: str) -> str:
    """The definition as it should be; the same where it is already."""
    state = provision.status(xml)
    if options.action == "repair":
        return provision.repair(xml) if state == "wrong" else xml
    if options.action == "disable":
        return provision.disable(xml) if state != "disabled" else xml
    if state == "enabled" and options.port is None:
        return xml
    return provision.enable(xml, options.port)


def _report(options: argparse.Namespace, results: list[Result]) -> None:
    if options.json:
        print_json(results)
        return
    for result in results:
        _print(options.action, result)
    if any(result.status in ("applied", "planned") for result in results):
        print("a change takes effect at the next start of the domain")


def _print(action: str, result: Result) -> None:
    words = {
        "applied": f"done, hostinfo is {result.port}",
        "unchanged": f"nothing to do, hostinfo is {result.port}",
        "planned": f"would {action} hostinfo",
    }.get(result.status, f"{result.status}: {result.message}")
    print(safe(f"{result.name}: {words}"))
    if result.caution and result.status in ("applied", "planned"):
        print(f"  caution: {safe(result.caution)}")
    if result.status == "planned":
        for line in result.diff:
            print(f"  {safe(line)}")


def _chosen(options: argparse.Namespace, host_state: HostState) -> list[Domain]:
    """The domains that are named, each once."""
    if options.all == bool(options.domains):
        raise CliError(f"hostinfo {options.action} needs domains, or --all", USAGE)
    named = [find_domain(host_state, word) for word in options.domains]
    return list({domain.uuid: domain for domain in named or host_state.domains}.values())


def _definition(host: HostRequests, domain: Domain) -> tuple[str | None, str]:
    """The inactive definition, None with the reason where it cannot be read."""
    reply = ask(host, ReadDefinitions((domain.uuid,)))
    found = reply.value if isinstance(reply.value, dict) else {}
    return found.get(domain.uuid), reply.message
