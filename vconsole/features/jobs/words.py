"""Jobs as rows: those of this console, those of other processes, and what was cut off."""

from __future__ import annotations

from time import monotonic, time
from typing import Final, NamedTuple

from vconsole.model.column import Cell, Column
from vconsole.model.job import Job, Leftover
from vconsole.model.proposal import Change
from vconsole.model.request import Reply
from vconsole.model.wait import Wait
from vconsole.text import Note, duration, safe, size


class Row(NamedTuple):
    """One job."""

    what: str
    name: str
    state: Cell
    notes: tuple[Note, ...] = ()
    job: Job | None = None
    """Of another process."""
    left: Leftover | None = None


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("what", "Job", 24, flex=True, cell=lambda row: (safe(row.what), "")),
    Column("name", "Of", 22, cell=lambda row: (safe(row.name), "")),
    Column("state", "State", 26, cell=lambda row: row.state),
)


def wait_words(wait: Wait) -> str:
    """How far a change is, or what it waits for and how long yet."""
    left = max(0.0, wait.until - monotonic()) if wait.until is not None else None
    return safe(wait.what) + (f", {duration(left)} left" if left is not None and wait.what else "")


def own(change: Change, reply: Reply | None, wait: Wait | None, under_way: bool) -> Row:
    """A change of this console."""
    state: Cell = ("under way", "accent") if under_way else ("waits for its turn", "dim")
    if reply is not None:
        state = reply.status, "good" if reply.status == "applied" else "warn"
    elif wait is not None:
        state = wait_words(wait) or "beginning", "accent"
    words = [reply.message, reply.read_back] if reply else []
    notes = [(f" {safe(line)}", "accent") for line in change.virsh()[:2]]
    notes += [(f" {safe(word)}", "") for word in words if word]
    return Row(change.what, change.name, state, tuple(notes))


def of_another(job: Job) -> Row:
    """A change of another process."""
    pid, ago = job.id.partition(".")[0], duration(max(0.0, time() - job.begun_s))
    notes: tuple[Note, ...] = ((f" of process {pid}, begun {ago} ago, on {safe(job.uri)}", "dim"),)
    return Row(job.what, job.name, (safe(job.progress) or "under way", "accent"), notes, job)


def cut_off(left: Leftover) -> Row:
    """A change whose process was killed while it made a file."""
    job = left.job
    notes: tuple[Note, ...] = (
        (f" {safe(job.partial)}", ""),
        (f" {size(left.size_bytes)} of it were made when its process was killed", "dim"),
    )
    return Row(job.what, job.name, ("cut off: a file is left", "warn"), notes, left=left)
