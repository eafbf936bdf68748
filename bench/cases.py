"""What is measured: vconsole and the floors, on the same loads as their peers."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from bench.keys import there_and_back
from bench.load import write_node
from bench.plan import Case, Plan, Series
from bench.rows import domain_name

LIST_SHOWN = rf"(?s){domain_name(1)}.*{domain_name(10)}"
"""The first ten domains: what every load has and every list shows at once."""
HANG, DAEMON, CALLS = "vconsole hang", "vconsole daemon", "vconsole daemon calls"
STILL, THIN = "vconsole n=10 still", "vconsole n=1000 256 kbit/s"
THIN_BYTES_S = 256_000 / 8
VCONSOLE, PEER, FLOOR = "vconsole", "peer", "floor"


@dataclass(frozen=True)
class Effort:
    """How long and how often to measure."""

    rounds: int = 3
    idle_s: float = 7.0
    moves: int = 40
    refresh_moves: int = 10
    pages: int = 12
    burst: int = 50
    loads: tuple[int, ...] = (10, 1000, 10000)
    peer_loads: tuple[int, ...] = (10, 1000)
    floor_loads: tuple[int, ...] = (10, 100, 1000)


QUICK = Effort(1, 3.0, 16, 4, 6, 30, loads=(10, 1000), peer_loads=(1000,), floor_loads=(10, 1000))


def console_name(domains: int) -> str:
    """Return the name of the case with so many domains on the test driver."""
    return f"{VCONSOLE} n={domains}"


def vconsole_argv(uri: str, interval_s: float = 1) -> tuple[str, ...]:
    """Return the command: the installed script, or the package when there is none."""
    script = Path(sys.executable).with_name("vconsole")
    start = (str(script),) if script.exists() else (sys.executable, "-m", "vconsole")
    return (*start, "-c", uri, "--interval", f"{interval_s:g}")


def vconsole_env(folder: Path) -> dict[str, str]:
    """Return an environment in which the user's settings and history are neither read nor hurt."""
    names = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    return {name: str(folder / name.lower()) for name in names}


def list_series(effort: Effort, domains: int) -> tuple[Series, ...]:
    """Return the keys of a list: moves, moves in the middle of a refresh, and pages."""
    steps = min(domains - 2, 20)
    move = move_series("move", steps, effort.moves)
    refresh = replace(move_series("refresh", steps, effort.refresh_moves), while_busy=True)
    pages = there_and_back("PageDown", "PageUp", 3, effort.pages)
    return (move, refresh, *([Series("page", pages)] if domains > 200 else []))


def move_series(name: str, steps: int, presses: int) -> Series:
    """Return cursor moves from the top of the list: each of them can be seen."""
    keys = there_and_back("Down", "Up", steps, presses)
    return Series(name, keys, before=("PageUp",), after=("PageUp",), by_highlight=True)


def filter_series(text: str) -> Series:
    """Return the keys of a filter typed letter by letter: each press filters the whole list."""
    return Series("filter", tuple(text), before=("/",), after=("Escape", "Escape", "PageUp"))


def vconsole_plan(effort: Effort, domains: int, shown: str = LIST_SHOWN) -> Plan:
    """Return how vconsole's list is measured."""
    return Plan(
        ready=shown,
        idle_s=effort.idle_s,
        series=(*list_series(effort, domains), filter_series("m-0010")),
        burst=("Down", effort.burst),
    )


def vconsole_cases(effort: Effort, folder: Path) -> list[Case]:
    """Return vconsole on the test driver, with 1 s refresh, and on a host that stands still."""
    env = vconsole_env(folder)
    cases = [
        Case(
            console_name(domains),
            vconsole_argv(write_node(folder, domains)),
            vconsole_plan(effort, domains),
            env,
            group=VCONSOLE,
            rounds=0 if domains <= 1000 else 1,
        )
        for domains in effort.loads
    ]
    still = Plan(ready=LIST_SHOWN, idle_s=effort.idle_s)
    argv = vconsole_argv(write_node(folder, 10, off=True))
    cases.insert(1, Case(STILL, argv, still, env, group=VCONSOLE, rounds=1))
    thin = Plan(
        ready=LIST_SHOWN,
        rest_s=effort.idle_s,
        line_bytes_s=THIN_BYTES_S,
        series=list_series(effort, 1000)[:2],
    )
    argv = vconsole_argv(write_node(folder, 1000))
    return [*cases, Case(THIN, argv, thin, env, group=VCONSOLE, rounds=1)]


def hang_case(effort: Effort, folder: Path, uri: str) -> Case:
    """Return vconsole on a daemon that accepts and never answers."""
    letters = tuple("vm-0001" * 10)[: effort.moves]
    plan = Plan(
        series=(Series("hang", letters, before=("/",), after=("Escape", "Escape")),),
        idle_s=effort.idle_s,
    )
    return Case(HANG, vconsole_argv(uri), plan, vconsole_env(folder), group=VCONSOLE, rounds=1)


def floor_cases(effort: Effort) -> list[Case]:
    """Return the least that Textual can cost: bare lists with 1 s refresh."""
    kinds = [("lines", domains) for domains in effort.floor_loads]
    kinds.append(("table", max(effort.peer_loads)))
    cases: list[Case] = []
    for kind, domains in kinds:
        argv = (sys.executable, "-m", f"bench.floor_{kind}", str(domains), "1")
        plan = Plan(
            ready=LIST_SHOWN,
            idle_s=effort.idle_s,
            series=list_series(effort, domains),
            burst=("Down", effort.burst),
        )
        rounds = 0 if kind == "lines" and domains in effort.peer_loads else 1
        cases.append(Case(floor_name(domains, kind), argv, plan, group=FLOOR, rounds=rounds))
    return cases


def floor_name(domains: int, kind: str = "lines") -> str:
    """Return the name of a floor with so many rows."""
    return f"floor {kind} n={domains}"
