"""Changes in the system's journal: there administrators see what the others changed.

Native protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/. A machine without a journal loses
nothing but that: the activity log is the record.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from vconsole.changes.entry import Entry

SOCKET = "/run/systemd/journal/socket"
MESSAGE_ID: Final = "6b2f3c0d5a9e4a0fb6f1c3a8d2e7905b"
"""Of every entry here: ``journalctl MESSAGE_ID=...`` shows the changes and nothing else."""
DEADLINE_S: Final = 8.0
JOURNALS: Final = (Path("/run/log/journal"), Path("/var/log/journal"))
MACHINE_ID: Final = Path("/etc/machine-id")
ONLY_OWN: Final = "members of systemd-journal or adm see those of all"
_NOTICE: Final = "5"
_FIELDS: Final = {
    "OPERATOR": "operator",
    "URI": "uri",
    "DOMAIN_UUID": "uuid",
    "DOMAIN": "name",
    "ACTION": "action",
    "BEFORE": "before",
    "AFTER": "after",
    "OUTCOME": "outcome",
    "DETAIL": "message",
    "VIRSH": "virsh",
    "VCONSOLE_ID": "id",
    "WHEN": "when",
}


def send(entry: Entry, origin: str, path: str = "") -> bool:
    """Hand an entry over; False where no journal takes it. Never waits."""
    fields = {field: getattr(entry, name) for field, name in _FIELDS.items()}
    fields |= {
        "MESSAGE": f"{entry.operator}: {entry.action} {entry.name}: {entry.outcome}",
        "MESSAGE_ID": MESSAGE_ID,
        "PRIORITY": _NOTICE,
        "SYSLOG_IDENTIFIER": "vconsole",
        "ORIGIN": origin,
    }
    data = b"".join(_field(name, value) for name, value in fields.items() if value)
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plug:
        plug.setblocking(False)
        plug.sendto(data, path or SOCKET)
        return True
    return False


def _field(name: str, value: str) -> bytes:
    """One field in the form that allows line ends: its length goes before it."""
    data = value.encode("utf-8", "replace")
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"


def read(most: int) -> tuple[tuple[Entry, ...], str]:
    """(the changes in the journal as far as this user may read it, why there are none)."""
    if not Path(SOCKET).exists():
        return (), "no journal here"
    argv = ["journalctl", "--no-pager", "-o", "json", "-n", str(most)]
    try:
        done = subprocess.run(
            [*argv, f"MESSAGE_ID={MESSAGE_ID}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return (), f"the journal cannot be read: {type(error).__name__}"
    complaint = done.stderr.decode("utf-8", "replace").strip().splitlines()
    note = ONLY_OWN if _only_own() else f"journal: {complaint[0]}" if complaint else ""
    return tuple(parse(done.stdout.decode("utf-8", "replace"))), note


def _only_own() -> bool:
    """Whether this user may read no more than the own entries; journalctl does not say it here.

    The system's are in ``system.journal`` below the machine's id (systemd-journald.service(8)).
    """
    for top in JOURNALS:
        try:
            machine = MACHINE_ID.read_text("ascii").strip()
            os.close(os.open(top / machine / "system.journal", os.O_RDONLY | os.O_CLOEXEC))
        except PermissionError:
            return True
        except (OSError, ValueError):
            continue
    return False


def parse(text: str) -> Iterator[Entry]:
    """The entries among the lines of ``journalctl -o json``; others are passed over."""
    for line in text.splitlines():
        with suppress(ValueError, RecursionError):
            if isinstance(fields := json.loads(line), dict):
                yield _entry(fields)


def _entry(fields: Mapping[str, Any]) -> Entry:
    texts = {name: _text(fields.get(field)) for field, name in _FIELDS.items()}
    if not texts["when"] or not texts["outcome"]:
        raise ValueError("no change")
    return Entry(**{**texts, "operator": _vouched(texts["operator"], fields)})


def _vouched(operator: str, fields: Mapping[str, Any]) -> str:
    """The operator as named, behind the user whom the journal itself saw, if that is another.

    Any user may write any OPERATOR; ``_UID`` is the kernel's word.
    """
    uid = _text(fields.get("_UID"))
    if uid in ("", "0"):
        return operator
    name = f"uid {uid}"
    with suppress(KeyError, ValueError, OverflowError):
        name = pwd.getpwuid(int(uid)).pw_name
    return operator if operator.split(" ")[0] == name else f"{name}, named {operator}"


def _text(value: object) -> str:
    """A field; what is not UTF-8 comes as a list of bytes."""
    if isinstance(value, list) and all(isinstance(n, int) and 0 <= n < 256 for n in value):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
