"""What is done to a program while it is measured."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Series:
    """Keys pressed one after the other, each when the one before has been painted."""

    name: str
    """Prefix of its figures, such as ``move``."""
    keys: tuple[str, ...]
    before: tuple[str, ...] = ()
    """Keys that prepare it and are not measured."""
    after: tuple[str, ...] = ()
    """Keys that tidy up and are not measured."""
    by_highlight: bool = False
    """The keys move a highlight: look for that, not for what a refresh may paint meanwhile."""
    while_busy: bool = False
    """Press at the moment the program starts to work by itself: in the middle of a refresh."""


@dataclass(frozen=True)
class Daemon:
    """A server that works for the program and is charged to it."""

    pid: int
    freeze: tuple[Series, ...] = ()
    """Series to measure, and the quit, with the server stopped: it accepts, never answers."""


@dataclass(frozen=True)
class Plan:
    """One measured life of a full-screen program, from its start to its end."""

    ready: str = r"\S"
    """Regular expression that the complete screen matches; lines are joined by newlines."""
    ready_limit_s: float = 20.0
    settle_s: float = 0.4
    """A silence this long ends the start."""
    rest_s: float = 0.0
    """How long it is left alone before the first key: a large host is still being read."""
    idle_s: float = 0.0
    """Length of the window, after the keys, in which nobody touches one; 0 leaves it out."""
    line_bytes_s: float = 0.0
    """How fast the terminal takes what is written; 0: as fast as it comes."""
    tick_s: float = 1.0
    """The program's own refresh interval; figures per tick are per this time."""
    series: tuple[Series, ...] = ()
    burst: tuple[str, int] | None = None
    """A key and how often it is sent at once, as a held-down key over a slow line."""
    quit: tuple[str, ...] = ("q",)
    daemon: Daemon | None = None
    rpc_log: Path | None = None
    """A libvirt client debug log that the program writes, to count its calls in."""


@dataclass(frozen=True)
class Case:
    """One program to measure."""

    name: str
    argv: tuple[str, ...]
    plan: Plan | None = None
    """None: a command that runs to its end by itself."""
    env: dict[str, str] = field(default_factory=dict)
    rounds: int = 0
    """How often it is measured at most; 0 is as often as all others."""
    skip: str = ""
    """Why it cannot be measured on this machine."""
    group: str = ""
    """What it is compared within: ``vconsole``, ``peer`` or ``floor``."""


@dataclass(frozen=True)
class Size:
    """The terminal, in cells."""

    columns: int = 120
    rows: int = 40
