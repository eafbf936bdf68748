"""The pages of metrics on a host of a test: a disk with its writer, a daemon, domains."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import scenes
from tests.answers import metrics_answers
from tests.feed import Answers, proposer
from tests.pilot.manual import Console, console_on
from tests.unit.vhostmd_conf import conf, metric
from vconsole.features.metrics import requests as dispatcher
from vconsole.features.metrics.model.disk import BLOCK_BYTES, DiskWriter
from vconsole.features.metrics.model.document import render
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.status import DaemonStatus
from vconsole.features.metrics.requests import ReadDaemon, TryMetric
from vconsole.files.config import Config
from vconsole.model.host_state import HostState
from vconsole.model.proposal import Propose
from vconsole.model.request import ChangeDevice, Configurations, ReadConfigurations, Reply

NOW = 1_740_837_731.0
"""Seconds since 1970: 2025-03-01 14:02:11."""
WEB_1, WEB_2, DB = "shop-web-1", "shop-web-2", "orders-db"
GUESTS = (DB, WEB_1, WEB_2)
HOST_METRICS = (
    Metric("HostName", "kvm07.example.com"),
    Metric("TotalPhyCPUs", "64", "uint32"),
    Metric("UsedMem", "61204", "uint64", unit="MiB"),
)
ONE = metric("One", "echo 1", "uint32")
TWO = metric("Two", "cut -d. -f1\n  /proc/uptime", context="vm")
NOT_RUNNING = Reply("failed", "/run/vconsole/vhostmd.sock: the daemon does not run")


def own(name: str, seconds: float, number: int = 1) -> Metric:
    """The CPU time of a guest."""
    return Metric("TotalCPUTime", f"{seconds}", "real64", "vm", "s", number, scenes.uuid_of(name))


def metrics(used: int = 61204, cpu_s: float = 847.7) -> list[Metric]:
    guests = [own(name, cpu_s + number, number) for number, name in enumerate(GUESTS, 1)]
    return [*HOST_METRICS[:2], Metric("UsedMem", f"{used}", "uint64", unit="MiB"), *guests]


def xml(name: str, *clauses: str) -> str:
    return (
        f"<domain type='kvm'><name>{name}</name><uuid>{scenes.uuid_of(name)}</uuid><devices>"
        f"<controller type='virtio-serial' index='0'/>{''.join(clauses)}</devices></domain>"
    )


class Host:
    """A disk with its writer, a configuration, a daemon that may run, and what domains have."""

    def __init__(self, folder: Path) -> None:
        self.path, self.conf = folder / "vhostmd0", folder / "vhostmd.conf"
        self.conf.write_bytes(conf(disk=str(self.path)))
        self.daemon = NOT_RUNNING
        self.trial = Reply("failed", "the daemon does not run")
        self.domains = {d.uuid: d for d in scenes.kvm07().domains}
        self.devices: dict[str, list[list[str]]] = {u: [[], []] for u in self.domains}
        """UUID -> clauses of the running domain, and of its definition."""
        self.failure = ""
        self.changes: list[ChangeDevice] = []
        self.tried: list[TryMetric] = []
        self.writer = DiskWriter(self.path, 4 * BLOCK_BYTES)
        self.writer.create()
        self.write()

    def write(self, found: Iterable[Metric] | None = None) -> None:
        self.writer.update(render(metrics() if found is None else found))

    def busy(self) -> None:
        """The writer dies at its work."""
        with self.path.open("r+b") as file:
            file.seek(4)
            file.write(struct.pack(">I", 1))

    def give(self, name: str, *clauses: str) -> None:
        self.devices[scenes.uuid_of(name)] = [list(clauses), list(clauses)]

    def has(self, name: str) -> list[list[str]]:
        return self.devices[scenes.uuid_of(name)]

    def answers(self) -> Answers:
        return {
            **metrics_answers({ReadConfigurations: self._read, Propose: proposer(self._read)}),
            ReadDaemon: lambda _: self.daemon,
            TryMetric: self._try,
            ChangeDevice: self._change,
        }

    def _try(self, request: TryMetric) -> Reply:
        self.tried.append(request)
        return self.trial

    def _read(self, request: ReadConfigurations) -> Reply:
        return Reply(value={uuid: self._configurations(uuid) for uuid in request.uuids})

    def _configurations(self, uuid: str) -> Configurations:
        domain, (live, config) = self.domains[uuid], self.devices[uuid]
        running = xml(domain.name, *live) if domain.active else None
        return Configurations(running, xml(domain.name, *config))

    def _change(self, request: ChangeDevice) -> Reply:
        self.changes.append(request)
        if self.failure:
            return Reply("failed", self.failure)
        for half, wanted in enumerate((request.live, request.config)):
            clauses = self.devices[request.uuid][half]
            if wanted:
                (clauses.append if request.attach else clauses.remove)(request.device)
        return Reply(value=self._configurations(request.uuid))


def new_host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host whose disk is looked at as often as it is asked for; its clock stands still."""
    monkeypatch.setattr("vconsole.screens.metrics.config.time", lambda: NOW)
    monkeypatch.setattr(dispatcher, "_LOOK_EVERY_S", 0.0)
    return Host(folder)


@asynccontextmanager
async def metrics_page(
    host: Host, size: tuple[int, int] = (120, 40), host_state: HostState | None = None
) -> AsyncIterator[Console]:
    """Open the page."""
    config = Config(metrics_disk=str(host.path), vhostmd_conf=str(host.conf))
    known = host_state or scenes.kvm07()
    async with console_on(known, size, config=config, answers=host.answers()) as console:
        await console.press("5")
        yield console


async def look_again(console: Console) -> None:
    """As the page does it each second."""
    page: Any = console.app.page
    page.look()
    await console.settle()


def status(host: Host, **fields: Any) -> Reply:
    known = DaemonStatus(4711, str(host.conf), NOW - 3, period_s=5, disk=str(host.path))
    for name, value in fields.items():
        setattr(known, name, value)
    return Reply(value=known)


async def type_in(console: Console, text: str) -> None:
    await console.type(text)
    await console.press("enter")


def configured(host: Host, *found: str) -> None:
    host.conf.write_bytes(conf(*found, disk=str(host.path)))
