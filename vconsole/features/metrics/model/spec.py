"""What a vhostmd.conf says: which metrics there are, how they are got, and where they go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from vconsole.features.metrics.model.disk import whole_blocks
from vconsole.features.metrics.model.metric import TYPES

Context = Literal["host", "vm"]
TRANSPORTS: Final = ("vbd", "virtio", "xenstore")
METRIC_TYPES: Final = (*TYPES, "group", "xml")
BUILTIN: Final = "builtin:"
"""How an action begins that names a metric collected by the daemon itself."""
DEFAULT_PATH: Final = "/dev/shm/vhostmd0"
_ACTION_LIMIT_S: Final = 10.0
_SHARE_OF_PERIOD: Final = 0.8
_KEEP_S, _KEEP_PERIODS = 300.0, 15


@dataclass(frozen=True, slots=True)
class Variable:
    """A member of a group."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric as it is configured."""

    name: str
    type: str
    """One of `METRIC_TYPES`."""
    context: Context
    action: str
    unit: str = ""
    variables: tuple[Variable, ...] = ()
    line: int = field(default=0, compare=False)
    """Where it stands in the file; 0 if in none."""
    enabled: bool = True

    @property
    def builtin(self) -> str | None:
        """Which metric of the daemon's own this is; None if its action is a shell command."""
        word = self.action.strip()
        return word.removeprefix(BUILTIN) if word.startswith(BUILTIN) else None


@dataclass(frozen=True, slots=True)
class Virtio:
    """The virtio transport."""

    channel_path: str | None = None
    """Where libvirt keeps the sockets; None for the places where its releases do."""
    max_channels: int = 1024
    expiration_s: int = 15


@dataclass(frozen=True, slots=True)
class Settings:
    """What vhostmd does not have."""

    domain_disks: bool = False
    """A disk for each domain, and no domain's metrics on the common one."""
    compat_newline: bool = False
    """Keep the line feed that ends an action's output."""
    replace_stock_actions: bool = False
    """Collect what vhostmd's own configurations run a shell for without one."""
    action_timeout_s: float = _ACTION_LIMIT_S
    parallel_actions: int = 4


@dataclass(frozen=True, slots=True)
class VhostmdConfig:
    """A configuration, checked."""

    period_s: int
    disk_path: str = DEFAULT_PATH
    disk_bytes: int = 256 << 10
    """As configured; the disk has whole blocks, see `file_bytes`."""
    path: str | None = None
    """PATH for the actions; None to leave it alone."""
    transports: tuple[str, ...] = ("vbd",)
    virtio: Virtio = field(default_factory=Virtio)
    metrics: tuple[MetricSpec, ...] = ()
    """In the order of the file, with those that are switched off."""
    settings: Settings = field(default_factory=Settings)
    warnings: tuple[str, ...] = ()
    """What is taken, but perhaps not meant so."""

    @property
    def file_bytes(self) -> int:
        """The size of the disk: what stock readers can read."""
        return whole_blocks(self.disk_bytes)

    @property
    def action_limit_s(self) -> float:
        """How long an action may run: one that hangs does not cost the others an update."""
        return min(self.settings.action_timeout_s, _SHARE_OF_PERIOD * self.period_s)

    @property
    def keep_s(self) -> float:
        """How old a value may be that is published: longer than a command rests."""
        return max(_KEEP_S, _KEEP_PERIODS * self.period_s)

    @property
    def enabled(self) -> tuple[MetricSpec, ...]:
        """The metrics that are collected, in the order of the file."""
        return tuple(spec for spec in self.metrics if spec.enabled)
