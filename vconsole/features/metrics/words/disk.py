"""The metrics disk in words: how it is, who can read what from it, what its bytes are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from time import localtime, strftime
from typing import Final, overload

from vconsole.features.metrics.model.disk import HEADER_BYTES, Header
from vconsole.features.metrics.model.provision import Attachments
from vconsole.features.metrics.model.reader import Reading
from vconsole.features.metrics.model.status import Trial
from vconsole.features.metrics.picture import Picture
from vconsole.model.host_state import Connection
from vconsole.model.keys import Keys
from vconsole.model.words import plural
from vconsole.text import Cell, Line, Note, Span, duration, safe, size

KEY = Keys("metrics")
Words = tuple[str, str]
"""(foreign text, tone)."""
_NAMES: Final = 12
"""So many names are read; of the others how many they are."""
_USUAL: Final = "blanks or line feeds around"
"""What vhostmd does to every value."""


# -- how the disk is ---------------------------------------------------------------------------


def title_words(picture: Picture, connection: Connection) -> str:
    """The disk, its size, and who has it."""
    words = [str(picture.path)]
    reading = picture.report.state.latest if picture.report else None
    if reading is not None and reading.size_bytes:
        words.append(size(reading.size_bytes))
    if connection.driver.upper() == "QEMU" and not connection.local:
        words.append(f"of this machine, not of {connection.hostname}")
    words.append(f"attached: {_attached(picture)}")
    return safe("   ".join(words))


def _attached(picture: Picture) -> str:
    found = picture.attachments.values()
    if not found:
        return picture.attachments_problem or "-"
    disks, channels = sum(f.has("disk") for f in found), sum(f.has("channel") for f in found)
    return f"{plural(disks, 'disk')}, {plural(channels, 'channel')}"


def facts(picture: Picture, views: Sequence[str], chosen: int) -> list[Line]:
    """The lines above the list: how the disk is, what its header says, as whom it is seen."""
    if picture.report is None and not picture.trouble:
        return []
    alarms = sum(bool(found.alarm) for found in picture.attachments.values())
    alarm = (f"{plural(alarms, 'alarm')}: see !" if alarms else "", "bad")
    state = (state_words(picture), alarm, daemon_words(picture), (age_words(picture), ""))
    lines: list[Line] = [tuple(_span(words) for words in state)]
    if picture.report is not None:
        lines += [header_words(picture.report.state.latest), view_words(views, chosen)]
    return lines


def _span(words: Words) -> Span:
    """What says nothing takes no room."""
    text, tone = words
    return f" {safe(text)}  " if text else "", tone


def state_words(picture: Picture) -> Words:
    """How the disk is, in plain words."""
    report = picture.report
    if picture.trouble or report is None:
        return picture.trouble, "bad"
    reading, busy_s = report.state.latest, report.state.busy_for_s
    if picture.is_late and reading.problem is None:
        return f"not written for {duration(report.age_s)}: its writer has stopped", "bad"
    if reading.problem is None:
        remarks = reading.document.warnings if reading.document else ()
        odd = next((remark for remark in remarks if _USUAL not in remark), None)
        return (f"readable, but {odd}", "warn") if odd else ("sound", "good")
    if not picture.is_over:
        return "being written", ""
    words = reading.problem.text if busy_s is None else _dead(reading, busy_s)
    return words + _since(report.shown, reading), "bad"


def _dead(reading: Reading, busy_s: float) -> str:
    if reading.header is not None and not reading.header.length:
        never = "never written: the writer died, or the disk is too small"
        return f"busy for {duration(busy_s)}, {never}"
    return f"busy for {duration(busy_s)}: the writer died"


def _since(shown: Reading | None, latest: Reading) -> str:
    """Which older content is shown, if any."""
    if shown is None or shown is latest or shown.modified_s is None:
        return ""
    return f"; showing {strftime('%H:%M:%S', localtime(shown.modified_s))}"


def age_words(picture: Picture) -> str:
    """The age against the period: ``age 2.1 of 5 s``."""
    age_s = picture.report.age_s if picture.report else None
    if age_s is None:
        return ""
    age = f"{age_s:.1f}" if age_s < 60 else duration(age_s)
    if picture.period_s is not None:
        return f"age {age} of {picture.period_s} s"
    return f"age {age} s" if age_s < 60 else f"age {age}"


def header_words(reading: Reading) -> Line:
    """What the header says: signature, busy, checksum, length of capacity."""
    header = reading.header
    if header is None:
        return ((" no header", "dim"),)
    reason = reading.problem.reason if reading.problem else None
    verdict = "wrong" if reason == "checksum" else "right" if reading.form else "-"
    parts = (
        ("signature", safe(header.signature.decode("latin-1"))),
        ("busy", f"busy {header.busy}"),
        ("checksum", f"checksum {header.checksum:08x} {verdict}"),
        ("length", _used(header, reading.size_bytes)),
    )
    return tuple((f" {text}  ", "bad" if reason == part else "") for part, text in parts)


def _used(header: Header, size_bytes: int | None) -> str:
    room = max(0, (size_bytes or 0) - HEADER_BYTES)
    share = f" ({header.length / room:.0%})" if 0 < header.length <= room else ""
    return f"{header.length:,} of {room:,} bytes used{share}"


def view_words(views: Sequence[str], chosen: int) -> Line:
    """The views in a line, the chosen one in brackets."""
    spans: list[Span] = [(" as:", "dim")]
    for number, view in enumerate(views):
        if number == chosen:
            spans.append((f" [{safe(view)}]", "accent"))
        else:
            spans.append((f"  {safe(view)} ", "dim"))
    return tuple(spans)


def daemon_words(picture: Picture) -> Words:
    """What the daemon does, in a few words."""
    status, problem = picture.daemon, picture.daemon_problem
    if status is None:
        if "does not run" in problem:
            return "vconsole vhostmd does not run", "dim"
        return problem, "warn"
    if status.disk != str(picture.path):
        return f"vhostmd writes {status.disk}", "warn"
    if status.config_error:
        return "vhostmd keeps an earlier configuration", "bad"
    if errors := status.update.errors:
        more = f"; {len(errors) - 1} more" if len(errors) > 1 else ""
        return f"{errors[0]}{more}", "bad"
    failing = sum(bool(metric.failing) for metric in status.metrics)
    kept, oldest_s = status.kept
    found = [f"{plural(failing, 'metric')} failing"] if failing else []
    found += [f"{plural(kept, 'value')} up to {duration(oldest_s)} old"] if kept else []
    if found:
        return f"vhostmd: {', '.join(found)}", "warn"
    return f"vhostmd runs, {plural(len(status.metrics), 'metric')}", "good"


def trial_words(name: str, trial: Trial | None, problem: str) -> Words:
    """What came of a metric that was got just now."""
    if trial is None:
        return f"{name} was not tested: {problem}", "bad"
    if trial.problem:
        return f"{name}: {trial.problem}", "bad"
    return "   ".join(f"{name}: {value}" for name, value in trial.values), "good"


def missing_lines(reading: Reading, settings: str) -> list[Line]:
    """What to do where there is nothing to show; `settings` is the user's file."""
    none = "its document is empty: no <transport> is vbd, or there are no metrics"
    problem = reading.problem.text if reading.problem else none
    lines = (
        f"There are no metrics to show from {reading.path}:",
        f"  {problem}",
        "",
        "vconsole vhostmd",
        "  starts the daemon that writes them",
        "systemctl status vconsole-vhostmd vhostmd",
        "  says whether one runs, and why not",
        'metrics_disk = "/path"',
        f"  names another disk, in {settings}",
    )
    return [
        ((f" {safe(line)}", "bad" if number == 1 else ""),) for number, line in enumerate(lines)
    ]


# -- who reads what ----------------------------------------------------------------------------


def ways(found: Attachments | None) -> Cell:
    """How a domain can read metrics, for its heading."""
    if found is None:
        return "", ""
    if found.alarm:
        return "WRITABLE" if "writable" in found.alarm else "WRONG DISK", "bad"
    words = [device.target if device.what == "disk" else "channel" for device in found.now]
    return safe(" ".join(words) or "reads nothing"), "dim"


def names_words(names: Collection[str]) -> str:
    """Some names, and how many there are beyond."""
    shown = sorted(names, key=str.casefold)[:_NAMES]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def leak_notes(picture: Picture, names: Mapping[str, str]) -> list[Note]:
    """What a disk tells all who have it about each other; `names` is UUID -> name."""
    told = [names.get(uuid, uuid) for uuid in picture.owners]
    readers = [names.get(uuid, uuid) for uuid in picture.holders]
    if not told:
        return [(" no guest's metrics are on this disk: who has it learns of no other", "good")]
    all_ = f"all {len(told)} guests" if len(told) > 1 else "one guest"
    leak = f" ! every guest with this disk reads the metrics of {all_}: {names_words(told)}"
    who = f" it is attached to {names_words(readers)}" if readers else " no guest has it attached"
    if not picture.attachments:
        who = f" who has it attached is not known: {picture.attachments_problem or 'not read yet'}"
    return [
        (safe(leak), "bad" if readers else "warn"),
        (safe(who), ""),
        (' domain-disks="yes" in vhostmd.conf gives each guest a disk of its own', "dim"),
    ]


def guest_notes(name: str, uuid: str, found: Attachments | None, path: str) -> list[Note]:
    """By which ways one guest can read, and what that means."""
    if found is None:
        return [(safe(f" whether {name} has a disk or a channel is not known"), "warn")]
    if not found.now:
        words = f" {name} has neither disk nor channel: it reads nothing; {KEY.attach} attaches"
        return [(safe(words), "warn")]
    notes: list[Note] = []
    if not found.has("channel"):
        notes.append((safe(f" {name} has no channel: it would read this over one"), "warn"))
    if found.has("disk", path):
        words = f" {name} has the common disk as well: it reads what a disk reader does"
        notes.append((safe(words), "bad"))
    if any(device.path.endswith(f"vhostmd-{uuid}") for device in found.now):
        notes.append((safe(f" {name} reads the same on a disk of its own"), ""))
    return notes


# -- bytes -------------------------------------------------------------------------------------


def raw_lines(content: bytes) -> list[str]:
    """The lines of a document; what is no text stays visible."""
    return content.decode("utf-8", "backslashreplace").removesuffix("\n").split("\n")


class HexLines(Sequence[Line]):
    """Bytes as a hex dump; a line is made when it is looked at."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return -(-len(self._data) // 16)

    @overload
    def __getitem__(self, place: int) -> Line: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Line]: ...
    def __getitem__(self, place: int | slice) -> Line | Sequence[Line]:
        """One line, or several."""
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        part = self._data[16 * place : 16 * place + 16]
        left, right = part[:8].hex(" "), part[8:].hex(" ")
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        return (
            (f" {16 * place:08x}  ", "dim"),
            (f"{left:<23}  {right:<23}  ", ""),
            (text, "accent"),
        )
