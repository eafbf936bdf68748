"""``vconsole hostinfo explain``: what a domain receives for each query, and by which line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from time import sleep

from vconsole.cli.read import find_domain
from vconsole.cli.report import DONE, CliError, plain, print_json, print_table
from vconsole.features.hostinfo.cli.ports import WORDS, Port, port_json, read_ports
from vconsole.features.hostinfo.cli.rules import (
    print_diagnostics,
    read_rules,
    rule_json,
    socket_name,
)
from vconsole.features.hostinfo.host.statistics import Sampler
from vconsole.features.hostinfo.model.preview import Answer, greeting, preview
from vconsole.features.hostinfo.model.rules import Effective, Rules
from vconsole.host.proc import find_guests
from vconsole.host.source import HostSource, View
from vconsole.model.host_state import Domain, HostState
from vconsole.text import safe

LOOK_S = 0.2
"""Between two looks at the counters of which a share of time is made."""


def explain(options: argparse.Namespace, source: HostSource) -> int:
    """Print the reply to each query, as if the domain had sent none before."""
    path: Path = options.hostinfo_conf
    _, rules = read_rules(path)
    if not rules.usable:
        print_diagnostics(path, rules)
        raise CliError(f"{path}: hostinfod uses no rules with errors: mend them first")
    host_state = source.read(View("domains"))
    domain = find_domain(host_state, options.domain)
    (port,) = read_ports(options, [domain])
    name = socket_name(host_state, domain)
    effective = rules.effective(name)
    values = _values(host_state, domain, name)
    answers = [_greeting(effective), *preview(effective, values)]
    unknown = sorted(effective.permitted - values.keys())
    if options.json:
        report = {
            **port_json(domain, port),
            "socket": name,
            "rule": rule_json(effective),
            "answers": [{**plain(answer), "text": _text(answer, rules)} for answer in answers],
            "unknown": unknown,
        }
        print_json(report)
    else:
        print(safe(f"{name}: {_rule_words(effective, path)}"))
        _print_port(port)
        rows = [(a.request, "; ".join(a.reply), _decided_by(a, rules)) for a in answers]
        print_table(("query", "reply", "decided by"), rows)
        if unknown:
            print(f"503 stands for what is not known here, but to hostinfod: {', '.join(unknown)}")
    return DONE


def _greeting(effective: Effective) -> Answer:
    return Answer("HELLO", (greeting(effective),), effective.why("interval"), permitted=True)


def _values(host_state: HostState, domain: Domain, name: str) -> Mapping[str, str]:
    """What hostinfod would know of this machine by now; nothing of another one."""
    guests = sum(domain.active for domain in host_state.domains)
    if host_state.connection.demo:
        from vconsole.features.hostinfo.demo import values

        return {**values(), "guests": str(guests)}
    if not host_state.connection.local:
        return {}
    sampler = Sampler(lambda: {"guests": str(guests)})
    if guest := find_guests().get(domain.uuid):
        sampler.follow({name: guest.pid})
    sampler.take()
    sleep(LOOK_S)
    sample = sampler.take()
    return {**sample.values, **sample.own.get(name, {})}


def _rule_words(effective: Effective, path: Path) -> str:
    if effective.line is None:
        return f"no rule of {path} is for it, the defaults hold"
    return f"rule {effective.pattern} in line {effective.line} of {path}"


def _print_port(port: Port) -> None:
    if port.state != "enabled":
        reasons = "; ".join(port.problems)
        words = f"it receives nothing: port {WORDS[port.state] or 'not known'}"
        print(safe(f"{words}: {reasons}" if reasons else words))


def _decided_by(answer: Answer, rules: Rules) -> str:
    text = _text(answer, rules)
    return "default" if text is None else f"line {answer.line}: {text}"


def _text(answer: Answer, rules: Rules) -> str | None:
    """The line that decides."""
    return None if answer.line is None else rules.lines[answer.line - 1].strip()
