"""The same terminal, clock and home for every test, whatever the developer's shell says."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

for _name in ("NO_COLOR", "COLORTERM", "TEXTUAL_THEME", "TEXTUAL_FILTERS", "TEXTUAL_COLOR_SYSTEM"):
    os.environ.pop(_name, None)
HOME = tempfile.mkdtemp(prefix="vconsole-tests-")
os.environ.update(
    TEXTUAL_ANIMATIONS="none",
    TZ="UTC",
    LC_ALL="C.UTF-8",
    XDG_CONFIG_HOME=f"{HOME}/config",
    XDG_STATE_HOME=f"{HOME}/state",
    XDG_CACHE_HOME=f"{HOME}/cache",
)
time.tzset()

# The snapshot plugin imports Textual, which reads the environment once, before this file is run.
from rich.console import RenderableType  # noqa: E402
from textual import constants  # noqa: E402
from textual._compositor import Compositor, LayoutUpdate  # noqa: E402
from textual.widgets import Input  # noqa: E402

from tests import scenes  # noqa: E402
from vconsole.host import stderr  # noqa: E402

hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1000)
hypothesis.settings.register_profile("any machine", deadline=None, max_examples=50)
hypothesis.settings.load_profile("any machine")
vars(constants).update(TEXTUAL_ANIMATIONS="none", FILTERS="")
Input.cursor_blink._default = False
_RENDER_UPDATE = Compositor.render_update


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder with a short name, whatever runs the tests: it is shown in titles and bound to."""
    with tempfile.TemporaryDirectory(prefix="vc-", ignore_cleanup_errors=True) as place:
        yield Path(place)


def pytest_collection_finish() -> None:
    """What was imported stays: the search for garbage, a quarter of a run, need not look at it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture
def painted() -> None:
    """Each paint of a test is worked out, as on a terminal: for those that look at painting."""


@pytest.fixture(autouse=True)
def records_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test hears of what another one left unsettled: commands tell of it."""
    monkeypatch.setenv("XDG_STATE_HOME", tempfile.mkdtemp(prefix="state-", dir=HOME))


@pytest.fixture(autouse=True)
def traces_where_a_test_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that ran in this process had them in its own log."""
    monkeypatch.setattr(stderr, "_traces", None)


@pytest.fixture(autouse=True)
def seen_at_the_end(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No terminal takes what a pilot paints: worked out is what a test looks at."""
    is_pilot = request.path.parent.name in ("pilot", "snapshots")
    if is_pilot and "painted" not in request.fixturenames:
        monkeypatch.setattr(Compositor, "render_update", unseen)


def unseen(
    compositor: Compositor, full: bool = False, screen_stack: Any = None, simplify: bool = False
) -> RenderableType | None:
    """Take for painted what waits for it; a whole screen is asked for by who takes a picture."""
    if full:
        return _RENDER_UPDATE(compositor, full, screen_stack, simplify)
    waits = bool(compositor._dirty_regions)
    compositor._dirty_regions.clear()
    return LayoutUpdate([], compositor.size.region) if waits else None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> float:
    """The header's clock stands still, seven seconds after what `scenes.stale` read last."""
    monkeypatch.setattr("vconsole.widgets.bars.monotonic", lambda: scenes.NOW)
    return scenes.NOW
