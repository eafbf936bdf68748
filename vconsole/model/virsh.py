"""The virsh command lines that do what a change of pins does.

Sources: virsh(1) for vcpupin, emulatorpin, iothreadpin. virsh takes a bare number for a domain's
id and a UUID for a UUID before it looks at names, so a name that reads as either is not used.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey, Value
from vconsole.model.outcome import PinChange, PinStep
from vconsole.model.setting import NUMBERS, Setting

_UUID_LIKE = re.compile(r"[0-9a-fA-F-]{32,}")
_MAX_NAME = 120


def domain_argument(name: str, uuid: str) -> str:
    """What names the domain on a command line: its name where unmistakable, else its UUID.

    A name that looks like an option, a number, a UUID, or holds what a terminal does not print
    would reach another domain or mislead the reader.
    """
    plain = name.isprintable() and bool(name.strip()) and len(name) <= _MAX_NAME
    mistakable = name.startswith("-") or _is_number(name) or _UUID_LIKE.fullmatch(name)
    return name if plain and not mistakable else uuid


def pin_command(
    domain: str, key: PinKey, cpuset: CpuSet, flags: Iterable[str] = (), uri: str | None = None
) -> str:
    """One line for a POSIX shell that sets one row; `domain` is a name or UUID, still unquoted.

    `flags` are words such as ``--live``. The line holds no line break whatever the arguments.
    """
    kind, number = key
    words = ["virsh", *(("-c", uri) if uri else ()), f"{kind}pin", "--domain", domain]
    if number is not None:
        words += [f"--{kind}", str(number)]
    words += ["--cpulist", str(cpuset), *flags]
    return " ".join(shlex.quote(_one_line(word)) for word in words)


def change_commands(
    change: PinChange, uri: str | None = None, *, split_pins: bool = True
) -> tuple[str, ...]:
    """The lines that do `change`, in its order; no flags where the driver keeps one set.

    A row whose live and config set become the same takes one line, else two.
    """
    domain = domain_argument(change.name, change.uuid)
    return tuple(
        _command(domain, step, value, flags, uri, split_pins)
        for step in change.steps
        for value, flags in _halves(step)
    )


def _command(
    domain: str, step: PinStep, value: Value, flags: tuple[str, ...], uri: str | None, split: bool
) -> str:
    if isinstance(value, Setting):
        return _setting_command(domain, step.id, value, flags, uri)
    kind = step.kind
    assert kind in ("vcpu", "emulator", "iothread")
    return pin_command(domain, (kind, step.id), value, flags if split else (), uri)


def _setting_command(
    domain: str, number: int | None, value: Setting, flags: tuple[str, ...], uri: str | None
) -> str:
    """Sources: virsh(1), numatune and schedinfo; the rest is edited, with what is to stand there.

    A number is taken away by setting what the kernel has without one.
    """
    words = ["virsh", *(("-c", uri) if uri else ())]
    note = ""
    if value.kind in NUMBERS and (value.text or "--live" in flags):
        name = SCHEDULE_NAMES.get(value.kind, value.kind)
        wanted = value.text or str(WITHOUT[name.rpartition("_")[2]])
        words += ["schedinfo", "--domain", domain, "--set", f"{name}={wanted}", *flags]
        note = "" if value.text or value.kind != "shares" else "  # 1024 where it has cgroup v1"
    elif value.kind == "numatune" and value.nodeset:
        words += ["numatune", "--domain", domain, "--mode", value.mode]
        words += ["--nodeset", value.rest, *flags]
    else:
        words += ["edit", "--domain", domain]
        note = f"  # {value.kind}{'' if number is None else f' {number}'}: {value}"
    return " ".join(shlex.quote(_one_line(word)) for word in words) + note


SCHEDULE_NAMES: Final = {"shares": "cpu_shares", "period": "vcpu_period", "quota": "vcpu_quota"}
"""What virDomainSetSchedulerParameters calls them, where that differs from the XML."""
WITHOUT: Final = {"shares": 100, "period": 100000, "quota": -1}
"""What the kernel has where nothing is set (cgroup v2); the rest of a name in its last word."""


def shell_script(
    commands: Iterable[str], header: Iterable[str] = (), footer: Iterable[str] = ()
) -> str:
    """A POSIX shell script that stops at the first failure; header and footer become comments.

    A comment is always one line of printable text, so that nothing in it can run.
    """
    lines = ["#!/bin/sh", *map(_comment, header), "set -eu", *commands, *map(_comment, footer)]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return f"# {shown}".rstrip()


def _halves(step: PinStep) -> Iterator[tuple[Value, tuple[str, ...]]]:
    live, config = step.live_after, step.config_after
    if live is not None and live == config:
        yield live, ("--live", "--config")
        return
    if live is not None:
        yield live, ("--live",)
    if config is not None:
        yield config, ("--config",)


def _is_number(name: str) -> bool:
    try:
        int(name[:20], 0)
    except ValueError:
        return name.strip().lstrip("+").isdigit()
    return True


def _one_line(word: str) -> str:
    """The word with what does not print percent-encoded, as a URI would have it."""
    if word.isprintable():
        return word
    return "".join(c if c.isprintable() else quote(c, errors="backslashreplace") for c in word)
