"""What the program stands on: Python, libraries, programs of others."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from vconsole import __version__
from vconsole.files.config import Config
from vconsole.model.diagnosis import Check, Target

OLDEST_PYTHON = (3, 11)
_NEED = re.compile(r"([A-Za-z0-9._-]+)\s*(?:(~=|>=)\s*([0-9.]+))?")
_PROGRAMS = (
    ("qemu-img", "images, and disks of guests that are shut off", "qemu-utils or qemu-img"),
    ("virsh", "the lines that are shown beside every change", "libvirt-clients"),
    ("ssh", "hosts by qemu+ssh://", "openssh-client"),
)


def checks(config: Config, target: Target) -> Iterator[Check]:
    """Look at all of it."""
    yield Check("vconsole", "ok", f"{__version__} in {Path(__file__).parents[2]}")
    yield _python()
    yield from _libraries()
    for name, what, package in _PROGRAMS:
        found = shutil.which(name)
        if found:
            yield Check(name, "ok", found)
        else:
            yield Check(name, "warn", f"not there: {what}", f"install {package}")


def _python() -> Check:
    shown = f"{sys.version.split()[0]} ({sys.executable})"
    if sys.version_info < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return Check("Python", "fail", shown, f"{oldest} or later is needed")
    return Check("Python", "ok", shown)


def _libraries() -> Iterator[Check]:
    try:
        needs = [need for need in requires("vconsole") or () if "extra ==" not in need]
    except PackageNotFoundError:
        yield Check("libraries", "unknown", "vconsole runs from a directory, not installed")
        return
    for need in needs:
        if found := _NEED.match(need):
            yield library(found[1], found[2] or "", found[3] or "")


def library(name: str, relation: str, wanted: str) -> Check:
    """A library that is needed, in a version that is meant."""
    try:
        have = version(name)
    except PackageNotFoundError:
        if name == "watchfiles":  # vconsole.pyz brings none
            words = "not installed: the daemons look at files now and then"
            return Check(name, "warn", words, "a package of vconsole brings it, and so does pipx")
        return Check(name, "fail", "not installed", f"pip install '{name}{relation}{wanted}'")
    if not _is_meant(have, relation, wanted):
        cure = f"pip install '{name}{relation}{wanted}'"
        return Check(name, "fail", f"{have}, but {relation}{wanted} is needed", cure)
    return Check(name, "ok", have)


def _is_meant(have: str, relation: str, wanted: str) -> bool:
    """Source: version specifiers, https://packaging.python.org; ``~=`` keeps all but the last."""
    asked, given = _numbers(wanted), _numbers(have)
    kept = len(asked) - 1 if relation == "~=" else 0
    return given >= asked and given[:kept] == asked[:kept]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))
