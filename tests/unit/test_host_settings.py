"""Rows of scheduling given to a running domain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vconsole.features.pins.host.settings import set_settings
from vconsole.host import cgroups
from vconsole.host.link import Link
from vconsole.model.host_state import Connection
from vconsole.model.outcome import PinChange, PinStep
from vconsole.model.setting import Setting
from vconsole.model.virsh import change_commands

REAL = cgroups.shares_without
NONE = PinStep("shares", None, live_before=Setting("shares", "500"), live_after=Setting("shares"))


class _Link(Link):
    """Keeps what is set."""

    def __init__(self, *, local: bool) -> None:
        self.connection = Connection(local=local)
        self.given: list[dict[str, int]] = []

    def setSchedulerParametersFlags(self, given: dict[str, int], _: int) -> None:  # noqa: N802
        self.given.append(given)

    def call(self, function: Any, *arguments: Any) -> Any:
        return function(*arguments)


def tree(root: Path, kind: str) -> Path:
    """Control groups of a kind, as they are mounted."""
    if kind in ("v2", "unified"):
        place = root / "unified" if kind == "unified" else root
        place.mkdir(exist_ok=True)
        (place / "cgroup.controllers").write_text("cpuset cpu io memory\n")
    if kind == "hybrid":
        (root / "unified").mkdir()
        (root / "unified/cgroup.controllers").write_text("\n")
    if kind in ("v1", "hybrid"):
        (root / "cpu").mkdir()
    return root


@pytest.mark.parametrize(
    ("kind", "shares"), [("v2", 100), ("unified", 100), ("v1", 1024), ("hybrid", 1024)]
)
def test_shares_taken_away_are_those_of_the_control_groups_that_the_host_has(
    kind: str, shares: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 in cgroup v1 is a tenth of everybody else's weight."""
    root = tree(tmp_path, kind)
    monkeypatch.setattr(cgroups, "shares_without", lambda: REAL(root))
    link = _Link(local=True)
    ((outcome,), lost) = set_settings(link, link, [NONE])
    assert (outcome.status, lost, link.given) == ("applied", None, [{"cpu_shares": shares}])


@pytest.mark.parametrize("local", [True, False])
def test_where_the_control_groups_are_not_to_be_seen_nothing_is_set_and_the_cure_said(
    local: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "shares_without", lambda: REAL(tmp_path) if local else 1024)
    link = _Link(local=local)
    ((outcome,), lost) = set_settings(link, link, [NONE])
    assert (outcome.status, lost, link.given) == ("failed", None, [])
    assert "set shares 100 where the host has cgroup v2, 1024 where it has v1" in outcome.message


def test_the_line_of_virsh_says_what_is_otherwise_in_cgroup_v1() -> None:
    (line,) = change_commands(PinChange("u", "web", (NONE,)))
    assert line.endswith("cpu_shares=100 --live  # 1024 where it has cgroup v1")
