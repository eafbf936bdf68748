"""Turn runs into medians, verdicts, Markdown tables and JSON."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.cases import FLOOR, PEER, VCONSOLE
from bench.goals import Beside, Verdict
from bench.life import Run
from bench.plan import Case
from bench.stats import Figures, medians

_OPENED = "libvirt open"


@dataclass
class Result:
    """All runs of one case."""

    case: Case
    runs: list[Run] = field(default_factory=list)
    figures: Figures = field(default_factory=dict)
    """Median of each figure over the runs, and what derives from those."""

    @property
    def errors(self) -> list[str]:
        """Return what went wrong, each wording once."""
        return list(dict.fromkeys(run.error for run in self.runs if run.error))

    @property
    def modes_left_on(self) -> list[str]:
        """Return the terminal modes that any run left on."""
        return sorted({mode for run in self.runs for mode in run.modes_left_on})

    def as_json(self) -> dict[str, object]:
        """Return everything about it in plain types."""
        return {
            "name": self.case.name,
            "command": list(self.case.argv),
            "skipped": self.case.skip,
            "errors": self.errors,
            "modes_left_on": self.modes_left_on,
            "median": rounded(self.figures),
            "runs": [rounded(run.figures) for run in self.runs],
        }


def summarise(results: Sequence[Result]) -> None:
    """Fill in the medians, and the time to the list apart from libvirt's own opening."""
    for result in results:
        result.figures = medians(run.figures for run in result.runs)
    opened = {
        result.case.name.removeprefix(_OPENED): result.figures["open_ms"]
        for result in results
        if "open_ms" in result.figures
    }
    for result in results:
        open_ms = opened.get(result.case.name.removeprefix("vconsole"))
        if open_ms is not None and "ready_ms" in result.figures:
            result.figures["list_after_open_ms"] = result.figures["ready_ms"] - open_ms


def rounded(figures: Figures) -> Figures:
    """Return figures with three decimals: a microsecond, a byte in a kilobyte."""
    return {name: round(value, 3) for name, value in figures.items()}


_PROGRAM_COLUMNS = (
    # heading, figures (joined by a slash), decimals
    ("first byte ms", ("first_byte_ms",), 0),
    ("list ms", ("ready_ms",), 0),
    ("idle CPU %", ("idle_cpu_pct",), 2),
    ("B/s", ("idle_bytes_s",), 0),
    ("key ms p50/p95", ("move.paint_ms_p50", "move.paint_ms_p95"), 1),
    ("amid a refresh p95", ("refresh.paint_ms_p95",), 1),
    ("CPU ms a key", ("move.cpu_ms_p50",), 1),
    ("B a key", ("move.bytes_p50",), 0),
    ("RSS MiB", ("rss_mib",), 0),
    ("daemon ms a tick", ("daemon_ms_tick",), 1),
    ("quit ms", ("quit_ms",), 0),
)
_SCREEN_COLUMNS = (
    ("frame ms", ("first_frame_ms",), 0),
    ("list ms", ("ready_ms",), 0),
    ("settled ms", ("settled_ms",), 0),
    ("start CPU ms", ("start_cpu_ms",), 0),
    ("queued ms", ("start_queued_ms",), 0),
    ("start B", ("start_bytes",), 0),
    ("RSS/PSS MiB", ("rss_mib", "pss_mib"), 1),
    ("idle CPU %", ("idle_cpu_pct",), 2),
    ("CPU ms/tick", ("tick_cpu_ms",), 1),
    ("idle B/s", ("idle_bytes_s",), 0),
    ("wakeups/s", ("idle_wakeups_s",), 0),
    ("quit ms", ("quit_ms",), 0),
)
_SERIES_COLUMNS = (
    ("paint ms p50/p95/max", ("paint_ms_p50", "paint_ms_p95", "paint_ms_max"), 1),
    ("bytes p50/max", ("bytes_p50", "bytes_max"), 0),
    ("CPU ms p50", ("cpu_ms_p50",), 1),
    ("unseen", ("unseen",), 0),
)
_COMMAND_COLUMNS = (
    ("wall ms", ("wall_ms",), 1),
    ("CPU ms", ("command_cpu_ms",), 1),
    ("RSS MiB", ("rss_mib",), 1),
    ("bytes", ("start_bytes",), 0),
    ("open ms", ("open_ms",), 1),
)
_QUEUED = (
    '"queued" is the time in which the program was ready to run and other programs had the '
    "processors: start times with much of it tell of the machine, not of the program."
)
_Columns = Sequence[tuple[str, tuple[str, ...], int]]


def blocks(
    results: Sequence[Result], verdicts: Sequence[Verdict], machine: dict[str, str], noise: str
) -> dict[str, str]:
    """Return the tables of the page on performance, by their names there."""
    screens = [result for result in results if result.case.plan]
    commands = [result for result in results if not result.case.plan and not result.case.skip]
    others = sorted({f"{r.case.name} ({r.case.skip})" for r in results if r.case.skip})
    return {
        "machine": ", ".join(f"{name} {value}" for name, value in machine.items()) + f". {noise}",
        "programs": _table(sorted(screens, key=_load), _PROGRAM_COLUMNS)
        + "".join(f"\n\nNot measured: {one}." for one in others),
        "goals": _goal_table(verdicts),
        "commands": _table(commands, _COMMAND_COLUMNS),
    }


def _load(result: Result) -> tuple[int, int]:
    """Order programs by number of domains, vconsole first."""
    name = result.case.name
    found = re.search(r"n=(\d+)", name)
    order = (VCONSOLE, FLOOR, PEER).index(result.case.group)
    return int(found[1]) if found else 100, order


def details(results: Sequence[Result]) -> str:
    """Return what else was measured, for whoever looks into a figure."""
    screens = [result for result in results if result.case.plan]
    parts = [f"{_table(screens, _SCREEN_COLUMNS)}\n\n{_QUEUED}"] if screens else []
    parts += [_key_table(screens)] if screens else []
    return "\n\n".join(filter(None, [*parts, _remarks(results)]))


def _goal_table(verdicts: Sequence[Verdict]) -> str:
    rows = [
        (
            verdict.goal.case,
            verdict.goal.meaning,
            _limit_words(verdict),
            "" if verdict.value is None else _plain(verdict.value),
            verdict.word if verdict.word != "missed" else "**missed**",
        )
        for verdict in verdicts
    ]
    return _markdown_table(("case", "goal", "limit", "measured", ""), rows)


def _limit_words(verdict: Verdict) -> str:
    goal, limit = verdict.goal, verdict.limit
    if not isinstance(goal.limit, Beside):
        return f"<= {goal.limit:g} {goal.unit}"
    known = "" if limit is None else f" = {_plain(limit)} {goal.unit}"
    return f"<= {goal.limit}{known}"


def _plain(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _table(results: Sequence[Result], columns: _Columns) -> str:
    rows = [
        (result.case.name, *(_cell(result.figures, names, nd) for _, names, nd in columns))
        for result in results
        if result.figures
    ]
    return _markdown_table(("case", *(heading for heading, _, _ in columns)), rows)


def _key_table(results: Sequence[Result]) -> str:
    rows: list[tuple[str, ...]] = []
    for result in results:
        plan = result.case.plan
        names = [series.name for series in plan.series] if plan else []
        names += [series.name for series in plan.daemon.freeze] if plan and plan.daemon else []
        for name in names:
            own = {
                figure.removeprefix(f"{name}."): value for figure, value in result.figures.items()
            }
            if "unseen" in own:
                cells = (_cell(own, figures, nd) for _, figures, nd in _SERIES_COLUMNS)
                rows.append((result.case.name, name, *cells, ""))
        if "burst.caught_up_ms" in result.figures and plan and plan.burst:
            caught_up = f"{plan.burst[1]} keys in {result.figures['burst.caught_up_ms']:.0f} ms"
            rows.append((result.case.name, "burst", "", "", "", "", caught_up))
    headings = ("case", "keys", *(heading for heading, _, _ in _SERIES_COLUMNS), "caught up")
    return _markdown_table(headings, rows)


def _remarks(results: Sequence[Result]) -> str:
    lines: list[str] = []
    for result in results:
        if result.case.skip:
            lines.append(f"* {result.case.name}: skipped, {result.case.skip}")
        lines += [f"* {result.case.name}: FAILED, {error}" for error in result.errors]
        if result.modes_left_on:
            lines.append(f"* {result.case.name}: left on {', '.join(result.modes_left_on)}")
    return "## Remarks\n\n" + "\n".join(lines) if lines else ""


def _cell(figures: Figures, names: Sequence[str], decimals: int) -> str:
    values = [figures.get(name) for name in names]
    if values[0] is None:
        return ""
    return "/".join("-" if value is None else f"{value:.{decimals}f}" for value in values)


def _markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
