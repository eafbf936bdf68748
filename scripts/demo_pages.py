"""A picture of each page, from the demo on a clock and a calendar of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, tzinfo
from multiprocessing import get_context
from typing import Any, Final
from unittest.mock import patch

from scripts.moving import Clock, demo_at, settled
from vconsole.model.request import Reply
from vconsole.registry import SCOPES

SIZE: Final = (104, 30)
NOW_S: Final = 1_764_000_000
"""When it is on the demo, in seconds since 1970."""
PAGES: Final = {
    "domain": ("Domain: what it is, and what is wrong with it", "enter"),
    "threads": ("Domain: vCPUs and threads, live and config", "enter tab"),
    "memory": ("Domain: where its memory lies", "enter tab tab"),
    "resources": ("Memory and vCPUs of a domain", "enter m"),
    "disks": ("Disks of a domain", "enter s"),
    "network": ("Network interfaces of a domain", "enter n"),
    "networkchoice": ("Where an interface can be plugged in", "enter n m"),
    "changes": ("A change before it is made", "enter n x"),
    "agent": ("Guest agent", "enter A"),
    "snapshots": ("Snapshots", "up enter t"),
    "newsnapshot": ("A snapshot to be taken", "enter t plus"),
    "policy": ("Clock, power and devices", "enter o"),
    "actions": ("Actions", "enter a"),
    "acting": ("Actions under way", "space down space a p y enter"),
    "divergence": ("What runs otherwise than it is defined", "down down D"),
    "who": ("Who may run on a pCPU", "2 enter"),
    "check": ("What virtualization needs on the host", "2 v"),
    "capabilities": ("What the host can do", "2 x"),
    "hostmemory": ("Memory of the host", "2 m"),
    "networks": ("Networks and bridges of the host", "2 n"),
    "storage": ("Storage pools", "6"),
    "volumes": ("Volumes of a pool", "6 down down enter"),
    "image": ("A disk image", "6 down down enter end up enter"),
    "storageform": ("A pool to be made", "6 plus"),
    "why": ("Why is it slow?", "W"),
    "locality": ("Where memory lies", "M"),
    "settings": ("Memory and scheduling", "p m"),
    "many": ("Fit: one plan for several domains", "F"),
    "profiles": ("Profiles", "P s q u i e t enter"),
    "history": ("Pin history", "H"),
    "hostinfo": ("Hostinfo: what guests may learn of their host", "4"),
    "filetext": ("A file as text", "4 x"),
    "filediff": ("A file before it is saved", "4 down d ctrl+s"),
    "metrics": ("Metrics: what guests may read of their host", "5"),
    "metricsbytes": ("The metrics as they are read", "5 r"),
    "metricsconfig": ("vhostmd's configuration", "5 c"),
    "metricsattach": ("Who has the metrics disk or channel", "5 A"),
    "service": ("Service of a daemon", "4 S"),
    "activity": ("Activity", "7"),
    "jobs": ("Jobs", "8"),
    "help": ("Keys of a page", "question_mark"),
}
"""Name, for a page its scope -> what the picture shows, keys pressed on the list of domains."""
_CALENDARS: Final = (
    *(f"vconsole.host.demo.{name}" for name in ("agent", "domain", "network", "snapshots")),
    "vconsole.screens.snapshots.snapshots",
    "vconsole.features.storage.words",
    "vconsole.host.demo.units",
    "vconsole.features.hostinfo.demo",
    "vconsole.features.hostinfo.words.guests",
    "vconsole.features.metrics.demo",
    "vconsole.features.metrics.requests",
    "vconsole.screens.hostinfo.view",
)
"""Who wants to know the date."""
_DEMO_DIRECTORY: Final = "/tmp/vconsole-demo-"
_LATER: Final = (
    "vconsole.features.agent.host.report",
    "vconsole.features.network.host.network",
    "vconsole.features.storage.host.disks",
    "vconsole.features.hostmemory.host",
    "vconsole.features.why.host",
    "vconsole.screens.why",
    "vconsole.features.metrics.demo",
)
"""Who measures rates and delays."""


def page_pictures() -> Iterator[tuple[str, str]]:
    """(file name, SVG) of each; several at a time, since they mostly wait for a page to settle."""
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        for name, svg in zip(PAGES, pool.map(_drawn, PAGES), strict=True):
            yield f"pictures/{name}.svg", svg


def _drawn(name: str) -> str:
    return asyncio.run(_picture(name, PAGES[name][1].split()))


def index() -> str:
    """The page that shows them all."""
    lines = ["# Pictures", "", "Made from the demo by `make docs`."]
    shown = {"domains": "Domains", "host": "Host", "pin": "Pins", "plan": "The plan"}
    for name, title in (*shown.items(), *((n, t) for n, (t, _) in PAGES.items())):
        lines += ["", f"## {title}", "", f"![{title}]({name}.svg)"]
    return "\n".join(lines) + "\n"


async def _picture(name: str, keys: list[str]) -> str:
    from tests.feed import make_console
    from vconsole.changes.host_requests import HostRequests
    from vconsole.changes.log import ReadLog
    from vconsole.console.start import of_demo
    from vconsole.features.metrics.requests import ReadDisk
    from vconsole.files.config import Config
    from vconsole.files.demo import demo_files
    from vconsole.host.open import connect, connect_link
    from vconsole.host.source import View

    clock = Clock()
    with _calendar(clock), demo_files() as files, demo_at(clock, *_LATER):
        source = connect(None, demo=True)
        host = HostRequests(lambda: connect_link(None, demo=True), demo=True)
        for _ in range(30):
            source.read(View())
            clock.now += 1
        config, state = of_demo(Config(), files), files["hostinfo_conf"].parent
        answers = dict(host.handlers())
        del answers[ReadLog]  # the machine's journal
        answers[ReadDisk] = _aside(answers[ReadDisk])
        app, feed = make_console(source.read(View()), config, answers=answers, state=state)
        async with app.run_test(size=SIZE) as pilot:
            for key in keys:
                await pilot.press(key)
                await settled(pilot)
                for _ in range(3):
                    clock.now += 1
                    view = feed.views[-1]
                    feed.show(source.read(View(view.page, view.uuid)))
                await settled(pilot)
            for _ in range(2):  # some count between two looks
                clock.now += 5
                if app.page is not None:
                    app.page.look()
                await settled(pilot)
            assert name not in SCOPES or (app.page and name == app.page.SCOPE), name
            svg = app.export_screenshot()
    svg = re.sub(r"terminal-\d+", "terminal-vconsole", svg)
    return re.sub(rf"({_DEMO_DIRECTORY})\w{{8}}", r"\1xxxxxxxx", svg)


def _aside(handler: Callable[[Any], Reply]) -> Callable[[Any], Reply]:
    """Answers on a thread that has no event loop yet: the demo's daemon brings its own."""

    def answer(request: Any) -> Reply:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(handler, request).result()

    return answer


class _Then(datetime):
    """The calendar's day."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        """When it is on the demo."""
        return datetime.fromtimestamp(NOW_S, tz or UTC)


@contextmanager
def _calendar(clock: Clock) -> Iterator[None]:
    from vconsole.features.metrics.demo import _Daemon
    from vconsole.screens.page import Page

    every = Page.every

    def only_at_once(page: Page, _seconds: float, look: Callable[[], object]) -> None:
        every(page, 1e6, look)  # a machine that is slow would look once more

    began = clock.now

    def now_s() -> float:
        return NOW_S + clock.now - began

    with ExitStack() as stack:
        for name in _CALENDARS:
            stack.enter_context(patch(f"{name}.time", now_s))
        stack.enter_context(patch("time.time", now_s))
        stack.enter_context(patch("tempfile.tempdir", "/tmp"))
        stack.enter_context(patch("vconsole.features.metrics.requests._LOOK_EVERY_S", 0.0))
        stack.enter_context(patch.object(Page, "every", only_at_once))
        own = "vconsole.features.metrics.demo._daemon"
        stack.enter_context(patch(own, _Daemon()))
        up_since = "vconsole.features.hostinfo.demo._BEGAN_S"
        stack.enter_context(patch(up_since, NOW_S - 3600.0))
        stack.enter_context(patch("vconsole.changes.demo_past.datetime", _Then))
        report = "vconsole.features.agent.host.report.time_ns"
        stack.enter_context(patch(report, lambda: int(now_s() * 1e9)))
        yield
