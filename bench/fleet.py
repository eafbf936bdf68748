"""vconsole on a real daemon: a private libvirtd with a fleet of paused guests."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.cases import (
    CALLS,
    DAEMON,
    VCONSOLE,
    Effort,
    list_series,
    move_series,
    vconsole_argv,
    vconsole_env,
    vconsole_plan,
)
from bench.peers import virt_manager, virt_top
from bench.plan import Case, Daemon, Plan
from tests.integration.ground import LabError, obstacle
from tests.integration.lab import Libvirtd

GUESTS = 100
_FROZEN_MOVES = 16


@contextlib.contextmanager
def fleet_cases(effort: Effort, folder: Path) -> Iterator[list[Case]]:
    """Start the daemon and its guests for as long as the cases are measured.

    Where that cannot be done the cases say why.
    """
    with contextlib.ExitStack() as stack:
        reason = obstacle()
        if reason is None:
            try:
                host = stack.enter_context(Libvirtd())
                guests = host.start_fleet(GUESTS)
            except LabError as error:
                reason = f"the private libvirtd failed: {error}"
        if reason is not None:
            yield [Case(name, (), skip=reason, group=VCONSOLE) for name in (DAEMON, CALLS)]
            return
        names = sorted(re.escape(guest.name) for guest in guests)
        shown = f"(?s){names[0]}.*{names[9]}"
        daemon = Daemon(host.pid)
        yield [
            _list_case(effort, folder, host, shown),
            virt_top(effort, "virt-top daemon", host.uri, names[0], daemon),
            virt_manager(effort, host.uri, daemon),
            _calls_case(effort, folder, host, shown),
        ]


def _list_case(effort: Effort, folder: Path, host: Libvirtd, shown: str) -> Case:
    """Return the list as on the test driver; at the end the daemon is stopped by a signal."""
    frozen = move_series("frozen", _FROZEN_MOVES // 2, _FROZEN_MOVES)
    plan = replace(
        vconsole_plan(effort, GUESTS, shown),
        series=list_series(effort, GUESTS),
        burst=None,
        daemon=Daemon(host.pid, freeze=(frozen,)),
    )
    env = vconsole_env(folder)
    return Case(DAEMON, vconsole_argv(host.uri), plan, env, group=VCONSOLE, rounds=2)


def _calls_case(effort: Effort, folder: Path, host: Libvirtd, shown: str) -> Case:
    """Return the list with libvirt's client log on: slower, but its calls can be counted."""
    log = folder / "calls.log"
    env = {
        **vconsole_env(folder),
        "LIBVIRT_LOG_FILTERS": "2:rpc",
        "LIBVIRT_LOG_OUTPUTS": f"2:file:{log}",
    }
    plan = Plan(ready=shown, idle_s=effort.idle_s, rpc_log=log)
    return Case(CALLS, vconsole_argv(host.uri), plan, env, group=VCONSOLE, rounds=1)
