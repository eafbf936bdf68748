"""``python -m bench``: measure, compare with the goals, report."""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.cases import (
    CALLS,
    DAEMON,
    HANG,
    QUICK,
    VCONSOLE,
    Effort,
    floor_cases,
    hang_case,
    vconsole_cases,
)
from bench.fleet import fleet_cases
from bench.goals import Verdict, judge
from bench.hostinfo import hostinfo_case
from bench.kept import RESULTS, keep
from bench.life import Run, measure
from bench.machine import facts, pressure
from bench.peers import peer_cases
from bench.placement import placement_cases
from bench.plan import Case, Plan, Size
from bench.report import Result, blocks, details, summarise
from bench.silent import SilentServer
from bench.storage import storage_cases
from bench.why import why_case

_SIZE = Size(120, 40)
_FAILED, _MISSED = 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 when a case could not be, 3 when a goal is missed and that was asked for."""
    options = _parser().parse_args(arguments)
    effort = QUICK if options.quick else Effort()
    if options.repeat:
        effort = replace(effort, rounds=options.repeat)
    before = pressure()
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="vconsole-bench-") as folder:
        results = _measure_all(effort, Path(folder), re.compile(options.only), options.quick)
    after = pressure()
    summarise(results)
    measured = {result.case.name: result.figures for result in results}
    verdicts = judge(measured, set(measured))
    noise = (
        f"Load average {before['load_1m']:.2f} before and {after['load_1m']:.2f} after; "
        f"{after['stolen_s'] - before['stolen_s']:.1f} s stolen by the hypervisor. "
        f"Medians of up to {effort.rounds} interleaved runs at {_SIZE.columns}x{_SIZE.rows}"
    )
    whole = not (options.only or options.quick)
    for name, text in blocks(results, verdicts, machine, noise + ".").items():
        keep(name, text) if whole else print(text)
        print()
    print(details(results))
    document = {
        "machine": machine,
        "noise": {"before": before, "after": after},
        "goals": [_verdict_json(verdict) for verdict in verdicts],
        "results": [result.as_json() for result in results],
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=1) + "\n")
    if any(result.errors for result in results):
        return _FAILED
    missed = any(verdict.word == "missed" for verdict in verdicts)
    return _MISSED if options.strict and missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure vconsole, its peers and the floors."
    )
    parser.add_argument(
        "--quick", action="store_true", help="one short run, without n=10000 and the real daemon"
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name matches")
    parser.add_argument("--repeat", type=int, metavar="N", help="runs of each case (3; quick: 1)")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        default=RESULTS / "latest.json",
        help="write all figures there (%(default)s)",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 3 when a goal is missed")
    return parser


def _measure_all(effort: Effort, folder: Path, only: re.Pattern[str], quick: bool) -> list[Result]:
    with SilentServer(folder / "silent-sock") as silent:
        cases = [
            *vconsole_cases(effort, folder),
            hang_case(effort, folder, silent.uri),
            *peer_cases(effort, folder),
            *floor_cases(effort),
            hostinfo_case(),
            *storage_cases(),
            *placement_cases(),
            why_case(),
        ]
        chosen = [case for case in cases if only.search(case.name)]
        _warm_up(chosen)
        results = _rounds(chosen, effort.rounds)
        if not silent.accepted:
            _discard(results, HANG, "it never connected to the silent server")
    if any(only.search(name) for name in (CALLS, DAEMON)) and not quick:
        _say("starting a private libvirtd and its guests")
        with fleet_cases(effort, folder) as daemon_cases:
            chosen = [case for case in daemon_cases if only.search(case.name)]
            _warm_up(chosen)
            results += _rounds(chosen, effort.rounds)
    return results


def _warm_up(cases: Sequence[Case]) -> None:
    """Start one program of each kind once, unmeasured: nobody shall pay for a cold disk."""
    first = {case.argv[:3]: case for case in cases if case.plan and not case.skip}
    for case in first.values():
        full = case.plan or Plan()
        series = tuple(replace(each, keys=each.keys[:1]) for each in full.series)
        measure(replace(case, plan=Plan(ready=full.ready, series=series)), _SIZE)


def _rounds(cases: Sequence[Case], rounds: int) -> list[Result]:
    """Measure every case once, then every case again: a slow minute hurts all of them alike."""
    results = [Result(case) for case in cases]
    for number in range(rounds):
        for result in results:
            if result.case.skip or number >= (result.case.rounds or rounds):
                continue
            _say(f"run {number + 1}/{rounds}: {result.case.name}")
            result.runs.append(measure(result.case, _SIZE))
    return sorted(results, key=lambda result: result.case.group != VCONSOLE)


def _discard(results: Sequence[Result], name: str, reason: str) -> None:
    """Throw away figures that do not mean what they seem to."""
    for result in results:
        if result.case.name == name:
            result.runs = [Run(error=reason)]


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _verdict_json(verdict: Verdict) -> dict[str, object]:
    goal = verdict.goal
    return {
        "case": goal.case,
        "goal": goal.meaning,
        "figure": goal.figure,
        "limit": verdict.limit,
        "unit": goal.unit,
        "value": None if verdict.value is None else round(verdict.value, 3),
        "verdict": verdict.word,
    }
