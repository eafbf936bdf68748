"""What a domain's XML says of its memory's place and its threads' scheduling, as rows of a plan.

A value is text in one form: ``4-7`` or ``auto`` for the default set of the threads, ``strict 0-1``
or ``strict auto`` for memory, ``fifo 1`` or ``batch`` for a policy, a number for the rest. Empty is
an element that is not there, shown as ``none``.

Format: https://libvirt.org/formatdomain.html, "CPU Allocation", "CPU Tuning", "NUMA Node Tuning".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.value import dataclass

SettingKind = Literal[
    "vcpuset",
    "numatune",
    "memnode",
    "shares",
    "period",
    "quota",
    "global_period",
    "global_quota",
    "emulator_period",
    "emulator_quota",
    "iothread_period",
    "iothread_quota",
    "vcpusched",
    "emulatorsched",
    "iothreadsched",
]
SETTING_KINDS: Final[tuple[SettingKind, ...]] = get_args(SettingKind)
NUMBERED: Final = frozenset({"memnode", "vcpusched", "iothreadsched"})
"""The kinds with a row for each guest cell, vCPU or iothread."""
MODES: Final = ("strict", "preferred", "interleave", "restrictive")
"""In the order of virDomainNumatuneMemMode."""
SCHEDULERS: Final = {"fifo": True, "rr": True, "batch": False, "idle": False}
"""Scheduling policy -> whether it has a priority (1 to 99)."""
NUMBERS: Final[Mapping[SettingKind, tuple[int, int]]] = {
    "shares": (1, 262144),
    **dict.fromkeys(
        ("period", "global_period", "emulator_period", "iothread_period"), (1000, 1000000)
    ),
    **dict.fromkeys(
        ("quota", "global_quota", "emulator_quota", "iothread_quota"), (1000, 17592186044415)
    ),
}
"""Kind -> lowest and highest value that libvirt takes; periods and quotas in microseconds."""
_DEFAULTS: Final = {"shares": (100, 1024), "period": (100000,)}
"""What the kernel reports where nothing is set; shares of cgroup v2 and of v1."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of one row, in the form of the module."""

    kind: SettingKind
    text: str = ""

    def __str__(self) -> str:
        return self.text or "none"

    @property
    def mode(self) -> str:
        """Of ``numatune`` and ``memnode``: the mode; of a policy its name."""
        return self.text.partition(" ")[0]

    @property
    def rest(self) -> str:
        """What stands behind the mode: nodeset, ``auto``, or a priority."""
        return self.text.partition(" ")[2]

    @property
    def nodeset(self) -> CpuSet | None:
        """The cells it names; None for none, or for those that numad chooses."""
        if self.kind not in ("numatune", "memnode") or self.rest in ("", "auto"):
            return None
        return CpuSet.parse(self.rest)

    @property
    def auto(self) -> bool:
        """Numad is asked for it at start."""
        return self.text == "auto" or self.rest == "auto"

    def same(self, other: Setting | None) -> bool:
        """Mean the same: a number that the kernel has anyway is as good as none."""
        return other is not None and (self == other or self._meant == other._meant)

    @property
    def _meant(self) -> tuple[SettingKind, str]:
        if self.kind not in NUMBERS or not self.text:
            return self.kind, self.text
        number, base = int(self.text), self.kind.rpartition("_")[2]
        unlimited = base == "quota" and not 0 < number < NUMBERS["quota"][1]
        return self.kind, "" if unlimited or number in _DEFAULTS.get(base, ()) else self.text


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One row: a half that does not exist is None, as in `host_state.Pin`."""

    kind: SettingKind
    id: int | None = None
    live: Setting | None = None
    config: Setting | None = None

    @property
    def key(self) -> tuple[SettingKind, int | None]:
        """What identifies the row: kind and id."""
        return self.kind, self.id

    @property
    def now(self) -> Setting | None:
        """The value in force: the live one, else that of the next start."""
        return self.live if self.live is not None else self.config


def parse_setting(kind: SettingKind, text: str) -> Setting:
    """Read what a person types, or a file has; ``none``, ``-`` and nothing take it away.

    Raises:
        ValueError: It means nothing; the text says what would.
    """
    words = " ".join(text.lower().replace("=", " ").split())
    if words in ("", "none", "-"):
        return Setting(kind)
    if kind == "vcpuset":
        return Setting(kind, "auto" if words == "auto" else str(_cpuset(words)))
    if kind in ("numatune", "memnode"):
        return Setting(kind, _tune(kind, words))
    if kind in NUMBERS:
        return Setting(kind, _number(kind, words))
    return Setting(kind, _policy(words))


def _cpuset(text: str) -> CpuSet:
    try:
        return CpuSet.parse(text.replace(" ", ""))
    except CpuSetError as error:
        raise ValueError(str(error)) from None


def _tune(kind: SettingKind, words: str) -> str:
    mode, _, cells = words.partition(" ")
    if mode not in MODES:
        raise ValueError(f"a mode is needed: {', '.join(MODES)}; then cells, such as strict 0-1")
    if cells == "auto":
        if kind == "memnode":
            raise ValueError("a guest cell names its cells: strict 0")
        return f"{mode} auto"
    if not cells:
        raise ValueError(f"name the cells: {mode} 0-1" + ("" if kind == "memnode" else ", or auto"))
    try:
        return f"{mode} {CpuSet.parse(cells.replace(' ', ''))}"
    except CpuSetError as error:
        raise ValueError(str(error).replace("pCPU", "cell")) from None


def _number(kind: SettingKind, words: str) -> str:
    low, high = NUMBERS[kind]
    if kind.endswith("quota") and words == "-1":
        return words
    plain = words.isascii() and words.isdigit() and len(words) < 16
    if not plain or not low <= int(words) <= high:
        raise ValueError(f"a number from {low} to {high} is needed, or none")
    return str(int(words))


def _policy(words: str) -> str:
    name, _, priority = words.partition(" ")
    if name not in SCHEDULERS:
        raise ValueError("fifo 1, rr 1, batch, idle, or none")
    if not SCHEDULERS[name]:
        if priority:
            raise ValueError(f"{name} has no priority")
        return name
    if not (priority.isascii() and priority.isdigit() and 1 <= int(priority[:4]) <= 99):
        raise ValueError(f"{name} needs a priority from 1 to 99: {name} 1")
    return f"{name} {int(priority)}"


def why_not_live(seen: Setting, wanted: Setting) -> str:
    """Why a running domain cannot be given it; empty where libvirt can be asked to.

    Sources: virDomainSetNumaParameters (since 8.0 cells of ``restrictive`` only; where there is no
    policy yet any mode is begun, which then stays), virDomainSetSchedulerParameters.
    """
    if wanted.kind in NUMBERS:
        return ""
    if wanted.kind != "numatune":
        return "libvirt has no call for it"
    if not wanted.text:
        return "a running domain keeps its memory policy"
    if wanted.auto:
        return "numad is asked at start only"
    if seen.text and seen.mode != wanted.mode:
        return f"the mode stays {seen.mode} while it runs"
    return "" if wanted.mode == "restrictive" else "only restrictive cells change while it runs"
