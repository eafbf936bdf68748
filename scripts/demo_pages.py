"""A picture of each page, from the demo on a clock and a calendar of its own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest.mock import patch

from scripts.moving import Clock, demo_at, settled

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
    "agent": ("Guest agent", "enter A"),
    "snapshots": ("Snapshots", "up enter t"),
    "policy": ("Clock, power and devices", "enter o"),
    "actions": ("Actions", "enter a"),
    "divergence": ("What runs otherwise than it is defined", "down down D"),
    "hostmemory": ("Memory of the host", "2 m"),
    "networks": ("Networks and bridges of the host", "2 n"),
    "pools": ("Storage pools", "6"),
    "volumes": ("Volumes of a pool", "6 down down enter"),
    "image": ("A disk image", "6 down down enter enter"),
    "why": ("Why is it slow?", "W"),
    "locality": ("Where memory lies", "M"),
    "settings": ("Memory and scheduling", "p m"),
    "fit": ("Fit: one plan for several domains", "F"),
    "profiles": ("Profiles", "P"),
    "history": ("Pin history", "H"),
    "who": ("Who may run on a pCPU", "2 enter"),
    "check": ("Virtualization check", "2 v"),
    "hostinfo": ("Hostinfo: what guests may learn of their host", "4"),
    "metrics": ("Metrics as guests read them", "5"),
    "attach": ("Who has the metrics disk or channel", "5 A"),
    "vhostmd": ("vhostmd's configuration", "5 c"),
    "service": ("Service of a daemon", "4 S"),
    "activity": ("Activity", "7"),
    "jobs": ("Jobs", "8"),
    "help": ("Keys of a page", "question_mark"),
}
"""Name of the picture -> what it shows, keys pressed on the list of domains."""
_CALENDARS: Final = (
    *(f"vconsole.host.demo.{name}" for name in ("agent", "domain", "network", "snapshots")),
    "vconsole.screens.snapshots.snapshots",
    "vconsole.features.storage.words",
)
"""Who wants to know the date."""
_LATER: Final = (
    "vconsole.features.agent.host.report",
    "vconsole.features.network.host.network",
    "vconsole.features.storage.host.disks",
    "vconsole.features.hostmemory.host",
)
"""Who measures rates and delays."""


async def page_pictures() -> AsyncIterator[tuple[str, str]]:
    """(file name, SVG) of each."""
    for name, (_, keys) in PAGES.items():
        yield f"pictures/{name}.svg", await _picture(keys.split())


def index() -> str:
    """The page that shows them all."""
    lines = ["# Pictures", "", "Made from the demo by `make docs`."]
    shown = {"domains": "Domains", "host": "Host", "pin": "Pins", "plan": "The plan"}
    for name, title in (*shown.items(), *((n, t) for n, (t, _) in PAGES.items())):
        lines += ["", f"## {title}", "", f"![{title}]({name}.svg)"]
    return "\n".join(lines) + "\n"


async def _picture(keys: list[str]) -> str:
    from tests.feed import make_console
    from vconsole.changes.host_requests import HostRequests
    from vconsole.console.start import of_demo
    from vconsole.files.config import Config
    from vconsole.files.demo import demo_files
    from vconsole.host.open import connect, connect_link
    from vconsole.host.source import View

    clock = Clock()
    with demo_at(clock, *_LATER), _calendar(), demo_files() as files:
        source = connect(None, demo=True)
        host = HostRequests(lambda: connect_link(None, demo=True), demo=True)
        for _ in range(30):
            source.read(View())
            clock.now += 1
        config, state = of_demo(Config(), files), files["hostinfo_conf"].parent
        app, feed = make_console(source.read(View()), config, answers=host.handlers(), state=state)
        async with app.run_test(size=SIZE) as pilot:
            for key in keys:
                await pilot.press(key)
                await settled(pilot)
                for _ in range(3):
                    clock.now += 1
                    view = feed.views[-1]
                    feed.show(source.read(View(view.page, view.uuid)))
                await settled(pilot)
            if app.page is not None:
                app.page.look()
            await settled(pilot)
            svg = app.export_screenshot()
    return re.sub(r"terminal-\d+", "terminal-vconsole", svg)


@contextmanager
def _calendar() -> Iterator[None]:
    with ExitStack() as stack:
        for name in _CALENDARS:
            stack.enter_context(patch(f"{name}.time", lambda: float(NOW_S)))
        report = "vconsole.features.agent.host.report.time_ns"
        stack.enter_context(patch(report, lambda: NOW_S * 10**9))
        yield
