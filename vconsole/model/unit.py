"""A daemon as a unit of systemd: what it does, and what it is told to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from vconsole.model.proposal import Grade

Daemon = Literal["hostinfod", "vhostmd"]
UNITS: Final[dict[Daemon, tuple[str, ...]]] = {
    "hostinfod": ("vconsole-hostinfod.service", "hostinfod.service", "hostinfo.service"),
    "vhostmd": ("vconsole-vhostmd.service", "vhostmd.service"),
}
"""Ours first, then that of a program whose place it takes."""
Verb = Literal["on", "off", "start", "stop", "restart", "reload"]
VERBS: Final[dict[Verb, str]] = {
    "on": "enable and start",
    "off": "disable and stop",
    "start": "start",
    "stop": "stop",
    "restart": "restart",
    "reload": "reload",
}
_SYSTEMCTL: Final[dict[Verb, tuple[str, ...]]] = {
    "on": ("enable", "--now"),
    "off": ("disable", "--now"),
}
JOURNAL_LINES: Final = 30


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says; empty where it says nothing."""

    name: str
    found: bool = False
    """It is installed."""
    active: str = ""
    """``active``, ``inactive``, ``failed``, ``activating`` ..."""
    sub: str = ""
    """``running``, ``dead``, ``auto-restart`` ..."""
    enabled: str = ""
    """``enabled``, ``disabled``, ``masked``, ``static`` ..."""
    since: str = ""
    """When it became so."""
    pid: int | None = None
    restarts: int | None = None
    result: str = ""
    """``success``, ``exit-code``, ``watchdog`` ..., of the last run."""
    says: str = ""
    """Its own words on what it does."""
    path: str = ""
    """Of the unit's file."""
    names: tuple[str, ...] = ()
    """Other names of it."""
    journal: tuple[str, ...] = ()
    """Its last lines, the newest last."""
    journal_problem: str = ""

    @property
    def state(self) -> str:
        """Whether it runs, and whether it is started with the machine."""
        return f"{self.active or '-'}, {self.enabled or '-'}"


@dataclass(frozen=True, slots=True)
class ReadUnit:
    """Ask systemd for a daemon's unit: answers `Unit`."""

    daemon: Daemon
    deadline_s: ClassVar[float] = 8.0


@dataclass(frozen=True, slots=True)
class ChangeUnit:
    """Tell systemd what to do with a unit that was in a state; answers `Unit` read back.

    It is a conflict if it is in another state by now.
    """

    unit: str
    verb: Verb
    seen: str
    """`Unit.state`."""
    uuid: ClassVar[str] = ""
    when: ClassVar[str] = "now"
    deadline_s: ClassVar[float] = 60.0

    @property
    def name(self) -> str:
        """What the log calls it by."""
        return self.unit

    @property
    def what(self) -> str:
        """What it does, in words."""
        return f"{VERBS[self.verb]} the service"

    @property
    def grade(self) -> Grade:
        """Who is served by the daemon is not while it does not run."""
        return "interrupting" if self.verb in ("off", "stop", "restart") else "harmless"

    @property
    def arguments(self) -> tuple[str, ...]:
        """What systemctl is given."""
        return (*_SYSTEMCTL.get(self.verb, (self.verb,)), self.unit)

    def lines(self) -> tuple[str, ...]:
        """The state before and after."""
        wanted = self._wanted
        return () if wanted == self.seen else (f"- {self.seen}", f"+ {wanted}")

    @property
    def trace(self) -> str:
        """The unit and the state after it; empty where it is in that already, as at a restart."""
        return "" if self._wanted == self.seen else json.dumps([self.unit, self._wanted])

    @property
    def _wanted(self) -> str:
        _, _, enabled = self.seen.partition(", ")
        after = {
            "on": ("active", "enabled"),
            "off": ("inactive", "disabled"),
            "stop": ("inactive", enabled),
        }.get(self.verb, ("active", enabled))
        return ", ".join(after)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line of systemctl that does it."""
        return (" ".join(("systemctl", *self.arguments)),)


def facts(unit: Unit) -> list[tuple[str, object]]:
    """What is known of a unit, as facts."""
    if not unit.found:
        return [("unit", f"{unit.name} is not installed")]
    state = f"{unit.active or '-'} ({unit.sub})" if unit.sub else unit.active or "-"
    found: list[tuple[str, object]] = [
        ("unit", f"{unit.name}{'  ' if unit.path else ''}{unit.path}"),
        ("state", f"{state} since {unit.since}" if unit.since else state),
        ("at start", unit.enabled or None),
        ("process", unit.pid),
        ("restarted", unit.restarts),
    ]
    if unit.result not in ("", "success"):
        found.append(("ended by", unit.result))
    if unit.says:
        found.append(("says", unit.says))
    if unit.names:
        found.append(("known as", ", ".join(unit.names)))
    return found
