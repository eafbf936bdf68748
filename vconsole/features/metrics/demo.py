"""The daemon of the demo's metrics: it writes the disk while somebody looks at it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from threading import Lock
from time import monotonic, time
from typing import Any, Final

from vconsole.features.metrics import requests
from vconsole.features.metrics.daemon.actions import ActionPool
from vconsole.features.metrics.daemon.collect import Collector
from vconsole.features.metrics.host.sample import Sampler
from vconsole.features.metrics.model.config import parse
from vconsole.features.metrics.model.disk import DiskWriter
from vconsole.features.metrics.model.document import render
from vconsole.features.metrics.model.sample import Sample
from vconsole.features.metrics.model.spec import VhostmdConfig
from vconsole.features.metrics.model.status import DaemonStatus, UpdateStatus
from vconsole.host.demo import units
from vconsole.host.demo.world import the_world
from vconsole.model.request import Reply


class _Daemon:
    """Made of the daemon's own parts; one update a period, by whoever asks."""

    def __init__(self) -> None:
        self._lock, self._due = Lock(), 0.0
        self._sampler = Sampler(None, demo=True)
        self._began_s, self._update = time(), UpdateStatus()
        self._collector: Collector | None = None
        self._config: VhostmdConfig | None = None
        self._data, self._conf = b"", Path()

    def update(self, path: Path) -> None:
        """Write the disk, if that is due; its configuration lies beside it."""
        with self._lock:
            if monotonic() < self._due:
                return
            self._conf = path.with_name("vhostmd.conf")
            self._follow(self._conf.read_bytes())
            assert self._config is not None
            assert self._collector is not None
            self._due = monotonic() + self._config.period_s
            self._write(path, self._config, self._collector)

    def _follow(self, data: bytes) -> None:
        """Take the configuration, and a newer one once it is right."""
        if data == self._data:
            return
        self._config, self._data = parse(data), data
        self._collector = Collector(self._config, None, ActionPool(1))

    def _write(self, path: Path, config: VhostmdConfig, collector: Collector) -> None:
        begun = monotonic()
        sample = _of_demo(self._sampler.read(collector.needs))
        found = asyncio.run(collector.collect(sample))
        content = render(found.everything)
        writer = DiskWriter(path, config.file_bytes)
        writer.create()
        writer.update(content)
        writer.close()
        self._update = UpdateStatus(
            count=self._update.count + 1,
            last_s=time(),
            next_s=time() + config.period_s,
            took_s=monotonic() - begun,
            domains=len(sample.domains or ()),
            bytes=len(content),
        )

    def status(self) -> DaemonStatus | None:
        """How it goes; None before it has begun."""
        with self._lock:
            config, collector = self._config, self._collector
            if config is None or collector is None:
                return None
            return DaemonStatus(
                pid=os.getpid(),
                config=str(self._conf),
                in_force_since_s=self._began_s,
                period_s=config.period_s,
                disk=config.disk_path,
                disk_bytes=config.file_bytes,
                transports=tuple(config.transports),
                update=self._update,
                metrics=collector.statuses,
            )


def _of_demo(sample: Sample) -> Sample:
    """With the demo's memory and load in the place of this machine's."""
    world = the_world()
    free = sum(world.free_bytes())
    total = sample.host.memory_bytes or free
    host = replace(
        sample.host,
        system_name=sample.host.hostname or "",
        vendor="Debian",
        used_bytes=total - free,
        available_bytes=free,
        free_bytes=free,
        swap_used_bytes=0,
        swap_free_bytes=8 << 30,
        swapped_in_bytes=0,
        swapped_out_bytes=0,
        paged_in_kib=int(world.now_s * 900),
        paged_out_kib=int(world.now_s * 2100),
        cpu_s=sum(domain.cpu_ns or 0 for domain in sample.domains or ()) / 1e9,
    )
    return replace(sample, host=host)


_daemon: Final = _Daemon()


def write_disk(path: Path) -> None:
    """Write the disk if that is due; one that is not the demo's has no configuration beside it."""
    if path.with_name("vhostmd.conf").exists() and units.runs("vhostmd"):
        _daemon.update(path)


def read_disk(request: requests.ReadDisk) -> Reply:
    """Look at the disk, written anew where that is due."""
    try:
        write_disk(request.path)
    except (OSError, ValueError) as error:
        return Reply("failed", str(error))
    return requests.read_disk(request)


def read_daemon(_request: Any) -> Reply:
    """How it goes."""
    if not units.runs("vhostmd"):
        return Reply("failed", "vhostmd does not run")
    status = _daemon.status()
    return Reply(value=status) if status else Reply("failed", "the demo's daemon has just begun")
