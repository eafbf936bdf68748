"""What begins before there is a screen: the host is read, Textual is imported without ballast."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import monotonic, sleep

import pytest

from tests import scenes
from tests.fake_source import FakeSource
from tests.unit.test_layering import loaded_by
from tests.unit.test_unused import SOURCE_CODE
from vconsole.console.early import EarlyFeed, collect_again
from vconsole.host.source import HostError
from vconsole.model.host_state import HostState


def until(what: Callable[[], object], seconds: float = 30.0) -> None:
    end = monotonic() + seconds
    while not what():
        assert monotonic() < end, "it did not come about in time"
        sleep(0.002)


def test_the_first_reading_waits_for_the_screen_and_the_second_for_the_first_frame() -> None:
    source, shown = FakeSource(scenes.kvm07()), list[HostState]()
    early = EarlyFeed(lambda wake, first: source, "qemu:///system")
    feed = early.feed(shown.append, 0.01)
    until(lambda: early._kept is not None and early._kept.domains)
    sleep(0.05)
    assert (len(source.views), shown) == (1, [])
    feed.start()
    assert [len(state.domains) for state in shown] == [len(scenes.kvm07().domains)]
    sleep(0.05)
    assert len(source.views) == 1
    feed.go_on()
    until(lambda: len(shown) > 3)
    feed.stop()


def test_what_is_read_after_the_start_is_handed_on_at_once() -> None:
    source, shown = FakeSource(scenes.kvm07()), list[HostState]()
    feed = EarlyFeed(lambda wake, first: source, "").feed(shown.append, 1.0)
    feed.start()
    until(lambda: any(state.domains for state in shown))
    feed.stop()


def test_after_a_lost_connection_no_page_is_emptied_by_a_list_alone() -> None:
    source, first = FakeSource(scenes.kvm07()), list[bool]()

    def connect(_wake: Callable[[], None], list_first: bool) -> FakeSource:
        first.append(list_first)
        return source

    feed = EarlyFeed(connect, "").feed(lambda state: None, 0.01)
    feed.start()
    feed.go_on()
    until(lambda: source.views)
    source.error = HostError("connection lost", "the daemon ended")
    until(lambda: len(first) > 1)
    feed.stop()
    assert first[:2] == [True, False]


EARLY = (
    "import vconsole.__main__\nfrom vconsole.console.start import import_textual\nimport_textual()"
)
"""As far as the console comes until it makes its app."""


def test_textual_comes_without_tls_and_its_palette_and_whoever_asks_gets_them() -> None:
    heavy = {"ssl", "_ssl", "textual.command", "textual.widgets._input", "rich.table", "difflib"}
    heavy |= {"platformdirs", "tempfile", "shutil", "mimetypes"}
    heavy |= {"_decimal", "pickle", "uuid", "platform", "ipaddress"} | SOURCE_CODE
    assert not loaded_by(EARLY) & heavy
    asked = (
        "import ssl, platform, rich.table\nfrom textual.command import Hit, Provider\n"
        "assert ssl.SSLContext and isinstance(Provider, type)\n"
        "import textual.app\nassert textual.app.CommandPalette.is_open.__name__ == 'is_open'\n"
        "assert textual.color.get_suggestion('rad', ['red']) == 'red'\n"
        "assert textual.app.mimetypes.guess_type('a.svg')[0] == 'image/svg+xml'\n"
        "assert textual.app.user_downloads_path().name\n"
        "assert textual.actions.parse('move(-1)') == ('', 'move', (-1,))\n"
        "import rich.style, fractions, decimal, urllib.parse\n"
        "assert rich.style.Style(meta={'a': 1}).meta == {'a': 1}\n"
        "assert fractions.Fraction(decimal.Decimal('0.5')) == fractions.Fraction(1, 2)\n"
        "assert textual.notifications.Notification('there').identity\n"
        "assert urllib.parse.urlsplit('http://[::1]/').hostname == '::1'"
    )
    assert loaded_by(f"{EARLY}\n{asked}") >= heavy


def test_what_textual_takes_from_typing_extensions_is_in_typing() -> None:
    stand_in = "type(sys.modules['typing_extensions']).__name__ == '_TypingExtensions'"
    used = (
        f"import sys\nassert {stand_in}\nimport typing, typing_extensions\n"
        "assert typing_extensions.Self is typing.Self\n"
        f"import vconsole.console.app, vconsole.screens.domains.domains\nassert {stand_in}\n"
        "assert typing_extensions.Doc('x').documentation == 'x'\n"  # typing has none
        "assert sys.modules['typing_extensions'].__file__"
    )
    assert "typing_extensions" in loaded_by(f"{EARLY}\n{used}")


@pytest.mark.parametrize("off", [True, False])
def test_the_search_for_garbage_goes_on_once_the_console_stands(off: bool) -> None:
    frozen = gc.get_freeze_count()
    try:
        if off:
            gc.disable()
        collect_again()
        assert gc.isenabled()
        assert (gc.get_freeze_count() > frozen) is off
    finally:
        gc.enable()
