"""virsh lines: whatever a domain is called, the shell sees one harmless word."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fleet import HOSTILE_NAMES
from tests.unit.model_hosts import c, uuid_of, vcpu
from vconsole.features.pins.model.plan import PinPlan
from vconsole.model.host_state import Pin
from vconsole.model.virsh import domain_argument

NAMES = (*HOSTILE_NAMES, "-rf", "7", "+7", "0x7", "１２", "a'b", 'a"b', "*", "~", "", "#x", "!!")
UUID = uuid_of("web")


def plan_for(name: str) -> PinPlan:
    base = (Pin("vcpu", 0, c("0-15"), c("0-15")), Pin("emulator", None, c("1"), c("2")))
    plan = PinPlan(UUID, name, base)
    return plan.stage(vcpu(0), c("8")).stage(("emulator", None), c("9"))


@pytest.mark.parametrize("name", ["web", "web-01.example", "shop front", "a;b", "$(id)", "büro"])
def test_a_name_that_cannot_be_mistaken_is_used(name: str) -> None:
    assert domain_argument(name, UUID) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "7",
        "+7",
        "0x7",
        "-x",
        "--help",
        uuid_of("other"),
        "a\nb",
        "a\x1bb",
        "a\u202eb",
        "n" * 4096,
    ],
)
def test_a_name_that_virsh_or_the_reader_would_mistake_is_not(name: str) -> None:
    assert domain_argument(name, UUID) == UUID


@pytest.mark.skipif(not shutil.which("sh"), reason="needs a POSIX shell")
@pytest.mark.parametrize("name", NAMES)
def test_the_script_calls_virsh_with_exactly_these_words(name: str, tmp_path: Path) -> None:
    """Run the script with a virsh that writes down its arguments."""
    fake = tmp_path / "virsh"
    fake.write_text('#!/bin/sh\nprintf "%s\\0" "$@" >> "$LOG"; printf "\\n\\0" >> "$LOG"\n')
    fake.chmod(0o755)
    (tmp_path / "log").touch()
    uri = "qemu+ssh://host/system?socket=/x;touch pwned"
    script = plan_for(name).script(uri, notes=[name, f"\n{name}"])
    subprocess.run(
        ["sh"],
        input=script.encode("utf-8", "surrogateescape"),
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")},
        cwd=tmp_path,
        check=True,
    )
    calls = (tmp_path / "log").read_bytes().decode("utf-8", "surrogateescape").split("\n\0")
    shown = domain_argument(name, UUID)
    start = ["-c", uri]
    assert [call.split("\0")[:-1] for call in calls[:-1]] == [
        [
            *start,
            "vcpupin",
            "--domain",
            shown,
            "--vcpu",
            "0",
            "--cpulist",
            "8",
            "--live",
            "--config",
        ],
        [*start, "emulatorpin", "--domain", shown, "--cpulist", "9", "--live", "--config"],
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log", "virsh"]


@given(st.text(), st.text())
def test_lines_are_printable_whatever_the_name_and_the_uri(name: str, uri: str) -> None:
    plan = plan_for(name)
    for line in (*plan.commands(uri), *plan.script(uri, [uri]).splitlines()):
        assert line.isprintable()
