"""The console beside a bare Textual program, by processor time: twice what it costs today is seen.

`make bench` measures this and much more; here is what is cheap, with bounds that no busy machine
reaches. What two measurings have too large is too large.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.cases import QUICK, floor_cases, floor_name, list_series, vconsole_cases
from bench.life import measure
from bench.plan import Case, Size
from bench.stats import Figures

AT_MOST = {
    "start_cpu_ms": 2.4,
    "move.cpu_ms_p50": 2.4,
    "move.bytes_p50": 2.6,
    "idle_cpu_pct": 2.6,
}
"""Figure of the bench -> how many times the floor's; less than twice the 1.4 to 1.7 measured."""


def figures(case: Case) -> Figures:
    """Start it, press some keys, leave it alone."""
    assert case.plan is not None
    short = replace(case.plan, series=list_series(QUICK, 10)[:1], burst=None, idle_s=4.0)
    run = measure(replace(case, plan=short), Size())
    assert not run.error, run.error
    return run.figures


def ratios(folder: Path) -> Figures:
    """How many times the floor's figures the console's are."""
    ours = figures(vconsole_cases(QUICK, folder)[0])
    floor = next(case for case in floor_cases(QUICK) if case.name == floor_name(10))
    bare = figures(floor)
    return {name: ours[name] / bare[name] for name in AT_MOST}


def test_the_console_costs_little_more_than_textual(tmp_path: Path) -> None:
    found = ratios(tmp_path)
    if any(found[name] > most for name, most in AT_MOST.items()):
        again = ratios(tmp_path)
        found = {name: min(found[name], again[name]) for name in AT_MOST}
    assert {name: ratio for name, ratio in found.items() if ratio > AT_MOST[name]} == {}, found
