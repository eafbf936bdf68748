"""``vconsole hostinfo check`` and ``show``: the rules, and what they mean for the domains."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from vconsole.cli.read import find_domain, listed
from vconsole.cli.report import DONE, FAILED, CliError, print_json, print_table
from vconsole.features.hostinfo.cli.ports import WORDS, Port, port_json, read_ports
from vconsole.features.hostinfo.daemon.status import Document, StatusError, read_status
from vconsole.features.hostinfo.model.preview import permissions
from vconsole.features.hostinfo.model.rules import Effective, Rules, parse
from vconsole.features.hostinfo.rules_file import load
from vconsole.files.careful import Loaded, SafeFileError, read_given
from vconsole.host.source import HostSource, View
from vconsole.model.host_state import Domain, HostState
from vconsole.model.words import plural
from vconsole.text import duration, safe

Told = dict[str, Any]
"""What hostinfod says of itself or of a guest; empty where it says nothing."""


def check(options: argparse.Namespace) -> int:
    """Print what is wrong in a text, wherever it lies; done if hostinfod would use it."""
    path: Path = options.file
    try:
        rules = parse(read_given(path))
    except SafeFileError as error:
        raise CliError(str(error)) from error
    print_diagnostics(path, rules)
    return DONE if rules.usable else FAILED


def print_diagnostics(path: Path, rules: Rules) -> None:
    """Print them as compilers do."""
    for found in rules.diagnostics:
        place = f"{path}:{found.line}:{found.column}"
        print(safe(f"{place}: {found.severity}: {found.message}"))


def read_rules(path: Path) -> tuple[Loaded, Rules]:
    """The file and its rules.

    Raises:
        CliError: It cannot be read, or somebody else could have put it there.
    """
    try:
        return load(path)
    except SafeFileError as error:
        raise CliError(str(error)) from error


def socket_name(host_state: HostState, domain: Domain) -> str:
    """What rules are matched against."""
    return f"{host_state.connection.driver.lower()}-{domain.name}"


def rule_json(effective: Effective) -> dict[str, object]:
    """A rule with the keys that hostinfod uses for it."""
    return {
        "pattern": effective.pattern,
        "line": effective.line,
        "interval_s": effective.interval_s,
        "permitted": sorted(effective.permitted),
        "hide_denied": effective.hide_denied,
    }


# -- show ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    domain: Domain
    socket: str
    port: Port
    effective: Effective
    told: Told

    def json(self) -> dict[str, object]:
        return {
            **port_json(self.domain, self.port),
            "socket": self.socket,
            "rule": rule_json(self.effective),
            "service": self.told or None,
        }

    def cells(self) -> tuple[object, ...]:
        interval_s = self.effective.interval_s
        return (
            self.domain.name,
            WORDS[self.port.state],
            self.effective.pattern or "built in",
            f"{interval_s:g} s" if interval_s else "no limit",
            permissions(self.effective),
            self.told.get("queries"),
            self.told.get("refusals"),
            "; ".join(self.port.problems) or self.told.get("reason", ""),
        )


def show(options: argparse.Namespace, source: HostSource) -> int:
    """Print the ports, the rules, and what hostinfod counts."""
    loaded, rules = read_rules(options.hostinfo_conf)
    host_state = listed(source.read(View("domains")))
    domains = list(host_state.domains)
    if options.domain is not None:
        domains = [find_domain(host_state, options.domain)]
    service, guests, problem = _service(options)
    rows = [
        _Row(domain, name, port, rules.effective(name), guests.get(name, {}))
        for domain, port in zip(domains, read_ports(options, domains), strict=True)
        for name in [socket_name(host_state, domain)]
    ]
    if options.json:
        report = {
            "rules": _rules_json(options.hostinfo_conf, loaded, rules),
            "service": service or None,
            "service_problem": problem,
            "domains": [row.json() for row in rows],
        }
        print_json(report)
    else:
        _print_rules(options.hostinfo_conf, loaded, rules)
        print(safe(problem or _service_words(service)))
        titles = ("domain", "port", "rule", "every", "may see", "queries", "refused", "problem")
        print_table(titles, [row.cells() for row in rows])
    return DONE


def _rules_json(path: Path, loaded: Loaded, rules: Rules) -> dict[str, object]:
    return {
        "path": str(path),
        "exists": loaded.exists,
        "usable": rules.usable,
        "diagnostics": rules.diagnostics,
    }


def _print_rules(path: Path, loaded: Loaded, rules: Rules) -> None:
    print_diagnostics(path, rules)
    count = plural(len(rules.stanzas), "rule") if loaded.exists else "not there, no rules"
    print(safe(f"{path}: {count}{'' if rules.usable else ', not usable as they are'}"))


def _service(options: argparse.Namespace) -> tuple[Told, dict[str, Told], str]:
    """hostinfod, its guests by their sockets' names, and why it tells nothing."""
    path = options.status_socket
    try:
        document = told_by_demo() if options.demo else read_status(path)
        return document["daemon"], {guest["name"]: guest for guest in document["guests"]}, ""
    except StatusError as error:
        return {}, {}, str(error)
    except (KeyError, TypeError):
        return {}, {}, f"{path}: no status of hostinfod: of another version?"


def told_by_demo() -> Document:
    """What the demo's hostinfod says."""
    from vconsole.features.hostinfo.demo import document

    return document()


def _service_words(service: Told) -> str:
    rules = service["rules"]
    since = rules["in_force_since"]
    age = "no rules in force" if since is None else f"rules in force {duration(time() - since)}"
    libvirt = service["libvirt"]["problem"]
    problems = [rules["problem"], service["directory"]["problem"]]
    problems += [f"libvirt: {libvirt}"] if libvirt else []
    return "; ".join(filter(None, (f"hostinfod runs, {age}", *problems)))
