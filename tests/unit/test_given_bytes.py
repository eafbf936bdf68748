"""A file that a command is given and that does not answer holds nothing up."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

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
