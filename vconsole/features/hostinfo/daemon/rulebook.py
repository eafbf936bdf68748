"""The rules in force: the last good ones that the file held, whatever it holds now.

A file that is being written may grant more than it will in the end: cut off, it lacks rules, and
what no rule is for has the defaults. So nothing is taken while somebody has it open for writing.
What may lack its end all the same grants more only once it was left alone a while: what became
shorter, and what was not put there whole, as a script opens a file anew for each line it adds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep, time

from vconsole.features.hostinfo.model.rules import (
    DEFAULT,
    Diagnostic,
    Effective,
    Rules,
    loosens,
    parse,
)
from vconsole.files.careful import SafeFileError
from vconsole.files.careful import read as read_file
from vconsole.files.lease import Writer

CONF = Path("/etc/hostinfo/hostinfo.conf")
NOTHING = Effective(permitted=frozenset())
"""For everybody as long as there never were good rules: a limit may have been meant."""
_SETTLE_S, _SETTLE_TRIES = 0.03, 4
QUIET_S = 3.0
"""How long a doubtful file must have been the same."""
Mark = tuple[int, int, int, int, int] | None
"""Differs once the file is another; None where there is none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the file."""

    mark: Mark
    data: bytes | None = None
    rules: Rules | None = None
    """None where the file cannot be used; then `problem` says why."""
    problem: str = ""
    diagnostics: Sequence[Diagnostic] = ()
    writer: Writer = "none"


class Rulebook:
    """The rules in force, and what is wrong with the file.

    Attributes:
        pending: Why the file as it is now is not taken yet; look again soon. Empty if it is.
        since: When they came into force, in seconds since 1970.
        problem: Why the file as it is now is not in force; empty if it is.
        diagnostics: What is wrong or doubtful in the file as it is now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.since: float | None = None
        self.problem = self.pending = ""
        self._seen: tuple[Mark, float] = None, 0.0
        """What was read last, and since when it is that."""
        self.diagnostics: Sequence[Diagnostic] = ()
        self._rules: Rules | None = None
        self._data: bytes | None = None
        self._mark: Mark = None
        self._inode: tuple[int, int] | None = None
        """Device and inode number of the file whose rules are in force."""
        self._effective: dict[int | None, Effective] = {}

    def effective(self, name: str) -> Effective:
        """What the guest of a socket's name gets; one value for all of a rule."""
        if self._rules is None:
            return NOTHING
        stanza = self._rules.match(name)
        line = stanza.line if stanza else None
        if line not in self._effective:
            self._effective[line] = self._rules.effective(name) if stanza else DEFAULT
        return self._effective[line]

    def stale(self) -> bool:
        """The file is not the one that was read."""
        return _mark(self.path) != self._mark

    def read(self) -> Reading:
        """Look at the file; may take a while, and may run in a thread."""
        mark = _settled(self.path)
        try:
            loaded = read_file(self.path)
        except SafeFileError as error:
            return Reading(mark, problem=str(error))
        if not loaded.exists:
            if self._rules is not None:
                return Reading(mark, problem=f"{self.path} is gone: put it back, or an empty one")
            return Reading(mark, b"", parse(b""))
        rules = parse(loaded.data)
        if rules.usable:
            return Reading(
                mark, loaded.data, rules, diagnostics=rules.diagnostics, writer=loaded.writer
            )
        first = next(d for d in rules.diagnostics if d.severity == "error")
        problem = f"{self.path}, line {first.line}: {first.message}"
        return Reading(mark, loaded.data, None, problem, rules.diagnostics, loaded.writer)

    def take(self, reading: Reading, names: Iterable[str] = ()) -> bool:
        """Put what was read in force if it is good; whether the rules are others now.

        Args:
            reading: What was read.
            names: Of the guests' sockets.
        """
        if reading.mark != self._seen[0]:
            self._seen = reading.mark, monotonic()
        self.pending = self._doubt(reading, names)
        if self.pending:
            self._mark = None
            return False
        self._mark, self.problem, self.diagnostics = (
            reading.mark,
            reading.problem,
            reading.diagnostics,
        )
        if reading.rules is None or reading.data == self._data:
            return False
        self._rules, self._data, self._effective = reading.rules, reading.data, {}
        self._inode = reading.mark[:2] if reading.mark else None
        self.since = time()
        return True

    def _doubt(self, reading: Reading, names: Iterable[str]) -> str:
        """Why the file should not be taken yet; empty if it may be."""
        if reading.writer == "present":
            return f"{self.path} is open for writing: taken when that is done"
        if reading.rules is None or reading.data is None or reading.data == self._data:
            return ""
        why = self._suspicion(reading)
        if not why or self._is_quiet(reading.mark):
            return ""
        if self._rules is not None and not loosens(self._rules, reading.rules, names):
            return ""
        when = f"taken once it has been the same for {QUIET_S:g} s"
        return f"{self.path} {why} and grants more: {when}"

    def _suspicion(self, reading: Reading) -> str:
        """Why the file may lack its end; empty if it is whole."""
        if len(reading.data or b"") < len(self._data or b" "):
            return "became shorter"
        if reading.writer == "unknown":
            return "may be being written, which only its owner learns,"
        if self._rules is not None and not self._came_whole(reading.mark):
            return "may be continued"
        return ""

    def _came_whole(self, mark: Mark) -> bool:
        """It took the place of another file after its last write: only a rename does that."""
        return mark is not None and mark[:2] != self._inode and mark[4] > mark[3]

    def _is_quiet(self, mark: Mark) -> bool:
        """Nobody has touched the file for a while, by its times or since it was first seen so."""
        if mark is None or monotonic() - self._seen[1] >= QUIET_S:
            return True
        return time() - mark[4] / 1e9 >= QUIET_S


def _settled(path: Path) -> Mark:
    """The file's mark once it stays the same for a moment: somebody may be writing."""
    mark = _mark(path)
    for _ in range(_SETTLE_TRIES):
        sleep(_SETTLE_S)
        before, mark = mark, _mark(path)
        if mark == before:
            break
    return mark


def _mark(path: Path) -> Mark:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
