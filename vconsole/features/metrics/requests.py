"""What the console asks about metrics beside the reading, and who answers it."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from time import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from vconsole.features.metrics.daemon.control import (
    DEFAULT_PATH,
    ControlError,
    ask_status,
    ask_test,
)
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.provision import Attachments, Wish, attachments, planner
from vconsole.features.metrics.model.reader import DiskFollower, DiskState, Reading
from vconsole.features.metrics.model.status import Trial
from vconsole.features.metrics.model.tracks import Key, Track, followed, keyed
from vconsole.files.draft import SaveFile, save_file
from vconsole.model.outcome import Target
from vconsole.model.proposal import Propose
from vconsole.model.request import Configurations, ReadConfigurations, Reply

if TYPE_CHECKING:
    from vconsole.host.link import Link

_LOOK_EVERY_S: Final = 0.5
_AT_A_TIME: Final = 100
"""Domains whose XML is held at once."""


@dataclass(frozen=True, slots=True)
class ReadDisk:
    """Look at a metrics disk: answers a `DiskReport`."""

    path: Path
    deadline_s: ClassVar[float] = 3.0


@dataclass(frozen=True, slots=True)
class DiskReport:
    """How things stand with a disk."""

    state: DiskState
    age_s: float | None = None
    """Since it was last written."""
    shown: Reading | None = None
    """The latest reading of a document; not the latest of all if something is wrong."""
    metrics: Mapping[Key, Metric] = field(default_factory=dict)
    """Those of `shown`, by key."""
    tracks: Mapping[Key, Track] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadDaemon:
    """Ask the daemon how it goes: answers a `DaemonStatus`."""

    socket: Path = DEFAULT_PATH
    deadline_s: ClassVar[float] = 3.0


@dataclass(frozen=True, slots=True)
class TryMetric:
    """Get one metric now: answers a `Trial`.

    The daemon does it as it does always; with a configuration, which it may not know yet, the
    console itself does.
    """

    name: str
    context: str
    config: bytes | None = None
    uri: str | None = None
    """Of the host, where the console gets it."""
    deadline_s: ClassVar[float] = 20.0


@dataclass(frozen=True, slots=True)
class SaveConfig(SaveFile):
    """Save vhostmd.conf."""

    what: ClassVar[str] = "save the configuration of vhostmd"


@dataclass(frozen=True, slots=True)
class ReadAttachments:
    """Look which domains have the disk or the channel: answers a mapping of UUID."""

    uuids: tuple[str, ...]
    path: str
    deadline_s: ClassVar[float] = 60.0


@dataclass(frozen=True, slots=True)
class PlanDevices:
    """Work out how to attach or detach: answers a `Proposal` for each of the targets."""

    domains: tuple[tuple[str, str], ...]
    """(UUID, name) of each."""
    wish: Wish
    targets: tuple[Target, ...] = ("both", "live", "config")
    deadline_s: ClassVar[float] = 60.0


Handle = Callable[[Any], Reply]
"""Answers requests of one type."""


# ---- the disk


class _Disks:
    """Follows the disk that was asked for last."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._follower = DiskFollower("")
        self._shown: Reading | None = None
        self._metrics: dict[Key, Metric] = {}
        self._tracks: dict[Key, Track] = {}

    def read(self, request: ReadDisk) -> Reply:
        """Look, unless the look before still hangs in the kernel."""
        if not self._lock.acquire(blocking=False):
            return Reply("unknown", "does not answer: is it on a server that is away?")
        try:
            if self._follower.path != request.path:
                self._follower = DiskFollower(request.path, every_s=_LOOK_EVERY_S)
                self._shown, self._metrics, self._tracks = None, {}, {}
            return Reply(value=self._report(self._follower.poll()))
        finally:
            self._lock.release()

    def _report(self, state: DiskState) -> DiskReport:
        latest = state.latest
        if latest.document is not None and (latest.document.metrics or latest.problem is None):
            self._follow(latest)
        age_s = latest.age_s(time())
        return DiskReport(state, age_s, self._shown, self._metrics, self._tracks)

    def _follow(self, reading: Reading) -> None:
        """Take another document in; the same one again changes nothing."""
        before, self._shown = self._shown, reading
        if before is not None and _update(before) == _update(reading):
            return
        assert reading.document is not None
        self._metrics = keyed(reading.document.metrics)
        self._tracks = followed(self._tracks, self._metrics)


def _update(reading: Reading) -> tuple[object, ...]:
    """What tells one update from the next."""
    return reading.modified_s, reading.header, reading.content


read_disk: Final = _Disks().read
"""Answers `ReadDisk`."""

# ---- the daemon


def read_daemon(request: ReadDaemon) -> Reply:
    """Ask its control socket."""
    try:
        return Reply(value=ask_status(request.socket))
    except ControlError as error:
        return Reply("failed", str(error))


def try_metric(request: TryMetric) -> Reply:
    """Get the metric, by the daemon or here."""
    try:
        if request.config is None:
            return Reply(value=ask_test(request.name, request.context))
        return Reply(value=_test_here(request, request.config))
    except (ControlError, ValueError) as error:
        return Reply("failed", str(error))


def _test_here(request: TryMetric, data: bytes) -> Trial:
    """Get a metric as the daemon would with this configuration."""
    from vconsole.features.metrics.daemon.actions import ActionPool
    from vconsole.features.metrics.daemon.collect import Collector
    from vconsole.features.metrics.host.sample import Sampler
    from vconsole.features.metrics.model.config import parse

    config = parse(data)
    wanted = tuple(
        replace(spec, enabled=True)
        for spec in config.metrics
        if (spec.name, spec.context) == (request.name, request.context)
    )
    pool, sampler = ActionPool(1), Sampler(request.uri)
    try:
        collector = Collector(replace(config, metrics=wanted), request.uri, pool)
        sample = sampler.read(collector.needs)
        made = asyncio.run(collector.test(request.name, request.context, sample))
        return Trial(tuple((m.name, m.value) for m in made.metrics), made.problem)
    finally:
        pool.stop()
        sampler.close()


# ---- the configuration


def save_config(request: SaveConfig) -> Reply:
    """Save it if it is a configuration."""
    from vconsole.features.metrics.model.config import parse

    return save_file(request, parse)


# ---- devices


def read_attachments(link: Link, request: ReadAttachments) -> Reply:
    """Look into the XML of the domains."""
    from vconsole.host.devices import read_configurations

    return attachments_by(partial(read_configurations, link), request)


def attachments_by(read_xml: Handle, request: ReadAttachments) -> Reply:
    """Look into what `read_xml` answers to `ReadConfigurations`."""
    found: dict[str, Attachments] = {}
    problems: dict[str, None] = {}
    for uuid, configurations in _configurations(request.uuids, read_xml, problems):
        try:
            found[uuid] = attachments(configurations, request.path)
        except ValueError as error:
            problems[f"{uuid}: {error}"] = None
    return Reply("applied" if found or not problems else "failed", "; ".join(problems), found)


def plan_devices(link: Link, request: PlanDevices) -> Reply:
    """Plan by the XML of the domains."""
    from vconsole.host.devices import propose

    return plan_by(partial(propose, link), request)


def plan_by(propose: Handle, request: PlanDevices) -> Reply:
    """Plan by what `propose` answers to `Propose`."""
    wish = request.wish
    if wish.attach and wish.what == "disk":
        wish = replace(wish, direct=_opens_direct(wish.path))
    return propose(Propose(request.domains, planner(wish), request.targets))


def _configurations(
    uuids: tuple[str, ...], read_xml: Handle, problems: dict[str, None]
) -> Iterator[tuple[str, Configurations]]:
    """The XML of many domains, not all of it at a time; what cannot be read is a problem."""
    for start in range(0, len(uuids), _AT_A_TIME):
        reply = read_xml(ReadConfigurations(uuids[start : start + _AT_A_TIME]))
        if reply.message:
            problems[reply.message] = None
        if isinstance(reply.value, dict):
            yield from reply.value.items()


def _opens_direct(path: str) -> bool:
    """Whether the file can be opened around the page cache; of one that is elsewhere, yes."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return error.errno != errno.EINVAL
    return True
