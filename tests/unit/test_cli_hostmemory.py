"""``vconsole show memory`` on libvirt's test driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_cli_commands import answer, vconsole

pytest.importorskip("libvirt")

HOST = """<node><cpu><nodes>1</nodes><sockets>1</sockets><cores>1</cores><threads>1</threads>
</cpu><memory>1048576</memory>
<domain type='test'><name>e\x9bvil</name><memory>786432</memory><currentMemory>65536</currentMemory>
<vcpu>1</vcpu><os><type>hvm</type></os></domain>
<domain type='test'><name>web</name><memory>524288</memory><vcpu>1</vcpu>
<os><type>hvm</type></os></domain></node>"""


@pytest.fixture
def host(tmp_path: Path) -> str:
    """1 GiB of RAM, 1.25 GiB of guests that run."""
    file = tmp_path / "node.xml"
    file.write_text(HOST, "utf-8")
    return f"test://{file}"


def test_the_verdict_comes_first_then_amounts_guests_and_cells(host: str) -> None:
    done = vconsole("show", "memory", uri=host)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(line.isprintable() for line in lines)
    assert lines[0] == (
        "warn    overcommit: 256 MiB too much for RAM; how much swap takes is not known"
    )
    assert lines[1].strip() == (
        "Guests may use 1.2 GiB, RAM has room for 1.0 GiB. What they have now fits."
    )
    assert lines[2].strip().startswith("cure: lower the maximum of guests by 256 MiB")
    rows = [line.split() for line in lines]
    assert ["maximum", "of", "guests", "1.2", "GiB", "125", "-"] in rows
    assert ["e\\x9bvil", "64.0", "MiB", "768", "MiB", "-", "-", "-", "-"] in rows
    assert ["cell", "total", "free", "bound", "shared"] in rows


def test_json_has_findings_and_figures(host: str) -> None:
    report = answer("show", "memory", uri=host)
    assert [(f["level"], f["topic"]) for f in report["findings"]] == [
        ("warn", "overcommit"),
        ("unknown", "not known"),
    ]
    figures = report["figures"]
    assert figures["missing_bytes"] == 256 << 20
    assert figures["maximum"]["of_ram_percent"] == 125.0
    assert {guest["name"] for guest in figures["guests"]} == {"e\x9bvil", "web"}
    assert figures["now"]["swap_total_bytes"] is None
