"""One line of the activity log."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Final

from vconsole.model.value import dataclass

BEGUN: Final = "begun"
"""The outcome of an intent: what became of it is another line of the same `Entry.id`."""
MAX_CHARS: Final = 1000
"""No text of an entry is longer: names, messages and virsh lines may be foreign."""
MAX_TRACE_CHARS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one domain, or of the host."""

    when: str
    """UTC, ISO 8601 to the second."""
    operator: str
    """Who logged in, as whom, and where from."""
    uri: str
    uuid: str
    name: str
    action: str
    before: str
    after: str
    outcome: str
    """A status, or `BEGUN`."""
    message: str = ""
    virsh: str = ""
    """The equivalent lines, where there are any."""
    id: str = ""
    """Joins the intent and the outcome of a change; empty in lines of old."""
    process: str = ""
    """Whose intent it is; see `process.this_process`."""
    kind: str = ""
    """Type of the request, as `Answer.request` names it."""
    trace: str = ""
    """By what it can be told later whether the change took effect; the request knows how."""

    def to_json(self) -> str:
        """One line of ASCII without its end."""
        texts = {k: v[:MAX_CHARS] for k, v in asdict(self).items() if v or k not in _LATER}
        if self.trace:
            texts["trace"] = self.trace if len(self.trace) <= MAX_TRACE_CHARS else ""
        return json.dumps(texts)

    @classmethod
    def from_json(cls, line: str) -> Entry:
        """Read one line.

        Raises:
            ValueError: It is no entry.
        """
        try:
            found = json.loads(line)
            texts = {name: found[name] for name in _FIRST}
            texts |= {name: found.get(name, "") for name in _LATER}
        except (LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("no entry") from error
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("no entry")
        return cls(**texts)


_LATER: Final = ("id", "process", "kind", "trace")
"""What lines of old do not have."""
_FIRST: Final = tuple(f.name for f in fields(Entry) if f.name not in _LATER)
