"""The demo's services: its daemons as units of an invented systemd; nothing of the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import gmtime, strftime, time
from typing import Final

from vconsole.host.demo.world import the_world
from vconsole.model.request import Reply
from vconsole.model.unit import UNITS, ChangeUnit, Daemon, ReadUnit, Unit

_PIDS: Final[dict[Daemon, int]] = {"hostinfod": 1471, "vhostmd": 1502}
_UP_S: Final = 3600.0
"""They were started so long before one came."""


@dataclass
class DemoUnit:
    """A service while somebody looks at it."""

    since_s: float = field(default_factory=lambda: time() - _UP_S)
    active: bool = True
    enabled: bool = True
    journal: list[str] = field(default_factory=list)


def runs(daemon: Daemon) -> bool:
    """Whether somebody stopped it."""
    return _unit(daemon).active


def read_unit(request: ReadUnit) -> Reply:
    """Answer a request."""
    return Reply(value=_shown(request.daemon))


def change_unit(request: ChangeUnit) -> Reply:
    """Answer a request."""
    daemon = next(daemon for daemon, names in UNITS.items() if request.unit in names)
    with the_world().lock:
        before = _shown(daemon)
        if before.state != request.seen:
            return Reply("conflict", f"it is {before.state} by now", before)
        _carry_out(daemon, request)
        after = _shown(daemon)
    return Reply(value=after, read_back=after.state)


def _carry_out(daemon: Daemon, request: ChangeUnit) -> None:
    unit, verb = _unit(daemon), request.verb
    if verb in ("on", "off"):
        unit.enabled = verb == "on"
    if verb == "reload":
        unit.journal.append(_line(f"Reloaded {request.unit}.", time()))
        return
    if unit.active and verb in ("off", "stop", "restart"):
        unit.active, unit.since_s = False, time()
        unit.journal.append(_line(f"Stopped {request.unit}.", unit.since_s))
    if not unit.active and verb in ("on", "start", "restart"):
        unit.active, unit.since_s = True, time()
        unit.journal.append(_line(f"Started {request.unit}.", unit.since_s))


def _unit(daemon: Daemon) -> DemoUnit:
    world = the_world()
    with world.lock:
        unit: DemoUnit | None = world.units.get(daemon)
        if unit is None:
            unit = world.units[daemon] = DemoUnit()
            unit.journal.append(_line(f"Started {UNITS[daemon][0]}.", unit.since_s))
        return unit


def _shown(daemon: Daemon) -> Unit:
    unit, (name, *others) = _unit(daemon), UNITS[daemon]
    return Unit(
        name,
        found=True,
        active="active" if unit.active else "inactive",
        sub="running" if unit.active else "dead",
        enabled="enabled" if unit.enabled else "disabled",
        since=strftime("%a %Y-%m-%d %H:%M:%S UTC", gmtime(unit.since_s)),
        pid=_PIDS[daemon] if unit.active else None,
        restarts=0,
        result="success",
        says="simulated: the demo has no systemd",
        path=f"/usr/lib/systemd/system/{name}",
        names=tuple(others),
        journal=tuple(unit.journal),
    )


def _line(words: str, at_s: float) -> str:
    """As journalctl writes it with ``--output short-iso``."""
    return f"{strftime('%Y-%m-%dT%H:%M:%S+0000', gmtime(at_s))} demo-host systemd[1]: {words}"
