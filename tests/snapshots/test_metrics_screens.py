"""What the pages of metrics look like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests import scenes
from tests.answers import metrics_answers
from tests.feed import Answers, make_console, proposer
from tests.pilot.metrics_host import NOT_RUNNING, NOW, ONE, TWO, metrics, own, xml
from tests.snapshots.pressing import RunBefore, pressing
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from tests.unit.vhostmd_conf import conf, metric
from vconsole.console.app import VConsole
from vconsole.features.metrics.model.disk import SIGNATURE, Header, checksum
from vconsole.features.metrics.model.document import parse, render
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.provision import channel_clause, disk_clause
from vconsole.features.metrics.model.reader import DiskState, Problem, Reading
from vconsole.features.metrics.model.status import DaemonStatus, MetricStatus, Trial
from vconsole.features.metrics.model.tracks import Key, Track, followed, keyed
from vconsole.features.metrics.requests import (
    DiskReport,
    ReadDaemon,
    ReadDisk,
    SaveConfig,
    TryMetric,
)
from vconsole.files.careful import Loaded
from vconsole.files.config import Config
from vconsole.files.draft import ReadFile
from vconsole.model.proposal import Propose
from vconsole.model.request import ChangeDevice, Configurations, ReadConfigurations, Reply

DISK, CONF = "/dev/shm/vhostmd0", "/etc/vhostmd/vhostmd.conf"
HOSTILE = [
    Metric("esc\x1b[2Jgone", "\u202eevil", "string\x85", unit="\x9b31m"),
    Metric("PageInRate", "32.000000", "uint64"),
    Metric("A" * 90, "x" * 300),
    Metric("TotalCPUTime", "1", "real64", "vm", "s", 1, "no uuid \x07"),
]
UPDATES = ((61160, 840.2), (61190, 844.0), (61185, 845.1), (61192, 848.9), (61204, 851.0))


def reading(content: bytes, busy: int = 0, problem: Problem | None = None) -> Reading:
    return Reading(
        Path(DISK),
        problem,
        Header(SIGNATURE, busy, checksum(content), len(content)),
        content,
        parse(content),
        "file",
        256 << 10,
        NOW,
        None if busy else "either",
    )


def sound() -> DiskReport:
    """The last of several updates."""
    tracks: dict[Key, Track] = {}
    last: dict[Key, Metric] = {}
    for used, cpu_s in UPDATES:
        last = keyed([*metrics(used, cpu_s), *(own(g, 5, n) for n, g in enumerate(("dns-1",), 9))])
        tracks = followed(tracks, last)
    shown = reading(render(last.values()))
    return DiskReport(DiskState(shown, None), 2.1, shown, last, tracks)


def dead() -> DiskReport:
    known = sound()
    assert known.shown is not None
    busy = replace(known.shown, problem=Problem("busy", "its writer is at work, or died at it"))
    assert busy.header is not None
    busy = replace(busy, header=replace(busy.header, busy=1), form=None)
    return replace(known, state=DiskState(busy, 12.0), age_s=14.1)


def missing() -> DiskReport:
    text = "there is no such file: is its writer running?"
    latest = Reading(Path(DISK), Problem("missing", text))
    return DiskReport(DiskState(latest, None))


def hostile() -> DiskReport:
    shown = reading(render(HOSTILE))
    last = keyed(HOSTILE)
    return DiskReport(DiskState(shown, None), 2.1, shown, last, followed({}, last))


def daemon() -> Reply:
    told = (
        MetricStatus("One", "host", "uint32", None, "1", NOW - 4, 0.0123, runs=7),
        MetricStatus("Two", "vm", "string", failures=3, failing=1, problem="ended with status 1"),
    )
    status = DaemonStatus(4711, CONF, NOW - 3, period_s=5, disk=DISK, metrics=told)
    return Reply(value=status)


@dataclass
class Scene:
    """How to come to a page."""

    keys: tuple[str, ...] = ()
    report: Callable[[], DiskReport] = sound
    conf: bytes = conf(ONE, TWO)
    theirs: bytes = b""
    """What saving finds instead."""
    failure: str = ""
    """Why no device can be changed."""
    daemon: Reply | None = None


FIND = ("A", "/", *"shop-web", "enter")
SCREENS = {
    "metrics": Scene(("j", "j", "j")),
    "metrics-reader": Scene(("v",)),
    "metrics-guest": Scene((*["j"] * 8, "v", "v")),
    "metrics-alarm": Scene((*["j"] * 9,)),
    "metrics-dead": Scene(("j",), dead),
    "metrics-missing": Scene((), missing, daemon=NOT_RUNNING),
    "metrics-hostile": Scene(("j",), hostile),
    "metrics-filtering": Scene(("/", *"cpu web")),
    "metrics-raw": Scene(("r",)),
    "metrics-hex": Scene(("x",)),
    "metrics-tested": Scene(("j", "t")),
    "attach": Scene((*FIND, " ")),
    "attach-plan": Scene((*FIND, " ", " ", " ", "+")),
    "attach-channel": Scene((*FIND, "j", "tab", "+", "enter")),
    "attach-failed": Scene((*FIND, "j", "j", "+", "enter"), failure="No more available PCI slots"),
    "config": Scene(("c",)),
    "config-failing": Scene(("c", "j")),
    "config-edited": Scene(("c", " ", "j", "t")),
    "config-adding": Scene(("c", "o", *"host Mine", "enter")),
    "config-invalid": Scene(("c",), conf=conf(ONE.replace("uint32", "uint33"))),
    "config-diff": Scene(("c", " ", "ctrl+s")),
    "config-conflict": Scene(
        ("c", "d", "ctrl+s", "enter"), theirs=conf(ONE, metric("Theirs", "echo 3"))
    ),
    "config-text": Scene(("c", "j", "e", "down", *"<b")),
}


def _answers(scene: Scene) -> Answers:
    given = {
        "shop-web-1": (disk_clause(DISK, "vdz"), channel_clause()),
        "shop-web-2": (disk_clause(DISK, "vdb").replace("<readonly/>", ""),),
        "orders-db": (disk_clause(DISK, "vdz"),),
    }

    def read(request: ReadConfigurations) -> Reply:
        known = {d.uuid: d for d in scenes.kvm07().domains}
        found = {}
        for uuid in request.uuids:
            text = xml(known[uuid].name, *given.get(known[uuid].name, ()))
            found[uuid] = Configurations(text if known[uuid].active else None, text)
        return Reply(value=found)

    loaded = Loaded(scene.conf, exists=True)
    theirs = Loaded(scene.theirs, exists=True, inode=1)
    applied = Reply("failed", scene.failure) if scene.failure else Reply()
    return {
        **metrics_answers({ReadConfigurations: read, Propose: proposer(read)}),
        ReadDisk: lambda _: Reply(value=scene.report()),
        ReadDaemon: lambda _: scene.daemon or daemon(),
        ReadFile: lambda _: Reply(value=loaded),
        SaveConfig: lambda _: Reply("conflict", "the file was changed meanwhile", theirs),
        TryMetric: lambda request: Reply(value=Trial(((request.name, "64"),))),
        ChangeDevice: lambda _: applied,
    }


def prepared(scene: Scene, config: Config) -> tuple[VConsole, RunBefore]:
    app, host = make_console(scenes.kvm07(), config, answers=_answers(scene))

    return app, pressing(app, host, "5", *scene.keys)


@pytest.fixture(autouse=True)
def _same_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vconsole.screens.metrics.config.time", lambda: NOW)
    settings = Path("/home/alice/.config/vconsole/config.toml")
    monkeypatch.setattr("vconsole.screens.metrics.metrics.config_path", lambda: settings)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config())
    assert snap_compare(app, terminal_size=size, run_before=act)


@pytest.mark.parametrize("name", ["metrics", "metrics-dead", "attach", "config-failing"])
def test_no_color(name: str, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, act = prepared(SCREENS[name], Config(theme="ansi-dark"))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)


@pytest.mark.parametrize("name", ["metrics"])
def test_ascii(name: str, snap_compare: Compare) -> None:
    app, act = prepared(SCREENS[name], Config(ascii=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
