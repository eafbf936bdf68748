"""The configuration of vhostmd: listed, tested, edited, saved with care, taken at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.pilot.manual import Console
from tests.pilot.metrics_host import (
    NOT_RUNNING,
    NOW,
    ONE,
    TWO,
    Host,
    configured,
    look_again,
    metrics_page,
    new_host,
    status,
    type_in,
)
from tests.unit.vhostmd_conf import metric
from vconsole.features.metrics.model.status import MetricStatus, Trial
from vconsole.features.metrics.requests import TryMetric
from vconsole.files.draft import SaveFile
from vconsole.model.request import Reply
from vconsole.screens.files.difference import FileDiffScreen


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return new_host(tmp_path, monkeypatch)


@pytest.fixture
def two(host: Host) -> Host:
    configured(host, ONE, TWO)
    told = (
        MetricStatus("One", "host", "uint32", None, "1", NOW - 4, 0.0123, runs=7),
        MetricStatus("Two", "vm", "string", failures=3, failing=1, problem="ended with status 1"),
    )
    host.daemon = status(host, metrics=told)
    return host


@asynccontextmanager
async def config_page(host: Host, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Console]:
    """Open the page."""
    async with metrics_page(host, size) as console:
        await console.press("c")
        yield console


async def test_each_metric_is_listed_with_what_the_daemon_makes_of_it(two: Host) -> None:
    async with config_page(two) as console:
        assert "in force 3 s" in console.title
        row = ["on", "One", "host", "uint32", "echo", "1", "1", "4", "s", "12", "ms", "0"]
        assert console.row("on  One").split() == row
        await console.press("j")
        console.sees("Two: string of each domain, line ", "cut -d. -f1", "/proc/uptime")
        assert console.status == "! Two: ended with status 1"


async def test_a_metric_is_switched_off_and_on(two: Host) -> None:
    before = two.conf.read_bytes()
    async with config_page(two) as console:
        await console.press(" ")
        console.sees("* off One")
        assert two.conf.read_bytes() == before, "not before it is saved"
        await console.press("ctrl+s")
        console.sees('+    <?vconsole-disabled <metric type="uint32" context="host">')
        await console.press("enter")
        assert console.status.startswith("saved")
        assert b"vconsole-disabled" in two.conf.read_bytes()
        await console.press(" ", "ctrl+s", "enter")
        assert two.conf.read_bytes() == before


async def test_what_is_being_saved_is_not_saved_twice(two: Host) -> None:
    async with config_page(two) as console:
        await console.press(" ", "ctrl+s")
        page = console.app.page
        assert isinstance(page, FileDiffScreen)
        page.do_save()
        page.do_save()
        await console.settle()
        assert console.status.startswith("saved")
        assert len(console.asked(SaveFile)) == 1


async def test_whoever_went_on_while_it_was_saved_is_left_there(two: Host) -> None:
    async with config_page(two) as console:
        await console.press(" ", "ctrl+s")
        page = console.app.page
        assert isinstance(page, FileDiffScreen)
        await console.press("H")
        page.do_save()
        await console.settle()
        assert console.page == "history"


async def test_a_metric_is_deleted_and_had_back(two: Host) -> None:
    before = two.conf.read_bytes()
    async with config_page(two) as console:
        await console.press("d", "ctrl+s", "enter")
        assert b"<name>One</name>" not in two.conf.read_bytes()
        await console.press("z", "ctrl+s", "enter")
        assert two.conf.read_bytes() == before
        await console.press("d", "d", "Z")
        console.sees("on  One", "on  Two")
        console.sees_no("edited, not saved")


async def test_a_built_in_metric_is_added_with_its_type(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("o")
        await type_in(console, "host TotalPhyMem")
        console.sees("* on  TotalPhyMem")
        assert "uint64 in MiB" in console.text
        await console.press("ctrl+s", "enter")
        assert b"<action>builtin:TotalPhyMem</action>" in two.conf.read_bytes()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("TotalPhyMem", "write host NAME or vm NAME, and perhaps a command"),
        ("host Mine", "needs a command: built in are HostName, "),
        ("host", "write host NAME"),
    ],
)
async def test_what_cannot_be_added_says_why(two: Host, typed: str, words: str) -> None:
    async with config_page(two) as console:
        await console.press("o")
        await type_in(console, typed)
        assert words in console.status
        await console.press("escape")
        console.sees_no("edited, not saved")


async def test_a_command_is_added_and_tested_before_it_is_saved(two: Host) -> None:
    two.trial = Reply(value=Trial((("Mine", "5"),)))
    async with config_page(two) as console:
        await console.press("o")
        await type_in(console, "host Mine echo 5 <&1")
        await console.press("t")
        (asked,) = two.tried
        assert (asked.name, asked.context) == ("Mine", "host")
        assert asked.config is not None
        assert b"<action>echo 5 &lt;&amp;1</action>" in asked.config
        assert console.status == "Mine: 5"
        console.sees("tested: Mine: 5")


async def test_a_saved_metric_is_tested_by_the_daemon_that_has_it(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("t")
        assert two.tried == [TryMetric("One", "host")]
        assert console.status == "x One was not tested: the daemon does not run"
        two.daemon = NOT_RUNNING
        await look_again(console)
        await console.press("t")
        assert two.tried[-1].config == two.conf.read_bytes()


async def test_a_metric_is_edited_in_the_text(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("j", "e")
        assert console.status.startswith("line 19 ")
        await console.press("down", "end", *["left"] * len("</name>"))
        await console.type("!")
        await console.press("ctrl+s")
        console.sees("-      <name>Two</name>", "+      <name>Two!</name>")
        await console.press("enter")
        assert b"<name>Two!</name>" in two.conf.read_bytes()


async def test_text_that_is_wrong_cannot_be_saved(two: Host) -> None:
    before = two.conf.read_bytes()
    async with config_page(two) as console:
        await console.press("x")
        await console.type("<")
        assert console.status.startswith("x <vhostmd>: XML line 1")
        await console.press("ctrl+s")
        assert "cannot be saved" in console.status
        await console.press("enter")
        assert two.conf.read_bytes() == before
        await console.press("escape")
        console.sees_no("on  One")
        assert "x edits the text" in console.status
        await console.press("z")
        console.sees("on  One")


async def test_what_the_dtd_forbids_is_told_before_it_is_saved(two: Host) -> None:
    configured(two, ONE)
    async with config_page(two) as console:
        await console.press("x")
        console.sees_no("would refuse")
        await console.press("down", "down", "down", "end")
        await console.type("<transport>vbd</transport>")
        console.sees("vhostmd 1.2 would refuse this: line 4")
        await console.press("ctrl+s")
        console.sees("vhostmd after 1.2 would refuse this")


async def test_text_that_the_editor_would_change_is_left_to_another(two: Host) -> None:
    two.conf.write_bytes(two.conf.read_bytes().replace(b"echo 1", b"echo \xff"))
    async with config_page(two) as console:
        await console.press("x")
        assert "E opens $EDITOR" in console.status


async def test_a_file_that_is_not_there_starts_from_what_is_built_in(host: Host) -> None:
    host.conf.unlink()
    async with config_page(host) as console:
        assert "is not there: built-in metrics" in console.title
        console.sees("builtin:HostName")
        await console.press("d", "ctrl+s", "enter")
        assert b"builtin:HostName" not in host.conf.read_bytes()


async def test_an_invalid_file_is_explained_and_can_be_mended(host: Host) -> None:
    configured(host, metric("One", "echo 1", "uint33"))
    async with config_page(host) as console:
        assert "type 'uint33' is none of int32" in console.status
        await console.press(" ", "t", "d")
        assert console.is_open
        await console.press("x")
        console.sees("uint33")


async def test_somebody_else_is_not_overwritten(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("d")
        configured(two, TWO, ONE)
        theirs = two.conf.read_bytes()
        await console.press("ctrl+s", "enter")
        assert two.conf.read_bytes() == theirs
        await console.until("somebody else has changed the file")
        await console.press("enter")
        assert "m or t decides" in console.status
        await console.press("m")
        assert b"<name>One</name>" not in two.conf.read_bytes()


async def test_theirs_can_be_taken_and_mine_had_back(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("d")
        configured(two, metric("Theirs", "echo 3"))
        await console.press("ctrl+s", "enter")
        await console.until("somebody else")
        await console.press("t", "escape")
        console.sees("on  Theirs")
        await console.press("z")
        console.sees("on  Two")
        console.sees_no("Theirs")


async def test_a_configuration_that_is_not_in_force_says_why(two: Host) -> None:
    two.daemon = status(two, config_error="line 3: <size>: no")
    async with config_page(two, (160, 40)) as console:
        assert "an earlier one in force" in console.title
        assert console.status == "x not in force: line 3: <size>: no"


async def test_a_daemon_with_another_file_is_not_taken_for_ours(two: Host) -> None:
    two.daemon = status(two, config="/etc/other.conf")
    async with config_page(two) as console:
        assert "running, with /etc/other.conf" in console.title


async def test_what_is_not_saved_is_not_dropped_without_a_word(two: Host) -> None:
    async with config_page(two) as console:
        await console.press("d", "escape")
        assert console.page == "metricsconfig"
        assert "esc again drops it" in console.status
        await console.press("escape")
        assert console.page == "metrics"


STOCK = metric("Short", "hostname -s")


async def test_commands_that_are_built_in_as_well_are_replaced_by_one_key(two: Host) -> None:
    configured(two, STOCK, TWO)
    async with config_page(two) as console:
        console.sees("b saves 1 command in every update; built in as well: Short")
        console.sees("the daemon can collect that itself, as HostSystemInfo")
        await console.press("b")
        console.sees("edited, not saved")
        console.sees_no("built in as well")
        await console.press("ctrl+s", "enter")
        assert b'<?vconsole replace-stock-actions="yes"?>' in two.conf.read_bytes()
        await console.press("b", "ctrl+s", "enter")
        assert b'replace-stock-actions="no"' in two.conf.read_bytes()


async def test_they_are_told_and_replaced_from_the_page_of_metrics_too(two: Host) -> None:
    configured(two, STOCK, TWO)
    async with metrics_page(two, (160, 40)) as console:
        assert "b saves 1 command in every update; built in as well: Short" in console.status
        assert console.footer.startswith("b builtin")
        await console.press("b")
        console.sees('+<?vconsole replace-stock-actions="yes"?>')
        await console.press("enter")
        assert b'<?vconsole replace-stock-actions="yes"?>' in two.conf.read_bytes()


async def test_where_nothing_is_built_in_as_well_the_key_says_so(two: Host) -> None:
    async with metrics_page(two) as console:
        assert "builtin" not in console.footer
        await console.press("b")
        assert console.status == "! no command here is built in as well"
        assert console.page == "metricsconfig"
