"""What the screen is drawn on."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Iterator, Mapping

from vconsole.cli.output import terminal_size
from vconsole.files.config import Config
from vconsole.model.diagnosis import Check, Target

SMALLEST, COMFORTABLE = (40, 8), (80, 24)


def checks(config: Config, target: Target) -> Iterator[Check]:
    """Look at the terminal of this process."""
    yield kind(os.environ, sys.stdout.isatty())
    if sys.stdout.isatty():
        yield size(*terminal_size())
    yield colours(os.environ)
    yield characters(locale.nl_langinfo(locale.CODESET), config.ascii)


def kind(environ: Mapping[str, str], is_terminal: bool) -> Check:
    """Whether there is one that can be drawn on."""
    term = environ.get("TERM", "")
    if not is_terminal:
        return Check("terminal", "unknown", "the output goes to none now")
    if term in ("", "dumb"):
        cure = "set TERM as the terminal wants it, such as xterm-256color"
        return Check("terminal", "fail", f"TERM is {term or 'not set'}: nothing can be drawn", cure)
    return Check("terminal", "ok", term)


def size(columns: int, rows: int) -> Check:
    """Whether what matters fits."""
    shown = f"{columns}x{rows}"
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        needed = f"{SMALLEST[0]}x{SMALLEST[1]}"
        return Check("size", "fail", f"{shown}: pages do not fit", f"make it {needed} at least")
    if columns < COMFORTABLE[0] or rows < COMFORTABLE[1]:
        wanted = f"{COMFORTABLE[0]}x{COMFORTABLE[1]}"
        return Check("size", "warn", f"{shown}: columns are left out", f"{wanted} shows more")
    return Check("size", "ok", shown)


def colours(environ: Mapping[str, str]) -> Check:
    """How many there are; nothing is said by colour alone."""
    if environ.get("NO_COLOR"):
        return Check("colours", "ok", "none: NO_COLOR is set")
    if environ.get("COLORTERM") in ("truecolor", "24bit"):
        return Check("colours", "ok", "true colour")
    if "256" in environ.get("TERM", ""):
        return Check("colours", "ok", "256; COLORTERM=truecolor says that a terminal has all")
    few = "few: the themes ansi-dark and ansi-light have the terminal's own"
    return Check("colours", "warn", few, 'theme = "ansi-dark" in the settings')


def characters(encoding: str, ascii_only: bool) -> Check:
    """Whether glyphs can be drawn."""
    if encoding.upper().replace("-", "") == "UTF8":
        return Check("characters", "ok", encoding)
    if ascii_only:
        return Check("characters", "ok", f"{encoding}, and the settings ask for ASCII")
    cure = "set LANG to a UTF-8 locale such as C.UTF-8, or use --ascii"
    return Check("characters", "warn", f"{encoding}: bars and lines are not drawn right", cure)
