"""``vconsole hostinfo status|enable|disable|repair``: the ports, edited as the console does it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from vconsole.cli.read import find_domain
from vconsole.cli.report import DONE, FAILED, REFUSED, USAGE, CliError, print_json, print_table
from vconsole.host.open import connect_link
from vconsole.host.requests import HostRequests
from vconsole.host.source import HostSource, View
from vconsole.hostinfo import provision
from vconsole.model.changes import Status
from vconsole.model.requests import Define, ReadDefinitions, Reply
from vconsole.model.snapshot import Domain, HostSnapshot
from vconsole.model.xml_edit import diff
from vconsole.text import safe

Ask = Callable[[Any], Reply]
"""Answers a request of the console."""

WORDS = {"enabled": "on", "disabled": "off", "wrong": "wrong", None: None}
"""A port in a table, as the console has it."""
_CODES = {"refused": REFUSED, "conflict": REFUSED, "failed": FAILED, "unknown": FAILED}


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
    snapshot = source.read(View("domains"))
    domains = _chosen(options, snapshot)
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
    with _asking(options, read_only=True) as ask:
        return [_port(ask, domain) for domain in domains]


def _port(ask: Ask, domain: Domain) -> Port:
    xml, problem = _definition(ask, domain)
    if xml is None:
        return Port(None, problems=(problem,))
    try:
        return Port(provision.status(xml), provision.serials(xml), provision.problems(xml))
    except ValueError as error:
        return Port(None, problems=(str(error),))


def change(options: argparse.Namespace, source: HostSource) -> int:
    """Change one domain after the other, and say what became of each."""
    snapshot = source.read(View("domains"))
    domains = _chosen(options, snapshot)
    connection = snapshot.connection
    if connection.read_only and not options.dry_run:
        raise CliError(f"read-only: {connection.read_only_reason}", REFUSED)
    results: list[Result] = []
    with _asking(options, read_only=options.dry_run) as ask:
        for domain in domains:
            results.append(_change(options, ask, domain))
            if not options.json:
                _print(options.action, results[-1])
    if options.json:
        print_json(results)
    elif any(result.status in ("applied", "planned") for result in results):
        print("a change takes effect at the next start of the domain")
    codes = {_CODES.get(result.status, DONE) for result in results}
    return FAILED if FAILED in codes else max(codes, default=DONE)


def _change(options: argparse.Namespace, ask: Ask, domain: Domain) -> Result:
    uuid, name = domain.uuid, domain.name
    xml, problem = _definition(ask, domain)
    if xml is None:
        return Result(uuid, name, "failed", problem)
    try:
        after = _edited(options, xml)
        state = provision.status(after)
        caution = provision.caution(xml) if options.action == "enable" else None
    except ValueError as error:
        return Result(uuid, name, "refused", str(error))
    if after == xml:
        return Result(uuid, name, "unchanged", port=state)
    if options.dry_run:
        return Result(uuid, name, "planned", "", state, caution, diff(xml, after))
    reply = ask(Define(uuid, name, f"{options.action} hostinfo", xml, after))
    read_back = provision.status(reply.value) if isinstance(reply.value, str) else None
    return Result(uuid, name, reply.status, reply.message, read_back, caution, diff(xml, after))


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


def _chosen(options: argparse.Namespace, snapshot: HostSnapshot) -> list[Domain]:
    """The domains that are named, each once."""
    if options.all == bool(options.domains):
        raise CliError(f"hostinfo {options.action} needs domains, or --all", USAGE)
    named = [find_domain(snapshot, word) for word in options.domains]
    return list({domain.uuid: domain for domain in named or snapshot.domains}.values())


@contextmanager
def _asking(options: argparse.Namespace, read_only: bool = False) -> Iterator[Ask]:
    """Answers requests on a connection that lasts as long as the block."""
    requests = HostRequests(
        lambda: connect_link(options.connect, options.read_only or read_only, options.demo)
    )
    handlers = requests.handlers()
    with closing(requests):
        yield lambda request: handlers[type(request)](request)


def _definition(ask: Ask, domain: Domain) -> tuple[str | None, str]:
    """The inactive definition, None with the reason where it cannot be read."""
    reply = ask(ReadDefinitions((domain.uuid,)))
    found = reply.value if isinstance(reply.value, dict) else {}
    return found.get(domain.uuid), reply.message
