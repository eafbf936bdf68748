"""Jobs of every process of this user: what is under way, how far it is, and giving it up.

Each process writes its own file once a second while a change takes long. Whoever wants one given up
leaves a file beside it, named as the job. The file of a process that was killed stays: it names the
files that were being made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from threading import Lock, Thread
from time import sleep, time
from typing import Final

from vconsole.changes.process import is_over, this_process
from vconsole.files.own import replace_text
from vconsole.host.stderr import leave_trace
from vconsole.model.job import PARTIAL, Job, JobsFound, Leftover
from vconsole.model.proposal import Logged
from vconsole.model.wait import Wait

WRITE_EVERY_S: Final = 1.0
_CANCEL: Final = ".cancel"


def directory_of(state: Path | None) -> Path | None:
    """Where the files are, given where the console remembers things."""
    return state / "jobs" if state is not None else None


class JobBoard:
    """Keeps the file of this process, from the threads that make changes. It never fails.

    Args:
        directory: Where the files of all processes are; None writes nothing.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._lock = Lock()
        self._going: dict[int, tuple[Job, Wait | None]] = {}
        self._count = 0
        self._writer: Thread | None = None

    def begun(self, change: Logged, uri: str) -> None:
        """Note a change; one that makes a file is written down before it makes it."""
        if self._directory is None:
            return
        wait = getattr(change, "wait", None)
        with self._lock:
            self._count += 1
            job = Job(
                *(f"{os.getpid()}.{self._count}", this_process(), uri),
                *(change.name, change.what, time()),
                cancellable=isinstance(wait, Wait),
                partial=str(getattr(change, "partial", "")),
            )
            self._going[id(change)] = job, wait if isinstance(wait, Wait) else None
            if job.partial:
                self._write()
            if self._writer is None:
                self._writer = Thread(target=self._follow, name="vconsole-jobs", daemon=True)
                self._writer.start()

    def ended(self, request: object) -> None:
        """Note that it is over."""
        with self._lock:
            found = self._going.pop(id(request), None)
            if found and found[0].partial:
                self._write()

    def _follow(self) -> None:
        """Write, and look whether one is to be given up, until nothing is under way."""
        while True:
            sleep(WRITE_EVERY_S)
            with self._lock:
                try:
                    self._write()
                    self._look()
                except Exception:  # those who make the changes go on, and so does this
                    leave_trace()
                if not self._going:
                    self._writer = None
                    return

    def _write(self) -> None:
        assert self._directory is not None
        path = self._directory / f"{os.getpid()}.json"
        jobs = [replace(job, progress=wait.what if wait else "") for job, wait in self._all()]
        with suppress(OSError):
            if not jobs:
                path.unlink(missing_ok=True)
                return
            replace_text(path, json.dumps([asdict(job) for job in jobs]))

    def _all(self) -> tuple[tuple[Job, Wait | None], ...]:
        return tuple(self._going.values())

    def _look(self) -> None:
        assert self._directory is not None
        for job, wait in self._all():
            with suppress(OSError):
                (self._directory / f"{job.id}{_CANCEL}").unlink()
                if wait is not None:
                    wait.give_up()


# ---- reading what others wrote


def read(directory: Path) -> JobsFound:
    """What is under way, oldest first, and what was cut off; a file that says nothing goes."""
    found = [job for path in sorted(directory.glob("*.json")) for job in _read(path)]
    going = sorted((job for job in found if not is_over(job.process)), key=lambda j: j.begun_s)
    over = (job for job in found if is_over(job.process))
    return JobsFound(tuple(going), tuple(left for job in over for left in _left(job)))


def _read(path: Path) -> tuple[Job, ...]:
    try:
        jobs = tuple(Job(**item) for item in json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return ()
    if all(is_over(job.process) and not any(_left(job)) for job in jobs):
        with suppress(OSError):
            path.unlink()
        return ()
    return jobs


def _left(job: Job) -> Iterator[Leftover]:
    """What is there of the file that a job was making."""
    if job.partial.endswith(PARTIAL):
        with suppress(OSError):
            found = os.lstat(job.partial)
            yield Leftover(job, found.st_size, found.st_mtime_ns)


def give_up(directory: Path, job: str) -> str:
    """Tell the process of a job; answers why it cannot be."""
    found = next((j for j in read(directory).jobs if j.id == job), None)
    if found is None:
        return f"no job {job}"
    if not found.cancellable:
        return f"{found.what}: libvirt does it in one call: it cannot be given up"
    mark = directory / f"{found.id}{_CANCEL}"
    try:
        mark.touch()
    except OSError as error:
        return f"{mark}: {error.strerror}"
    for _ in range(5):
        sleep(WRITE_EVERY_S)
        if not mark.exists():
            return ""
    return f"process {found.id.partition('.')[0]} does not answer"


def remove(directory: Path, left: Leftover) -> str:
    """Remove what was never finished; answers why it is not."""
    if left not in read(directory).leftovers:
        return f"{left.job.partial} is not as it was seen: something writes it, or has removed it"
    try:
        os.unlink(left.job.partial)
    except OSError as error:
        return f"{left.job.partial}: {error.strerror}"
    return ""
