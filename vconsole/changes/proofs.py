"""Whether changes of pins helped, beside the history of them: ``proofs.jsonl``.

One JSON object a line, by the id of the record in ``pins.jsonl``: the window before the change and
the one after, in numbers. A change has a line when it is made and one when its second window has
ended; the longer one counts. Lines that are none, or only half of one, are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from vconsole.files.jsonlines import Stamp, append_line, last_lines, stamp
from vconsole.model.proof import Mean, Proof

FILE_NAME: Final = "proofs.jsonl"
_MOST: Final = 1e9
_NUMBERS: Final = ("seconds", "wait_percent", "cpu_percent", "locality_percent", "switches_s")


class Proofs:
    """The file beside a history, read again when it has changed; in memory where there is none."""

    def __init__(self, history: Path | None) -> None:
        self.path = history.with_name(FILE_NAME) if history else None
        self._seen: Stamp | None = None
        self._known: dict[str, Proof] = {}

    def of(self, id: str) -> Proof | None:
        """What is known of a change that is over."""
        if self.path is not None and (now := stamp(self.path)) != self._seen:
            self._seen = now
            with suppress(OSError):
                self._keep(map(from_json, last_lines(self.path)))
        return self._known.get(id)

    def add(self, proofs: Iterable[Proof]) -> str:
        """Know these; answers the lines for `write`."""
        new = tuple(proofs)
        self._keep(new)
        return "\n".join(map(to_json, new))

    def write(self, lines: str) -> None:
        """Append them, from any thread; a file that cannot be written costs only the proof."""
        if self.path is not None and lines:
            with suppress(OSError):
                append_line(self.path, lines)

    def _keep(self, proofs: Iterable[Proof | None]) -> None:
        for proof in filter(None, proofs):
            known = self._known.get(proof.id)
            if known is None or known.after.seconds <= proof.after.seconds:
                self._known[proof.id] = proof


def to_json(proof: Proof) -> str:
    """One line of ASCII without its end."""
    windows = {"before": _numbers(proof.before), "after": _numbers(proof.after)}
    return json.dumps({"id": proof.id, **windows})


def from_json(line: str) -> Proof | None:
    """Read one line; None where it is none."""
    try:
        found = json.loads(line)
        before, after = _mean(found["before"]), _mean(found["after"])
        return Proof(found["id"], before, after) if isinstance(found["id"], str) else None
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _numbers(mean: Mean) -> Mapping[str, float | None]:
    return {name: getattr(mean, name) for name in _NUMBERS}


def _mean(found: Any) -> Mean:
    seconds, *shares = (_number(found.get(name)) for name in _NUMBERS)
    return Mean(seconds or 0.0, *shares)


def _number(value: object) -> float | None:
    """A number from 0 on; anything else is not known."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _MOST else None
