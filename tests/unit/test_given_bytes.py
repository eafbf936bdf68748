"""A file that a command is given and that does not answer holds nothing up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.silent import SilentServer
from vconsole.cli import given
from vconsole.cli.report import CliError
from vconsole.features.definition import cli as definition
from vconsole.features.metrics.daemon import service
from vconsole.features.pins import cli as pins
from vconsole.files import careful


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A mount whose server is gone: whoever reads waits."""
    never = Event()
    monkeypatch.setattr(given, "read_given", lambda _path: never.wait())
    monkeypatch.setattr(given, "FILES_S", 0.05)
    yield
    never.set()


@pytest.mark.usefixtures("dead")
def test_a_plan_on_a_dead_mount() -> None:
    options = cast(Any, SimpleNamespace(file=Path("/net/plan.json")))
    with pytest.raises(CliError, match=r"no answer from the file /net/plan\.json"):
        pins.run_apply(options, cast(Any, None))


@pytest.mark.usefixtures("dead")
def test_a_definition_on_a_dead_mount() -> None:
    options = cast(Any, SimpleNamespace(file="/net/domain.xml"))
    with pytest.raises(CliError, match=r"no answer from the file /net/domain\.xml"):
        definition._text(options, "", cast(Any, None))


def test_a_configuration_of_vhostmd_on_a_dead_mount(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    never = Event()
    monkeypatch.setattr(given, "FILES_S", 0.05)
    monkeypatch.setattr(careful, "read", lambda *_: never.wait())
    assert service.main(["--check", "-f", "/net/vhostmd.conf"]) == 1
    words = "vconsole vhostmd: no answer from the file /net/vhostmd.conf in 0 s\n"
    assert capsys.readouterr() == ("", words)
    never.set()


def test_what_is_there_is_read_and_what_is_not_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert given.given_bytes(tmp_path / "a") == b"x"
    with pytest.raises((CliError, OSError), match="none"):
        given.given_bytes(tmp_path / "none")


@pytest.mark.parametrize("words", ["start x", "edit x", "snapshot create x y", "show domains"])
def test_a_daemon_that_does_not_even_connect_holds_no_command_up(
    words: str, tmp_path: Path
) -> None:
    """A change may take a day; for the connection there is one limit."""
    with SilentServer(tmp_path / "s") as silent:
        command = [*words.split(), "-c", silent.uri]
        program = f"from vconsole.cli import main as m; m.CONNECT_S = 0.1; m.main({command})"
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "vconsole: no answer from libvirt or a file in 0 s\n"
    assert done.stdout == ""
