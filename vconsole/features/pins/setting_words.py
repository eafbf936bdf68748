"""What the rows of memory and scheduling are, in a line or two each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vconsole.model.setting import SettingKind

HINTS: Final[Mapping[SettingKind, str]] = {
    "vcpuset": "4-7   auto   none",
    "numatune": "strict 0-1   restrictive 1   strict auto   none",
    "memnode": "strict 0   none",
    "vcpusched": "fifo 1   rr 1   batch   idle   none",
    "emulatorsched": "fifo 1   rr 1   batch   idle   none",
    "iothreadsched": "fifo 1   rr 1   batch   idle   none",
}
_ABOUT: Final[Mapping[str, str]] = {
    "vcpuset": "<vcpu cpuset>: where each thread without a pin may run, emulator and iothreads "
    "too; auto asks numad at start. From the next start on.",
    "numatune": "<numatune><memory>: the cells of its memory. strict: nowhere else; preferred: "
    "first; interleave: in turns; restrictive: strict, by cgroup alone, and live too.",
    "memnode": "<numatune><memnode>: the same for one cell that the guest sees.",
    "vcpusched": "<vcpusched>: the kernel's policy for the thread of this vCPU.",
    "emulatorsched": "<emulatorsched>: the kernel's policy for the emulator.",
    "iothreadsched": "<iothreadsched>: the kernel's policy for this iothread.",
    "shares": "<shares>: its weight against other domains where pCPUs are short.",
    "period": "Microseconds after which a quota is given anew; none is 100000.",
    "quota": "Microseconds that may be used in each period; none is no limit.",
}
_WHOSE: Final = {
    "global": "all threads together",
    "emulator": "the emulator",
    "iothread": "each iothread",
}


def about(kind: SettingKind) -> str:
    """What a row of this kind is."""
    whose, _, what = kind.partition("_")
    if kind in _ABOUT:
        return _ABOUT[kind] + (" Of each vCPU." if kind in ("period", "quota") else "")
    return f"{_ABOUT[what]} Of {_WHOSE[whose]}."
